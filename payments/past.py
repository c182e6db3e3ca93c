"""Money that a customer has paid and got back, over all his orders."""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple

import sqlalchemy as sa
from sqlalchemy.orm import Session

from kit.money import Money
from orders.tables import Order
from payments.tables import Payment, Refund


class Moved(NamedTuple):
    """One payment or, with `back`, one refund that is done."""

    at: datetime
    order_id: int
    number: int
    amount: Money
    back: bool
    note: str
    """How it was paid, or why it was given back."""


def of_customer(
    session: Session, shop_id: int, customer_id: int, *, before: datetime | None = None, limit: int = 50
) -> list[Moved]:
    """What moved earlier than `before`, the latest first."""
    theirs = (Order.customer_id == customer_id, Order.shop_id == shop_id)
    paid = (
        sa.select(Payment, Order.number)
        .join(Order, Order.id == Payment.order_id)
        .where(*theirs, Payment.paid_at.is_not(None))
        .order_by(Payment.paid_at.desc())
        .limit(limit)
    )
    given = (
        sa.select(Refund, Order.number, Order.currency)
        .join(Order, Order.id == Refund.order_id)
        .where(*theirs, Refund.state == "succeeded")
        .order_by(Refund.created_at.desc())
        .limit(limit)
    )
    if before is not None:
        paid, given = paid.where(Payment.paid_at < before), given.where(Refund.created_at < before)
    found = [
        Moved(row.paid_at, row.order_id, number, Money(row.paid_amount, row.currency), False, row.method)
        for row, number in session.execute(paid)
        if row.paid_at is not None
    ]
    found += [
        Moved(row.created_at, row.order_id, number, Money(row.amount, currency), True, row.reason)
        for row, number, currency in session.execute(given)
    ]
    return sorted(found, key=lambda moved: moved.at, reverse=True)[:limit]
