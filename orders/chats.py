"""In which conversation the buyer hears of his orders."""

from __future__ import annotations

from collections.abc import Collection, Sequence

import sqlalchemy as sa
from sqlalchemy.orm import Session

from orders.tables import Group, Order, Stage

OVER = (Group.COMPLETE, Group.CANCELLED)


def lead(session: Session, customer_id: int, *, away_from: Collection[int], to: int) -> list[list[int]]:
    """Let the customer hear in another conversation of what is not over. Gives [order, the one that it had]."""
    open_ = (
        sa.select(Order.id, Order.conversation_id)
        .join(Stage, Stage.id == Order.stage_id)
        .where(Order.customer_id == customer_id, Order.conversation_id.in_(away_from), Stage.group.not_in(OVER))
        .order_by(Order.id)
        .with_for_update(of=Order)
    )
    moved = [[order_id, had] for order_id, had in session.execute(open_) if had is not None]
    ids = [order_id for order_id, _ in moved]
    session.execute(sa.update(Order).where(Order.id.in_(ids)).values(conversation_id=to))
    return moved


def lead_back(session: Session, moved: Sequence[Sequence[int]], *, away_from: int) -> None:
    """Undo `lead`; an order that has got yet another conversation since keeps that."""
    for order_id, had in moved:
        mine = (Order.id == order_id, Order.conversation_id == away_from)
        session.execute(sa.update(Order).where(*mine).values(conversation_id=had))
