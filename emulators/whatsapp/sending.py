"""POST messages: what a shop may say, to whom and when.

Source: https://developers.facebook.com/docs/whatsapp/cloud-api/reference/messages
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from emulators.telegram.world import Chat, Json, quoted
from emulators.whatsapp import templates, wire
from emulators.whatsapp.cloud import Account, Cloud, new_wamid
from emulators.whatsapp.errors import ApiError, wrong
from emulators.whatsapp.interactive import interactive

TEXT, CAPTION, OPAQUE = 4096, 1024, 512
SHORTEST_NUMBER = 7

PAGE_KINDS = {"image": "photo", "video": "video", "audio": "audio", "document": "document", "sticker": "sticker"}


def send(account: Account, cloud: Cloud, said: Json) -> Json:
    """One message, or the mark that one was read. Gives its id; what became of it is told by statuses."""
    if said.get("messaging_product") != "whatsapp":
        raise wrong("messaging_product must be whatsapp")
    if said.get("status") == "read":
        return _mark_read(cloud, account, said)
    to = str(said.get("to") or said.get("recipient") or "")
    digits = "".join(char for char in to if char.isdigit())
    if not to:
        raise ApiError(131008, "to is required")
    if len(digits) < SHORTEST_NUMBER:
        raise ApiError(131009, "to is not a telephone number")
    if digits == account.number.digits:
        raise ApiError(131021)
    opaque = str(said.get("biz_opaque_callback_data") or "")
    if len(opaque) > OPAQUE:
        raise wrong("biz_opaque_callback_data is too long")
    kind = str(said.get("type") or "text")
    reader = _READERS.get(kind)
    if reader is None or not isinstance(said.get(kind), dict | list):
        raise ApiError(131051, f"type {kind}")
    page, held = reader(account, cloud, said[kind])
    wamid = new_wamid(digits)
    if opaque:
        account.opaque[wamid] = opaque
    person = cloud.person(digits)
    if person is None:
        _nobody(account, wamid, digits, opaque)
    else:
        chat = cloud.world.chat(account.number.id, person.id)
        account.check_rate(chat)
        _place(account, cloud, chat, said, kind, page, {"id": wamid, "kind": kind, **held})
    sent: Json = {"id": wamid} | ({"message_status": "accepted"} if kind == "template" else {})
    return {"messaging_product": "whatsapp", "contacts": [{"input": to, "wa_id": digits}], "messages": [sent]}


def _place(account: Account, cloud: Cloud, chat: Chat, said: Json, kind: str, page: Json, held: Json) -> None:
    """On the person's screen, if WhatsApp lets it there."""
    closed = kind != "template" and not cloud.is_open(chat)
    error = ApiError(
        131047, "Message failed to send because more than 24 hours have passed since the customer last replied"
    )
    if closed and cloud.refuses_at_once:
        raise error
    answered = _answered(chat, said)
    if closed:
        cloud.tell_status(account, chat, {"wa": held}, "failed", error)
        return
    around = {"reply_to_message": quoted(answered)} if answered is not None else {}
    if kind == "reaction":
        _react(chat, held)
        return
    cloud.watch(account, chat)
    message = chat.add(by_bot=True, content={**page, **around, "wa": held})
    cloud.tell_status(account, chat, message, "sent")
    if not chat.blocked:
        cloud.tell_status(account, chat, message, "delivered")


def _nobody(account: Account, wamid: str, digits: str, opaque: str) -> None:
    """A number that is not on WhatsApp: accepted, and told of later."""
    error = ApiError(131026, "Message undeliverable")
    status: Json = {"id": wamid, "status": "failed", "timestamp": str(int(time.time())), "recipient_id": digits}
    status |= {"biz_opaque_callback_data": opaque} if opaque else {}
    account.postman.post({"statuses": [{**status, "errors": [error.in_status()]}]}, lane=0)


def find(chat: Chat, wamid: str) -> Json | None:
    return next((each for each in chat.messages.values() if each.get("wa", {}).get("id") == wamid), None)


def _answered(chat: Chat, said: Json) -> Json | None:
    wamid = str((said.get("context") or {}).get("message_id") or "")
    if not wamid:
        return None
    found = find(chat, wamid)
    if found is None:
        raise wrong("context.message_id is not known")
    return found


def _react(chat: Chat, held: Json) -> None:
    found = find(chat, str(held["on"]))
    if found is None:
        raise wrong("reaction.message_id is not known")
    chat.replace({**found, "sign": held["sign"]})


def _mark_read(cloud: Cloud, account: Account, said: Json) -> Json:
    for (owner, _person), chat in cloud.world.chats.items():
        if owner == account.number.id and (found := find(chat, str(said.get("message_id")))) is not None:
            for message in [*chat.messages.values()]:
                up_to_here = not message["from"]["is_bot"] and message["message_id"] <= found["message_id"]
                if up_to_here and message.get("ticks") != "read":
                    message["ticks"] = "read"
                    chat.changed("edited", message["message_id"])
            if "typing_indicator" in said:
                if said["typing_indicator"] != {"type": "text"}:
                    raise wrong("typing_indicator.type is not known")
                chat.show_action("typing")
            return {"success": True}
    raise wrong("message_id is not known")


Read = tuple[Json, Json]
"""The page's fields of a message, and what is kept of it beside them."""


def _text(_account: Account, _cloud: Cloud, part: Json) -> Read:
    body = str(part.get("body") or "")
    if not body.strip():
        raise ApiError(131008, "text.body is required")
    if len(body) > TEXT:
        raise wrong(f"text.body is longer than {TEXT} characters")
    return wire.words(body), {}


def file_of(cloud: Cloud, account: Account, part: Json, kind: str) -> Json:
    """The page's fields of a file that a message names by its id."""
    media_id = str(part.get("id") or "")
    known = cloud.media.get(media_id)
    if known is None or known[2] != account.number.id:
        raise wrong(f"{kind}.id is not an uploaded file")
    file = cloud.files.get(known[0])
    assert file is not None
    if kind != "document" and PAGE_KINDS[kind] != file.kind and (kind, file.kind) != ("audio", "voice"):
        raise ApiError(131053, f"the file is no {kind}")
    return (
        cloud.files.describe(file, {"duration": 1}) if kind != "document" else {"document": cloud.document(file, part)}
    )


def _file(kind: str) -> Callable[[Account, Cloud, Any], Read]:
    def reader(account: Account, cloud: Cloud, part: Json) -> Read:
        caption = str(part.get("caption") or "")
        if len(caption) > CAPTION:
            raise wrong(f"caption is longer than {CAPTION} characters")
        if caption and kind in ("audio", "sticker"):
            raise wrong(f"{kind} has no caption")
        below = wire.words(caption, below_file=True) if caption else {}
        return {**file_of(cloud, account, part, kind), **below}, {}

    return reader


def _interactive(account: Account, cloud: Cloud, part: Json) -> Read:
    return interactive(account, cloud, part, file_of)


def _template(account: Account, cloud: Cloud, part: Json) -> Read:
    template = templates.find(account.number.templates, part)
    told = templates.fill(template, part)
    text = "\n\n".join(each for each in (f"*{told['header']}*" if told["header"] else "", told["body"]) if each)
    if told["footer"]:
        text += f"\n\n_{told['footer']}_"
    page: Json = {}
    if told["picture"]:
        page = file_of(cloud, account, {"id": told["picture"]}, "image")
    page |= wire.words(text, below_file=bool(told["picture"]))
    links = [{"text": told["link"][0], "url": told["link"][1]}] if told["link"] else []
    replies = [{"text": label, "callback_data": f"quick:{label}"} for label in told["buttons"]]
    if links or replies:
        page["reply_markup"] = wire.inline([*links, *replies])
    buttons = {f"quick:{label}": {"kind": "quick", "title": label} for label in told["buttons"]}
    return page, {"buttons": buttons, "category": template.category.lower(), "template": template.name}


def _location(_account: Account, _cloud: Cloud, part: Json) -> Read:
    if "latitude" not in part or "longitude" not in part:
        raise ApiError(131008, "latitude and longitude are required")
    return {"location": {"latitude": float(part["latitude"]), "longitude": float(part["longitude"])}}, {}


def _contacts(_account: Account, _cloud: Cloud, part: Any) -> Read:
    card = part[0]
    phones = card.get("phones") or [{}]
    name = card.get("name", {})
    return {
        "contact": {"first_name": str(name.get("formatted_name", "")), "phone_number": str(phones[0].get("phone"))}
    }, {}


def _reaction(_account: Account, _cloud: Cloud, part: Json) -> Read:
    return {}, {"on": str(part.get("message_id", "")), "sign": str(part.get("emoji", ""))}


_READERS: dict[str, Callable[[Account, Cloud, Any], Read]] = {
    "text": _text,
    **{kind: _file(kind) for kind in PAGE_KINDS},
    "interactive": _interactive,
    "template": _template,
    "location": _location,
    "contacts": _contacts,
    "reaction": _reaction,
}
