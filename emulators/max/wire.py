"""Objects as MAX shows them, and the same on the phone's page, which speaks Telegram's words.

Source: https://dev.max.ru/docs-api, the objects User, Message, Attachment, Update
"""

from __future__ import annotations

import hashlib
import hmac
import zlib
from collections.abc import Mapping, Sequence
from html.parser import HTMLParser
from typing import Any

from emulators.max.cloud import Cloud, chat_id_of
from emulators.telegram.files import StoredFile
from emulators.telegram.world import Bot, Chat, Json, Person

TAGS = {
    "i": "emphasized",
    "em": "emphasized",
    "b": "strong",
    "strong": "strong",
    "del": "strikethrough",
    "s": "strikethrough",
    "ins": "underline",
    "u": "underline",
    "a": "link",
    "pre": "monospaced",
    "code": "monospaced",
    "mark": "highlighted",
    "h1": "heading",
}
"""What MAX's HTML knows; other tags are stripped."""

ENTITIES = {
    "emphasized": "italic",
    "strong": "bold",
    "strikethrough": "strikethrough",
    "underline": "underline",
    "link": "text_link",
    "monospaced": "code",
    "highlighted": "bold",
    "heading": "bold",
    "quote": "blockquote",
}

KINDS = {"image": "photo", "video": "video", "audio": "voice", "file": "document", "sticker": "sticker"}
"""How the page calls what MAX calls so."""

SAY, CONTACT, PLACE = "say:", "contact:", "place:"
"""What the page sends of buttons that call nobody."""


class _Markup(HTMLParser):
    """Text and its markup, in UTF-16 units."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.text = ""
        self.elements: list[Json] = []
        self._open: list[tuple[str, Json]] = []

    def _units(self) -> int:
        return len(self.text.encode("utf-16-le")) // 2

    def handle_data(self, data: str) -> None:
        self.text += data

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "br":
            self.text += "\n"
        elif tag in TAGS:
            element: Json = {"type": TAGS[tag], "from": self._units()}
            self._open.append((tag, element | ({"url": dict(attrs).get("href") or ""} if tag == "a" else {})))

    def handle_endtag(self, tag: str) -> None:
        for place in range(len(self._open) - 1, -1, -1):
            if self._open[place][0] == tag:
                _, element = self._open.pop(place)
                element["length"] = self._units() - element["from"]
                if element["length"]:
                    self.elements.append(element)
                return


def from_html(text: str) -> tuple[str, list[Json]]:
    """The text that stands there, and its markup."""
    parser = _Markup()
    parser.feed(text)
    parser.close()
    return parser.text, sorted(parser.elements, key=lambda each: (each["from"], -each["length"]))


# People and dialogs


def user(who: Person | Bot, now: int) -> Json:
    is_bot = isinstance(who, Bot)
    last_name = "" if isinstance(who, Bot) else who.last_name
    first_name = who.name if isinstance(who, Bot) else who.first_name
    shown: Json = {
        "user_id": who.id,
        "first_name": first_name,
        "username": who.username or None,
        "is_bot": is_bot,
        "last_activity_time": now,
        "name": who.name,
    }
    return shown if is_bot else shown | {"last_name": last_name}


def chat_id(chat: Chat) -> int:
    return chat_id_of(chat.bot.id, chat.person.id)


def message(
    cloud: Cloud,
    chat: Chat,
    *,
    by_bot: bool,
    text: str = "",
    attachments: Sequence[Json] = (),
    markup: Sequence[Json] = (),
    link: Json | None = None,
) -> Json:
    """A new message of a dialog. It is not put there yet."""
    now = cloud.now()
    sender, receiver = (chat.bot, chat.person) if by_bot else (chat.person, chat.bot)
    body: Json = {
        "mid": f"mid.{chat_id(chat) & 0xFFFFFFFFFFFFFFFF:016x}{now:016x}",
        "seq": now << 16,
        "text": text,
        "attachments": [*attachments],
    }
    if markup:
        body["markup"] = [*markup]
    told: Json = {
        "recipient": {"chat_id": chat_id(chat), "chat_type": "dialog", "user_id": receiver.id},
        "timestamp": now,
        "body": body,
        "sender": user(sender, now),
    }
    return told | ({"link": link} if link else {})


def link(kind: str, linked: Json) -> Json:
    """A message inside another one, which it answers or passes on."""
    return {
        "type": kind,
        "sender": linked["sender"],
        "chat_id": linked["recipient"]["chat_id"],
        "message": linked["body"],
    }


def update(cloud: Cloud, kind: str, **facts: Any) -> Json:
    return {"update_type": kind, "timestamp": cloud.now(), **facts}


# Attachments


def attached(kind: str, stored: StoredFile, origin: str, *, seconds: int = 1) -> Json:
    """A file as it stands in a message."""
    url, token = f"{origin}/download/{stored.file_id}", f"t-{stored.file_id}"
    if kind == "image":
        photo_id = zlib.crc32(stored.file_id.encode())
        return {"type": kind, "payload": {"photo_id": photo_id, "token": token, "url": url}}
    if kind == "sticker":
        payload = {"url": url, "code": stored.unique_id}
        return {"type": kind, "payload": payload, "width": stored.width, "height": stored.height}
    shown: Json = {"type": kind, "payload": {"url": url, "token": token}}
    if kind == "video":
        return shown | {"thumbnail": {"url": url}, "width": 640, "height": 360, "duration": seconds}
    if kind == "file":
        return shown | {"filename": stored.file_name or "file", "size": len(stored.content)}
    return shown | {"transcription": None}


def contact(person: Person, token: str, now: int) -> Json:
    """A person's own card, signed for the bot."""
    card = (
        f"BEGIN:VCARD\r\nVERSION:3.0\r\nTEL;TYPE=cell:{person.phone.lstrip('+')}\r\nFN:{person.name}\r\nEND:VCARD\r\n"
    )
    signed = hmac.new(token.encode(), card.encode(), hashlib.sha256).hexdigest()
    return {"type": "contact", "payload": {"vcf_info": card, "hash": signed, "max_info": user(person, now)}}


def file_of(cloud: Cloud, attachment: Json) -> StoredFile | None:
    url = str((attachment.get("payload") or {}).get("url", ""))
    return cloud.files.get(url.rpartition("/")[2]) if url else None


def rows_of(told: Json) -> list[list[Json]]:
    """The buttons of a message."""
    for each in told["body"]["attachments"]:
        if each["type"] == "inline_keyboard":
            rows: list[list[Json]] = each["payload"]["buttons"]
            return rows
    return []


# The page


def shown(cloud: Cloud, told: Json) -> Json:
    """A message as the phone's page draws it, with MAX's own beside it."""
    body = told["body"]
    linked = told.get("link") or {}
    passed_on = linked.get("type") == "forward"
    said = linked["message"] if passed_on else body
    text, entities = said["text"] or "", [_entity(each) for each in said.get("markup", ())]
    parts = [part for each in said["attachments"] if (part := _part(cloud, each))]
    page: Json = {"max": told}
    if parts:
        page |= parts[0] | ({"caption": text, "caption_entities": entities} if text else {})
        page |= {"parts": parts} if len(parts) > 1 else {}
    else:
        page |= {"text": text, "entities": entities}
    if passed_on:
        page["forward_origin"] = {"type": "user", "sender_user": linked["sender"]}
    if rows := rows_of(told):
        page["reply_markup"] = {"inline_keyboard": [[_key(button) for button in row] for row in rows]}
    return page


def _part(cloud: Cloud, attachment: Json) -> Json:
    kind = attachment["type"]
    if kind == "location":
        return {"location": {"latitude": attachment["latitude"], "longitude": attachment["longitude"]}}
    if kind == "contact":
        person = attachment["payload"].get("max_info") or {}
        card = str(attachment["payload"].get("vcf_info") or "")
        digits = "".join(filter(str.isdigit, card.partition("TEL")[2].partition(":")[2].partition("\r")[0]))
        return {"contact": {"phone_number": digits, "first_name": person.get("first_name") or "?"}}
    stored = file_of(cloud, attachment)
    if stored is None or kind not in KINDS:
        return {}
    described = cloud.files.describe(stored, {"duration": attachment.get("duration") or 1})
    return {KINDS[kind]: next(iter(described.values()))}


def _entity(element: Json) -> Json:
    kind = ENTITIES.get(element["type"], "italic")
    told: Json = {"type": kind, "offset": element["from"], "length": element["length"]}
    return told | ({"url": element["url"]} if element.get("url") else {})


def _key(button: Json) -> Json:
    kind, text = button["type"], button["text"]
    if kind == "link":
        return {"text": text, "url": button["url"]}
    if kind == "clipboard":
        return {"text": text, "copy_text": {"text": button["payload"]}}
    data: Mapping[str, str] = {
        "callback": str(button.get("payload", "")),
        "message": f"{SAY}{text}",
        "request_contact": CONTACT,
        "request_geo_location": PLACE,
    }
    return {"text": text, "callback_data": data.get(kind, "")}
