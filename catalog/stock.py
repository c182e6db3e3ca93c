"""Stock: what lies where, and a journal of everything that came and went. Promises of it: `catalog.promises`."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import cast

import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from catalog.events import StockChanged
from catalog.tables import Stock, StockMove, Variant, Warehouse
from company.tables import Shop
from kit.clock import utc_now
from kit.errors import Missing, Refused
from storage.events import publish
from storage.hot import Hot

MOST = 1_000_000
"""No warehouse holds more of one variant."""

_stock = cast(sa.Table, Stock.__table__)

_FREE = Hot(
    lambda _: (
        sa.select(Stock.variant_id, sa.func.sum(Stock.on_hand - Stock.reserved))
        .where(Stock.variant_id.in_(sa.bindparam("variants", expanding=True)))
        .group_by(Stock.variant_id)
    ),
    listed="variants",
)


class BadCount(Refused):
    """Not a number of goods that can lie in a warehouse."""

    code = "bad_count"

    def __init__(self, count: int) -> None:
        super().__init__(f"{count} pieces", count=count, most=MOST)


class StillReserved(Refused):
    """Fewer cannot be counted than are promised to orders: release or cancel those first."""

    code = "still_reserved"

    def __init__(self, reserved: int) -> None:
        self.reserved = reserved
        super().__init__(f"{reserved} are reserved", reserved=reserved)


class NoSuchWarehouse(Missing):
    code = "no_such_warehouse"


@dataclass(frozen=True, slots=True)
class OnShelf:
    """A variant in one warehouse."""

    warehouse: Warehouse
    on_hand: int
    reserved: int

    @property
    def free(self) -> int:
        return self.on_hand - self.reserved


# Looking


def add_warehouse(session: Session, shop: Shop, *, name: str, en: str = "", position: int = 0) -> Warehouse:
    warehouse = Warehouse(
        shop_id=shop.id, name=name.strip()[:120], translations={"en": {"name": en}} if en else {}, position=position
    )
    session.add(warehouse)
    session.flush()
    return warehouse


def warehouses(session: Session, shop_id: int) -> list[Warehouse]:
    """In the order in which reservations take from them."""
    return list(
        session.scalars(
            sa.select(Warehouse).where(Warehouse.shop_id == shop_id).order_by(Warehouse.position, Warehouse.id)
        )
    )


def available(session: Session, variant_ids: Iterable[int]) -> dict[int, int]:
    """How many of each variant nobody has reserved, over all warehouses; 0 for what was never in stock."""
    free = dict.fromkeys(variant_ids, 0)
    if free:
        free |= {variant_id: int(left) for variant_id, left in _FREE.rows(session, variants=list(free))}
    return free


def by_warehouse(session: Session, variant_id: int) -> list[OnShelf]:
    rows = session.execute(
        sa.select(Warehouse, Stock.on_hand, Stock.reserved)
        .join(Stock, Stock.warehouse_id == Warehouse.id)
        .where(Stock.variant_id == variant_id)
        .order_by(Warehouse.position, Warehouse.id)
    )
    return [OnShelf(*row) for row in rows]


# Goods that come and are counted


def receive(
    session: Session, variant: Variant, warehouse: Warehouse, quantity: int, *, reason: str = "received", actor: str
) -> None:
    """Put `quantity` more on the shelf. `reason` is "received", or "initial" for what was there at the beginning."""
    if not 0 < quantity <= MOST:
        raise BadCount(quantity)
    on_hand, _ = _shelf(session, variant, warehouse)
    if on_hand + quantity > MOST:
        raise BadCount(on_hand + quantity)
    move(session, variant, warehouse.id, quantity, reason=reason, subject="", actor=actor)


def correct(
    session: Session, variant: Variant, warehouse: Warehouse, counted: int, *, actor: str, reason: str = "corrected"
) -> None:
    """Make what lies there equal to what was counted. Raises StillReserved if that is less than is promised."""
    if not 0 <= counted <= MOST:
        raise BadCount(counted)
    on_hand, reserved = _shelf(session, variant, warehouse)
    if counted < reserved:
        raise StillReserved(reserved)
    if counted != on_hand:
        move(session, variant, warehouse.id, counted - on_hand, reason=reason, subject="", actor=actor)


def _shelf(session: Session, variant: Variant, warehouse: Warehouse) -> tuple[int, int]:
    """The locked row of this variant in this warehouse, made if there is none: on hand and reserved."""
    if warehouse.shop_id != variant.shop_id:
        raise NoSuchWarehouse(f"warehouse {warehouse.id} of shop {variant.shop_id}")
    row = (
        sa.select(_stock.c.on_hand, _stock.c.reserved)
        .where(_stock.c.variant_id == variant.id, _stock.c.warehouse_id == warehouse.id)
        .with_for_update()
    )
    found = session.execute(row).one_or_none()
    if found is None:
        try:
            with session.begin_nested():
                session.execute(
                    sa.insert(_stock).values(variant_id=variant.id, warehouse_id=warehouse.id, on_hand=0, reserved=0)
                )
        except IntegrityError:  # another transaction has just put the first ones there
            pass
        found = session.execute(row).one()
    return found.on_hand, found.reserved


def move(
    session: Session, variant: Variant, warehouse_id: int, quantity: int, *, reason: str, subject: str, actor: str
) -> None:
    """Change what lies there, with its line in the journal. Its row is locked, or changed by this alone."""
    session.execute(
        sa.update(_stock)
        .where(_stock.c.variant_id == variant.id, _stock.c.warehouse_id == warehouse_id)
        .values(on_hand=_stock.c.on_hand + quantity)
    )
    session.add(
        StockMove(
            variant_id=variant.id,
            warehouse_id=warehouse_id,
            quantity=quantity,
            reason=reason,
            subject=subject,
            actor=actor,
            at=utc_now(),
        )
    )
    publish(
        session,
        StockChanged(
            shop_id=variant.shop_id,
            subject=f"variant:{variant.id}",
            actor=actor,
            variant_id=variant.id,
            warehouse_id=warehouse_id,
            quantity=quantity,
            reason=reason,
        ),
    )
