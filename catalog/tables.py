"""Tables of the catalogue and of stock."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column, relationship

from storage.schema import Base, Id, Minor, ref


class Category(Base):
    __tablename__ = "category"

    id: Mapped[Id]
    shop_id: Mapped[int] = ref("shop.id")
    parent_id: Mapped[int | None] = ref("category.id", nullable=True)
    name: Mapped[str] = mapped_column(sa.String(120))
    translations: Mapped[dict[str, Any]] = mapped_column(default=dict)
    """{"en": {"name": …}}: what differs from the shop's own language."""
    position: Mapped[int] = mapped_column(default=0)
    active: Mapped[bool] = mapped_column(default=True)


class Product(Base):
    __tablename__ = "product"
    __table_args__ = (sa.Index("ix_product_shop_id_name", "shop_id", "name"),)

    id: Mapped[Id]
    shop_id: Mapped[int] = ref("shop.id")
    category_id: Mapped[int | None] = ref("category.id", nullable=True)
    name: Mapped[str] = mapped_column(sa.String(200))
    description: Mapped[str] = mapped_column(sa.Text, default="")
    translations: Mapped[dict[str, Any]] = mapped_column(default=dict)
    """{"en": {"name": …, "description": …}}."""
    vat_code: Mapped[int | None]
    """54-FZ VAT code (1-12); None takes the shop's."""
    payment_subject: Mapped[str | None] = mapped_column(sa.String(40))
    position: Mapped[int] = mapped_column(default=0)
    active: Mapped[bool] = mapped_column(default=True)
    created_at: Mapped[datetime]

    variants: Mapped[list[Variant]] = relationship(back_populates="product", order_by="Variant.position", lazy="raise")
    photos: Mapped[list[Photo]] = relationship(order_by="Photo.position", lazy="raise")


class Variant(Base):
    """What is put into a cart: one size and colour of a product, with its own SKU and price."""

    __tablename__ = "variant"
    __table_args__ = (
        sa.UniqueConstraint("shop_id", "sku"),
        sa.Index("ix_variant_shop_id_barcode", "shop_id", "barcode"),
        sa.CheckConstraint("price >= 0", name="price_not_negative"),
    )

    id: Mapped[Id]
    shop_id: Mapped[int] = ref("shop.id", index=False)
    product_id: Mapped[int] = ref("product.id")
    sku: Mapped[str] = mapped_column(sa.String(60))
    barcode: Mapped[str | None] = mapped_column(sa.String(20))
    attributes: Mapped[list[Any]] = mapped_column(default=list)
    """Ordered pairs: [["Цвет", "чёрный"], ["Размер", "M"]]; empty for the only variant of a product."""
    translations: Mapped[dict[str, Any]] = mapped_column(default=dict)
    """{"en": {"attributes": [["Colour", "black"], …]}}."""
    price: Mapped[Minor]
    purchase_price: Mapped[Minor | None]
    position: Mapped[int] = mapped_column(default=0)
    active: Mapped[bool] = mapped_column(default=True)

    product: Mapped[Product] = relationship(back_populates="variants", lazy="raise")


class Photo(Base):
    __tablename__ = "photo"

    id: Mapped[Id]
    product_id: Mapped[int] = ref("product.id")
    variant_id: Mapped[int | None] = ref("variant.id", nullable=True)
    """Set when the photo shows this variant only."""
    file_id: Mapped[int] = ref("stored_file.id", index=False)
    position: Mapped[int] = mapped_column(default=0)


class Warehouse(Base):
    __tablename__ = "warehouse"

    id: Mapped[Id]
    shop_id: Mapped[int] = ref("shop.id")
    name: Mapped[str] = mapped_column(sa.String(120))
    translations: Mapped[dict[str, Any]] = mapped_column(default=dict)
    position: Mapped[int] = mapped_column(default=0)
    """Reservations take from the first warehouse that has enough, in this order."""


class Stock(Base):
    """How much of a variant lies in a warehouse, and how much of it is promised to orders."""

    __tablename__ = "stock"
    __table_args__ = (
        sa.CheckConstraint("reserved >= 0", name="reserved_not_negative"),
        sa.CheckConstraint("reserved <= on_hand", name="reserved_on_hand"),
    )

    variant_id: Mapped[int] = mapped_column(sa.ForeignKey("variant.id"), primary_key=True)
    warehouse_id: Mapped[int] = mapped_column(sa.ForeignKey("warehouse.id"), primary_key=True, index=True)
    on_hand: Mapped[int] = mapped_column(default=0)
    reserved: Mapped[int] = mapped_column(default=0)


class StockMove(Base):
    """The journal of on_hand: its sum per variant and warehouse is Stock.on_hand."""

    __tablename__ = "stock_move"
    __table_args__ = (sa.Index("ix_stock_move_subject", "subject"),)

    id: Mapped[Id]
    variant_id: Mapped[int] = ref("variant.id")
    warehouse_id: Mapped[int] = ref("warehouse.id", index=False)
    quantity: Mapped[int]
    reason: Mapped[str] = mapped_column(sa.String(40))
    """initial, received, sold, returned, corrected."""
    subject: Mapped[str] = mapped_column(sa.String(60), default="")
    """What the goods went to or came from, such as "order:17"."""
    actor: Mapped[str] = mapped_column(sa.String(60), default="system")
    at: Mapped[datetime]


class Reservation(Base):
    """A promise of stock to an owner, such as "order:17"; gone when released or written off."""

    __tablename__ = "reservation"
    __table_args__ = (
        sa.UniqueConstraint("owner", "variant_id", "warehouse_id"),
        sa.CheckConstraint("quantity > 0", name="quantity_positive"),
    )

    id: Mapped[Id]
    owner: Mapped[str] = mapped_column(sa.String(60))
    variant_id: Mapped[int] = ref("variant.id")
    warehouse_id: Mapped[int] = ref("warehouse.id", index=False)
    quantity: Mapped[int]


class ImportState(StrEnum):
    LOADING = "loading"
    """Rows are being written down. One that stays so was cut off."""
    COLUMNS = "columns"
    """A person says what is in which column."""
    CHECKING = "checking"
    CHECKED = "checked"
    """What would happen is known, and waits for a person's word."""
    APPLYING = "applying"
    DONE = "done"
    UNDOING = "undoing"
    UNDONE = "undone"
    """Taken back, but for what was changed since."""


class Outcome(StrEnum):
    """What a row does, or would do."""

    UNKNOWN = ""
    NEW = "new"
    CHANGED = "changed"
    SAME = "same"
    WRONG = "wrong"
    KEPT = "kept"
    """Not taken back with the import, or not all of it: it was changed since."""


class Import(Base):
    """A file of goods on its way into the catalogue."""

    __tablename__ = "catalog_import"
    __table_args__ = (sa.Index("ix_catalog_import_shop_id_id", "shop_id", "id"),)

    id: Mapped[Id]
    shop_id: Mapped[int] = ref("shop.id", index=False)
    actor: Mapped[str] = mapped_column(sa.String(60))
    name: Mapped[str] = mapped_column(sa.String(200))
    """Of the file."""
    headings: Mapped[list[str]]
    columns: Mapped[list[str]]
    """What each column is, as catalog.import_columns writes it; "" for one that is left alone."""
    state: Mapped[ImportState] = mapped_column(sa.String(10), default=ImportState.LOADING)
    created_at: Mapped[datetime]


class ImportRow(Base):
    """One row of the file. `done` is set in the transaction that does what the row says, and taken away in the one that
    takes it back."""

    __tablename__ = "catalog_import_row"
    __table_args__ = (
        sa.UniqueConstraint("import_id", "line"),
        sa.Index("ix_catalog_import_row_outcome", "import_id", "outcome", "done", "line"),
    )

    id: Mapped[Id]
    import_id: Mapped[int] = ref("catalog_import.id", index=False)
    line: Mapped[int]
    """As the spreadsheet numbers it."""
    cells: Mapped[list[str]]
    outcome: Mapped[Outcome] = mapped_column(sa.String(8), default=Outcome.UNKNOWN)
    done: Mapped[bool] = mapped_column(default=False)
    changes: Mapped[list[Any]] = mapped_column(default=list)
    """[[what, before, after], …]."""
    why: Mapped[dict[str, Any]] = mapped_column(default=dict)
    """{"code": …, "facts": {…}} of the refusal of a wrong one."""
