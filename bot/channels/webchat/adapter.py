"""The web chat as a channel.

Nothing goes over a wire: the stored message itself is what the visitor's page shows. So a message counts as sent when
it is stored, as delivered when the page says that it has it, and as read when it stood in an open chat.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any

from bot.channels.base import Connection, Parcel, Rejected
from bot.channels.webchat import events
from bot.channels.webchat.answers import ANSWERS, Answer
from inbox.content import Incoming, Media


class WebChat:
    """The chat of one site."""

    def __init__(self, connection: Connection) -> None:
        self._link = connection

    def parse(self, raw: Mapping[str, Any]) -> Sequence[Incoming]:
        return events.read(raw)

    async def start(self) -> None:
        """Visitors come to us, so the channel works as soon as the hub listens."""
        await self._link.report(self._link.account_id, "ok", "")

    async def stop(self) -> None:
        """Nothing is open."""

    async def send(self, parcel: Parcel) -> str:
        return str(parcel.message_id)

    async def edit(self, parcel: Parcel) -> str:
        return parcel.external_id

    async def acknowledge(self, ack: str, text: str, *, alert: bool) -> None:
        ANSWERS.give(ack, Answer(text, alert))

    async def typing(self, chat: str, said: str) -> None:
        """The visitor's page hears of it as our own pages do."""

    async def seen(self, chat: str, said: str) -> None:
        """Nothing: the page shows no such mark."""

    async def fetch(self, media: Media) -> AsyncIterator[bytes]:
        """Raises Rejected: a visitor's file is in our folder before the message that names it."""
        raise Rejected("the web chat keeps no files elsewhere")
        yield b""
