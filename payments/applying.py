"""The one place where what a provider reports becomes our state, whoever asked: webhook, poll, return page, answer.

Locks are taken in the order: order, payment. What arrives twice, late or out of order changes nothing that it should
not: states only move forward, and money acts when its ledger entry is written, which happens once.
"""

from __future__ import annotations

import logging

from sqlalchemy.orm import Session

from company import settings
from company.tables import Shop
from kit import crash
from kit.clock import utc_now
from kit.money import Money
from orders import paying, reserving
from orders.tables import Group, Order
from payments import charging, ledger, questions, refunding
from payments.providers.base import PaymentState, ProviderPayment
from payments.questions import Kind
from payments.states import State, is_later
from payments.tables import Payment, PaymentAccount

logger = logging.getLogger(__name__)

STATES = {
    PaymentState.PENDING: State.PENDING,
    PaymentState.AUTHORISED: State.AUTHORISED,
    PaymentState.CANCELLED: State.CANCELLED,
    PaymentState.PAID: State.PAID,
}

TAKEN = (PaymentState.AUTHORISED, PaymentState.PAID)
"""The buyer's money has left him."""

LATE_REASON = {"ru": "Оплата пришла после отмены заказа", "en": "Paid after the order was cancelled"}
"""The reason of a refund that nobody asked for, in the shop's language: its settings have late money returned."""


def apply(session: Session, payment_id: int, seen: ProviderPayment) -> Payment:
    """Bring the payment, and its order, to what the provider reports."""
    order, payment = charging.lock(session, payment_id)
    payment.checked_at = utc_now()
    if not _is_the_same(session, order, payment, seen):
        return payment
    newly_bound = payment.provider_id is None
    payment.provider_id = seen.provider_id
    payment.confirmation_url = seen.confirmation_url or payment.confirmation_url
    payment.method = (seen.method or payment.method)[:60]
    if newly_bound:
        payment.expires_at = seen.expires_at or (seen.created_at or payment.created_at) + charging.LINK_LIVES
    if seen.state is PaymentState.PAID:
        _take(session, order, payment, seen)
    elif seen.state in STATES and is_later(STATES[seen.state], payment.state):
        charging.change(session, order, payment, STATES[seen.state], actor="payment", reason=seen.reason or "")
    elif payment.state == State.REPLACED and (newly_bound or seen.state is PaymentState.AUTHORISED):
        charging.put_cancel(session, payment, seen.state.value)
    session.flush()
    return payment


def _is_the_same(session: Session, order: Order, payment: Payment, seen: ProviderPayment) -> bool:
    """Whether what was seen is this payment. Money that came by something else is asked about, not taken."""
    misfit = _misfit(session, order, payment, seen)
    if misfit is None:
        return True
    kind, detail = misfit
    logger.warning("payment %d: %s reported by the provider as %s", payment.id, kind, seen.provider_id)
    if seen.state in TAKEN:
        questions.ask(session, order, payment, kind, seen.paid or seen.amount, f"{seen.provider_id}: {detail}")
        if payment.provider_id == seen.provider_id and is_later(State.CANCELLED, payment.state):
            # Nothing more will come of it; the order can be paid by another link.
            charging.change(session, order, payment, State.CANCELLED, actor="payment", reason=kind)
    return False


def _misfit(session: Session, order: Order, payment: Payment, seen: ProviderPayment) -> tuple[Kind, str] | None:
    account = session.get_one(PaymentAccount, payment.account_id)
    ours = charging.metadata(payment, order)
    if seen.account != account.external_id:
        return Kind.WRONG_ACCOUNT, seen.account
    if any(seen.metadata.get(name) != ours[name] for name in ("order", "payment")):
        return Kind.WRONG_ORDER, seen.metadata.get("number", "")
    if seen.test and not account.test and seen.state in TAKEN:
        return Kind.TEST_PAYMENT, ""
    if seen.amount.currency != payment.currency:
        return Kind.WRONG_CURRENCY, seen.amount.currency
    if payment.provider_id not in (None, seen.provider_id):
        return Kind.SECOND_PAYMENT, ""
    return None


def _take(session: Session, order: Order, payment: Payment, seen: ProviderPayment) -> None:
    """Captured money: into the ledger, and then to the order if it fits there."""
    if not ledger.enter(session, payment, ledger.CAPTURE, seen.provider_id, seen.paid):
        return
    payment.paid_amount = seen.paid.amount
    payment.paid_at = utc_now()
    charging.change(session, order, payment, State.PAID, actor="payment")
    doubt = _doubt(order, payment, seen.paid)
    if doubt is None:
        paying.mark_paid(session, order, seen.paid, payment_id=payment.id)
    else:
        paying.money_came(session, order, seen.paid)
        questions.ask(session, order, payment, doubt, seen.paid)
        _return_late(session, payment, doubt)
    if reserving.settled(order):
        for other in charging.live(session, order):
            charging.replace(session, order, other, actor="payment")
    crash.point("payment.applied")


def _doubt(order: Order, payment: Payment, came: Money) -> Kind | None:
    """Why this money needs a person; None if it simply pays the order, or a part that was agreed on."""
    if order.stage.group == Group.CANCELLED:
        return Kind.LATE_PAYMENT
    if reserving.settled(order):
        return Kind.SECOND_PAYMENT
    if came.amount != payment.amount or came > charging.due(order):
        return Kind.WRONG_AMOUNT
    if payment.order_version != order.version and came != charging.due(order):
        return Kind.WRONG_AMOUNT
    return None


def _return_late(session: Session, payment: Payment, doubt: Kind) -> None:
    shop = session.get_one(Shop, payment.shop_id)
    if doubt is Kind.LATE_PAYMENT and settings.of(shop).late_money == "refund":
        whole, reason = Money(payment.paid_amount, payment.currency), LATE_REASON[shop.locale]
        refunding.ask(session, payment, whole, reason=reason, actor="system", key=f"late-{payment.token}")
