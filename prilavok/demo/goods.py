"""What «Глина и лён» sells: categories, products, variants, prices and what stands on the shelves.

The goods are written in `data/goods/*.toml`, one file a category, prices there in whole roubles. A variant takes from
its product whatever it does not say itself. SKUs and barcodes are derived, so that they cannot clash by a slip.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from kit.money import Money
from prilavok.demo.words import DATA, Words, data

SHOP, STORE = "shop", "store"
WAREHOUSES: Mapping[str, Words] = {
    SHOP: Words("Магазин на Лесной", "Shop on Lesnaya Street"),
    STORE: Words("Склад", "Warehouse"),
}
VAT_22 = 11
"""Code of the 22 % rate in a receipt. Source: https://yookassa.ru/developers/payment-acceptance/receipts/54fz/parameters-values"""

ATTRIBUTES: Mapping[str, Words] = {
    "colour": Words("Цвет", "Colour"),
    "wood": Words("Порода", "Wood"),
    "volume": Words("Объём", "Volume"),
    "size": Words("Размер", "Size"),
    "scent": Words("Аромат", "Scent"),
    "value": Words("Номинал", "Value"),
}
"""In the order in which a buyer chooses."""


@dataclass(frozen=True, slots=True)
class Attribute:
    name: Words
    value: Words


@dataclass(frozen=True, slots=True)
class Variant:
    """`stock` is what is free to sell today by warehouse; empty for a service, which never runs out.

    `paint` is the key of the colour it is drawn with.
    """

    sku: str
    barcode: str
    attributes: tuple[Attribute, ...]
    price: Money
    purchase_price: Money
    stock: Mapping[str, int]
    weight_grams: int | None
    paint: str

    def labels(self, language: str) -> dict[str, str]:
        """What to show beside the product's name: {"Цвет": "шалфей", "Размер": "45×70 см"}, in choosing order."""
        return {a.name.of(language): a.value.of(language) for a in self.attributes}


@dataclass(frozen=True, slots=True)
class Product:
    """`vat_code` is the code of a 54-FZ receipt; `drawing` and `motif` say how its pictures look."""

    code: str
    name: Words
    description: Words
    is_service: bool
    vat_code: int
    drawing: str
    motif: str
    variants: tuple[Variant, ...]


@dataclass(frozen=True, slots=True)
class Category:
    code: str
    name: Words
    products: tuple[Product, ...]


@cache
def categories() -> tuple[Category, ...]:
    """The whole assortment in the order of the shop window."""
    files = sorted((DATA / "goods").glob("*.toml"))
    return tuple(_category(data(f"goods/{file.name}")) for file in files)


def products() -> tuple[Product, ...]:
    return tuple(product for category in categories() for product in category.products)


@cache
def variants() -> Mapping[str, Variant]:
    """Every variant by its SKU."""
    return {variant.sku: variant for product in products() for variant in product.variants}


@cache
def paints() -> Mapping[str, str]:
    """Colour keys and what they are drawn with: {"milk": "#efe5d3"}."""
    return {key: colour["paint"] for key, colour in data("words.toml")["colours"].items()}


def ean13(number: int, variant: int) -> str:
    """A barcode of the range 200-299, which shops may give out for themselves."""
    digits = f"200{number:05}{variant:04}"
    weighted = sum(int(digit) * (3 if place % 2 else 1) for place, digit in enumerate(digits))
    return f"{digits}{-weighted % 10}"


def _category(written: Mapping[str, Any]) -> Category:
    return Category(written["code"], Words(**written["name"]), tuple(map(_product, written["products"])))


def _product(written: Mapping[str, Any]) -> Product:
    numbered = enumerate(written["variants"], start=1)
    return Product(
        code=written["code"],
        name=Words(**written["name"]),
        description=Words(**written["about"]),
        is_service=written.get("service", False),
        vat_code=written.get("vat_code", VAT_22),
        drawing=written["picture"]["drawing"],
        motif=written["picture"]["motif"],
        variants=tuple(_variant(written, own, number) for number, own in numbered),
    )


def _variant(product: Mapping[str, Any], own: Mapping[str, Any], number: int) -> Variant:
    chosen = {key: own[key] for key in ATTRIBUTES if key in own}
    whole = {**product, **own}
    return Variant(
        sku="-".join([product["code"], *(_sku_part(value) for value in chosen.values())]),
        barcode=ean13(product["number"], number),
        attributes=tuple(Attribute(ATTRIBUTES[key], _value(key, value)) for key, value in chosen.items()),
        price=Money(whole["price"] * 100),
        purchase_price=Money(whole["cost"] * 100),
        stock=dict(zip(WAREHOUSES, own.get("stock", ()), strict=False)),
        weight_grams=whole.get("weight"),
        paint=own.get("paint") or own.get("colour") or own.get("wood") or product["picture"]["colour"],
    )


def _sku_part(value: object) -> str:
    return str(value).upper().replace("×", "X")


def _value(key: str, value: Any) -> Words:
    match key:
        case "volume":
            return _volume(value)
        case "value":
            return Words(Money(value * 100).format("ru"), Money(value * 100).format("en"))
        case "size" if value[0].isdigit():
            return Words(f"{value} см", f"{value} cm")
        case _:
            named = data("words.toml")[f"{key}s"].get(value)
            return Words(named["ru"], named["en"]) if named else Words(value, value)


def _volume(millilitres: int) -> Words:
    if millilitres < 1000:
        return Words(f"{millilitres} мл", f"{millilitres} ml")
    litres = f"{millilitres / 1000:g}"
    return Words(f"{litres.replace('.', ',')} л", f"{litres} l")
