"""Money as whole minor units (kopecks, cents) of one currency. No float ever holds an amount."""

from __future__ import annotations

import re
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal
from functools import lru_cache

from babel.numbers import format_currency, get_currency_precision

from kit.errors import Refused


class BadAmount(Refused):
    """The text is not an amount of this currency."""

    code = "bad_amount"


@dataclass(frozen=True, slots=True, order=True)
class Money:
    """`amount` minor units of the ISO 4217 `currency`: Money(145000, "RUB") is 1 450 ₽."""

    amount: int
    currency: str = "RUB"

    def __add__(self, other: Money) -> Money:
        return Money(self.amount + self._same(other), self.currency)

    def __sub__(self, other: Money) -> Money:
        return Money(self.amount - self._same(other), self.currency)

    def __mul__(self, count: int) -> Money:
        return Money(self.amount * count, self.currency)

    def __bool__(self) -> bool:
        return self.amount != 0

    def _same(self, other: Money) -> int:
        if other.currency != self.currency:
            raise ValueError(f"{self.currency} and {other.currency} do not mix")
        return other.amount

    def decimal(self) -> Decimal:
        """Major units, as the payment APIs write them: Decimal("1450.00")."""
        precision = get_currency_precision(self.currency)
        return Decimal(self.amount).scaleb(-precision).quantize(Decimal(1).scaleb(-precision))

    def format(self, locale: str = "ru") -> str:
        """As people read it, without empty kopecks: «1 450 ₽», «1 450,50 ₽»."""
        return _written(self, locale)

    @classmethod
    def parse(cls, text: str, currency: str = "RUB") -> Money:
        """What a person typed: "1 450", "1450,50". Raises BadAmount on anything else, and on more than 10^12 units."""
        cleaned = text.strip().replace("\xa0", "").replace(" ", "").replace("₽", "").replace(",", ".")
        if not re.fullmatch(r"[+-]?[0-9]+(\.[0-9]+)?", cleaned):
            raise BadAmount(f"not an amount: {text!r}", text=text[:40])
        return cls.of(Decimal(cleaned), currency)

    @classmethod
    def of(cls, value: Decimal, currency: str = "RUB") -> Money:
        """Major units to Money. Raises BadAmount if it has a finer part than the currency has, or is absurd."""
        if not value.is_finite() or abs(value) >= Decimal(10) ** 10:
            raise BadAmount(f"not an amount: {value}", text=str(value)[:40])
        minor = value.scaleb(get_currency_precision(currency))
        if minor != minor.to_integral_value():
            raise BadAmount(f"too fine for {currency}: {value}", text=str(value)[:40])
        return cls(int(minor), currency)

    def share(self, numerator: int, denominator: int) -> Money:
        """This part of the sum, half a minor unit rounded up."""
        part = (Decimal(self.amount) * numerator / denominator).quantize(Decimal(1), ROUND_HALF_UP)
        return Money(int(part), self.currency)


@lru_cache(maxsize=4096)
def _written(money: Money, locale: str) -> str:
    """Kept, for a shop has few prices and writes each of them all day."""
    whole = money.amount % 10 ** get_currency_precision(money.currency) == 0
    text: str = format_currency(
        money.decimal(),
        money.currency,
        locale=locale,
        currency_digits=not whole,
        format="¤#,##0" if whole and locale.startswith("en") else "#,##0\xa0¤" if whole else None,
    )
    return text.replace("RUB", "₽")  # English locales know no sign of the rouble


def split(total: Money, weights: list[int]) -> list[Money]:
    """Divide `total` in proportion to `weights` so that the parts add up to it exactly.

    Largest remainders get the spare minor units; all-zero weights share alike.
    """
    if not weights:
        return []
    whole = sum(weights)
    if whole == 0:
        weights, whole = [1] * len(weights), len(weights)
    parts = [total.amount * w // whole for w in weights]
    remainders = sorted(range(len(weights)), key=lambda i: (-(total.amount * weights[i] % whole), i))
    for i in remainders[: total.amount - sum(parts)]:
        parts[i] += 1
    return [Money(p, total.currency) for p in parts]
