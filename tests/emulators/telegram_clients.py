"""The two independent client libraries behind one small face, so that one script can be played through both."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

import aiogram
import telegram
from aiogram import exceptions, types
from aiogram.client.session.aiohttp import AiohttpSession
from aiogram.client.telegram import TelegramAPIServer
from aiogram.exceptions import AiogramError
from telegram import error as telegram_error
from telegram.request import HTTPXRequest

Rows = list[list[tuple[str, str]]]

CONFLICT, UNAUTHORIZED, FORBIDDEN, BAD, FLOOD, BROKEN = (
    "conflict",
    "unauthorized",
    "forbidden",
    "bad",
    "flood",
    "broken",
)


@dataclass(frozen=True)
class Failure:
    """How a library reports a refused call: its own exception class translated, its words, its advice to wait."""

    kind: str
    words: str
    retry_after: int = 0


class Client(Protocol):
    async def me(self) -> str: ...
    async def updates(self, offset: int = 0, wait: int = 0) -> list[dict[str, Any]]: ...
    async def send_text(
        self, chat: int, text: str, *, rows: Rows | None = None, keys: list[str] | None = None
    ) -> int: ...
    async def send_photo(self, chat: int, photo: bytes | str, caption: str = "") -> tuple[int, str]: ...
    async def send_album(self, chat: int, photos: list[bytes]) -> list[int]: ...
    async def send_document(self, chat: int, name: str, content: bytes) -> str: ...
    async def edit_text(self, chat: int, message: int, text: str, rows: Rows | None = None) -> None: ...
    async def answer_press(self, query: str, text: str, *, alert: bool = False) -> None: ...
    async def download(self, file_id: str) -> bytes: ...
    def failure(self, error: Exception) -> Failure: ...
    async def close(self) -> None: ...


class AiogramClient:
    """aiogram: multipart for every call."""

    ERRORS: tuple[type[Exception], ...] = (AiogramError,)

    def __init__(self, base_url: str, token: str) -> None:
        self.bot = aiogram.Bot(token, session=AiohttpSession(api=TelegramAPIServer.from_base(base_url)))

    async def me(self) -> str:
        return (await self.bot.get_me()).username or ""

    async def updates(self, offset: int = 0, wait: int = 0) -> list[dict[str, Any]]:
        updates = await self.bot.get_updates(offset=offset, timeout=wait)
        return [
            update.model_dump(mode="json", by_alias=True, exclude_none=True, exclude_defaults=True)
            for update in updates
        ]

    async def send_text(self, chat: int, text: str, *, rows: Rows | None = None, keys: list[str] | None = None) -> int:
        keyboard = (
            types.ReplyKeyboardMarkup(keyboard=[[types.KeyboardButton(text=key) for key in keys]]) if keys else None
        )
        message = await self.bot.send_message(
            chat, text, parse_mode="HTML", reply_markup=self._inline(rows) or keyboard
        )
        return message.message_id

    async def send_photo(self, chat: int, photo: bytes | str, caption: str = "") -> tuple[int, str]:
        sent = photo if isinstance(photo, str) else types.BufferedInputFile(photo, "кружка.jpg")
        message = await self.bot.send_photo(chat, sent, caption=caption)
        assert message.photo
        return message.message_id, message.photo[-1].file_id

    async def send_album(self, chat: int, photos: list[bytes]) -> list[int]:
        media: list[Any] = [types.InputMediaPhoto(media=types.BufferedInputFile(each, "p.jpg")) for each in photos]
        return [message.message_id for message in await self.bot.send_media_group(chat, media)]

    async def send_document(self, chat: int, name: str, content: bytes) -> str:
        message = await self.bot.send_document(chat, types.BufferedInputFile(content, name))
        assert message.document
        return message.document.file_name or ""

    async def edit_text(self, chat: int, message: int, text: str, rows: Rows | None = None) -> None:
        await self.bot.edit_message_text(text, chat_id=chat, message_id=message, reply_markup=self._inline(rows))

    async def answer_press(self, query: str, text: str, *, alert: bool = False) -> None:
        await self.bot.answer_callback_query(query, text=text, show_alert=alert)

    async def download(self, file_id: str) -> bytes:
        file = await self.bot.download(file_id)
        assert file is not None
        return file.read()

    def failure(self, error: Exception) -> Failure:
        kinds = {
            exceptions.TelegramConflictError: CONFLICT,
            exceptions.TelegramUnauthorizedError: UNAUTHORIZED,
            exceptions.TelegramForbiddenError: FORBIDDEN,
            exceptions.TelegramBadRequest: BAD,
            exceptions.TelegramRetryAfter: FLOOD,
            exceptions.TelegramServerError: BROKEN,
            exceptions.TelegramNetworkError: BROKEN,
        }
        kind = next(kind for cls, kind in kinds.items() if isinstance(error, cls))
        return Failure(kind, str(error), int(getattr(error, "retry_after", 0)))

    async def close(self) -> None:
        await self.bot.session.close()

    @staticmethod
    def _inline(rows: Rows | None) -> types.InlineKeyboardMarkup | None:
        if rows is None:
            return None
        buttons = [[types.InlineKeyboardButton(text=text, callback_data=data) for text, data in row] for row in rows]
        return types.InlineKeyboardMarkup(inline_keyboard=buttons)


class TelegramBotClient:
    """python-telegram-bot: forms with JSON in them, over httpx."""

    ERRORS: tuple[type[Exception], ...] = (telegram_error.TelegramError,)

    def __init__(self, base_url: str, token: str) -> None:
        self.requests = HTTPXRequest(), HTTPXRequest()
        self.bot = telegram.Bot(
            token,
            base_url=f"{base_url}/bot",
            base_file_url=f"{base_url}/file/bot",
            request=self.requests[0],
            get_updates_request=self.requests[1],
        )

    async def me(self) -> str:
        return (await self.bot.get_me()).username or ""

    async def updates(self, offset: int = 0, wait: int = 0) -> list[dict[str, Any]]:
        updates = await self.bot.get_updates(offset=offset, timeout=wait)
        for update in updates:
            assert unknown_fields(update) == []
        return [update.to_dict() for update in updates]

    async def send_text(self, chat: int, text: str, *, rows: Rows | None = None, keys: list[str] | None = None) -> int:
        keyboard = telegram.ReplyKeyboardMarkup([list(keys)]) if keys else None
        message = await self.bot.send_message(
            chat, text, parse_mode="HTML", reply_markup=self._inline(rows) or keyboard
        )
        assert unknown_fields(message) == []
        return message.message_id

    async def send_photo(self, chat: int, photo: bytes | str, caption: str = "") -> tuple[int, str]:
        message = await self.bot.send_photo(chat, photo, caption=caption)
        assert unknown_fields(message) == []
        return message.message_id, message.photo[-1].file_id

    async def send_album(self, chat: int, photos: list[bytes]) -> list[int]:
        media = [telegram.InputMediaPhoto(photo) for photo in photos]
        return [message.message_id for message in await self.bot.send_media_group(chat, media)]

    async def send_document(self, chat: int, name: str, content: bytes) -> str:
        message = await self.bot.send_document(chat, content, filename=name)
        assert message.document
        return message.document.file_name or ""

    async def edit_text(self, chat: int, message: int, text: str, rows: Rows | None = None) -> None:
        await self.bot.edit_message_text(text, chat_id=chat, message_id=message, reply_markup=self._inline(rows))

    async def answer_press(self, query: str, text: str, *, alert: bool = False) -> None:
        await self.bot.answer_callback_query(query, text=text, show_alert=alert)

    async def download(self, file_id: str) -> bytes:
        return bytes(await (await self.bot.get_file(file_id)).download_as_bytearray())

    def failure(self, error: Exception) -> Failure:
        kinds = {
            telegram_error.Conflict: CONFLICT,
            telegram_error.InvalidToken: UNAUTHORIZED,
            telegram_error.Forbidden: FORBIDDEN,
            telegram_error.BadRequest: BAD,
            telegram_error.RetryAfter: FLOOD,
            telegram_error.NetworkError: BROKEN,
        }
        kind = next(kind for cls, kind in kinds.items() if isinstance(error, cls))
        wait = error._retry_after.total_seconds() if isinstance(error, telegram_error.RetryAfter) else 0
        return Failure(kind, str(error), int(wait))

    async def close(self) -> None:
        for request in self.requests:
            await request.shutdown()

    @staticmethod
    def _inline(rows: Rows | None) -> telegram.InlineKeyboardMarkup | None:
        if rows is None:
            return None
        buttons = [[telegram.InlineKeyboardButton(text, callback_data=data) for text, data in row] for row in rows]
        return telegram.InlineKeyboardMarkup(buttons)


def unknown_fields(value: object) -> list[str]:
    """Fields that python-telegram-bot did not recognise, anywhere inside an object it has read."""
    if isinstance(value, (tuple, list)):
        return [name for item in value for name in unknown_fields(item)]
    if not isinstance(value, telegram.TelegramObject):
        return []
    inside = [getattr(value, name, None) for name in value._get_attrs_names(include_private=False)]
    return [*value.api_kwargs, *(name for each in inside for name in unknown_fields(each))]


CLIENTS: dict[str, type[AiogramClient] | type[TelegramBotClient]] = {
    "aiogram": AiogramClient,
    "python-telegram-bot": TelegramBotClient,
}
