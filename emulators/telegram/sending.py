"""The methods that put a new message into a chat."""

from __future__ import annotations

import secrets
from typing import Any

from emulators.telegram.calls import Call, read_caption, read_message_text, read_reply
from emulators.telegram.errors import ApiError, bad_request
from emulators.telegram.files import DEFAULT_MIME, PHOTO_LIMIT, StoredFile
from emulators.telegram.markup import apply_to_phone, read_markup
from emulators.telegram.parameters import UPLOAD_LIMIT, Parameters
from emulators.telegram.world import Json, is_by_bot

ALBUM = (2, 10)
ALBUM_KINDS = frozenset({"photo", "video", "audio", "document"})
CHAT_ACTIONS = frozenset(
    {
        "typing", "upload_photo", "record_video", "upload_video", "record_voice", "upload_voice", "upload_document",
        "choose_sticker", "find_location", "record_video_note", "upload_video_note",
    }
)  # fmt: skip
MEDIA_DETAILS = ("duration", "width", "height", "performer", "title", "emoji")
OWN_FIELDS = frozenset(
    {
        "message_id", "from", "chat", "date", "edit_date", "reply_to_message", "reply_markup", "media_group_id",
        "forward_origin",
    }
)  # fmt: skip
"""What belongs to one message and does not go along when it is copied."""


def send_message(call: Call) -> Json:
    return _put(call, read_message_text(call.parameters))


def send_photo(call: Call) -> Json:
    return _send_file(call, "photo")


def send_document(call: Call) -> Json:
    return _send_file(call, "document")


def send_video(call: Call) -> Json:
    return _send_file(call, "video")


def send_animation(call: Call) -> Json:
    return _send_file(call, "animation")


def send_audio(call: Call) -> Json:
    return _send_file(call, "audio")


def send_voice(call: Call) -> Json:
    return _send_file(call, "voice")


def send_sticker(call: Call) -> Json:
    return _send_file(call, "sticker")


def send_location(call: Call) -> Json:
    latitude, longitude = call.parameters.number("latitude"), call.parameters.number("longitude")
    if latitude is None:
        raise bad_request("latitude is empty")
    if longitude is None:
        raise bad_request("longitude is empty")
    if abs(latitude) > 90 or abs(longitude) > 180:
        raise bad_request("wrong geo location specified")
    return _put(call, {"location": {"latitude": latitude, "longitude": longitude}})


def send_contact(call: Call) -> Json:
    if not call.parameters.has("phone_number"):
        raise bad_request("phone number is empty")
    if not call.parameters.has("first_name"):
        raise bad_request("contact's first name is empty")
    told = {key: call.parameters.text(key) for key in ("phone_number", "first_name", "last_name", "vcard")}
    return _put(call, {"contact": {key: value for key, value in told.items() if value}})


def send_media_group(call: Call) -> list[Json]:
    given = call.parameters.json_list("media", "media") or []
    if len(given) > ALBUM[1]:
        raise bad_request("too many messages to send as an album")
    if len(given) < ALBUM[0]:
        raise bad_request(
            "there are not enough messages to send as an album" if given else "there are no messages to send"
        )
    contents = [read_media(call, item, allowed=ALBUM_KINDS) for item in given]
    kinds = {str(item["type"]) for item in given}
    if len(kinds) > 1 and not kinds <= {"photo", "video"}:
        raise bad_request("documents and audios can't be mixed with other media types")
    chat = call.open_chat()
    reply = read_reply(call.parameters, chat)
    album = {"media_group_id": str(secrets.randbits(53))}
    return [chat.add(by_bot=True, content={**reply, **album, **content}) for content in contents]


def send_chat_action(call: Call) -> bool:
    action = call.parameters.text("action")
    chat = call.open_chat()
    if action not in CHAT_ACTIONS:
        raise bad_request("wrong parameter action in request")
    chat.show_action(action)
    return True


def copy_message(call: Call) -> Json:
    return {"message_id": _put(call, _content_of(_original(call)))["message_id"]}


def forward_message(call: Call) -> Json:
    original = _original(call)
    origin = {"type": "user", "sender_user": original["from"], "date": original["date"]}
    return _put(call, {**_content_of(original), "forward_origin": original.get("forward_origin", origin)})


def read_media(call: Call, item: Any, *, allowed: frozenset[str]) -> Json:
    """The message fields of one InputMedia object."""
    if not isinstance(item, dict):
        raise bad_request("can't parse InputMedia: expected an Object")
    kind = item.get("type")
    if kind not in allowed:
        raise bad_request("can't parse InputMedia: type must be one of " + ", ".join(sorted(allowed)))
    source = Parameters(item, call.parameters.uploads)
    stored = read_file(call, source, kind, name="media")
    return {**_file_fields(call, source, stored), **read_caption(source)}


def read_file(call: Call, source: Parameters, kind: str, *, name: str) -> StoredFile:
    """The file that a parameter uploads or names by id. Nothing is ever fetched from an address.

    Raises 400 if there is none, it is empty, too big, or of another kind.
    """
    uploads = call.parameters.uploads
    value = source.text(name)
    upload = uploads.get(value.removeprefix("attach://")) if value.startswith("attach://") else uploads.get(name)
    if upload is not None:
        if not upload.content:
            raise bad_request("file must be non-empty")
        if len(upload.content) > (PHOTO_LIMIT if kind == "photo" else UPLOAD_LIMIT):
            raise _too_large(kind)
        mime_type = "" if upload.mime_type == DEFAULT_MIME["document"] else upload.mime_type
        return call.cloud.files.add(kind, upload.content, file_name=upload.file_name, mime_type=mime_type)
    if not value:
        raise bad_request(f"there is no {kind} in the request")
    if value.startswith(("http://", "https://")):
        raise bad_request("failed to get HTTP URL content")
    stored = call.cloud.files.get(value)
    if stored is None:
        raise bad_request("wrong remote file identifier specified: Wrong string length")
    if stored.kind != kind:
        raise bad_request(f"can't use file of type {stored.kind.capitalize()} as {kind.capitalize()}")
    return stored


def _too_large(kind: str) -> ApiError:
    return bad_request("file is too big") if kind == "photo" else ApiError(413, "Request Entity Too Large")


def _send_file(call: Call, kind: str) -> Json:
    stored = read_file(call, call.parameters, kind, name=kind)
    caption = {} if kind == "sticker" else read_caption(call.parameters)
    return _put(call, {**_file_fields(call, call.parameters, stored), **caption})


def _file_fields(call: Call, source: Parameters, stored: StoredFile) -> Json:
    fields = call.cloud.files.describe(stored, {key: source.values.get(key) for key in MEDIA_DETAILS})
    if stored.kind == "animation":
        fields["document"] = {key: value for key, value in fields["animation"].items() if key not in MEDIA_DETAILS}
    if source.flag("has_spoiler"):
        fields["has_media_spoiler"] = True
    return fields


def _put(call: Call, content: Json) -> Json:
    """Add the message with what the call says about its keyboard and what it answers."""
    markup = read_markup(call.parameters)
    chat = call.open_chat()
    content = {**read_reply(call.parameters, chat), **content}
    if call.parameters.flag("protect_content"):
        content["has_protected_content"] = True
    if markup and markup.get("inline_keyboard"):
        content["reply_markup"] = markup
    message = chat.add(by_bot=True, content=content)
    apply_to_phone(chat, markup, message["message_id"])
    return message


def _original(call: Call) -> Json:
    """The message that is to be copied or forwarded, from any chat of this bot."""
    source = call.cloud.world.chats.get((call.account.bot.id, call.parameters.integer("from_chat_id")))
    original = source.messages.get(call.parameters.integer("message_id")) if source else None
    if original is None:
        raise bad_request("message to copy not found" if source else "chat not found")
    return original


def _content_of(message: Json) -> Json:
    kept = {key: value for key, value in message.items() if key not in OWN_FIELDS}
    if is_by_bot(message) or "contact" not in kept:
        return kept
    return {**kept, "contact": {key: value for key, value in kept["contact"].items() if key != "user_id"}}
