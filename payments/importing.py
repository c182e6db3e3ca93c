"""Bringing in money of the past: payments that ended before this system knew them, with their ledger."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Session

from company.tables import Shop
from kit.money import Money
from payments import accounts, links
from payments.ledger import CAPTURE, REFUND
from payments.states import RefundStage, State
from payments.tables import LedgerEntry, Payment, Refund


@dataclass(frozen=True, slots=True)
class PastPayment:
    """`returned` is what was given back later, at `returned_at`."""

    order_id: int
    key: str
    amount: Money
    paid_at: datetime
    returned: Money
    returned_at: datetime | None = None
    method: str = ""
    why: str = ""
    """The reason of the return."""


def bring(session: Session, shop: Shop, past: Sequence[PastPayment]) -> None:
    """Write these payments as received by hand, and what moved into the ledger. `key` is unique to each."""
    account = accounts.by_hand(session, shop.id)
    ledger = []
    for payment in past:
        written = sa.insert(Payment).values(
            shop_id=shop.id,
            order_id=payment.order_id,
            order_version=1,
            account_id=account.id,
            token=links.new_token(),
            key=payment.key,
            provider_id=payment.key,
            state=State.PAID,
            amount=payment.amount.amount,
            currency=payment.amount.currency,
            paid_amount=payment.amount.amount,
            refunded_amount=payment.returned.amount,
            method=payment.method,
            reason="",
            created_at=payment.paid_at,
            paid_at=payment.paid_at,
        )
        payment_id = session.execute(written.returning(Payment.id)).scalar_one()
        ledger.append(_entry(payment_id, CAPTURE, payment.key, payment.amount.amount, payment.paid_at))
        if payment.returned and payment.returned_at:
            _refund(session, payment_id, payment, payment.returned_at)
            ledger.append(_entry(payment_id, REFUND, payment.key, -payment.returned.amount, payment.returned_at))
    if ledger:
        session.execute(sa.insert(LedgerEntry), ledger)


def _refund(session: Session, payment_id: int, payment: PastPayment, at: datetime) -> None:
    session.execute(
        sa.insert(Refund).values(
            payment_id=payment_id,
            order_id=payment.order_id,
            key=f"{payment.key}-back",
            provider_id=f"{payment.key}-back",
            state=RefundStage.SUCCEEDED,
            amount=payment.returned.amount,
            reason=payment.why,
            actor="system",
            error="",
            created_at=at,
            done_at=at,
        )
    )


def _entry(payment_id: int, effect: str, effect_id: str, amount: int, at: datetime) -> dict[str, object]:
    return {"payment_id": payment_id, "effect": effect, "effect_id": effect_id, "amount": amount, "at": at}
