"""Telegram: the only file that imports aiogram; telegram_read.py beside it reads updates without it.

aiogram gives the Bot, its types and its HTTP session. Its Dispatcher is not used: its polling moves the offset even
when a handler failed, and its webhook handler may answer before handling. Updates are taken as plain JSON, stored,
and only then confirmed.

Source of all facts: https://core.telegram.org/bots/api
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections import OrderedDict
from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any

import aiohttp
import orjson
from aiogram import Bot
from aiogram.client.session.aiohttp import AiohttpSession
from aiogram.client.telegram import TelegramAPIServer
from aiogram.exceptions import (
    TelegramAPIError,
    TelegramBadRequest,
    TelegramForbiddenError,
    TelegramNetworkError,
    TelegramRetryAfter,
    TelegramServerError,
    TelegramUnauthorizedError,
)
from aiogram.methods import Response
from aiogram.types import (
    File,
    FSInputFile,
    InlineKeyboardButton,
    InlineKeyboardMarkup,
    InputMediaAudio,
    InputMediaDocument,
    InputMediaPhoto,
    InputMediaVideo,
    KeyboardButton,
    LinkPreviewOptions,
    MessageEntity,
    ReplyKeyboardMarkup,
    ReplyKeyboardRemove,
    ReplyParameters,
)
from aiogram.types import Message as Sent

from bot.channels import telegram_read
from bot.channels.base import (
    Attachment,
    Broken,
    ChannelError,
    Connection,
    Envelope,
    NotSent,
    Parcel,
    Rejected,
    Throttled,
    Unconfirmed,
    button_name,
)
from inbox.content import Button, Incoming, Media, MediaKind, Outgoing
from kit import crash

logger = logging.getLogger(__name__)

API = "https://api.telegram.org"

POLL = 25
"""Seconds that one getUpdates waits at the server."""

TIMEOUT = 20
"""Seconds that any other call may take before its outcome counts as unknown."""

UPDATES = ["message", "edited_message", "callback_query", "my_chat_member"]
"""The kinds of update that we ask for."""

REMEMBERED_FILES = 5000
"""How many uploaded files are sent again by Telegram's own id."""

ANSWERS = (Response[Sent], Response[Sent | bool], Response[list[Sent]], Response[bool], Response[File])
"""The shapes of answers that we get. pydantic forgets a shape that nobody holds, and making one takes 20 ms."""

Markup = InlineKeyboardMarkup | ReplyKeyboardMarkup | ReplyKeyboardRemove


class Telegram:
    """One bot. Receives by long polling, or by webhook when the account's settings say so."""

    def __init__(self, connection: Connection) -> None:
        self._link = connection
        secrets = orjson.loads(connection.secret)
        self._token: str = secrets["token"]
        self.webhook_secret: str = secrets.get("webhook_secret", "")
        self.by_webhook = connection.settings.get("receive") == "webhook"
        server = TelegramAPIServer.from_base(connection.settings.get("api") or API)
        self._bot = Bot(self._token, session=AiohttpSession(api=server, timeout=TIMEOUT, limit=100))
        self._uploaded: OrderedDict[str, str] = OrderedDict()
        self._polling: asyncio.Task[None] | None = None

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

    async def stop(self) -> None:
        if self._polling is not None:
            self._polling.cancel()
            await asyncio.gather(self._polling, return_exceptions=True)
        await self._bot.session.close()

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

    async def _set_webhook(self) -> None:
        address = f"{self._link.public_url}/hooks/telegram/{self._link.account_id}"
        try:
            await self._bot.set_webhook(address, secret_token=self.webhook_secret, allowed_updates=UPDATES)
            await self._report("ok", "")
        except TelegramAPIError as failure:
            logger.warning(
                "account %d: the webhook could not be set: %s", self._link.account_id, type(failure).__name__
            )
            await self._report("broken", str(_named(failure)))

    async def _poll(self) -> None:
        """Ask for updates for ever. The offset moves only past what is stored, so nothing can be lost in between."""
        offset, pause, healthy = 0, 0.0, False
        while True:
            try:
                if not healthy:
                    await self._bot.delete_webhook()
                updates = await self._updates(offset)
                if updates:
                    await self.take(updates)
                    offset = updates[-1]["update_id"] + 1
                if not healthy:
                    await self._report("ok", "")
                healthy, pause = True, 0.0
            except (TelegramAPIError, ChannelError, OSError, TimeoutError, aiohttp.ClientError, ValueError) as failure:
                healthy = False
                pause = min(30.0, pause * 2 or 0.5)
                logger.warning("account %d: polling failed: %s", self._link.account_id, type(failure).__name__)
                await self._report("broken", str(_named(failure)))
                await asyncio.sleep(pause)
            except Exception:
                healthy, pause = False, 1.0
                logger.exception("account %d: updates could not be stored", self._link.account_id)
                await asyncio.sleep(pause)

    async def _updates(self, offset: int) -> list[dict[str, Any]]:
        """getUpdates as plain JSON: what is stored is what Telegram said, not what a library made of it."""
        session: AiohttpSession = self._bot.session  # type: ignore[assignment]
        http = await session.create_session()
        address = session.api.api_url(token=self._token, method="getUpdates")
        query = {"offset": offset, "timeout": POLL, "limit": 100, "allowed_updates": UPDATES}
        async with http.post(address, json=query, timeout=aiohttp.ClientTimeout(POLL + 10)) as answer:
            body = orjson.loads(await answer.read())
        if not body.get("ok"):
            wait = body.get("parameters", {}).get("retry_after")
            raise Throttled(wait) if wait else Broken(f"{body.get('error_code')}: {body.get('description')}")
        updates: list[dict[str, Any]] = body["result"]
        return updates

    async def _report(self, health: str, words: str) -> None:
        with contextlib.suppress(Exception):
            await self._link.report(self._link.account_id, health, words)

    # Sending

    async def send(self, parcel: Parcel) -> str:
        try:
            sent = await self._send(parcel)
        except (TelegramAPIError, aiohttp.ClientError, OSError, TimeoutError) as failure:
            raise _named(failure) from failure
        return str(sent.message_id)

    async def _send(self, parcel: Parcel) -> Sent:
        outgoing, chat = parcel.outgoing, int(parcel.chat)
        common: dict[str, Any] = {"chat_id": chat, "reply_markup": _markup(parcel)}
        if parcel.reply_to:
            common["reply_parameters"] = ReplyParameters(
                message_id=int(parcel.reply_to), allow_sending_without_reply=True
            )
        if not parcel.attachments:
            preview = LinkPreviewOptions(is_disabled=True)
            return await self._bot.send_message(
                text=outgoing.text, entities=_entities(outgoing), link_preview_options=preview, **common
            )
        if len(parcel.attachments) > 1:
            del common["reply_markup"]
            group = await self._bot.send_media_group(media=self._group(parcel), **common)
            return group[0]
        only = parcel.attachments[0]
        file = self._file(only)
        words: dict[str, Any] = {"caption": outgoing.text or None, "caption_entities": _entities(outgoing)}
        match only.media.kind:
            case MediaKind.PHOTO:
                sent = await self._bot.send_photo(photo=file, **words, **common)
            case MediaKind.VIDEO:
                sent = await self._bot.send_video(video=file, **words, **common)
            case MediaKind.VOICE:
                sent = await self._bot.send_voice(voice=file, **words, **common)
            case MediaKind.AUDIO:
                sent = await self._bot.send_audio(audio=file, **words, **common)
            case MediaKind.STICKER:
                sent = await self._bot.send_sticker(sticker=file, **common)
            case _:
                sent = await self._bot.send_document(document=file, **words, **common)
        self._remember(only, sent)
        return sent

    async def edit(self, parcel: Parcel) -> str:
        """Edit in place; where Telegram cannot turn a photo into a text, send anew and take the old one away."""
        try:
            await self._edit(parcel)
            return parcel.external_id
        except TelegramBadRequest as refused:
            reason = refused.message
            if "message is not modified" in reason:
                return parcel.external_id
            if "no text in the message" not in reason and "message can't be edited" not in reason:
                raise _named(refused) from refused
        except (TelegramAPIError, aiohttp.ClientError, OSError, TimeoutError) as failure:
            raise _named(failure) from failure
        sent = await self.send(parcel)
        with contextlib.suppress(TelegramAPIError):
            await self._bot.delete_message(int(parcel.chat), int(parcel.external_id))
        return sent

    async def _edit(self, parcel: Parcel) -> None:
        outgoing = parcel.outgoing
        place: dict[str, Any] = {"chat_id": int(parcel.chat), "message_id": int(parcel.external_id)}
        markup = _inline(parcel)
        if parcel.attachments:
            media = self._medium(parcel.attachments[0], outgoing)
            edited = await self._bot.edit_message_media(media=media, reply_markup=markup, **place)
            if isinstance(edited, Sent):
                self._remember(parcel.attachments[0], edited)
        else:
            preview = LinkPreviewOptions(is_disabled=True)
            await self._bot.edit_message_text(
                text=outgoing.text,
                entities=_entities(outgoing),
                reply_markup=markup,
                link_preview_options=preview,
                **place,
            )

    async def acknowledge(self, ack: str, text: str, *, alert: bool) -> None:
        try:
            await self._bot.answer_callback_query(ack, text=text[:200] or None, show_alert=alert or None)
        except (TelegramAPIError, aiohttp.ClientError, OSError, TimeoutError) as failure:
            raise _named(failure) from failure

    async def fetch(self, media: Media) -> AsyncIterator[bytes]:
        """The file's bytes. Bots may fetch up to 20 MB."""
        try:
            found = await self._bot.get_file(media.remote)
            address = self._bot.session.api.file_url(self._token, found.file_path or "")
            async for chunk in self._bot.session.stream_content(address, timeout=60, chunk_size=1 << 16):
                yield chunk
        except (TelegramAPIError, aiohttp.ClientError, OSError, TimeoutError) as failure:
            raise _named(failure) from None

    # Files

    def _file(self, attachment: Attachment) -> str | FSInputFile:
        known = self._uploaded.get(attachment.sha256)
        return known or FSInputFile(attachment.path, filename=attachment.name or "file")

    def _medium(
        self, attachment: Attachment, outgoing: Outgoing | None
    ) -> InputMediaPhoto | InputMediaVideo | InputMediaAudio | InputMediaDocument:
        words: dict[str, Any] = {}
        if outgoing is not None:
            words = {"caption": outgoing.text or None, "caption_entities": _entities(outgoing)}
        file = self._file(attachment)
        match attachment.media.kind:
            case MediaKind.PHOTO:
                return InputMediaPhoto(media=file, **words)
            case MediaKind.VIDEO:
                return InputMediaVideo(media=file, **words)
            case MediaKind.AUDIO:
                return InputMediaAudio(media=file, **words)
            case _:
                return InputMediaDocument(media=file, **words)

    def _group(self, parcel: Parcel) -> list[Any]:
        return [
            self._medium(attachment, parcel.outgoing if n == 0 else None)
            for n, attachment in enumerate(parcel.attachments)
        ]

    def _remember(self, attachment: Attachment, sent: Sent) -> None:
        """Telegram's id of an uploaded file, so that a product photo travels once."""
        found = sent.photo[-1] if sent.photo else (sent.video or sent.document or sent.audio or sent.voice)
        if found is None:
            return
        self._uploaded[attachment.sha256] = found.file_id
        if len(self._uploaded) > REMEMBERED_FILES:
            self._uploaded.popitem(last=False)


def _entities(outgoing: Outgoing) -> list[MessageEntity] | None:
    fields = telegram_read.write_spans(outgoing.text, outgoing.spans)
    return [MessageEntity(**entity) for entity in fields] or None


def _markup(parcel: Parcel) -> Markup | None:
    outgoing = parcel.outgoing
    if outgoing.rows:
        return _inline(parcel)
    if outgoing.keyboard:
        rows = [[_key(button) for button in row] for row in outgoing.keyboard]
        return ReplyKeyboardMarkup(keyboard=rows, resize_keyboard=True, is_persistent=True)
    return ReplyKeyboardRemove(remove_keyboard=True) if outgoing.drop_keyboard else None


def _key(button: Button) -> KeyboardButton:
    return KeyboardButton(text=button.label, request_contact=True if button.ask_contact else None)


def _inline(parcel: Parcel) -> InlineKeyboardMarkup | None:
    if not parcel.outgoing.rows:
        return None
    rows, index = [], 0
    for row in parcel.outgoing.rows:
        keys = []
        for button in row:
            name = None if button.url else button_name(parcel.message_id, parcel.version, index)
            keys.append(InlineKeyboardButton(text=button.label, url=button.url or None, callback_data=name))
            index += 1
        rows.append(keys)
    return InlineKeyboardMarkup(inline_keyboard=rows)


def _named(failure: BaseException) -> ChannelError:
    """Telegram's and the network's failures in our words."""
    if isinstance(failure, ChannelError):
        return failure
    if isinstance(failure, TelegramRetryAfter):
        return Throttled(float(failure.retry_after))
    if isinstance(failure, TelegramForbiddenError):
        return Rejected(failure.message, blocked=True)
    if isinstance(failure, TelegramUnauthorizedError):
        return Broken("Telegram does not know this token any more")
    if isinstance(failure, TelegramServerError):
        return Unconfirmed(f"Telegram answered with an error of its own: {failure.message}")
    if isinstance(failure, TelegramNetworkError):
        return _network(failure.__cause__ or failure.__context__ or failure)
    if isinstance(failure, TelegramAPIError):
        return Rejected(failure.message)
    return _network(failure)


def _network(failure: BaseException) -> ChannelError:
    """A connection that was never made carried nothing; one that broke later may have carried everything."""
    if isinstance(failure, aiohttp.ClientConnectorError):
        return NotSent("no connection to Telegram")
    return Unconfirmed("Telegram did not answer")
