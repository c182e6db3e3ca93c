"""Reading MAX's updates: plain JSON in, our words out.

Fields that were renamed over the years are read by either name, and what is missing is not missed.

Source: https://dev.max.ru/docs-api/objects/Update
"""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from html import escape
from typing import Any

from bot.channels.base import read_button
from inbox.content import Contact, Incoming, Location, Media, MediaKind, Press, Profile, Span, Style

Json = Mapping[str, Any]

STYLES = {
    "strong": Style.BOLD,
    "emphasized": Style.ITALIC,
    "underline": Style.UNDERLINE,
    "strikethrough": Style.STRIKE,
    "monospaced": Style.CODE,
    "heading": Style.BOLD,
    "highlighted": Style.BOLD,
    "quote": Style.QUOTE,
    "blockquote": Style.QUOTE,
    "link": Style.LINK,
}

TAGS = {
    Style.BOLD: "b",
    Style.ITALIC: "i",
    Style.UNDERLINE: "u",
    Style.STRIKE: "s",
    Style.CODE: "code",
    Style.PRE: "pre",
    Style.LINK: "a",
}
"""What MAX's own HTML knows."""

MEDIA = {
    "image": MediaKind.PHOTO,
    "photo": MediaKind.PHOTO,
    "video": MediaKind.VIDEO,
    "audio": MediaKind.VOICE,
    "file": MediaKind.DOCUMENT,
    "sticker": MediaKind.STICKER,
}

BESIDES = frozenset({"contact", "location", "share", "inline_keyboard", "reply_keyboard"})
"""Attachments that are no files."""

QUIET = frozenset(
    {"bot_added", "bot_removed", "user_added", "user_removed", "chat_title_changed", "message_chat_created"}
    | {"dialog_muted", "dialog_unmuted", "dialog_cleared", "dialog_removed"}
)
"""What is known and is nothing that a buyer says: groups, and how he keeps the dialog on his phone."""

OF_VIDEO = "video:"
"""A file that must be asked for by its token."""

_DIGITS = re.compile(r"[+\d][\d\s().-]{4,}")


def chat_of(update: Json) -> str:
    """The dialog that an update belongs to; "" for groups, channels and what nobody says."""
    kind = update.get("update_type")
    if kind in QUIET:
        return ""
    message = update.get("message")
    if isinstance(message, dict):
        recipient = message.get("recipient") or {}
        in_dialog = recipient.get("chat_type", "dialog") == "dialog"
        return _id(recipient.get("chat_id")) if in_dialog else ""
    return _id(update.get("chat_id"))


def id_of(update: Json) -> str:
    """What tells an update from every other of its account: MAX gives it no id, and brings the same one again."""
    kind, at = update.get("update_type"), update.get("timestamp")
    body = (update.get("message") or {}).get("body") or {}
    if kind == "message_created" and body.get("mid"):
        return f"message:{body['mid']}"
    if kind == "message_removed":
        return f"{kind}:{update.get('message_id')}"
    if kind == "message_callback":
        callback = update.get("callback") or {}
        # The id names the keyboard; the same one may be pressed again.
        return f"press:{callback.get('callback_id')}:{callback.get('timestamp', at)}"
    return f"{kind}:{body.get('mid') or chat_of(update)}:{at}"


def read(update: Json, token: str) -> Sequence[Incoming]:
    """One Update as what a buyer said or did. The bot's token proves that a contact is the sender's own."""
    if not chat_of(update):
        return ()
    reader = _READERS.get(str(update.get("update_type")), _unknown)
    found = reader(update, token)
    return () if found is None else (found,)


def _created(update: Json, token: str) -> Incoming | None:
    return _message(update, token, edited=False)


def _edited(update: Json, token: str) -> Incoming | None:
    return _message(update, token, edited=True)


def _message(update: Json, token: str, *, edited: bool) -> Incoming | None:
    message = update["message"]
    sender = message.get("sender") or {}
    if sender.get("is_bot"):
        return None
    body, link = message.get("body") or {}, message.get("link") or {}
    passed_on = link.get("message") or {} if link.get("type") == "forward" else {}
    own, other = body.get("text") or "", passed_on.get("text") or ""
    text = "\n\n".join(part for part in (own, other) if part)
    attachments = [*(body.get("attachments") or ()), *(passed_on.get("attachments") or ())]
    contact = _contact(attachments, sender, token)
    if contact is not None and passed_on:
        # A card that is passed on may be of long ago, when another number was his.
        contact = replace(contact, own=False)
    return Incoming(
        external_id=str(body.get("mid") or f"{update.get('timestamp')}"),
        profile=_profile(sender, update, contact.phone if contact and contact.own else ""),
        text=text or _shared(attachments),
        spans=read_spans(own, body.get("markup") or ()),
        media=tuple(media for each in attachments if (media := _media(each)) is not None),
        contact=contact,
        location=_location(attachments),
        start=_start(own),
        reply_to=str((link.get("message") or {}).get("mid", "")) if link.get("type") == "reply" else "",
        edited=edited,
        unsupported=_unsupported(text, attachments),
        sent_at=float(message.get("timestamp") or update.get("timestamp") or 0) / 1000,
    )


def _press(update: Json, token: str) -> Incoming | None:
    callback = update.get("callback") or {}
    message_id, version, index = read_button(str(callback.get("payload") or ""))
    return Incoming(
        external_id=id_of(update),
        profile=_profile(callback.get("user") or {}, update),
        press=Press(
            message_id=message_id,
            version=version,
            index=index,
            ack=str(callback.get("callback_id", "")),
            place=str(((update.get("message") or {}).get("body") or {}).get("mid", "")),
        ),
    )


def _started(update: Json, token: str) -> Incoming | None:
    start = str(update.get("payload") or "")[:64]
    return Incoming(
        external_id=id_of(update),
        profile=_profile(update.get("user") or {}, update),
        text=f"/start {start}".strip(),
        start=start,
        sent_at=float(update.get("timestamp") or 0) / 1000,
    )


def _stopped(update: Json, token: str) -> Incoming | None:
    return Incoming(external_id=id_of(update), profile=_profile(update.get("user") or {}, update), left=True)


def _removed(update: Json, token: str) -> Incoming | None:
    return Incoming(
        external_id=str(update.get("message_id") or ""),
        profile=Profile(_id(update.get("user_id"))),
        removed=True,
    )


def _unknown(update: Json, token: str) -> Incoming | None:
    user = update.get("user") or (update.get("message") or {}).get("sender") or {}
    if not user.get("user_id"):
        return None
    return Incoming(
        external_id=id_of(update),
        profile=_profile(user, update),
        unsupported=str(update.get("update_type") or "unknown"),
        sent_at=float(update.get("timestamp") or 0) / 1000,
    )


_READERS: Mapping[str, Callable[[Json, str], Incoming | None]] = {
    "message_created": _created,
    "message_edited": _edited,
    "message_removed": _removed,
    "message_callback": _press,
    "bot_started": _started,
    "bot_stopped": _stopped,
}


def _id(value: object) -> str:
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else ""


def _profile(user: Json, update: Json, phone: str = "") -> Profile:
    # `name` was the only one once; it will be gone some day.
    name = " ".join(part for part in (user.get("first_name"), user.get("last_name")) if part) or user.get("name") or ""
    locale = str(update.get("user_locale") or "").replace("_", "-").split("-")[0]
    return Profile(
        external_id=str(user.get("user_id", "")),
        name=name,
        username=user.get("username") or "",
        locale=locale if locale in ("ru", "en") else "",
        phone=phone,
    )


def _start(text: str) -> str | None:
    """The parameter of a typed /start, "" without one; None if the text is no /start."""
    command, _, parameter = text.partition(" ")
    return parameter.strip()[:64] if command == "/start" else None


def _media(attachment: Json) -> Media | None:
    kind = MEDIA.get(str(attachment.get("type")))
    payload = attachment.get("payload") or {}
    if kind is None:
        return None
    if kind is MediaKind.VIDEO and payload.get("token"):
        remote = f"{OF_VIDEO}{payload['token']}"
    else:
        remote = str(payload.get("url") or "")
    return Media(
        kind,
        remote=remote,
        name=attachment.get("filename") or "",
        size=attachment.get("size") or 0,
        duration=attachment.get("duration") or 0,
    )


def _contact(attachments: Sequence[Json], sender: Json, token: str) -> Contact | None:
    payload = next((each.get("payload") or {} for each in attachments if each.get("type") == "contact"), None)
    if payload is None:
        return None
    card, person = str(payload.get("vcf_info") or ""), payload.get("max_info") or {}
    lines = _card_lines(card)
    fields = dict(lines)
    found = _DIGITS.search(fields.get("TEL", "") or str(payload.get("vcf_phone") or ""))
    digits = "".join(filter(str.isdigit, found[0])) if found else ""
    name = " ".join(part for part in (person.get("first_name"), person.get("last_name")) if part)
    is_sender = person.get("user_id") is not None and person.get("user_id") == sender.get("user_id")
    # Two numbers in one card: one of them may have come in by the name, which its owner writes himself.
    one_number = [name for name, _ in lines].count("TEL") == 1
    own = is_sender and one_number and _is_vouched_for(card, str(payload.get("hash") or ""), token)
    return Contact(phone=f"+{digits}" if digits else "", name=name or fields.get("FN", ""), own=own)


def _card_lines(card: str) -> list[tuple[str, str]]:
    """("TEL", "79000000000") of «TEL;TYPE=cell:79000000000»; the first of each kind comes last, to win in a dict."""
    rows = [line.partition(":") for line in re.split(r"\r\n|[\r\n]", card) if ":" in line]
    return [(name.split(";")[0].strip().upper(), value.strip()) for name, _, value in reversed(rows)]


def _is_vouched_for(card: str, given: str, token: str) -> bool:
    """MAX signs the card of the account's own number; one that somebody made himself has no such hash."""
    expected = hmac.new(token.encode(), card.encode(), hashlib.sha256).hexdigest()
    return bool(given) and hmac.compare_digest(given.lower().encode(), expected.encode())


def _location(attachments: Sequence[Json]) -> Location | None:
    for each in attachments:
        if each.get("type") == "location":
            place = each if "latitude" in each else each.get("payload") or {}
            if "latitude" in place and "longitude" in place:
                return Location(float(place["latitude"]), float(place["longitude"]))
    return None


def _shared(attachments: Sequence[Json]) -> str:
    """A page that was shared without a word of one's own."""
    for each in attachments:
        if each.get("type") == "share":
            return "\n".join(
                part for part in (each.get("title"), (each.get("payload") or {}).get("url")) if isinstance(part, str)
            )
    return ""


def _unsupported(text: str, attachments: Sequence[Json]) -> str:
    kinds = [str(each.get("type")) for each in attachments]
    if text or any(kind in MEDIA or kind in BESIDES for kind in kinds):
        return ""
    return next(iter(kinds), "unknown")


def read_spans(text: str, markup: Sequence[Json]) -> tuple[Span, ...]:
    """MAX counts in UTF-16 units, as its clients do; we in code points."""
    if not markup:
        return ()
    place = [n for n, char in enumerate(text) for _ in range(2 if ord(char) > 0xFFFF else 1)] + [len(text)]
    spans = []
    for each in markup:
        style = STYLES.get(str(each.get("type")))
        start = each.get("from") or 0
        end = start + (each.get("length") or 0)
        if style is not None and 0 <= start < end < len(place):
            spans.append(Span(style, place[start], place[end] - place[start], each.get("url") or ""))
    return tuple(spans)


def write_html(text: str, spans: Sequence[Span]) -> str:
    """A text with its formatting as MAX's own HTML."""
    ordered = sorted(spans, key=lambda span: (span.offset, -span.length))
    return _nested(text, 0, len(text), ordered)


def _nested(text: str, start: int, end: int, spans: Sequence[Span]) -> str:
    out, position, rest = "", start, list(spans)
    while rest:
        outer, *others = rest
        begins, ends = max(outer.offset, position), min(outer.offset + outer.length, end)
        inside = [each for each in others if each.offset < ends]
        rest = [each for each in others if each.offset >= ends]
        if ends <= begins:
            continue
        tag = TAGS.get(outer.style, "")
        opened = f'<a href="{escape(outer.url)}">' if outer.style is Style.LINK else f"<{tag}>" if tag else ""
        out += escape(text[position:begins], quote=False) + opened + _nested(text, begins, ends, inside)
        out += f"</{tag}>" if tag else ""
        position = ends
    return out + escape(text[position:end], quote=False)
