"""The bare floor: aiohttp, uvloop and orjson. Reads the update, calls Telegram, keeps nothing."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import orjson
import uvloop
from aiohttp import web

from benchmarks.bots import words

MARKUP = {"keyboard": [[{"text": text} for text in row] for row in words.MENU], "resize_keyboard": True}


class Floor:
    def __init__(self, api: str, token: str, secret: str) -> None:
        self._base = f"{api}/bot{token}"
        self._secret = secret
        self._http: aiohttp.ClientSession | None = None

    async def open(self, app: web.Application) -> AsyncIterator[None]:
        self._http = aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=100))
        yield
        await self._http.close()

    async def hook(self, request: web.Request) -> web.Response:
        if request.headers.get("X-Telegram-Bot-Api-Secret-Token") != self._secret:
            raise web.HTTPUnauthorized
        update = orjson.loads(await request.read())
        if "message" in update:
            await self._said(update["message"])
        else:
            await self._pressed(update["callback_query"])
        return web.Response()

    async def _said(self, message: dict[str, Any]) -> None:
        chat, text = message["chat"]["id"], message["text"]
        if text in words.REPLIES:
            reply = words.REPLIES[text].format(name=message["from"]["first_name"])
            await self._call("sendMessage", {"chat_id": chat, "text": reply, "reply_markup": MARKUP})
        else:
            await self._call("sendMessage", {"chat_id": chat, "text": words.card(0), "reply_markup": _inline(0)})

    async def _pressed(self, query: dict[str, Any]) -> None:
        variant, shown = int(query["data"].partition(":")[2]), query["message"]
        place = {"chat_id": shown["chat"]["id"], "message_id": shown["message_id"]}
        await self._call("editMessageText", {**place, "text": words.card(variant), "reply_markup": _inline(variant)})
        await self._call("answerCallbackQuery", {"callback_query_id": query["id"]})

    async def _call(self, method: str, fields: dict[str, Any]) -> None:
        assert self._http is not None
        body = orjson.dumps(fields)
        headers = {"Content-Type": "application/json"}
        async with self._http.post(f"{self._base}/{method}", data=body, headers=headers) as answer:
            assert orjson.loads(await answer.read())["ok"]


def _inline(variant: int) -> dict[str, Any]:
    rows = words.card_buttons(variant)
    return {"inline_keyboard": [[{"text": text, "callback_data": name} for text, name in row] for row in rows]}


def main() -> None:
    told = words.arguments()
    floor = Floor(told.api, told.token, told.secret)
    app = web.Application()
    app.router.add_post("/hook", floor.hook)
    app.cleanup_ctx.append(floor.open)
    web.run_app(app, host="127.0.0.1", port=told.port, access_log=None, print=None, loop=uvloop.new_event_loop())


if __name__ == "__main__":
    main()
