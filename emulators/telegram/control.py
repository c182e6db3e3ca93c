"""The people played over HTTP, for tests whose emulator lives in another process.

Everything is JSON; a POST must say `Content-Type: application/json`, which keeps foreign web pages out. Bots are
named by their number, never by token. Files are base64 text. A person's act answers with the message it added.

    POST   /control/bots                          {token, name?, username?, about?}
    POST   /control/people                        {id, first_name, last_name?, username?, phone?, language_code?}
    GET    /control/chats/<bot>/<person>          messages as they look now, reply keyboard, blocked, unread, typing
    POST   /control/chats/<bot>/<person>/<act>    start {payload?}, say {text, reply_to?}, photo {content, caption?},
                                                  document {content, file_name, mime_type?, caption?},
                                                  voice {content, seconds?}, video {content, caption?, seconds?},
                                                  audio {content, file_name, seconds?}, sticker {content, emoji?},
                                                  album {pictures: [{content, caption?}]},
                                                  location {latitude, longitude},
                                                  contact {phone_number, first_name, last_name?, user_id?},
                                                  share_contact {}, tap {label}, edit {message_id, text},
                                                  press {label | data, message_id?, wait?: seconds for the answer},
                                                  block {}, unblock {}, read {}
    POST   /control/chats/<bot>/<person>/wait     {text?, button?, after?, timeout?}: the bot's first message that fits
    POST   /control/faults                        {plan: [{trouble, times?, methods?, chat_id?, after?, retry_after?,
                                                  seconds?}], rates?: {trouble: chance}, rates_after?, latency?,
                                                  duplicates?, disorder?, copies?, seed?}
    DELETE /control/faults                        calm again
    GET    /control/counters
"""

from __future__ import annotations

import base64
import binascii
import random
from collections.abc import Callable
from typing import Any

import orjson
from aiohttp import web

from emulators.telegram.bot_api import CLOUD
from emulators.telegram.cloud import Cloud
from emulators.telegram.faults import Fault, Trouble
from emulators.telegram.phones import AlbumPicture, NoSuchThing, Phone
from emulators.telegram.world import Bot, Json, Person

ROUTES = web.RouteTableDef()
NUMBERS = ("latency", "duplicates", "disorder", "copies", "rates_after")
LONGEST_WAIT = 120.0


def _answer(value: object, *, status: int = 200) -> web.Response:
    return web.Response(status=status, body=orjson.dumps(value), content_type="application/json")


def _content(fields: Json) -> bytes:
    return base64.b64decode(fields["content"], validate=True)


def _album(phone: Phone, fields: Json) -> list[Json]:
    return phone.send_album([AlbumPicture(_content(each), each.get("caption", "")) for each in fields["pictures"]])


ACTS: dict[str, Callable[[Phone, Json], Any]] = {
    "start": lambda phone, fields: phone.start(fields.get("payload", "")),
    "say": lambda phone, fields: phone.say(fields["text"], reply_to=fields.get("reply_to")),
    "photo": lambda phone, fields: phone.send_photo(_content(fields), fields.get("caption", "")),
    "document": lambda phone, fields: phone.send_document(
        _content(fields),
        fields["file_name"],
        mime_type=fields.get("mime_type", ""),
        caption=fields.get("caption", ""),
    ),
    "voice": lambda phone, fields: phone.send_voice(_content(fields), seconds=fields.get("seconds", 3)),
    "audio": lambda phone, fields: phone.send_audio(
        _content(fields), fields["file_name"], seconds=fields.get("seconds", 3)
    ),
    "video": lambda phone, fields: phone.send_video(
        _content(fields), fields.get("caption", ""), seconds=fields.get("seconds", 3)
    ),
    "sticker": lambda phone, fields: phone.send_sticker(_content(fields), fields.get("emoji", "")),
    "album": _album,
    "location": lambda phone, fields: phone.send_location(fields["latitude"], fields["longitude"]),
    "contact": lambda phone, fields: phone.send_contact(
        fields["phone_number"],
        fields["first_name"],
        last_name=fields.get("last_name", ""),
        user_id=fields.get("user_id"),
    ),
    "share_contact": lambda phone, fields: phone.share_contact(),
    "tap": lambda phone, fields: phone.tap(fields["label"]),
    "edit": lambda phone, fields: phone.edit(fields["message_id"], fields["text"]),
    "block": lambda phone, fields: phone.block(),
    "unblock": lambda phone, fields: phone.unblock(),
    "read": lambda phone, fields: phone.read(),
}


async def _fields(request: web.Request) -> Json:
    if request.content_type != "application/json":
        raise web.HTTPUnsupportedMediaType(text="application/json is expected")
    try:
        fields = orjson.loads(await request.read() or b"{}")
    except orjson.JSONDecodeError:
        raise web.HTTPBadRequest(text="the body is not JSON") from None
    if not isinstance(fields, dict):
        raise web.HTTPBadRequest(text="an object is expected")
    return fields


def _phone(request: web.Request) -> Phone:
    cloud = request.app[CLOUD]
    bot_id, person_id = int(request.match_info["bot"]), int(request.match_info["person"])
    if bot_id not in cloud.world.bots or person_id not in cloud.world.people:
        raise web.HTTPNotFound(text="no such bot or person")
    return Phone(cloud, cloud.world.chat(bot_id, person_id))


@ROUTES.post("/control/bots")
async def add_bot(request: web.Request) -> web.Response:
    fields = await _fields(request)
    try:
        account = request.app[CLOUD].add_bot(Bot(**fields))
    except (TypeError, ValueError) as error:
        return _answer({"error": str(error)}, status=400)
    return _answer(account.bot.user())


@ROUTES.post("/control/people")
async def add_person(request: web.Request) -> web.Response:
    try:
        person = Person(**await _fields(request))
    except TypeError as error:
        return _answer({"error": str(error)}, status=400)
    request.app[CLOUD].add_person(person)
    return _answer(person.user())


@ROUTES.get(r"/control/chats/{bot:\d+}/{person:\d+}")
async def read_chat(request: web.Request) -> web.Response:
    chat = _phone(request).chat
    return _answer(
        {
            "messages": [*chat.messages.values()],
            "keyboard": chat.keyboard,
            "blocked": chat.blocked,
            "unread": chat.unread,
            "typing": chat.typing,
        }
    )


@ROUTES.post(r"/control/chats/{bot:\d+}/{person:\d+}/wait")
async def wait_in_chat(request: web.Request) -> web.Response:
    phone, fields = _phone(request), await _fields(request)
    after, text, label = int(fields.get("after", 0)), str(fields.get("text", "")), str(fields.get("button", ""))

    def seen(phone: Phone) -> Json | None:
        return next(
            (
                message.raw
                for message in phone.from_bot
                if message.id > after and text in message.text and (not label or message.button(label))
            ),
            None,
        )

    try:
        return _answer(await phone.wait_for(seen, timeout=min(float(fields.get("timeout", 5)), LONGEST_WAIT)))
    except TimeoutError as error:
        return _answer({"error": str(error)}, status=408)


@ROUTES.post(r"/control/chats/{bot:\d+}/{person:\d+}/press")
async def press_button(request: web.Request) -> web.Response:
    phone, fields = _phone(request), await _fields(request)
    try:
        if "data" in fields:
            press = phone.press_data(fields["data"], message_id=fields["message_id"])
        else:
            press = phone.press(fields["label"], message_id=fields.get("message_id"))
    except (NoSuchThing, KeyError) as error:
        return _answer({"error": str(error)}, status=404)
    if fields.get("wait"):
        try:
            await phone.wait_for_answer(press, timeout=min(float(fields["wait"]), LONGEST_WAIT))
        except TimeoutError:
            return _answer({"error": "the press was not answered in time", "id": press.id}, status=408)
    return _answer({"id": press.id, "message_id": press.message_id, "data": press.data, "answer": press.answer})


@ROUTES.post(r"/control/chats/{bot:\d+}/{person:\d+}/{act}")
async def act(request: web.Request) -> web.Response:
    phone, fields = _phone(request), await _fields(request)
    perform = ACTS.get(request.match_info["act"])
    if perform is None:
        raise web.HTTPNotFound(text="no such act")
    try:
        return _answer(perform(phone, fields))
    except (KeyError, binascii.Error) as error:
        return _answer({"error": f"bad field: {error}"}, status=400)
    except NoSuchThing as error:
        return _answer({"error": str(error)}, status=404)


@ROUTES.post("/control/faults")
async def order_faults(request: web.Request) -> web.Response:
    fields, faults = await _fields(request), request.app[CLOUD].faults
    try:
        for plan in fields.get("plan", []):
            methods = frozenset(str(method).lower() for method in plan.pop("methods", ()))
            faults.planned.append(Fault(Trouble(plan.pop("trouble")), methods=methods, **plan))
        faults.rates = {Trouble(name): float(chance) for name, chance in fields.get("rates", {}).items()}
    except (KeyError, ValueError, TypeError) as error:
        return _answer({"error": str(error)}, status=400)
    for name in NUMBERS:
        if name in fields:
            setattr(faults, name, fields[name])
    if "seed" in fields:
        faults.dice = random.Random(fields["seed"])  # noqa: S311 - chance, not secrecy
    return _answer({"planned": len(faults.planned)})


@ROUTES.delete("/control/faults")
async def calm_down(request: web.Request) -> web.Response:
    request.app[CLOUD].faults.clear()
    return _answer({"planned": 0})


@ROUTES.get("/control/counters")
async def read_counters(request: web.Request) -> web.Response:
    cloud: Cloud = request.app[CLOUD]
    waiting = sum(len(account.queue.pending) for account in cloud.accounts.values())
    return _answer({**cloud.counters, "updates_waiting": waiting})
