"""A shop's accounts with payment providers, and the open providers behind them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from company.tables import Shop
from kit.clock import utc_now
from kit.errors import Missing, Refused
from kit.secrets import SecretBox, WrongKey
from payments.providers import PROVIDERS, Account, open_provider
from payments.providers.base import Provider, ProviderUnavailable
from payments.tables import PaymentAccount
from storage.database import Database

MANUAL = "manual"
"""The provider of money that only the shop's people see: cash, transfers."""


class NoPaymentAccount(Refused):
    """The shop has no active account that could take this money."""

    code = "no_payment_account"


class NoSuchPaymentAccount(Missing):
    code = "no_such_payment_account"


class PaymentAccountTaken(Refused):
    """The installation has this very account already."""

    code = "payment_account_taken"

    def __init__(self, account: PaymentAccount) -> None:
        self.account_id = account.id
        super().__init__(f"{account.provider} {account.external_id} is account {account.id}", name=account.name)


class BadPaymentAccount(Refused):
    """No such provider, or it cannot work without its shop number and key."""

    code = "bad_payment_account"


def add(
    session: Session,
    box: SecretBox | None,
    shop: Shop,
    *,
    provider: str,
    name: str,
    external_id: str = "",
    secret: str | None = None,
    test: bool = False,
    settings: Mapping[str, Any] | None = None,
) -> PaymentAccount:
    """Connect an account of the shop. `external_id` is the shop's number at the provider, `box` seals the secret.

    Raises BadPaymentAccount, PaymentAccountTaken.
    """
    if provider not in PROVIDERS or (provider != MANUAL and not (box and external_id and secret)):
        raise BadPaymentAccount(f"{provider}: unknown, or its number or key is missing")
    if external_id and (known := by_external_id(session, provider, external_id)) is not None:
        raise PaymentAccountTaken(known)
    account = PaymentAccount(
        shop_id=shop.id,
        provider=provider,
        name=name,
        external_id=external_id,
        secret=box.seal(secret) if box and secret else None,
        test=test,
        settings=dict(settings or {}),
        created_at=utc_now(),
    )
    session.add(account)
    session.flush()
    return account


def change_key(session: Session, box: SecretBox, account: PaymentAccount, secret: str) -> None:
    """A new key of the same shop there: payments under way go on with it."""
    account.secret = box.seal(secret)
    session.flush()


def switch(session: Session, account: PaymentAccount, *, on: bool) -> None:
    """Make new links with the account, or no more; what was begun with it is ended with it.

    Raises PaymentAccountTaken if another active one is the same shop there.
    """
    if on and account.external_id:
        known = by_external_id(session, account.provider, account.external_id)
        if known is not None and known.id != account.id:
            raise PaymentAccountTaken(known)
    account.active = on
    session.flush()


def set_up(session: Session, account: PaymentAccount, **changes: Any) -> None:
    """Change some of the account's settings; the others stay."""
    account.settings = {**account.settings, **changes}
    session.flush()


def get(session: Session, account_id: int) -> PaymentAccount:
    account = session.get(PaymentAccount, account_id)
    if account is None:
        raise NoSuchPaymentAccount(f"payment account {account_id}")
    return account


def by_external_id(session: Session, provider: str, external_id: str) -> PaymentAccount | None:
    return session.scalar(
        sa.select(PaymentAccount).where(
            PaymentAccount.provider == provider, PaymentAccount.external_id == external_id, PaymentAccount.active
        )
    )


def of_shop(session: Session, shop_id: int) -> list[PaymentAccount]:
    """All accounts of the shop, switched off ones too."""
    return list(
        session.scalars(sa.select(PaymentAccount).where(PaymentAccount.shop_id == shop_id).order_by(PaymentAccount.id))
    )


def online(session: Session, shop_id: int) -> PaymentAccount:
    """The active account that links are made with: the newest one. Raises NoPaymentAccount."""
    return _active(session, shop_id, PaymentAccount.provider != MANUAL)


def find_online(session: Session, shop_id: int) -> PaymentAccount | None:
    """The same, or None."""
    return _find_active(session, shop_id, PaymentAccount.provider != MANUAL)


def by_hand(session: Session, shop_id: int) -> PaymentAccount:
    """The active account for cash and transfers. Raises NoPaymentAccount."""
    return _active(session, shop_id, PaymentAccount.provider == MANUAL)


def _active(session: Session, shop_id: int, which: sa.ColumnElement[bool]) -> PaymentAccount:
    account = _find_active(session, shop_id, which)
    if account is None:
        raise NoPaymentAccount(f"shop {shop_id} has no such account")
    return account


def _find_active(session: Session, shop_id: int, which: sa.ColumnElement[bool]) -> PaymentAccount | None:
    return session.scalar(
        sa.select(PaymentAccount)
        .where(PaymentAccount.shop_id == shop_id, PaymentAccount.active, which)
        .order_by(PaymentAccount.id.desc())
        .limit(1)
    )


class Providers:
    """The open providers of one process, by account. A changed key or address is noticed at the next call."""

    def __init__(self, db: Database, box: SecretBox) -> None:
        self._db = db
        self._box = box
        self._open: dict[int, tuple[tuple[object, ...], Provider]] = {}
        self._retired: list[Provider] = []

    async def of(self, account_id: int) -> Provider:
        """Raises ProviderUnavailable when the account's secret cannot be read."""
        account = await self._db.read(get, account_id)
        mark = (account.provider, account.external_id, account.secret, account.settings.get("api"))
        known = self._open.get(account_id)
        if known is not None and known[0] == mark:
            return known[1]
        if known is not None:
            # A call may be under way, so it is closed with the rest.
            self._retired.append(known[1])
        provider = open_provider(account.provider, self._account(account))
        self._open[account_id] = (mark, provider)
        return provider

    async def close(self) -> None:
        for _, provider in self._open.values():
            await provider.close()
        for provider in self._retired:
            await provider.close()
        self._open.clear()
        self._retired.clear()

    def _account(self, account: PaymentAccount) -> Account:
        try:
            secret = self._box.open(account.secret) if account.secret else ""
        except WrongKey as wrong:
            raise ProviderUnavailable(f"payment account {account.id}: {wrong}") from wrong
        return Account(number=account.external_id, secret=secret, api_url=account.settings.get("api"))
