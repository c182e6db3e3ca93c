"""Telegram: one bot, as far as it speaks and is spoken to.

telegram_read.py reads updates, telegram_calls.py carries calls, telegram_files.py what must be uploaded or fetched.

Source of all facts: https://core.telegram.org/bots/api
"""

from __future__ import annotations

import asyncio
import contextlib
import importlib
import logging
import random
import time
from collections import OrderedDict
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import orjson

from bot.channels import telegram_read
from bot.channels.base import (
    Attachment,
    Broken,
    ChannelError,
    Checkup,
    Connection,
    Envelope,
    Parcel,
    Rejected,
    button_name,
)
from bot.channels.telegram_calls import Calls
from inbox.content import Button, Incoming, Media, MediaKind, Outgoing
from kit import crash

if TYPE_CHECKING:
    from bot.channels.telegram_files import Files

logger = logging.getLogger(__name__)

POLL = 25
"""Seconds that one getUpdates waits at the server."""

FRESH_TROUBLE = timedelta(minutes=10)
"""Trouble with a webhook that Telegram remembers and that is older than this may be over."""

STEP_ASIDE, LONGEST_ASIDE = 10.0, 600.0
"""Seconds for which a poller leaves the field to another one that takes its updates: each time twice as long."""

TAKEN = "terminated by other getUpdates request"
"""Telegram's words for two that ask for one bot's updates."""

UPDATES = ["message", "edited_message", "callback_query", "my_chat_member"]
"""The kinds of update that we ask for."""

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
    """One bot. Receives by long polling, or by webhook when the account's settings say so."""

    def __init__(self, connection: Connection) -> None:
        self._link = connection
        secrets = orjson.loads(connection.secret)
        self._token: str = secrets["token"]
        self.webhook_secret: str = secrets.get("webhook_secret", "")
        self.by_webhook = connection.settings.get("receive") == "webhook"
        self._api: str = connection.settings.get("api") or ""
        self._calls = Calls(self._token, self._api)
        self._files: Files | None = None
        self._uploaded: OrderedDict[str, str] = OrderedDict()
        self._polling: asyncio.Task[None] | None = None
        self._opening: asyncio.Task[Files] | None = None

    def parse(self, raw: Mapping[str, Any]) -> Sequence[Incoming]:
        return telegram_read.read(raw)

    # Receiving

    async def start(self) -> None:
        """Poll, or set the webhook. Raises Broken if a webhook has no secret: anyone could forge updates then."""
        if self.by_webhook:
            if len(self.webhook_secret) < 16:
                raise Broken("a Telegram webhook needs a secret of at least 16 characters")
            await self._set_webhook()
        else:
            self._polling = asyncio.create_task(self._poll())
        # Texts are answered meanwhile; the first photo need not wait.
        self._opening = asyncio.create_task(self._open_files())

    async def stop(self) -> None:
        if self._opening is not None:
            await asyncio.gather(self._opening, return_exceptions=True)
        if self._polling is not None:
            self._polling.cancel()
            await asyncio.gather(self._polling, return_exceptions=True)
        await self._calls.close()
        if self._files is not None:
            await self._files.close()

    async def take(self, updates: Sequence[Mapping[str, Any]]) -> None:
        """Store updates durably, those of private chats; what returns may be confirmed."""
        envelopes = [
            Envelope(chat, str(update["update_id"]), update)
            for update in updates
            if (chat := telegram_read.chat_of(update))
        ]
        crash.point("intake.before_store")
        await self._link.accept(self._link.account_id, envelopes)
        crash.point("intake.after_store")

    async def check(self) -> Checkup:
        """Whether Telegram still brings updates to us. A webhook that is gone or leads elsewhere is set again.

        Source: https://core.telegram.org/bots/api#getwebhookinfo
        """
        if not self.by_webhook:
            return Checkup()
        told = await self._calls.call("getWebhookInfo", {})
        url = told.get("url")
        if url != self._hook["url"]:
            await self._calls.call("setWebhook", self._hook)
            # Where it led to instead is somebody's secret, perhaps ours.
            return Checkup("the webhook led elsewhere" if url else "the webhook was gone")
        recent = time.time() - told.get("last_error_date", 0) < FRESH_TROUBLE.total_seconds()
        if told.get("pending_update_count") and recent:
            return Checkup(f"Telegram cannot bring updates: {told.get('last_error_message', '')}")
        return Checkup()

    @property
    def _hook(self) -> Mapping[str, Any]:
        address = f"{self._link.public_url}/hooks/telegram/{self._link.account_id}"
        return {"url": address, "secret_token": self.webhook_secret, "allowed_updates": UPDATES}

    async def _set_webhook(self) -> None:
        try:
            await self._calls.call("setWebhook", self._hook)
            await self._report("ok", "")
        except ChannelError as failure:
            logger.warning("account %d: the webhook could not be set: %s", self._link.account_id, failure)
            await self._report("broken", str(failure))

    async def _poll(self) -> None:
        """Ask for updates for ever. The offset moves only past what is stored, so nothing can be lost in between."""
        offset, pause, healthy = 0, 0.0, False
        aside, taken_at = STEP_ASIDE, 0.0
        while True:
            try:
                if not healthy:
                    await self._calls.call("deleteWebhook", {})
                query = {"offset": offset, "timeout": POLL, "limit": 100, "allowed_updates": UPDATES}
                # Plain JSON: what is stored is what Telegram said, not what a library made of it.
                updates = await self._calls.call("getUpdates", query, patience=POLL + 10)
                if updates:
                    await self.take(updates)
                    offset = updates[-1]["update_id"] + 1
                if not healthy:
                    await self._report("ok", "")
                healthy, pause = True, 0.0
                if time.monotonic() - taken_at > LONGEST_ASIDE:
                    aside = STEP_ASIDE
            except ChannelError as failure:
                healthy = False
                if TAKEN in str(failure):
                    # Two that ask at once only cut each other off: who notices it steps aside.
                    logger.warning("account %d: %s; stepping aside for %d s", self._link.account_id, failure, aside)
                    await self._report("conflict", str(failure))
                    await asyncio.sleep(aside * random.uniform(0.8, 1.2))  # noqa: S311
                    aside, taken_at = min(LONGEST_ASIDE, aside * 2), time.monotonic()
                    continue
                pause = min(30.0, pause * 2 or 0.5)
                logger.warning("account %d: polling failed: %s", self._link.account_id, failure)
                await self._report("broken", str(failure))
                await asyncio.sleep(pause)
            except Exception:
                healthy, pause = False, 1.0
                logger.exception("account %d: updates could not be stored", self._link.account_id)
                await asyncio.sleep(pause)

    async def _report(self, health: str, words: str) -> None:
        with contextlib.suppress(Exception):
            await self._link.report(self._link.account_id, health, words)

    # Sending

    async def send(self, parcel: Parcel) -> str:
        method, fields = _sending(parcel, self._file)
        sent = await self._call(method, fields)
        if isinstance(sent, list):
            return str(sent[0]["message_id"])
        if parcel.attachments:
            self._remember(parcel.attachments[0], sent)
        return str(sent["message_id"])

    async def edit(self, parcel: Parcel) -> str:
        """Edit in place; where Telegram cannot turn a photo into a text, send anew and take the old one away."""
        method, fields = _editing(parcel, self._file)
        try:
            edited = await self._call(method, fields)
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

    async def fetch(self, media: Media) -> AsyncIterator[bytes]:
        files = await self._open_files()
        async for chunk in files.fetch(media.remote):
            yield chunk

    # Files

    async def _call(self, method: str, fields: dict[str, Any]) -> Any:
        if _has_upload(fields):
            return await (await self._open_files()).call(method, fields)
        return await self._calls.call(method, fields)

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
