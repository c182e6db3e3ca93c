"""A shop with a past: chats, messages, events and finished jobs, written in bulk through the tables' metadata."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from benchmarks.buyers import FIRST_CHAT
from company.tables import ChannelAccount, Shop
from customers.tables import Customer, Identity
from inbox.tables import Author, Conversation, Delivery, Kind, Message, State
from kit.clock import now_ms, utc_now
from storage.schema import Base
from storage.tables import EventRow, Job, Lane

PAYLOAD = '{"account_id":1,"chat":"10000","raw":{"update_id":1,"message":{"text":"' + "о" * 200 + '"}}}'
"""As long as that of a job that keeps an update."""

LATER = 10 * 24 * 3600 * 1000
"""Milliseconds from now at which what is planned falls due: after any measurement."""


def fill(session: Session, *, messages: int, chats: int) -> None:
    """So many chats, with so many messages dealt out among them; each has its event and its job, done today.

    Each chat has one more job, planned for later, in a lane of its own: a reminder.
    """
    shop_id = session.scalars(sa.select(Shop.id)).one()
    account_id = session.scalars(sa.select(ChannelAccount.id).where(ChannelAccount.channel == "telegram")).one()
    _chats(session, shop_id, account_id, chats)
    first = session.scalars(sa.select(sa.func.min(Conversation.id))).one()
    _messages(session, account_id, first, messages, chats)
    _events(session, shop_id, first, messages, chats)
    _jobs(session, account_id, messages, chats)


def settle(engine: sa.Engine) -> None:
    """What the database would do in quiet hours: take stock of its tables, and write everything to its place."""
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        if engine.dialect.name == "sqlite":
            connection.exec_driver_sql("ANALYZE")
            connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
        else:
            connection.exec_driver_sql("VACUUM ANALYZE")
            connection.exec_driver_sql("CHECKPOINT")


def _chats(session: Session, shop_id: int, account_id: int, chats: int) -> None:
    now = utc_now()
    names = [(n, str(FIRST_CHAT + n)) for n in range(chats)]
    _add(session, Customer, [{"shop_id": shop_id, "name": "Покупатель", "created_at": now} for _ in names])
    customer = session.scalars(sa.select(sa.func.min(Customer.id))).one()
    _add(session, Identity, [
        {
            "account_id": account_id, "external_id": chat, "customer_id": customer + n, "name": "Покупатель",
            "username": f"buyer_{n}", "created_at": now,
        }
        for n, chat in names
    ])  # fmt: skip
    _add(session, Conversation, [
        {
            "shop_id": shop_id, "account_id": account_id, "chat": chat, "kind": Kind.BUYER, "state": State.OPEN,
            "customer_id": customer + n, "last_at": now - timedelta(seconds=n), "last_text": "Спасибо!",
            "last_author": Author.BUYER, "created_at": now - timedelta(days=30),
        }
        for n, chat in names
    ])  # fmt: skip
    _add(session, Lane, [{"lane": f"in:{account_id}:{chat}", "lease_until": 0, "epoch": 1} for _, chat in names])
    due = now_ms() + LATER
    _add(session, Job, [
        {
            "lane": f"remind:{chat}", "kind": "cart.remind", "payload": "{}", "state": "ready", "attempts": 0,
            "run_at": due, "created_at": now_ms(),
        }
        for _, chat in names
    ])  # fmt: skip


def _messages(session: Session, account_id: int, first: int, messages: int, chats: int) -> None:
    now, k = utc_now(), _counted(messages)
    author = sa.case((k.c.k % 2 == 0, "buyer"), else_="bot")
    delivery = sa.case((k.c.k % 2 == 0, Delivery.RECEIVED.value), else_=Delivery.SENT.value)
    _select(session, Message, k, {
        "conversation_id": first + k.c.k % chats,
        "account_id": sa.literal(account_id),
        "author": author,
        "private": sa.false(),
        "text": sa.literal("А из чего это сделано и сколько стоит доставка? ") + sa.cast(k.c.k, sa.String),
        "content": _json({"text": "А из чего это сделано и сколько стоит доставка?"}),
        "external_id": sa.cast(FIRST_CHAT + k.c.k % chats, sa.String) + ":old" + sa.cast(k.c.k, sa.String),
        "delivery": delivery,
        "error": sa.literal(""),
        "repeatable": sa.false(),
        "version": sa.literal(1),
        "history": _json([]),
        "created_at": sa.literal(now, Message.__table__.c.created_at.type),
    })  # fmt: skip


def _events(session: Session, shop_id: int, first: int, messages: int, chats: int) -> None:
    k = _counted(messages)
    _select(session, EventRow, k, {
        "at": sa.literal(utc_now(), EventRow.__table__.c.at.type),
        "kind": sa.literal("message_added"),
        "shop_id": sa.literal(shop_id),
        "subject": sa.literal("conversation:") + sa.cast(first + k.c.k % chats, sa.String),
        "actor": sa.literal("customer:1"),
        "payload": _json({"message_id": 1}),
    })  # fmt: skip


def _jobs(session: Session, account_id: int, messages: int, chats: int) -> None:
    now, k = now_ms(), _counted(messages)
    chat = sa.cast(FIRST_CHAT + k.c.k % chats, sa.String)
    _select(session, Job, k, {
        "lane": sa.literal(f"in:{account_id}:") + chat,
        "kind": sa.literal("incoming.handle"),
        "payload": sa.literal(PAYLOAD),
        "dedup_key": sa.literal(f"in:{account_id}:old") + sa.cast(k.c.k, sa.String),
        "state": sa.literal("done"),
        "attempts": sa.literal(1),
        "run_at": sa.literal(now, sa.BigInteger),
        "created_at": sa.literal(now, sa.BigInteger),
        "closed_at": sa.literal(now, sa.BigInteger),
    })  # fmt: skip


def _counted(many: int) -> Any:
    """A table of the numbers from 0, made by the database."""
    numbers = sa.select(sa.literal(0).label("k")).cte("numbers", recursive=True)
    return numbers.union_all(sa.select(numbers.c.k + 1).where(numbers.c.k < many - 1))


def _select(session: Session, entity: type[Base], source: Any, columns: dict[str, Any]) -> None:
    session.execute(
        sa.insert(entity).from_select(list(columns), sa.select(*columns.values()).select_from(source), False)
    )


def _add(session: Session, entity: type[Base], rows: list[dict[str, Any]]) -> None:
    session.execute(sa.insert(entity), rows)


def _json(value: Any) -> Any:
    return sa.cast(sa.literal(value, sa.JSON()), sa.JSON())
