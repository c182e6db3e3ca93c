"""Files, up and down: an id for what was sent, and for an id an address that lives five minutes.

Source: https://developers.facebook.com/docs/whatsapp/cloud-api/reference/media
"""

from __future__ import annotations

import asyncio
import hashlib
import time

from aiohttp import web

from emulators.telegram.errors import ApiError as Unfit
from emulators.telegram.parameters import read_parameters
from emulators.telegram.world import Json
from emulators.whatsapp.cloud import Account, Cloud
from emulators.whatsapp.errors import ApiError, wrong
from emulators.whatsapp.keys import CLOUD

MB = 1024 * 1024

TAKEN = {
    "image/jpeg": ("photo", 5 * MB),
    "image/png": ("photo", 5 * MB),
    "video/mp4": ("video", 16 * MB),
    "video/3gpp": ("video", 16 * MB),
    "audio/aac": ("audio", 16 * MB),
    "audio/amr": ("audio", 16 * MB),
    "audio/mpeg": ("audio", 16 * MB),
    "audio/mp4": ("audio", 16 * MB),
    "audio/ogg": ("voice", 16 * MB),
    "image/webp": ("sticker", MB // 2),
}
"""Types, what the page calls them, and how large they may be; any other is a document."""

DOCUMENT = 100 * MB

LIVES = 300.0
"""Seconds that an address of a file is good for."""

ROUTES = web.RouteTableDef()


async def upload(account: Account, cloud: Cloud, request: web.Request) -> Json:
    given = await read_parameters(request)
    await asyncio.sleep(cloud.files_take)
    if given.text("messaging_product") != "whatsapp":
        raise wrong("messaging_product is required")
    file = given.uploads.get("file")
    if file is None or not file.content:
        raise wrong("file is required")
    mime = (given.text("type") or file.mime_type).partition(";")[0]
    kind, largest = TAKEN.get(mime, ("document", DOCUMENT))
    if len(file.content) > largest:
        raise ApiError(131053, f"File size is {len(file.content)}, {largest} are allowed for {mime}")
    try:
        kept = cloud.files.add(kind, file.content, file_name=file.file_name, mime_type=mime)
    except Unfit:
        raise ApiError(131053, "The picture cannot be read") from None
    return {"id": cloud.keep_media(kept.file_id, mime, account.number.id)}


def describe(account: Account, cloud: Cloud, media_id: str) -> Json:
    """Where the file is to be fetched from. Raises 33 for another number's."""
    file_id, mime, number_id = cloud.media[media_id]
    file = cloud.files.get(file_id)
    if file is None or number_id != account.number.id:
        raise ApiError(33)
    until = int(time.time() + LIVES)
    return {
        "url": f"{cloud.origin}/whatsapp_business/attachments/{media_id}?ext={until}",
        "mime_type": mime,
        "sha256": hashlib.sha256(file.content).hexdigest(),
        "file_size": str(len(file.content)),
        "id": media_id,
        "messaging_product": "whatsapp",
    }


@ROUTES.get(r"/whatsapp_business/attachments/{media_id:\d+}")
async def download(request: web.Request) -> web.Response:
    """The file itself, for those who show the token."""
    cloud = request.app[CLOUD]
    found = cloud.media.get(request.match_info["media_id"])
    bearer = request.headers.get("Authorization", "").removeprefix("Bearer ")
    if found is None or cloud.numbers[found[2]].number.token != bearer:
        raise web.HTTPUnauthorized
    until = request.query.get("ext", "")
    file = cloud.files.get(found[0])
    if file is None or not until.isdigit() or int(until) < time.time():
        raise web.HTTPNotFound
    return web.Response(body=file.content, content_type=found[1])
