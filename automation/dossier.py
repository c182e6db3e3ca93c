"""All that the shop has of one customer, for himself to read: 152-FZ, article 14, gives him the right to it.

What the staff wrote among themselves about their work, notes and tasks, is theirs and is left out; the note of his card
is about him and is in.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from company.tables import ChannelAccount
from customers import cards, consents, contacts, erasing, fields
from customers.tables import Customer, Identity, Portrait
from inbox.erasing import named
from inbox.tables import Conversation, Message
from orders.tables import Order, OrderLine, Stage
from payments.tables import Payment, Refund
from storage.tables import StoredFile


@dataclass(frozen=True, slots=True)
class Kept:
    """A file that came or went in his conversations: its name in what he gets, and its sum in the files folder."""

    name: str
    sha256: str


@dataclass(frozen=True, slots=True)
class Dossier:
    """`facts` is plain data, with moments as ISO 8601 in UTC and money in minor units."""

    facts: dict[str, Any]
    files: list[Kept]


def of(session: Session, shop_id: int, customer_id: int) -> Dossier:
    """Raises NoSuchCustomer, and ErasedAlready for one who was forgotten."""
    card = cards.held(session, customer_id, shop_id)
    ids = erasing.family(session, card.id)
    talks = session.scalars(sa.select(Conversation).where(Conversation.customer_id.in_(ids)).order_by(Conversation.id))
    conversations = list(talks)
    facts = {
        "customer": _card(session, card),
        "messengers": _messengers(session, ids),
        "consents": [
            _plain(said, "what", "given", "via", "words", "reason", "at") for said in consents.history(session, card.id)
        ],
        "orders": _orders(session, ids),
        "conversations": _conversations(session, conversations),
    }
    return Dossier(facts, [*_files(session, conversations), *_portraits(session, ids)])


def _card(session: Session, card: Customer) -> dict[str, Any]:
    return {
        **_plain(card, "id", "name", "city", "address", "locale", "tags", "note", "created_at"),
        "contacts": [row.value for row in contacts.of(session, card)],
        "fields": {held.field.name: held.value for held in fields.of(session, card) if held.value},
    }


def _messengers(session: Session, ids: list[int]) -> list[dict[str, Any]]:
    rows = session.execute(
        sa.select(Identity, ChannelAccount.channel)
        .join(ChannelAccount, ChannelAccount.id == Identity.account_id)
        .where(Identity.customer_id.in_(ids))
        .order_by(Identity.id)
    )
    return [
        {"channel": channel, **_plain(row, "external_id", "name", "username", "phone", "created_at")}
        for row, channel in rows
    ]


def _orders(session: Session, ids: list[int]) -> list[dict[str, Any]]:
    orders = list(session.scalars(sa.select(Order).where(Order.customer_id.in_(ids)).order_by(Order.id)))
    numbers = [order.id for order in orders]
    lines, payments, refunds = (_by_order(session, entity, numbers) for entity in (OrderLine, Payment, Refund))
    stages = sa.select(Stage.id, Stage.name).where(Stage.id.in_({order.stage_id for order in orders}))
    names = dict(session.execute(stages).all())
    return [
        {
            **_plain(order, "number", "created_at", "currency", "total_amount", "paid_amount", "payment_method"),
            **_plain(order, "delivery_method", "recipient", "phone", "email", "address", "comment"),
            "stage": names[order.stage_id],
            "lines": [_plain(row, "sku", "name", "quantity", "price") for row in lines[order.id]],
            "payments": [
                _plain(row, "created_at", "amount", "paid_amount", "state", "paid_at") for row in payments[order.id]
            ],
            "refunds": [_plain(row, "created_at", "amount", "state", "done_at") for row in refunds[order.id]],
        }
        for order in orders
    ]


def _by_order(session: Session, entity: Any, order_ids: list[int]) -> dict[int, list[Any]]:
    rows = session.scalars(sa.select(entity).where(entity.order_id.in_(order_ids)).order_by(entity.id))
    found: dict[int, list[Any]] = defaultdict(list)
    for row in rows:
        found[row.order_id].append(row)
    return found


def _conversations(session: Session, talks: list[Conversation]) -> list[dict[str, Any]]:
    said = session.scalars(
        sa.select(Message)
        .where(Message.conversation_id.in_([talk.id for talk in talks]), Message.private.is_(False))
        .order_by(Message.id)
    )
    messages: dict[int, list[dict[str, Any]]] = defaultdict(list)
    for message in said:
        files = [_file_name(number) for number in sorted(named(message.content))]
        messages[message.conversation_id].append({**_plain(message, "created_at", "author", "text"), "files": files})
    accounts = sa.select(ChannelAccount.id, ChannelAccount.channel)
    channels = dict(session.execute(accounts).all())
    return [{"channel": channels[talk.account_id], "chat": talk.chat, "messages": messages[talk.id]} for talk in talks]


def _files(session: Session, conversations: list[Conversation]) -> list[Kept]:
    ids = [talk.id for talk in conversations]
    said = session.scalars(
        sa.select(Message.content).where(Message.conversation_id.in_(ids), Message.private.is_(False))
    )
    numbers = {number for form in said for number in named(form)}
    rows = session.execute(sa.select(StoredFile.id, StoredFile.sha256).where(StoredFile.id.in_(numbers)))
    return [Kept(_file_name(number), sha256) for number, sha256 in rows.all()]


def _portraits(session: Session, ids: list[int]) -> list[Kept]:
    rows = session.execute(
        sa.select(StoredFile.id, StoredFile.sha256)
        .join(Portrait, Portrait.file_id == StoredFile.id)
        .join(Identity, Identity.id == Portrait.identity_id)
        .where(Identity.customer_id.in_(ids))
    )
    return [Kept(f"portraits/{number}", sha256) for number, sha256 in rows.all()]


def _file_name(number: int) -> str:
    return f"files/{number}"


def _plain(row: Any, *names: str) -> dict[str, Any]:
    return {name: getattr(row, name) for name in names}
