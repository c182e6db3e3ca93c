"""Money that does not fit: never ignored and never applied by guessing. The order is flagged, a person decides."""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from kit.clock import utc_now
from kit.errors import Missing
from kit.money import Money
from orders import paying
from orders.book import locked
from orders.tables import Order
from payments.events import MoneyQuestionRaised
from payments.tables import MoneyQuestion, Payment
from storage.events import publish


class Kind(StrEnum):
    LATE_PAYMENT = "late_payment"
    """Paid after the order was cancelled, by somebody or by time."""
    SECOND_PAYMENT = "second_payment"
    """The order was paid already."""
    WRONG_AMOUNT = "wrong_amount"
    """Not the sum that was asked for, or that is due now."""
    WRONG_CURRENCY = "wrong_currency"
    WRONG_ACCOUNT = "wrong_account"
    """The money went to another shop of the provider."""
    TEST_PAYMENT = "test_payment"
    """A test on an account where only real money counts."""
    WRONG_ORDER = "wrong_order"
    """The provider has it under another order."""


class NoSuchQuestion(Missing):
    code = "no_such_question"


def ask(
    session: Session, order: Order, payment: Payment, kind: Kind, amount: Money, detail: str = ""
) -> MoneyQuestion | None:
    """Put the question and flag the order. None if this payment has raised it before; then nothing happens."""
    insert = postgresql.insert if session.get_bind().dialect.name == "postgresql" else sqlite.insert
    added: MoneyQuestion | None = session.scalar(
        insert(MoneyQuestion)
        .values(
            shop_id=order.shop_id,
            payment_id=payment.id,
            order_id=order.id,
            kind=kind.value,
            amount=amount.amount,
            detail=detail[:300],
            created_at=utc_now(),
            resolved_by="",
        )
        .on_conflict_do_nothing(index_elements=["payment_id", "kind"])
        .returning(MoneyQuestion)
    )
    if added is None:
        return None
    paying.flag(session, order, kind.value)
    publish(
        session,
        MoneyQuestionRaised(
            shop_id=order.shop_id,
            subject=f"payment:{payment.id}",
            actor="payment",
            order_id=order.id,
            number=order.number,
            customer_id=order.customer_id,
            conversation_id=order.conversation_id,
            payment_id=payment.id,
            amount=amount.amount,
            currency=amount.currency,
            question_id=added.id,
            question=kind.value,
        ),
    )
    return added


def get(session: Session, shop_id: int, question_id: int) -> MoneyQuestion:
    """Raises NoSuchQuestion, also for a question of another shop."""
    question = session.get(MoneyQuestion, question_id)
    if question is None or question.shop_id != shop_id:
        raise NoSuchQuestion(f"question {question_id}")
    return question


def still_open(session: Session, shop_id: int) -> list[MoneyQuestion]:
    """What a person still has to decide, the oldest first."""
    return _open(session, MoneyQuestion.shop_id == shop_id)


def of_order(session: Session, order_id: int) -> list[MoneyQuestion]:
    """All questions about the order's money, answered ones too, the newest first."""
    query = sa.select(MoneyQuestion).where(MoneyQuestion.order_id == order_id).order_by(MoneyQuestion.id.desc())
    return list(session.scalars(query))


def resolve(session: Session, question: MoneyQuestion, *, actor: str) -> None:
    """Say that a person has dealt with it; the order's flag goes with its last open question."""
    order = locked(session, question.order_id)
    current = session.get_one(MoneyQuestion, question.id, populate_existing=True)
    _close(session, order, [current], actor)


def resolve_returned(session: Session, order: Order, payment: Payment) -> None:
    """All of the payment's money is back with the buyer: nothing about it is left to decide."""
    _close(session, order, _open(session, MoneyQuestion.payment_id == payment.id), "payment")


def _close(session: Session, order: Order, questions: Sequence[MoneyQuestion], actor: str) -> None:
    answered = [question for question in questions if question.resolved_at is None]
    for question in answered:
        question.resolved_at = utc_now()
        question.resolved_by = actor
    if not answered:
        return
    session.flush()
    left = _open(session, MoneyQuestion.order_id == order.id)
    paying.flag(session, order, left[-1].kind if left else "", actor=actor)


def _open(session: Session, which: sa.ColumnElement[bool]) -> list[MoneyQuestion]:
    query = sa.select(MoneyQuestion).where(which, MoneyQuestion.resolved_at.is_(None)).order_by(MoneyQuestion.id)
    return list(session.scalars(query))
