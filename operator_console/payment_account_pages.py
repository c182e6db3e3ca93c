"""Connecting the shop's account with YooKassa by its number and key."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from aiohttp import web
from sqlalchemy.orm import Session

from company import settings, shops
from company.accounts import by_file, leave_to_file
from company.rights import Right
from company.settings import Receipts
from company.tables import Shop
from kit.errors import Refused
from kit.secrets import SecretBox
from operator_console.people import Shape
from operator_console.routing import ID, Route, post
from operator_console.texts import gettext as _
from operator_console.texts import reading
from operator_console.visits import Visit
from payments import accounts, fiscal
from payments.accounts import NoSuchPaymentAccount
from payments.fiscal import HAS_REGISTER, SENDS
from payments.providers.base import ProviderRefused, ProviderUnavailable
from payments.tables import PaymentAccount

if TYPE_CHECKING:
    from payments.providers.yookassa import ShopFacts

YOOKASSA = "yookassa"

PERCENTS = {2: "0 %", 7: "5 %", 8: "7 %", 3: "10 %", 11: "22 %", 9: "5/105", 10: "7/107", 5: "10/110", 12: "22/122"}
"""Rates of VAT by their codes; 1 is none. 20 % (4 and 6) has become 22 % in 2026, and is read where it is chosen.
Source: https://yookassa.ru/developers/payment-acceptance/receipts/54fz/parameters-values
"""


class KeyRefused(Refused):
    """YooKassa does not let this number in with this key."""

    code = "payment_key_refused"


class ProviderSilent(Refused):
    """YooKassa could not be asked."""

    code = "payment_provider_silent"


async def connect(visit: Visit) -> web.StreamResponse:
    """Ask YooKassa whose key it is, and keep it sealed. Links are made with the newest account."""
    form = await visit.form()
    number, key = form["shop_id"].strip(), form["secret_key"].strip()
    api = await visit.read(_api, visit.shop.id)
    facts = await _whose(number, key, api)
    await visit.write(_keep, visit.console.box, visit.shop.id, number, key, facts, api)
    return visit.done(go="/settings#payments")


async def change_key(visit: Visit) -> web.StreamResponse:
    key = (await visit.form())["secret_key"].strip()
    account = await visit.read(_own, visit.shop.id, visit.number())
    leave_to_file(account.settings, "secret_key")
    await _whose(account.external_id, key, str(account.settings.get("api") or ""))
    await visit.write(_change_key, visit.console.box, visit.shop.id, visit.number(), key)
    with reading(visit.reader):
        return visit.done(_("Kept"))


async def switch(visit: Visit) -> web.StreamResponse:
    on = (await visit.form())["on"] == "1"
    await visit.write(_switch, visit.shop.id, visit.number(), on)
    return visit.done(go="/settings#payments")


async def send_receipts(visit: Visit) -> web.StreamResponse:
    on = (await visit.form())["on"] == "1"
    await visit.write(_send_receipts, visit.shop.id, visit.number(), on)
    return visit.done(go="/settings#payments")


async def change_taxes(visit: Visit) -> web.StreamResponse:
    form = await visit.form()
    await visit.write(_change_taxes, visit.shop.id, form["vat_code"], form["tax_system"])
    with reading(visit.reader):
        return visit.done(_("Kept"))


ROUTES: tuple[Route, ...] = (
    post("/settings/yookassa", connect, Right.SETTINGS),
    post(f"/payment-accounts/{ID}/key", change_key, Right.SETTINGS),
    post(f"/payment-accounts/{ID}/switch", switch, Right.SETTINGS),
    post(f"/payment-accounts/{ID}/receipts", send_receipts, Right.SETTINGS),
    post("/settings/receipts", change_taxes, Right.SETTINGS),
)


async def _whose(number: str, key: str, api: str) -> ShopFacts:
    """Raises KeyRefused, ProviderSilent; neither shows the key."""
    from payments.providers.yookassa import API_URL, YooKassa  # the SDK loads only where it is needed

    if not re.fullmatch(r"\d{1,20}", number) or not re.fullmatch(r"[\x21-\x7e]{10,200}", key):
        raise KeyRefused("the number or the key has another form")
    provider = YooKassa(number, key, api_url=api or API_URL, timeout=(3.05, 10.0), deadline=12.0, workers=1)
    try:
        facts = await provider.whose()
    except ProviderRefused as refused:
        raise KeyRefused(refused.code) from None
    except ProviderUnavailable:
        raise ProviderSilent() from None
    finally:
        await provider.close()
    if facts.number != number or not facts.enabled:
        raise KeyRefused("it is another shop's, or the shop is switched off there")
    return facts


def _api(session: Session, shop_id: int) -> str:
    """Where the shop's other accounts are reached: a test installation has its own YooKassa. Empty for the real one."""
    for row in accounts.of_shop(session, shop_id):
        if row.provider == YOOKASSA and isinstance(row.settings.get("api"), str):
            return str(row.settings["api"])
    return ""


def _keep(session: Session, box: SecretBox, shop_id: int, number: str, key: str, facts: ShopFacts, api: str) -> None:
    accounts.add(
        session,
        box,
        session.get_one(Shop, shop_id),
        provider=YOOKASSA,
        name="ЮKassa",
        external_id=number,
        secret=key,
        test=facts.test,
        settings={HAS_REGISTER: facts.receipts, **({"api": api} if api else {})},
    )


def _own(session: Session, shop_id: int, account_id: int) -> PaymentAccount:
    """The shop's account with a provider; cash has no key and is never switched off."""
    account = accounts.get(session, account_id)
    if account.shop_id != shop_id or account.provider != YOOKASSA:
        raise NoSuchPaymentAccount(f"payment account {account_id}")
    return account


def _change_key(session: Session, box: SecretBox, shop_id: int, account_id: int, key: str) -> None:
    accounts.change_key(session, box, _own(session, shop_id, account_id), key)


def _switch(session: Session, shop_id: int, account_id: int, on: bool) -> None:
    accounts.switch(session, _own(session, shop_id, account_id), on=on)


def _send_receipts(session: Session, shop_id: int, account_id: int, on: bool) -> None:
    accounts.set_up(session, _own(session, shop_id, account_id), **{SENDS: on})


def _change_taxes(session: Session, shop_id: int, vat: str, system: str) -> None:
    shop = shops.get(session, shop_id)
    rules = settings.of(shop).receipts
    for field, text, offered in (("vat_code", vat, rates(rules)), ("tax_system", system, systems())):
        if text not in {one["value"] for one in offered}:
            raise shops.BadShop(field, text)
    changed = rules.model_dump() | {"vat_code": int(vat), "tax_system": int(system) if system else None}
    settings.change(session, shop, receipts=changed)


# What the settings show


def shape(account: PaymentAccount, rules: Receipts, public_url: str) -> Shape:
    """One account: macros/payment_accounts.html."""
    by_provider = account.provider == YOOKASSA
    return {
        "id": account.id,
        "name": account.name,
        "provider": _provider(account.provider),
        "number": account.external_id,
        "test": account.test,
        "on": account.active,
        "hook": f"{public_url}/hooks/{account.provider}/{account.id}" if by_provider else "",
        "sends": fiscal.sends(account, rules),
        "by_file": by_file(account.settings),
        "register": account.settings.get(HAS_REGISTER),
    }


def _provider(name: str) -> str:
    return {YOOKASSA: _("YooKassa"), accounts.MANUAL: _("written down by hand")}.get(name, name)


def rates(rules: Receipts) -> list[Shape]:
    """What may be chosen as the VAT of what does not say its own."""
    known = PERCENTS | {code: name for code, name in ((4, "20 %"), (6, "20/120")) if code == rules.vat_code}
    return [{"value": str(code), "label": name} for code, name in {1: _("no VAT"), **known}.items()]


def systems() -> list[Shape]:
    return [
        {"value": "", "label": _("the shop has one system only")},
        {"value": "1", "label": _("general (OSN)")},
        {"value": "2", "label": _("simplified (USN), income")},
        {"value": "3", "label": _("simplified (USN), income less expenses")},
        {"value": "5", "label": _("agricultural (ESKhN)")},
        {"value": "6", "label": _("patent")},
    ]
