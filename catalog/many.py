"""The same done with many products at once, in one transaction, and taken back."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal

import sqlalchemy as sa
from sqlalchemy.orm import Session

from catalog import editing, goods
from catalog.editing import DEAREST, PriceOutOfBounds
from catalog.goods import WHOLE
from catalog.tables import Category, Product, Variant
from kit.errors import Refused

MOST = 50
"""Products that one act takes: some more than a page of the list shows."""


class TooManyProducts(Refused):
    code = "too_many_products"

    def __init__(self) -> None:
        super().__init__(f"more than {MOST} products", most=MOST)


class BadRepricing(Refused):
    """Not a percent, or a sum that prices could change by."""

    code = "bad_repricing"


class PricesHaveChanged(Refused):
    """What was shown is not what there is any more: look again."""

    code = "prices_have_changed"


@dataclass(frozen=True, slots=True)
class Repricing:
    """Up or down by a percent, or by so many minor units, then to the nearest whole `step` of minor units."""

    up: bool
    percent: Decimal | None = None
    sum_: int | None = None
    step: int = 1

    def __post_init__(self) -> None:
        by = self.percent if self.percent is not None else Decimal(self.sum_ or 0)
        most = Decimal(DEAREST) if self.percent is None else Decimal(1000) if self.up else Decimal(100)
        if not by.is_finite() or not 0 < by < most or self.step < 1:
            raise BadRepricing(f"by {by}")

    def of(self, price: int) -> int:
        """The new price. Raises PriceOutOfBounds where nothing would be left of it."""
        by = Decimal(price) * self.percent / 100 if self.percent is not None else Decimal(self.sum_ or 0)
        exact = price + by if self.up else price - by
        after = int((exact / self.step).quantize(Decimal(1), ROUND_HALF_UP)) * self.step
        if not 0 <= after < DEAREST or (price and not after):
            raise PriceOutOfBounds(after)
        return after


def products(session: Session, shop_id: int, ids: Sequence[int], *, lock: bool = False) -> list[Product]:
    """Those of the shop, whole, in the order of the list. Raises TooManyProducts, and NoSuchProduct unless all are
    there."""
    if len(set(ids)) > MOST:
        raise TooManyProducts()
    mine = sa.and_(Product.shop_id == shop_id, Product.id.in_(ids))
    if lock:
        session.execute(sa.select(Product.id).where(mine).order_by(Product.id).with_for_update())
        theirs = sa.select(Variant.id).where(Variant.product_id.in_(ids), Variant.shop_id == shop_id)
        session.execute(theirs.order_by(Variant.id).with_for_update())
    query = sa.select(Product).where(mine).order_by(Product.position, Product.id).options(*WHOLE)
    found = list(session.scalars(query.execution_options(populate_existing=True)))
    if len(found) != len(set(ids)):
        raise goods.NoSuchProduct(f"products {sorted(set(ids) - {row.id for row in found})} of shop {shop_id}")
    return found


def fingerprint(rows: Sequence[Product]) -> str:
    """Of all prices: another one when any of them has changed."""
    prices = [(variant.id, variant.price) for row in rows for variant in row.variants]
    return hashlib.sha256(repr(sorted(prices)).encode()).hexdigest()[:20]


Changed = list[tuple[int, int, int]]
"""Variants with the price before and after."""


def reprice(session: Session, shop_id: int, ids: Sequence[int], how: Repricing, *, seen: str, actor: str) -> Changed:
    """All prices or none. Raises PricesHaveChanged unless `seen` is their fingerprint; so a second press does
    nothing."""
    rows = products(session, shop_id, ids, lock=True)
    if fingerprint(rows) != seen:
        raise PricesHaveChanged()
    changed: Changed = []
    for row in rows:
        for variant in row.variants:
            before, after = variant.price, how.of(variant.price)
            if before != after:
                editing.edit_variant(session, variant, price=after, actor=actor)
                changed.append((variant.id, before, after))
    return changed


def price_back(session: Session, shop_id: int, changed: Changed, *, actor: str) -> int:
    """Take a repricing back; a price that was changed again since stays. How many went back."""
    owners = sa.select(Variant.product_id).where(
        Variant.shop_id == shop_id, Variant.id.in_([variant_id for variant_id, _, _ in changed])
    )
    rows = products(session, shop_id, sorted(set(session.scalars(owners))), lock=True)
    variants = {variant.id: variant for row in rows for variant in row.variants}
    back = 0
    for variant_id, before, after in changed:
        variant = variants.get(variant_id)
        if variant is not None and variant.price == after:
            editing.edit_variant(session, variant, price=before, actor=actor)
            back += 1
    return back


def put_under(
    session: Session, shop_id: int, ids: Sequence[int], category: Category | None, *, actor: str
) -> list[tuple[int, int]]:
    """Put them into a category, or out of any. Those that moved, with the category that they were in (0: none)."""
    moved = []
    wanted = category.id if category else None
    for row in products(session, shop_id, ids, lock=True):
        if row.category_id != wanted:
            moved.append((row.id, row.category_id or 0))
            editing.edit_product(session, row, category=category, no_category=category is None, actor=actor)
    return moved


def put_on_sale(session: Session, shop_id: int, ids: Sequence[int], *, active: bool, actor: str) -> list[int]:
    """Put them on sale or take them off it. Those that changed."""
    changed = []
    for row in products(session, shop_id, ids, lock=True):
        if row.active != active:
            act = editing.restore_product if active else editing.archive_product
            act(session, row, actor=actor)
            changed.append(row.id)
    return changed
