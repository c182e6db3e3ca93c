"""What happens to orders, as the rest of the system hears of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar, Self

from orders.tables import Order
from storage.events import Event


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderEvent(Event):
    order_id: int
    number: int
    customer_id: int
    conversation_id: int | None

    @classmethod
    def of(cls, order: Order, *, actor: str, **facts: Any) -> Self:
        """The event of this order; `facts` are the subclass's own fields."""
        return cls(
            shop_id=order.shop_id,
            subject=f"order:{order.id}",
            actor=actor,
            order_id=order.id,
            number=order.number,
            customer_id=order.customer_id,
            conversation_id=order.conversation_id,
            **facts,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderPlaced(OrderEvent):
    kind: ClassVar[str] = "order_placed"

    total: int
    currency: str


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderChanged(OrderEvent):
    """`what`: lines, discount, delivery, payment_method, contact, responsible, courier, note, refund."""

    kind: ClassVar[str] = "order_changed"

    what: str
    version: int


@dataclass(frozen=True, slots=True, kw_only=True)
class CourierGiven(OrderEvent):
    """Somebody is to take the order to the customer."""

    kind: ClassVar[str] = "courier_given"

    staff_id: int


@dataclass(frozen=True, slots=True, kw_only=True)
class CourierTaken(OrderEvent):
    """He is not to take the order any more, and nobody else is."""

    kind: ClassVar[str] = "courier_taken"

    staff_id: int


@dataclass(frozen=True, slots=True, kw_only=True)
class StageMoved(OrderEvent):
    """One row of the history after the first. `reason` is a code of orders.reasons or a person's words."""

    kind: ClassVar[str] = "stage_moved"

    seq: int
    from_code: str
    to_code: str
    group: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderPaid(OrderEvent):
    """The order became fully paid."""

    kind: ClassVar[str] = "order_paid"

    payment_id: int | None
    paid: int
    currency: str


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderFlagged(OrderEvent):
    """A person must look at the order's money; an empty flag says that somebody has."""

    kind: ClassVar[str] = "order_flagged"

    flag: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PipelineChanged(Event):
    """`what`: added, renamed, first, stage_added, stage_edited, stages_arranged, stage_archived, stage_used_again."""

    kind: ClassVar[str] = "pipeline_changed"

    pipeline_id: int
    what: str
    which: str | None
    """The code of the stage that it is about."""
    before: object
