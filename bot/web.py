"""Web addresses of the runtime: messengers' webhooks and public files."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from aiohttp import web

from bot.channels import RECEIVERS
from bot.channels.base import ChannelError, Receiver, Stranger, Unreadable, Verifiable
from kit.errors import Missing
from storage.database import Database
from storage.files import THUMBNAILS, FileStore, NoSuchFile, by_token
from storage.tables import StoredFile

LARGEST_EVENT = 3_000_000
"""Bytes of one call of a messenger. Real events are a few thousand; WhatsApp brings them in batches of up to 3 MB."""

SHOWN = frozenset({"image/jpeg", "image/png", "image/webp", "image/gif"})
"""Types that a browser may show in place; anything else is downloaded."""


class Hooks:
    """Handlers of one process."""

    def __init__(self, db: Database, files: FileStore, receiver_of: Callable[[int], Receiver | None]) -> None:
        self._db = db
        self._files = files
        self._receiver_of = receiver_of

    def routes(self) -> list[web.RouteDef]:
        return [
            web.post(rf"/hooks/{{channel:{'|'.join(RECEIVERS)}}}/{{account_id:\d{{1,18}}}}", self.hook),
            web.get(
                rf"/hooks/{{channel:{'|'.join(RECEIVERS)}}}/{{account_id:\d{{1,18}}}}", self.verify, allow_head=False
            ),
            web.get("/files/{token:[A-Za-z0-9_-]{24}}", self.file),
        ]

    async def hook(self, request: web.Request) -> web.Response:
        """What a messenger brings. 200 only after it is stored, so that it repeats what we could not keep."""
        receiver = self._receiver(request)
        if receiver is None:
            raise web.HTTPUnauthorized(text="wrong secret")
        body = await _read(request)
        try:
            words = await receiver.called(request.headers, body)
        except Stranger as stranger:
            return web.Response(status=stranger.status, text=str(stranger))
        except Unreadable as unreadable:
            raise web.HTTPBadRequest(text=str(unreadable)) from None
        except ChannelError as failure:
            # What it wants to hear has to be asked of the messenger itself.
            raise web.HTTPServiceUnavailable(text=str(failure)) from None
        return web.Response(text=words)

    async def verify(self, request: web.Request) -> web.Response:
        """A messenger looks whether the address is ours before it brings anything there."""
        receiver = self._receiver(request)
        if not isinstance(receiver, Verifiable):
            raise web.HTTPMethodNotAllowed("GET", ["POST"])
        try:
            return web.Response(text=await receiver.asked(request.query))
        except Stranger as stranger:
            return web.Response(status=stranger.status, text=str(stranger))

    def _receiver(self, request: web.Request) -> Receiver | None:
        """Of the account in the address, if it is one of the channel there."""
        found = self._receiver_of(int(request.match_info["account_id"]))
        return found if found is not None and found.channel == request.match_info["channel"] else None

    async def file(self, request: web.Request) -> web.StreamResponse:
        """A file by its unguessable name; `?w=` gives a picture scaled down."""
        try:
            row = await self._db.read(by_token, request.match_info["token"])
            return await serve(self._files, row, request.query.get("w"))
        except Missing:
            raise web.HTTPNotFound(text="no such file") from None


async def _read(request: web.Request) -> bytes:
    """The body of a call, which may come from anybody. Raises HTTPRequestEntityTooLarge."""
    body = bytearray()
    async for chunk in request.content.iter_any():
        body += chunk
        if len(body) > LARGEST_EVENT:
            raise web.HTTPRequestEntityTooLarge(LARGEST_EVENT, len(body))
    return bytes(body)


async def serve(files: FileStore, row: StoredFile, width: str | None) -> web.StreamResponse:
    """A stored file as an answer: pictures in place, anything else as a download that no browser interprets.

    Raises NoSuchFile for a width that is not offered.
    """
    headers = {
        "Content-Type": row.mime if row.mime in SHOWN else "application/octet-stream",
        "Content-Security-Policy": "default-src 'none'; sandbox",
        "Cache-Control": "private, max-age=31536000, immutable",
    }
    if row.mime not in SHOWN:
        headers["Content-Disposition"] = "attachment"
    path = files.path(row.sha256)
    if width and row.mime in SHOWN:
        if width not in map(str, THUMBNAILS):
            raise NoSuchFile(f"no width {width}")
        path = await asyncio.to_thread(files.thumbnail, row.sha256, int(width))
        headers["Content-Type"] = "image/jpeg"
    return web.FileResponse(path, headers=headers)
