"""The shop's settings: itself, how it sells and delivers, whom it tells of what, and the words of its bot."""

from __future__ import annotations

import secrets
from zoneinfo import available_timezones

from aiohttp import web
from sqlalchemy.orm import Session

from bot.channels import CONNECTORS
from catalog.names import named
from company import accounts, presence, settings, shops, staff
from company.rights import Right
from company.settings import LONGEST_CONSENT, AutoConfirm, DeliveryMethod, ShopSettings
from company.tables import Shop
from company.texts import LOCALES
from kit.money import Money
from operator_console import (
    channel_page,
    hours_page,
    payment_account_pages,
    people,
    rights_history,
    rights_pages,
    shell,
    shop_pages,
)
from operator_console.people import Shape
from operator_console.routing import Route, get, post
from operator_console.texts import gettext as _
from operator_console.texts import reader, reading
from operator_console.visits import Form, Visit
from orders import stages
from payments import accounts as payment_accounts

LEAST_RESERVE, MOST_RESERVE = 65, 60 * 24 * 30
"""Minutes that goods may wait for their money: longer than a payment link lives."""

MOST_WAYS = 100
"""Rows of the form of deliveries."""

MOST_LED = 500
"""Open conversations that one person may be given."""

MOST_WAITING = 24 * 60
"""Minutes of waiting after which an operator may be told."""


USUAL_ZONES = (
    "Europe/Kaliningrad",
    "Europe/Moscow",
    "Europe/Samara",
    "Asia/Yekaterinburg",
    "Asia/Omsk",
    "Asia/Novosibirsk",
    "Asia/Krasnoyarsk",
    "Asia/Irkutsk",
    "Asia/Yakutsk",
    "Asia/Vladivostok",
    "Asia/Kamchatka",
)
"""Those of Russia, from west to east."""


async def show(visit: Visit) -> web.StreamResponse:
    frame = await shell.frame(visit, "settings")
    return visit.page("pages/settings.html", **frame, **await visit.read(_all, visit))


async def change_shop(visit: Visit) -> web.StreamResponse:
    await visit.write(_change_shop, visit.shop.id, await visit.form())
    return visit.done(go="/settings")


async def change_rules(visit: Visit) -> web.StreamResponse:
    await visit.write(_change_rules, visit.shop.id, await visit.form())
    return _kept(visit)


async def change_assignment(visit: Visit) -> web.StreamResponse:
    await visit.write(_change_assignment, visit.shop.id, await visit.form())
    return _kept(visit)


async def change_notices(visit: Visit) -> web.StreamResponse:
    await visit.write(_change_notices, visit.shop.id, set((await visit.form()).all("stage")))
    return _kept(visit)


async def change_consent(visit: Visit) -> web.StreamResponse:
    await visit.write(_change_consent, visit.shop.id, await visit.form())
    return _kept(visit)


async def change_delivery(visit: Visit) -> web.StreamResponse:
    await visit.write(_change_delivery, visit.shop.id, await visit.form())
    return visit.done(go="/settings#delivery")


ROUTES: tuple[Route, ...] = (
    get("/settings", show, Right.SETTINGS),
    post("/settings/shop", change_shop, Right.SETTINGS),
    post("/settings/rules", change_rules, Right.SETTINGS),
    post("/settings/assignment", change_assignment, Right.SETTINGS),
    post("/settings/notices", change_notices, Right.SETTINGS),
    post("/settings/consent", change_consent, Right.SETTINGS),
    post("/settings/delivery", change_delivery, Right.SETTINGS),
)


def _kept(visit: Visit) -> web.StreamResponse:
    with reading(visit.reader):
        return visit.done(_("Kept"))


def _all(session: Session, visit: Visit) -> Shape:
    shop = shops.get(session, visit.shop.id)
    rules = settings.of(shop)
    states = presence.of_shop(session, shop.id, reader().now)
    return {
        "the_shop": shop,
        "languages": shop_pages.LANGUAGES,
        "opens": shop_pages.opens(shop, _zones(shop.timezone)),
        "rules": rules,
        "hours": hours_page.shape(rules.hours),
        "zones": _zones(shop.timezone),
        "below": Money(rules.auto_confirm.below, shop.currency),
        "late_money": [
            {"value": "ask", "label": _("ask a person")},
            {"value": "refund", "label": _("refund by itself")},
        ],
        "assignment_rules": [
            {"value": "nobody", "label": _("nobody: operators take by themselves")},
            {"value": "fewest", "label": _("who is there and has the fewest open")},
        ],
        "stages": _stages(session, shop, rules),
        "delivery": [_method(method, shop) for method in rules.delivery] + [None],
        "staff": [
            people.colleague(
                person,
                role=f"{rights_pages.SET}{own}" if own else str(role),
                email=person.email,
                me=person.id == visit.staff.id,
                presence=str(states[person.id]),
                presence_word=people.presence_word(states[person.id]),
            )
            for person, role, own in staff.with_rights(session, shop.id)
        ],
        "roles": rights_pages.offered(session, shop.id),
        "rights_changes": rights_history.latest(session, shop),
        "connectable": list(CONNECTORS),
        "channels": [
            {
                "id": row.id,
                "channel": row.channel,
                "name": row.name,
                "account": row.settings.get("username") or row.external_id,
                "active": row.active,
                "health": row.health,
                "words": channel_page.words(visit, row),
                "at": row.health_at,
            }
            for row in accounts.of_shop(session, shop.id)
        ],
        "payment_accounts": [
            payment_account_pages.shape(row, rules.receipts, visit.console.public_url)
            for row in payment_accounts.of_shop(session, shop.id)
        ],
        "rates": payment_account_pages.rates(rules.receipts),
        "tax_systems": payment_account_pages.systems(),
    }


def _zones(now: str) -> list[Shape]:
    """Where the clocks of shops go, the usual ones first."""
    usual = [zone for zone in USUAL_ZONES if zone != now]
    rest = sorted(zone for zone in available_timezones() if "/" in zone and zone not in USUAL_ZONES)
    return [{"value": zone, "label": zone.replace("_", " ")} for zone in (now, *usual, *rest)]


def _stages(session: Session, shop: Shop, rules: ShopSettings) -> list[Shape]:
    """Every stage of the shop that is in use once, and whether its moves are told of."""
    every = {row.code: row for line in stages.pipelines(session, shop.id) for row in line.stages if not row.archived}
    return [
        {"code": code, "name": named(row, reader().language), "on": code in rules.notify_stages}
        for code, row in every.items()
    ]


def _method(method: DeliveryMethod, shop: Shop) -> Shape:
    free = method.free_from
    return {
        "code": method.code,
        "name": method.name,
        "name_en": method.name_en,
        "price": Money(method.price, shop.currency),
        "free_from": None if free is None else Money(free, shop.currency),
        "needs_address": method.needs_address,
    }


def _change_shop(session: Session, shop_id: int, form: Form) -> None:
    shop = shops.get(session, shop_id)
    name = " ".join(form["name"].split())
    if not 1 <= len(name) <= shops.LONGEST_NAME:
        raise shops.BadShop("name", name, most=shops.LONGEST_NAME)
    if form["locale"] not in LOCALES:
        raise shops.BadShop("locale", form["locale"])
    if form["timezone"] not in available_timezones():
        raise shops.BadShop("timezone", form["timezone"])
    shop.name, shop.locale, shop.timezone = name, form["locale"], form["timezone"]
    session.flush()


def _change_rules(session: Session, shop_id: int, form: Form) -> None:
    shop = shops.get(session, shop_id)
    minutes = form["reserve_minutes"].strip()
    if not minutes.isascii() or not minutes.isdecimal() or not LEAST_RESERVE <= int(minutes[:9]) <= MOST_RESERVE:
        raise shops.BadShop("reserve_minutes", minutes, least=LEAST_RESERVE, most=MOST_RESERVE)
    below = Money.parse(form["below"] or "0", shop.currency)
    if below.amount < 0:
        raise shops.BadShop("below", form["below"])
    settings.change(
        session,
        shop,
        pay_online=form["pay_online"] == "on",
        pay_on_receipt=form["pay_on_receipt"] == "on",
        reserve_minutes=int(minutes),
        auto_confirm=AutoConfirm(when_paid=form["when_paid"] == "on", below=below.amount).model_dump(),
        waiting_notice=_waiting(form["waiting_notice"]),
        late_money="refund" if form["late_money"] == "refund" else "ask",
    )


def _change_assignment(session: Session, shop_id: int, form: Form) -> None:
    shop, most = shops.get(session, shop_id), form["most"].strip()
    if not most.isascii() or not most.isdecimal() or not 1 <= int(most[:9]) <= MOST_LED:
        raise shops.BadShop("most", most, most=MOST_LED)
    rule = "fewest" if form["rule"] == "fewest" else "nobody"
    settings.change(session, shop, assignment={"rule": rule, "most": int(most)})


def _waiting(text: str) -> int:
    minutes = text.strip() or "0"
    if not minutes.isascii() or not minutes.isdecimal() or int(minutes[:9]) > MOST_WAITING:
        raise shops.BadShop("waiting_notice", minutes, most=MOST_WAITING)
    return int(minutes)


def _change_consent(session: Session, shop_id: int, form: Form) -> None:
    words = {language: form[f"consent_{language}"].strip() for language in LOCALES}
    if long := next((text for text in words.values() if len(text) > LONGEST_CONSENT), ""):
        raise shops.BadShop("consent", long, most=LONGEST_CONSENT)
    settings.change(session, shops.get(session, shop_id), consent=words)


def _change_notices(session: Session, shop_id: int, codes: set[str]) -> None:
    shop = shops.get(session, shop_id)
    known = {row.code for line in stages.pipelines(session, shop_id) for row in line.stages}
    settings.change(session, shop, notify_stages=sorted(codes & known))


def _change_delivery(session: Session, shop_id: int, form: Form) -> None:
    """The ways in the order of the form; one whose name is empty is gone, and a new one gets a code of its own."""
    shop = shops.get(session, shop_id)
    ways = []
    for n in range(min(form.number("rows"), MOST_WAYS)):
        name = " ".join(form[f"name-{n}"].split())[:120]
        if not name:
            continue
        free = form[f"free_from-{n}"].strip()
        ways.append(
            DeliveryMethod(
                code=_code(shop, form[f"code-{n}"]),
                name=name,
                name_en=" ".join(form[f"name_en-{n}"].split())[:120],
                price=_price(form[f"price-{n}"] or "0", shop),
                free_from=_price(free, shop) if free else None,
                needs_address=form[f"needs_address-{n}"] == "on",
            ).model_dump()
        )
    settings.change(session, shop, delivery=ways)


def _code(shop: Shop, code: str) -> str:
    """A known way keeps its code, by which orders know it."""
    known = {method.code for method in settings.of(shop).delivery}
    return code if code in known else secrets.token_hex(4)


def _price(text: str, shop: Shop) -> int:
    price = Money.parse(text, shop.currency)
    if price.amount < 0:
        raise shops.BadShop("price", text)
    return price.amount
