"""Bringing in orders that ended before this system knew them: written as they were, with few statements.

An order that is still open is placed with orders.checkout instead, because goods must be kept for it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from company.tables import Shop
from kit.errors import Refused
from kit.money import Money
from orders import checkout, pipelines
from orders.tables import Group, Order, OrderLine, Stage, StageMove
from orders.totals import totals

ENDED = frozenset({Group.COMPLETE, Group.CANCELLED})


class StillOpen(Refused):
    """Only what has ended can be brought in as history."""

    code = "order_still_open"


@dataclass(frozen=True, slots=True)
class PastLine:
    variant_id: int | None
    sku: str
    name: str
    price: Money
    quantity: int
    attributes: Sequence[Sequence[str]] = ()
    purchase_price: Money | None = None


@dataclass(frozen=True, slots=True)
class PastMove:
    stage: str
    at: datetime
    actor: str
    reason: str = ""


@dataclass(frozen=True, slots=True)
class PastOrder:
    """`moves` are its stages from the first to the last; `paid` is what the shop kept in the end."""

    customer_id: int
    lines: Sequence[PastLine]
    moves: Sequence[PastMove]
    discount: Money
    delivery_price: Money
    paid: Money
    paid_at: datetime | None
    payment_method: str = "online"
    delivery_method: str = ""
    recipient: str = ""
    phone: str = ""
    email: str = ""
    address: str = ""
    comment: str = ""
    account_id: int | None = None
    conversation_id: int | None = None
    responsible_id: int | None = None


def bring(session: Session, shop: Shop, past: Sequence[PastOrder]) -> list[int]:
    """Write these orders and their history; gives their ids in the same order. They get the next numbers.

    Stock is not touched: what left the shelves then is not on them now. Raises StillOpen, or a refusal of
    orders.totals; nothing is written then.
    """
    stages = {stage.code: stage for stage in pipelines.pipeline(session, shop.id).stages}
    rows = [_order(shop, stages, order) for order in past]
    ids: list[int] = []
    for row in rows:
        row["number"] = checkout.next_number(session, shop.id)
        ids.append(session.execute(sa.insert(Order).values(**row).returning(Order.id)).scalar_one())
    lines = [
        _line(order_id, n, line)
        for order_id, order in zip(ids, past, strict=True)
        for n, line in enumerate(order.lines)
    ]
    moves = [move for order_id, order in zip(ids, past, strict=True) for move in _moves(order_id, stages, order)]
    if lines:
        session.execute(sa.insert(OrderLine), lines)
        session.execute(sa.insert(StageMove), moves)
    return ids


def _order(shop: Shop, stages: Mapping[str, Stage], order: PastOrder) -> dict[str, Any]:
    last = stages[order.moves[-1].stage]
    if last.group not in ENDED:
        raise StillOpen(f"an order in {last.code}")
    sums = totals([(line.price, line.quantity) for line in order.lines], order.discount, order.delivery_price)
    return {
        "shop_id": shop.id,
        "version": 1,
        "customer_id": order.customer_id,
        "account_id": order.account_id,
        "conversation_id": order.conversation_id,
        "pipeline_id": last.pipeline_id,
        "stage_id": last.id,
        "responsible_id": order.responsible_id,
        "currency": shop.currency,
        "goods": sums.goods.amount,
        "discount": sums.discount.amount,
        "delivery_price": sums.delivery.amount,
        "total_amount": sums.total.amount,
        "paid_amount": order.paid.amount,
        "paid_at": order.paid_at if order.paid else None,
        "payment_method": order.payment_method,
        "delivery_method": order.delivery_method,
        "recipient": order.recipient,
        "phone": order.phone,
        "email": order.email,
        "address": order.address,
        "comment": order.comment,
        "note": "",
        "flag": "",
        "created_at": order.moves[0].at,
        "updated_at": order.moves[-1].at,
    }


def _line(order_id: int, position: int, line: PastLine) -> dict[str, Any]:
    return {
        "order_id": order_id,
        "position": position,
        "variant_id": line.variant_id,
        "sku": line.sku,
        "name": line.name,
        "attributes": [list(pair) for pair in line.attributes],
        "price": line.price.amount,
        "purchase_price": line.purchase_price.amount if line.purchase_price else None,
        "quantity": line.quantity,
    }


def _moves(order_id: int, stages: Mapping[str, Stage], order: PastOrder) -> list[dict[str, Any]]:
    steps = []
    before: int | None = None
    for seq, move in enumerate(order.moves, start=1):
        to = stages[move.stage].id
        steps.append(
            {
                "order_id": order_id,
                "seq": seq,
                "from_stage_id": before,
                "to_stage_id": to,
                "actor": move.actor,
                "reason": move.reason,
                "at": move.at,
            }
        )
        before = to
    return steps
