"""What delivery costs, by the shop's settings."""

from __future__ import annotations

from company.settings import DeliveryMethod, ShopSettings
from kit.errors import Refused
from kit.money import Money


class UnknownDelivery(Refused):
    """The shop does not deliver in this way."""

    code = "unknown_delivery"

    def __init__(self, code: str) -> None:
        super().__init__(f"no delivery method {code!r}", method=code[:40])


def method(settings: ShopSettings, code: str) -> DeliveryMethod:
    for known in settings.delivery:
        if known.code == code:
            return known
    raise UnknownDelivery(code)


def price(method: DeliveryMethod, goods: Money) -> Money:
    """For goods of this sum, after the discount."""
    free = method.free_from is not None and goods.amount >= method.free_from
    return Money(0 if free else method.price, goods.currency)


def price_of(settings: ShopSettings, code: str, goods: Money) -> Money:
    """As `price`, by the method's code; an order without delivery pays none. Raises UnknownDelivery."""
    return price(method(settings, code), goods) if code else Money(0, goods.currency)


def options(settings: ShopSettings, goods: Money) -> list[tuple[DeliveryMethod, Money]]:
    """Every way the shop delivers, with its price for goods of this sum."""
    return [(known, price(known, goods)) for known in settings.delivery]


def name(settings: ShopSettings, code: str, locale: str) -> str:
    """As people call it; the code itself for a method that the shop has given up, nothing for no method."""
    for known in settings.delivery:
        if known.code == code:
            return known.name_en if locale.startswith("en") and known.name_en else known.name
    return code
