"""Strict reading of one JSON object of a request: the first wrong field is named as the service names it."""

from __future__ import annotations

import re
from collections.abc import Iterable
from decimal import Decimal
from typing import Any

from emulators.yookassa.errors import invalid
from emulators.yookassa.records import JsonObject
from kit.errors import Refused
from kit.money import Money

CURRENCIES = frozenset(["RUB", "EUR", "USD", "KZT", "BYN", "UAH", "UZS", "TRY", "INR", "MDL", "AZN", "AMD"])
VALUE = re.compile(r"[0-9]{1,10}(\.[0-9]{1,2})?")


class Fields:
    """A JSON object and where it stands in the body (`receipt.items[0].`), so that errors name the full path."""

    def __init__(self, raw: Any, place: str = "") -> None:
        if not isinstance(raw, dict):
            raise invalid("An object is expected", place.rstrip(".") or None)
        self.raw: JsonObject = raw
        self.place = place

    def path(self, name: str) -> str:
        return f"{self.place}{name}"

    def has(self, name: str) -> bool:
        return self.raw.get(name) is not None

    def needed(self, name: str) -> Any:
        if not self.has(name):
            raise invalid("A required parameter is missing", self.path(name))
        return self.raw[name]

    def text(self, name: str, longest: int) -> str | None:
        """A string of at most `longest` characters, or None if it is absent."""
        if not self.has(name):
            return None
        value = self.raw[name]
        if not isinstance(value, str):
            raise invalid("A string is expected", self.path(name))
        if len(value) > longest:
            raise invalid(f"No more than {longest} characters are allowed", self.path(name))
        return value

    def needed_text(self, name: str, longest: int) -> str:
        self.needed(name)
        value = self.text(name, longest)
        if not value:
            raise invalid("A required parameter is empty", self.path(name))
        return value

    def choice(self, name: str, allowed: Iterable[str]) -> str | None:
        value = self.text(name, 255)
        if value is not None and value not in allowed:
            raise invalid("The value is not one of the allowed", self.path(name))
        return value

    def flag(self, name: str, default: bool) -> bool:
        value = self.raw.get(name, default)
        if isinstance(value, str) and value in ("true", "false"):
            return value == "true"
        if not isinstance(value, bool):
            raise invalid("A boolean is expected", self.path(name))
        return value

    def whole(self, name: str, low: int, high: int) -> int | None:
        """A whole number within the bounds; digits in a string will do, as the official libraries send them."""
        if not self.has(name):
            return None
        value = self.raw[name]
        if isinstance(value, str) and value.isascii() and value.isdigit():
            value = int(value)
        if not isinstance(value, int) or isinstance(value, bool) or not low <= value <= high:
            raise invalid(f"A whole number from {low} to {high} is expected", self.path(name))
        return value

    def quantity(self, name: str) -> Decimal:
        """A positive number with up to three decimals, as a number or a string."""
        value = self.needed(name)
        if isinstance(value, bool) or not isinstance(value, int | float | str):
            raise invalid("A number is expected", self.path(name))
        if re.fullmatch(r"[0-9]{1,6}(\.[0-9]{1,3}0*)?", str(value)) is None or Decimal(str(value)) <= 0:
            raise invalid("A positive number with up to three decimals is expected", self.path(name))
        return Decimal(str(value))

    def amount(self, name: str = "amount", *, zero: bool = False) -> Money:
        """Money as {"value": "10.00", "currency": "RUB"}, above nothing unless `zero` is allowed."""
        part = self.inner(name)
        value = part.needed("value")
        if not isinstance(value, str) or VALUE.fullmatch(value) is None:
            raise invalid("The amount has an incorrect format", part.path("value"))
        currency = part.needed_text("currency", 3)
        if currency not in CURRENCIES:
            raise invalid("The currency is not supported", part.path("currency"))
        try:
            money = Money.of(Decimal(value), currency)
        except Refused:
            raise invalid("The amount has an incorrect format", part.path("value")) from None
        if not money and not zero:
            raise invalid("The amount must be above zero", part.path("value"))
        return money

    def inner(self, name: str) -> Fields:
        return Fields(self.needed(name), f"{self.path(name)}.")

    def list_of(self, name: str, most: int) -> list[Fields]:
        value = self.needed(name)
        if not isinstance(value, list) or not value:
            raise invalid("A list with at least one element is expected", self.path(name))
        if len(value) > most:
            raise invalid(f"No more than {most} elements are allowed", self.path(name))
        return [Fields(element, f"{self.path(name)}[{i}].") for i, element in enumerate(value)]

    def metadata(self) -> dict[str, str]:
        """Up to 16 pairs, names up to 32 characters, values up to 512."""
        if not self.has("metadata"):
            return {}
        raw = self.inner("metadata").raw
        if len(raw) > 16:
            raise invalid("No more than 16 keys are allowed", self.path("metadata"))
        for key, value in raw.items():
            if len(key) > 32 or not isinstance(value, str) or len(value) > 512:
                raise invalid("The metadata has an illegal key or value", self.path(f"metadata.{key[:32]}"))
        return dict(raw)
