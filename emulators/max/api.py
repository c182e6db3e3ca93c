"""The platform API over HTTP. Bots are known by the Authorization header alone.

Source: https://dev.max.ru/docs-api
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import orjson
from aiohttp import web

from emulators.max import sending, uploads, wire
from emulators.max.cloud import Account, Cloud, chat_id_of
from emulators.max.errors import ApiError, bad_request, too_many_requests, unauthorized
from emulators.max.keys import CLOUD
from emulators.max.updates import Subscription
from emulators.telegram.breaking import broken
from emulators.telegram.faults import Fault, Trouble
from emulators.telegram.world import Chat, Json

LONGEST_POLL = 90.0
TYPING = {"typing_on": "typing", "sending_photo": "upload_photo", "sending_video": "upload_video"} | {
    "sending_audio": "upload_voice",
    "sending_file": "upload_document",
}

ROUTES = web.RouteTableDef()


class Call:
    """One call of one bot."""

    def __init__(self, request: web.Request, cloud: Cloud, account: Account, body: Json) -> None:
        self.cloud, self.account, self.body = cloud, account, body
        self.path: Mapping[str, str] = request.match_info
        self.query: Mapping[str, str] = request.query

    def number(self, name: str, default: int | None = None) -> int | None:
        given = self.query.get(name, "")
        if not given:
            return default
        if not given.lstrip("-").isdecimal():
            raise bad_request(f"{name}: a number is expected")
        return int(given)

    def chat_id(self) -> int | None:
        """The dialog that the call is about, where it names one."""
        if "chat" in self.path:
            return int(self.path["chat"])
        person = self.number("user_id")
        return chat_id_of(self.account.bot.id, person) if person is not None else self.number("chat_id")

    def chat(self) -> Chat:
        found = self.chat_id()
        if found is None:
            raise bad_request("chat_id or user_id is required")
        return self.cloud.writable(self.account.bot.id, found)


Method = Callable[[Call], Json | Awaitable[Json]]
DONE: Json = {"success": True}


def get_me(call: Call) -> Json:
    return wire.user(call.cloud.world.bots[call.account.bot.id], call.cloud.now()) | {"description": None}


async def get_updates(call: Call) -> Json:
    if call.account.postman.subscriptions:
        raise ApiError(405, "method.not.allowed", "a webhook is set: long polling is off")
    limit, hold = call.number("limit", 100) or 100, call.number("timeout", 30)
    kinds = frozenset(filter(None, call.query.get("types", "").split(",")))
    marker = call.number("marker")
    updates, reached = await call.account.log.poll(
        marker, kinds=kinds, limit=min(limit, 1000), hold=min(float(hold or 0), LONGEST_POLL)
    )
    return {"updates": updates, "marker": reached}


def get_subscriptions(call: Call) -> Json:
    return {"subscriptions": [each.shown() for each in call.account.postman.subscriptions.values()]}


def subscribe(call: Call) -> Json:
    url, secret = str(call.body.get("url") or ""), str(call.body.get("secret") or "")
    local = url.startswith(("http://127.0.0.1", "http://localhost"))
    if not url.startswith("https://") and not local:
        raise bad_request("url: must begin with https://")
    if secret and (not 5 <= len(secret) <= 256 or not secret.replace("-", "").replace("_", "").isalnum()):
        raise bad_request("secret: 5 to 256 of A-Z, a-z, 0-9, _ and -")
    kinds = frozenset(call.body.get("update_types") or ())
    call.account.postman.subscriptions[url] = Subscription(url, kinds, secret, call.cloud.now())
    return DONE


def unsubscribe(call: Call) -> Json:
    call.account.postman.subscriptions.pop(call.query.get("url", ""), None)
    return DONE


def send_message(call: Call) -> Json:
    call.account.check_rate()
    return {"message": sending.send(call.cloud, call.account, call.chat(), call.body)}


def edit_message(call: Call) -> Json:
    sending.edit(call.cloud, call.account, call.query.get("message_id", ""), call.body)
    return DONE


def delete_message(call: Call) -> Json:
    sending.delete(call.cloud, call.account, call.query.get("message_id", ""))
    return DONE


def get_messages(call: Call) -> Json:
    """The newest first."""
    wanted = frozenset(filter(None, call.query.get("message_ids", "").split(",")))
    if wanted:
        found = [call.cloud.message(call.account.bot.id, mid)[1]["max"] for mid in wanted]
        return {"messages": found}
    chat, count = call.chat(), call.number("count", 50) or 50
    begins, ends = call.number("from"), call.number("to")
    told = [message["max"] for message in reversed(chat.messages.values())]
    told = [each for each in told if begins is None or each["timestamp"] <= begins]
    return {"messages": [each for each in told if ends is None or each["timestamp"] >= ends][: min(count, 100)]}


def get_message(call: Call) -> Json:
    told: Json = call.cloud.message(call.account.bot.id, call.path["mid"])[1]["max"]
    return told


def answer(call: Call) -> Json:
    sending.answer(call.cloud, call.account, call.query.get("callback_id", ""), call.body)
    return DONE


def send_action(call: Call) -> Json:
    action = call.body.get("action")
    if action not in TYPING:
        raise bad_request("action: unknown")
    call.chat().show_action(TYPING[action])
    return DONE


def get_chat(call: Call) -> Json:
    """A dialog, with whom it is."""
    chat, now = call.chat(), call.cloud.now()
    portrait = call.cloud.portrait_of(chat.person)
    user = wire.user(chat.person, now)
    if portrait is not None:
        address = f"{call.cloud.origin}/download/{portrait.file_id}"
        user |= {"avatar_url": address, "full_avatar_url": address}
    return {
        "chat_id": wire.chat_id(chat),
        "type": "dialog",
        "status": "active",
        "title": None,
        "icon": None,
        "last_event_time": now,
        "participants_count": 2,
        "is_public": False,
        "description": None,
        "dialog_with_user": user,
    }


def get_upload_url(call: Call) -> Json:
    call.account.check_rate()
    return uploads.begin(call.cloud, call.query.get("type", ""))


def get_video(call: Call) -> Json:
    return uploads.video(call.cloud, call.path["token"])


METHODS: tuple[tuple[str, str, str, Method], ...] = (
    ("GET", "/me", "getmyinfo", get_me),
    ("GET", "/updates", "getupdates", get_updates),
    ("GET", "/subscriptions", "getsubscriptions", get_subscriptions),
    ("POST", "/subscriptions", "subscribe", subscribe),
    ("DELETE", "/subscriptions", "unsubscribe", unsubscribe),
    ("POST", "/messages", "sendmessage", send_message),
    ("PUT", "/messages", "editmessage", edit_message),
    ("DELETE", "/messages", "deletemessage", delete_message),
    ("GET", "/messages", "getmessages", get_messages),
    ("GET", r"/messages/{mid:[a-zA-Z0-9_.\-]+}", "getmessagebyid", get_message),
    ("POST", "/answers", "answeroncallback", answer),
    ("GET", r"/chats/{chat:-?\d+}", "getchat", get_chat),
    ("POST", r"/chats/{chat:-?\d+}/actions", "sendaction", send_action),
    ("POST", "/uploads", "getuploadurl", get_upload_url),
    ("GET", "/videos/{token}", "getvideoattachmentdetails", get_video),
)
"""Method, address, the documentation's name of it in lower case, and what it does."""


def _handler(name: str, method: Method) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
    async def handle(request: web.Request) -> web.StreamResponse:
        cloud = request.app[CLOUD]
        try:
            account = cloud.bots.get(request.headers.get("Authorization", ""))
            if account is None:
                raise unauthorized()
            call = Call(request, cloud, account, await _body(request))
            fault = await _met(call, name)
        except ApiError as refused:
            return _refusal(refused)
        if fault is not None and not fault.after:
            return await _trouble(request, cloud, fault)
        answer = await _perform(call, name, method)
        return answer if fault is None else await _trouble(request, cloud, fault)

    return handle


async def _body(request: web.Request) -> Json:
    raw = await request.read()
    try:
        body = orjson.loads(raw or b"{}")
    except orjson.JSONDecodeError:
        raise bad_request("the body is not JSON") from None
    if not isinstance(body, dict):
        raise bad_request("an object is expected")
    return body


async def _met(call: Call, name: str) -> Fault | None:
    call.cloud.counters["calls"] += 1
    call.cloud.counters[f"calls_{name}"] += 1
    if call.cloud.faults.latency:
        await asyncio.sleep(call.cloud.faults.latency)
    return None if call.cloud.faults.calm else call.cloud.faults.take(name, call.chat_id())


async def _perform(call: Call, name: str, method: Method) -> web.Response:
    try:
        result = method(call)
        told = result if isinstance(result, dict) else await result
    except ApiError as refused:
        _write_down(call, name, error=f"{refused.status} {refused.code}")
        return _refusal(refused)
    except (KeyError, TypeError, ValueError) as wrong:
        return _refusal(bad_request(f"{type(wrong).__name__}: {wrong}"))
    _write_down(call, name, mid=((told.get("message") or {}).get("body") or {}).get("mid"))
    return web.Response(body=orjson.dumps(told), content_type="application/json")


def _write_down(call: Call, name: str, **outcome: object) -> None:
    if call.cloud.journal is not None and name != "getupdates":
        facts: dict[str, Any] = {"bot": call.account.bot.id, "method": name, "chat": call.chat_id()}
        body = {key: value for key, value in call.body.items() if key != "secret"}
        call.cloud.journal.write("call", **facts, parameters=body, **outcome)


def _refusal(refused: ApiError) -> web.Response:
    return web.Response(status=refused.status, body=orjson.dumps(refused.answer()), content_type="application/json")


async def _trouble(request: web.Request, cloud: Cloud, fault: Fault) -> web.StreamResponse:
    cloud.counters[f"faults_{fault.trouble}"] += 1
    if fault.trouble is Trouble.TOO_MANY_REQUESTS:
        return _refusal(too_many_requests())
    if fault.trouble is Trouble.SERVER_ERROR:
        return _refusal(ApiError(500, "internal.error", "Internal error"))
    return await broken(request, fault, cloud.stopping)


for _method, _path, _name, _do in METHODS:
    ROUTES.route(_method, _path)(_handler(_name, _do))
