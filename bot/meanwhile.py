"""That somebody writes, shown to the buyer while an answer to him takes long: its files are brought to the service.

A flow is one transaction without a network, so what takes long is here alone. Nothing waits for it, what fails is
forgotten, and it has ended before the answer itself goes out: a messenger would show it for seconds afterwards.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections import OrderedDict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy.orm import Session

from bot.channels.base import Channel, ChannelError
from company.tables import ChannelAccount
from inbox import seen
from inbox.channels import CAPABILITIES
from inbox.tables import Author, Conversation, Kind, Message
from storage.hot import get

logger = logging.getLogger(__name__)

SLOW = 1.0
"""Seconds after which an answer takes long."""

LAST_CALL = 1.0
"""Seconds that a call may still take which is under way when the answer is ready."""

REMEMBERED = 10_000


@dataclass(frozen=True, slots=True)
class Sign:
    """What is needed to show it in one chat."""

    chat: str
    said: str
    """The buyer's newest message, where the channel wants to know it."""
    again: timedelta
    """How soon it may be shown again."""


def sign_for(session: Session, conversation: Conversation, message: Message) -> Sign | None:
    """How to show it; None where it is not shown. Where that marks the buyer's words as read, a person's answer alone
    does, and only for a shop that shows such marks."""
    account = get(session, ChannelAccount, conversation.account_id)
    card = CAPABILITIES[account.channel]
    if not card.typing or conversation.kind != Kind.BUYER or conversation.blocked:
        return None
    if not card.typing_reads:
        return Sign(conversation.chat, "", card.typing_again)
    if message.author != Author.STAFF or not seen.are_shown(account):
        return None
    return Sign(conversation.chat, seen.last_said(session, conversation), card.typing_again)


class Signs:
    """Shows it, for one process, and no more often than the channels allow."""

    def __init__(self) -> None:
        self._shown: OrderedDict[tuple[int, str], float] = OrderedDict()

    @asynccontextmanager
    async def during(self, channel: Channel, account_id: int, sign: Sign | None) -> AsyncIterator[None]:
        """Whatever is done here, if it takes long. Nothing is under way any more when it ends."""
        if sign is None:
            yield
            return
        done = asyncio.Event()
        showing = asyncio.create_task(self._keep_showing(channel, account_id, sign, done))
        try:
            yield
        finally:
            done.set()
            await _ended(showing)

    async def _keep_showing(self, channel: Channel, account_id: int, sign: Sign, done: asyncio.Event) -> None:
        pause = SLOW
        while not await _within(done, pause):
            pause = await self.show(channel, account_id, sign)

    async def show(self, channel: Channel, account_id: int, sign: Sign | None) -> float:
        """Show it now, unless it is shown. Returns in how many seconds it is to be shown again."""
        if sign is None:
            return 0.0
        again = sign.again.total_seconds()
        shown_for = time.monotonic() - self._shown.get((account_id, sign.chat), -again)
        if shown_for < again:
            return again - shown_for
        self.told(account_id, sign.chat)
        try:
            await channel.typing(sign.chat, sign.said)
        except ChannelError as failure:
            logger.info("it was not shown that an answer is on its way: %s", failure)
        return again

    def told(self, account_id: int, chat: str) -> None:
        """It is shown there from now on."""
        self._shown[account_id, chat] = time.monotonic()
        self._shown.move_to_end((account_id, chat))
        if len(self._shown) > REMEMBERED:
            self._shown.popitem(last=False)

    def ended(self, account_id: int, chat: str) -> None:
        """An answer came, which ends it: the next one may show it at once."""
        self._shown.pop((account_id, chat), None)


async def _within(done: asyncio.Event, seconds: float) -> bool:
    try:
        async with asyncio.timeout(seconds):
            await done.wait()
    except TimeoutError:
        return False
    return True


async def _ended(showing: asyncio.Task[None]) -> None:
    """Wait for a call that is under way, for a moment."""
    try:
        async with asyncio.timeout(LAST_CALL):
            await asyncio.shield(showing)
    except TimeoutError:
        showing.cancel()
        await asyncio.gather(showing, return_exceptions=True)
    except asyncio.CancelledError:
        showing.cancel()
        raise
    except Exception:
        logger.exception("it could not be shown that an answer is on its way")
