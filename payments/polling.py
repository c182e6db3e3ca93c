"""The poller: looks by itself at whatever is not final, so that a lost notification costs time and nothing else."""

from __future__ import annotations

from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.orm import Session

from payments import accounts, charging, looking, refunding
from payments.states import WATCHED, RefundStage, State
from payments.tables import Payment, PaymentAccount, Refund

FRESH = timedelta(hours=2)
"""How long something counts as fresh: a link at the provider lives an hour."""

FRESH_EVERY = timedelta(seconds=25)
"""A little less than the pause between ticks (prilavok.ticks), so that each tick looks."""

OLD_EVERY = timedelta(minutes=5)

STUCK = timedelta(minutes=10)
"""What has not begun at the provider after this long, without a job for it, has been dropped."""

AT_ONCE = 200
"""The most that one tick looks at; those that were looked at longest ago come first."""


def due(session: Session, now: datetime) -> int:
    """Put a look for every payment and refund whose time has come. Returns how many were put."""
    payments = session.scalars(
        sa.select(Payment)
        .join(PaymentAccount, PaymentAccount.id == Payment.account_id)
        .where(
            Payment.state.in_(WATCHED),
            Payment.provider_id.is_not(None),
            PaymentAccount.provider != accounts.MANUAL,
            sa.or_(Payment.checked_at.is_(None), Payment.checked_at <= now - OLD_EVERY, _fresh(now), _ahead(now)),
        )
        .order_by(Payment.checked_at)
        .limit(AT_ONCE)
    )
    refunds = session.scalars(
        sa.select(Refund)
        .where(Refund.state == RefundStage.PENDING, Refund.provider_id.is_not(None))
        .order_by(Refund.id)
        .limit(AT_ONCE)
    )
    put = [looking.put_look(session, payment) for payment in payments]
    put += [looking.put_refund_look(session, refund) for refund in refunds if _refund_due(refund, now)]
    return sum(put) + _take_up(session, now)


def _take_up(session: Session, now: datetime) -> int:
    """Begin anew what was never finished because its job is dead. Once an hour: what killed it must be mended first."""
    hour = now.strftime("%Y-%m-%dT%H")
    unmade = sa.select(Payment).where(Payment.state == State.NEW, Payment.created_at < now - STUCK)
    unreturned = (
        sa.select(Refund).where(Refund.state == RefundStage.NEW, Refund.created_at < now - STUCK).limit(AT_ONCE)
    )
    put = [
        charging.put_start(session, payment, hour)
        for payment in session.scalars(unmade.limit(AT_ONCE))
        if not looking.is_coming(session, payment.id)
    ]
    put += [
        refunding.put_refund(session, refund, hour)
        for refund in session.scalars(unreturned.limit(AT_ONCE))
        if not looking.is_coming(session, refund.payment_id)
    ]
    return sum(put)


def _fresh(now: datetime) -> sa.ColumnElement[bool]:
    return sa.and_(Payment.created_at > now - FRESH, Payment.checked_at <= now - FRESH_EVERY)


def _ahead(now: datetime) -> sa.ColumnElement[bool]:
    """Looked at before the clock was set back: nobody knows how long ago that is."""
    return Payment.checked_at > now + FRESH_EVERY


def _refund_due(refund: Refund, now: datetime) -> bool:
    """Refunds keep no note of the last look: an old one is looked at by one tick in ten."""
    if refund.created_at > now - FRESH:
        return True
    return (int(now.timestamp()) // 30 + refund.id) % 10 == 0
