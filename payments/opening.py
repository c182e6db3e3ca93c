"""What a shop begins with, whether it is the first of an installation or one more of its owner."""

from __future__ import annotations

from sqlalchemy.orm import Session

from company import shops
from company.tables import Shop
from orders import pipelines
from payments import accounts as payment_accounts


def open_shop(
    session: Session, *, name: str, currency: str, locale: str, timezone: str, like: Shop | None = None
) -> Shop:
    """A shop with a way for orders to go and an account for money that comes by hand; `like` lends its pipelines.

    Raises company.shops.BadShop.
    """
    shop = shops.create(session, name=name, currency=currency, locale=locale, timezone=timezone)
    if like is None:
        pipelines.create_default_pipeline(session, shop)
    else:
        pipelines.copy(session, like, shop)
    cash = "Cash and transfers" if locale == "en" else "Наличные и переводы"
    payment_accounts.add(session, None, shop, provider=payment_accounts.MANUAL, name=cash)
    return shop
