"""WhatsApp's files, up and down: a file gets an id before it is sent, and an id is asked for an address.

Source: https://developers.facebook.com/docs/whatsapp/cloud-api/reference/media
"""

from __future__ import annotations

import asyncio
import io
import time
from collections import OrderedDict
from collections.abc import AsyncIterator, Mapping

import aiohttp

from bot.channels import pictures
from bot.channels.base import Attachment, Broken, ChannelError, NotSent, Rejected, Unconfirmed
from bot.channels.whatsapp_calls import Calls
from inbox.content import MediaKind

REMEMBERED = 5000
"""How many uploaded files are sent again by WhatsApp's own id."""

KEPT = 25 * 24 * 3600.0
"""Seconds that an id is used again; WhatsApp keeps a file for 30 days."""

PATIENCE = 60.0

TYPES: Mapping[str, frozenset[str]] = {
    "image": frozenset({"image/jpeg", "image/png"}),
    "video": frozenset({"video/mp4", "video/3gpp"}),
    "audio": frozenset({"audio/aac", "audio/amr", "audio/mpeg", "audio/mp4", "audio/ogg"}),
    "sticker": frozenset({"image/webp"}),
}
"""What may be sent as what; anything else goes as a document."""

LARGEST = {"image": 5_000_000, "video": 16_000_000, "audio": 16_000_000, "sticker": 100_000}
"""Bytes; a larger picture is made smaller, anything else goes as a document."""

AS = {MediaKind.PHOTO: "image", MediaKind.VIDEO: "video", MediaKind.VOICE: "audio", MediaKind.AUDIO: "audio"}


class Files:
    """One number's uploads and downloads."""

    def __init__(self, calls: Calls, number: str) -> None:
        self._calls = calls
        self._number = number
        self._uploaded: OrderedDict[tuple[str, str], tuple[str, float]] = OrderedDict()

    async def uploaded(self, attachment: Attachment, *, captioned: bool) -> tuple[str, str]:
        """(what it is sent as, its id), uploaded if it never was. Raises ChannelError, never Unconfirmed: a file that
        is not in a message was not sent."""
        kind = kind_of(attachment, captioned=captioned)
        key = (attachment.sha256, kind)
        known = self._uploaded.get(key)
        if known is not None and time.monotonic() - known[1] < KEPT:
            self._uploaded.move_to_end(key)
            return kind, known[0]
        if kind == "image":
            content, name, mime = await asyncio.to_thread(
                pictures.fitting, attachment, TYPES["image"], most=LARGEST["image"]
            )
        else:
            content, name = await asyncio.to_thread(attachment.path.read_bytes), attachment.name or "file"
            mime = attachment.mime or "application/octet-stream"
        form = aiohttp.FormData()
        form.add_field("messaging_product", "whatsapp")
        form.add_field("type", mime)
        form.add_field("file", io.BytesIO(content), filename=name, content_type=mime)
        try:
            told = await self._calls.post(f"{self._number}/media", form, patience=PATIENCE)
        except Unconfirmed as failure:
            raise NotSent(f"a file could not be brought to WhatsApp: {failure}") from failure
        self._uploaded[key] = str(told["id"]), time.monotonic()
        if len(self._uploaded) > REMEMBERED:
            self._uploaded.popitem(last=False)
        return kind, str(told["id"])

    def forget(self, media_id: str) -> None:
        """WhatsApp does not know it any more."""
        for key in [key for key, (known, _at) in self._uploaded.items() if known == media_id]:
            del self._uploaded[key]

    async def fetch(self, media_id: str) -> AsyncIterator[bytes]:
        """The bytes of a file that came in, in two steps. Raises ChannelError."""
        address = await self._address(media_id)
        try:
            async with self._calls.http.get(
                address, timeout=aiohttp.ClientTimeout(PATIENCE), allow_redirects=False
            ) as answer:
                if answer.status in (401, 404) or answer.status >= 500:
                    # An address lives for five minutes; the next try asks for another one.
                    raise NotSent(f"WhatsApp did not give the file (status {answer.status})")
                if answer.status != 200:
                    raise Rejected(f"WhatsApp does not have the file any more (status {answer.status})")
                async for chunk in answer.content.iter_chunked(1 << 16):
                    yield chunk
        except (aiohttp.ClientError, OSError, TimeoutError):
            raise NotSent("WhatsApp did not give the file") from None

    async def _address(self, media_id: str) -> str:
        if not media_id.isalnum():
            raise Rejected("no id of a file")
        try:
            told = await self._calls.get(media_id, {"phone_number_id": self._number})
        except (Broken, Rejected):
            raise
        except ChannelError as failure:
            raise NotSent(str(failure)) from failure
        address = str(told.get("url", ""))
        if not self._calls.is_metas(address):
            raise Rejected("a file at an address that is not Meta's")
        return address


def kind_of(attachment: Attachment, *, captioned: bool) -> str:
    """What a file is sent as: by its kind, where its type and size allow that and it can carry the words."""
    kind = AS.get(attachment.media.kind, "document")
    if attachment.media.kind is MediaKind.STICKER:
        kind = "sticker" if attachment.mime in TYPES["sticker"] else "image"
    if captioned and kind in ("audio", "sticker"):
        kind = "image" if kind == "sticker" else "document"
    if kind == "image":
        # It is drawn anew where it does not fit.
        return kind
    fits = kind in TYPES and attachment.mime.partition(";")[0] in TYPES[kind]
    return kind if fits and attachment.path.stat().st_size <= LARGEST[kind] else "document"
