"""The phone page's addresses.

/phone                              the first phone; ?person=<id> another one, ?lang=en in English
/phone/<person>                     its chat list
/phone/<person>/<bot>               a chat; ?start=<payload> offers Start as a deep link does
/phone/<person>/events              live changes; ?bot=<id> names the chat that is open
/phone/<person>/<bot>/<act>  POST   what the person does
/phone/files/<file id>              a file of some message
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from aiohttp import BodyPartReader, web

from emulators.telegram.bot_api import CLOUD
from emulators.telegram.cloud import Cloud
from emulators.telegram.errors import ApiError
from emulators.telegram.parameters import Upload
from emulators.telegram.phone_page import live, stickers
from emulators.telegram.phone_page.rendering import STATIC, Screen, keys_html, page, state_of
from emulators.telegram.phone_page.texts import LANGUAGES
from emulators.telegram.phones import AlbumPicture, NoSuchThing, Phone
from emulators.telegram.world import Chat, Json

PHONE: web.AppKey[Callable[[Chat], Phone]] = web.AppKey("phone")
"""Makes the hands of the person whose chat it is."""

ROUTES = web.RouteTableDef()
ROUTES.static("/phone/static", STATIC)

POLICY = (
    "default-src 'self'; img-src 'self' data: blob:; media-src 'self' blob:; object-src 'none'; base-uri 'none'; "
    "form-action 'self'; frame-ancestors 'self'"
)
SHOWN_IN_PLACE = ("image/jpeg", "image/png", "image/webp", "image/gif", "audio/", "video/")
PICTURES = ("image/jpeg", "image/png", "image/webp")
OWN_PAGE_HEADER = "X-Phone"
"""Sent by our script with every act; a foreign page cannot set it, so it cannot act for the person."""
KAZAN = (55.7963, 49.1064)


def _screen(request: web.Request, person_id: int) -> Screen:
    if person_id not in request.app[CLOUD].world.people:
        raise web.HTTPNotFound(text="no such person")
    language = request.query.get("lang", "ru")
    return Screen(person_id, language if language in LANGUAGES else "ru")


def _html(text: str) -> web.Response:
    headers = {"Content-Security-Policy": POLICY, "Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}
    return web.Response(text=text, content_type="text/html", headers=headers)


def _chat(request: web.Request) -> Chat:
    world = request.app[CLOUD].world
    person_id, bot_id = int(request.match_info["person"]), int(request.match_info["bot"])
    if person_id not in world.people or bot_id not in world.bots:
        raise web.HTTPNotFound(text="no such chat")
    return world.chat(bot_id, person_id)


@ROUTES.get("/phone")
async def first_phone(request: web.Request) -> web.Response:
    """Straight into the chat when there is only one, since then there is nothing to choose."""
    world = request.app[CLOUD].world
    if not world.people:
        return _html(page("nobody.html", None))
    wished = request.query.get("person", "")
    person_id = int(wished) if wished.isdigit() else next(iter(world.people))
    address = f"/phone/{person_id}"
    if len(world.bots) == 1:
        address += f"/{next(iter(world.bots))}"
    query = {key: request.query[key] for key in ("lang", "start") if key in request.query}
    raise web.HTTPSeeOther(str(request.rel_url.with_path(address).with_query(query)))


@ROUTES.get(r"/phone/{person:\d+}")
async def chat_list(request: web.Request) -> web.Response:
    screen = _screen(request, int(request.match_info["person"]))
    world = request.app[CLOUD].world
    chats = sorted(world.chats_of(screen.person_id), key=_newest, reverse=True)
    return _html(page("list.html", screen, **_frame(request.app[CLOUD], screen), chats=chats))


@ROUTES.get(r"/phone/{person:\d+}/{bot:\d+}")
async def open_chat(request: web.Request) -> web.Response:
    screen, chat = _screen(request, int(request.match_info["person"])), _chat(request)
    chat.read()
    others = sum(other.unread for other in request.app[CLOUD].world.chats_of(screen.person_id) if other is not chat)
    return _html(
        page(
            "chat.html",
            screen,
            **_frame(request.app[CLOUD], screen),
            chat=chat,
            state="start" if "start" in request.query and not chat.blocked else state_of(chat),
            payload=request.query.get("start", ""),
            standing=live.standing(screen, chat),
            keys=keys_html(screen, chat),
            others=others,
            stickers=stickers.STICKERS,
            goods=request.app[CLOUD].goods_of(chat),
        )
    )


def _frame(cloud: Cloud, screen: Screen) -> Json:
    """What stands around every phone: the tabs of all people and where the live changes begin."""
    return {
        "look": cloud.look,
        "people": [person for person in cloud.world.people.values() if person.listed],
        "person": cloud.world.people[screen.person_id],
        "bots": [*cloud.world.bots],
        "unread_of": {
            person_id: sum(chat.unread for (_, owner), chat in cloud.world.chats.items() if owner == person_id)
            for person_id in cloud.world.people
        },
        "cursor": live.cursor(cloud.world.feeds[screen.person_id]),
    }


def _newest(chat: Chat) -> int:
    return int(chat.last_message["date"]) if chat.last_message else 0


@ROUTES.get(r"/phone/{person:\d+}/events")
async def events(request: web.Request) -> web.StreamResponse:
    screen = _screen(request, int(request.match_info["person"]))
    bot = request.query.get("bot", "")
    return await live.stream(request, screen, int(bot) if bot.isdigit() else None)


@ROUTES.get("/phone/files/{file_id}")
async def file(request: web.Request) -> web.Response:
    stored = request.app[CLOUD].files.get(request.match_info["file_id"])
    if stored is None:
        raise web.HTTPNotFound
    in_place = stored.mime_type.startswith(SHOWN_IN_PLACE)
    headers = {
        "Content-Security-Policy": "default-src 'none'; sandbox",
        "X-Content-Type-Options": "nosniff",
        "Cache-Control": "private, max-age=86400",
    }
    if not in_place:
        headers["Content-Disposition"] = "attachment"
    kind = stored.mime_type if in_place else "application/octet-stream"
    return web.Response(body=stored.content, content_type=kind, headers=headers)


@ROUTES.get("/phone/stickers/{name}")
async def sticker(request: web.Request) -> web.Response:
    if request.match_info["name"] not in stickers.STICKERS:
        raise web.HTTPNotFound
    return web.Response(body=stickers.picture(request.match_info["name"]), content_type="image/webp")


def _send_sticker(phone: Phone, fields: Json) -> Any:
    return phone.send_sticker(stickers.picture(fields["name"]), stickers.STICKERS[fields["name"]].emoji)


ACTS: dict[str, Callable[[Phone, Json], Any]] = {
    "start": lambda phone, fields: phone.start(fields.get("payload", "")),
    "say": lambda phone, fields: phone.say(fields["text"], reply_to=int(fields.get("reply_to") or 0) or None),
    "edit": lambda phone, fields: phone.edit(int(fields["message"]), fields["text"]),
    "react": lambda phone, fields: phone.react(int(fields["message"]), fields["sign"]),
    "remove": lambda phone, fields: phone.remove(int(fields["message"])),
    "press": lambda phone, fields: phone.press_data(fields["data"], message_id=int(fields["message"])),
    "tap": lambda phone, fields: phone.tap(fields["label"]),
    "sticker": _send_sticker,
    "location": lambda phone, fields: phone.send_location(*KAZAN),
    "contact": lambda phone, fields: phone.share_contact(),
    "order": lambda phone, fields: phone.order_one(fields["retailer"]),
    "block": lambda phone, fields: phone.block(),
    "unblock": lambda phone, fields: phone.unblock(),
    "read": lambda phone, fields: phone.read(),
}


@ROUTES.post(r"/phone/{person:\d+}/{bot:\d+}/files")
async def send_files(request: web.Request) -> web.Response:
    """Pictures together as an album, anything else one by one; caption and quote go with the first."""
    _refuse_foreign(request)
    phone = request.app[PHONE](_chat(request))
    fields, files = await _read_form(request)
    caption, reply_to = fields.get("caption", ""), int(fields.get("reply_to") or 0) or None
    pictures = [each.content for each in files if each.mime_type in PICTURES]
    try:
        if len(pictures) > 1:
            captions = [caption, *("" for _ in pictures[1:])]
            phone.send_album([AlbumPicture(*each) for each in zip(pictures, captions, strict=True)], reply_to=reply_to)
            caption, reply_to = "", None
            files = [each for each in files if each.mime_type not in PICTURES]
        for each in files:
            _send_file(phone, each, caption, reply_to)
            caption, reply_to = "", None
    except ApiError as error:
        raise web.HTTPConflict(text=error.description) from None
    return web.json_response({})


async def _read_form(request: web.Request) -> tuple[dict[str, str], list[Upload]]:
    fields, files = {}, []
    async for part in await request.multipart():
        assert isinstance(part, BodyPartReader)
        if part.filename:
            kind = part.headers.get("Content-Type", "")
            files.append(Upload(part.filename, kind, bytes(await part.read())))
        else:
            fields[part.name or ""] = await part.text()
    return fields, files


def _send_file(phone: Phone, file: Upload, caption: str, reply_to: int | None) -> None:
    kind, content = file.mime_type, file.content
    if kind in PICTURES:
        phone.send_photo(content, caption, reply_to=reply_to)
    elif kind.startswith("video/"):
        phone.send_video(content, caption, reply_to=reply_to)
    elif kind == "audio/ogg":
        phone.send_voice(content, reply_to=reply_to)
    elif kind.startswith("audio/"):
        phone.send_audio(content, file.file_name, reply_to=reply_to)
    else:
        phone.send_document(content, file.file_name, mime_type=kind, caption=caption, reply_to=reply_to)


@ROUTES.post(r"/phone/{person:\d+}/{bot:\d+}/{act}")
async def act(request: web.Request) -> web.Response:
    _refuse_foreign(request)
    phone, perform = request.app[PHONE](_chat(request)), ACTS.get(request.match_info["act"])
    if perform is None:
        raise web.HTTPNotFound
    fields = dict(await request.post())
    try:
        perform(phone, fields)
    except (NoSuchThing, KeyError, ValueError) as error:
        raise web.HTTPConflict(text=str(error)) from None
    return web.json_response({})


def _refuse_foreign(request: web.Request) -> None:
    if OWN_PAGE_HEADER not in request.headers:
        raise web.HTTPForbidden
