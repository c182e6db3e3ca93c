"""To whom a receipt went, taken away for good: sums, moments and what the provider calls a payment stay."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from kit.errors import Refused
from orders.tables import Order
from payments.states import LIVE, RefundStage
from payments.tables import MoneyQuestion, Payment, Refund

OF_HIM = ("email", "phone")
"""What of a receipt tells whose it is."""


class MoneyUnderWay(Refused):
    """A payment or refund is under way, or somebody has to decide about money: it must be known whose that is."""

    code = "money_under_way"

    def __init__(self, number: int) -> None:
        self.number = number
        super().__init__(f"money of order {number} is under way", number=number)


def hold(session: Session, order_ids: Sequence[int]) -> list[int]:
    """The ids of the orders' payments, locked. Raises MoneyUnderWay."""
    mine = sa.select(Payment.id).where(Payment.order_id.in_(order_ids)).order_by(Payment.id)
    ids = list(session.scalars(mine.with_for_update()))
    under_way = sa.union(
        sa.select(Payment.order_id).where(Payment.id.in_(ids), Payment.state.in_(LIVE)),
        sa.select(Refund.order_id).where(
            Refund.order_id.in_(order_ids), Refund.state.in_((RefundStage.NEW, RefundStage.PENDING))
        ),
        sa.select(MoneyQuestion.order_id).where(
            MoneyQuestion.order_id.in_(order_ids), MoneyQuestion.resolved_at.is_(None)
        ),
    ).subquery()
    number = session.scalar(sa.select(sa.func.min(Order.number)).where(Order.id.in_(sa.select(under_way.c[0]))))
    if number is not None:
        raise MoneyUnderWay(number)
    return ids


def erase(session: Session, payment_ids: Sequence[int]) -> None:
    for payment in session.scalars(sa.select(Payment).where(Payment.id.in_(payment_ids))):
        payment.receipt, payment.confirmation_url = _nobodys(payment.receipt), None
    for refund in session.scalars(sa.select(Refund).where(Refund.payment_id.in_(payment_ids))):
        refund.receipt, refund.reason = _nobodys(refund.receipt), ""
    theirs = MoneyQuestion.payment_id.in_(payment_ids)
    session.execute(
        sa.update(MoneyQuestion).where(theirs).values(detail="").execution_options(synchronize_session=False)
    )
    session.flush()


def _nobodys(receipt: dict[str, Any] | None) -> dict[str, Any] | None:
    return None if receipt is None else {**receipt, **dict.fromkeys(OF_HIM)}
