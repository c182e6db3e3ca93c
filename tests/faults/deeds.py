"""What people do to the shop, each a transaction as the product's own edges make it."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from catalog import stock
from catalog.tables import Variant, Warehouse
from company.tables import Shop, Staff
from customers.tables import Customer, Identity
from inbox import delivered, messages
from inbox.content import Outgoing
from inbox.tables import Conversation, Delivery, Message
from kit.money import Money
from orders import book, cart, checkout, lines, stages
from orders.details import Details
from orders.tables import Order
from payments import charging, looking, refunding
from payments.links import by_token
from payments.providers.base import Notice
from payments.tables import Payment, PaymentAccount
from tests.faults.house import House
from tests.faults.outside import envelopes

ONLINE = Details("Анна Ветрова", "+79001234567", "pickup", "", "", "online")


def hear(session: Session, notice: Notice) -> None:
    """What the address for notifications does with one."""
    looking.hint(session, session.scalars(sa.select(PaymentAccount.id)).one(), notice)


async def accept(house: House, updates: Sequence[dict[str, Any]], *, copies: int) -> bool:
    """Take the updates as a channel does, over so many connections at once. What returns may be acknowledged."""
    came = envelopes(updates)
    ends = await asyncio.gather(*(house.intake.accept(1, came) for _ in range(copies)), return_exceptions=True)
    for end in ends:
        if isinstance(end, BaseException):
            raise end
    return True


def order(session: Session, chat: str, variant_id: int, pieces: int, act: str) -> None:
    """The buyer takes so many and confirms, as the last press of the checkout does."""
    identity = session.scalar(sa.select(Identity).where(Identity.external_id == chat))
    if identity is None:
        return
    customer = session.get_one(Customer, identity.customer_id)
    shop = session.get_one(Shop, customer.shop_id)
    conversation = session.scalars(sa.select(Conversation).where(Conversation.chat == chat)).one()
    known = session.scalar(sa.select(Order.id).where(Order.dedup_key == act))
    if known is None:
        cart.put(session, shop.id, customer.id, variant_id, pieces)
    placed = checkout.place(
        session,
        shop,
        customer,
        ONLINE,
        account_id=identity.account_id,
        conversation_id=conversation.id,
        actor=f"customer:{customer.id}",
        dedup_key=act,
    )
    charging.request(session, placed, actor=f"customer:{customer.id}")


def come_back(session: Session, payment: Payment) -> None:
    looking.put_look(session, by_token(session, payment.token))


def cancel(session: Session, order_id: int, actor: str) -> None:
    stages.cancel(session, book.locked(session, order_id), actor=actor, reason="mistake")


def discount(session: Session, order_id: int, off: int) -> None:
    lines.set_discount(session, book.locked(session, order_id), Money(off), actor="staff:1")


def count(session: Session, variant_id: int, counted: int) -> None:
    room = session.scalars(sa.select(Warehouse)).one()
    stock.correct(session, session.get_one(Variant, variant_id), room, counted, actor="staff:1")


def ask_for_link(session: Session, order_id: int) -> None:
    charging.request(session, book.locked(session, order_id), actor="bot")


def refund(session: Session, payment: Payment, amount: int, form: str) -> None:
    wanted = Money(amount or payment.paid_amount)
    refunding.ask(session, payment, wanted, reason="Разбилась в пути", actor="staff:1", key=form)


def reply(session: Session, chat: str) -> None:
    conversation = session.scalar(sa.select(Conversation).where(Conversation.chat == chat))
    if conversation is not None:
        messages.reply(session, conversation, session.get_one(Staff, 1), Outgoing(text="Марина: сейчас посмотрю"))


def resend(session: Session, pick: int) -> int:
    unknown = list(session.scalars(sa.select(Message).where(Message.delivery == Delivery.UNKNOWN).order_by(Message.id)))
    if not unknown:
        return 0
    message = unknown[pick % len(unknown)]
    delivered.resend(session, session.get_one(Conversation, message.conversation_id), message)
    return message.id
