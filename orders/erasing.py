"""Who an order was for and where it went, taken away for good: what was sold, and for how much, stays."""

from __future__ import annotations

from collections.abc import Sequence

import sqlalchemy as sa
from sqlalchemy.orm import Session

from customers.erasing import tells_of_one
from kit.errors import Refused
from orders import history
from orders.tables import Cart, CartLine, Group, Order, Stage

ENDED = (Group.COMPLETE, Group.CANCELLED)

SAYS = ("recipient", "phone", "email", "address")
"""What of an order tells who it is for."""


class OrderUnderWay(Refused):
    """The shop still needs to know who the order is for."""

    code = "order_under_way"

    def __init__(self, number: int) -> None:
        self.number = number
        super().__init__(f"order {number} is under way", number=number)


def hold(session: Session, customer_ids: Sequence[int]) -> list[int]:
    """The ids of his orders, locked. Raises OrderUnderWay."""
    mine = sa.select(Order.id).where(Order.customer_id.in_(customer_ids)).order_by(Order.id)
    ids = list(session.scalars(mine.with_for_update()))
    open_ = sa.select(Order.number).join(Stage, Stage.id == Order.stage_id).where(Order.id.in_(ids))
    number = session.scalar(open_.where(Stage.group.not_in(ENDED)).order_by(Order.number).limit(1))
    if number is not None:
        raise OrderUnderWay(number)
    return ids


def traces(session: Session, order_ids: Sequence[int]) -> set[str]:
    """What his orders say of him, as customers.erasing.traces."""
    columns = [Order.__table__.c[name] for name in SAYS]
    rows = session.execute(sa.select(*columns).where(Order.id.in_(order_ids)))
    return {word for row in rows for word in row if word and tells_of_one(word)}


def erase(session: Session, order_ids: Sequence[int], customer_ids: Sequence[int]) -> None:
    blank = {name: None if Order.__table__.c[name].nullable else "" for name in (*SAYS, "comment", "note")}
    session.execute(
        sa.update(Order).where(Order.id.in_(order_ids)).values(blank).execution_options(synchronize_session=False)
    )
    history.forget_words(session, order_ids)
    carts = sa.select(Cart.id).where(Cart.customer_id.in_(customer_ids))
    session.execute(sa.delete(CartLine).where(CartLine.cart_id.in_(carts)))
    session.execute(sa.delete(Cart).where(Cart.customer_id.in_(customer_ids)))
