"""What a visitor does, as the raw event that is stored, and that event in our words."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from bot.channels.base import Envelope, read_button
from inbox.content import Contact, Incoming, Media, MediaKind, Press, Profile

Raw = Mapping[str, Any]


def envelope(kind: str, chat: str, key: str, **facts: Any) -> Envelope:
    """`key` is the browser's own id of what is done: the same one again is the same thing."""
    return Envelope(chat, f"{chat}:{key}", {"kind": kind, "chat": chat, "key": key, **facts})


def ack_of(chat: str, key: str) -> str:
    """The name by which a press is answered."""
    return f"{chat}:{key}"


def read(raw: Raw) -> Sequence[Incoming]:
    reader = _READERS.get(raw["kind"], _unknown)
    return [reader(raw)]


def _message(raw: Raw) -> Incoming:
    return Incoming(
        text=raw.get("text", ""),
        media=tuple(_media(file) for file in raw.get("files", ())),
        reply_to=raw.get("reply_to", ""),
        **_common(raw),
    )


def _contact(raw: Raw) -> Incoming:
    """A typed number: the visitor's word, vouched for by nobody."""
    return Incoming(contact=Contact(phone=raw["phone"]), text=raw["phone"], **_common(raw))


def _start(raw: Raw) -> Incoming:
    """The visitor came by a link or a button of the page that names something, such as a product."""
    return Incoming(start=raw["start"], text=f"/start {raw['start']}".strip(), **_common(raw))


def _press(raw: Raw) -> Incoming:
    message_id, version, index = read_button(raw["button"])
    press = Press(message_id=message_id, index=index, version=version, ack=ack_of(raw["chat"], raw["key"]))
    return Incoming(press=press, **_common(raw))


def _unknown(raw: Raw) -> Incoming:
    return Incoming(unsupported=str(raw["kind"]), **_common(raw))


def _common(raw: Raw) -> dict[str, Any]:
    return {
        "external_id": raw["key"],
        "profile": Profile(external_id=raw["chat"], locale=raw.get("locale", "")),
        "context": raw.get("context", {}),
        "sent_at": raw.get("at", 0.0),
    }


def _media(file: Raw) -> Media:
    return Media(
        MediaKind(file["kind"]), file_id=file["file_id"], name=file["name"], mime=file["mime"], size=file["size"]
    )


_READERS: Mapping[str, Callable[[Raw], Incoming]] = {
    "message": _message,
    "contact": _contact,
    "start": _start,
    "press": _press,
}
