"""Customers' cards: what a shop knows of a person who buys from it."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError, InvalidRequestError
from sqlalchemy.orm import Session

from company import staff
from company.tables import ChannelAccount, Shop
from customers import contacts
from customers.contacts import BadPhone as BadPhone
from customers.contacts import phone as phone
from customers.events import changed
from customers.tables import NAMES, ContactKind, Customer, Identity
from kit.clock import utc_now
from kit.errors import Missing, Refused
from storage.events import publish


class NoSuchCustomer(Missing):
    code = "no_such_customer"


_phone = phone
"""The same, where a parameter has the name."""


def tidy(text: str, limit: int) -> str:
    """The text on one line, without control and direction characters, cut to `limit`."""
    return " ".join("".join(c if c.isprintable() else " " for c in text).split())[:limit].rstrip()


def add(session: Session, shop: Shop, *, name: str, locale: str | None = None) -> Customer:
    """A card for somebody who has not written yet, such as one who called."""
    customer = _new(shop, name, locale)
    session.add(customer)
    session.flush()
    return customer


def add_once(session: Session, shop: Shop, *, name: str, dedup_key: str) -> tuple[Customer, bool]:
    """The same, and whether it was made now: a `dedup_key` names the form, which makes one card however often sent."""
    made_by = sa.select(Customer).where(Customer.shop_id == shop.id, Customer.dedup_key == dedup_key)
    if (known := session.scalar(made_by)) is not None:
        return known, False
    try:
        with session.begin_nested():
            customer = _new(shop, name, None, dedup_key)
            session.add(customer)
    except IntegrityError:
        return session.scalars(made_by).one(), False
    return customer, True


def _new(shop: Shop, name: str, locale: str | None, dedup_key: str | None = None) -> Customer:
    facts = {"name": tidy(name, 200), "locale": locale or shop.locale, "dedup_key": dedup_key}
    return Customer(shop_id=shop.id, created_at=utc_now(), **facts)


class ErasedAlready(Refused):
    """The customer was forgotten at his wish: nothing is written on his card any more."""

    code = "customer_erased"


def get(session: Session, customer_id: int, shop_id: int) -> Customer:
    """The shop's customer; for one that was merged away, the one that stands for him.

    Raises NoSuchCustomer, for another shop's too.
    """
    customer = exactly(session, customer_id, shop_id)
    while customer.merged_into_id is not None:
        customer = session.get_one(Customer, customer.merged_into_id)
    return customer


def exactly(session: Session, customer_id: int, shop_id: int) -> Customer:
    """The very card of this number, merged away or not. Raises NoSuchCustomer."""
    customer = session.get(Customer, customer_id)
    if customer is None or customer.shop_id != shop_id:
        raise NoSuchCustomer(f"customer {customer_id} of shop {shop_id}")
    return customer


def held(session: Session, customer_id: int, shop_id: int) -> Customer:
    """As `get`, and the card can be neither merged away nor removed before the transaction ends.

    Raises ErasedAlready.
    """
    while True:
        customer = get(session, customer_id, shop_id)
        try:
            session.refresh(customer, with_for_update={"read": True, "key_share": True})
        except InvalidRequestError:
            raise NoSuchCustomer(f"customer {customer_id} was removed just now") from None
        if customer.erased_at is not None:
            raise ErasedAlready()
        if customer.merged_into_id is None:
            return customer


def many(session: Session, shop_id: int, customer_ids: Collection[int]) -> dict[int, Customer]:
    """Those of the shop's standing cards, by number."""
    rows = session.scalars(sa.select(Customer).where(*standing(shop_id), Customer.id.in_(customer_ids)))
    return {row.id: row for row in rows}


def is_merged(customer: Customer) -> bool:
    """Whether another card stands for this one."""
    return customer.merged_into_id is not None


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
    actor: str = "",
) -> None:
    """Put what is given on the card; None leaves a field as it is, "" clears it.

    A phone or an e-mail becomes the main one, and the one before stays among the contacts. With an `actor` the log is
    told what was changed. Raises BadPhone and company.staff.BadEmail, and then changes nothing.
    """
    number = _phone(phone) if phone else None
    mail = staff.address(email) if email else None
    before = _fields(customer)
    if name is not None:
        customer.name = tidy(name, 200)
    if phone is not None:
        contacts.set_main(session, customer, ContactKind.PHONE, number)
    if email is not None:
        contacts.set_main(session, customer, ContactKind.EMAIL, mail)
    if city is not None:
        customer.city = tidy(city, 120)
    if address is not None:
        customer.address = tidy(address, 500)
    if note is not None:
        customer.note = note.strip()
    if tags is not None:
        customer.tags = sorted({tag for tag in (tidy(tag, 40) for tag in tags) if tag})
    session.flush()
    after = _fields(customer)
    names = [name for name in after if after[name] != before[name]]
    if actor and names:
        old, new = {name: before[name] for name in names}, {name: after[name] for name in names}
        publish(session, changed(customer, "card", actor=actor, before=old, after=new))


def _fields(customer: Customer) -> dict[str, Any]:
    names = ("name", "phone", "email", "city", "address", "note", "tags")
    return {name: getattr(customer, name) for name in names}


def search(session: Session, shop_id: int, text: str, limit: int = 20) -> list[Customer]:
    """Customers whose name, user name, e-mail or phone holds every word of the text, the newest first."""
    if not tidy(text, 100):
        return []
    found = sa.select(Customer).where(*standing(shop_id), *matching(session, shop_id, text))
    return list(session.scalars(found.order_by(Customer.id.desc()).limit(limit)))


def standing(shop_id: int) -> tuple[sa.ColumnElement[bool], ...]:
    """The shop's cards, without those that were merged away or erased."""
    return Customer.shop_id == shop_id, Customer.merged_into_id.is_(None), Customer.erased_at.is_(None)


def matching(session: Session, shop_id: int, text: str) -> list[sa.ColumnElement[bool]]:
    """Every word of the text stands in the name, or in a user name, e-mail or phone, the main one or another."""
    return [_holding(session, shop_id, word) for word in _joined_phone(tidy(text, 100).split())]


def spellings(word: str) -> list[str]:
    """The ways in which people write a word or a name: SQLite folds the case of Latin letters only."""
    return sorted({word, word.lower(), word.upper(), word.capitalize(), word.title()})


def tagged(session: Session, tag: str) -> sa.ColumnElement[bool]:
    """The customer has this very tag."""
    each = _each_tag(session)
    return sa.exists(sa.select(sa.literal(1)).select_from(each).where(each.c.value == tag))


def tags(session: Session, shop_id: int) -> list[tuple[str, int]]:
    """Every tag of the shop's customers with how many have it, those of the most first."""
    each = _each_tag(session)
    count = sa.func.count()
    rows = session.execute(
        sa.select(each.c.value, count)
        .select_from(Customer)
        .join(each, sa.true())
        .where(*standing(shop_id), sa.cast(Customer.tags, sa.Text) != "[]")
        .group_by(each.c.value)
        .order_by(count.desc(), each.c.value)
    )
    return [(tag, n) for tag, n in rows]


def cities(session: Session, shop_id: int, limit: int = 100) -> list[str]:
    """Where the shop's customers live, the cities of the most first."""
    rows = session.scalars(
        sa.select(Customer.city)
        .where(*standing(shop_id), Customer.city != "")
        .group_by(Customer.city)
        .order_by(sa.func.count().desc(), Customer.city)
        .limit(limit)
    )
    return list(rows)


def _each_tag(session: Session) -> sa.TableValuedAlias:
    postgres = session.get_bind().dialect.name == "postgresql"
    every = sa.func.json_array_elements_text if postgres else sa.func.json_each
    return every(Customer.tags).table_valued(sa.column("value", sa.Text), joins_implicitly=True)


MOST_NAMED = 300
"""Numbers that are named one by one in a query."""


def named(session: Session, ids: sa.Select[int]) -> sa.Select[int] | list[int]:
    """Few numbers one by one, so that what is counted and then shown is not looked for twice among all there are."""
    found = list(session.scalars(ids.limit(MOST_NAMED + 1)))
    return found if len(found) <= MOST_NAMED else ids


def _joined_phone(words: list[str]) -> list[str]:
    """The words, or the one number that they are the groups of: "900 123" is one thing to look for."""
    together = "".join(words)
    return [together] if contacts.digits(together) else words


def _holding(session: Session, shop_id: int, word: str) -> sa.ColumnElement[bool]:
    """All but a name is looked for in all that the shop has of the kind, so none is asked for what it cannot hold."""
    ways = []
    if (reached := contacts.owners(shop_id, word)) is not None:
        ways.append(reached)
    if word.isascii():
        user = sa.func.lower(Identity.username).contains(word.lstrip("@").lower(), autoescape=True)
        ways.append(sa.select(Identity.customer_id).where(user))
    if not NAMES.looks_up(session, word):
        # All cards are read anyway: each once, and not each of those that are found once more.
        return sa.or_(NAMES.written(Customer.name, spellings(word)), *(Customer.id.in_(way) for way in ways))
    ways.append(NAMES.holding(session, Customer.name, word, spellings(word)))
    return Customer.id.in_(sa.union(*ways) if len(ways) > 1 else ways[0])


def identities(session: Session, customer_id: int) -> list[tuple[Identity, ChannelAccount]]:
    """Where the customer can be talked to, in the order in which he came."""
    rows = session.execute(
        sa.select(Identity, ChannelAccount)
        .join(ChannelAccount, ChannelAccount.id == Identity.account_id)
        .where(Identity.customer_id == customer_id)
        .order_by(Identity.id)
    )
    return [(identity, account) for identity, account in rows]


def channels(session: Session, customer_ids: Collection[int]) -> dict[int, list[str]]:
    """The channels that each customer has come by, in the order in which he did."""
    found: dict[int, list[str]] = {}
    rows = session.execute(
        sa.select(Identity.customer_id, ChannelAccount.channel)
        .join(ChannelAccount, ChannelAccount.id == Identity.account_id)
        .where(Identity.customer_id.in_(customer_ids))
        .order_by(Identity.id)
    )
    for customer_id, channel in rows:
        if channel not in found.setdefault(customer_id, []):
            found[customer_id].append(channel)
    return found
