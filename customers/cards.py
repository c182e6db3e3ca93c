"""Customers' cards: what a shop knows of a person who buys from it."""

from __future__ import annotations

from collections.abc import Sequence

import phonenumbers
import sqlalchemy as sa
from sqlalchemy.orm import Session

from company import staff
from company.tables import ChannelAccount, Shop
from customers.tables import Customer, Identity
from kit.clock import utc_now
from kit.errors import Missing, Refused


class NoSuchCustomer(Missing):
    code = "no_such_customer"


class BadPhone(Refused):
    """The text is not a phone number that exists."""

    code = "bad_phone"

    def __init__(self, text: str) -> None:
        super().__init__("not a phone number", text=text[:40])


def phone(text: str, region: str = "RU") -> str:
    """The number as E.164, "+79001234567". Without a country code it is a number of `region`. Raises BadPhone."""
    try:
        number = phonenumbers.parse(text[:60], region)
    except phonenumbers.NumberParseException:
        raise BadPhone(text) from None
    if not phonenumbers.is_valid_number(number):
        raise BadPhone(text)
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)


_phone = phone
"""The same, where a parameter has the name."""


def tidy(text: str, limit: int) -> str:
    """The text on one line, without control and direction characters, cut to `limit`."""
    return " ".join("".join(c if c.isprintable() else " " for c in text).split())[:limit].rstrip()


def add(session: Session, shop: Shop, *, name: str, locale: str | None = None) -> Customer:
    """A card for somebody who has not written yet, such as one who called."""
    customer = Customer(shop_id=shop.id, name=tidy(name, 200), locale=locale or shop.locale, created_at=utc_now())
    session.add(customer)
    session.flush()
    return customer


def get(session: Session, customer_id: int, shop_id: int) -> Customer:
    """The shop's customer. Raises NoSuchCustomer, for another shop's too."""
    customer = session.get(Customer, customer_id)
    if customer is None or customer.shop_id != shop_id:
        raise NoSuchCustomer(f"customer {customer_id} of shop {shop_id}")
    return customer


def remember(
    session: Session,
    customer: Customer,
    *,
    name: str | None = None,
    phone: str | None = None,
    email: str | None = None,
    city: str | None = None,
    address: str | None = None,
    note: str | None = None,
    tags: Sequence[str] | None = None,
) -> None:
    """Put what is given on the card; None leaves a field as it is, "" clears it.

    Raises BadPhone and company.staff.BadEmail, and then changes nothing.
    """
    number = _phone(phone) if phone else None
    mail = staff.address(email) if email else None
    if name is not None:
        customer.name = tidy(name, 200)
    if phone is not None:
        customer.phone = number
    if email is not None:
        customer.email = mail
    if city is not None:
        customer.city = tidy(city, 120)
    if address is not None:
        customer.address = tidy(address, 500)
    if note is not None:
        customer.note = note.strip()
    if tags is not None:
        customer.tags = sorted({tag for tag in (tidy(tag, 40) for tag in tags) if tag})
    session.flush()


def search(session: Session, shop_id: int, text: str, limit: int = 20) -> list[Customer]:
    """Customers whose name, user name, e-mail or phone holds every word of the text, the newest first."""
    words = tidy(text, 100).split()
    if not words:
        return []
    found = sa.select(Customer).where(Customer.shop_id == shop_id)
    for word in _joined_phone(words):
        found = found.where(sa.or_(*_holding(word)))
    return list(session.scalars(found.order_by(Customer.id.desc()).limit(limit)))


def _joined_phone(words: list[str]) -> list[str]:
    """The words, or the one number that they are the groups of: "900 123" is one thing to look for."""
    together = "".join(words)
    return [together] if _digits(together) else words


def _digits(word: str) -> str:
    """The digits of what may be a part of a phone number, as they stand in E.164; "" for anything else."""
    bare = word.lstrip("+").translate({ord(c): None for c in "()-. "})
    if not bare.isdecimal() or len(bare) < 3:
        return ""
    return "7" + bare[1:] if len(bare) == 11 and bare[0] == "8" else bare


def _holding(word: str) -> list[sa.ColumnElement[bool]]:
    # SQLite folds the case of Latin letters only, so the ways in which people write names are looked for apart.
    spellings = {word, word.lower(), word.upper(), word.capitalize()}
    user = word.lstrip("@").lower()
    holding: list[sa.ColumnElement[bool]] = [Customer.name.contains(s, autoescape=True) for s in sorted(spellings)]
    holding.append(sa.func.lower(Customer.email).contains(word.lower(), autoescape=True))
    holding.append(
        sa.exists()
        .where(Identity.customer_id == Customer.id)
        .where(sa.func.lower(Identity.username).contains(user, autoescape=True))
    )
    if digits := _digits(word):
        holding.append(Customer.phone.contains(digits))
    return holding


def identities(session: Session, customer_id: int) -> list[tuple[Identity, ChannelAccount]]:
    """Where the customer can be talked to, in the order in which he came."""
    rows = session.execute(
        sa.select(Identity, ChannelAccount)
        .join(ChannelAccount, ChannelAccount.id == Identity.account_id)
        .where(Identity.customer_id == customer_id)
        .order_by(Identity.id)
    )
    return [(identity, account) for identity, account in rows]
