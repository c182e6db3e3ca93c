"""Categories, products and variants as buyers and operators read them. `catalog.editing` changes them."""

from __future__ import annotations

from collections.abc import Iterable

import sqlalchemy as sa
from sqlalchemy.orm import Session, joinedload, selectinload

from catalog.tables import Category, Photo, Product, Variant
from kit.errors import Missing
from storage.hot import Load, join


class NoSuchCategory(Missing):
    code = "no_such_category"


class NoSuchProduct(Missing):
    code = "no_such_product"


class NoSuchVariant(Missing):
    code = "no_such_variant"


WHOLE = (selectinload(Product.variants).immediateload(Variant.product), selectinload(Product.photos))
"""Loads a product with its variants, which know their product again, and its photos."""


_ONE = Load(
    lambda query: query.where(Product.id == sa.bindparam("product_id"), Product.shop_id == sa.bindparam("shop_id")),
    Product,
)
_ITS_VARIANTS = Load(
    lambda query: query.where(Variant.product_id == sa.bindparam("product_id")).order_by(Variant.position), Variant
)
_ITS_PHOTOS = Load(
    lambda query: query.where(Photo.product_id == sa.bindparam("product_id")).order_by(Photo.position), Photo
)


def categories(
    session: Session, shop_id: int, parent_id: int | None = None, *, archived: bool = False
) -> list[Category]:
    """The categories right under the parent, or those at the top; `archived` adds the ones out of use."""
    found = sa.select(Category).where(Category.shop_id == shop_id, Category.parent_id == parent_id)
    if not archived:
        found = found.where(Category.active)
    return list(session.scalars(found.order_by(Category.position, Category.id)))


def category(session: Session, shop_id: int, category_id: int) -> Category:
    row = session.get(Category, category_id)
    if row is None or row.shop_id != shop_id:
        raise NoSuchCategory(f"category {category_id} of shop {shop_id}")
    return row


def products(
    session: Session,
    shop_id: int,
    category_id: int | None = None,
    offset: int = 0,
    limit: int = 20,
    *,
    archived: bool = False,
) -> tuple[list[Product], int]:
    """A page of products with variants and photos, and how many there are in all.

    Without a category, of all of them. What cannot be bought (archived, or without a variant on sale) is left out
    unless `archived`; what is merely out of stock is shown.
    """
    conditions = [Product.shop_id == shop_id]
    if category_id is not None:
        conditions.append(Product.category_id == category_id)
    if not archived:
        on_sale = sa.exists().where(Variant.product_id == Product.id, Variant.active)
        conditions += [Product.active.is_(True), on_sale]
    total = session.scalar(sa.select(sa.func.count()).select_from(Product).where(*conditions)) or 0
    page = sa.select(Product).where(*conditions).order_by(Product.position, Product.id)
    return list(session.scalars(page.offset(max(offset, 0)).limit(limit).options(*WHOLE))), total


def product(session: Session, shop_id: int, product_id: int) -> Product:
    """The product, archived or not, with all its variants and photos. Raises NoSuchProduct."""
    row = session.scalar(
        sa.select(Product)
        .where(Product.id == product_id, Product.shop_id == shop_id)
        .options(*WHOLE)
        .execution_options(populate_existing=True)
    )
    if row is None:
        raise NoSuchProduct(f"product {product_id} of shop {shop_id}")
    return row


def shown(session: Session, shop_id: int, product_id: int) -> Product:
    """The same for reading alone, several times as fast: for the card that buyers press all day."""
    found = _ONE.first(session, product_id=product_id, shop_id=shop_id)
    if found is None:
        raise NoSuchProduct(f"product {product_id} of shop {shop_id}")
    row: Product = found[0]
    variants = [variant for (variant,) in _ITS_VARIANTS.all(session, product_id=product_id)]
    join(row, variants=variants, photos=[photo for (photo,) in _ITS_PHOTOS.all(session, product_id=product_id)])
    for variant in variants:
        join(variant, product=row)
    return row


def variant(session: Session, shop_id: int, variant_id: int) -> Variant:
    """The variant, on sale or not, with its product. Raises NoSuchVariant."""
    return variants(session, shop_id, [variant_id])[variant_id]


def variants(session: Session, shop_id: int, ids: Iterable[int]) -> dict[int, Variant]:
    """Variants with their products by id, on sale or not. Raises NoSuchVariant unless all are there."""
    wanted = set(ids)
    if not wanted:
        return {}
    rows = session.scalars(
        sa.select(Variant)
        .where(Variant.shop_id == shop_id, Variant.id.in_(wanted))
        .options(joinedload(Variant.product))
    )
    found = {row.id: row for row in rows}
    if missing := wanted - found.keys():
        raise NoSuchVariant(f"variants {sorted(missing)} of shop {shop_id}")
    return found


def by_sku(session: Session, shop_id: int, sku: str) -> Variant | None:
    return session.scalar(
        sa.select(Variant)
        .where(Variant.shop_id == shop_id, Variant.sku == sku.strip())
        .options(joinedload(Variant.product))
    )


def cover(product: Product, variant: Variant | None = None) -> Photo | None:
    """The photo to show: of this very variant, else of the product as a whole, else any. Photos must be loaded."""

    def fitness(photo: Photo) -> int:
        if photo.variant_id is None:
            return 1
        return 0 if variant is not None and photo.variant_id == variant.id else 2

    return min(product.photos, key=fitness, default=None)
