"""Shops of the installation."""

from __future__ import annotations

from zoneinfo import available_timezones

import sqlalchemy as sa
from babel.numbers import is_currency
from sqlalchemy.orm import Session

from company.tables import Shop
from company.texts import LOCALES
from kit.clock import utc_now
from kit.errors import Missing, Refused


class NoSuchShop(Missing):
    code = "no_such_shop"


LONGEST_NAME = 200


class BadShop(Refused):
    """A shop cannot have this name, currency, language, time zone or rule; `value` is the offending one.

    Each field has words of its own, `errors.bad_shop.<field>`, with the `bounds` between which it may be.
    """

    code = "bad_shop"

    def __init__(self, field: str, value: str, **bounds: int) -> None:
        self.field = field
        self.code = f"bad_shop.{field}"
        super().__init__(f"{field}: {value[:60]!r}", value=value[:60], **bounds)


def create(
    session: Session, *, name: str, currency: str = "RUB", locale: str = "ru", timezone: str = "Europe/Moscow"
) -> Shop:
    """A shop with the default settings and no goods. Raises BadShop."""
    name = name.strip()
    if not 1 <= len(name) <= LONGEST_NAME:
        raise BadShop("name", name, most=LONGEST_NAME)
    if not is_currency(currency):
        raise BadShop("currency", currency)
    if locale not in LOCALES:
        raise BadShop("locale", locale)
    if timezone not in available_timezones():
        raise BadShop("timezone", timezone)
    shop = Shop(name=name, currency=currency, locale=locale, timezone=timezone, settings={}, created_at=utc_now())
    session.add(shop)
    session.flush()
    return shop


def get(session: Session, shop_id: int) -> Shop:
    shop = session.get(Shop, shop_id)
    if shop is None:
        raise NoSuchShop(f"shop {shop_id}")
    return shop


def every(session: Session) -> list[Shop]:
    return list(session.scalars(sa.select(Shop).order_by(Shop.id)))
