"""What things are called: in the shop's own words, or in the reader's language where the shop has translated them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

from catalog.tables import Product, Variant
from company.texts import LOCALES, nearest


class Named(Protocol):
    """A row with a name in the shop's language and others in `translations`: {"en": {"name": …}}."""

    @property
    def name(self) -> str: ...
    @property
    def translations(self) -> dict[str, Any]: ...


def _translated(row: Named | Variant, field: str, locale: str) -> Any:
    return row.translations.get(nearest(locale), {}).get(field)


def named(row: Named, locale: str) -> str:
    return _translated(row, "name", locale) or row.name


def described(product: Product, locale: str) -> str:
    return _translated(product, "description", locale) or product.description


def pairs(variant: Variant, locale: str) -> list[tuple[str, str]]:
    """[("Цвет", "чёрный"), ("Размер", "M")]."""
    own: Sequence[Sequence[str]] = _translated(variant, "attributes", locale) or variant.attributes
    return [(str(title), str(value)) for title, value in own]


def attributes(variant: Variant, locale: str) -> str:
    """«чёрный, M»; "" for the only variant of a product."""
    return ", ".join(value for _, value in pairs(variant, locale))


def title(variant: Variant, locale: str) -> str:
    """«Кружка «Туман», чёрный»: the variant as a line of a cart or an order. Its product must be loaded."""
    return ", ".join(part for part in (named(variant.product, locale), attributes(variant, locale)) if part)


class Title:
    """A variant's title as a fact of a text whose reader is not known yet.

    It holds the words and not the row: a refusal is explained after its transaction is over.
    """

    def __init__(self, variant: Variant) -> None:
        self._sku = variant.sku
        self._titles = {locale: title(variant, locale) for locale in LOCALES}

    def said(self, locale: str) -> str:
        return self._titles[nearest(locale)]

    def __str__(self) -> str:
        return self._sku
