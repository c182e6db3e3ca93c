"""Reading VK's events: plain JSON in, our words out.

A message is named by its number within the dialog, conversation_message_id: that is what answers, edits and presses
name it by.

Source: https://dev.vk.com/api/community-events/json-schema, https://dev.vk.com/reference/objects/message
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from bot.channels.base import read_button
from bot.channels.vk_calls import parsed
from inbox.channels import GOODS, LACKS
from inbox.content import Incoming, Location, Media, MediaKind, Press, Profile, Span, Style

Json = Mapping[str, Any]

GROUP_CHATS = 2_000_000_000
"""Dialogs from this number on are talks of many."""

BUTTON = "button"
"""The key of our name for a button in its payload."""

LOCALES = {0: "ru", 1: "ru", 2: "ru", 3: "en"}
"""Our language for VK's number of one: Russian, Ukrainian, Belarusian, English."""

STYLES = {"bold": Style.BOLD, "italic": Style.ITALIC, "underline": Style.UNDERLINE, "url": Style.LINK}
NAMES = {style: name for name, style in STYLES.items()}

REACTION = "message_reaction_event"

_SIGNS = ("❤", "🔥", "😂", "👍", "💩", "❓", "😭", "😡", "👎", "👌", "😃", "🤔", "🙏", "😘", "😍", "🎉")
SIGNS = dict(enumerate(_SIGNS, start=1))
"""VK tells a reaction by its number in the row from which people choose."""

OTHER_SIGN = "♡"
"""One whose number was not there when this was written."""

PAGES = {
    "video": "video",
    "wall": "wall",
    "market": "product",
    "poll": "poll",
    "story": "story",
    "video_playlist": "video/playlist/",
}
"""What VK shows on a page of its own and gives nobody as a file, with the word that its address begins with."""


def chat_of(event: Json) -> str:
    """The dialog with one person that an event belongs to; "" for one of no such dialog."""
    kind = event.get("type")
    if kind in ("message_new", "message_edit"):
        return _private(_told(event).get("peer_id"))
    if kind in ("message_event", REACTION):
        return _private(_object(event).get("peer_id"))
    return _private(_object(event).get("user_id")) if kind == "message_deny" else ""


def name_of(event: Json) -> str:
    """An event's name, the same when VK brings it again or when it is found in the dialog later."""
    told, kind = _told(event), event.get("type")
    place, number = told.get("peer_id"), told.get("conversation_message_id")
    if kind == "message_new" and number is not None:
        return f"new-{place}-{number}"
    if kind == "message_edit" and number is not None and "update_time" in told:
        return f"edit-{place}-{number}-{told['update_time']}"
    if kind == "message_event" and "event_id" in told:
        return f"press-{told['event_id']}"
    return str(event.get("event_id", ""))


def speaker_of(event: Json) -> int:
    """Whose name is to be asked for; 0 where nobody's is."""
    speaker = _told(event).get("from_id", 0)
    return speaker if isinstance(speaker, int) and speaker > 0 else 0


def read(event: Json) -> Sequence[Incoming]:
    """One event as what a buyer said or did; nothing for talks of many and for what we said ourselves."""
    if not chat_of(event):
        return ()
    told, kind = _object(event), event["type"]
    people = {each.get("id"): each for each in event.get("profiles", ())}
    if kind == "message_new":
        locale = LOCALES.get(told.get("client_info", {}).get("lang_id", -1), "")
        return _message(told["message"], people, locale, edited=False, program=told.get("client_info"))
    if kind == "message_edit":
        return _message(told, people, "", edited=True)
    if kind == "message_event":
        return (_press(told),)
    if kind == REACTION:
        return _signs(told, event)
    return (Incoming(external_id=f"left-{event['event_id']}", profile=Profile(chat_of(event)), left=True),)


def _object(event: Json) -> Json:
    told = event.get("object")
    return told if isinstance(told, Mapping) else {}


def _told(event: Json) -> Json:
    """The message of an event that has one, else what it tells."""
    told = _object(event)
    if event.get("type") != "message_new":
        return told
    message = told.get("message")
    return message if isinstance(message, Mapping) else {}


def _private(peer_id: Any) -> str:
    return str(peer_id) if isinstance(peer_id, int) and 0 < peer_id < GROUP_CHATS else ""


def _message(
    message: Json, people: Mapping[Any, Json], locale: str, *, edited: bool, program: Any = None
) -> Sequence[Incoming]:
    if message.get("out") or message["from_id"] <= 0:
        return ()
    profile = _profile(message["from_id"], people, locale)
    payload = _payload(message.get("payload"))
    if BUTTON in payload and not edited:
        # A client that knows no callback buttons says the button's label instead.
        return (_pressed(payload, f"press-{message['id']}", profile, ack="", place=""),)
    text, spans = _words(message)
    media = [found for each in _attachments(message) if (found := _media(each))]
    location = _location(message.get("geo"))
    known = bool(text or media or location or message.get("geo"))
    return (
        Incoming(
            external_id=str(message["conversation_message_id"]),
            profile=profile,
            text=text,
            spans=spans,
            media=tuple(media),
            location=location,
            start=_start(message, payload),
            reply_to=str(message.get("reply_message", {}).get("conversation_message_id", "")),
            edited=edited,
            unsupported="" if known else _unsupported(message),
            context=_lacking(program),
            sent_at=float(message.get("date", 0)),
        ),
    )


def _lacking(program: Any) -> dict[str, str]:
    """What the person's own program does not show: it would leave a carousel out and show the words alone."""
    if not isinstance(program, Mapping) or "carousel" not in program:
        return {}
    return {LACKS: "" if program["carousel"] else GOODS}


def _profile(person: int, people: Mapping[Any, Json], locale: str) -> Profile:
    told = people.get(person, {})
    name = " ".join(part for part in (told.get("first_name"), told.get("last_name")) if part)
    return Profile(str(person), name=name, username=told.get("screen_name", ""), locale=locale)


def _payload(payload: Any) -> Json:
    """A payload comes as an object or as its text; anything else is nobody's."""
    found = parsed(payload.encode()) if isinstance(payload, str) else payload
    return found if isinstance(found, Mapping) else {}


def _start(message: Json, payload: Json) -> str | None:
    """The word of the link that was followed, "" for the start button alone; None if the dialog just goes on."""
    if message.get("ref"):
        return str(message["ref"])[:64]
    if payload.get("command") == "start":
        return ""
    command, _, parameter = str(message.get("text", "")).partition(" ")
    return parameter.strip()[:64] if command == "/start" else None


def _words(message: Json) -> tuple[str, tuple[Span, ...]]:
    """The text with what was forwarded below it, and the addresses of what can only be seen in VK."""
    text = str(message.get("text", ""))
    spans = [*read_spans(text, message.get("format_data", {}).get("items", ()))]
    for forwarded in _forwarded(message):
        if words := str(forwarded.get("text", "")):
            text += "\n\n" if text else ""
            spans.append(Span(Style.QUOTE, len(text), len(words)))
            text += words
    for address in filter(None, map(_address, _attachments(message))):
        text += f"\n{address}" if text else address
    return text, tuple(spans)


def _forwarded(message: Json) -> list[Json]:
    """Messages within messages, outermost first."""
    inside = message.get("fwd_messages") or ()
    return [found for each in inside for found in (each, *_forwarded(each))]


def _attachments(message: Json) -> list[Json]:
    own = message.get("attachments") or ()
    return [*own, *(each for forwarded in _forwarded(message) for each in forwarded.get("attachments") or ())]


def _address(attachment: Json) -> str:
    kind = attachment.get("type", "")
    held = attachment.get(kind) or {}
    if kind == "link":
        return str(held.get("url", ""))
    if kind not in PAGES or "id" not in held:
        return ""
    owner = held.get("owner_id", held.get("to_id", held.get("from_id", "")))
    return f"https://vk.com/{PAGES[kind]}{owner}_{held['id']}"


def _media(attachment: Json) -> Media | None:
    kind = attachment.get("type", "")
    reader = _READERS.get(kind)
    return reader(attachment.get(kind) or {}) if reader is not None else None


def _photo(held: Json) -> Media | None:
    sizes = [*held.get("sizes", ()), *([held["orig_photo"]] if held.get("orig_photo") else [])]
    sizes = [each for each in sizes if each.get("url")]
    if not sizes:
        return None
    largest = max(sizes, key=lambda each: each.get("width", 0) * each.get("height", 0))
    return Media(MediaKind.PHOTO, remote=largest["url"], mime="image/jpeg")


def _doc(held: Json) -> Media:
    name = str(held.get("title", ""))
    return Media(MediaKind.DOCUMENT, remote=held.get("url", ""), name=name, size=held.get("size", 0))


def _voice(held: Json) -> Media:
    address = held.get("link_ogg") or held.get("link_mp3") or ""
    mime = "audio/ogg" if held.get("link_ogg") else "audio/mpeg"
    return Media(MediaKind.VOICE, remote=address, mime=mime, duration=held.get("duration", 0))


def _audio(held: Json) -> Media:
    name = " — ".join(part for part in (held.get("artist"), held.get("title")) if part)
    return Media(
        MediaKind.AUDIO, remote=held.get("url", ""), name=name, mime="audio/mpeg", duration=held.get("duration", 0)
    )


def _sticker(held: Json) -> Media | None:
    images = [each for each in held.get("images", ()) if each.get("url")]
    if not images:
        return None
    largest = max(images, key=lambda each: each.get("width", 0))
    return Media(MediaKind.STICKER, remote=largest["url"], mime="image/png")


def _graffiti(held: Json) -> Media | None:
    return Media(MediaKind.PHOTO, remote=held["url"], mime="image/png") if held.get("url") else None


_READERS = {
    "photo": _photo,
    "doc": _doc,
    "audio_message": _voice,
    "audio": _audio,
    "sticker": _sticker,
    "graffiti": _graffiti,
}


def _location(geo: Any) -> Location | None:
    place = geo.get("coordinates") if isinstance(geo, Mapping) else None
    if not isinstance(place, Mapping) or "latitude" not in place or "longitude" not in place:
        return None
    return Location(place["latitude"], place["longitude"], str((geo.get("place") or {}).get("title", "")))


def _unsupported(message: Json) -> str:
    for attachment in _attachments(message):
        return str(attachment.get("type") or "unknown")
    return str((message.get("action") or {}).get("type") or "unknown")


def _press(told: Json) -> Incoming:
    ack = f"{told['event_id']}:{told['user_id']}:{told['peer_id']}"
    return _pressed(
        _payload(told.get("payload")),
        f"press-{told['event_id']}",
        Profile(str(told["user_id"])),
        ack=ack,
        place=str(told.get("conversation_message_id", "")),
    )


def _signs(told: Json, event: Json) -> Sequence[Incoming]:
    """A sign put on a message or, without a number, taken off. What the community does itself says nothing."""
    person, number = told.get("reacted_id"), told.get("reaction_id")
    if not isinstance(person, int) or person <= 0 or "cmid" not in told:
        return ()
    return (
        Incoming(
            external_id=f"sign-{event.get('event_id')}",
            profile=Profile(str(person)),
            reply_to=str(told["cmid"]),
            signs=(SIGNS.get(number, OTHER_SIGN),) if number else (),
        ),
    )


def _pressed(payload: Json, name: str, profile: Profile, *, ack: str, place: str) -> Incoming:
    message_id, version, index = read_button(str(payload.get(BUTTON, "")))
    press = Press(message_id=message_id, version=version, index=index, ack=ack, place=place)
    return Incoming(external_id=name, profile=profile, press=press)


def read_spans(text: str, items: Sequence[Json]) -> list[Span]:
    """VK counts in UTF-16 units, we in code points. Source: https://dev.vk.com/reference/objects/message#format_data"""
    place = [n for n, char in enumerate(text) for _ in range(2 if ord(char) > 0xFFFF else 1)] + [len(text)]
    spans = []
    for item in items:
        style, start, end = STYLES.get(item.get("type", "")), item["offset"], item["offset"] + item["length"]
        if style is not None and 0 <= start < end < len(place):
            spans.append(Span(style, place[start], place[end] - place[start], item.get("url", "")))
    return spans


def write_spans(text: str, spans: Sequence[Span]) -> dict[str, Any] | None:
    """Spans as VK's format_data; None without any."""
    offsets = [0]
    for char in text:
        offsets.append(offsets[-1] + (2 if ord(char) > 0xFFFF else 1))
    items = []
    for span in spans:
        start, end = offsets[min(span.offset, len(text))], offsets[min(span.offset + span.length, len(text))]
        if span.style in NAMES and end > start:
            item: dict[str, Any] = {"type": NAMES[span.style], "offset": start, "length": end - start}
            items.append(item | ({"url": span.url} if span.url else {}))
    return {"version": "1", "items": items} if items else None
