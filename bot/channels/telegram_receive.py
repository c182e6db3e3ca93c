"""Receiving from Telegram, in whichever process that is.

What is stored is what Telegram said, and it is stored before it is confirmed.

Source: https://core.telegram.org/bots/api#getting-updates
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import random
import time
from collections.abc import Mapping, Sequence
from typing import Any

import orjson

from bot.channels import telegram_read
from bot.channels.base import (
    Broken,
    ChannelError,
    Connection,
    Holds,
    Throttled,
    Unreadable,
    check_secret,
    envelopes,
    event_in,
)
from bot.channels.telegram_calls import Calls
from kit import crash

logger = logging.getLogger(__name__)

SECRET_HEADER = "X-Telegram-Bot-Api-Secret-Token"  # noqa: S105  the name of a header

POLL = 25
"""Seconds that one getUpdates waits at the server."""

UPDATES = ["message", "edited_message", "callback_query", "message_reaction", "my_chat_member"]
"""The kinds of update that we ask for."""

STEP_ASIDE, LONGEST_ASIDE = 10.0, 600.0
"""Seconds for which a poller leaves the field to another one that takes its updates: each time twice as long."""

TAKEN = "terminated by other getUpdates request"
"""Telegram's words for two that ask for one bot's updates."""

LONGEST_PAUSE = 30.0
"""Seconds between tries while Telegram cannot be reached or refuses us."""


def hook(connection: Connection) -> Mapping[str, Any]:
    """The webhook of an account, as setWebhook takes it. Raises Broken without a secret: anyone could forge updates."""
    secret: str = orjson.loads(connection.secret).get("webhook_secret", "")
    if len(secret) < 16:
        raise Broken("a Telegram webhook needs a secret of at least 16 characters")
    address = f"{connection.public_url}/hooks/telegram/{connection.account_id}"
    return {"url": address, "secret_token": secret, "allowed_updates": UPDATES}


class TelegramReceiver:
    """One bot's updates, by long polling, or by webhook when the account's settings say so."""

    channel = "telegram"

    def __init__(self, connection: Connection) -> None:
        self._link = connection
        secrets = orjson.loads(connection.secret)
        self.by_webhook = connection.settings.get("receive") == "webhook"
        self.webhook_secret: str = secrets.get("webhook_secret", "") if self.by_webhook else ""
        self._calls = Calls(secrets["token"], connection.settings.get("api") or "")

    async def receive(self, holds: Holds) -> None:
        try:
            if self.by_webhook:
                await self._keep_webhook(holds)
            else:
                await self._poll(holds)
        finally:
            await self._calls.close()

    async def called(self, headers: Mapping[str, str], body: bytes) -> str:
        """One update; Telegram repeats what we could not keep."""
        check_secret(headers.get(SECRET_HEADER, ""), self.webhook_secret)
        update = event_in(body)
        if not isinstance(update.get("update_id"), int):
            raise Unreadable("not an update")
        await self.take([update])
        return ""

    async def take(self, updates: Sequence[Mapping[str, Any]]) -> None:
        """Store updates durably, those of private chats; what returns may be confirmed."""
        found = envelopes(updates, telegram_read.chat_of, lambda update: str(update["update_id"]))
        crash.point("intake.before_store")
        await self._link.accept(self._link.account_id, found)
        crash.point("intake.after_store")

    async def _keep_webhook(self, holds: Holds) -> None:
        """Tell Telegram where we are."""
        try:
            ours = hook(self._link)
        except Broken as broken:
            await self._report("broken", str(broken))
            return
        pause = 0.0
        while await holds():
            try:
                await self._calls.call("setWebhook", ours)
                await self._report("ok", "")
                # Nothing more to do; whoever takes the account over sets it anew.
                await asyncio.Event().wait()
            except ChannelError as failure:
                pause = await self._failed("the webhook could not be set", failure, pause)

    async def _poll(self, holds: Holds) -> None:
        """Ask for updates for as long as we hold the account.

        The offset moves only past what is stored, so nothing can be lost in between; and it is sent only by the
        process that holds the account, so nobody's offset moves under him.
        """
        offset, pause, healthy = 0, 0.0, False
        aside, taken_at = STEP_ASIDE, 0.0
        while await holds():
            try:
                if not healthy:
                    await self._calls.call("deleteWebhook", {})
                query = {"offset": offset, "timeout": POLL, "limit": 100, "allowed_updates": UPDATES}
                updates = await self._calls.call("getUpdates", query, patience=POLL + 10)
                if updates:
                    await self.take(updates)
                    offset = updates[-1]["update_id"] + 1
                if not healthy:
                    await self._report("ok", "")
                healthy, pause = True, 0.0
                if time.monotonic() - taken_at > LONGEST_ASIDE:
                    aside = STEP_ASIDE
            except ChannelError as failure:
                healthy = False
                if TAKEN in str(failure):
                    # Two that ask at once only cut each other off: who notices it steps aside.
                    logger.warning("account %d: %s; stepping aside for %d s", self._link.account_id, failure, aside)
                    await self._report("conflict", str(failure))
                    await asyncio.sleep(aside * random.uniform(0.8, 1.2))  # noqa: S311
                    aside, taken_at = min(LONGEST_ASIDE, aside * 2), time.monotonic()
                    continue
                pause = await self._failed("polling failed", failure, pause)
            except Exception:
                healthy = False
                logger.exception("account %d: updates could not be stored", self._link.account_id)
                await asyncio.sleep(1)

    async def _failed(self, what: str, failure: ChannelError, pause: float) -> float:
        """Say so and wait. Gives the pause, for the next one to be longer."""
        logger.warning("account %d: %s: %s", self._link.account_id, what, failure)
        await self._report("broken", str(failure))
        pause = min(LONGEST_PAUSE, pause * 2 or 0.5)
        await asyncio.sleep(max(pause, failure.retry_after) if isinstance(failure, Throttled) else pause)
        return pause

    async def _report(self, health: str, words: str) -> None:
        with contextlib.suppress(Exception):
            await self._link.report(self._link.account_id, health, words)
