"""What was said to and by a customer, a day of a conversation at a time, and what the staff noted of him."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime, timedelta
from typing import NamedTuple

import sqlalchemy as sa
from sqlalchemy.orm import Session

from company.tables import ChannelAccount, Staff
from inbox.tables import Author, Conversation, Kind, Message


class Day(NamedTuple):
    """One day's talk in one conversation. `last` is when it ended, `text` the last thing that was said."""

    conversation_id: int
    channel: str
    last: datetime
    messages: int
    ours: int
    """Of the messages, how many were the shop's."""
    text: str


class Noted(NamedTuple):
    conversation_id: int
    at: datetime
    by: str
    text: str


def talked(
    session: Session,
    shop_id: int,
    customer_id: int,
    *,
    ahead: timedelta,
    before: datetime | None = None,
    limit: int = 50,
) -> list[Day]:
    """Days that ended earlier than `before`, the latest first. `ahead` is how far the reader's clock is from UTC now:
    a day begins by it, in summers long past too."""
    day = _local_day(session, ahead)
    last, newest = sa.func.max(Message.created_at), sa.func.max(Message.id)
    days = (
        sa.select(
            Message.conversation_id,
            last.label("last"),
            newest.label("newest"),
            sa.func.count().label("messages"),
            sa.func.count().filter(Message.author != Author.BUYER).label("ours"),
        )
        .join(Conversation, Conversation.id == Message.conversation_id)
        .where(*_theirs(shop_id, customer_id), Message.private.is_(False))
        .group_by(Message.conversation_id, day)
        .order_by(last.desc(), newest.desc())
        .limit(limit)
    )
    if before is not None:
        days = days.having(last < sa.bindparam(None, before, type_=Message.created_at.type))
    page = days.subquery()
    rows = session.execute(
        sa.select(
            page.c.conversation_id, ChannelAccount.channel, page.c.last, page.c.messages, page.c.ours, Message.text
        )
        .join(Message, Message.id == page.c.newest)
        .join(ChannelAccount, ChannelAccount.id == Message.account_id)
        .order_by(page.c.last.desc(), page.c.newest.desc())
    )
    return [Day(*row) for row in rows]


def noted(
    session: Session, shop_id: int, customer_id: int, *, before: datetime | None = None, limit: int = 50
) -> list[Noted]:
    """Private notes in the customer's conversations, the latest first."""
    query = (
        sa.select(Message.conversation_id, Message.created_at, Staff.name, Message.text)
        .join(Conversation, Conversation.id == Message.conversation_id)
        .join(Staff, Staff.id == Message.staff_id)
        .where(*_theirs(shop_id, customer_id), Message.private, Message.author == Author.STAFF)
    )
    if before is not None:
        query = query.where(Message.created_at < before)
    return [Noted(*row) for row in session.execute(query.order_by(Message.id.desc()).limit(limit))]


def channels_of(session: Session, shop_id: int, conversation_ids: Collection[int]) -> dict[int, str]:
    """The channel of each of these conversations of buyers."""
    query = (
        sa.select(Conversation.id, ChannelAccount.channel)
        .join(ChannelAccount, ChannelAccount.id == Conversation.account_id)
        .where(Conversation.id.in_(conversation_ids), Conversation.shop_id == shop_id, Conversation.kind == Kind.BUYER)
    )
    return dict(session.execute(query).all()) if conversation_ids else {}


def _theirs(shop_id: int, customer_id: int) -> tuple[sa.ColumnElement[bool], ...]:
    c = Conversation
    return c.customer_id == customer_id, c.shop_id == shop_id, c.kind == Kind.BUYER


def _local_day(session: Session, ahead: timedelta) -> sa.ColumnElement[object]:
    seconds = int(ahead.total_seconds())
    if session.get_bind().dialect.name == "sqlite":
        return sa.func.date(Message.created_at, sa.literal_column(f"'{seconds:+d} seconds'"))
    in_utc = sa.func.timezone(sa.literal_column("'UTC'"), Message.created_at)
    return sa.func.date(in_utc + sa.literal_column(f"interval '{seconds} seconds'"))
