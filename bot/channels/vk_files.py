"""VK's files, up and down: three steps for what is sent, an address for what came.

Source: https://dev.vk.com/api/upload/overview
"""

from __future__ import annotations

import asyncio
import io
from collections import OrderedDict
from collections.abc import AsyncIterator
from typing import Any

import aiohttp

from bot.channels import pictures
from bot.channels.base import Attachment, NotSent, Rejected, Unconfirmed, is_at
from bot.channels.vk_calls import Calls, parsed
from inbox.content import MediaKind

REMEMBERED = 5000
"""How many uploaded files are sent again by VK's own name."""

PATIENCE = aiohttp.ClientTimeout(60)

CARD = (1040, 640)
"""Pixels of a product's picture in a carousel, which wants 13 by 8 and at least 221 by 136.
Source: https://dev.vk.com/api/bots/development/templates"""

PICTURES = frozenset({"image/jpeg", "image/png", "image/gif"})
"""What VK takes as a photo. Source: https://dev.vk.com/api/upload/photo-in-message"""

HOSTS = ("userapi.com", "vk.com", "vk.ru", "vkuser.net", "vkuseraudio.net", "vkuseraudio.com", "vk-cdn.net", "mycdn.me")
"""Where VK keeps the files of messages. An event is VK's own, yet what it names is fetched from nowhere else."""


class Files:
    """One community's uploads and downloads."""

    def __init__(self, calls: Calls) -> None:
        self._calls = calls
        self._uploaded: OrderedDict[tuple[str, str], str] = OrderedDict()

    async def name(self, attachment: Attachment, peer_id: int) -> str:
        """The attachment as messages.send names it, uploaded if it never was. Raises ChannelError, never Unconfirmed:
        a file that is not in a message was not sent."""
        as_photo = attachment.media.kind in (MediaKind.PHOTO, MediaKind.STICKER)
        key = (attachment.sha256, "photo" if as_photo else attachment.media.kind.value)
        known = self._uploaded.get(key)
        if known is not None:
            self._uploaded.move_to_end(key)
            return known
        try:
            uploaded = await (self._photo if as_photo else self._doc)(attachment, peer_id)
        except Unconfirmed as failure:
            raise NotSent(f"a file could not be brought to VK: {failure}") from failure
        self._remember(key, uploaded)
        return uploaded

    async def card(self, picture: Attachment | None, peer_id: int) -> str:
        """The id of a product's picture as a carousel names it; of an empty one for a product without."""
        key = (picture.sha256 if picture is not None else "", "card")
        if key not in self._uploaded:
            drawn = await asyncio.to_thread(pictures.framed, picture, *CARD)
            try:
                saved = await self._save_photo(drawn, "card.jpeg", peer_id)
            except Unconfirmed as failure:
                raise NotSent(f"a picture could not be brought to VK: {failure}") from failure
            self._remember(key, f"{saved['owner_id']}_{saved['id']}")
        return self._uploaded[key]

    async def fetch(self, address: str) -> AsyncIterator[bytes]:
        """The bytes of a file that came in. Raises ChannelError."""
        if not self._is_vks(address):
            raise Rejected("a file at an address that is not VK's")
        try:
            async with self._calls.http.get(address, timeout=PATIENCE, allow_redirects=False) as answer:
                if answer.status >= 500:
                    raise NotSent(f"VK did not give the file (status {answer.status})")
                if answer.status != 200:
                    raise Rejected(f"VK does not have the file any more (status {answer.status})")
                async for chunk in answer.content.iter_chunked(1 << 16):
                    yield chunk
        except (aiohttp.ClientError, OSError, TimeoutError):
            raise NotSent("VK did not give the file") from None

    def _remember(self, key: tuple[str, str], name: str) -> None:
        self._uploaded[key] = name
        if len(self._uploaded) > REMEMBERED:
            self._uploaded.popitem(last=False)

    def _is_vks(self, address: str) -> bool:
        return address.startswith(f"{self._calls.api}/") or is_at(address, HOSTS)

    async def _photo(self, attachment: Attachment, peer_id: int) -> str:
        content, name, _mime = await asyncio.to_thread(pictures.fitting, attachment, PICTURES)
        return _named("photo", await self._save_photo(content, name, peer_id))

    async def _save_photo(self, content: bytes, name: str, peer_id: int) -> dict[str, Any]:
        server = await self._calls.call("photos.getMessagesUploadServer", {"peer_id": peer_id})
        told = await self._upload(server["upload_url"], "photo", content, name)
        if told.get("photo") in (None, "", "[]"):
            raise Rejected("VK refuses the picture")
        fields = {field: told.get(field) for field in ("photo", "server", "hash")}
        saved: dict[str, Any] = (await self._calls.call("photos.saveMessagesPhoto", fields))[0]
        return saved

    async def _doc(self, attachment: Attachment, peer_id: int) -> str:
        kind = "audio_message" if attachment.media.kind is MediaKind.VOICE else "doc"
        server = await self._calls.call("docs.getMessagesUploadServer", {"type": kind, "peer_id": peer_id})
        content = await asyncio.to_thread(attachment.path.read_bytes)
        told = await self._upload(server["upload_url"], "file", content, attachment.name or "file")
        if not told.get("file"):
            raise Rejected(f"VK refuses the file: {str(told.get('error', ''))[:80]}")
        saved = await self._calls.call("docs.save", {"file": told["file"], "title": attachment.name or None})
        return _named(saved["type"] if saved["type"] in saved else "doc", saved[saved["type"]])

    async def _upload(self, address: str, field: str, content: bytes, name: str) -> dict[str, Any]:
        form = aiohttp.FormData()
        # aiohttp sends bytes of more than a megabyte in one go, and warns of it.
        form.add_field(field, io.BytesIO(content), filename=name)
        try:
            async with self._calls.http.post(address, data=form, timeout=PATIENCE, allow_redirects=False) as answer:
                told = parsed(await answer.read())
        except (aiohttp.ClientError, OSError, TimeoutError):
            raise NotSent("VK did not take the file") from None
        if not isinstance(told, dict):
            raise NotSent(f"VK did not take the file (status {answer.status})")
        return told


def _named(kind: str, held: dict[str, Any]) -> str:
    key = f"_{held['access_key']}" if held.get("access_key") else ""
    return f"{'doc' if kind == 'audio_message' else kind}{held['owner_id']}_{held['id']}{key}"
