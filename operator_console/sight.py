"""What of the shop a person may see who does not see everything: his conversations, their customers, their orders.

A session that is narrowed finds nothing else, whichever function asks it: each SELECT gets the conditions of the tables
that it reads (docs/decisions/0012). Out of its reach are SQL written by hand, statements of tables and not of classes,
the rows of the event log, and what was loaded before.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import lru_cache
from typing import Any, cast

import sqlalchemy as sa
from sqlalchemy.orm import DeclarativeBase, ORMExecuteState, Session, with_loader_criteria
from sqlalchemy.orm.interfaces import ORMOption
from sqlalchemy.orm.util import AliasedInsp
from sqlalchemy.sql import visitors

from automation.tables import Notification, Task
from company.tables import Sees
from customers.tables import Customer, Merge
from inbox.tables import Conversation, Kind, Message, ScheduledMessage
from orders.tables import Order
from payments.tables import MoneyQuestion, Payment, Refund

_KEY = "sight"

_NARROWED = (
    *(Conversation, Message, ScheduledMessage, Customer, Merge, Task, Notification),
    *(Order, Payment, Refund, MoneyQuestion),
)
_CLASSES = {thing.__tablename__: frozenset({thing}) for thing in _NARROWED}

KEPT = 200
"""People whose conditions are kept ready."""

Condition = sa.ColumnElement[bool]
Rows = Callable[[Any], Condition]
"""Which rows of a table are seen, said of its columns: those of its class, of an alias of that, or of the table's."""
Conditions = Mapping[type[DeclarativeBase], Rows]


@contextmanager
def narrowed(session: Session, sees: Sees, shop_id: int, staff_id: int) -> Iterator[None]:
    """The session finds only what this person sees."""
    session.info[_KEY] = (sees, shop_id, staff_id)
    try:
        yield
    finally:
        del session.info[_KEY]


def all_seen(session: Session, thing: type[DeclarativeBase], ids: Sequence[int]) -> bool:
    """Whether the session finds every one of these rows."""
    (key,) = sa.inspect(thing).primary_key
    found = session.scalar(sa.select(sa.func.count()).select_from(thing).where(key.in_(set(ids))))
    return found == len(set(ids))


@sa.event.listens_for(Session, "do_orm_execute")
def _narrow(state: ORMExecuteState) -> None:
    whose: tuple[Sees, int, int] | None = state.session.info.get(_KEY)
    if whose is None or not state.is_select:
        return
    narrowing = [option for read in _read_by(state.statement) if (option := _option(read, *whose)) is not None]
    if narrowing:
        state.statement = state.statement.options(*narrowing)


def _read_by(statement: Any) -> set[Any]:
    """The classes that the statement reads, and aliases of classes: a condition of the class does not reach those."""
    found: set[Any] = set()
    for part in visitors.iterate(statement):
        parent = part._annotations.get("parententity")
        if isinstance(parent, AliasedInsp):
            found.add(parent)
        elif parent is not None:
            found.add(parent.class_)
        elif isinstance(part, sa.Table):
            # Of a class and its table in one statement only the table may be met.
            found |= _CLASSES.get(part.name, frozenset())
    return found


def _option(read: Any, sees: Sees, shop_id: int, staff_id: int) -> ORMOption | None:
    if isinstance(read, AliasedInsp):
        rows = _conditions(sees, shop_id, staff_id).get(read.class_)
        return None if rows is None else with_loader_criteria(read.entity, rows(read.entity))
    return _of_classes(sees, shop_id, staff_id).get(read)


@lru_cache(maxsize=KEPT)
def _of_classes(sees: Sees, shop_id: int, staff_id: int) -> Mapping[Any, ORMOption]:
    """The conditions of all classes: to build them takes longer than to ask the database."""
    conditions = _conditions(sees, shop_id, staff_id)
    return {thing: with_loader_criteria(thing, rows(thing)) for thing, rows in conditions.items()}


def _conditions(sees: Sees, shop_id: int, staff_id: int) -> Conditions:
    return _of_deliveries(staff_id) if sees is Sees.DELIVERIES else _of_talks(sees, shop_id, staff_id)


def _of_talks(sees: Sees, shop_id: int, me: int) -> Conditions:
    """By the conversations that he leads, and for OWN_AND_FREE those that nobody does.

    A customer is seen by whoever sees a conversation of his or is responsible for an order of his; an order, by whoever
    is responsible for it or sees a conversation of its customer. A customer whom nobody talks with and nobody is
    responsible for is free too.
    """
    free = sees is Sees.OWN_AND_FREE

    def talk(c: Any) -> Condition:
        mine = c.assignee_id == me
        return sa.and_(
            c.shop_id == shop_id, c.kind == Kind.BUYER, sa.or_(mine, c.assignee_id.is_(None)) if free else mine
        )

    def customer(id_: Any) -> Condition:
        answered_for = _some(Order, lambda c: sa.and_(c.shop_id == shop_id, c.responsible_id == me), "customer_id")
        ways = [id_.in_(_some(Conversation, talk, "customer_id")), id_.in_(answered_for)]
        if free:
            kept = _some(Order, lambda c: sa.and_(c.shop_id == shop_id, c.responsible_id.is_not(None)), "customer_id")
            ways.append(sa.and_(id_.not_in(_led(shop_id)), id_.not_in(kept)))
        return sa.or_(*ways)

    def order(c: Any) -> Condition:
        ways = [c.responsible_id == me, c.customer_id.in_(_some(Conversation, talk, "customer_id"))]
        if free:
            ways.append(sa.and_(c.responsible_id.is_(None), c.customer_id.not_in(_led(shop_id))))
        return sa.or_(*ways)

    def task(c: Any) -> Condition:
        about = (
            _none_or(c.conversation_id, _some(Conversation, talk)),
            _none_or(c.order_id, _some(Order, order)),
            sa.or_(c.customer_id.is_(None), customer(c.customer_id)),
        )
        return sa.or_(c.assignee_id == me, c.author_id == me, sa.and_(*about))

    def told(c: Any) -> Condition:
        return sa.and_(
            c.staff_id == me,
            _none_or(c.conversation_id, _some(Conversation, talk)),
            _none_or(c.order_id, _some(Order, order)),
            _none_or(c.task_id, _some(Task, task)),
        )

    return {
        # Besides, the chat in which the person himself talks with the shop's bot.
        Conversation: lambda c: sa.or_(talk(c), sa.and_(c.kind == Kind.STAFF, c.staff_id == me)),
        Message: lambda c: c.conversation_id.in_(_some(Conversation, talk)),
        ScheduledMessage: lambda c: c.conversation_id.in_(_some(Conversation, talk)),
        Customer: lambda c: customer(c.id),
        Merge: lambda c: customer(c.kept_id),
        Task: task,
        Notification: told,
        **_of_orders(order),
    }


def _of_deliveries(me: int) -> Conditions:
    """A courier sees the orders that he delivers, and what he was told of them."""

    def order(c: Any) -> Condition:
        return cast(Condition, c.courier_id == me)

    def told(c: Any) -> Condition:
        own = (c.staff_id == me, c.conversation_id.is_(None), c.task_id.is_(None))
        return sa.and_(*own, _none_or(c.order_id, _some(Order, order)))

    hidden = (Conversation, Message, ScheduledMessage, Customer, Merge, Task)
    return {**dict.fromkeys(hidden, _nothing), Notification: told, **_of_orders(order)}


def _nothing(_c: Any) -> Condition:
    return sa.false()


def _of_orders(order: Rows) -> Conditions:
    def money(c: Any) -> Condition:
        return cast(Condition, c.order_id.in_(_some(Order, order)))

    return {Order: order, Payment: money, Refund: money, MoneyQuestion: money}


def _some(thing: type[DeclarativeBase], which: Rows, column: str = "id") -> sa.Select[Any]:
    """A column of those rows. The table itself is asked, and not the class: a condition is not narrowed again."""
    c = cast(sa.Table, thing.__table__).alias().c
    return sa.select(c[column]).where(which(c), c[column].is_not(None))


def _led(shop_id: int) -> sa.Select[Any]:
    """The customers whom somebody talks with."""
    return _some(Conversation, lambda c: sa.and_(c.shop_id == shop_id, c.assignee_id.is_not(None)), "customer_id")


def _none_or(column: Any, seen: sa.Select[Any]) -> Condition:
    return sa.or_(column.is_(None), column.in_(seen))
