"""E-mail: one mailbox, as far as it speaks.

email_receive.py receives over email_imap.py. email_read.py reads letters, with email_heads.py, email_parts.py,
email_html.py, email_text.py and email_bounces.py; email_write.py writes them, email_calls.py has them sent.
email_names.py is how our letters are known again, email_servers.py how a mailbox is reached.

A letter that was sent cannot be changed or looked for; one that was handed over without an answer is proven by whatever
names it later: an answer, or what a server returns.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any

import orjson

from bot.channels import email_calls, email_parts, email_read, email_servers, email_write
from bot.channels.base import Connection, NotSent, Parcel, Rejected
from bot.channels.email_imap import Mailbox
from bot.channels.email_read import Own
from inbox.content import Incoming, Media

CHUNK = 1 << 16


class Email:
    """One mailbox, as far as it speaks."""

    def __init__(self, connection: Connection) -> None:
        self._link = connection
        secrets = orjson.loads(connection.secret)
        self._password: str = secrets["token"]
        self._servers = email_servers.parse(connection.settings["api"])
        self._own = Own(self._servers.address, secrets.get("webhook_secret", ""))

    def parse(self, raw: Mapping[str, Any]) -> Sequence[Incoming]:
        return email_read.read(raw, self._own)

    async def start(self) -> None:
        """Nothing: a connection is made for each letter."""

    async def stop(self) -> None:
        """Nothing is open."""

    async def send(self, parcel: Parcel) -> str:
        """Hand the letter over. Its name is made before, so that whatever names it later proves that it went out."""
        to = parcel.context.get("address") or parcel.chat
        if not re.fullmatch(r"[^\s@<>,;:\"()\[\]\\\x00-\x1f\x7f]{1,64}@[A-Za-z0-9.-]{1,255}", to):
            raise Rejected("the mail server cannot write to such an address")
        letter = await asyncio.to_thread(
            email_write.letter,
            parcel,
            to=to,
            sender=(str(self._link.settings.get("sender") or ""), self._servers.address),
            key=self._own.key,
            links=self._links,
        )
        await email_calls.hand_over(self._servers, self._password, to=to, letter=letter)
        return email_write.name_of(parcel).place

    async def edit(self, parcel: Parcel) -> str:
        """What was sent stays as it is."""
        return parcel.external_id

    async def acknowledge(self, ack: str, text: str, *, alert: bool) -> None:
        """Nobody waits at the other end of a letter."""

    async def typing(self, chat: str, said: str) -> None:
        """Nobody sees it."""

    async def seen(self, chat: str, said: str) -> None:
        """Nothing: a letter tells nobody that it was read."""

    async def fetch(self, media: Media) -> AsyncIterator[bytes]:
        """A part of a letter, out of the mailbox. Raises ChannelError."""
        content = await self._part(media.remote)
        for start in range(0, len(content), CHUNK):
            yield content[start : start + CHUNK]

    @property
    def _links(self) -> str:
        """Where presses go by the web; only where buyers can reach us."""
        base = self._link.public_url
        if not (base.startswith("https://") or self._link.settings.get("links")):
            return ""
        return f"{base}/letters/{self._link.account_id}"

    async def _part(self, remote: str) -> bytes:
        validity, uid, number, name = remote.split(" ", 3)
        box = Mailbox(self._servers)
        try:
            await box.open(self._password)
            # Where the mailbox was numbered anew, the letter is found by its name.
            found = [int(uid)] if box.validity == int(validity) else await box.naming(name) if name else []
            source = await box.letter(found[-1]) if found else b""
        finally:
            await box.close()
        if not source:
            raise Rejected("the mailbox does not have the letter any more")
        try:
            part = (await asyncio.to_thread(lambda: list(email_parts.leaves(email_read.parsed(source)))))[int(number)]
        except IndexError:
            raise NotSent("the mailbox gave another letter") from None
        return await asyncio.to_thread(email_parts.content_of, part)
