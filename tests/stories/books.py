"""The reckoning after a story: what the shop's database says, held against what the outside has seen."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal

import sqlalchemy as sa
from sqlalchemy.orm import Session

from catalog.tables import Reservation, Stock, StockMove, Variant
from inbox.tables import Author, Conversation, Delivery, Message
from kit.clock import now_ms
from kit.money import Money
from orders.tables import Order, Stage, StageMove
from payments.tables import LedgerEntry, MoneyQuestion, Payment
from storage.tables import Job
from tests.stories.street import Street, account


@dataclass(frozen=True, slots=True)
class Step:
    """One row of an order's history."""

    stage: str
    actor: str
    reason: str = ""


def history(session: Session, number: int) -> list[Step]:
    """The order's way, checked to be a chain: each step begins where the last one ended."""
    rows = session.execute(
        sa.select(StageMove, Stage.code)
        .join(Order, Order.id == StageMove.order_id)
        .join(Stage, Stage.id == StageMove.to_stage_id)
        .where(Order.number == number)
        .order_by(StageMove.seq)
    ).all()
    at = None
    for n, (move, _) in enumerate(rows, 1):
        assert (move.seq, move.from_stage_id) == (n, at)
        at = move.to_stage_id
    return [Step(code, move.actor, move.reason) for move, code in rows]


def order(session: Session, number: int) -> Order:
    return session.scalars(sa.select(Order).where(Order.number == number)).one()


def stock(session: Session) -> dict[str, tuple[int, int]]:
    """On hand and promised, by SKU, over the warehouses; checked against the journal of moves and the promises."""
    found = {}
    for variant in session.scalars(sa.select(Variant)):
        rows = session.scalars(sa.select(Stock).where(Stock.variant_id == variant.id)).all()
        on_hand, reserved = sum(row.on_hand for row in rows), sum(row.reserved for row in rows)
        assert on_hand == _sum(session, StockMove, variant), f"{variant.sku}: stock and its journal differ"
        assert reserved == _sum(session, Reservation, variant), f"{variant.sku}: promises differ"
        found[variant.sku] = (on_hand, reserved)
    return found


def _sum(session: Session, table: type[StockMove] | type[Reservation], variant: Variant) -> int:
    total = session.scalar(sa.select(sa.func.sum(table.quantity)).where(table.variant_id == variant.id))
    return int(total or 0)


def ledger(session: Session, number: int) -> int:
    """All that came and went for an order by our own ledger, in minor units."""
    total = session.scalar(
        sa.select(sa.func.sum(LedgerEntry.amount))
        .join(Payment, Payment.id == LedgerEntry.payment_id)
        .join(Order, Order.id == Payment.order_id)
        .where(Order.number == number)
    )
    return int(total or 0)


def questions(session: Session) -> list[str]:
    return list(session.scalars(sa.select(MoneyQuestion.kind).order_by(MoneyQuestion.id)))


def unfinished(session: Session) -> list[str]:
    """Jobs that are due and not done, or have died."""
    rows = session.scalars(
        sa.select(Job).where(sa.or_(Job.state == "dead", sa.and_(Job.state == "ready", Job.run_at <= now_ms())))
    )
    return [f"{job.state} {job.kind}: {job.error}" for job in rows]


def deliveries(session: Session) -> Counter[Delivery]:
    """States of everything that the shop said, in every conversation."""
    said = sa.select(Message.delivery).where(Message.author.in_((Author.BOT, Author.STAFF)), Message.private.is_(False))
    return Counter(Delivery(state) for state in session.scalars(said))


def said_in_telegram(session: Session) -> dict[str, int]:
    """How many messages the shop said in each Telegram chat."""
    rows = session.execute(
        sa.select(Conversation.chat, sa.func.count().label("said"))
        .join(Message, Message.conversation_id == Conversation.id)
        .where(
            Conversation.account_id == account(session, "telegram").id,
            Message.author.in_((Author.BOT, Author.STAFF)),
            Message.private.is_(False),
        )
        .group_by(Conversation.chat)
    )
    return {row.chat: row.said for row in rows}


def stage(session: Session, found: Order, code: str) -> Stage:
    return session.scalars(sa.select(Stage).where(Stage.pipeline_id == found.pipeline_id, Stage.code == code)).one()


def paid_payment(session: Session, number: int) -> int:
    """The id of the payment that paid the order."""
    return session.scalars(
        sa.select(Payment.id).join(Order).where(Order.number == number, Payment.state == "paid")
    ).one()


async def all_is_settled(street: Street) -> None:
    """Nothing waits, nothing died, nothing is in doubt, and Telegram has each message exactly once."""
    await street.settle()
    assert await street.ask(unfinished) == []
    states = await street.ask(deliveries)
    assert set(states) <= {Delivery.SENT, Delivery.DELIVERED, Delivery.READ}, states
    ours = await street.ask(said_in_telegram)
    theirs = {chat: len(street.telegram.phone(int(chat)).from_bot) for chat in ours}
    assert theirs == ours


async def money_is_right(street: Street, totals: Mapping[int, int]) -> None:
    """Each order was paid exactly once and in full, by YooKassa's books and by ours, with a receipt that adds up."""
    for number, total in totals.items():
        found = await street.ask(order, number)
        assert (found.total_amount, found.paid_amount, found.flag) == (total, total, "")
        assert street.yookassa.paid_for(str(number)) == Money(total)
        assert await street.ask(ledger, number) == total
    created = [call.body for call in street.yookassa.calls if call.method == "POST" and call.path == "/v3/payments"]
    for body in created:
        assert receipt_sum(body) == Decimal(body["amount"]["value"])
    assert len(created) == len(totals), "one payment is made for each order"


def receipt_sum(body: dict[str, dict[str, list[dict[str, dict[str, str]]]]]) -> Decimal:
    """What the items of a receipt come to."""
    items = body["receipt"]["items"]
    return sum((Decimal(str(item["quantity"])) * Decimal(item["amount"]["value"]) for item in items), Decimal(0))


def message_saying(session: Session, conversation: int, words: str) -> int:
    found = session.scalars(
        sa.select(Message.id).where(Message.conversation_id == conversation, Message.text.contains(words))
    )
    return found.one()
