"""What jobs are about: whose shop they belong to, and which chat, order or account they concern."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import orjson
import sqlalchemy as sa
from sqlalchemy.orm import Session

from company.tables import ChannelAccount
from customers.tables import Customer
from inbox.tables import Conversation, Message
from orders.tables import Order
from payments import looking
from payments.tables import Payment, PaymentAccount, Refund
from storage.tables import Job


@dataclass(frozen=True, slots=True)
class About:
    """`shop_id` is None for what belongs to no shop, or to one that cannot be told."""

    shop_id: int | None = None
    conversation_id: int | None = None
    customer: str = ""
    text: str = ""
    order_id: int | None = None
    order_number: int | None = None
    account: str = ""


NOTHING = About()


def of(session: Session, jobs: Sequence[Job]) -> dict[int, About]:
    """By job. A few queries, however many jobs."""
    payloads = {job.id: orjson.loads(job.payload) for job in jobs}
    by_message = _messages(session, _ids(payloads.values(), "message_id"))
    by_conversation = _conversations(session, _ids(payloads.values(), "conversation_id"))
    by_order = _orders(session, payloads.values())
    by_chat = _chats(session, [it for it in payloads.values() if "chat" in it])
    accounts = _accounts(session, payloads, jobs)

    def about(job: Job) -> About:
        told = payloads[job.id]
        found = (
            by_message.get(told.get("message_id"))
            or by_order.get(("payment", told.get("payment_id")))
            or by_order.get(("refund", told.get("refund_id")))
            or by_order.get(("order", told.get("order_id")))
            or by_chat.get((told.get("account_id"), told.get("chat")))
            or by_conversation.get(told.get("conversation_id"))
            or accounts.get(job.id)
        )
        return found or About(shop_id=told.get("shop_id") or None)

    return {job.id: about(job) for job in jobs}


def _ids(payloads: Iterable[dict[str, Any]], name: str) -> set[int]:
    return {told[name] for told in payloads if isinstance(told.get(name), int)}


def _messages(session: Session, ids: set[int]) -> dict[int | None, About]:
    if not ids:
        return {}
    rows = session.execute(
        sa.select(Message.id, Message.text, Conversation.id, Conversation.shop_id, Customer.name)
        .join(Conversation, Conversation.id == Message.conversation_id)
        .outerjoin(Customer, Customer.id == Conversation.customer_id)
        .where(Message.id.in_(ids))
    )
    return {
        message_id: About(shop_id=shop_id, conversation_id=conversation_id, customer=name or "", text=text)
        for message_id, text, conversation_id, shop_id, name in rows
    }


def _conversations(session: Session, ids: set[int]) -> dict[int | None, About]:
    if not ids:
        return {}
    rows = session.execute(_talks().where(Conversation.id.in_(ids)))
    return {row.id: About(shop_id=row.shop_id, conversation_id=row.id, customer=row.name or "") for row in rows}


def _chats(session: Session, payloads: Sequence[dict[str, Any]]) -> dict[tuple[Any, Any], About]:
    places = {(told.get("account_id"), told["chat"]) for told in payloads}
    if not places:
        return {}
    rows = session.execute(_talks().where(sa.tuple_(Conversation.account_id, Conversation.chat).in_(places)))
    return {
        (row.account_id, row.chat): About(shop_id=row.shop_id, conversation_id=row.id, customer=row.name or "")
        for row in rows
    }


def _talks() -> sa.Select[int, int, int, str, str]:
    return sa.select(
        Conversation.id, Conversation.shop_id, Conversation.account_id, Conversation.chat, Customer.name
    ).outerjoin(Customer, Customer.id == Conversation.customer_id)


def _orders(session: Session, payloads: Iterable[dict[str, Any]]) -> dict[tuple[str, Any], About]:
    payloads = list(payloads)
    found: dict[tuple[str, Any], About] = {}
    for name, key, query in (
        ("order", Order.id, sa.select(Order)),
        ("payment", Payment.id, sa.select(Order).join(Payment, Payment.order_id == Order.id)),
        ("refund", Refund.id, sa.select(Order).join(Refund, Refund.order_id == Order.id)),
    ):
        ids = _ids(payloads, f"{name}_id")
        if ids:
            rows = session.execute(
                query.with_only_columns(key, Order.id, Order.number, Order.shop_id).where(key.in_(ids))
            )
            for asked, order_id, number, shop_id in rows:
                found[name, asked] = About(shop_id=shop_id, order_id=order_id, order_number=number)
    return found


def _accounts(session: Session, payloads: dict[int, dict[str, Any]], jobs: Sequence[Job]) -> dict[int, About]:
    found: dict[int, About] = {}
    for table, ours in ((ChannelAccount, False), (PaymentAccount, True)):
        wanted = {
            job.id: payloads[job.id]["account_id"]
            for job in jobs
            if isinstance(payloads[job.id].get("account_id"), int) and (job.kind == looking.STRAY) is ours
        }
        if wanted:
            rows = session.execute(
                sa.select(table.id, table.shop_id, table.name).where(table.id.in_(set(wanted.values())))
            )
            accounts = {row.id: About(shop_id=row.shop_id, account=row.name) for row in rows}
            found |= {job_id: accounts[one] for job_id, one in wanted.items() if one in accounts}
    return found
