"""Telegram's files, up and down: the only file that imports aiogram, which takes seconds and 170 MB.

aiogram gives the Bot, its methods and its HTTP session. Its Dispatcher is not used: its polling moves the offset even
when a handler failed, and its webhook handler may answer before handling.

Source of all facts: https://core.telegram.org/bots/api
"""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Iterator, Mapping
from typing import Any

import aiohttp
from aiogram import Bot
from aiogram.client.session.aiohttp import AiohttpSession
from aiogram.client.telegram import TelegramAPIServer
from aiogram.exceptions import (
    TelegramAPIError,
    TelegramBadRequest,
    TelegramConflictError,
    TelegramForbiddenError,
    TelegramNetworkError,
    TelegramNotFound,
    TelegramRetryAfter,
    TelegramServerError,
    TelegramUnauthorizedError,
)
from aiogram.methods import (
    EditMessageMedia,
    Response,
    SendAudio,
    SendDocument,
    SendMediaGroup,
    SendPhoto,
    SendSticker,
    SendVideo,
    SendVoice,
    TelegramMethod,
)
from aiogram.types import (
    File,
    FSInputFile,
    InputMediaAudio,
    InputMediaDocument,
    InputMediaPhoto,
    InputMediaVideo,
    Message,
)

from bot.channels.base import Attachment, ChannelError, NotSent, Unconfirmed
from bot.channels.telegram_calls import API, CONNECTIONS, TIMEOUT, refusal

METHODS: Mapping[str, type[TelegramMethod[Any]]] = {
    "editMessageMedia": EditMessageMedia,
    "sendAudio": SendAudio,
    "sendDocument": SendDocument,
    "sendMediaGroup": SendMediaGroup,
    "sendPhoto": SendPhoto,
    "sendSticker": SendSticker,
    "sendVideo": SendVideo,
    "sendVoice": SendVoice,
}

MEDIA = {
    "audio": InputMediaAudio,
    "document": InputMediaDocument,
    "photo": InputMediaPhoto,
    "video": InputMediaVideo,
}

CODES: Mapping[type[TelegramAPIError], int] = {
    TelegramBadRequest: 400,
    TelegramUnauthorizedError: 401,
    TelegramForbiddenError: 403,
    TelegramNotFound: 404,
    TelegramConflictError: 409,
    TelegramServerError: 500,
}

ANSWERS = (Response[Message], Response[Message | bool], Response[list[Message]], Response[File])
"""The shapes of answers that we get. pydantic forgets a shape that nobody holds, and making one takes 20 ms."""


class Files:
    """One bot's uploads and downloads."""

    def __init__(self, token: str, api: str = "") -> None:
        server = TelegramAPIServer.from_base(api or API)
        self._token = token
        self._bot = Bot(token, session=AiohttpSession(api=server, timeout=TIMEOUT, limit=CONNECTIONS))

    async def call(self, method: str, fields: Mapping[str, Any]) -> Any:
        """As Calls.call, where an Attachment among the fields is uploaded. Raises ChannelError."""
        named = {name: _open(value) for name, value in fields.items()}
        with _in_our_words():
            result = await self._bot(METHODS[method](**named))
        return [each.model_dump() for each in result] if isinstance(result, list) else result.model_dump()

    async def fetch(self, file_id: str) -> AsyncIterator[bytes]:
        """The bytes of a file that came in. Bots may fetch up to 20 MB. Raises ChannelError."""
        with _in_our_words():
            found = await self._bot.get_file(file_id)
            address = self._bot.session.api.file_url(self._token, found.file_path or "")
            async for chunk in self._bot.session.stream_content(address, timeout=60, chunk_size=1 << 16):
                yield chunk

    async def close(self) -> None:
        await self._bot.session.close()


def _open(value: Any) -> Any:
    if isinstance(value, Attachment):
        return FSInputFile(value.path, filename=value.name or "file")
    if isinstance(value, list):
        return [_open(each) for each in value]
    if isinstance(value, dict) and value.get("type") in MEDIA:
        return MEDIA[value["type"]](**{name: _open(each) for name, each in value.items()})
    return value


@contextlib.contextmanager
def _in_our_words() -> Iterator[None]:
    try:
        yield
    except (TelegramAPIError, aiohttp.ClientError, OSError, TimeoutError) as failure:
        # The address holds the token, and the failure may hold the address.
        raise _named(failure) from None


def _named(failure: BaseException) -> ChannelError:
    if isinstance(failure, TelegramRetryAfter):
        return refusal(429, failure.message, failure.retry_after)
    if isinstance(failure, TelegramNetworkError):
        return _named(failure.__cause__ or failure.__context__ or OSError())
    if isinstance(failure, TelegramAPIError):
        return refusal(CODES.get(type(failure), 400), failure.message)
    if isinstance(failure, aiohttp.ClientConnectorError):
        return NotSent("no connection to Telegram")
    return Unconfirmed("Telegram did not answer")
