"""What is in which column of a file of goods: recognised by its heading, in Russian or in English.

A column is a text: one of `Column`, "stock:<id of a warehouse>" or "attribute:<title>"; "" is left alone.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Sequence
from enum import StrEnum

from catalog.tables import Warehouse
from kit.errors import Refused


class Column(StrEnum):
    SKU = "sku"
    NAME = "name"
    CATEGORY = "category"
    ATTRIBUTES = "attributes"
    """All of them in one cell: «Цвет: белый; Размер: M»."""
    PRICE = "price"
    PURCHASE = "purchase"
    BARCODE = "barcode"
    ACTIVE = "active"
    DESCRIPTION = "description"
    NAME_EN = "name_en"
    DESCRIPTION_EN = "description_en"


STOCK, ATTRIBUTE = "stock:", "attribute:"

SOME_WAREHOUSE = f"{STOCK}0"
"""Of a shop that has none yet: the first row with pieces in it makes one."""

OF_PRODUCT = (Column.NAME, Column.CATEGORY, Column.DESCRIPTION, Column.NAME_EN, Column.DESCRIPTION_EN)
"""What all variants of a product have in common."""

_HEADINGS = {
    Column.SKU: "артикул|код товара|код|sku|article|item code|артикул товара|vendor code",
    Column.NAME: "название|наименование|товар|название товара|наименование товара|name|title|product|product name",
    Column.CATEGORY: "категория|категория товара|раздел|группа|группа товаров|category|group|section",
    Column.ATTRIBUTES: "свойства|характеристики|параметры|attributes|properties|options",
    Column.PRICE: "цена|цена продажи|розничная цена|стоимость|цена руб|price|sale price|retail price",
    Column.PURCHASE: "закупочная цена|цена закупки|закупка|себестоимость|purchase price|purchase|cost|cost price",
    Column.BARCODE: "штрихкод|штрих код|ean|ean13|gtin|barcode|upc",
    Column.ACTIVE: "в продаже|активен|продаётся|on sale|active|for sale",
    Column.DESCRIPTION: "описание|описание товара|description|details",
    Column.NAME_EN: "название на английском|название en|название по английски|name in english|name en|english name",
    Column.DESCRIPTION_EN: (
        "описание на английском|описание en|описание по английски|description in english|description en"
    ),
}
_STOCK = "остаток|остатки|в наличии|количество|кол во|на складе|stock|in stock|quantity|qty|on hand"
_ATTRIBUTES = (
    "цвет|размер|объём|материал|вкус|вес|длина|ширина|высота|диаметр|аромат|модель|упаковка|рост|комплектация"
    "|colour|color|size|volume|material|flavour|flavor|weight|length|width|height|diameter|scent|model"
)
_PREFIXES = ("свойство", "характеристика", "attribute", "property", "option")


class SkuColumnNeeded(Refused):
    """Rows are told apart by it."""

    code = "sku_column_needed"


class ColumnTwice(Refused):
    """Two columns cannot be the same thing."""

    code = "column_twice"

    def __init__(self, heading: str, other: str) -> None:
        super().__init__(f"{heading} is what {other} is", heading=heading, other=other)


class NothingToChange(Refused):
    """Beside the SKU, no column is anything."""

    code = "no_columns"


def folded(heading: str) -> str:
    """Without case, dots and brackets: «Цена, руб.» is "цена руб"."""
    return " ".join(re.findall(r"[^\W_]+", heading.casefold().replace("ё", "е")))


_KNOWN = {folded(name): column for column, names in _HEADINGS.items() for name in names.split("|")}
_KNOWN_STOCK = {folded(name) for name in _STOCK.split("|")}
_KNOWN_ATTRIBUTES = {folded(name) for name in _ATTRIBUTES.split("|")}


def recognised(headings: Sequence[str], warehouses: Sequence[Warehouse], titles: Collection[str]) -> list[str]:
    """What each column seems to be; nothing twice. `titles` are the attributes that the shop's goods have."""
    known = {folded(title): title for title in titles}
    columns: list[str] = []
    for heading in headings:
        column = _column(heading, warehouses, known)
        columns.append("" if column in columns else column)
    return columns


def _column(heading: str, warehouses: Sequence[Warehouse], titles: dict[str, str]) -> str:
    bare = folded(heading)
    if bare in _KNOWN:
        return str(_KNOWN[bare])
    first = f"{STOCK}{warehouses[0].id}" if warehouses else SOME_WAREHOUSE
    if bare in _KNOWN_STOCK:
        return first
    before, colon, after = heading.partition(":")
    for place in warehouses:
        names = {folded(place.name), folded(place.translations.get("en", {}).get("name", ""))} - {""}
        if bare in names or (folded(before) in _KNOWN_STOCK and folded(after) in names):
            return f"{STOCK}{place.id}"
    if colon and folded(before) in _PREFIXES and after.strip():
        return attribute(after)
    if bare in titles:
        return attribute(titles[bare])
    return attribute(heading) if bare in _KNOWN_ATTRIBUTES else ""


def attribute(title: str) -> str:
    """The column of an attribute with this title."""
    return f"{ATTRIBUTE}{' '.join(title.replace(':', ' ').replace(';', ' ').split())[:60]}"


def check(columns: Sequence[str], headings: Sequence[str]) -> None:
    """Raises what is wrong with a person's choice."""
    if Column.SKU not in columns:
        raise SkuColumnNeeded()
    seen: dict[str, str] = {}
    for column, heading in zip(columns, headings, strict=True):
        if column and column in seen:
            raise ColumnTwice(heading, seen[column])
        seen[column] = heading
    if not any(column and column != Column.SKU for column in columns):
        raise NothingToChange()


def allowed(heading: str, warehouses: Iterable[Warehouse], *, purchase: bool) -> list[str]:
    """Everything that a column with this heading may be said to be."""
    places = [f"{STOCK}{place.id}" for place in warehouses] or [SOME_WAREHOUSE]
    usual = [str(column) for column in Column if purchase or column != Column.PURCHASE]
    named = heading.partition(":")[2] if folded(heading.partition(":")[0]) in _PREFIXES else heading
    return ["", *usual, *places, *([attribute(named)] if folded(named) else [])]
