"""Categories, products and variants as buyers and operators read them. `catalog.editing` changes them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session, joinedload, selectinload

from catalog.tables import Category, Photo, Product, Variant
from kit.errors import Missing
from storage.hot import Hot, Load, join


class NoSuchCategory(Missing):
    code = "no_such_category"


class NoSuchProduct(Missing):
    code = "no_such_product"


class NoSuchVariant(Missing):
    code = "no_such_variant"


WHOLE = (selectinload(Product.variants).immediateload(Variant.product), selectinload(Product.photos))
"""Loads a product with its variants, which know their product again, and its photos."""


def _under(*, top: bool) -> Load:
    """The categories in use at the top, or under a parent."""
    return Load(
        lambda query: query.where(
            Category.shop_id == sa.bindparam("shop_id"),
            Category.parent_id.is_(None) if top else Category.parent_id == sa.bindparam("parent_id"),
            Category.active,
        ).order_by(Category.position, Category.id),
        Category,
    )


_CATEGORIES = {top: _under(top=top) for top in (True, False)}
_VARIANTS = Load(
    lambda query: query.join(Product, Product.id == Variant.product_id).where(
        Variant.shop_id == sa.bindparam("shop_id"), Variant.id.in_(sa.bindparam("wanted", expanding=True))
    ),
    Variant,
    Product,
    listed="wanted",
)
_ONE = Load(
    lambda query: query.where(Product.id == sa.bindparam("product_id"), Product.shop_id == sa.bindparam("shop_id")),
    Product,
)


def _on_shelf(query: sa.Select[Any], *, whole: bool) -> sa.Select[Any]:
    """What buyers are offered: of the whole shop, or of one category."""
    return query.where(
        Product.shop_id == sa.bindparam("shop_id"),
        sa.true() if whole else Product.category_id == sa.bindparam("category_id"),
        Product.active.is_(True),
        sa.exists().where(Variant.product_id == Product.id, Variant.active),
    )


def _shelf(*, whole: bool) -> tuple[Load, Hot]:
    """A page of it, and how many there are."""
    page = Load(
        lambda query: (
            _on_shelf(query, whole=whole)
            .order_by(Product.position, Product.id)
            .offset(sa.bindparam("first"))
            .limit(sa.bindparam("most"))
        ),
        Product,
    )
    return page, Hot(lambda _: _on_shelf(sa.select(sa.func.count()).select_from(Product), whole=whole))


_SHELF = {whole: _shelf(whole=whole) for whole in (True, False)}
_THEIR_VARIANTS = Load(
    lambda query: query.where(Variant.product_id.in_(sa.bindparam("products", expanding=True))).order_by(
        Variant.position
    ),
    Variant,
    listed="products",
)
_THEIR_PHOTOS = Load(
    lambda query: query.where(Photo.product_id.in_(sa.bindparam("products", expanding=True))).order_by(Photo.position),
    Photo,
    listed="products",
)


def categories(
    session: Session, shop_id: int, parent_id: int | None = None, *, archived: bool = False
) -> list[Category]:
    """The categories right under the parent, or those at the top; `archived` adds the ones out of use."""
    if not archived:
        rows = _CATEGORIES[parent_id is None].all(session, shop_id=shop_id, parent_id=parent_id)
        return [category for (category,) in rows]
    found = sa.select(Category).where(Category.shop_id == shop_id, Category.parent_id == parent_id)
    return list(session.scalars(found.order_by(Category.position, Category.id)))


def category_tree(session: Session, shop_id: int) -> list[tuple[Category, int]]:
    """All categories, out of use or not, each right after its parent, and how deep it stands; 0 at the top."""
    query = sa.select(Category).where(Category.shop_id == shop_id).order_by(Category.position, Category.id)
    under: dict[int | None, list[Category]] = {}
    for row in session.scalars(query):
        under.setdefault(row.parent_id, []).append(row)

    def walk(parent_id: int | None, depth: int) -> Iterator[tuple[Category, int]]:
        for row in under.get(parent_id, ()):
            yield row, depth
            yield from walk(row.id, depth + 1)

    return list(walk(None, 0))


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
    if not archived:
        page, count = _SHELF[category_id is None]
        which = {"shop_id": shop_id, "category_id": category_id}
        found = [row for (row,) in page.all(session, **which, first=max(offset, 0), most=limit)]
        _complete(session, found)
        return found, count.rows(session, **which)[0][0]
    conditions = [Product.shop_id == shop_id]
    if category_id is not None:
        conditions.append(Product.category_id == category_id)
    total = session.scalar(sa.select(sa.func.count()).select_from(Product).where(*conditions)) or 0
    all_ = sa.select(Product).where(*conditions).order_by(Product.position, Product.id)
    return list(session.scalars(all_.offset(max(offset, 0)).limit(limit).options(*WHOLE))), total


def off_sale(
    session: Session, shop_id: int, category_id: int | None = None, text: str = "", *, offset: int = 0, limit: int = 20
) -> tuple[list[Product], int]:
    """A page of what cannot be bought, archived or without a variant on sale, and how many there are in all.

    The search does not know these: `text` is looked for as it is in their names and SKUs.
    """
    sold = sa.exists().where(Variant.product_id == Product.id, Variant.active)
    conditions = [Product.shop_id == shop_id, sa.or_(Product.active.is_(False), ~sold)]
    if category_id is not None:
        conditions.append(Product.category_id == category_id)
    if text:
        spelled = (text, text.lower(), text.capitalize())
        named = sa.or_(*(Product.name.contains(one, autoescape=True) for one in spelled))
        by_sku = sa.exists().where(Variant.product_id == Product.id, Variant.sku.icontains(text, autoescape=True))
        conditions.append(named | by_sku)
    total = session.scalar(sa.select(sa.func.count()).select_from(Product).where(*conditions)) or 0
    found = sa.select(Product).where(*conditions).order_by(Product.position, Product.id)
    return list(session.scalars(found.offset(max(offset, 0)).limit(limit).options(*WHOLE))), total


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
    _complete(session, [row])
    return row


def _complete(session: Session, products: Sequence[Product]) -> None:
    """Give them their variants, which know their product again, and their photos: WHOLE, by the short way."""
    if not products:
        return
    ids = [product.id for product in products]
    variants: dict[int, list[Variant]] = {id_: [] for id_ in ids}
    photos: dict[int, list[Photo]] = {id_: [] for id_ in ids}
    for (variant,) in _THEIR_VARIANTS.all(session, products=ids):
        variants[variant.product_id].append(variant)
    for (photo,) in _THEIR_PHOTOS.all(session, products=ids):
        photos[photo.product_id].append(photo)
    for product in products:
        join(product, variants=variants[product.id], photos=photos[product.id])
        for variant in product.variants:
            join(variant, product=product)


def variant(session: Session, shop_id: int, variant_id: int) -> Variant:
    """The variant, on sale or not, with its product. Raises NoSuchVariant."""
    return variants(session, shop_id, [variant_id])[variant_id]


def variants(session: Session, shop_id: int, ids: Iterable[int]) -> dict[int, Variant]:
    """Variants with their products by id, on sale or not. Raises NoSuchVariant unless all are there."""
    wanted = set(ids)
    if not wanted:
        return {}
    found = {}
    for row, product in _VARIANTS.all(session, shop_id=shop_id, wanted=sorted(wanted)):
        join(row, product=product)
        found[row.id] = row
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
