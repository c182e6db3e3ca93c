"""A hub in parts, driven by hand: its lanes are worked when the model says so, and it dies where the model says.

Everything between the wire and the database is the product's own. Left out are the web server, the ticks and the
sweep's timer, whose work the model asks for itself.
"""

from __future__ import annotations

import asyncio
import contextlib
import secrets
import shutil
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Concatenate, ParamSpec, TypeVar

import sqlalchemy as sa
from sqlalchemy.orm import Session

import bot.doubts
import bot.joined
import bot.notices
import bot.passports
import inbox.jobs
import orders.history
import orders.jobs
import payments.jobs
from automation import assignment, delivery_notices, reminding, task_notices, telling
from automation.holders import HOLDERS
from bot.channels.base import Channel
from bot.delivery import Courier
from bot.incoming import Intake
from bot.portraits import Portraits
from catalog import editing, stock
from company.texts import Texts
from customers import identities
from inbox import conversations
from inbox.tables import Kind
from kit.clock import now_ms, utc_now
from orders import stages
from payments.accounts import Providers
from payments.providers.base import Provider
from payments.tables import PaymentAccount
from prilavok.hub import SUBSCRIBERS
from storage import erasing, jobs
from storage import lanes as product
from storage.database import Database
from storage.files import FileStore
from storage.jobs import Handler, Handlers, New
from storage.schema import Base
from storage.turns import Turns
from storage.worker import Worker
from tests.conftest import empty_postgres, open_engine
from tests.faults.outside import MERCHANT, Cashier, Clock, Died, Gate, Messenger
from tests.worlds import World

P = ParamSpec("P")
T = TypeVar("T")

OWNER = "900"
"""The owner's own chat."""

BUYERS = ("1", "2")
"""Who has written before; their conversations are there."""

STOCK = (3, 2)
"""Pieces of each of the two things that are sold."""

TEXTS = Texts()


class Death:
    """When the process dies: at the coming transactions' n-th, before or after its commit."""

    def __init__(self) -> None:
        self._left, self._after = 0, False
        self.struck = False
        """Whether it came. Whoever works for this process may not have noticed it yet."""

    def arm(self, nth: int, *, after: bool) -> None:
        self._left, self._after = nth, after

    def disarm(self) -> None:
        self._left = 0

    def strikes(self) -> tuple[bool, bool]:
        """(before, after) of the transaction that begins now."""
        if self._left == 0:
            return False, False
        self._left -= 1
        due = self.struck = self._left == 0
        return due and not self._after, due and self._after


class Mortal(Database):
    """The database of a process that may die around any commit."""

    def __init__(self, url: str, death: Death) -> None:
        super().__init__(url, subscribers=SUBSCRIBERS, pool=3)
        self._death = death

    async def write(self, fn: Callable[Concatenate[Session, P], T], *args: P.args, **kwargs: P.kwargs) -> T:
        with self._dying():
            return await super().write(fn, *args, **kwargs)

    async def write_short(self, fn: Callable[Concatenate[Session, P], T], *args: P.args, **kwargs: P.kwargs) -> T:
        with self._dying():
            return await super().write_short(fn, *args, **kwargs)

    @contextlib.contextmanager
    def _dying(self) -> Iterator[None]:
        before, after = self._death.strikes()
        if before:
            raise Died
        yield
        if after:
            raise Died


class Patient(Turns):
    """Goes on in the transaction that rang a lane only while it is `prompt`, as the product's always is."""

    prompt = True

    def take_in(self, session: Session, new: Sequence[New]) -> None:
        if self.prompt:
            super().take_in(session, new)
        else:
            jobs.put_all(session, new)

    def go_on(self, session: Session) -> None:
        if self.prompt:
            super().go_on(session)


class Stepped(Worker):
    """Remembers which lanes were rung, and works one when it is told to."""

    def __init__(self, db: Database, handlers: Handlers) -> None:
        super().__init__(db, handlers)
        self.rung: set[str] = set()
        self._turns: Patient = Patient(handlers, self._lease_ms)

    @property
    def prompt(self) -> bool:
        """Whether it goes on in the transaction that rang a lane, as the product's worker does."""
        return self._turns.prompt

    @prompt.setter
    def prompt(self, prompt: bool) -> None:
        self._turns.prompt = prompt

    async def start(self) -> None:
        await super().start()
        for tick in self._ticks:
            tick.cancel()
        await asyncio.gather(*self._ticks, return_exceptions=True)

    def ring(self, lanes: Iterable[str]) -> None:
        self.rung |= set(lanes)

    def begin(self, lane: str) -> None:
        """Work the lane until it is empty, or waits for an answer from outside."""
        self.rung.discard(lane)
        if lane not in self._drains:
            super().ring([lane])

    @property
    def running(self) -> list[asyncio.Task[Any]]:
        return self._running()

    async def vanish(self) -> None:
        """End as a killed process does: nothing is waited for, no lane is released."""
        self._stopping = True
        gone = self._running()
        for task in gone:
            task.cancel()
        await asyncio.gather(*gone, return_exceptions=True)
        await self._presence.leave()

    async def sweep(self) -> None:
        """What the sweep's timer does twice a second."""
        found = await self._db.read(product.due_lanes)
        now = now_ms()
        self.ring([lane for lane, due in found if due <= now])

    def _ring_later(self, lane: str, after: float) -> None:
        """Timers run on real time; here the clock is set by hand, and the sweep finds what is due."""


class Accounts(Providers):
    """Every account is the one at the bank outside."""

    def __init__(self, cashier: Provider) -> None:
        self._cashier = cashier

    async def of(self, account_id: int) -> Provider:
        return self._cashier

    async def close(self) -> None:
        return


class House:
    """One process."""

    def __init__(self, url: str, messenger: Channel, cashier: Provider, files: Path) -> None:
        self.death = Death()
        self.db: Database = Mortal(url, self.death)
        self.intake = Intake(self.db, lambda account_id: messenger, TEXTS, "https://counter.example")
        store = FileStore(files)
        courier = Courier(lambda account_id: messenger, store)
        handlers: dict[str, Handler] = {
            **self.intake.handlers,
            **courier.handlers,
            **erasing.handlers(store),
            **Portraits(lambda account_id: messenger, store).handlers,
            **bot.doubts.JOBS,
            **inbox.jobs.JOBS,
            **orders.jobs.JOBS,
            **reminding.JOBS,
            **telling.JOBS,
            **assignment.JOBS,
            **task_notices.handlers(TEXTS, "https://counter.example"),
            **delivery_notices.handlers(TEXTS, "https://counter.example"),
            **payments.jobs.handlers(Accounts(cashier), "https://counter.example"),
            **bot.notices.handlers(TEXTS, "https://counter.example"),
            **bot.passports.handlers(TEXTS, HOLDERS),
            **bot.joined.handlers(TEXTS, HOLDERS),
        }
        self.worker = Stepped(self.db, handlers)
        self.intake.go_on_with(self.worker)

    async def open(self) -> None:
        await self.db.start()
        await self.worker.start()

    async def die(self) -> None:
        """Gone with all that it only remembered; what was asked of the outside is never answered."""
        self.death.disarm()
        await self.worker.vanish()
        await self.db.close()


@dataclass
class Town:
    """A clock, a messenger, a bank, and a shop in a database: the beginning of one story."""

    url: str
    clock: Clock
    gate: Gate
    messenger: Messenger
    cashier: Cashier
    files: Path
    reader: sa.Engine

    @classmethod
    def begin(cls, url: str, files: Path, clock: Clock) -> Town:
        gate = Gate()
        return cls(
            url=url,
            clock=clock,
            gate=gate,
            messenger=Messenger(gate, clock.moment),
            cashier=Cashier(gate, clock.moment),
            files=files,
            reader=sa.create_engine(url, isolation_level="AUTOCOMMIT"),
        )

    async def house(self) -> House:
        opened = House(self.url, self.messenger, self.cashier, self.files)
        await opened.open()
        return opened


class Databases:
    """Fresh databases with a furnished shop, one after another: copies of an SQLite file, or one schema emptied."""

    def __init__(self, folder: Path, server: str = "") -> None:
        """`server` is the address of a PostgreSQL database; empty for SQLite."""
        self._folder, self._server = folder, server
        self._made = 0
        self._schema = f"model_{secrets.token_hex(4)}" if server else ""
        if server:
            self._on_server(f"CREATE SCHEMA {self._schema}")
            options = f"-csearch_path={self._schema} -csynchronous_commit=off"
            address = sa.make_url(server).set(drivername="postgresql+psycopg")
            self._url = address.update_query_dict({"options": options}).render_as_string(hide_password=False)
        else:
            self._url = f"sqlite:///{folder}/template.db"
        engine = sa.create_engine(self._url)
        Base.metadata.create_all(engine)
        engine.dispose()
        if not server:
            self._fill()

    def fresh(self) -> str:
        self._made += 1
        if self._server:
            empty_postgres(self._url)
            self._fill()
            return self._url
        for old in self._folder.glob("story-*"):
            old.unlink()
        target = self._folder / f"story-{self._made}.db"
        shutil.copyfile(self._folder / "template.db", target)
        return f"sqlite:///{target}"

    def close(self) -> None:
        if self._server:
            self._on_server(f"DROP SCHEMA {self._schema} CASCADE")

    def _fill(self) -> None:
        engine = open_engine(self._url)
        with Session(engine) as session:
            furnish(session)
            session.commit()
        # SQLite's last connection moves the log into the file, which may be copied then.
        engine.dispose()

    def _on_server(self, statement: str) -> None:
        address = sa.make_url(self._server).set(drivername="postgresql+psycopg")
        server = sa.create_engine(address, isolation_level="AUTOCOMMIT")
        with server.connect() as connection:
            connection.exec_driver_sql(statement)
        server.dispose()


def furnish(session: Session) -> None:
    """«Глина и лён» with two things on its shelf, few of each, a bot, an account at the bank, and its owner's chat."""
    world = World(session)
    shop = world.shop
    stages.create_default_pipeline(session, shop)
    account = world.account()
    session.add(
        PaymentAccount(
            shop_id=shop.id,
            provider="yookassa",
            name="ЮKassa",
            external_id=MERCHANT.id,
            test=True,
            created_at=utc_now(),
        )
    )
    room = stock.add_warehouse(session, shop, name="Мастерская")
    for n, pieces in enumerate(STOCK):
        product = editing.add_product(session, shop, name=f"Кружка {n}", category=None, description="Тонкий фарфор.")
        variant = editing.add_variant(session, product, sku=f"MUG-{n}", price=100000 + 10000 * n)
        stock.receive(session, variant, room, pieces, reason="initial", actor="system")
    for buyer in BUYERS:
        known = identities.recognise(session, account, external_id=buyer, name=f"Покупатель{buyer}", locale="ru")
        conversations.open_for(session, account, buyer, customer_id=known.customer_id, locale="ru")
    identity = identities.recognise(session, account, external_id=OWNER, name="Илья", locale="ru")
    chat = conversations.open_for(session, account, OWNER, customer_id=identity.customer_id, locale="ru")
    chat.kind, chat.staff_id = Kind.STAFF, world.owner.id
    session.flush()
