"""Receiving from MAX, in whichever process that is.

What is stored is what MAX said, and it is stored before it is confirmed. MAX remembers nothing of a poll that did not
name its place, so the place is kept with the account.

Source: https://dev.max.ru/docs-api/methods/GET/updates, https://dev.max.ru/docs-api/methods/POST/subscriptions
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Mapping, Sequence
from typing import Any

import orjson

from bot.channels import max_read
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
from bot.channels.max_calls import Calls
from kit import crash

logger = logging.getLogger(__name__)

SECRET_HEADER = "X-Max-Bot-Api-Secret"  # noqa: S105  the name of a header

SHORTEST_SECRET = 16
"""MAX takes five characters; five can be guessed."""

POLL = 25
"""Seconds that one poll waits at the server."""

UPDATES = [
    "message_created",
    "message_callback",
    "message_edited",
    "message_removed",
    "bot_started",
    "bot_stopped",
]
"""The kinds of update that we ask for."""

LONGEST_PAUSE = 30.0
"""Seconds between tries while MAX cannot be reached or refuses us."""


def address_of(connection: Connection) -> str:
    """Where MAX is to call us."""
    return f"{connection.public_url}/hooks/max/{connection.account_id}"


async def subscribe(calls: Calls, connection: Connection) -> None:
    """Have MAX call us. Raises Broken without a secret: anyone could forge updates."""
    secret: str = orjson.loads(connection.secret).get("webhook_secret", "")
    if len(secret) < SHORTEST_SECRET:
        raise Broken("a MAX webhook needs a secret of at least 16 characters")
    wanted = {"url": address_of(connection), "update_types": UPDATES, "secret": secret}
    await calls.call("POST", "/subscriptions", body=wanted)


class MaxReceiver:
    """One bot's updates, by webhook or by long polling, as the account's settings say."""

    channel = "max"

    def __init__(self, connection: Connection) -> None:
        self._link = connection
        secrets = orjson.loads(connection.secret)
        self.by_webhook = connection.settings.get("receive") == "webhook"
        self._secret: str = secrets.get("webhook_secret", "") if self.by_webhook else ""
        self._calls = Calls(secrets["token"], connection.settings.get("api") or "")

    async def called(self, headers: Mapping[str, str], body: bytes) -> str:
        """One update; MAX repeats what we could not keep, ten times in the course of hours."""
        check_secret(headers.get(SECRET_HEADER, ""), self._secret)
        update = event_in(body)
        if not isinstance(update.get("update_type"), str):
            raise Unreadable("not an update")
        await self.take([update])
        return ""

    async def receive(self, holds: Holds) -> None:
        try:
            if self.by_webhook:
                await self._keep_webhook(holds)
            else:
                await self._poll(holds)
        finally:
            await self._calls.close()

    async def take(self, updates: Sequence[Mapping[str, Any]]) -> None:
        """Store updates durably, those of dialogs; what returns may be confirmed."""
        found = envelopes(updates, max_read.chat_of, max_read.id_of)
        crash.point("intake.before_store")
        await self._link.accept(self._link.account_id, found)
        crash.point("intake.after_store")

    async def _keep_webhook(self, holds: Holds) -> None:
        """Tell MAX where we are. Whether it still knows is looked at every few minutes: see Max.check."""
        pause = 0.0
        while await holds():
            try:
                await subscribe(self._calls, self._link)
                await self._report("ok", "")
                await asyncio.Event().wait()
            except ChannelError as failure:
                pause = await self._failed("the webhook could not be set", failure, pause)

    async def _poll(self, holds: Holds) -> None:
        """Ask for updates for as long as we hold the account. The place moves only past what is stored."""
        place = await self._link.place.get(self._link.account_id)
        pause, healthy = 0.0, False
        while await holds():
            try:
                if not healthy:
                    await self._end_webhooks()
                # A poll without a place is not to wait: who dies before its answer has to begin anew, and begins later.
                patience = POLL if place else 0
                query: dict[str, str | int] = {"timeout": patience, "limit": 100, "types": ",".join(UPDATES)}
                if place:
                    query["marker"] = int(place)
                told = await self._calls.call("GET", "/updates", query, patience=POLL + 10)
                if updates := told.get("updates"):
                    await self.take(updates)
                if told.get("marker") is not None and str(told["marker"]) != place:
                    place = str(told["marker"])
                    await self._link.place.keep(self._link.account_id, place)
                if not healthy:
                    await self._report("ok", "")
                healthy, pause = True, 0.0
            except ChannelError as failure:
                healthy = False
                pause = await self._failed("polling failed", failure, pause)
            except Exception:
                healthy = False
                logger.exception("account %d: updates could not be stored", self._link.account_id)
                await asyncio.sleep(1)

    async def _end_webhooks(self) -> None:
        """While MAX calls an address it gives a poll nothing."""
        told = await self._calls.call("GET", "/subscriptions")
        for each in told.get("subscriptions") or ():
            await self._calls.call("DELETE", "/subscriptions", {"url": each["url"]})

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
