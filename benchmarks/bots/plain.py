"""A bot on aiogram's own webhook handler that answers and keeps nothing."""

from __future__ import annotations

import uvloop
from aiogram import Bot, Dispatcher
from aiogram.client.session.aiohttp import AiohttpSession
from aiogram.client.telegram import TelegramAPIServer
from aiogram.types import (
    CallbackQuery,
    InlineKeyboardButton,
    InlineKeyboardMarkup,
    KeyboardButton,
    Message,
    ReplyKeyboardMarkup,
)
from aiogram.webhook.aiohttp_server import SimpleRequestHandler, setup_application
from aiohttp import web

from benchmarks.bots import words

MENU = ReplyKeyboardMarkup(
    keyboard=[[KeyboardButton(text=text) for text in row] for row in words.MENU], resize_keyboard=True
)


async def said(message: Message) -> None:
    reply = words.REPLIES.get(message.text or "")
    if reply is None:
        await message.answer(words.card(0), reply_markup=inline(0))
    else:
        name = message.from_user.first_name if message.from_user else ""
        await message.answer(reply.format(name=name), reply_markup=MENU)


async def pressed(query: CallbackQuery) -> None:
    variant = int((query.data or "").partition(":")[2])
    if isinstance(query.message, Message):
        await query.message.edit_text(words.card(variant), reply_markup=inline(variant))
    await query.answer()


def inline(variant: int) -> InlineKeyboardMarkup:
    return InlineKeyboardMarkup(
        inline_keyboard=[
            [InlineKeyboardButton(text=text, callback_data=name) for text, name in row]
            for row in words.card_buttons(variant)
        ]
    )


def serve(dispatcher: Dispatcher, *, port: int, api: str, token: str, secret: str) -> None:
    """Take updates at /hook until killed."""
    bot = Bot(token, session=AiohttpSession(api=TelegramAPIServer.from_base(api)))
    app = web.Application()
    SimpleRequestHandler(dispatcher, bot, secret_token=secret).register(app, path="/hook")
    setup_application(app, dispatcher, bot=bot)
    web.run_app(app, host="127.0.0.1", port=port, access_log=None, print=None, loop=uvloop.new_event_loop())


def main() -> None:
    told = words.arguments()
    dispatcher = Dispatcher()
    dispatcher.message.register(said)
    dispatcher.callback_query.register(pressed)
    serve(dispatcher, port=told.port, api=told.api, token=told.token, secret=told.secret)


if __name__ == "__main__":
    main()
