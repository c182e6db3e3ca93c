"""Which orders: what a list of them is asked for, as conditions of a query."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

import sqlalchemy as sa
from sqlalchemy.orm import InstrumentedAttribute, Session
from sqlalchemy.sql.elements import UnaryExpression
from sqlalchemy.sql.operators import custom_op

from company.tables import ChannelAccount
from customers import cards
from customers.tables import Customer
from orders.tables import ADDRESSED, Group, Order, Pipeline, Stage

OPEN = (Group.NEW, Group.APPROVAL, Group.ASSEMBLING, Group.DELIVERY)


class Payment(StrEnum):
    """Orders by the state of their money."""

    PAID = "paid"
    UNPAID = "unpaid"
    ON_RECEIPT = "on_receipt"
    FLAGGED = "flagged"


@dataclass(frozen=True, slots=True)
class Filter:
    """What to show; an empty one shows all orders of the shop."""

    text: str = ""
    """A number, what the customer is found by, or part of the recipient's name or phone."""
    channel: str = ""
    responsible_id: int | None = None
    nobodys: bool = False
    courier_id: int | None = None
    payment: Payment | None = None
    stage: str = ""
    pipeline_id: int | None = None
    only_open: bool = False
    since: datetime | None = None
    until: datetime | None = None


def stages_of(shop_id: int, which: sa.ColumnElement[bool]) -> sa.Select[int]:
    pipelines = sa.select(Pipeline.id).where(Pipeline.shop_id == shop_id)
    return sa.select(Stage.id).where(which, Stage.pipeline_id.in_(pipelines))


def conditions(
    session: Session, shop_id: int, filters: Filter, *, once: bool = False
) -> Sequence[sa.ColumnElement[bool]]:
    """All of them ask the order's own row, so that nothing is joined to what is only counted.

    `once`: they are asked once, and whom a text names need not be found before.
    """
    where: list[sa.ColumnElement[bool]] = [Order.shop_id == shop_id]
    if filters.text.strip():
        where = _mentions(session, shop_id, filters.text.strip(), once=once)
    if filters.pipeline_id is not None:
        where.append(Order.pipeline_id == filters.pipeline_id)
    if filters.channel:
        accounts = sa.select(ChannelAccount.id).where(ChannelAccount.channel == filters.channel)
        where.append(Order.account_id.in_(accounts.where(ChannelAccount.shop_id == shop_id)))
    if filters.nobodys:
        where.append(Order.responsible_id.is_(None))
    elif filters.responsible_id is not None:
        where.append(Order.responsible_id == filters.responsible_id)
    if filters.courier_id is not None:
        where.append(Order.courier_id == filters.courier_id)
    if filters.payment is not None:
        where.append(_PAYMENTS[filters.payment])
    if filters.stage:
        where.append(Order.stage_id.in_(stages_of(shop_id, Stage.code == filters.stage)))
    if filters.only_open:
        where.append(Order.stage_id.in_(stages_of(shop_id, Stage.group.in_(OPEN))))
    if filters.since is not None:
        where.append(Order.created_at >= filters.since)
    if filters.until is not None:
        where.append(Order.created_at < filters.until)
    return where


_PAYMENTS: dict[Payment, sa.ColumnElement[bool]] = {
    Payment.PAID: Order.paid_at.is_not(None),
    Payment.UNPAID: sa.and_(Order.paid_at.is_(None), Order.payment_method == "online"),
    Payment.ON_RECEIPT: sa.and_(Order.paid_at.is_(None), Order.payment_method == "on_receipt"),
    Payment.FLAGGED: Order.flag != "",
}


def _mentions(session: Session, shop_id: int, text: str, *, once: bool) -> list[sa.ColumnElement[bool]]:
    """Orders with this number, of a customer who is found by this text, or with it in the recipient's name or phone."""
    digits = text.lstrip("#№ ").strip()
    number = int(digits) if digits.isascii() and digits.isdecimal() and len(digits) < 10 else None
    people = sa.select(Customer.id).where(*cards.standing(shop_id), *cards.matching(session, shop_id, text))
    if not ADDRESSED.looks_up(session, text):
        # All orders are read anyway: each once, and not each of those that are found once more.
        here = [Order.customer_id.in_(people), ADDRESSED.written(Order.recipient, cards.spellings(text))]
        return [Order.shop_id == shop_id, sa.or_(*here, *([] if number is None else [Order.number == number]))]
    ways = [
        _ids(shop_id, Order.customer_id.in_(people if once else cards.named(session, people))),
        ADDRESSED.holding(session, Order.recipient, text, cards.spellings(text)),
    ]
    phone = "".join(filter(str.isdigit, text))
    if len(phone) >= 4:
        ways.append(ADDRESSED.holding(session, Order.phone, phone[-10:], [phone[-10:]]))
    if number is not None:
        ways.append(_ids(shop_id, Order.number == number))
    # Each way has an index of its own; of conditions joined by OR one that has none would make all of them read.
    return [_plain(Order.shop_id) == shop_id, Order.id.in_(sa.union(*ways))]


def _plain(column: InstrumentedAttribute[int]) -> sa.ColumnElement[int]:
    """The column without its indexes. SQLite, which counts no rows by itself, would rather read all orders of the shop
    than look at the few that are named."""
    return UnaryExpression(column.expression, operator=custom_op("+"), type_=sa.BigInteger())


def _ids(shop_id: int, condition: sa.ColumnElement[bool]) -> sa.Select[int]:
    return sa.select(Order.id).where(Order.shop_id == shop_id, condition)
