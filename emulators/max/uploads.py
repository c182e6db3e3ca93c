"""Files on their way to MAX and back.

Source: https://dev.max.ru/docs-api/methods/POST/uploads
"""

from __future__ import annotations

import asyncio
import secrets
import time

from aiohttp import BodyPartReader, web

from emulators.max.cloud import Cloud, Stored
from emulators.max.errors import bad_request, not_found
from emulators.max.keys import CLOUD
from emulators.telegram.errors import ApiError as PictureError
from emulators.telegram.world import Json

KINDS = {"image": "photo", "video": "video", "audio": "audio", "file": "document"}
TOLD_BEFORE = frozenset({"video", "audio"})
"""Of these the token is told with the address; of others when the file is there."""

ROUTES = web.RouteTableDef()


def begin(cloud: Cloud, kind: str) -> Json:
    """Where one file may be put."""
    if kind not in KINDS:
        raise bad_request("type: unknown")
    place, token = secrets.token_urlsafe(12), secrets.token_urlsafe(24)
    cloud.uploads[place] = (kind, token)
    told: Json = {"url": f"{cloud.origin}/upload/{place}"}
    return told | ({"token": token} if kind in TOLD_BEFORE else {})


@ROUTES.post("/upload/{place}")
async def put(request: web.Request) -> web.Response:
    cloud = request.app[CLOUD]
    kind, token = cloud.uploads.pop(request.match_info["place"], ("", ""))
    if not kind:
        raise web.HTTPNotFound
    content, name, mime = b"", "", ""
    async for part in await request.multipart():
        if isinstance(part, BodyPartReader) and part.name == "data":
            content, name = bytes(await part.read()), part.filename or ""
            mime = part.headers.get("Content-Type", "")
    await asyncio.sleep(cloud.files_take)
    if not content:
        raise web.HTTPBadRequest(text="no data")
    try:
        file = cloud.files.add(KINDS[kind], content, file_name=name, mime_type=mime)
    except PictureError:
        raise web.HTTPBadRequest(text="not a picture") from None
    cloud.stored[token] = Stored(kind, file.file_id, time.monotonic() + cloud.digests)
    cloud.counters["uploads"] += 1
    if kind in TOLD_BEFORE:
        return web.Response(text="<retval>1</retval>", content_type="text/xml")
    if kind == "image":
        return web.json_response({"photos": {secrets.token_urlsafe(8): {"token": token}}})
    return web.json_response({"token": token})


@ROUTES.get("/download/{file_id}")
async def get(request: web.Request) -> web.Response:
    stored = request.app[CLOUD].files.get(request.match_info["file_id"])
    if stored is None:
        raise web.HTTPNotFound
    request.app[CLOUD].counters["downloads"] += 1
    return web.Response(body=stored.content, content_type=stored.mime_type)


def video(cloud: Cloud, token: str) -> Json:
    """Where a video that somebody sent can be fetched."""
    stored = cloud.files.get(token.removeprefix("t-"))
    if stored is None:
        raise not_found("video")
    address = f"{cloud.origin}/download/{stored.file_id}"
    return {"token": token, "urls": {"mp4_480": address}, "width": 640, "height": 360, "duration": 1}
