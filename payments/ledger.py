"""The ledger: money that really moved. An effect is written once, and only who wrote it acts on it."""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from kit.clock import utc_now
from kit.money import Money
from payments.tables import LedgerEntry, Payment

CAPTURE = "capture"
REFUND = "refund"


def enter(session: Session, payment: Payment, effect: str, effect_id: str, amount: Money) -> bool:
    """Write the effect. False if it is there already: then somebody has acted on it."""
    insert = postgresql.insert if session.get_bind().dialect.name == "postgresql" else sqlite.insert
    added = session.scalar(
        insert(LedgerEntry)
        .values(payment_id=payment.id, effect=effect, effect_id=effect_id, amount=amount.amount, at=utc_now())
        .on_conflict_do_nothing(index_elements=["payment_id", "effect", "effect_id"])
        .returning(LedgerEntry.id)
    )
    return added is not None


def of_payment(session: Session, payment_id: int) -> list[LedgerEntry]:
    """The payment's entries, the oldest first."""
    query = sa.select(LedgerEntry).where(LedgerEntry.payment_id == payment_id).order_by(LedgerEntry.id)
    return list(session.scalars(query))
