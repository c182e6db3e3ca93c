"""Web addresses of the runtime: messengers' webhooks and public files."""

from __future__ import annotations

import asyncio
import hmac
from collections.abc import Callable

import orjson
from aiohttp import web

from bot.channels.base import Receiver
from kit.errors import Missing
from storage.database import Database
from storage.files import THUMBNAILS, FileStore, NoSuchFile, by_token
from storage.tables import StoredFile

LARGEST_UPDATE = 1_000_000
"""Bytes of one Telegram update; real ones are a few thousand."""

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
            web.post(r"/hooks/telegram/{account_id:\d{1,18}}", self.telegram),
            web.get("/files/{token:[A-Za-z0-9_-]{24}}", self.file),
        ]

    async def telegram(self, request: web.Request) -> web.Response:
        """One update. 200 only after it is stored, so Telegram repeats what we could not keep."""
        receiver = self._receiver_of(int(request.match_info["account_id"]))
        given = request.headers.get("X-Telegram-Bot-Api-Secret-Token", "")
        expected = receiver.webhook_secret if receiver is not None else ""
        if not expected or not hmac.compare_digest(given.encode(), expected.encode()):
            raise web.HTTPUnauthorized(text="wrong secret token")
        assert receiver is not None
        if (request.content_length or 0) > LARGEST_UPDATE:
            raise web.HTTPRequestEntityTooLarge(LARGEST_UPDATE, request.content_length or 0)
        try:
            update = orjson.loads(await request.read())
            well_formed = isinstance(update, dict) and isinstance(update.get("update_id"), int)
        except orjson.JSONDecodeError:
            well_formed = False
        if not well_formed:
            raise web.HTTPBadRequest(text="not an update")
        await receiver.take([update])
        return web.Response()

    async def file(self, request: web.Request) -> web.StreamResponse:
        """A file by its unguessable name; `?w=` gives a picture scaled down."""
        try:
            row = await self._db.read(by_token, request.match_info["token"])
            return await serve(self._files, row, request.query.get("w"))
        except Missing:
            raise web.HTTPNotFound(text="no such file") from None


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
        if not width.isdecimal() or int(width) not in THUMBNAILS:
            raise NoSuchFile(f"no width {width}")
        path = await asyncio.to_thread(files.thumbnail, row.sha256, int(width))
        headers["Content-Type"] = "image/jpeg"
    return web.FileResponse(path, headers=headers)
