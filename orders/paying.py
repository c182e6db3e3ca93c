"""What money does to an order. Payments call these inside the transaction that writes the ledger."""

from __future__ import annotations

from sqlalchemy.orm import Session

from kit.clock import utc_now
from kit.money import Money
from orders import pipelines, stages
from orders.book import locked, stage_of
from orders.events import OrderChanged, OrderFlagged, OrderPaid
from orders.tables import Group, Order
from storage.events import publish


def money_came(session: Session, order: Order, amount: Money) -> None:
    """Count captured money in, whatever state the order is in. Moves nothing: a question of money may be open."""
    order.paid_amount = (order.paid + amount).amount
    order.updated_at = utc_now()
    session.flush()


def mark_paid(session: Session, order: Order, paid: Money, *, payment_id: int | None) -> None:
    """Count this captured amount in; once the order is paid in full, keep its goods, move it on and announce it.

    `paid` is what came now, not the sum so far; call it once for each capture in the ledger. An order that is
    cancelled or already handed over keeps its stage.
    """
    order = locked(session, order.id)
    money_came(session, order, paid)
    if order.paid_at is not None or order.paid_amount < order.total_amount:
        return
    order.paid_at = utc_now()
    order.reserved_until = None
    publish(
        session,
        OrderPaid.of(order, actor="payment", payment_id=payment_id, paid=order.paid_amount, currency=order.currency),
    )
    if order.stage.group in (Group.NEW, Group.APPROVAL) and pipelines.PAID in order.stage.next_codes:
        stages.enter(session, order, stage_of(session, order, pipelines.PAID), actor="payment")


def money_returned(session: Session, order: Order, amount: Money, *, actor: str = "payment") -> None:
    """Count refunded money out. When all of it is back, the order is unpaid again and may be cancelled."""
    order = locked(session, order.id)
    if amount.amount > order.paid_amount:
        raise ValueError(f"order {order.id}: {amount} returned of {order.paid}")
    order.paid_amount = (order.paid - amount).amount
    if order.paid_amount == 0:
        order.paid_at = None
    order.updated_at = utc_now()
    session.flush()
    publish(session, OrderChanged.of(order, actor=actor, what="refund", version=order.version))


def flag(session: Session, order: Order, flag: str, *, actor: str = "payment") -> None:
    """Ask a person to look at the order's money; an empty flag: somebody has looked. The same flag twice is one."""
    if order.flag == flag:
        return
    order.flag = flag
    session.flush()
    publish(session, OrderFlagged.of(order, actor=actor, flag=flag))
