"""All variants of a shop one after another, and how their attributes are called: for files of the whole catalogue."""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy.orm import Session

from catalog.import_columns import STOCK
from catalog.tables import Product, Stock, Variant

PORTION = 2000


def attribute_titles(session: Session, shop_id: int, most: int = 2000) -> list[str]:
    """How attributes are called, as the last so many variants have them."""
    query = sa.select(Variant.attributes).where(Variant.shop_id == shop_id).order_by(Variant.id.desc()).limit(most)
    return list(dict.fromkeys(str(title) for pairs in session.scalars(query) for title, _value in pairs))


def titles_after(session: Session, shop_id: int, after: int) -> tuple[list[str], int | None]:
    """How attributes are called in the next portion of variants, and the last of them; None at the end."""
    query = sa.select(Variant.id, Variant.attributes).where(Variant.shop_id == shop_id, Variant.id > after)
    rows = session.execute(query.order_by(Variant.id).limit(PORTION)).all()
    titles = list(dict.fromkeys(str(title) for row in rows for title, _value in row.attributes))
    return titles, rows[-1].id if len(rows) == PORTION else None


def lines(session: Session, shop_id: int, *, after: int, limit: int) -> list[tuple[Variant, Product, dict[str, int]]]:
    """Variants in the order of their ids, those after one, with what lies in each warehouse by its column."""
    query = (
        sa.select(Variant, Product)
        .join(Product, Product.id == Variant.product_id)
        .where(Variant.shop_id == shop_id, Variant.id > after)
        .order_by(Variant.id)
        .limit(limit)
    )
    found = [(row[0], row[1]) for row in session.execute(query)]
    lying: dict[int, dict[str, int]] = {}
    for row in session.scalars(sa.select(Stock).where(Stock.variant_id.in_([variant.id for variant, _ in found]))):
        lying.setdefault(row.variant_id, {})[f"{STOCK}{row.warehouse_id}"] = row.on_hand
    return [(variant, product, lying.get(variant.id, {})) for variant, product in found]
