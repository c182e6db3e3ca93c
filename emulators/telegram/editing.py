"""The methods that change or remove what the bot has sent."""

from __future__ import annotations

import time

from emulators.telegram.calls import Call, read_caption, read_message_text
from emulators.telegram.errors import bad_request
from emulators.telegram.markup import read_inline_markup
from emulators.telegram.sending import read_media
from emulators.telegram.world import Chat, Json, is_by_bot

MEDIA_FIELDS = ("photo", "video", "animation", "audio", "document", "voice", "sticker")
CAPTION_FIELDS = ("caption", "caption_entities", "show_caption_above_media")
EDITABLE_MEDIA = frozenset({"photo", "video", "animation", "audio", "document"})
DELETABLE_FOR = 48 * 3600
"""Seconds. Source: https://core.telegram.org/bots/api#deletemessage"""


def edit_message_text(call: Call) -> Json:
    content = read_message_text(call.parameters)
    chat, message = _own_message(call)
    if "text" not in message:
        raise bad_request("there is no text in the message to edit")
    return _change(call, chat, message, content, without=("text", "entities", "link_preview_options"))


def edit_message_caption(call: Call) -> Json:
    content = read_caption(call.parameters)
    chat, message = _own_message(call)
    if not any(name in message for name in MEDIA_FIELDS):
        raise bad_request("there is no caption in the message to edit")
    return _change(call, chat, message, content, without=CAPTION_FIELDS)


def edit_message_media(call: Call) -> Json:
    item = call.parameters.json_object("media", "InputMedia")
    if item is None:
        raise bad_request("can't parse InputMedia: media is empty")
    content = read_media(call, item, allowed=EDITABLE_MEDIA)
    chat, message = _own_message(call)
    if "text" in message:
        message = {key: value for key, value in message.items() if key not in ("text", "entities")}
    return _change(call, chat, message, content, without=(*MEDIA_FIELDS, *CAPTION_FIELDS, "has_media_spoiler"))


def edit_message_reply_markup(call: Call) -> Json:
    chat, message = _own_message(call)
    return _change(call, chat, message, {}, without=())


def delete_message(call: Call) -> bool:
    chat = call.chat()
    message = chat.messages.get(call.parameters.integer("message_id"))
    if message is None:
        raise bad_request("message to delete not found")
    if message["date"] < time.time() - DELETABLE_FOR:
        raise bad_request("message can't be deleted for everyone")
    chat.remove(message["message_id"])
    return True


def delete_messages(call: Call) -> bool:
    chat = call.chat()
    for message_id in call.parameters.json_list("message_ids", "message identifiers") or []:
        if message_id in chat.messages:
            chat.remove(message_id)
    return True


def _own_message(call: Call) -> tuple[Chat, Json]:
    """The message of the bot that the call names."""
    chat = call.open_chat()
    message = chat.messages.get(call.parameters.integer("message_id"))
    if message is None:
        raise bad_request("message to edit not found")
    if not is_by_bot(message) or "forward_origin" in message:
        raise bad_request("message can't be edited")
    return chat, message


def _change(call: Call, chat: Chat, message: Json, content: Json, *, without: tuple[str, ...]) -> Json:
    """Put the new content and keyboard into the message; an edit that names no keyboard takes it away."""
    markup = read_inline_markup(call.parameters)
    changed = {key: value for key, value in message.items() if key not in (*without, "reply_markup")}
    changed.update(content)
    if markup:
        changed["reply_markup"] = markup
    if changed == chat.messages[message["message_id"]]:
        raise bad_request(
            "message is not modified: specified new message content and reply markup are exactly the same as a current "
            "content and reply markup of the message"
        )
    changed["edit_date"] = int(time.time())
    chat.replace(changed)
    return changed
