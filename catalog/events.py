"""What happens to goods, for the log and for live pages."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from storage.events import Event


@dataclass(frozen=True, slots=True, kw_only=True)
class ProductChanged(Event):
    """`changes` says what was and what is: {"price": [145000, 129000]}; empty when the product is new."""

    kind: ClassVar[str] = "product_changed"

    product_id: int
    variant_id: int | None = None
    changes: dict[str, list[Any]]


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
