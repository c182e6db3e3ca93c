"""The console on a loopback port, the shop that it belongs to, a foreign shop beside it, and people who sign in."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
from collections.abc import AsyncIterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import TracebackType
from typing import Any

import aiohttp
import orjson
import sqlalchemy as sa
from aiohttp import web
from sqlalchemy.orm import Session
from yarl import URL

import operator_console.app
from bot.web import Hooks
from catalog import editing, stock
from catalog.tables import Variant, Warehouse
from company import signin, staff
from company.tables import ChannelAccount, Role, Staff
from company.texts import Texts
from customers import identities
from inbox import conversations, messages
from inbox.content import Incoming, Media, Profile
from inbox.tables import Conversation, Message
from kit import http
from kit.secrets import SecretBox
from orders import pipelines
from payments import accounts as payment_accounts
from storage.database import Database
from storage.files import FileStore
from storage.live import LiveBus
from tests.conftest import open_engine
from tests.worlds import World

KEY = "0123456789abcdef0123456789abcdef-a key of tests"
PASSWORD = "серый туман над водой"


@cache
def password_hash() -> str:
    """Hashing takes its time, so everybody has the same."""
    return staff.hash_password(PASSWORD)


class Store:
    """One shop with its people, a channel, a mug on the shelf and a buyer who has written."""

    def __init__(self, session: Session, prefix: str = "") -> None:
        world = World(session) if not prefix else _Foreign(session, prefix)
        self.shop_id = world.shop.id
        self.owner, self.operator = world.owner, world.operator
        self.colleague = world.person(f"{prefix}sofya@clay.example", "Софья Белова", Role.OPERATOR)
        for person in (self.owner, self.operator, self.colleague):
            person.password_hash = password_hash()
        self.box = SecretBox(KEY)
        pipelines.create_default_pipeline(session, world.shop)
        payment_accounts.add(session, self.box, world.shop, provider="manual", name="Наличные")
        payment_accounts.add(
            session, self.box, world.shop, provider="yookassa", name="ЮKassa", external_id=f"{prefix}1", secret="key"
        )
        warehouse = Warehouse(shop_id=self.shop_id, name="Лесная")
        session.add(warehouse)
        session.flush()
        product = editing.add_product(session, world.shop, name="Кружка «Туман»", description="Матовая глазурь")
        self.mug: Variant = editing.add_variant(session, product, sku=f"{prefix}TUM-300", price=145000)
        stock.receive(session, self.mug, warehouse, 5, actor="system")
        self.product_id, self.warehouse_id = product.id, warehouse.id
        self.account = world.account(external_id=f"{prefix}bot")
        self.anna = hear(session, self.account, "Анна Ветрова", "Здравствуйте! Есть кружка?")
        session.flush()


class _Foreign(World):
    """Another shop of the same installation."""

    def __init__(self, session: Session, prefix: str) -> None:
        self._prefix = prefix
        super().__init__(session)

    def person(self, email: str, name: str, role: Any) -> Staff:
        return super().person(email if email.startswith(self._prefix) else self._prefix + email, name, role)


_numbers = itertools.count(1)


def hear(session: Session, account: ChannelAccount, name: str, text: str, media: tuple[Media, ...] = ()) -> int:
    """A buyer of this name writes; the id of the conversation."""
    who = identities.recognise(session, account, external_id=f"buyer-{name}", name=name, locale="ru")
    talk = conversations.open_for(session, account, f"chat-{name}"[:100], customer_id=who.customer_id, locale="ru")
    said = Incoming(external_id=str(next(_numbers)), profile=Profile(f"buyer-{name}", name), text=text, media=media)
    messages.receive(session, talk, said)
    return talk.id


@dataclass(frozen=True, slots=True)
class Answer:
    status: int
    text: str
    headers: Any
    body: bytes = b""

    @property
    def toast(self) -> str:
        said: str = orjson.loads(self.headers.get("HX-Trigger", "{}")).get("toast", {}).get("text", "")
        return said


class Browser:
    """Somebody's browser. `csrf` is what our pages would have told it."""

    def __init__(self, address: str, cookie: str = "", csrf: str = "") -> None:
        self.address, self.csrf = address, csrf
        self.http = aiohttp.ClientSession(cookie_jar=aiohttp.CookieJar(unsafe=True))
        if cookie:
            self.http.cookie_jar.update_cookies({"prilavok": cookie}, URL(address))

    async def get(self, path: str, **headers: str) -> Answer:
        return await self._ask("GET", path, headers=headers)

    async def fragment(self, path: str) -> Answer:
        return await self.get(path, **{"HX-Request": "true"})

    async def post(self, path: str, data: Any = None, **headers: str) -> Answer:
        """As our scripts post: with the token. An empty header leaves it out."""
        usual = {"HX-Request": "true", "X-CSRF-Token": self.csrf}
        kept = {name: value for name, value in (usual | headers).items() if value}
        return await self._ask("POST", path, data=data, headers=kept)

    async def _ask(self, method: str, path: str, **more: Any) -> Answer:
        async with self.http.request(method, self.address + path, allow_redirects=False, **more) as answer:
            return Answer(answer.status, await answer.text(errors="replace"), answer.headers, await answer.read())

    @contextlib.asynccontextmanager
    async def listening(self, path: str = "/live/events") -> AsyncIterator[EventStream]:
        async with self.http.get(self.address + path) as answer:
            assert answer.status == 200
            yield EventStream(answer)


class EventStream:
    """The page's ear."""

    def __init__(self, answer: aiohttp.ClientResponse) -> None:
        self._answer = answer

    async def next(self, kind: str = "", *, seconds: float = 5) -> dict[str, Any]:
        """The next event, or the next of this kind. An empty one when the stream ends."""
        async with asyncio.timeout(seconds):
            event: dict[str, Any] = {}
            async for raw in self._answer.content:
                name, _, value = raw.decode().rstrip("\n").partition(": ")
                if name == "id":
                    event["id"] = int(value)
                elif name == "event":
                    event["event"] = value
                elif name == "data":
                    event |= orjson.loads(value)
                elif not name and event:
                    if not kind or kind in (event.get("kind"), event.get("event")):
                        return event
                    event = {}
            return {}


class Desk:
    """«Глина и лён» and a foreign shop, with the console open."""

    def __init__(self, database_url: str, folder: Path) -> None:
        self._url = database_url
        engine = open_engine(database_url)
        with Session(engine, expire_on_commit=False) as session:
            self.ours = Store(session)
            self.foreign = Store(session, "foreign-")
            session.commit()
        engine.dispose()
        self.files = FileStore(folder / "files")
        self.db = Database(database_url)
        self.live = LiveBus(self.db)
        self.address = ""
        self._browsers: list[Browser] = []
        self._runner: web.AppRunner | None = None

    async def __aenter__(self) -> Desk:
        await self.db.start()
        await self._open(port=0)
        return self

    async def restart(self) -> None:
        """As an upgrade does: another console on the same database, folder and port."""
        assert self._runner is not None
        self.live.close()
        await self._runner.cleanup()
        self.live = LiveBus(self.db)
        await self._open(port=int(self.address.rpartition(":")[2]))

    async def _open(self, *, port: int) -> None:
        app = web.Application(client_max_size=25_000_000)
        app[http.TRUSTED] = ()
        app.on_response_prepare.append(http.guard_headers)
        app.add_routes(Hooks(self.db, self.files, lambda _: None).routes())
        operator_console.app.setup(
            app,
            db=self.db,
            files=self.files,
            live=self.live,
            box=SecretBox(KEY),
            texts=Texts(),
            public_url="http://127.0.0.1",
        )
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.2)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", port).start()
        self.address = f"http://127.0.0.1:{self._runner.addresses[0][1]}"

    async def __aexit__(
        self, kind: type[BaseException] | None, failure: BaseException | None, trace: TracebackType | None
    ) -> None:
        for browser in self._browsers:
            await browser.http.close()
        self.live.close()
        if self._runner is not None:
            await self._runner.cleanup()
        await self.db.close()

    def stranger(self) -> Browser:
        """A browser that nobody has signed in with."""
        browser = Browser(self.address)
        self._browsers.append(browser)
        return browser

    async def signed_in(self, person: Staff) -> Browser:
        token, csrf = await self.db.write(_sign_in, person.email)
        browser = Browser(self.address, token, csrf)
        self._browsers.append(browser)
        return browser

    async def hears(self, name: str, text: str, media: tuple[Media, ...] = ()) -> int:
        return await self.db.write(lambda session: hear(session, self.ours.account, name, text, media))

    async def thread(self, conversation_id: int) -> list[Message]:
        return await self.db.read(messages.thread, conversation_id)

    async def conversation(self, conversation_id: int) -> Conversation:
        return await self.db.read(lambda session: session.get_one(Conversation, conversation_id))

    async def position(self) -> int:
        return await self.db.read(lambda session: session.scalar(sa.text("SELECT max(id) FROM event")) or 0)


def _sign_in(session: Session, email: str) -> tuple[str, str]:
    token = signin.sign_in(session, email, verified=True)
    assert token is not None
    found = signin.find(session, token)
    assert found is not None
    return token, found[0].csrf
