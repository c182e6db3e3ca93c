"""One call of a method, and the readings that many methods share."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from emulators.telegram.cloud import Account, Cloud
from emulators.telegram.errors import bad_request, blocked_by_user
from emulators.telegram.formatting import parse, trimmed, units, with_found
from emulators.telegram.parameters import Parameters
from emulators.telegram.world import Chat, Json, quoted

TEXT_LIMIT = 4096
CAPTION_LIMIT = 1024
ENTITY_FIELDS = frozenset(
    {"type", "offset", "length", "url", "user", "language", "custom_emoji_id", "unix_time", "date_time_format"}
)
ENTITY_KINDS = frozenset(
    {
        "mention", "hashtag", "cashtag", "bot_command", "url", "email", "phone_number", "bold", "italic", "underline",
        "strikethrough", "spoiler", "blockquote", "expandable_blockquote", "code", "pre", "text_link", "text_mention",
        "custom_emoji", "date_time",
    }
)  # fmt: skip


@dataclass(slots=True)
class Call:
    cloud: Cloud
    account: Account
    parameters: Parameters

    def chat_id(self) -> int | None:
        """The chat that the call names, if it is a number; for journals and faults, so it never refuses."""
        value = self.parameters.values.get("chat_id")
        try:
            return int(value) if value is not None else None
        except (TypeError, ValueError):
            return None

    def chat(self) -> Chat:
        """The chat that the call names. Raises 400 if the person never wrote to this bot."""
        if not self.parameters.has("chat_id"):
            raise bad_request("chat_id is empty")
        chat_id = self.chat_id()
        chat = self.cloud.world.chats.get((self.account.bot.id, chat_id)) if chat_id is not None else None
        if chat is None or not chat.started:
            raise bad_request("chat not found")
        return chat

    def open_chat(self) -> Chat:
        """The same, and the person lets the bot write. Raises 403, or 429 when the bot writes too fast."""
        chat = self.chat()
        if chat.blocked:
            raise blocked_by_user()
        self.account.check_flood(chat)
        return chat


def read_text(source: Parameters, *, name: str = "text", entities_name: str = "entities") -> tuple[str, list[Json]]:
    """Text and entities: those given, or those of the parse mode, plus what Telegram finds by itself."""
    text = source.text(name)
    given = source.json_list(entities_name, "entities")
    if given:
        entities = [_entity(entity) for entity in given]
    else:
        text, entities = parse(text, source.text("parse_mode"))
    text, entities = trimmed(text, entities)
    return text, with_found(text, entities)


def read_message_text(source: Parameters) -> Json:
    """The `text` and `entities` fields of a text message. Raises 400 if it is empty or too long."""
    if not source.has("text"):
        raise bad_request("message text is empty")
    text, entities = read_text(source)
    if not text:
        raise bad_request("text must be non-empty")
    if units(text) > TEXT_LIMIT:
        raise bad_request("message is too long")
    content: Json = {"text": text, "entities": entities} if entities else {"text": text}
    preview = source.json_object("link_preview_options", "link preview options")
    if preview:
        content["link_preview_options"] = preview
    return content


def read_caption(source: Parameters) -> Json:
    """The caption fields of a media message; nothing if there is no caption."""
    caption, entities = read_text(source, name="caption", entities_name="caption_entities")
    if units(caption) > CAPTION_LIMIT:
        raise bad_request("message caption is too long")
    if not caption:
        return {}
    content: Json = {"caption": caption, "caption_entities": entities} if entities else {"caption": caption}
    if source.flag("show_caption_above_media"):
        content["show_caption_above_media"] = True
    return content


def read_reply(source: Parameters, chat: Chat) -> Json:
    """The `reply_to_message` field; nothing if the message answers none."""
    options = source.json_object("reply_parameters", "reply parameters") or {}
    if not options and source.has("reply_to_message_id"):
        options = {
            "message_id": source.integer("reply_to_message_id"),
            "allow_sending_without_reply": source.flag("allow_sending_without_reply"),
        }
    if not options:
        return {}
    original = chat.messages.get(int(options.get("message_id") or 0))
    if original is not None:
        return {"reply_to_message": quoted(original)}
    if options.get("allow_sending_without_reply"):
        return {}
    raise bad_request("message to be replied not found")


def _entity(given: Any) -> Json:
    if not isinstance(given, dict) or given.get("type") not in ENTITY_KINDS:
        raise bad_request("can't parse entities: unsupported type of entity")
    if not isinstance(given.get("offset"), int) or not isinstance(given.get("length"), int):
        raise bad_request("can't parse entities: offset and length must be Integers")
    return {key: value for key, value in given.items() if key in ENTITY_FIELDS and value is not None}
