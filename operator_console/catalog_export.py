"""The whole catalogue as a file with the columns that an import knows: sent in again, it changes nothing."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence

from aiohttp import web
from sqlalchemy.orm import Session

from catalog import listing, stock
from catalog.import_columns import ATTRIBUTE, STOCK, Column
from catalog.import_rows import Paths, attributes_text
from catalog.tables import Product, Variant
from company.rights import Right
from kit.money import Money
from kit.workbooks import Cell, Portion
from operator_console import spreadsheets
from operator_console.import_shapes import column_name
from operator_console.people import Shape
from operator_console.routing import Route, get
from operator_console.spreadsheets import FORMULA, PORTION, Format
from operator_console.texts import gettext as _
from operator_console.texts import reading
from operator_console.visits import Visit

MOST_TITLES = 20
"""Attributes with a column of their own. A shop whose goods have more gets all of them in one cell."""


async def products(visit: Visit) -> web.StreamResponse:
    titles: dict[str, None] = {}
    after: int | None = 0
    while after is not None and len(titles) <= MOST_TITLES:
        found, after = await visit.read(listing.titles_after, visit.shop.id, after)
        titles |= dict.fromkeys(found)
    columns, headings = await visit.read(_columns, visit, list(titles))
    paths = (await visit.read(Paths.of, visit.shop.id)).texts
    with reading(visit.reader):
        title = _("Products")
    return await spreadsheets.send(visit, "products", headings, _portions(visit, columns, paths), title=title)


def downloads() -> list[Shape]:
    """The formats of the file, for macros/download.html."""
    return spreadsheets.links("/products/export")


ROUTES: tuple[Route, ...] = (get("/products/export", products, Right.EXPORT),)


def _columns(session: Session, visit: Visit, titles: Sequence[str]) -> tuple[list[str], list[str]]:
    """The columns, and their headings."""
    places = {f"{STOCK}{place.id}": place for place in stock.warehouses(session, visit.shop.id)}
    apart = len(titles) <= MOST_TITLES
    attributes = [f"{ATTRIBUTE}{title}" for title in titles] if apart else [Column.ATTRIBUTES]
    columns: list[str] = []
    for column in Column:
        if column == Column.ATTRIBUTES:
            columns += attributes
        elif column != Column.PURCHASE or visit.may(Right.SEE_PURCHASE_PRICE):
            columns.append(column)
    columns += places
    return columns, [column_name(column, places) for column in columns]


async def _portions(visit: Visit, columns: Sequence[str], paths: dict[int, str]) -> AsyncGenerator[Portion, None]:
    last, more, workbook = 0, True, Format.asked(visit) is Format.XLSX
    while more:
        lines, last, more = await visit.read(_portion, visit, columns, paths, last)
        yield [[_guarded(cell) for cell in line] for line in lines] if workbook else lines


def _guarded(cell: Cell) -> Cell:
    """An import takes off the apostrophe that CSV puts before a formula; a text that has its own gets one more."""
    own = isinstance(cell, str) and cell.startswith("'") and cell.lstrip("'").startswith(FORMULA)
    return f"'{cell}" if own else cell


def _portion(
    session: Session, visit: Visit, columns: Sequence[str], paths: dict[int, str], after: int
) -> tuple[Portion, int, bool]:
    """The rows after this variant, the last variant in them, and whether there may be more."""
    rows = listing.lines(session, visit.shop.id, after=after, limit=PORTION)
    currency = visit.shop.currency
    out = [
        [_cell(column, variant, product, lies, paths, currency) for column in columns]
        for variant, product, lies in rows
    ]
    return out, rows[-1][0].id if rows else after, len(rows) == PORTION


def _cell(
    column: str, variant: Variant, product: Product, lies: dict[str, int], paths: dict[int, str], currency: str
) -> Cell:
    if column.startswith(STOCK):
        return lies.get(column, 0)
    if column.startswith(ATTRIBUTE):
        return str(dict(variant.attributes).get(column.removeprefix(ATTRIBUTE), ""))
    english = product.translations.get("en", {})
    match column:
        case Column.SKU:
            return variant.sku
        case Column.NAME:
            return product.name
        case Column.CATEGORY:
            return paths.get(product.category_id or 0, "")
        case Column.ATTRIBUTES:
            return attributes_text(variant.attributes)
        case Column.PRICE:
            return Money(variant.price, currency)
        case Column.PURCHASE:
            return None if variant.purchase_price is None else Money(variant.purchase_price, currency)
        case Column.BARCODE:
            return variant.barcode or ""
        case Column.ACTIVE:
            return _("yes") if variant.active and product.active else _("no")
        case Column.DESCRIPTION:
            return product.description
        case Column.NAME_EN:
            return str(english.get("name", ""))
        case _:
            return str(english.get("description", ""))
