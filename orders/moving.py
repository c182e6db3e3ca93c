"""Orders and the cart follow their customer when his card is put into another, and go back when that is undone.

Two carts are joined line by line: what only the other has comes along, and of what both have the larger quantity
counts, for one person who puts a mug into two carts wants one mug.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from customers.merging import Holder, rows_of
from kit.clock import utc_now
from orders import cart as carts
from orders.tables import Cart, CartLine, Order

ORDERS = rows_of(Order)


def _hold_carts(session: Session, customer_ids: Collection[int]) -> None:
    mine = sa.select(Cart.id).where(Cart.customer_id.in_(customer_ids))
    session.execute(mine.order_by(Cart.id).with_for_update()).all()


def _move_cart(session: Session, from_id: int, to_id: int, _actor: str) -> list[dict[str, Any]]:
    """Each line as it was in the cart that is emptied, and what it made of the other: `before`, `after` pieces."""
    shop_id = session.scalar(sa.select(Cart.shop_id).where(Cart.customer_id == from_id))
    lines = carts.inside(session, shop_id, from_id) if shop_id is not None else []
    if not lines or shop_id is None:
        return []
    cart = carts.held(session, shop_id, to_id)
    has = {line.variant_id: line for line in cart.lines}
    moved = []
    for line in lines:
        there = has.get(line.variant_id)
        before = there.quantity if there else 0
        if there is None:
            cart.lines.append(CartLine(variant_id=line.variant_id, quantity=line.quantity, price_seen=line.price_seen))
        else:
            there.quantity = max(before, line.quantity)
        moved.append({**line._asdict(), "before": before, "after": max(before, line.quantity)})
    cart.updated_at = utc_now()
    session.flush()
    carts.clear(session, shop_id, from_id)
    return moved


def _give_cart_back(session: Session, moved: list[dict[str, Any]], from_id: int, to_id: int, _actor: str) -> None:
    """A line that was bought or changed since stays what it has become."""
    shop_id = session.scalar(sa.select(Cart.shop_id).where(Cart.customer_id == from_id))
    if not moved or shop_id is None:
        return
    cart, other = carts.held(session, shop_id, from_id), carts.held(session, shop_id, to_id)
    has, theirs = ({line.variant_id: line for line in one.lines} for one in (cart, other))
    for was in moved:
        line = has.get(was["variant_id"])
        if line is None or line.quantity != was["after"] or was["variant_id"] in theirs:
            continue
        if was["before"]:
            line.quantity = was["before"]
        else:
            cart.lines.remove(line)
        line_back = {name: was[name] for name in ("variant_id", "quantity", "price_seen")}
        other.lines.append(CartLine(**line_back))
    cart.updated_at = other.updated_at = utc_now()
    session.flush()


CARTS = Holder(_hold_carts, _move_cart, _give_cart_back)
