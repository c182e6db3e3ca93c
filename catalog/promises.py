"""What is promised to whom of the stock, and leaves the shelves or comes back for them.

No more is ever promised than lies there. Rows of stock are locked in the order of variant and warehouse, so two
orders that want the same goods wait for each other instead of locking up; the conditional update and the table's
own CHECK hold even if somebody does not.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from typing import cast

import sqlalchemy as sa
from sqlalchemy.orm import Session, joinedload

from catalog import stock
from catalog.names import Title
from catalog.tables import Reservation, Stock, StockMove, Variant, Warehouse
from kit.errors import Refused

_stock = cast(sa.Table, Stock.__table__)
_reservation = cast(sa.Table, Reservation.__table__)


class OutOfStock(Refused):
    """Less is free than is wanted. Nothing was reserved."""

    code = "out_of_stock"

    def __init__(self, variant: Variant, wanted: int, left: int) -> None:
        self.variant_id, self.sku, self.wanted, self.left = variant.id, variant.sku, wanted, left
        super().__init__(f"{self.sku}: {wanted} wanted, {left} left", name=Title(variant), wanted=wanted, left=left)


def reserved_for(session: Session, owner: str) -> dict[int, int]:
    """How many of each variant are promised to the owner, such as "order:17"."""
    rows = session.execute(
        sa.select(Reservation.variant_id, sa.func.sum(Reservation.quantity))
        .where(Reservation.owner == owner)
        .group_by(Reservation.variant_id)
    )
    return {variant_id: int(quantity) for variant_id, quantity in rows}


def reserve(session: Session, owner: str, wanted: Mapping[int, int]) -> None:
    """Promise to the owner so many of each variant, on top of what he has; all of it or nothing.

    Takes a variant from the first warehouse that has enough of it, else from several. Raises OutOfStock.
    """
    wanted = {variant_id: quantity for variant_id, quantity in wanted.items() if quantity > 0}
    takes = _plan(session, wanted)
    for (variant_id, warehouse_id), quantity in sorted(takes.items()):
        done = session.execute(
            sa.update(_stock)
            .where(
                _stock.c.variant_id == variant_id,
                _stock.c.warehouse_id == warehouse_id,
                _stock.c.on_hand - _stock.c.reserved >= quantity,
            )
            .values(reserved=_stock.c.reserved + quantity)
        )
        assert _changed(done) == 1, f"stock of variant {variant_id} changed under its lock"
        _promise(session, owner, variant_id, warehouse_id, quantity)


def _plan(session: Session, wanted: Mapping[int, int]) -> dict[tuple[int, int], int]:
    """From where to take what, with the rows of stock locked."""
    if not wanted:
        return {}
    rows = session.execute(
        sa.select(_stock, Warehouse.position)
        .join(Warehouse, Warehouse.id == _stock.c.warehouse_id)
        .where(_stock.c.variant_id.in_(wanted))
        .order_by(_stock.c.variant_id, _stock.c.warehouse_id)
        .with_for_update(of=_stock)
    )
    shelves: dict[int, list[tuple[int, int, int]]] = defaultdict(list)
    for row in rows:
        shelves[row.variant_id].append((row.position, row.warehouse_id, row.on_hand - row.reserved))
    takes: dict[tuple[int, int], int] = {}
    for variant_id, quantity in wanted.items():
        places = [(warehouse_id, free) for _, warehouse_id, free in sorted(shelves[variant_id])]
        left = sum(free for _, free in places)
        if left < quantity:
            raise OutOfStock(_variant(session, variant_id), quantity, left)
        enough = [place for place in places if place[1] >= quantity]
        for warehouse_id, free in enough[:1] or places:
            if (take := min(free, quantity)) > 0:
                takes[variant_id, warehouse_id] = take
                quantity -= take
    return takes


def _variant(session: Session, variant_id: int) -> Variant:
    return session.scalars(
        sa.select(Variant).where(Variant.id == variant_id).options(joinedload(Variant.product))
    ).one()


def _promise(session: Session, owner: str, variant_id: int, warehouse_id: int, quantity: int) -> None:
    more = session.execute(
        sa.update(_reservation)
        .where(
            _reservation.c.owner == owner,
            _reservation.c.variant_id == variant_id,
            _reservation.c.warehouse_id == warehouse_id,
        )
        .values(quantity=_reservation.c.quantity + quantity)
    )
    if not _changed(more):
        session.execute(
            sa.insert(_reservation).values(
                owner=owner, variant_id=variant_id, warehouse_id=warehouse_id, quantity=quantity
            )
        )


def release(session: Session, owner: str) -> None:
    """Take back every promise to the owner. Nothing happens if he has none."""
    for variant_id, warehouse_id, quantity in _end_promises(session, owner):
        _free(session, variant_id, warehouse_id, quantity)


def release_some(session: Session, owner: str, variant_id: int, quantity: int) -> None:
    """Take back the promise of so many of one variant, or of all that is promised if that is less."""
    rows = session.execute(
        sa.select(_reservation)
        .join(Warehouse, Warehouse.id == _reservation.c.warehouse_id)
        .where(_reservation.c.owner == owner, _reservation.c.variant_id == variant_id)
        .order_by(Warehouse.position.desc(), Warehouse.id.desc())
        .with_for_update(of=_reservation)
    ).all()
    takes: dict[int, int] = {}
    for row in rows:
        if (take := min(row.quantity, quantity)) > 0:
            takes[row.warehouse_id] = take
            quantity -= take
            this = _reservation.c.id == row.id
            if take == row.quantity:
                session.execute(sa.delete(_reservation).where(this))
            else:
                session.execute(sa.update(_reservation).where(this).values(quantity=row.quantity - take))
    for warehouse_id, take in sorted(takes.items()):
        _free(session, variant_id, warehouse_id, take)


def hand_on(session: Session, owner: str, to: str, wanted: Mapping[int, int]) -> None:
    """Promise to another what is promised to the owner: so many of each variant, or all that he has if that is less.

    Nothing is free in between: what lies on the shelves and what is reserved there stay as they are.
    """
    rows = session.execute(
        sa.select(_reservation)
        .where(_reservation.c.owner == owner, _reservation.c.variant_id.in_(wanted))
        .order_by(_reservation.c.variant_id, _reservation.c.warehouse_id)
        .with_for_update()
    ).all()
    asked = dict(wanted)
    for row in rows:
        take = min(row.quantity, asked[row.variant_id])
        if take <= 0:
            continue
        asked[row.variant_id] -= take
        this = _reservation.c.id == row.id
        if take == row.quantity:
            session.execute(sa.delete(_reservation).where(this))
        else:
            session.execute(sa.update(_reservation).where(this).values(quantity=row.quantity - take))
        _promise(session, to, row.variant_id, row.warehouse_id, take)


def write_off(session: Session, owner: str, *, actor: str) -> None:
    """What was promised to the owner leaves the shelves: it is handed over or shipped."""
    promised = _end_promises(session, owner)
    for variant_id, warehouse_id, quantity in promised:
        _free(session, variant_id, warehouse_id, quantity)
        stock.move(
            session, _variant(session, variant_id), warehouse_id, -quantity, reason="sold", subject=owner, actor=actor
        )


def take_back(session: Session, owner: str, *, actor: str) -> None:
    """All that was written off for the owner and has not come back yet returns to its shelves, free for anyone."""
    places = sa.select(StockMove.variant_id, StockMove.warehouse_id).where(StockMove.subject == owner).distinct()
    session.execute(
        sa.select(_stock.c.variant_id)
        .where(sa.tuple_(_stock.c.variant_id, _stock.c.warehouse_id).in_(places))
        .order_by(_stock.c.variant_id, _stock.c.warehouse_id)
        .with_for_update()
    ).all()
    gone = session.execute(
        sa.select(StockMove.variant_id, StockMove.warehouse_id, sa.func.sum(StockMove.quantity))
        .where(StockMove.subject == owner)
        .group_by(StockMove.variant_id, StockMove.warehouse_id)
        .order_by(StockMove.variant_id, StockMove.warehouse_id)
    ).all()
    for variant_id, warehouse_id, balance in gone:
        if balance < 0:
            variant = _variant(session, variant_id)
            stock.move(session, variant, warehouse_id, -int(balance), reason="returned", subject=owner, actor=actor)


def _end_promises(session: Session, owner: str) -> list[tuple[int, int, int]]:
    """Remove the owner's promises. Of two that ask at once, one gets them: (variant, warehouse, quantity), sorted."""
    rows = session.execute(
        sa.delete(_reservation)
        .where(_reservation.c.owner == owner)
        .returning(_reservation.c.variant_id, _reservation.c.warehouse_id, _reservation.c.quantity)
    )
    return sorted((row.variant_id, row.warehouse_id, row.quantity) for row in rows)


def _free(session: Session, variant_id: int, warehouse_id: int, quantity: int) -> None:
    session.execute(
        sa.update(_stock)
        .where(_stock.c.variant_id == variant_id, _stock.c.warehouse_id == warehouse_id)
        .values(reserved=_stock.c.reserved - quantity)
    )


def _changed(result: sa.Result[object]) -> int:
    assert isinstance(result, sa.CursorResult)
    return result.rowcount
