"""Messages that bots send, change and take away, and their answers to presses: what is allowed, and what then stands.

Source: https://dev.max.ru/docs-api/methods/POST/messages, the object NewMessageBody
"""

from __future__ import annotations

import time
from typing import Any

from emulators.max import wire
from emulators.max.cloud import Account, Cloud
from emulators.max.errors import bad_request, not_found, not_ready
from emulators.telegram.world import Chat, Json, quoted

LONGEST_TEXT = 4000
MOST_BUTTONS, MOST_ROWS, WIDEST_ROW, NARROW_ROW = 210, 30, 7, 3
LONGEST_LABEL, LONGEST_PAYLOAD, LONGEST_URL = 128, 1024, 2048
NARROW = frozenset({"link", "open_app", "request_geo_location", "request_contact"})
BUTTONS = frozenset({"callback", "message", "clipboard", *NARROW})
ALONE = frozenset({"audio", "file", "sticker", "contact"})
"""Attachments that stand in a message by themselves, but for buttons."""
OLDEST_EDIT = 7 * 24 * 3600.0


def send(cloud: Cloud, account: Account, chat: Chat, body: Json) -> Json:
    """The message as MAX shows it."""
    text, markup = _text(body)
    attachments = _attachments(cloud, body.get("attachments") or [])
    if not text and not attachments:
        raise bad_request("text or attachments are required")
    linked, around = _linked(chat, body.get("link"))
    told = wire.message(cloud, chat, by_bot=True, text=text, attachments=attachments, markup=markup, link=linked)
    chat.add(by_bot=True, content={**wire.shown(cloud, told), **around})
    return told


def edit(cloud: Cloud, account: Account, mid: str, body: Json) -> None:
    """A message without buttons may be edited for a week. Attachments that are not named stay."""
    chat, message = cloud.message(account.bot.id, mid)
    told: Json = message["max"]
    if not told["sender"]["is_bot"]:
        raise bad_request("error.message.edit.not.own")
    if not wire.rows_of(told) and time.time() - told["timestamp"] / 1000 > OLDEST_EDIT:
        raise bad_request("error.message.edit.time")
    changed: Json = {**told["body"]}
    if body.get("text") is not None:
        changed["text"], markup = _text(body)
        changed.pop("markup", None)
        changed |= {"markup": markup} if markup else {}
    if body.get("attachments") is not None:
        changed["attachments"] = _attachments(cloud, body["attachments"])
    now_told = {**told, "body": changed}
    around: Json = {
        name: message[name] for name in ("message_id", "from", "chat", "date", "reply_to_message") if name in message
    }
    chat.replace({**around, **wire.shown(cloud, now_told), "edit_date": int(time.time())})


def delete(cloud: Cloud, account: Account, mid: str) -> None:
    chat, message = cloud.message(account.bot.id, mid)
    if not message["max"]["sender"]["is_bot"]:
        raise bad_request("error.message.delete.not.own")
    chat.remove(message["message_id"])


def answer(cloud: Cloud, account: Account, callback_id: str, body: Json) -> None:
    """A word that passes, a new look of the message, or both."""
    press = account.presses.get(callback_id)
    if press is None:
        raise not_found("callback")
    if not body.get("notification") and not body.get("message"):
        raise bad_request("message or notification is required")
    if body.get("message"):
        edit(cloud, account, press.mid, body["message"])
    known = press.known
    known.answer = {"text": body.get("notification") or "", "show_alert": False}
    known.answered.set()
    known.chat.changed("answer", known.message_id, {"data": known.data, **known.answer})


def _text(body: Json) -> tuple[str, list[Json]]:
    text = body.get("text") or ""
    if not isinstance(text, str):
        raise bad_request("text: a string is expected")
    if len(text.encode("utf-16-le")) // 2 > LONGEST_TEXT:
        raise bad_request(f"text: size must be between 0 and {LONGEST_TEXT}")
    if body.get("format") == "html":
        return wire.from_html(text)
    if body.get("format"):
        raise bad_request(f"format: {body['format']!r} is not played here")
    return text, []


def _linked(chat: Chat, link: Json | None) -> tuple[Json | None, Json]:
    """(what MAX shows of the message that is answered, what the page shows of it)"""
    if link is None:
        return None, {}
    for message in chat.messages.values():
        if message["max"]["body"]["mid"] == link.get("mid"):
            linked = wire.link(str(link["type"]), message["max"])
            return linked, {"reply_to_message": quoted(message)} if link["type"] == "reply" else {}
    raise not_found("message")


def _attachments(cloud: Cloud, asked: list[Json]) -> list[Json]:
    if not isinstance(asked, list):
        raise bad_request("attachments: a list is expected")
    kinds = [str(each.get("type")) for each in asked]
    others = [kind for kind in kinds if kind != "inline_keyboard"]
    if len(others) > 1 and ALONE & set(others):
        raise bad_request("errors.send.message.only-one-file-attachment")
    if kinds.count("inline_keyboard") > 1:
        raise bad_request("attachments: one keyboard at most")
    return [_attachment(cloud, kind, each) for kind, each in zip(kinds, asked, strict=True)]


def _attachment(cloud: Cloud, kind: str, asked: Json) -> Json:
    payload = asked.get("payload") or {}
    if kind == "inline_keyboard":
        rows = payload.get("buttons")
        _check_buttons(rows)
        return {"type": kind, "payload": {"buttons": rows}}
    if kind == "location":
        return {"type": kind, "latitude": float(asked["latitude"]), "longitude": float(asked["longitude"])}
    if kind not in ("image", "video", "audio", "file"):
        raise bad_request(f"attachments: unknown type {kind!r}")
    tokens = [str(each.get("token")) for each in (payload.get("photos") or {}).values()] or [str(payload.get("token"))]
    stored = cloud.stored.get(tokens[0])
    if stored is None or stored.kind != kind:
        raise bad_request("attachments: no such token")
    if stored.ready_at > time.monotonic():
        raise not_ready()
    file = cloud.files.get(stored.file_id)
    assert file is not None
    return wire.attached(kind, file, cloud.origin)


def _check_buttons(rows: Any) -> None:
    """Source: https://dev.max.ru/docs-api, "Клавиатура для чат-бота" """
    if not isinstance(rows, list) or not rows or not all(isinstance(row, list) and row for row in rows):
        raise bad_request("buttons: rows of buttons are expected")
    if len(rows) > MOST_ROWS or sum(map(len, rows)) > MOST_BUTTONS:
        raise bad_request(f"buttons: at most {MOST_BUTTONS} in {MOST_ROWS} rows")
    for row in rows:
        if len(row) > (NARROW_ROW if any(each.get("type") in NARROW for each in row) else WIDEST_ROW):
            raise bad_request("buttons: too many in a row")
        for button in row:
            _check_button(button)


def _check_button(button: Json) -> None:
    kind, text = button.get("type"), button.get("text")
    if kind not in BUTTONS:
        raise bad_request(f"buttons: unknown type {kind!r}")
    if not isinstance(text, str) or not 1 <= len(text) <= LONGEST_LABEL:
        raise bad_request(f"buttons: text must have 1 to {LONGEST_LABEL} characters")
    if kind == "callback" and not 0 < len(str(button.get("payload") or "")) <= LONGEST_PAYLOAD:
        raise bad_request(f"buttons: payload must have 1 to {LONGEST_PAYLOAD} characters")
    if kind == "link" and not str(button.get("url") or "").startswith(("http://", "https://", "max://")):
        raise bad_request("buttons: url is not an address")
    if kind == "link" and len(button["url"]) > LONGEST_URL:
        raise bad_request("buttons: url is too long")
