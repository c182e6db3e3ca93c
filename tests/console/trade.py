"""Orders at the desk: what tests of the orders' pages begin with."""

from __future__ import annotations

import re
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from catalog import stock
from company.tables import Shop
from customers import cards
from inbox.tables import Conversation
from kit.money import Money
from orders import book, checkout
from orders.details import Details
from orders.tables import Order, Stage
from payments import charging, manual, refunding
from payments.tables import Payment, Refund
from tests.console.desk import Desk, Store

ON_RECEIPT = Details("Анна Ветрова", "+79001234567", "pickup", payment_method="on_receipt")
ONLINE = Details("Анна Ветрова", "+79001234567", "pickup", payment_method="online")


async def order(desk: Desk, details: Details = ON_RECEIPT, quantity: int = 2, store: Store | None = None) -> Order:
    """Anna's order of mugs, each 1 450 ₽, made in her conversation."""
    return await desk.db.write(_order, store or desk.ours, details, quantity)


async def paid_order(desk: Desk, quantity: int = 2) -> tuple[Order, Payment]:
    made = await order(desk, quantity=quantity)
    payment = await desk.db.write(manual.confirm, made, amount=made.total, actor="system", key=f"cash-{made.id}")
    return await now(desk, made), payment


async def now(desk: Desk, made: Order) -> Order:
    return await desk.db.read(book.get, made.shop_id, made.id)


async def stage_id(desk: Desk, made: Order, code: str) -> str:
    query = sa.select(Stage.id).where(Stage.pipeline_id == made.pipeline_id, Stage.code == code)
    return str(await desk.db.read(lambda session: session.scalars(query).one()))


async def payments(desk: Desk, made: Order) -> list[Payment]:
    return await desk.db.read(charging.of_order, made.id)


async def refunds(desk: Desk, made: Order) -> list[Refund]:
    return await desk.db.read(refunding.of_order, made.id)


async def left(desk: Desk) -> int:
    """Mugs that nobody has reserved."""
    mug = desk.ours.mug.id
    return (await desk.db.read(stock.available, [mug]))[mug]


async def change_price(desk: Desk, price: int) -> None:
    def dearer(session: Session) -> None:
        session.get_one(type(desk.ours.mug), desk.ours.mug.id).price = price

    await desk.db.write(dearer)


def key_in(page: str, name: str = "key") -> str:
    """The value of a hidden field of a page."""
    found = re.search(rf'name="{name}" value="([^"]+)"', page)
    assert found is not None
    return found[1]


def roubles(whole: int) -> Money:
    return Money(whole * 100)


def _order(session: Session, store: Store, details: Details, quantity: int) -> Order:
    shop = session.get_one(Shop, store.shop_id)
    talk = session.get_one(Conversation, store.anna)
    customer = cards.get(session, talk.customer_id or 0, shop.id)
    more: dict[str, Any] = {"conversation_id": talk.id, "account_id": talk.account_id}
    made = checkout.make(session, shop, customer, [(store.mug.id, quantity)], details, actor="system", **more)
    return book.get(session, shop.id, made.id)
