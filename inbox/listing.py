"""The list of conversations as a member of staff sees it: views, search, counts."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any, NamedTuple

import sqlalchemy as sa
from sqlalchemy.orm import Session, aliased

from company.tables import ChannelAccount, Staff
from customers import cards
from customers.tables import Customer
from inbox import searching
from inbox.tables import Author, Conversation, Kind, Message, State
from orders.tables import Order

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

MOST_FOUND = 500
"""Conversations that are in the list because of what was said in them."""


class View(StrEnum):
    OPEN = "open"
    MINE = "mine"
    UNASSIGNED = "unassigned"
    WAITING = "waiting"
    SNOOZED = "snoozed"
    CLOSED = "closed"


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the list."""

    id: int
    customer_id: int | None
    name: str
    channel: str
    account_id: int
    state: State
    held: bool
    assignee_id: int | None
    assignee: str
    unread: int
    waiting_since: datetime | None
    snoozed_until: datetime | None
    last_at: datetime
    last_text: str
    last_author: Author


_ORDERS = {
    View.WAITING: (Conversation.waiting_since, Conversation.id),
    View.SNOOZED: (Conversation.snoozed_until, Conversation.id),
}

_STATES = {View.SNOOZED: State.SNOOZED, View.CLOSED: State.CLOSED}
"""Of the views that do not show what is open."""


class Talk(NamedTuple):
    """A conversation by where it is held."""

    id: int
    account_id: int
    chat: str


def rows(
    session: Session,
    shop_id: int,
    *,
    view: View = View.OPEN,
    staff_id: int = 0,
    channel: str = "",
    text: str = "",
    before: tuple[datetime, int] | None = None,
    limit: int = 50,
) -> list[Row]:
    """A page of the list, the latest talk first; those who wait longest stand first in the waiting view, and those who
    come back soonest in that of what was put off.

    `before` is (last_at, id) of the last row seen.
    """
    query = _rows_query().where(*_in_view(shop_id, view, staff_id))
    if channel:
        query = query.where(ChannelAccount.channel == channel)
    if text.strip():
        query = query.where(_matches(session, shop_id, text.strip()))
    if before is not None:
        query = query.where(sa.tuple_(Conversation.last_at, Conversation.id) < sa.tuple_(*map(_literal, before)))
    order = _ORDERS.get(view, (Conversation.last_at.desc(), Conversation.id.desc()))
    return [_row(found) for found in session.execute(query.order_by(*order).limit(limit))]


def lines(session: Session, shop_id: int, ids: Collection[int]) -> list[Row]:
    """These lines anew, without those that are not in this shop's inbox."""
    query = _rows_query().where(
        Conversation.id.in_(ids), Conversation.shop_id == shop_id, Conversation.kind == Kind.BUYER
    )
    return [_row(found) for found in session.execute(query)]


def places(row: Row) -> dict[View, int]:
    """The views in which the line stands, MINE for whoever leads it, and where: a line of a smaller number is above it.

    Numbers are microseconds, as `rows` orders its lines.
    """
    last = -_microseconds(row.last_at)
    if row.state is State.CLOSED:
        return {View.CLOSED: last}
    if row.state is State.SNOOZED:
        return {View.SNOOZED: _microseconds(row.snoozed_until)} if row.snoozed_until is not None else {}
    found = {View.OPEN: last, (View.UNASSIGNED if row.assignee_id is None else View.MINE): last}
    if row.waiting_since is not None:
        found[View.WAITING] = _microseconds(row.waiting_since)
    return found


def _microseconds(moment: datetime) -> int:
    return (moment - EPOCH) // timedelta(microseconds=1)


def of_customers(session: Session, shop_id: int, customer_ids: Sequence[int], *, limit: int) -> list[Row]:
    """The conversations of these customers in whatever state, the latest talk first."""
    query = _rows_query().where(
        Conversation.shop_id == shop_id, Conversation.kind == Kind.BUYER, Conversation.customer_id.in_(customer_ids)
    )
    return [_row(found) for found in session.execute(query.order_by(Conversation.last_at.desc()).limit(limit))]


def talks_of(session: Session, shop_id: int, customer_id: int) -> list[Talk]:
    """Where the customer talks with the shop, the latest last."""
    c = Conversation
    query = sa.select(c.id, c.account_id, c.chat).where(
        c.customer_id == customer_id, c.shop_id == shop_id, c.kind == Kind.BUYER
    )
    return [Talk(*found) for found in session.execute(query.order_by(c.last_at))]


def talk_with(talks: Sequence[Talk], account_id: int, person: str) -> int | None:
    """The conversation with who is called `person` on this account: his own chat, or the only one that there is.

    A customer whose cards were merged may be two people of one account.
    """
    there = [talk for talk in talks if talk.account_id == account_id]
    own = [talk.id for talk in there if talk.chat == person]
    if own:
        return own[-1]
    return there[0].id if len(there) == 1 else None


def counts(session: Session, shop_id: int, staff_id: int) -> Mapping[str, int]:
    """How many conversations stand in each view, and how many open ones each channel has ("channel:telegram")."""
    return counts_of(session, shop_id, [staff_id])[staff_id]


def counts_of(session: Session, shop_id: int, people: Collection[int]) -> dict[int, Mapping[str, int]]:
    """The same for many people at once: only what is theirs differs."""
    c = Conversation
    views = (View.OPEN, View.MINE, View.UNASSIGNED, View.WAITING, View.SNOOZED)
    found: Counter[str] = Counter(dict.fromkeys(views, 0))
    mine: Counter[int] = Counter()
    channels = {row[0]: row[1] for row in session.execute(sa.select(ChannelAccount.id, ChannelAccount.channel))}
    of_accounts = session.execute(
        sa.select(
            c.state,
            c.account_id,
            c.assignee_id,
            sa.func.count(),
            sa.func.count().filter(c.assignee_id.is_(None)),
            sa.func.count(c.waiting_since),
        )
        .where(c.shop_id == shop_id, c.kind == Kind.BUYER, c.state.in_((State.OPEN, State.SNOOZED)))
        .group_by(c.state, c.account_id, c.assignee_id)
    )
    for state, account_id, leader_id, n, nobodys, waiting in of_accounts:
        if state == State.SNOOZED:
            found[View.SNOOZED] += n
            continue
        found[f"channel:{channels[account_id]}"] += n
        found.update({View.OPEN: n, View.UNASSIGNED: nobodys, View.WAITING: waiting})
        mine[leader_id or 0] += n
    return {staff_id: {**found, View.MINE: mine[staff_id]} for staff_id in people}


def last_said_by(session: Session, ids: Sequence[int]) -> dict[int, tuple[int, str]]:
    """Who of the staff said the last words in each of these conversations, by id and name."""
    if not ids:
        return {}
    last = (
        sa.select(Message.staff_id)
        .where(Message.conversation_id == Conversation.id, Message.author == Author.STAFF, Message.private.is_(False))
        .order_by(Message.id.desc())
        .limit(1)
        .scalar_subquery()
    )
    talks = sa.select(Conversation.id.label("id"), last.label("staff_id")).where(Conversation.id.in_(ids)).subquery()
    found = session.execute(sa.select(talks.c.id, Staff.id, Staff.name).join(Staff, Staff.id == talks.c.staff_id))
    return {talk: (staff_id, name) for talk, staff_id, name in found}


def _rows_query() -> sa.Select[object]:
    c = Conversation
    return (
        sa.select(  # type: ignore[return-value]
            c.id,
            c.customer_id,
            Customer.name,
            ChannelAccount.channel,
            c.account_id,
            c.state,
            c.held,
            c.assignee_id,
            Staff.name,
            c.unread,
            c.waiting_since,
            c.snoozed_until,
            c.last_at,
            c.last_text,
            c.last_author,
        )
        .join(ChannelAccount, ChannelAccount.id == c.account_id)
        .outerjoin(Customer, Customer.id == c.customer_id)
        .outerjoin(Staff, Staff.id == c.assignee_id)
    )


def _in_view(shop_id: int, view: View, staff_id: int) -> list[sa.ColumnElement[bool]]:
    c = Conversation
    conditions = [c.shop_id == shop_id, c.kind == Kind.BUYER]
    conditions.append(c.state == _STATES.get(view, State.OPEN))
    if view is View.MINE:
        conditions.append(c.assignee_id == staff_id)
    elif view is View.UNASSIGNED:
        conditions.append(c.assignee_id.is_(None))
    elif view is View.WAITING:
        conditions.append(c.waiting_since.is_not(None))
    return conditions


def _matches(session: Session, shop_id: int, text: str) -> sa.ColumnElement[bool]:
    """A customer's name, a phone or e-mail of his, an order's number, or what was said."""
    people = sa.select(Customer.id).where(*cards.standing(shop_id), *cards.matching(session, shop_id, text))
    like = [
        Conversation.customer_id.in_(people),
        Conversation.id.in_(searching.conversations_with(session, shop_id, text)[:MOST_FOUND]),
    ]
    number = text.removeprefix("№").strip()
    if number.isdecimal() and len(number) <= 9:
        orders = sa.select(Order.conversation_id).where(Order.shop_id == shop_id, Order.number == int(number))
        like.append(Conversation.id.in_(orders))
    return sa.or_(*like)


def _literal(value: object) -> sa.ColumnElement[object]:
    return sa.literal(value)


def _row(found: sa.Row[object]) -> Row:
    fields: tuple[Any, ...] = tuple(found)
    id_, customer, name, channel, account, state, held, assignee_id, assignee, unread, *moments, text, author = fields
    waiting, snoozed, at = moments
    return Row(
        id=id_,
        customer_id=customer,
        name=name or "",
        channel=channel,
        account_id=account,
        state=State(state),
        held=held,
        assignee_id=assignee_id,
        assignee=assignee or "",
        unread=unread,
        waiting_since=waiting,
        snoozed_until=snoozed,
        last_at=at,
        last_text=text,
        last_author=Author(author),
    )


def only_of_staff(session: Session, shop_id: int) -> list[int]:
    """Customers of whom the shop knows nothing but the chat in which a person of its staff is told of orders."""
    other = aliased(Conversation)
    as_buyer = sa.exists().where(other.customer_id == Conversation.customer_id, other.kind == Kind.BUYER)
    query = sa.select(Conversation.customer_id).where(
        Conversation.shop_id == shop_id, Conversation.kind == Kind.STAFF, Conversation.customer_id.is_not(None)
    )
    return [id_ for id_ in session.scalars(query.where(~as_buyer).distinct()) if id_ is not None]
