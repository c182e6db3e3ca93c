"""A shop's till for the tests of money: a real database, worker and web server on one side, YooKassa on the other."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any, Concatenate, ParamSpec, TypeVar

import aiohttp
import sqlalchemy as sa
from aiohttp import web
from sqlalchemy.orm import Session

import payments.jobs
import payments.web
from company import settings
from company.tables import Shop
from company.texts import Texts
from customers.tables import Customer
from emulators.yookassa.emulator import YooKassaEmulator
from emulators.yookassa.records import Shop as Merchant
from kit.clock import now_ms, utc_now
from kit.money import Money
from kit.secrets import SecretBox
from orders import book, checkout, lines, stages
from orders.details import Details
from orders.jobs import JOBS
from orders.tables import Order
from payments import accounts, charging, polling, questions, refunding
from payments.accounts import Providers
from payments.providers.base import ProviderPayment
from payments.providers.yookassa_wire import payment_of
from payments.tables import LedgerEntry, MoneyQuestion, Payment, Refund
from storage.database import Database
from storage.events import Event
from storage.tables import EventRow, Job
from storage.worker import Worker
from tests.orders.floor import ONLINE, Floor

P = ParamSpec("P")
T = TypeVar("T")

MERCHANT, SECRET = "100500", "test_not-a-real-key"
BOX = SecretBox("0123456789abcdef0123456789abcdef")


@dataclass
class Till:
    db: Database
    worker: Worker
    bank: YooKassaEmulator
    http: aiohttp.ClientSession
    url: str
    account_id: int
    shop_id: int
    staff_id: int
    goods: list[int] = field(default_factory=list)

    # What people do

    async def order(
        self, *, email: str = "anna@clay.example", phone: str = ONLINE.phone, quantity: int = 1, discount: int = 0
    ) -> Order:
        """Anna has ordered cups, each 1 450 ₽, to be paid online."""
        return await self.do(self._order, replace(ONLINE, email=email, phone=phone), quantity, discount)

    def _order(self, session: Session, wishes: Details, quantity: int, discount: int) -> Order:
        shop = session.get_one(Shop, self.shop_id)
        anna = session.scalars(sa.select(Customer).where(Customer.shop_id == self.shop_id)).first()
        assert anna is not None
        return checkout.make(
            session,
            shop,
            anna,
            [(self.goods[0], quantity)],
            wishes,
            actor=f"staff:{self.staff_id}",
            discount=Money(discount),
        )

    async def link(self, order: Order) -> Payment:
        """The buyer asks for a link; the provider has made the payment when this returns."""
        payment = await self.do(charging.request, order, actor="bot")
        await self.settle()
        return await self.payment(payment.id)

    async def paid_order(self, **how: Any) -> tuple[Order, Payment]:
        order = await self.order(**how)
        payment = await self.link(order)
        assert payment.provider_id is not None
        self.bank.pay(payment.provider_id)
        await self.settle()
        return await self.now(order), await self.payment(payment.id)

    async def settle(self) -> None:
        """Wait until every notification has come and every job is done, those that try again soon too."""
        await self.bank.settled()
        async with asyncio.timeout(60):
            while await self.db.read(_busy):
                await asyncio.sleep(0.02)
        await self.worker.idle()

    async def poll(self) -> None:
        """The poller's next tick, half a minute later."""
        await self.do(polling.due, utc_now() + timedelta(seconds=30))
        await self.settle()

    async def comes_back(self, payment: Payment) -> str:
        """The buyer's browser arrives at the return page. What it shows."""
        async with self.http.get(f"{self.url}/p/{payment.token}/back") as response:
            assert response.status == 200
            return await response.text()

    async def opens(self, payment: Payment) -> tuple[int, str]:
        """Anna presses her link: the status, and where she is sent or what she reads."""
        async with self.http.get(f"{self.url}/p/{payment.token}", allow_redirects=False) as response:
            return response.status, response.headers.get("Location") or await response.text()

    async def cancel(self, order: Order) -> None:
        await self.do(self._cancel, order.id)

    def _cancel(self, session: Session, order_id: int) -> None:
        stages.cancel(session, book.locked(session, order_id), actor="schedule", reason="unpaid_in_time")

    async def discount(self, order: Order, amount: int) -> None:
        await self.do(lines.set_discount, order, Money(amount), actor="bot")

    async def wants(self, **changes: Any) -> None:
        """The owner changes the shop's settings."""
        await self.do(lambda session: settings.change(session, session.get_one(Shop, self.shop_id), **changes))

    async def account_says(self, **settings: bool) -> None:
        """Settings of the account, such as what the provider said of the shop's cash register."""
        await self.do(lambda session: accounts.set_up(session, accounts.get(session, self.account_id), **settings))

    async def refund(self, payment: Payment, amount: int, key: str, reason: str = "Разбилась в пути") -> Refund:
        actor = f"staff:{self.staff_id}"
        return await self.do(refunding.ask, payment, Money(amount), reason=reason, actor=actor, key=key)

    def seen(self, payment: Payment) -> ProviderPayment:
        """The payment as the provider would report it now."""
        assert payment.provider_id is not None
        return payment_of(self.bank.payment(payment.provider_id))

    # What the books say

    async def now(self, order: Order) -> Order:
        return await self.db.read(book.get, self.shop_id, order.id)

    async def payment(self, payment_id: int) -> Payment:
        return await self.db.read(lambda session: session.get_one(Payment, payment_id))

    async def ledger(self) -> list[tuple[str, int]]:
        """Every entry as (effect, amount), the oldest first."""
        return await self.db.read(
            lambda session: [
                (entry.effect, entry.amount)
                for entry in session.scalars(sa.select(LedgerEntry).order_by(LedgerEntry.id))
            ]
        )

    async def questions(self) -> list[str]:
        """What a person has to decide."""
        return [question.kind for question in await self.open_questions()]

    async def open_questions(self) -> list[MoneyQuestion]:
        return await self.db.read(questions.still_open, self.shop_id)

    async def refunds(self, order: Order) -> list[Refund]:
        return await self.db.read(refunding.of_order, order.id)

    async def events(self, kind: type[Event]) -> list[dict[str, Any]]:
        query = sa.select(EventRow.payload).where(EventRow.kind == kind.kind).order_by(EventRow.id)
        return await self.db.read(lambda session: list(session.scalars(query)))

    async def do(self, fn: Callable[Concatenate[Session, P], T], *args: P.args, **kwargs: P.kwargs) -> T:
        return await self.db.write(fn, *args, **kwargs)

    def asked(self, call: str) -> int:
        """How many calls such as `GET /v3/payments` the provider got."""
        return sum(f"{one.method} {one.path}".startswith(call) for one in self.bank.calls)

    @property
    def hook(self) -> str:
        return f"{self.url}/hooks/yookassa/{self.account_id}"


@asynccontextmanager
async def open_till(
    database_url: str, *, test: bool = True, hooked: bool = True, subscribers: dict[str, list[str]] | None = None
) -> AsyncIterator[Till]:
    """The shop «Глина и лён» with its account at YooKassa. Without `hooked` no notification reaches it."""
    db = Database(database_url, subscribers=subscribers or {})
    await db.start()
    bank = YooKassaEmulator([Merchant(MERCHANT, SECRET, title="Глина и лён")], pause_scale=0.001)
    await bank.start()
    providers = Providers(db, BOX)
    runner, url = await _serve(db)
    worker = Worker(db, {**JOBS, **payments.jobs.handlers(providers, url)})
    await worker.start()
    try:
        async with aiohttp.ClientSession() as http:
            till = Till(db, worker, bank, http, url, 0, 0, 0)
            await db.write(_furnish, till, test)
            bank.webhook_urls[MERCHANT] = till.hook if hooked else None
            yield till
    finally:
        bank.network.close()
        await worker.stop()
        await runner.cleanup()
        await providers.close()
        await bank.stop()
        await db.close()


async def _serve(db: Database) -> tuple[web.AppRunner, str]:
    app = web.Application()
    payments.web.setup(app, db=db, texts=Texts(), public_url="")
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    return runner, f"http://127.0.0.1:{runner.addresses[0][1]}"


def _furnish(session: Session, till: Till, test: bool) -> None:
    floor = Floor(session)
    till.shop_id, till.staff_id = floor.shop.id, floor.operator.id
    till.goods = [floor.item("CUP", price=145000, on_hand=50).id]
    account = accounts.add(
        session,
        BOX,
        floor.shop,
        provider="yookassa",
        name="ЮKassa",
        external_id=MERCHANT,
        secret=SECRET,
        test=test,
        settings={"api": till.bank.api_url},
    )
    accounts.add(session, None, floor.shop, provider="manual", name="Наличные")
    till.account_id = account.id


def _busy(session: Session) -> bool:
    query = sa.select(Job.id).where(Job.state == "ready", Job.run_at < now_ms() + 5_000)
    return session.scalar(query.limit(1)) is not None


async def together(*acts: Any) -> list[Any]:
    """All at once; failures are results."""
    return await asyncio.gather(*acts, return_exceptions=True)
