"""Customers by what they have bought and by what is on their cards: the list, its filters, its pages."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any, NamedTuple

import sqlalchemy as sa
from sqlalchemy.orm import Session

from company.tables import ChannelAccount
from customers import cards, consents, fields
from customers.tables import Customer, Identity
from orders.tables import Order


class Sort(StrEnum):
    NEW = "new"
    NAME = "name"
    LAST = "last"
    SPENT = "spent"


class Bought(NamedTuple):
    """What a customer has bought: `paid` is in minor units and counts what was given back."""

    orders: int = 0
    paid: int = 0
    last: datetime | None = None


@dataclass(frozen=True, slots=True)
class Sought:
    """What an own field must hold: this value, or one between these days."""

    value: str = ""
    since: str = ""
    until: str = ""


@dataclass(frozen=True, slots=True)
class Filter:
    """Which customers; an empty one means all. `spent_from` and `spent_to` are minor units, both included."""

    text: str = ""
    tag: str = ""
    channel: str = ""
    city: str = ""
    bought: bool | None = None
    spent_from: int | None = None
    spent_to: int | None = None
    last_since: datetime | None = None
    last_until: datetime | None = None
    mailing: bool | None = None
    """Whether the shop may write to them first."""
    own: Mapping[int, Sought] = field(default_factory=dict)
    """By the number of the field."""
    without: Sequence[int] = ()
    """Customers that are left out if they have never ordered."""

    @property
    def _sums(self) -> bool:
        bounds = (self.bought, self.spent_from, self.spent_to, self.last_since, self.last_until)
        return any(bound is not None for bound in bounds)


class Row(NamedTuple):
    customer: Customer
    bought: Bought


@dataclass(frozen=True, slots=True)
class Page:
    rows: list[Row]
    total: int


def page(
    session: Session,
    shop_id: int,
    wanted: Filter,
    *,
    sort: Sort = Sort.NEW,
    ascending: bool = False,
    number: int = 1,
    size: int = 50,
) -> Page:
    """One page of those who fit, and how many there are. Who has never bought stands last when sorted by purchases."""
    sums = _sums(shop_id)
    ids = _chosen(session, shop_id, wanted, sums, twice=True)
    total = session.scalar(sa.select(sa.func.count()).select_from(ids.subquery())) or 0
    if sort in (Sort.LAST, Sort.SPENT) and not wanted._sums:
        ids = ids.outerjoin(sums, sums.c.customer_id == Customer.id)
    ordered = ids.order_by(*_order(sort, sums, ascending)).limit(size).offset((max(number, 1) - 1) * size)
    return Page(_rows(session, list(session.scalars(ordered))), total)


def after(session: Session, shop_id: int, wanted: Filter, last_id: int, *, size: int = 500) -> list[Row]:
    """Those who fit, by their numbers, from the one after `last_id` on: for whoever walks through all of them."""
    ids = _chosen(session, shop_id, wanted, _sums(shop_id)).where(Customer.id > last_id)
    return _rows(session, list(session.scalars(ids.order_by(Customer.id).limit(size))))


def bought(session: Session, customer_ids: Sequence[int]) -> dict[int, Bought]:
    """By customer; one who has never ordered is not there."""
    rows = session.execute(sa.select(*_totals()).where(Order.customer_id.in_(customer_ids)).group_by(Order.customer_id))
    return {customer_id: Bought(count, int(paid), last) for customer_id, count, paid, last in rows}


def _totals() -> tuple[sa.ColumnElement[Any], ...]:
    return (
        Order.customer_id.label("customer_id"),
        sa.func.count().label("orders"),
        sa.func.coalesce(sa.func.sum(Order.paid_amount), 0).label("paid"),
        sa.func.max(Order.created_at).label("last"),
    )


def _sums(shop_id: int) -> sa.Subquery:
    return sa.select(*_totals()).where(Order.shop_id == shop_id).group_by(Order.customer_id).subquery("sums")


def _chosen(
    session: Session, shop_id: int, wanted: Filter, sums: sa.Subquery, *, twice: bool = False
) -> sa.Select[int]:
    """`twice`: it is asked to count and to show, so whom a text means is found before."""
    query = sa.select(Customer.id).where(*cards.standing(shop_id))
    if matching := cards.matching(session, shop_id, wanted.text):
        meant = query.where(*matching)
        query = query.where(Customer.id.in_(cards.named(session, meant))) if twice else meant
    if wanted.tag:
        query = query.where(cards.tagged(session, wanted.tag))
    if wanted.city:
        query = query.where(Customer.city.in_(cards.spellings(wanted.city)))
    if wanted.channel:
        there = sa.select(Identity.customer_id).join(ChannelAccount, ChannelAccount.id == Identity.account_id)
        query = query.where(
            Customer.id.in_(there.where(ChannelAccount.shop_id == shop_id, ChannelAccount.channel == wanted.channel))
        )
    if wanted.mailing is not None:
        may = consents.written_to_first()
        query = query.where(may if wanted.mailing else sa.not_(may))
    known = {one.id: one for one in fields.of_shop(session, shop_id)} if wanted.own else {}
    for field_id, sought in wanted.own.items():
        if field_id in known:
            holding = fields.holding(known[field_id], value=sought.value, since=sought.since, until=sought.until)
            query = query.where(Customer.id.in_(holding))
    if wanted.without:
        ordered = sa.select(Order.customer_id).where(Order.customer_id.in_(wanted.without))
        query = query.where(Customer.id.not_in(wanted.without) | Customer.id.in_(ordered))
    if wanted._sums:
        query = query.outerjoin(sums, sums.c.customer_id == Customer.id).where(*_bounds(wanted, sums))
    return query


def _bounds(wanted: Filter, sums: sa.Subquery) -> list[sa.ColumnElement[bool]]:
    paid = sa.func.coalesce(sums.c.paid, 0)
    bounds: list[sa.ColumnElement[bool]] = []
    if wanted.bought is not None:
        bounds.append(sums.c.orders.is_not(None) if wanted.bought else sums.c.orders.is_(None))
    if wanted.spent_from is not None:
        bounds.append(paid >= wanted.spent_from)
    if wanted.spent_to is not None:
        bounds.append(paid <= wanted.spent_to)
    if wanted.last_since is not None:
        bounds.append(sums.c.last >= wanted.last_since)
    if wanted.last_until is not None:
        bounds.append(sums.c.last < wanted.last_until)
    return bounds


def _order(sort: Sort, sums: sa.Subquery, ascending: bool) -> tuple[Any, ...]:
    key: Any = Customer.id
    first: tuple[Any, ...] = ()
    if sort is Sort.NAME:
        key, first = sa.func.lower(Customer.name), (Customer.name == "",)
    elif sort is Sort.LAST:
        key, first = sums.c.last, (sums.c.last.is_(None),)
    elif sort is Sort.SPENT:
        key = sa.func.coalesce(sums.c.paid, 0)
    return (*first, key, Customer.id) if ascending else (*first, key.desc(), Customer.id.desc())


def _rows(session: Session, ids: list[int]) -> list[Row]:
    rows = {row.id: row for row in session.scalars(sa.select(Customer).where(Customer.id.in_(ids)))}
    sums = bought(session, ids)
    return [Row(rows[customer_id], sums.get(customer_id, Bought())) for customer_id in ids]
