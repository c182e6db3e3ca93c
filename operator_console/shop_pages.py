"""One more shop of an owner, opened from the settings of one that he has."""

from __future__ import annotations

from aiohttp import web
from babel.numbers import get_currency_name
from sqlalchemy.orm import Session

from company import shops, staff
from company.events import ShopOpened
from company.rights import Right
from company.tables import Role, Shop
from kit.errors import Refused
from operator_console.door import keep_shop
from operator_console.people import Shape
from operator_console.routing import Route, post
from operator_console.texts import gettext as _
from operator_console.texts import reader
from operator_console.visits import Form, Visit
from payments.opening import open_shop
from storage.events import publish

CURRENCIES = ("RUB", "BYN", "KZT", "AMD", "AZN", "GEL", "KGS", "UZS", "TRY", "RSD", "EUR", "USD", "CNY", "AED")
"""Those that are offered, the nearest first."""


LANGUAGES = [{"value": "ru", "label": "Русский"}, {"value": "en", "label": "English"}]


class ShopNameTaken(Refused):
    """The person has a shop of this name. It also keeps a form that is sent twice from opening two."""

    code = "shop_name_taken"

    def __init__(self, name: str) -> None:
        super().__init__(f"{name} is a shop already", name=name)


async def add(visit: Visit) -> web.StreamResponse:
    """Opens the shop and goes on in it."""
    shop_id = await visit.write(_add, visit, await visit.form())
    answer = visit.done(go="/settings")
    keep_shop(answer, shop_id, secure=visit.console.secure)
    return answer


ROUTES: tuple[Route, ...] = (post("/settings/shops", add, Right.SETTINGS),)


def opens(shop: Shop, zones: list[Shape]) -> Shape:
    """What macros/shops.html offers to somebody who is in this shop."""
    language = reader().language
    return {
        "languages": LANGUAGES,
        "locale": shop.locale,
        "zones": zones,
        "zone": shop.timezone,
        "currencies": [
            {"value": code, "label": f"{get_currency_name(code, locale=language)}, {code}"} for code in CURRENCIES
        ],
        "pipelines": [
            {"value": "usual", "label": _("the usual ones")},
            {"value": "same", "label": _("as in “{shop}”", shop=shop.name)},
        ],
    }


def _add(session: Session, visit: Visit, form: Form) -> int:
    # Two presses at once come one after another here, and the second finds the shop of the first.
    owner = staff.held(session, visit.staff.id)
    name = " ".join(form["name"].split())
    if name.casefold() in {shop.name.casefold() for shop, _role in staff.shops_of(session, owner.id)}:
        raise ShopNameTaken(name)
    if form["currency"] not in CURRENCIES:
        raise shops.BadShop("currency", form["currency"])
    like = shops.get(session, visit.shop.id) if form["pipelines"] == "same" else None
    shop = open_shop(
        session,
        name=name,
        currency=form["currency"],
        locale=form["locale"],
        timezone=form["timezone"],
        like=like,
    )
    staff.join(session, owner, shop, Role.OWNER)
    publish(session, ShopOpened(shop_id=shop.id, subject=f"shop:{shop.id}", actor=visit.actor, like=visit.shop.id))
    return shop.id
