"""A shop's web chat over real HTTP: the hub's parts that it needs, and visitors that speak to it as the widget does."""

from __future__ import annotations

import asyncio
import contextlib
import secrets
from collections.abc import AsyncIterator, Callable
from io import BytesIO
from pathlib import Path
from types import TracebackType
from typing import Any

import aiohttp
import orjson
import sqlalchemy as sa
from aiohttp import web
from sqlalchemy.orm import Session

from bot.channels.base import Channel, Connection
from bot.channels.webchat import routes
from bot.channels.webchat.adapter import WebChat
from bot.delivery import Courier
from bot.incoming import Intake
from bot.web import Hooks
from catalog import editing, stock
from company.tables import Staff
from company.texts import Texts
from inbox import conversations, messages, typing
from inbox.content import Outgoing
from inbox.tables import Conversation, Message
from kit import http
from orders import pipelines
from storage.database import Database
from storage.files import FileStore
from storage.live import LiveBus
from storage.worker import Worker
from tests.conftest import open_engine
from tests.worlds import World

SITE = "clay-and-linen"
SHOP_PAGE = "https://clay.example"

Json = dict[str, Any]


class Counter:
    """«Глина и лён» with one mug, open on a port of its own."""

    def __init__(self, database_url: str, folder: Path, *, origins: tuple[str, ...] = (SHOP_PAGE,)) -> None:
        self._url = database_url
        self.account_id = self._fill(origins)
        self.files = FileStore(folder / "files")
        self.db = Database(database_url)
        self.live = LiveBus(self.db)
        self._channels: dict[int, Channel] = {}
        self.intake = Intake(self.db, self._channel, Texts(), "http://127.0.0.1")
        self.courier = Courier(self._channel, self.files)
        self.worker = Worker(self.db, {**self.intake.handlers, **self.courier.handlers})
        self._runner: web.AppRunner | None = None
        self.port = 0

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    async def __aenter__(self) -> Counter:
        await self.db.start()
        await self.worker.start()
        link = Connection(self.account_id, SITE, "", {}, "", self.intake.accept, self._report)
        self._channels[self.account_id] = WebChat(link)
        await self.listen(0)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, failure: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.live.close()
        await self.close_door()
        await self.worker.stop()
        await self.db.close()

    async def listen(self, port: int) -> None:
        app = web.Application(client_max_size=25_000_000)
        app[http.TRUSTED] = ()
        app.on_response_prepare.append(http.guard_headers)
        app.add_routes(Hooks(self.db, self.files, lambda _: None).routes())
        routes.setup(
            app,
            db=self.db,
            files=self.files,
            live=self.live,
            accept=self.intake.accept,
            public_url="https://counter.example",
        )
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.2)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", port).start()
        self.port = self._runner.addresses[0][1]

    async def close_door(self) -> None:
        """Stop listening, as when the connection is lost."""
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None

    # The shop's side

    async def reply(self, text: str) -> None:
        """Марина answers in the newest conversation."""

        def say(session: Session) -> None:
            marina = session.scalars(sa.select(Staff).where(Staff.name == "Марина Ким")).one()
            messages.reply(session, _newest(session), marina, Outgoing(text=text))

        await self.db.write(say)
        await self.worker.idle()

    async def types(self) -> None:
        """Марина is writing in the newest conversation."""

        def begin(session: Session) -> None:
            marina = session.scalars(sa.select(Staff).where(Staff.name == "Марина Ким")).one()
            typing.began(session, _newest(session), by=marina)

        await self.db.write(begin)

    async def note(self, text: str) -> None:
        def write(session: Session) -> None:
            marina = session.scalars(sa.select(Staff).where(Staff.name == "Марина Ким")).one()
            messages.note(session, _newest(session), text, marina)
            messages.line(session, _newest(session), "taken", {})

        await self.db.write(write)

    async def release(self) -> None:
        def give_back(session: Session) -> None:
            marina = session.scalars(sa.select(Staff).where(Staff.name == "Марина Ким")).one()
            conversations.release(session, _newest(session), by=marina)

        await self.db.write(give_back)

    async def conversation(self) -> Conversation:
        return await self.db.read(_newest)

    async def deliveries(self) -> list[str]:
        def read(session: Session) -> list[str]:
            rows = session.scalars(sa.select(Message).where(Message.author != "buyer").order_by(Message.id))
            return [str(row.delivery) for row in rows]

        return await self.db.read(read)

    def _channel(self, account_id: int) -> Channel:
        return self._channels[account_id]

    async def _report(self, account_id: int, health: str, words: str) -> None:
        """Nobody looks at the account's health here."""

    def _fill(self, origins: tuple[str, ...]) -> int:
        engine = open_engine(self._url)
        with Session(engine, expire_on_commit=False) as session, session.begin():
            world = World(session)
            account = world.account("webchat", SITE)
            account.settings = {"origins": list(origins)}
            pipelines.create_default_pipeline(session, world.shop)
            shelf = stock.add_warehouse(session, world.shop, name="Мастерская")
            mugs = editing.add_category(session, world.shop, name="Кружки")
            mug = editing.add_product(session, world.shop, name="Кружка «Туман»", category=mugs)
            variant = editing.add_variant(session, mug, sku="MUG-MIST", price=145000)
            stock.receive(session, variant, shelf, 10, reason="initial", actor="system")
        engine.dispose()
        return account.id


class Visitor:
    """A browser with the widget's page."""

    def __init__(self, counter: Counter, http_session: aiohttp.ClientSession, key: str = "") -> None:
        self._counter = counter
        self._http = http_session
        self.key = key
        self.cursor = 0

    @classmethod
    @contextlib.asynccontextmanager
    async def of(cls, counter: Counter) -> AsyncIterator[Visitor]:
        """A new visitor with his key."""
        async with aiohttp.ClientSession() as session:
            visitor = cls(counter, session)
            visitor.key = (await visitor.post("session"))["visitor"]
            yield visitor

    def headers(self, **more: str) -> dict[str, str]:
        return {"X-Webchat-Site": SITE, "X-Webchat-Visitor": self.key, **more}

    async def ask(self, path: str, form: Json | None = None, **headers: str) -> tuple[int, Json]:
        """POST a form; the status and what was answered."""
        address = f"{self._counter.address}/webchat/api/{path}"
        async with self._http.post(address, json=form or {}, headers=self.headers(**headers)) as answer:
            return answer.status, await answer.json()

    async def post(self, path: str, form: Json | None = None) -> Json:
        status, body = await self.ask(path, form)
        assert status == 200, body
        return body

    async def say(self, text: str = "", *, key: str = "", **more: Any) -> None:
        await self.post("message", {"key": key or new_key(), "text": text, "locale": "ru", **more})
        await self._counter.worker.idle()

    async def press(self, label: str) -> Json:
        """Press the button of this label in the newest message that has one."""
        names = [key["name"] for m in await self.thread() for row in m["rows"] for key in row if label in key["label"]]
        answer = await self.post("press", {"key": new_key(), "button": names[-1]})
        await self._counter.worker.idle()
        return answer

    async def upload(self, data: bytes, name: str, mime: str) -> tuple[int, Json]:
        headers = self.headers(**{"Content-Type": mime, "X-File-Name": name})
        address = f"{self._counter.address}/webchat/api/upload"
        async with self._http.post(address, data=BytesIO(data), headers=headers) as answer:
            return answer.status, await answer.json()

    async def thread(self) -> list[Json]:
        page = await self.post("session")
        self.cursor = page["cursor"]
        thread: list[Json] = page["messages"]
        return thread

    async def get(self, path: str, **query: int) -> Json:
        address = f"{self._counter.address}/webchat/api/{path}"
        async with self._http.get(address, params=query, headers=self.headers()) as answer:
            assert answer.status == 200
            body: Json = await answer.json()
            return body

    async def fetch(self, path: str) -> tuple[bytes, aiohttp.ClientResponse]:
        async with self._http.get(self._counter.address + path) as answer:
            return await answer.read(), answer

    @contextlib.asynccontextmanager
    async def following(self, since: int) -> AsyncIterator[Callable[[], Any]]:
        """The live stream from an event on; call for the next news."""
        address = f"{self._counter.address}/webchat/api/events"
        async with self._http.get(address, headers=self.headers(**{"Last-Event-ID": str(since)})) as answer:
            assert answer.status == 200

            async def following_news() -> Json:
                async with asyncio.timeout(10):
                    async for line in answer.content:
                        if line.startswith(b"data: "):
                            news: Json = orjson.loads(line[6:])
                            return news
                raise AssertionError("the stream ended")

            yield following_news


def new_key() -> str:
    return secrets.token_urlsafe(18)


def _newest(session: Session) -> Conversation:
    return session.scalars(sa.select(Conversation).order_by(Conversation.id.desc()).limit(1)).one()
