"""Connecting the shop's account with YooKassa by its number and key."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from aiohttp import web
from sqlalchemy.orm import Session

from company.rights import Right
from company.tables import Shop
from kit.errors import Refused
from kit.secrets import SecretBox
from operator_console.routing import ID, Route, post
from operator_console.texts import gettext as _
from operator_console.texts import reading
from operator_console.visits import Visit
from payments import accounts
from payments.accounts import NoSuchPaymentAccount
from payments.fiscal import HAS_REGISTER
from payments.providers.base import ProviderRefused, ProviderUnavailable
from payments.tables import PaymentAccount

if TYPE_CHECKING:
    from payments.providers.yookassa import ShopFacts

YOOKASSA = "yookassa"


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
    await _whose(account.external_id, key, str(account.settings.get("api") or ""))
    await visit.write(_change_key, visit.console.box, visit.shop.id, visit.number(), key)
    with reading(visit.reader):
        return visit.done(_("Kept"))


async def switch(visit: Visit) -> web.StreamResponse:
    on = (await visit.form())["on"] == "1"
    await visit.write(_switch, visit.shop.id, visit.number(), on)
    return visit.done(go="/settings#payments")


ROUTES: tuple[Route, ...] = (
    post("/settings/yookassa", connect, Right.SETTINGS),
    post(f"/payment-accounts/{ID}/key", change_key, Right.SETTINGS),
    post(f"/payment-accounts/{ID}/switch", switch, Right.SETTINGS),
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
