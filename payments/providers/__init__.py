"""Providers of payment: one file each, behind the protocol of `base`.

To add one: a module with a class that satisfies `base.Provider`, a line in `PROVIDERS`, tests as the others have.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from payments.providers.base import Provider


@dataclass(frozen=True, slots=True)
class Account:
    """What a provider needs to act for a shop. `number` is the shop's id there."""

    number: str
    secret: str = field(default="", repr=False)
    api_url: str | None = None


def _manual(account: Account) -> Provider:
    from payments.providers.manual import Manual

    return Manual(account.number)


def _yookassa(account: Account) -> Provider:
    from payments.providers.yookassa import API_URL, YooKassa  # the SDK loads only where such an account exists

    return YooKassa(account.number, account.secret, api_url=account.api_url or API_URL)


PROVIDERS: dict[str, Callable[[Account], Provider]] = {"manual": _manual, "yookassa": _yookassa}


def open_provider(name: str, account: Account) -> Provider:
    """The provider of this name for this account; the caller closes it. Raises KeyError for an unknown name."""
    return PROVIDERS[name](account)
