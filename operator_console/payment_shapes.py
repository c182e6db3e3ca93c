"""Money as the templates draw it: what an order's payments have come to, and each payment with its refunds."""

from __future__ import annotations

import re
import secrets
from collections.abc import Mapping, Sequence

import sqlalchemy as sa
from sqlalchemy.orm import Session

from company.rights import Powers, Right, may
from company.tables import Staff
from company.texts import Texts
from kit.money import Money
from operator_console import refusals
from operator_console.people import Shape
from operator_console.texts import gettext as _
from operator_console.texts import reader
from orders.tables import Group, Order
from orders.views import OrderView
from payments import charging, links, questions, refunding
from payments.accounts import MANUAL
from payments.states import LIVE, RefundStage, State
from payments.tables import Payment, PaymentAccount, Refund

_NUMBERED = re.compile(r"(?P<name>.*?)(?: (?P<number>\*?\d{4,}))?", re.DOTALL)
"""YooKassa's titles: a name, and perhaps the end of the card's number or the wallet's: "Bank card *4444"."""

_OUT_OF_TIME = ("expired", "permission_revoked")
"""How reasons begin with which a provider ends a payment that nobody has paid."""


def payment_states(session: Session, orders: Sequence[OrderView]) -> dict[int, str]:
    """The payment badge of each order: a key of rendering.payment_word. One query for all of them."""
    unsettled = [order.id for order in orders if order.paid_at is None]
    last: dict[int, Payment] = {}
    if unsettled:
        rows = session.scalars(sa.select(Payment).where(Payment.order_id.in_(unsettled)).order_by(Payment.id))
        last = {payment.order_id: payment for payment in rows}
    return {order.id: _order_state(order, last.get(order.id)) for order in orders}


def _order_state(order: OrderView, last: Payment | None) -> str:
    if order.flag:
        return "trouble"
    if order.paid_at is not None:
        return "part_refunded" if order.paid < order.total else "paid"
    if not order.total:
        return "paid"
    if last is not None and 0 < last.paid_amount <= last.refunded_amount:
        return "refunded"
    if order.paid:
        return "part_paid"
    if order.group is Group.CANCELLED:
        return "cancelled"
    if order.payment_method == "on_receipt":
        return "on_receipt"
    return "none" if last is None else _payment_state(last, order.version, order.left)


def _payment_state(payment: Payment, version: int, due: Money) -> str:
    if payment.state == State.PAID:
        if payment.refunded_amount >= payment.paid_amount:
            return "refunded"
        return "part_refunded" if payment.refunded_amount else "paid"
    if payment.state in LIVE and (payment.order_version, payment.amount) != (version, due.amount):
        return "changed"
    if payment.state == State.CANCELLED and payment.reason.startswith(_OUT_OF_TIME):
        return "expired"
    return payment.state


def payments(session: Session, order: Order, powers: Powers, public_url: str) -> list[Shape]:
    """Every payment of the order with what may be done about it, the newest first."""
    rows = charging.of_order(session, order.id)
    given: dict[int, list[Refund]] = {}
    for refund in refunding.of_order(session, order.id):
        given.setdefault(refund.payment_id, []).append(refund)
    names = actor_names(session, [refund.actor for row in given.values() for refund in row])
    by_hand = set(session.scalars(sa.select(PaymentAccount.id).where(PaymentAccount.provider == MANUAL)))
    due = charging.due(order)
    return [
        _payment(session, order, row, due, given.get(row.id, []), names, by_hand, powers, public_url) for row in rows
    ]


def _payment(
    session: Session,
    order: Order,
    payment: Payment,
    due: Money,
    refunds: list[Refund],
    names: Mapping[str, str],
    by_hand: set[int],
    powers: Powers,
    public_url: str,
) -> Shape:
    left = refunding.refundable(session, payment) if payment.state == State.PAID else Money(0, payment.currency)
    live = payment.state in LIVE and charging.fits(order, payment)
    manual = payment.account_id in by_hand
    return {
        "id": payment.id,
        "state": _payment_state(payment, order.version, due),
        "amount": Money(payment.paid_amount or payment.amount, payment.currency),
        "left": left,
        "method": method_words(payment.method) or (_("by hand") if manual else ""),
        "manual": manual,
        "why": refusals.why(payment),
        "at": payment.paid_at or payment.created_at,
        "link": links.link(public_url, payment) if live else None,
        "send_url": f"/orders/{order.id}/send-link" if live and order.conversation_id else None,
        "send_key": secrets.token_hex(8),
        "refund_url": f"/payments/{payment.id}/refund" if left and may(powers, Right.REFUND) else None,
        # Another dialog, with another key, after each refund: the form of the last one cannot be sent by mistake.
        "refund_dialog": f"refund-{payment.id}-{len(refunds)}",
        "refund_key": secrets.token_hex(16),
        "refunds": [_refund(refund, payment.currency, names) for refund in refunds],
    }


def _refund(refund: Refund, currency: str, names: Mapping[str, str]) -> Shape:
    words = {
        RefundStage.NEW: (_("being refunded"), "warn"),
        RefundStage.PENDING: (_("being refunded"), "warn"),
        RefundStage.SUCCEEDED: (_("refunded"), "ok"),
        RefundStage.CANCELLED: (_("refund refused"), "bad"),
    }
    word, tone = words[RefundStage(refund.state)]
    reason = _("made in the provider’s own cabinet") if refund.reason == refunding.OUTSIDE else refund.reason
    return {
        "id": refund.id,
        "word": word,
        "tone": tone,
        "amount": Money(refund.amount, currency),
        "reason": reason,
        "error": refund.error,
        "who": names[refund.actor],
        "at": refund.done_at or refund.created_at,
    }


def method_words(method: str) -> str:
    """How it was paid, in the reader's words where we know the provider's; whatever else it says as it says it."""
    known = {
        "cash": _("cash"),
        "transfer": _("transfer"),
        "card": _("bank card"),
        "bank card": _("bank card"),
        "sbp": _("Faster Payments"),
        "sberbank": "SberPay",
        "tinkoff bank": "T-Pay",
        "yoo money": _("YooMoney wallet"),
        "yoomoney": _("YooMoney wallet"),
        "yoomoney wallet": _("YooMoney wallet"),
        "mobile balance": _("mobile phone balance"),
        "installments": _("instalments"),
        "sber loan": _("bought on credit"),
        "electronic certificate": _("electronic certificate"),
        "b2b sberbank": _("Sberbank Business"),
        "cash at terminal": _("cash at a terminal"),
    }
    told = _NUMBERED.fullmatch(method)
    assert told is not None
    word = known.get(told["name"].replace("_", " ").lower())
    return method if word is None else f"{word} {told['number'] or ''}".rstrip()


def open_questions(session: Session, order: Order, texts: Texts) -> list[Shape]:
    """What a person must decide about the order's money."""
    language = reader().language
    return [
        {
            "id": question.id,
            "text": texts.say(f"notice.question.{question.kind}", language),
            "amount": Money(question.amount, order.currency),
            "detail": question.detail,
            "at": question.created_at,
            "resolve_url": f"/questions/{question.id}/resolve",
        }
        for question in questions.of_order(session, order.id)
        if question.resolved_at is None
    ]


def actor_names(session: Session, actors: Sequence[str]) -> dict[str, str]:
    """Who did it, for the reader, by the actors' marks."""
    ours = {
        "bot": _("the bot"),
        "payment": _("the payment system"),
        "schedule": _("by the clock"),
        "system": _("Prilavok"),
    }
    ids = {int(actor.partition(":")[2]) for actor in actors if actor.startswith("staff:")}
    people = dict(session.execute(sa.select(Staff.id, Staff.name).where(Staff.id.in_(ids))).all()) if ids else {}

    def name(actor: str) -> str:
        kind, _colon, number = actor.partition(":")
        if kind == "staff":
            return people.get(int(number), "") or _("somebody who left")
        return _("the customer") if kind == "customer" else ours.get(actor, actor)

    return {actor: name(actor) for actor in actors}
