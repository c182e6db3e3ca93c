"""The shop itself: its name, how it sends its goods, and what its bot says first."""

from __future__ import annotations

from dataclasses import dataclass

from kit.money import Money
from prilavok.demo.words import Words

NAME = Words("Глина и лён", "Clay & Linen")
ABOUT = Words(
    "Керамика и домашний текстиль ручной работы. Мастерская и магазин на Лесной.",
    "Handmade ceramics and home textiles. A workshop and a shop on Lesnaya Street.",
)
TIME_ZONE = "Europe/Moscow"


@dataclass(frozen=True, slots=True)
class DeliveryMethod:
    """`free_from` is the sum of goods from which the delivery costs nothing; None if it never does."""

    code: str
    name: Words
    price: Money
    free_from: Money | None
    needs_address: bool

    def price_for(self, goods: Money) -> Money:
        free = self.free_from is not None and goods >= self.free_from
        return Money(0) if free else self.price


DELIVERY = (
    DeliveryMethod("pickup", Words("Самовывоз, Лесная, 12", "Pickup, 12 Lesnaya Street"), Money(0), None, False),
    DeliveryMethod("point", Words("Пункт выдачи", "Pickup point"), Money(290_00), Money(5000_00), True),
    DeliveryMethod("courier", Words("Курьер до двери", "Courier to the door"), Money(390_00), Money(7000_00), True),
)
