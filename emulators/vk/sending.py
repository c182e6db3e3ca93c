"""messages.send, edit, delete and what answers a press.

Source: https://dev.vk.com/method/messages.send
"""

from __future__ import annotations

import time
from typing import Any

import orjson

from emulators.telegram.world import Chat, Json
from emulators.vk import wire
from emulators.vk.calls import Call
from emulators.vk.cloud import Stored
from emulators.vk.errors import ApiError, wrong
from emulators.vk.keyboards import read_format, read_keyboard, read_template

TEXT, ATTACHMENTS, FORWARDED = 4096, 10, 100
REMEMBERED, FOR = 100, 3600
"""How many of a dialog's last messages, and of how many seconds, a random_id is looked for in."""
SMALLEST, RATIO, NEARLY = (221, 136), 13 / 8, 0.02
"""Of a picture in a carousel: pixels, width to height, and how far from that it may be."""

EDITABLE_FOR = 24 * 3600
EVENT_DATA = 1000
SNACKBAR = 90


def send(call: Call) -> Any:
    """One message to one or several people. Gives its id, or with peer_ids a list that says what became of each."""
    if call.parameters.values.get("random_id") in (None, ""):
        raise wrong("random_id is a required parameter")
    if not call.parameters.has("peer_ids"):
        return _send_to(call, call.peer() or _nobody())["id"]
    outcomes = []
    for peer_id in call.numbers("peer_ids")[:100]:
        try:
            told = _send_to(call, peer_id)
            outcome = {
                "peer_id": peer_id,
                "message_id": told["id"],
                "conversation_message_id": told["conversation_message_id"],
            }
        except ApiError as error:
            if error.code in (100, 911, 914):
                raise
            failure = {"code": error.code, "description": error.words}
            outcome = {"peer_id": peer_id, "message_id": 0, "conversation_message_id": 0, "error": failure}
        outcomes.append(outcome)
    return outcomes


def _nobody() -> int:
    raise wrong("user_id is undefined")


def _send_to(call: Call, peer_id: int) -> Json:
    content = _content(call)
    chat = call.cloud.chat_of(call.account, peer_id)
    random_id = call.number("random_id")
    if random_id and (known := _sent_before(chat, random_id)) is not None:
        return known
    answered, forwarded = _forwarded(call, chat)
    if not (content["text"] or content["attachments"] or forwarded or "geo" in content):
        raise wrong("message is empty or invalid")
    told = wire.message(call.cloud, chat, by_community=True, random_id=random_id, fwd_messages=forwarded, **content)
    if answered is not None:
        told["reply_message"] = wire.quoted(answered["vk"])
    page = wire.shown(call.cloud, told)
    if answered is not None:
        page["reply_to_message"] = answered
    chat.add(by_bot=True, content=page)
    keyboard = told.get("keyboard")
    if keyboard is not None and not keyboard["inline"]:
        shown = wire.keyboard(keyboard) if keyboard["buttons"] else None
        chat.show_keyboard(shown, told["conversation_message_id"])
    call.account.log.push("message_reply", wire.outward(told), lane=peer_id)
    return told


def _content(call: Call) -> Json:
    text = call.text("message")
    if len(text) > TEXT:
        raise ApiError(914)
    content: Json = {"text": text, "attachments": _attachments(call)}
    if keyboard := read_keyboard(call.text("keyboard")):
        content["keyboard"] = {**keyboard, "author_id": -call.account.community.id}
    if template := read_template(call.text("template")):
        if content.get("keyboard", {}).get("inline"):
            raise wrong("Only template or keyboard field should be specified")
        if not text:
            raise wrong("message is a required parameter of a template")
        for element in template["elements"]:
            _check_picture(call, element)
        content["template"] = template
    if formatting := read_format(call.text("format_data"), text):
        content["format_data"] = formatting
    if call.parameters.has("payload"):
        content["payload"] = call.text("payload")
    if call.parameters.has("lat") and call.parameters.has("long"):
        place = {"latitude": call.parameters.number("lat"), "longitude": call.parameters.number("long")}
        content["geo"] = {"type": "point", "coordinates": place}
    return content


def _check_picture(call: Call, element: Json) -> None:
    """A carousel takes pictures of 13 by 8. Source: https://dev.vk.com/api/bots/development/templates"""
    if "photo_id" not in element:
        return
    stored = call.cloud.stored.get(f"photo{element['photo_id']}")
    file = call.cloud.files.get(stored.file_id) if stored is not None else None
    if stored is None or file is None:
        raise wrong("template element photo_id is invalid")
    width, height = largest_of(stored.shown)
    if width < SMALLEST[0] or height < SMALLEST[1] or abs(width / height / RATIO - 1) > NEARLY:
        raise wrong(f"template element photo should be 13:8 and at least {SMALLEST[0]}x{SMALLEST[1]}")


def largest_of(attachment: Json) -> tuple[int, int]:
    """Width and height of a photo in pixels."""
    largest = max(attachment["photo"]["sizes"], key=lambda each: each["width"])
    return largest["width"], largest["height"]


def _attachments(call: Call) -> list[Json]:
    names = [name.strip() for name in call.text("attachment").split(",") if name.strip()]
    if len(names) > ATTACHMENTS:
        raise wrong(f"too many attachments, {ATTACHMENTS} allowed")
    return [_attachment(call, name).shown for name in names]


def _attachment(call: Call, name: str) -> Stored:
    stored = call.cloud.stored.get("_".join(name.split("_")[: 3 if name.startswith("audio_message") else 2]))
    if stored is None:
        raise wrong("attachment is invalid")
    return stored


def _sent_before(chat: Chat, random_id: int) -> Json | None:
    last = [*chat.messages.values()][-REMEMBERED:]
    for message in reversed(last):
        told: Json = message["vk"]
        if told["out"] and told["random_id"] == random_id and told["date"] > time.time() - FOR:
            return told
    return None


def _forwarded(call: Call, chat: Chat) -> tuple[Json | None, list[Json]]:
    """The message of this dialog that is answered, in the page's words, and those that are forwarded."""
    if call.parameters.has("reply_to"):
        number = call.number("reply_to")
        found = [each for each in chat.messages.values() if each["vk"]["id"] == number]
        if not found:
            raise wrong("reply_to is invalid")
        return found[0], []
    if not call.parameters.has("forward"):
        return None, []
    try:
        forward = orjson.loads(call.text("forward"))
        numbers = [int(each) for each in forward.get("conversation_message_ids") or forward.get("cmids") or ()]
    except (orjson.JSONDecodeError, AttributeError, TypeError, ValueError):
        raise wrong("forward is invalid") from None
    if len(numbers) > FORWARDED:
        raise ApiError(913)
    source = call.cloud.chat_of(call.account, int(forward.get("peer_id") or chat.person.id))
    found = [source.messages[number] for number in numbers if number in source.messages]
    if not found:
        raise wrong("forward is invalid")
    if forward.get("is_reply"):
        return found[0], []
    return None, [wire.quoted(each["vk"]) for each in found]


def edit(call: Call) -> int:
    """Put new content into an own message; attachments, keyboard and carousel that are not named go away."""
    chat = call.chat()
    message = _own(call, chat)
    told: Json = message["vk"]
    if told["date"] < time.time() - EDITABLE_FOR:
        raise ApiError(909)
    content = _content(call)
    if not (content["text"] or content["attachments"]):
        raise wrong("message is empty or invalid")
    kept = {name: value for name, value in told.items() if name not in ("keyboard", "template", "format_data")}
    changed = {**kept, **content, "update_time": int(time.time()), "version": call.cloud.next_id()}
    shown = wire.shown(call.cloud, changed)
    around = wire.around(message)
    chat.replace({**around, **shown, "edit_date": changed["update_time"]})
    call.account.log.push("message_edit", wire.outward(changed), lane=chat.person.id)
    return 1


def _own(call: Call, chat: Chat) -> Json:
    cmid = call.number("cmid") or call.number("conversation_message_id")
    number = call.number("message_id")
    found = chat.messages.get(cmid) if cmid else None
    if found is None and number:
        found = next((each for each in chat.messages.values() if each["vk"]["id"] == number), None)
    if found is None:
        raise wrong("message_id is invalid")
    if not found["vk"]["out"]:
        raise ApiError(15)
    return found


def delete(call: Call) -> list[Json]:
    chat = call.chat()
    numbers, cmids = call.numbers("message_ids"), call.numbers("cmids")
    outcomes = []
    for message in [*chat.messages.values()]:
        told = message["vk"]
        if told["id"] not in numbers and told["conversation_message_id"] not in cmids:
            continue
        facts = {name: told[name] for name in ("peer_id", "conversation_message_id")} | {"message_id": told["id"]}
        if told["date"] < time.time() - EDITABLE_FOR or not (told["out"] and call.flag("delete_for_all")):
            outcomes.append({**facts, "error": {"code": 924, "description": ApiError(924).words}})
            continue
        chat.remove(message["message_id"])
        outcomes.append({**facts, "response": 1})
    return outcomes


def answer_event(call: Call) -> int:
    """Let the pressed button go, with a word on the screen or without."""
    event_id, _ = call.needed("event_id"), call.needed("user_id")
    data = call.text("event_data")
    if len(data) > EVENT_DATA:
        raise wrong("event_data is too long")
    said = ""
    if data:
        try:
            action = orjson.loads(data)
        except orjson.JSONDecodeError:
            raise wrong("event_data is not JSON") from None
        if not isinstance(action, dict) or action.get("type") not in ("show_snackbar", "open_link", "open_app"):
            raise wrong("event_data type is invalid")
        said = str(action.get("text", ""))
        if len(said) > SNACKBAR:
            raise wrong("event_data text is too long")
    press = call.account.presses.get(event_id)
    if press is None or time.monotonic() - press.pressed_at > call.cloud.settings.press_lives:
        raise wrong("event_id is invalid or expired")
    if call.number("user_id") != press.chat.person.id or call.peer() != press.chat.person.id:
        raise wrong("user_id is invalid")
    press.answer = {"text": said, "show_alert": False}
    press.answered.set()
    press.chat.changed("answer", press.message_id, {"data": press.data, **press.answer})
    return 1
