"""Changes to the catalogue. Each keeps the search index right and writes to the log what was and what is.

Those of photos are in `catalog.pictures`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from catalog import search
from catalog.events import category_changed, product_changed
from catalog.goods import WHOLE
from catalog.tables import Category, Product, Variant
from company.tables import Shop
from kit.clock import utc_now
from kit.errors import Refused
from storage.events import publish

DEAREST = 10**12
"""Prices and purchase prices are below this many minor units, so no sum of an order overflows."""

Attributes = Sequence[tuple[str, str]]
Translations = Mapping[str, Mapping[str, Any]]


class SkuTaken(Refused):
    """Another variant of the shop has this SKU."""

    code = "sku_taken"

    def __init__(self, sku: str) -> None:
        super().__init__(f"SKU {sku} is taken", sku=sku)


class NameNeeded(Refused):
    """A category, product, warehouse or SKU without a name."""

    code = "name_needed"


class CategoryInItself(Refused):
    """A category cannot stand under itself, or under one that stands under it."""

    code = "category_in_itself"


class PriceOutOfBounds(Refused):
    code = "price_out_of_bounds"

    def __init__(self, price: int) -> None:
        super().__init__(f"{price} minor units are not a price")


def add_category(
    session: Session,
    shop: Shop,
    *,
    name: str,
    parent: Category | None = None,
    translations: Translations | None = None,
    position: int | None = None,
    actor: str = "system",
) -> Category:
    """A category, the last of those with the same parent unless `position` says otherwise."""
    if position is None:
        position = len(_sisters(session, shop.id, parent.id if parent else None))
    category = Category(
        shop_id=shop.id,
        parent_id=parent.id if parent else None,
        name=_named(name, 120),
        translations=_plain(translations),
        position=position,
    )
    session.add(category)
    session.flush()
    publish(session, category_changed(category, actor))
    return category


def edit_category(
    session: Session,
    category: Category,
    *,
    name: str | None = None,
    translations: Translations | None = None,
    position: int | None = None,
    active: bool | None = None,
    actor: str = "system",
) -> None:
    """Change what is given. Products of a category out of use stay findable by search."""
    changed = _change(
        category,
        name=None if name is None else _named(name, 120),
        translations=None if translations is None else _plain(translations),
        position=position,
        active=active,
    )
    session.flush()
    if changed:
        publish(session, category_changed(category, actor))
    if {"name", "translations"} & changed.keys():
        for product in session.scalars(sa.select(Product).where(Product.category_id == category.id).options(*WHOLE)):
            search.index(session, product)


def move_category(session: Session, category: Category, parent: Category | None, *, actor: str = "system") -> None:
    """Put the category under another one, the last there, or at the top. Raises CategoryInItself."""
    # Locked, all of them: two moves at once, each right by itself, could make a ring.
    rows = session.execute(
        sa.select(Category.id, Category.parent_id)
        .where(Category.shop_id == category.shop_id)
        .order_by(Category.id)
        .with_for_update()
    )
    parents = {row[0]: row[1] for row in rows}
    parent_id = above = parent.id if parent else None
    while above is not None:
        if above == category.id:
            raise CategoryInItself()
        above = parents.pop(above, None)
    if category.parent_id != parent_id:
        category.parent_id, category.position = parent_id, len(_sisters(session, category.shop_id, parent_id))
        publish(session, category_changed(category, actor))
    session.flush()


def shift_category(session: Session, category: Category, *, back: bool, actor: str = "system") -> None:
    """One place back or forward among those with the same parent."""
    sisters = _sisters(session, category.shop_id, category.parent_id)
    place = sisters.index(category)
    sisters.insert(max(0, place - 1) if back else place + 1, sisters.pop(place))
    for position, sister in enumerate(sisters):
        sister.position = position
    session.flush()
    publish(session, category_changed(category, actor))


def _sisters(session: Session, shop_id: int, parent_id: int | None) -> list[Category]:
    query = sa.select(Category).where(Category.shop_id == shop_id, Category.parent_id == parent_id)
    return list(session.scalars(query.order_by(Category.position, Category.id)))


def add_product(
    session: Session,
    shop: Shop,
    *,
    name: str,
    category: Category | None = None,
    description: str = "",
    translations: Translations | None = None,
    vat_code: int | None = None,
    payment_subject: str | None = None,
    position: int = 0,
    actor: str = "system",
) -> Product:
    """A product without variants, which is not for sale until it has one."""
    product = Product(
        shop_id=shop.id,
        category_id=category.id if category else None,
        name=_named(name, 200),
        description=description.strip(),
        translations=_plain(translations),
        vat_code=vat_code,
        payment_subject=payment_subject,
        position=position,
        created_at=utc_now(),
        variants=[],
        photos=[],
    )
    session.add(product)
    session.flush()
    search.index(session, product)
    publish(session, product_changed(product, None, {}, actor))
    return product


def add_variant(
    session: Session,
    product: Product,
    *,
    sku: str,
    price: int,
    purchase_price: int | None = None,
    barcode: str | None = None,
    attributes: Attributes = (),
    translations: Translations | None = None,
    actor: str = "system",
) -> Variant:
    """Another variant, the last of the product's. Prices in minor units of the shop's currency. Raises SkuTaken.

    The product's variants must be loaded, as those of a new one and of `goods.product` are.
    """
    variant = Variant(
        shop_id=product.shop_id,
        sku=_named(sku, 60),
        barcode=(barcode or "").strip() or None,
        attributes=[list(pair) for pair in attributes],
        translations=_plain(translations),
        price=_price(price),
        purchase_price=None if purchase_price is None else _price(purchase_price),
        position=len(product.variants),
    )
    if _sku_owner(session, product.shop_id, variant.sku) is not None:
        raise SkuTaken(variant.sku)
    product.variants.append(variant)
    try:
        with session.begin_nested():
            session.flush()
    except IntegrityError:
        raise SkuTaken(variant.sku) from None
    search.index(session, product)
    publish(session, product_changed(product, variant, {}, actor))
    return variant


def edit_product(
    session: Session,
    product: Product,
    *,
    name: str | None = None,
    description: str | None = None,
    translations: Translations | None = None,
    category: Category | None = None,
    no_category: bool = False,
    vat_code: int | None = None,
    payment_subject: str | None = None,
    position: int | None = None,
    actor: str = "system",
) -> None:
    """Change what is given; `no_category` takes it out of the one that it is in.

    Orders keep the names and prices that they were made with.
    """
    changed = _change(
        product,
        name=None if name is None else _named(name, 200),
        description=None if description is None else description.strip(),
        translations=None if translations is None else _plain(translations),
        category_id=None if category is None else category.id,
        vat_code=vat_code,
        payment_subject=payment_subject,
        position=position,
    )
    if no_category and product.category_id is not None:
        changed["category_id"] = [product.category_id, None]
        product.category_id = None
    _finish(session, product, None, changed, actor)


def edit_variant(
    session: Session,
    variant: Variant,
    *,
    price: int | None = None,
    purchase_price: int | None = None,
    no_purchase_price: bool = False,
    sku: str | None = None,
    barcode: str | None = None,
    attributes: Attributes | None = None,
    translations: Translations | None = None,
    active: bool | None = None,
    actor: str = "system",
) -> None:
    """Change what is given; `active` takes the variant off the sale or puts it back, `no_purchase_price` forgets it.
    Raises SkuTaken.

    Carts that hold it are told of a new price at checkout; orders keep theirs. Its product, with all variants, must
    be loaded.
    """
    if sku is not None and _sku_owner(session, variant.shop_id, _named(sku, 60)) not in (None, variant.id):
        raise SkuTaken(sku)
    changed = _change(
        variant,
        price=None if price is None else _price(price),
        purchase_price=None if purchase_price is None else _price(purchase_price),
        sku=None if sku is None else _named(sku, 60),
        barcode=None if barcode is None else barcode.strip(),
        attributes=None if attributes is None else [list(pair) for pair in attributes],
        translations=None if translations is None else _plain(translations),
        active=active,
    )
    if no_purchase_price and variant.purchase_price is not None:
        changed["purchase_price"] = [variant.purchase_price, None]
        variant.purchase_price = None
    _finish(session, variant.product, variant, changed, actor)


def archive_product(session: Session, product: Product, *, actor: str = "system") -> None:
    """Take the product off the counter and out of the search. Orders that hold it stay as they are."""
    _finish(session, product, None, _change(product, active=False), actor)


def restore_product(session: Session, product: Product, *, actor: str = "system") -> None:
    _finish(session, product, None, _change(product, active=True), actor)


def _finish(
    session: Session, product: Product, variant: Variant | None, changed: dict[str, list[Any]], actor: str
) -> None:
    session.flush()
    if not changed:
        return
    if changed.keys() - {"price", "purchase_price", "vat_code", "payment_subject", "position"}:
        search.index(session, product)
    publish(session, product_changed(product, variant, changed, actor))


def _change(row: Any, **values: Any) -> dict[str, list[Any]]:
    """Set what is not None and is different. Returns {field: [before, after]}."""
    changed = {}
    for field, after in values.items():
        before = getattr(row, field)
        if after is not None and after != before:
            setattr(row, field, after)
            changed[field] = [before, after]
    return changed


def _sku_owner(session: Session, shop_id: int, sku: str) -> int | None:
    return session.scalar(sa.select(Variant.id).where(Variant.shop_id == shop_id, Variant.sku == sku))


def _named(name: str, limit: int) -> str:
    name = " ".join(name.split())[:limit].rstrip()
    if not name:
        raise NameNeeded()
    return name


def _price(minor: int) -> int:
    if not 0 <= minor < DEAREST:
        raise PriceOutOfBounds(minor)
    return minor


def _plain(translations: Translations | None) -> dict[str, Any]:
    return {locale: dict(words) for locale, words in (translations or {}).items()}
