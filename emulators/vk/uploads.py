"""Files on their way into a message: ask for an address, send the file there, have it kept.

Source: https://dev.vk.com/api/upload/overview
"""

from __future__ import annotations

import asyncio
import hashlib
import secrets

import orjson
from aiohttp import web

from emulators.telegram.errors import ApiError as Unfit
from emulators.telegram.parameters import Upload, read_parameters
from emulators.telegram.world import Json
from emulators.vk import wire
from emulators.vk.calls import Call
from emulators.vk.cloud import Cloud
from emulators.vk.errors import ApiError, wrong
from emulators.vk.keys import CLOUD

TAKEN = ("image/jpeg", "image/png", "image/gif", "application/octet-stream")
KINDS = {"doc": "document", "audio_message": "voice", "graffiti": "document"}
REFUSED_NAMES = (".exe", ".mp3", ".bat")
"""Files that VK does not take as documents. Source: https://dev.vk.com/method/docs.save"""

ROUTES = web.RouteTableDef()


def photo_address(call: Call) -> Json:
    _may(call, "photos")
    group_id = call.account.community.id
    address = f"{call.origin}/upload/photo/{group_id}/{secrets.token_hex(8)}"
    return {"album_id": wire.ALBUM, "upload_url": address, "user_id": 0, "group_id": group_id}


def save_photo(call: Call) -> list[Json]:
    _may(call, "photos")
    given = call.needed("photo")
    try:
        files = [call.cloud.files.get(str(each["photo"])) for each in orjson.loads(given)]
    except (orjson.JSONDecodeError, LookupError, TypeError):
        raise ApiError(129) from None
    if call.text("hash") != _hash(given):
        raise ApiError(121)
    owner_id, kept = -call.account.community.id, []
    for file in files:
        if file is None or file.kind != "photo":
            raise ApiError(129)
        kept.append(wire.keep(call.cloud, file, owner_id=owner_id, origin=call.origin)["photo"])
    return kept


def doc_address(call: Call) -> Json:
    _may(call, "docs")
    kind = call.text("type") or "doc"
    if kind not in KINDS:
        raise wrong("type is invalid")
    call.chat()
    return {"upload_url": f"{call.origin}/upload/{kind}/{call.account.community.id}/{secrets.token_hex(8)}"}


def save_doc(call: Call) -> Json:
    _may(call, "docs")
    file_id, _, proof = call.needed("file").partition("|")
    file = call.cloud.files.get(file_id)
    if file is None or proof != _hash(file_id):
        raise ApiError(105)
    owner_id = -call.account.community.id
    return wire.keep(call.cloud, file, owner_id=owner_id, origin=call.origin, title=call.text("title"))


def _may(call: Call, right: str) -> None:
    if right not in call.account.community.rights:
        raise ApiError(15, "no access to call this method")


def _hash(said: str) -> str:
    return hashlib.sha256(said.encode()).hexdigest()[:32]


@ROUTES.post(r"/upload/{kind}/{group:\d+}/{ticket}")
async def upload(request: web.Request) -> web.Response:
    """The upload server: it speaks JSON and calls it HTML, as the real one does."""
    cloud, kind = request.app[CLOUD], request.match_info["kind"]
    sent = [each for each in (await read_parameters(request)).uploads.values() if each.content]
    await asyncio.sleep(cloud.files_take)
    if not sent:
        return _said({"error": "ERR_UPLOAD_BAD_IMAGE_DATA: no file"})
    if kind == "photo":
        return _said(_pictures(cloud, sent))
    given = sent[0]
    if given.file_name.lower().endswith(REFUSED_NAMES) and kind == "doc":
        return _said({"error": "no_file"})
    kept = cloud.files.add(
        KINDS[kind], given.content, file_name=given.file_name, mime_type="" if kind == "doc" else "audio/ogg"
    )
    return _said({"file": f"{kept.file_id}|{_hash(kept.file_id)}"})


def _pictures(cloud: Cloud, sent: list[Upload]) -> Json:
    """Pictures under any field names, as many clients send them."""
    if any(each.mime_type and each.mime_type not in TAKEN for each in sent):
        return {"error": "ERR_UPLOAD_BAD_IMAGE_FORMAT"}
    try:
        files = [cloud.files.add("photo", each.content, file_name=each.file_name) for each in sent]
    except Unfit:
        return {"server": 1, "photo": "[]", "hash": ""}
    listed = orjson.dumps([{"photo": file.file_id, "sizes": []} for file in files]).decode()
    return {"server": 626_627, "photo": listed, "hash": _hash(listed)}


def _said(told: Json) -> web.Response:
    return web.Response(body=orjson.dumps(told), content_type="text/html")


@ROUTES.get("/userapi/{file_id}")
async def download(request: web.Request) -> web.Response:
    """A file by the address that a message shows."""
    file = request.app[CLOUD].files.get(request.match_info["file_id"])
    if file is None:
        raise web.HTTPNotFound
    return web.Response(body=file.content, content_type=file.mime_type)
