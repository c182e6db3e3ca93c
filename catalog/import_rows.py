"""A row of a file of goods: what it says, and what that would change.

An empty cell says nothing: what it is about stays as it is. A row is of the variant that has its SKU; one with a new
SKU is a new variant of the product that has its name, or of a new product.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session, joinedload, selectinload

from catalog import goods, stock
from catalog.editing import DEAREST, PriceOutOfBounds
from catalog.import_columns import ATTRIBUTE, OF_PRODUCT, STOCK, Column
from catalog.tables import Outcome, Product, Stock, Variant
from kit import sheets
from kit.errors import Refused
from kit.money import Money

MOST_ATTRIBUTES = 5
"""Of one variant: buyers choose them one by one."""

DEEPEST = 5
"""Categories under one another."""

_LENGTHS: Mapping[str, int] = {Column.SKU: 60, Column.NAME: 200, Column.NAME_EN: 200, Column.BARCODE: 20}
_YES = frozenset("да yes 1 true + есть y д on истина".split())  # noqa: SIM905
_NO = frozenset("нет no 0 false - n н off ложь".split())  # noqa: SIM905
_CURRENCY = re.compile(r"\s*(₽|руб\.?|р\.|rub\.?|\$|€)\s*$", re.IGNORECASE)
_FORMULA = ("=", "+", "-", "@")


class RowRefused(Refused):
    """A row that cannot be taken. Its code is that of the reason."""

    code = "row_refused"

    def __init__(self, code: str, /, **facts: str | int) -> None:
        self.code = code
        super().__init__(code, **facts)


class BadAttributes(Refused):
    """Not «name: value; name: value»."""

    code = "bad_attributes"

    def __init__(self, part: str) -> None:
        super().__init__(f"not an attribute: {part!r}", part=part[:60], most=MOST_ATTRIBUTES)


@dataclass(frozen=True, slots=True)
class Row:
    """`given` is what the row says by column: sums in minor units, pieces, yes or no, else texts. An attribute's
    column is among them, too."""

    sku: str
    given: Mapping[str, Any]

    def of_product(self) -> dict[str, Any]:
        return {column: self.given[column] for column in OF_PRODUCT if column in self.given}


def attributes_in(text: str) -> list[tuple[str, str]]:
    """«Цвет: белый; Размер: M» as pairs, in their order. Raises BadAttributes."""
    pairs: list[tuple[str, str]] = []
    for part in filter(None, (part.strip() for part in text.replace("\n", ";").split(";"))):
        title, colon, value = (word.strip() for word in part.partition(":"))
        if not (title and colon and value) or len(part) > 120 or title in dict(pairs) or len(pairs) == MOST_ATTRIBUTES:
            raise BadAttributes(part)
        pairs.append((title, value))
    return pairs


def attributes_text(pairs: Sequence[Sequence[str]]) -> str:
    return "; ".join(f"{title}: {value}" for title, value in pairs)


# What it says


def read(cells: Sequence[str], columns: Sequence[str], headings: Sequence[str], currency: str) -> Row:
    """Raises a Refused that names the column."""
    given: dict[str, Any] = {}
    for cell, column, heading in zip(cells, columns, headings, strict=True):
        text = _unmarked(cell)
        if not column or not text:
            continue
        if len(text) > _LENGTHS.get(column, sheets.LONGEST):
            raise RowRefused("cell_too_long", heading=heading, most=_LENGTHS.get(column, sheets.LONGEST))
        given[column] = _value(text, column, heading, currency)
    sku = given.pop(Column.SKU, "")
    if not sku:
        raise RowRefused("row_without_sku")
    return Row(sku, given)


def _value(text: str, column: str, heading: str, currency: str) -> Any:
    if column.startswith(STOCK):
        return _pieces(text, heading)
    if column.startswith(ATTRIBUTE):
        attributes_in(f"{column.removeprefix(ATTRIBUTE)}: {text}")
        if ";" in text or "\n" in text:
            raise BadAttributes(text)
    return _READ.get(column, _words)(text, heading, currency)


def _words(text: str, heading: str, currency: str) -> str:
    return " ".join(text.split())


def _lines(text: str, heading: str, currency: str) -> str:
    return text.replace("\r\n", "\n").replace("\r", "\n").strip()


def _price(text: str, heading: str, currency: str) -> int:
    amount = Money.parse(_CURRENCY.sub("", text), currency).amount
    if not 0 <= amount < DEAREST:
        raise PriceOutOfBounds(amount)
    return amount


def _code(text: str, heading: str, currency: str) -> str:
    if re.fullmatch(r"[0-9][.,][0-9]+[eE]\+?[0-9]+", text):
        raise RowRefused("digits_lost", heading=heading, text=text)
    return _words(text, heading, currency)


def _yes(text: str, heading: str, currency: str) -> bool:
    if (word := text.casefold()) in _YES or word in _NO:
        return word in _YES
    raise RowRefused("neither_yes_nor_no", heading=heading, text=text[:40])


def _pairs(text: str, heading: str, currency: str) -> str:
    return attributes_text(attributes_in(text))


def _pieces(text: str, heading: str) -> int:
    bare = re.sub(r"[\s\xa0]", "", text)
    if not re.fullmatch(r"[0-9]{1,9}([.,]0+)?", bare):
        raise RowRefused("not_pieces", heading=heading, text=text[:40])
    count = int(re.split("[.,]", bare)[0])
    if count > stock.MOST:
        raise stock.BadCount(count)
    return count


_READ: Mapping[str, Callable[[str, str, str], Any]] = {
    Column.SKU: _code,
    Column.BARCODE: _code,
    Column.PRICE: _price,
    Column.PURCHASE: _price,
    Column.ACTIVE: _yes,
    Column.ATTRIBUTES: _pairs,
    Column.DESCRIPTION: _lines,
    Column.DESCRIPTION_EN: _lines,
}


def _unmarked(cell: str) -> str:
    """Without the apostrophe that our own files put before what a spreadsheet would take for a formula."""
    text = cell.strip().replace("\x00", "")
    return text[1:] if text.startswith("'") and text.lstrip("'").startswith(_FORMULA) else text


# What there is


@dataclass(slots=True)
class Paths:
    """The shop's categories as «Посуда / Кружки»."""

    texts: dict[int, str]
    ids: dict[str, int]
    """By the path without case."""

    @classmethod
    def of(cls, session: Session, shop_id: int) -> Paths:
        paths = cls({}, {})
        above: list[str] = []
        for category, depth in goods.category_tree(session, shop_id):
            above = [*above[:depth], " ".join(category.name.split())]
            paths.add(category.id, " / ".join(above))
        return paths

    def add(self, category_id: int, path: str) -> None:
        self.texts[category_id] = path
        self.ids.setdefault(path.casefold(), category_id)

    def find(self, path: str) -> int | None:
        return self.ids.get(path.casefold())


@dataclass(slots=True)
class Shelf:
    """What the catalogue has of what some rows speak of."""

    paths: Paths
    variants: dict[str, Variant] = field(default_factory=dict)
    named: dict[str, list[Product]] = field(default_factory=dict)
    stock: dict[tuple[int, str], int] = field(default_factory=dict)
    """What lies there, by variant and column."""

    def path(self, product: Product) -> str:
        return self.paths.texts.get(product.category_id or 0, "")


def look(session: Session, shop_id: int, rows: Sequence[Row], paths: Paths) -> Shelf:
    """A bounded number of statements, whatever the rows. Products come with their variants."""
    shelf = Shelf(paths)
    query = sa.select(Variant).where(Variant.shop_id == shop_id, Variant.sku.in_({row.sku for row in rows}))
    fresh = {"populate_existing": True}
    for variant in session.scalars(query.options(joinedload(Variant.product)).execution_options(**fresh)):
        shelf.variants[variant.sku] = variant
    wanted = {name for row in rows if row.sku not in shelf.variants and (name := row.given.get(Column.NAME))}
    if wanted:
        named = sa.select(Product).where(Product.shop_id == shop_id, Product.name.in_(wanted)).order_by(Product.id)
        with_variants = selectinload(Product.variants).immediateload(Variant.product)
        for product in session.scalars(named.options(with_variants).execution_options(**fresh)):
            shelf.named.setdefault(product.name, []).append(product)
    if any(column.startswith(STOCK) for row in rows for column in row.given) and shelf.variants:
        ids = [variant.id for variant in shelf.variants.values()]
        for lies in session.scalars(sa.select(Stock).where(Stock.variant_id.in_(ids)).execution_options(**fresh)):
            shelf.stock[lies.variant_id, f"{STOCK}{lies.warehouse_id}"] = lies.on_hand
    return shelf


def category_parts(shelf: Shelf, text: str) -> list[str]:
    """The names from the top down. A text that is a path already is one, whatever signs are in its names."""
    known = shelf.paths.find(text)
    if known is not None:
        return [shelf.paths.texts[known]]
    parts = [part.strip() for part in re.split(r"[/\\>»]", text) if part.strip()]
    if not parts or len(parts) > DEEPEST or max(map(len, parts)) > 120:
        raise RowRefused("bad_category", text=text[:80], most=DEEPEST)
    return parts


# What it would change


Change = list[Any]
"""[column, before, after]."""


@dataclass(frozen=True, slots=True)
class Plan:
    outcome: Outcome
    changes: list[Change]
    owner: str
    """The product that it is of: "product:17", or "new:<name>"."""


def plan(row: Row, shelf: Shelf) -> Plan:
    """What the row would do to what there is now. Raises RowRefused."""
    variant = shelf.variants.get(row.sku)
    if variant is None:
        return _new(row, shelf)
    product = variant.product
    changes = _of_product(row, product, shelf) + of_variant(row, variant, shelf)
    return Plan(Outcome.CHANGED if changes else Outcome.SAME, changes, f"product:{product.id}")


def _new(row: Row, shelf: Shelf) -> Plan:
    name = row.given.get(Column.NAME)
    if not name:
        raise RowRefused("new_without_name", sku=row.sku)
    if Column.PRICE not in row.given:
        raise RowRefused("new_without_price", sku=row.sku)
    products = shelf.named.get(name, [])
    if len(products) > 1:
        raise RowRefused("two_of_this_name", name=name)
    said = [[column, None, value] for column, value in row.given.items() if column not in OF_PRODUCT]
    if Column.CATEGORY in row.given:
        category_parts(shelf, row.given[Column.CATEGORY])
    attributes = pairs_after(row, [])
    if not products:
        of_product = [[column, None, value] for column, value in row.of_product().items()]
        return Plan(Outcome.NEW, of_product + said, f"new:{name}")
    (product,) = products
    for sister in product.variants:
        if dict(map(tuple, sister.attributes)) == dict(attributes):
            raise RowRefused("same_attributes", sku=sister.sku)
    return Plan(Outcome.NEW, _of_product(row, product, shelf) + said, f"product:{product.id}")


def _of_product(row: Row, product: Product, shelf: Shelf) -> list[Change]:
    changes: list[Change] = []
    for column, after in row.of_product().items():
        before = product_now(product, column, shelf)
        if column == Column.CATEGORY:
            after = " / ".join(category_parts(shelf, after))
            if after.casefold() == before.casefold():
                continue
        if before != after:
            changes.append([column, before, after])
    return changes


def product_now(product: Product, column: str, shelf: Shelf) -> str:
    english = product.translations.get("en", {})
    if column == Column.CATEGORY:
        return shelf.path(product)
    texts = {
        Column.NAME: product.name,
        Column.DESCRIPTION: product.description,
        Column.NAME_EN: english.get("name", ""),
        Column.DESCRIPTION_EN: english.get("description", ""),
    }
    text = texts[Column(column)]
    read_again = _lines if column in (Column.DESCRIPTION, Column.DESCRIPTION_EN) else _words
    return read_again(text, "", "")


def of_variant(row: Row, variant: Variant, shelf: Shelf) -> list[Change]:
    changes: list[Change] = []
    for column, after in row.given.items():
        if column in OF_PRODUCT or column.startswith(ATTRIBUTE) or column == Column.ATTRIBUTES:
            continue
        before = variant_now(variant, column, shelf)
        if before != after:
            changes.append([column, before, after])
    before, after = variant.attributes, pairs_after(row, variant.attributes)
    if [list(pair) for pair in before] != [list(pair) for pair in after]:
        changes.append([Column.ATTRIBUTES, attributes_text(before), attributes_text(after)])
    return changes


def variant_now(variant: Variant, column: str, shelf: Shelf) -> Any:
    if column.startswith(STOCK):
        return shelf.stock.get((variant.id, column), 0)
    if column == Column.ATTRIBUTES:
        return attributes_text(variant.attributes)
    if column == Column.ACTIVE:
        return variant.active and variant.product.active
    if column == Column.BARCODE:
        return variant.barcode or ""
    return variant.price if column == Column.PRICE else variant.purchase_price


def pairs_after(row: Row, before: Sequence[Sequence[str]]) -> list[tuple[str, str]]:
    """The variant's attributes after the row: those of one cell take the place of all, a column's of its own one."""
    whole = row.given.get(Column.ATTRIBUTES)
    pairs = dict(attributes_in(whole)) if whole else {str(title): str(value) for title, value in before}
    for column, value in row.given.items():
        if column.startswith(ATTRIBUTE):
            pairs[column.removeprefix(ATTRIBUTE)] = value
    if len(pairs) > MOST_ATTRIBUTES:
        raise BadAttributes(list(pairs)[MOST_ATTRIBUTES])
    return list(pairs.items())
