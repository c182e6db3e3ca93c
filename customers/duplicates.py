"""Cards that may be of one person, each pair with the reasons. None of these reasons merges anything."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import combinations
from typing import NamedTuple

import sqlalchemy as sa
from rapidfuzz import fuzz
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session, aliased

from customers.cards import standing
from customers.events import changed
from customers.tables import Apart, Contact, Customer, Identity
from kit.clock import utc_now
from storage.events import publish

ALIKE = 90
"""From 0 to 100, as rapidfuzz compares the words of two names in any order; a slip of one letter gives some 95."""

MOST_PAIRS = 200
"""Pairs that are shown at once: who has worked through them asks again."""

MOST_NAMES = 20_000
"""Cards whose names are compared, the newest ones."""

MOST_OF_A_KIND = 300
"""Names of one city that begin with the same letters; more of them would be compared for minutes."""


class Why(StrEnum):
    PHONE = "phone"
    EMAIL = "email"
    USERNAME = "username"
    NAME = "name"


class Reason(NamedTuple):
    """`what` both have; of names, how alike they are in percent."""

    why: Why
    what: str


@dataclass(frozen=True, slots=True)
class Pair:
    one_id: int
    """The older card."""
    other_id: int
    reasons: tuple[Reason, ...]


class Named(NamedTuple):
    id: int
    name: str
    city: str


def of_customer(session: Session, customer: Customer, limit: int = 5) -> list[tuple[Customer, tuple[Reason, ...]]]:
    """Other cards of the shop that may be this person, those with the most reasons first."""
    found: dict[int, list[Reason]] = {}
    for other_id, reason in [*_shared(session, customer), *_named_alike(session, customer)]:
        found.setdefault(other_id, []).append(reason)
    for one_id, other_id in _apart(session, [customer.id]):
        found.pop(other_id if one_id == customer.id else one_id, None)
    best = sorted(found, key=lambda other_id: (-len(found[other_id]), other_id))[:limit]
    rows = {row.id: row for row in session.scalars(sa.select(Customer).where(Customer.id.in_(best)))}
    return [(rows[other_id], tuple(found[other_id])) for other_id in best]


def exact(session: Session, shop_id: int) -> dict[tuple[int, int], list[Reason]]:
    """Pairs of the shop that share a phone, an e-mail or a user name."""
    one, other = aliased(Contact), aliased(Contact)
    first, second = aliased(Customer), aliased(Customer)
    rows = session.execute(
        sa.select(one.customer_id, other.customer_id, one.kind, one.value)
        .join(
            other,
            sa.and_(
                other.shop_id == one.shop_id,
                other.kind == one.kind,
                other.value == one.value,
                other.customer_id > one.customer_id,
            ),
        )
        .join(first, first.id == one.customer_id)
        .join(second, second.id == other.customer_id)
        .where(one.shop_id == shop_id, first.merged_into_id.is_(None), second.merged_into_id.is_(None))
        .order_by(other.customer_id.desc())
        .limit(5 * MOST_PAIRS)
    )
    found: dict[tuple[int, int], list[Reason]] = {}
    for one_id, other_id, kind, value in rows:
        found.setdefault((one_id, other_id), []).append(Reason(Why(kind), value))
    for pair, username in _same_usernames(session, shop_id):
        found.setdefault(pair, []).append(Reason(Why.USERNAME, username))
    return found


def names(session: Session, shop_id: int) -> list[Named]:
    """What `alike` compares: the newest cards that have a city and a name of two words."""
    rows = session.execute(
        sa.select(Customer.id, Customer.name, Customer.city)
        .where(*standing(shop_id), Customer.city != "", Customer.name.contains(" "))
        .order_by(Customer.id.desc())
        .limit(MOST_NAMES)
    )
    return [Named(*row) for row in rows]


def alike(rows: Iterable[Named]) -> dict[tuple[int, int], list[Reason]]:
    """Pairs of one city with nearly the same name. Takes up to a second: not for the event loop."""
    kinds: dict[tuple[str, str], list[tuple[int, str]]] = {}
    for row in rows:
        name = _plain(row.name)
        letters = "".join(sorted(word[0] for word in name.split()))
        kinds.setdefault((_plain(row.city), letters), []).append((row.id, name))
    found: dict[tuple[int, int], list[Reason]] = {}
    for kind in kinds.values():
        for (one_id, one), (other_id, other) in combinations(kind[:MOST_OF_A_KIND], 2):
            if score := fuzz.token_sort_ratio(one, other, score_cutoff=ALIKE):
                pair = (min(one_id, other_id), max(one_id, other_id))
                found.setdefault(pair, []).append(Reason(Why.NAME, f"{score:.0f}"))
    return found


def listed(session: Session, *found: dict[tuple[int, int], list[Reason]]) -> list[Pair]:
    """All pairs that were found and that nobody has said to be two people, those with the most reasons first."""
    joined: dict[tuple[int, int], list[Reason]] = {}
    for pairs in found:
        for pair, reasons in pairs.items():
            joined.setdefault(pair, []).extend(reasons)
    best = sorted(joined, key=lambda pair: (-len(joined[pair]), -pair[1]))[: 2 * MOST_PAIRS]
    apart = set(_apart(session, [one_id for one_id, _other in best]))
    left = [pair for pair in best if pair not in apart][:MOST_PAIRS]
    return [Pair(*pair, tuple(joined[pair])) for pair in left]


def keep_apart(session: Session, one: Customer, other: Customer, *, actor: str) -> None:
    """They are two people: the pair is not shown again. A second time changes nothing."""
    one_id, other_id = sorted((one.id, other.id))
    insert = postgresql.insert if session.get_bind().dialect.name == "postgresql" else sqlite.insert
    session.execute(
        insert(Apart)
        .values(one_id=one_id, other_id=other_id, actor=actor, at=utc_now())
        .on_conflict_do_nothing(index_elements=["one_id", "other_id"])
    )
    publish(session, changed(one, "apart", actor=actor, before={}, after={"other": other.id}))


def _apart(session: Session, ids: Sequence[int]) -> list[tuple[int, int]]:
    rows = session.execute(
        sa.select(Apart.one_id, Apart.other_id).where(sa.or_(Apart.one_id.in_(ids), Apart.other_id.in_(ids)))
    )
    return [(one_id, other_id) for one_id, other_id in rows]


def _shared(session: Session, customer: Customer) -> list[tuple[int, Reason]]:
    mine, theirs = aliased(Contact), aliased(Contact)
    contacts = (
        sa.select(theirs.customer_id, theirs.kind, theirs.value)
        .join(mine, sa.and_(mine.shop_id == theirs.shop_id, mine.kind == theirs.kind, mine.value == theirs.value))
        .join(Customer, Customer.id == theirs.customer_id)
        .where(mine.customer_id == customer.id, theirs.customer_id != customer.id, *standing(customer.shop_id))
        .limit(MOST_PAIRS)
    )
    own = sa.select(sa.func.lower(Identity.username)).where(Identity.customer_id == customer.id)
    users = (
        sa.select(Identity.customer_id, Identity.username)
        .join(Customer, Customer.id == Identity.customer_id)
        .where(
            Identity.username != "",
            sa.func.lower(Identity.username).in_(own),
            Identity.customer_id != customer.id,
            *standing(customer.shop_id),
        )
        .limit(MOST_PAIRS)
    )
    found = [(other_id, Reason(Why(kind), value)) for other_id, kind, value in session.execute(contacts)]
    return [*found, *((other_id, Reason(Why.USERNAME, name)) for other_id, name in session.execute(users))]


def _named_alike(session: Session, customer: Customer) -> list[tuple[int, Reason]]:
    name, city = _plain(customer.name), customer.city.strip()
    if not city or " " not in name:
        return []
    rows = session.execute(
        sa.select(Customer.id, Customer.name, Customer.city)
        .where(
            *standing(customer.shop_id),
            Customer.city.in_({city, city.lower(), city.upper(), city.capitalize(), city.title()}),
            Customer.id != customer.id,
        )
        .order_by(Customer.id.desc())
        .limit(MOST_NAMES)
    )
    found = []
    for other_id, other, _city in rows:
        if score := fuzz.token_sort_ratio(name, _plain(other), score_cutoff=ALIKE):
            found.append((other_id, Reason(Why.NAME, f"{score:.0f}")))
    return found[:MOST_PAIRS]


def _same_usernames(session: Session, shop_id: int) -> list[tuple[tuple[int, int], str]]:
    user = sa.func.lower(Identity.username)
    mine = sa.select(Identity.customer_id, user).join(Customer, Customer.id == Identity.customer_id)
    mine = mine.where(*standing(shop_id), Identity.username != "")
    often = (
        sa.select(user)
        .join(Customer, Customer.id == Identity.customer_id)
        .where(*standing(shop_id), Identity.username != "")
        .group_by(user)
        .having(sa.func.count(Identity.customer_id.distinct()) > 1)
        .limit(MOST_PAIRS)
    )
    people: dict[str, set[int]] = {}
    for customer_id, name in session.execute(mine.where(user.in_(often))):
        people.setdefault(name, set()).add(customer_id)
    return [
        ((one_id, other_id), name)
        for name, ids in people.items()
        for one_id, other_id in combinations(sorted(ids)[:MOST_OF_A_KIND], 2)
    ]


def _plain(text: str) -> str:
    return " ".join(text.casefold().replace("ё", "е").split())
