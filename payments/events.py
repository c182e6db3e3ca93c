"""What happens to money, as the rest of the system hears of it. Amounts are in minor units."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from storage.events import Event


@dataclass(frozen=True, slots=True, kw_only=True)
class MoneyEvent(Event):
    order_id: int
    number: int
    customer_id: int
    conversation_id: int | None
    payment_id: int
    amount: int
    currency: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PaymentChanged(MoneyEvent):
    """A payment came to a new state. `state` is one of payments.states.State."""

    kind: ClassVar[str] = "payment_changed"

    state: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RefundChanged(MoneyEvent):
    """`amount` is the refund's. `state` is one of payments.states.RefundStage."""

    kind: ClassVar[str] = "refund_changed"

    refund_id: int
    state: str
    error: str


@dataclass(frozen=True, slots=True, kw_only=True)
class MoneyQuestionRaised(MoneyEvent):
    """Money does not fit and a person must decide. `question` is one of payments.questions.Kind."""

    kind: ClassVar[str] = "money_question"

    question_id: int
    question: str
