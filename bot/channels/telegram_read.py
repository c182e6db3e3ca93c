"""Reading Telegram's updates: plain JSON in, our words out. No aiogram here, so it costs nothing to import.

Source: https://core.telegram.org/bots/api#update
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from bot.channels.base import read_button
from inbox.content import Contact, Incoming, Location, Media, MediaKind, Press, Profile, Span, Style

Json = Mapping[str, Any]

STYLES = {
    "bold": Style.BOLD,
    "italic": Style.ITALIC,
    "underline": Style.UNDERLINE,
    "strikethrough": Style.STRIKE,
    "code": Style.CODE,
    "pre": Style.PRE,
    "blockquote": Style.QUOTE,
    "expandable_blockquote": Style.QUOTE,
    "spoiler": Style.SPOILER,
    "text_link": Style.LINK,
}
_NAMES = {style: name for name, style in reversed(STYLES.items()) if name != "expandable_blockquote"}
"""What Telegram calls each style when it is told of it."""

MEDIA = {
    "document": MediaKind.DOCUMENT,
    "video": MediaKind.VIDEO,
    "animation": MediaKind.VIDEO,
    "video_note": MediaKind.VIDEO,
    "voice": MediaKind.VOICE,
    "audio": MediaKind.AUDIO,
    "sticker": MediaKind.STICKER,
}

KNOWN = frozenset({"text", "caption", "photo", "contact", "location", "venue", *MEDIA})

OWN_SIGN = "⭐"
"""What stands for a reaction that is no emoji: a picture of somebody's own, or a paid star."""

SERVICE = frozenset(
    {
        "message_id", "date", "chat", "from", "sender_chat", "reply_to_message", "reply_markup", "entities",
        "edit_date", "caption_entities", "media_group_id", "forward_origin", "via_bot", "link_preview_options",
        "message_thread_id",
        "is_topic_message", "external_reply", "quote", "effect_id", "has_protected_content", "show_caption_above_media",
        "has_media_spoiler", "author_signature", "is_from_offline", "business_connection_id", "is_automatic_forward",
    }
)  # fmt: skip
"""Fields of a message that say nothing of what kind it is."""


def chat_of(update: Json) -> str:
    """The private chat that an update belongs to; "" for one of no private chat."""
    for kind in ("message", "edited_message", "my_chat_member"):
        if kind in update:
            return _private(update[kind]["chat"])
    if "message_reaction" in update:
        # Who signs on behalf of a chat has no name; in a private chat there is nobody of the kind.
        told = update["message_reaction"]
        return _private(told["chat"]) if "user" in told else ""
    if "callback_query" in update:
        message = update["callback_query"].get("message")
        return _private(message["chat"]) if message else str(update["callback_query"]["from"]["id"])
    return ""


def read(update: Json) -> Sequence[Incoming]:
    """One Update as what a buyer said or did; nothing for groups, channels and other bots."""
    if not chat_of(update):
        return ()
    if "message" in update:
        return (_message(update["message"], edited=False),)
    if "edited_message" in update:
        return (_message(update["edited_message"], edited=True),)
    if "callback_query" in update:
        return (_press(update["callback_query"]),)
    if "message_reaction" in update:
        return (_signs(update["message_reaction"], update["update_id"]),)
    if "my_chat_member" in update:
        return (_member(update["my_chat_member"], update["update_id"]),)
    return ()


def _private(chat: Json) -> str:
    return str(chat["id"]) if chat.get("type") == "private" else ""


def _profile(user: Json, phone: str = "") -> Profile:
    name = " ".join(part for part in (user.get("first_name"), user.get("last_name")) if part)
    return Profile(
        external_id=str(user["id"]),
        name=name,
        username=user.get("username", ""),
        locale=_locale(user.get("language_code", "")),
        phone=phone,
    )


def _locale(code: str) -> str:
    language = code.split("-")[0]
    return language if language in ("ru", "en") else ""


def _message(message: Json, *, edited: bool) -> Incoming:
    user = message.get("from") or {"id": message["chat"]["id"]}
    text, entities = _text(message)
    contact = _contact(message, user)
    return Incoming(
        external_id=str(message["message_id"]),
        profile=_profile(user, contact.phone if contact and contact.own else ""),
        text=text,
        spans=read_spans(text, entities),
        media=_media(message),
        contact=contact,
        location=_location(message),
        start=_start(text),
        reply_to=str(message.get("reply_to_message", {}).get("message_id", "")),
        edited=edited,
        unsupported=_unsupported(message),
        album=message.get("media_group_id", ""),
        sent_at=float(message.get("date", 0)),
    )


def _text(message: Json) -> tuple[str, Sequence[Json]]:
    if "text" in message:
        return message["text"], message.get("entities", ())
    return message.get("caption", ""), message.get("caption_entities", ())


def _start(text: str) -> str | None:
    """The parameter of /start, "" without one; None if the text is no /start."""
    command, _, parameter = text.partition(" ")
    return parameter.strip()[:64] if command == "/start" else None


def _media(message: Json) -> tuple[Media, ...]:
    if photos := message.get("photo"):
        largest = max(photos, key=lambda p: p["width"] * p["height"])
        return (Media(MediaKind.PHOTO, remote=largest["file_id"], mime="image/jpeg", size=largest.get("file_size", 0)),)
    for field, kind in MEDIA.items():
        if found := message.get(field):
            return (_one_media(kind, field, found),)
    return ()


def _one_media(kind: MediaKind, field: str, found: Json) -> Media:
    return Media(
        kind,
        remote=found["file_id"],
        name=found.get("file_name", ""),
        mime=found.get("mime_type") or ("video/mp4" if field == "video_note" else ""),
        size=found.get("file_size", 0),
        duration=found.get("duration", 0),
        emoji=found.get("emoji", ""),
    )


def _contact(message: Json, user: Json) -> Contact | None:
    contact = message.get("contact")
    if contact is None:
        return None
    name = " ".join(part for part in (contact.get("first_name"), contact.get("last_name")) if part)
    # Telegram fills user_id with the sender's own id only when the contact is the sender's own. One that is forwarded
    # may be of long ago, when another number was his.
    own = contact.get("user_id") == user.get("id") and "forward_origin" not in message
    return Contact(phone=contact["phone_number"], name=name, own=own)


def _location(message: Json) -> Location | None:
    if venue := message.get("venue"):
        place = venue["location"]
        return Location(place["latitude"], place["longitude"], ", ".join((venue["title"], venue["address"])))
    if place := message.get("location"):
        return Location(place["latitude"], place["longitude"])
    return None


def _unsupported(message: Json) -> str:
    if KNOWN & message.keys():
        return ""
    return next((key for key in message if key not in SERVICE), "unknown")


def _press(query: Json) -> Incoming:
    message_id, version, index = read_button(query.get("data", ""))
    place = str(query.get("message", {}).get("message_id", ""))
    return Incoming(
        external_id=f"press-{query['id']}",
        profile=_profile(query["from"]),
        press=Press(message_id=message_id, version=version, index=index, ack=query["id"], place=place),
    )


def _signs(told: Json, update_id: int) -> Incoming:
    """Source: https://core.telegram.org/bots/api#messagereactionupdated"""
    return Incoming(
        external_id=f"sign-{update_id}",
        profile=_profile(told["user"]),
        reply_to=str(told["message_id"]),
        signs=tuple(each.get("emoji") or OWN_SIGN for each in told.get("new_reaction", ())),
        sent_at=float(told.get("date", 0)),
    )


def _member(change: Json, update_id: int) -> Incoming:
    status = change["new_chat_member"]["status"]
    return Incoming(
        external_id=f"member-{update_id}", profile=_profile(change["from"]), left=status in ("kicked", "left")
    )


def read_spans(text: str, entities: Sequence[Json]) -> tuple[Span, ...]:
    """Telegram counts in UTF-16 units, we in code points."""
    if not entities:
        return ()
    place = _code_points(text)
    spans = []
    for entity in entities:
        style = STYLES.get(entity["type"])
        start, end = entity["offset"], entity["offset"] + entity["length"]
        if style is not None and 0 <= start < end < len(place):
            spans.append(Span(style, place[start], place[end] - place[start], entity.get("url", "")))
    return tuple(spans)


def _code_points(text: str) -> list[int]:
    """For each UTF-16 offset, and for the end, the code point it falls into."""
    place: list[int] = []
    for n, char in enumerate(text):
        place += [n] * (2 if ord(char) > 0xFFFF else 1)
    return [*place, len(text)]


def write_spans(text: str, spans: Sequence[Span]) -> list[dict[str, Any]]:
    """Spans as Telegram's MessageEntity fields, in UTF-16 units."""
    if not spans:
        return []
    entities = []
    for span in spans:
        start, end = _utf16(text[: span.offset]), _utf16(text[: span.offset + span.length])
        if end > start:
            entity: dict[str, Any] = {"type": _NAMES[span.style], "offset": start, "length": end - start}
            entities.append(entity | ({"url": span.url} if span.url else {}))
    return entities


def _utf16(text: str) -> int:
    """Its length as Telegram counts."""
    return len(text.encode("utf-16-le", "surrogatepass")) // 2
