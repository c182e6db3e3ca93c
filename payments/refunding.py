"""Giving money back: what may be, how much of it, and what it means for the order."""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy.orm import Session

from kit import crash
from kit.clock import utc_now
from kit.errors import Refused
from kit.money import Money
from orders import paying
from orders.tables import Order
from payments import charging, fiscal, ledger, questions
from payments.events import RefundChanged
from payments.forms import form_key
from payments.providers.base import ProviderRefund, RefundState
from payments.states import RefundStage, State, is_later_refund
from payments.tables import Payment, Refund
from storage import jobs
from storage.events import publish

REFUND = "payment.refund"
LOOK = "payment.look_refund"

STATES = {
    RefundState.PENDING: RefundStage.PENDING,
    RefundState.SUCCEEDED: RefundStage.SUCCEEDED,
    RefundState.CANCELLED: RefundStage.CANCELLED,
}

OUTSIDE = "made_at_provider"
"""The reason of a refund that somebody made in the provider's own cabinet."""


class RefundRefused(Refused):
    """This money cannot go back.

    ├── NotPaid            none has come by this payment
    ├── TooMuch            more than is left of it
    ├── OverLimit          more than this person may give back of one order
    ├── RefundReasonNeeded nobody gives money back without saying why
    └── RefundKeyReused    the form that was sent belongs to another refund
    """

    code = "refund_refused"


class NotPaid(RefundRefused):
    code = "refund_not_paid"


class TooMuch(RefundRefused):
    code = "refund_too_much"


class OverLimit(RefundRefused):
    """More than this person may give back of one order."""

    code = "refund_over_limit"


class RefundReasonNeeded(RefundRefused):
    code = "refund_reason_needed"


class RefundKeyReused(RefundRefused):
    code = "refund_key_reused"


def ask(
    session: Session,
    payment: Payment,
    amount: Money,
    *,
    reason: str,
    actor: str,
    key: str,
    most: int | None = None,
) -> Refund:
    """Have this much of the payment returned; a job does it. The same `key` again is the same refund.

    `key` comes with the form, so that a double submit gives back once. Refunds under way count as given.
    `most` is what this actor may give back of the order in all, in minor units; None: any sum.
    Raises RefundRefused, forms.BadFormKey.
    """
    key = form_key(key)
    order, payment = charging.lock(session, payment.id)
    twin = session.scalar(sa.select(Refund).where(Refund.key == key))
    if twin is not None:
        if (twin.payment_id, twin.amount) != (payment.id, amount.amount):
            raise RefundKeyReused(f"refund {twin.id} has this key")
        return twin
    reason = reason.strip()
    left = refundable(session, payment)
    if payment.state != State.PAID:
        raise NotPaid(f"payment {payment.id} is {payment.state}")
    if not reason:
        raise RefundReasonNeeded()
    if amount.currency != payment.currency or not 0 < amount.amount <= left.amount:
        raise TooMuch(f"{amount} of {left}", left=left)
    if most is not None and amount.amount > (still := most - _given_by(session, order.id, actor)):
        limit = {"most": Money(most, order.currency), "left": Money(max(still, 0), order.currency)}
        raise OverLimit(f"{amount} by {actor}", **limit)
    refund = Refund(
        payment_id=payment.id,
        order_id=order.id,
        key=key,
        amount=amount.amount,
        reason=reason[:250],
        actor=actor,
        receipt=fiscal.dump(fiscal.for_refund(payment, amount)),
        created_at=utc_now(),
    )
    session.add(refund)
    session.flush()
    put_refund(session, refund, "first")
    _tell(session, order, payment, refund, actor=actor)
    crash.point("refund.asked")
    return refund


def put_refund(session: Session, refund: Refund, occasion: str) -> bool:
    """Have the provider give the money back; once for each occasion."""
    return jobs.put(
        session,
        REFUND,
        {"refund_id": refund.id},
        lane=charging.lane(refund.payment_id),
        dedup_key=f"{REFUND}:{refund.id}:{occasion}",
    )


def refundable(session: Session, payment: Payment) -> Money:
    """What is left of the payment after all refunds that succeeded or still may."""
    asked = session.scalar(
        sa.select(sa.func.coalesce(sa.func.sum(Refund.amount), 0)).where(
            Refund.payment_id == payment.id, Refund.state != RefundStage.CANCELLED
        )
    )
    return Money(payment.paid_amount - int(asked or 0), payment.currency)


def _given_by(session: Session, order_id: int, actor: str) -> int:
    """What this actor has given back of the order already, or asked for."""
    given = sa.select(sa.func.coalesce(sa.func.sum(Refund.amount), 0)).where(
        Refund.order_id == order_id, Refund.actor == actor, Refund.state != RefundStage.CANCELLED
    )
    return int(session.scalar(given) or 0)


def of_order(session: Session, order_id: int) -> list[Refund]:
    """Every refund of the order, the newest first."""
    return list(session.scalars(sa.select(Refund).where(Refund.order_id == order_id).order_by(Refund.id.desc())))


def apply_refund(session: Session, refund_id: int, seen: ProviderRefund) -> Refund:
    """Bring the refund, its payment and the order to what the provider reports. Late and repeated news do nothing."""
    refund = session.get_one(Refund, refund_id)
    order, payment = charging.lock(session, refund.payment_id)
    session.refresh(refund)
    if refund.provider_id is None:
        refund.provider_id = seen.provider_id
    state = STATES.get(seen.state)
    if refund.provider_id != seen.provider_id or state is None or not is_later_refund(state, refund.state):
        return refund
    if state is RefundStage.SUCCEEDED:
        _give(session, order, payment, refund, seen)
    if state is RefundStage.CANCELLED:
        refund.error = (seen.reason or "")[:300]
    _settle(session, order, payment, refund, state)
    return refund


def fail(session: Session, refund_id: int, error: str) -> None:
    """The provider will not do it: nothing was given, and the sum may be asked for again."""
    refund = session.get_one(Refund, refund_id)
    order, payment = charging.lock(session, refund.payment_id)
    session.refresh(refund)
    if refund.state == RefundStage.NEW:
        refund.error = error[:300]
        _settle(session, order, payment, refund, RefundStage.CANCELLED)


def is_being_asked(session: Session, payment: Payment) -> bool:
    """Whether the provider is asked for a refund of this payment and we do not know yet what it has made of it."""
    asked = sa.select(Refund.id).where(
        Refund.payment_id == payment.id, Refund.state == RefundStage.NEW, Refund.provider_id.is_(None)
    )
    return session.scalar(asked.limit(1)) is not None


def adopt(session: Session, payment: Payment, seen: ProviderRefund) -> Refund:
    """Write down a refund that somebody made at the provider without us, and apply it."""
    order, payment = charging.lock(session, payment.id)
    known = session.scalar(
        sa.select(Refund).where(Refund.payment_id == payment.id, Refund.provider_id == seen.provider_id)
    )
    if known is None:
        known = Refund(
            payment_id=payment.id,
            order_id=order.id,
            key=f"outside-{seen.provider_id}"[:64],
            provider_id=seen.provider_id,
            amount=seen.amount.amount,
            reason=OUTSIDE,
            actor="payment",
            created_at=utc_now(),
        )
        session.add(known)
        session.flush()
    return apply_refund(session, known.id, seen)


def _give(session: Session, order: Order, payment: Payment, refund: Refund, seen: ProviderRefund) -> None:
    if not ledger.enter(session, payment, ledger.REFUND, seen.provider_id, Money(0, payment.currency) - seen.amount):
        return
    refund.amount = seen.amount.amount
    payment.refunded_amount += seen.amount.amount
    paying.money_returned(session, order, seen.amount, actor=refund.actor)
    if payment.refunded_amount >= payment.paid_amount:
        questions.resolve_returned(session, order, payment)
    crash.point("refund.applied")


def _settle(session: Session, order: Order, payment: Payment, refund: Refund, state: RefundStage) -> None:
    refund.state = state
    if state in (RefundStage.SUCCEEDED, RefundStage.CANCELLED):
        refund.done_at = utc_now()
    session.flush()
    _tell(session, order, payment, refund, actor="payment")


def _tell(session: Session, order: Order, payment: Payment, refund: Refund, *, actor: str) -> None:
    publish(
        session,
        RefundChanged(
            shop_id=order.shop_id,
            subject=f"payment:{payment.id}",
            actor=actor,
            order_id=order.id,
            number=order.number,
            customer_id=order.customer_id,
            conversation_id=order.conversation_id,
            payment_id=payment.id,
            amount=refund.amount,
            currency=payment.currency,
            refund_id=refund.id,
            state=refund.state,
            error=refund.error,
        ),
    )
