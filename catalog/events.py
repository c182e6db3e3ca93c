"""What happens to goods, for the log and for live pages."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from catalog.tables import Category, Product, Variant
from storage.events import Event


@dataclass(frozen=True, slots=True, kw_only=True)
class ProductChanged(Event):
    """`changes` says what was and what is: {"price": [145000, 129000]}; empty when the product is new."""

    kind: ClassVar[str] = "product_changed"

    product_id: int
    variant_id: int | None = None
    changes: dict[str, list[Any]]


@dataclass(frozen=True, slots=True, kw_only=True)
class CategoryChanged(Event):
    """It was made, named, moved or put out of use."""

    kind: ClassVar[str] = "category_changed"

    category_id: int


@dataclass(frozen=True, slots=True, kw_only=True)
class StockChanged(Event):
    """Goods came, went or were counted; reservations are not told of here."""

    kind: ClassVar[str] = "stock_changed"

    variant_id: int
    warehouse_id: int
    quantity: int
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CatalogImported(Event):
    """A file has been worked through; each product and variant that it changed has its own event."""

    kind: ClassVar[str] = "catalog_imported"

    import_id: int
    new: int
    changed: int
    wrong: int


@dataclass(frozen=True, slots=True, kw_only=True)
class CatalogImportUndone(Event):
    """An import was taken back; each product and variant has its own event."""

    kind: ClassVar[str] = "catalog_import_undone"

    import_id: int


def category_changed(category: Category, actor: str) -> CategoryChanged:
    return CategoryChanged(
        shop_id=category.shop_id, subject=f"category:{category.id}", actor=actor, category_id=category.id
    )


def product_changed(
    product: Product, variant: Variant | None, changes: dict[str, list[Any]], actor: str
) -> ProductChanged:
    return ProductChanged(
        shop_id=product.shop_id,
        subject=f"product:{product.id}",
        actor=actor,
        product_id=product.id,
        variant_id=variant.id if variant else None,
        changes=changes,
    )
