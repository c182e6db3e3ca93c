"""Receiving from WhatsApp, in whichever process that is. Meta calls; it cannot be asked, and tells nothing again later.

What is stored is what Meta said, message by message, and it is stored before it is confirmed. What could not be stored
comes again, for up to seven days.

Source: https://developers.facebook.com/docs/graph-api/webhooks/getting-started
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import hmac
import logging
from collections.abc import Mapping

from bot.channels import whatsapp_read, whatsapp_webhook
from bot.channels.base import (
    Broken,
    ChannelError,
    Connection,
    Holds,
    Stranger,
    Throttled,
    Unreadable,
    check_secret,
    event_in,
)
from bot.channels.whatsapp_calls import Calls, secret_parts
from kit import crash

logger = logging.getLogger(__name__)

SIGNATURE = "X-Hub-Signature-256"
SCHEME = "sha256="

LONGEST_PAUSE = 30.0
"""Seconds between tries while WhatsApp cannot be reached or refuses us."""


class Unproven(Stranger):
    """Who asks for the address does not know the verify token."""

    status = 403


class WhatsAppReceiver:
    """One number's events, by its webhook."""

    channel = "whatsapp"

    def __init__(self, connection: Connection) -> None:
        self._link = connection
        secrets = secret_parts(connection)
        self._app_secret = secrets.get("app_secret", "")
        self._proof = secrets.get("webhook_secret", "")

    async def asked(self, query: Mapping[str, str]) -> str:
        """Meta looks whether the address is ours."""
        try:
            check_secret(query.get("hub.verify_token", ""), self._proof)
        except Stranger as stranger:
            raise Unproven(str(stranger)) from None
        if query.get("hub.mode") != "subscribe":
            raise Unproven("not a look after a webhook")
        return query.get("hub.challenge", "")[:200]

    async def called(self, headers: Mapping[str, str], body: bytes) -> str:
        """Messages and statuses, many at once; signed with the secret of the app over the bytes as they came."""
        signed = headers.get(SIGNATURE, "")
        expected = f"{SCHEME}{hmac.new(self._app_secret.encode(), body, hashlib.sha256).hexdigest()}"
        check_secret(signed, expected if self._app_secret else "")
        event = event_in(body)
        if not isinstance(event.get("entry"), list):
            raise Unreadable("not an event")
        envelopes = list(whatsapp_read.apart(event, self._link.external_id))
        if envelopes:
            crash.point("intake.before_store")
            await self._link.accept(self._link.account_id, envelopes)
            crash.point("intake.after_store")
        return ""

    async def receive(self, holds: Holds) -> None:
        """Tell Meta where we are. Whether it still knows is looked at every few minutes: see WhatsApp.check."""
        calls, pause = Calls.of(self._link), 0.0
        try:
            while await holds():
                try:
                    await whatsapp_webhook.keep(calls, self._link)
                    await self._report("ok", "")
                    await asyncio.Event().wait()
                except ChannelError as failure:
                    pause = await self._failed(failure, pause)
        finally:
            await calls.close()

    async def _failed(self, failure: ChannelError, pause: float) -> float:
        """Say so and wait. Gives the pause, for the next one to be longer."""
        logger.warning("account %d: the webhook could not be set: %s", self._link.account_id, failure)
        await self._report("broken", str(failure))
        pause = LONGEST_PAUSE if isinstance(failure, Broken) else min(LONGEST_PAUSE, pause * 2 or 0.5)
        await asyncio.sleep(max(pause, failure.retry_after) if isinstance(failure, Throttled) else pause)
        return pause

    async def _report(self, health: str, words: str) -> None:
        with contextlib.suppress(Exception):
            await self._link.report(self._link.account_id, health, words)
