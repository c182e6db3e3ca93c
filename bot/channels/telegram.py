"""Telegram: one bot, as far as it speaks.

telegram_receive.py receives, telegram_read.py reads updates, telegram_calls.py carries calls, telegram_files.py what
must be uploaded or fetched.

Source of all facts: https://core.telegram.org/bots/api
"""

from __future__ import annotations

import asyncio
import contextlib
import importlib
import time
from collections import OrderedDict
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import orjson

from bot.channels import telegram_read
from bot.channels.base import (
    Attachment,
    ChannelError,
    Checkup,
    Connection,
    Parcel,
    Rejected,
    button_name,
)
from bot.channels.telegram_calls import Calls
from bot.channels.telegram_receive import hook
from inbox.content import Button, Incoming, Media, MediaKind, Outgoing

if TYPE_CHECKING:
    from bot.channels.telegram_files import Files

FRESH_TROUBLE = timedelta(minutes=10)
"""Trouble with a webhook that Telegram remembers and that is older than this may be over."""

SETTLED = 60.0
"""Seconds after which a process that has started is taken to have caught up with what waited for it."""

PORTRAIT = 160
"""Pixels of the width that a person's picture is shown with at most."""

BRIEF = 3.0
"""Seconds that a call may take which is worth nothing later."""

REMEMBERED_FILES = 5000
"""How many uploaded files are sent again by Telegram's own id."""

FIELDS: Mapping[MediaKind, str] = {
    MediaKind.PHOTO: "photo",
    MediaKind.VIDEO: "video",
    MediaKind.VOICE: "voice",
    MediaKind.AUDIO: "audio",
    MediaKind.STICKER: "sticker",
}
"""What a kind of file is called by Telegram; any other is a document."""

IN_PLACE = frozenset({"photo", "video", "audio", "document"})
"""What may stand in an album, or take the place of another file."""

REUSED = ("video", "document", "audio", "voice")
"""Where a sent message names its file, beside "photo"."""

FileOf = Callable[[Attachment], str | Attachment]


class Telegram:
    """One bot, as far as it speaks."""

    def __init__(self, connection: Connection) -> None:
        self._link = connection
        self._token: str = orjson.loads(connection.secret)["token"]
        self._api: str = connection.settings.get("api") or ""
        self._calls = Calls(self._token, self._api)
        self._files: Files | None = None
        self._uploaded: OrderedDict[str, str] = OrderedDict()
        self._opening: asyncio.Task[None] | None = None

    def parse(self, raw: Mapping[str, Any]) -> Sequence[Incoming]:
        return telegram_read.read(raw)

    async def start(self) -> None:
        """Texts can be sent at once. Files are opened at the first need, or a while later: that takes the processor."""
        self._opening = asyncio.create_task(self._open_files_later())

    async def stop(self) -> None:
        if self._opening is not None:
            self._opening.cancel()
            await asyncio.gather(self._opening, return_exceptions=True)
        await self._calls.close()
        if self._files is not None:
            await self._files.close()

    async def check(self) -> Checkup:
        """Whether Telegram still brings updates to us. A webhook that is gone or leads elsewhere is set again.

        Source: https://core.telegram.org/bots/api#getwebhookinfo
        """
        if self._link.settings.get("receive") != "webhook":
            return Checkup()
        ours = hook(self._link)
        told = await self._calls.call("getWebhookInfo", {})
        url = told.get("url")
        if url != ours["url"]:
            await self._calls.call("setWebhook", ours)
            # Where it led to instead is somebody's secret, perhaps ours.
            return Checkup("the webhook led elsewhere" if url else "the webhook was gone")
        recent = time.time() - told.get("last_error_date", 0) < FRESH_TROUBLE.total_seconds()
        if told.get("pending_update_count") and recent:
            return Checkup(f"Telegram cannot bring updates: {told.get('last_error_message', '')}")
        return Checkup()

    # Sending

    async def send(self, parcel: Parcel) -> str:
        method, fields = _sending(parcel, self._file)
        sent = await self._call(method, fields, parcel)
        if isinstance(sent, list):
            return str(sent[0]["message_id"])
        if parcel.attachments:
            self._remember(parcel.attachments[0], sent)
        return str(sent["message_id"])

    async def edit(self, parcel: Parcel) -> str:
        """Edit in place; where Telegram cannot turn a photo into a text, send anew and take the old one away."""
        method, fields = _editing(parcel, self._file)
        try:
            edited = await self._call(method, fields, parcel)
        except Rejected as refused:
            reason = str(refused)
            if "message is not modified" in reason:
                return parcel.external_id
            if "no text in the message" not in reason and "message can't be edited" not in reason:
                raise
        else:
            if parcel.attachments and isinstance(edited, dict):
                self._remember(parcel.attachments[0], edited)
            return parcel.external_id
        sent = await self.send(parcel)
        with contextlib.suppress(ChannelError):
            await self._calls.call(
                "deleteMessage", {"chat_id": int(parcel.chat), "message_id": int(parcel.external_id)}
            )
        return sent

    async def acknowledge(self, ack: str, text: str, *, alert: bool) -> None:
        await self._calls.call(
            "answerCallbackQuery", {"callback_query_id": ack, "text": text[:200] or None, "show_alert": alert or None}
        )

    async def typing(self, chat: str, said: str) -> None:
        await self._calls.call("sendChatAction", {"chat_id": int(chat), "action": "typing"}, patience=BRIEF)

    async def seen(self, chat: str, said: str) -> None:
        """Nothing: a bot of Telegram marks nothing as read."""

    async def fetch(self, media: Media) -> AsyncIterator[bytes]:
        files = await self._open_files()
        async for chunk in files.fetch(media.remote):
            yield chunk

    async def portrait(self, chat: str, person: str) -> str:
        """Source: https://core.telegram.org/bots/api#getuserprofilephotos"""
        told = await self._calls.call("getUserProfilePhotos", {"user_id": int(person), "limit": 1})
        sizes = next(iter(told["photos"]), ())
        large = [each["file_id"] for each in sizes if each["width"] >= PORTRAIT] or [e["file_id"] for e in sizes][-1:]
        return str(large[0]) if large else ""

    # Files

    async def _call(self, method: str, fields: dict[str, Any], parcel: Parcel) -> Any:
        if parcel.attachments and _has_upload(fields):
            return await (await self._open_files()).call(method, fields)
        return await self._calls.call(method, fields)

    async def _open_files_later(self) -> None:
        await asyncio.sleep(SETTLED)
        await self._open_files()

    async def _open_files(self) -> Files:
        """Made at first need: what it imports takes seconds, in which other chats are answered."""
        if self._files is None:
            module = await asyncio.to_thread(importlib.import_module, "bot.channels.telegram_files")
            self._files = self._files or module.Files(self._token, self._api)
        return self._files

    def _file(self, attachment: Attachment) -> str | Attachment:
        """Telegram's id of what was uploaded before."""
        return self._uploaded.get(attachment.sha256) or attachment

    def _remember(self, attachment: Attachment, sent: Mapping[str, Any]) -> None:
        """Telegram's id of an uploaded file, so that a product photo travels once."""
        photos = sent.get("photo")
        found = photos[-1] if photos else next((sent[kind] for kind in REUSED if sent.get(kind)), None)
        if found is None:
            return
        self._uploaded[attachment.sha256] = found["file_id"]
        if len(self._uploaded) > REMEMBERED_FILES:
            self._uploaded.popitem(last=False)


def _sending(parcel: Parcel, file_of: FileOf) -> tuple[str, dict[str, Any]]:
    """The method that sends the parcel, and its fields."""
    outgoing = parcel.outgoing
    fields: dict[str, Any] = {"chat_id": int(parcel.chat)}
    if parcel.reply_to:
        fields["reply_parameters"] = {"message_id": int(parcel.reply_to), "allow_sending_without_reply": True}
    if len(parcel.attachments) > 1:
        fields["media"] = [
            _medium(attachment, file_of, outgoing if n == 0 else None)
            for n, attachment in enumerate(parcel.attachments)
        ]
        return "sendMediaGroup", fields
    fields["reply_markup"] = _markup(parcel)
    if not parcel.attachments:
        return "sendMessage", {**fields, **_words(outgoing)}
    only = parcel.attachments[0]
    field = FIELDS.get(only.media.kind, "document")
    fields[field] = file_of(only)
    if only.media.kind != MediaKind.STICKER:
        fields |= _caption(outgoing)
    return f"send{field.capitalize()}", fields


def _editing(parcel: Parcel, file_of: FileOf) -> tuple[str, dict[str, Any]]:
    """The method that shows the parcel in place of what was sent, and its fields."""
    fields = {
        "chat_id": int(parcel.chat),
        "message_id": int(parcel.external_id),
        "reply_markup": _inline(parcel),
    }
    if parcel.attachments:
        return "editMessageMedia", {**fields, "media": _medium(parcel.attachments[0], file_of, parcel.outgoing)}
    return "editMessageText", {**fields, **_words(parcel.outgoing)}


def _medium(attachment: Attachment, file_of: FileOf, outgoing: Outgoing | None) -> dict[str, Any]:
    kind = FIELDS.get(attachment.media.kind, "document")
    words = _caption(outgoing) if outgoing is not None else {}
    return {"type": kind if kind in IN_PLACE else "document", "media": file_of(attachment), **words}


def _words(outgoing: Outgoing) -> dict[str, Any]:
    entities = telegram_read.write_spans(outgoing.text, outgoing.spans)
    return {"text": outgoing.text, "entities": entities or None, "link_preview_options": {"is_disabled": True}}


def _caption(outgoing: Outgoing) -> dict[str, Any]:
    entities = telegram_read.write_spans(outgoing.text, outgoing.spans)
    words = {"caption": outgoing.text, "caption_entities": entities}
    return {name: value for name, value in words.items() if value}


def _markup(parcel: Parcel) -> dict[str, Any] | None:
    outgoing = parcel.outgoing
    if outgoing.rows:
        return _inline(parcel)
    if outgoing.keyboard:
        rows = [[_key(button) for button in row] for row in outgoing.keyboard]
        return {"keyboard": rows, "resize_keyboard": True, "is_persistent": True}
    return {"remove_keyboard": True} if outgoing.drop_keyboard else None


def _key(button: Button) -> dict[str, Any]:
    return {"text": button.label, "request_contact": True} if button.ask_contact else {"text": button.label}


def _inline(parcel: Parcel) -> dict[str, Any] | None:
    if not parcel.outgoing.rows:
        return None
    rows: list[list[dict[str, Any]]] = []
    index = 0
    for row in parcel.outgoing.rows:
        rows.append([])
        for button in row:
            name = button_name(parcel.message_id, parcel.version, index)
            does = {"url": button.url} if button.url else {"callback_data": name}
            rows[-1].append({"text": button.label, **does})
            index += 1
    return {"inline_keyboard": rows}


def _has_upload(value: Any) -> bool:
    if isinstance(value, dict):
        return any(_has_upload(each) for each in value.values())
    if isinstance(value, list):
        return any(_has_upload(each) for each in value)
    return isinstance(value, Attachment)
