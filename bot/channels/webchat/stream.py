"""The live stream of one visitor: whatever is added or changed in his thread, from where he left off."""

from __future__ import annotations

import asyncio
import contextlib

import orjson
from aiohttp import web
from sqlalchemy.orm import Session

from bot.channels.webchat import thread
from bot.channels.webchat.thread import Page, Site
from inbox.events import Typing
from inbox.tables import Author
from storage.database import Database
from storage.events import Note
from storage.live import LiveBus

BREATH = 15.0
"""Seconds of silence after which a sign of life is sent, so that both ends notice a dead connection."""

KINDS = frozenset({"message_added", "message_changed", "conversation_changed", Typing.kind})


class Stream:
    """Follows one chat. Ids of events are the places to resume from."""

    def __init__(self, db: Database, live: LiveBus, site: Site, chat: str, since: int) -> None:
        self._db = db
        self._live = live
        self._account_id = site.account.id
        self._shop_id = site.shop.id
        self._chat = chat
        self._cursor = since
        self._conversation_id: int | None = None

    async def serve(self, request: web.Request) -> web.StreamResponse:
        """Write until the visitor leaves or the process ends."""
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream", "X-Accel-Buffering": "no"})
        await response.prepare(request)
        with contextlib.suppress(ConnectionResetError), self._live.subscribe(self._wanted) as notes:
            await self._write_news(response)
            while not self._live.closing:
                try:
                    async with asyncio.timeout(BREATH):
                        told = await notes.get()
                except TimeoutError:
                    await response.write(b":\n\n")
                    continue
                if told is None or any(note.kind != Typing.kind for note in told) or self._live.closing:
                    await self._write_news(response)
                else:
                    await self._write_typing(response, told[-1].payload["staff_id"])
        return response

    def _wanted(self, note: Note) -> bool:
        if note.shop_id != self._shop_id or note.kind not in KINDS:
            return False
        if self._conversation_id is None:
            # A conversation begins with words of its buyer; whose they are is seen when they are read.
            return bool(note.payload.get("author") == Author.BUYER)
        if note.kind == Typing.kind and not note.payload["shown"]:
            return False
        return bool(note.payload["conversation_id"] == self._conversation_id)

    async def _write_typing(self, response: web.StreamResponse, staff_id: int) -> None:
        name = await self._db.read(thread.name_of, staff_id)
        await response.write(b"data: %s\n\n" % orjson.dumps({"typing": name}))

    async def _write_news(self, response: web.StreamResponse) -> None:
        settled = self._live.settled
        conversation_id, news = await self._db.read(_news, self._account_id, self._chat, self._cursor)
        self._conversation_id = conversation_id
        page = news.upto(settled)
        self._cursor = max(self._cursor, page.cursor)
        await response.write(b"id: %d\ndata: %s\n\n" % (self._cursor, orjson.dumps(page.form())))


def _news(session: Session, account_id: int, chat: str, since: int) -> tuple[int | None, Page]:
    talk = thread.conversation(session, account_id, chat)
    return (talk.id, thread.changed(session, talk, since)) if talk is not None else (None, Page())
