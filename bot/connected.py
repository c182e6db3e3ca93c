"""The shop's channel accounts as one process has them open. What is connected, changed or switched off in the console
is noticed within seconds, without a restart."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta

import sqlalchemy as sa
from sqlalchemy.orm import Session

from bot.channels import CHANNELS, RECEIVERS
from bot.channels.base import Broken, Channel, Connection, NotOpen, Receiver
from company import accounts
from company.tables import ChannelAccount
from kit.clock import utc_now
from storage.database import Database

logger = logging.getLogger(__name__)

SETTLED_AFTER = timedelta(seconds=5)
"""A process that does not send receives nothing for a younger account: first those that send shall have opened it."""

Link = Callable[[ChannelAccount], Connection]
"""Opens an account's secret and joins it with what an adapter needs."""

Mark = tuple[object, ...]
"""What an account was opened with. A secret is sealed anew at each start, so its sealed form says nothing."""


@dataclass(slots=True)
class _Open:
    mark: Mark
    channel: Channel | None = None
    receiver: Receiver | None = None


class Connected:
    """`sends` opens the sending halves, `receives` the receiving ones; a process may want only one of them."""

    def __init__(self, db: Database, link: Link, *, sends: bool, receives: bool) -> None:
        self._db = db
        self._link = link
        self._sends, self._receives = sends, receives
        self._open: dict[int, _Open] = {}
        self._closed: set[int] = set()
        """Switched off, or impossible to open."""
        self._seen: dict[int, Mark] = {}
        self._retired: list[Channel] = []

    def channel(self, account_id: int) -> Channel:
        """The account's sending half. Raises Broken if it is closed, NotOpen if it is too new."""
        found = self._open.get(account_id)
        if found is not None and found.channel is not None:
            return found.channel
        if account_id in self._closed:
            raise Broken("the channel is not connected")
        raise NotOpen("the channel is being opened")

    def receiver(self, account_id: int) -> Receiver | None:
        found = self._open.get(account_id)
        return found.receiver if found is not None else None

    @property
    def receivers(self) -> Mapping[int, Receiver]:
        return {id_: it.receiver for id_, it in self._open.items() if it.receiver is not None}

    async def refresh(self) -> None:
        """Bring what is open up to date with the accounts."""
        for account in await self._db.read(_all):
            seen = (account.active, account.secret, *_mark(account))
            if self._seen.get(account.id) != seen and self._is_settled(account):
                self._seen[account.id] = seen
                await self._bring(account)

    async def close(self) -> None:
        for account_id in list(self._open):
            self._close(account_id)
        for channel in self._retired:
            with contextlib.suppress(Exception):
                await channel.stop()
        self._retired.clear()

    def _is_settled(self, account: ChannelAccount) -> bool:
        return self._sends or utc_now() - account.created_at > SETTLED_AFTER

    async def _bring(self, account: ChannelAccount) -> None:
        if not account.active:
            self._close(account.id)
            return
        try:
            link = self._link(account)
            mark = (link.secret, *_mark(account))
            known = self._open.get(account.id)
            if known is not None and known.mark == mark:
                return
            opened = await asyncio.to_thread(self._opened, account, link, mark)
            if opened.channel is not None:
                await opened.channel.start()
        except Exception:
            # One account that cannot be opened must not keep the shop's other channels closed.
            logger.exception("account %d could not be opened", account.id)
            self._close(account.id)
            await self._db.write(accounts.report_health, account.id, "broken", "could not be opened")
            return
        self._close(account.id)
        self._closed.discard(account.id)
        self._open[account.id] = opened

    def _opened(self, account: ChannelAccount, link: Connection, mark: Mark) -> _Open:
        """In a thread: the first Telegram account may import a library for seconds."""
        opened = _Open(mark)
        if self._sends:
            opened.channel = CHANNELS[account.channel](link)
        if self._receives and account.channel in RECEIVERS:
            opened.receiver = RECEIVERS[account.channel](link)
        return opened

    def _close(self, account_id: int) -> None:
        self._closed.add(account_id)
        gone = self._open.pop(account_id, None)
        if gone is not None and gone.channel is not None:
            # A call may be under way, so it is closed with the rest.
            self._retired.append(gone.channel)


def _mark(account: ChannelAccount) -> Mark:
    return account.channel, account.external_id, repr(sorted(account.settings.items()))


def _all(session: Session) -> list[ChannelAccount]:
    return list(session.scalars(sa.select(ChannelAccount).order_by(ChannelAccount.id)))
