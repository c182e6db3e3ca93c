"""Tables of tasks, and of what each person was told."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from storage.schema import Base, Id, ref

_open = sa.text("state = 'open'")
_closed = sa.text("state <> 'open'")
_unread = sa.text("read_at IS NULL")
_read = sa.text("read_at IS NOT NULL")


class Repeat(StrEnum):
    NONE = "none"
    DAILY = "daily"
    WEEKLY = "weekly"
    MONTHLY = "monthly"


class TaskState(StrEnum):
    OPEN = "open"
    DONE = "done"
    CANCELLED = "cancelled"


class Task(Base):
    """Something that a member of staff shall do, by a time or without one."""

    __tablename__ = "task"
    __table_args__ = (
        sa.Index("ix_task_mine", "shop_id", "assignee_id", "due_at", sqlite_where=_open, postgresql_where=_open),
        sa.Index("ix_task_open", "shop_id", "due_at", sqlite_where=_open, postgresql_where=_open),
        sa.Index("ix_task_closed", "shop_id", "closed_at", sqlite_where=_closed, postgresql_where=_closed),
    )

    id: Mapped[Id]
    shop_id: Mapped[int] = ref("shop.id", index=False)
    title: Mapped[str] = mapped_column(sa.String(200))
    details: Mapped[str] = mapped_column(sa.Text, default="")
    due_at: Mapped[datetime | None]
    """When it is to be done, and when the assignee is reminded; whole minutes."""
    reminded_for: Mapped[datetime | None]
    """The due time that the assignee was reminded of last."""
    assignee_id: Mapped[int] = ref("staff.id", index=False)
    author_id: Mapped[int] = ref("staff.id", index=False)
    repeat: Mapped[Repeat] = mapped_column(sa.String(10), default=Repeat.NONE)
    planned_at: Mapped[datetime | None]
    """Of one that repeats: the due time before it was put off, which the next one is counted from."""
    month_day: Mapped[int | None]
    """Of a monthly one: the day it is meant for, so that the 31st comes back after February."""
    follows_id: Mapped[int | None] = mapped_column(sa.BigInteger, unique=True)
    """The task whose repetition this is: each has one at most."""
    state: Mapped[TaskState] = mapped_column(sa.String(10), default=TaskState.OPEN)
    conversation_id: Mapped[int | None] = ref("conversation.id", nullable=True)
    order_id: Mapped[int | None] = ref("order.id", nullable=True)
    customer_id: Mapped[int | None] = ref("customer.id", nullable=True)
    """A task about an order or a conversation is about its customer too."""
    version: Mapped[int] = mapped_column(default=1)
    """Grows with each edit, so that an edit of what has changed meanwhile is noticed."""
    created_at: Mapped[datetime]
    closed_at: Mapped[datetime | None]


class Told(StrEnum):
    """What a person is told of in the console."""

    MENTIONED = "mentioned"
    ASSIGNED = "assigned"
    TASK_GIVEN = "task_given"
    TASK_DUE = "task_due"
    TASK_DONE = "task_done"
    WAITS = "waits"
    DELIVERY_GIVEN = "delivery_given"
    ORDER_PAID = "order_paid"
    ORDER_CANCELLED = "order_cancelled"
    MESSAGE_FAILED = "message_failed"
    MESSAGE_HELD = "message_held"


class Notification(Base):
    """One thing that one person was told of."""

    __tablename__ = "notification"
    __table_args__ = (
        sa.UniqueConstraint("staff_id", "key"),
        sa.Index("ix_notification_list", "staff_id", "shop_id", "id"),
        sa.Index("ix_notification_unread", "staff_id", "shop_id", sqlite_where=_unread, postgresql_where=_unread),
        sa.Index("ix_notification_read", "read_at", sqlite_where=_read, postgresql_where=_read),
    )

    id: Mapped[Id]
    shop_id: Mapped[int] = ref("shop.id", index=False)
    staff_id: Mapped[int] = ref("staff.id", index=False)
    """Who is told."""
    kind: Mapped[Told] = mapped_column(sa.String(20))
    key: Mapped[str] = mapped_column(sa.String(80))
    """What it is told for, such as "event:17": nothing is told twice to one person."""
    conversation_id: Mapped[int | None] = mapped_column(sa.BigInteger)
    message_id: Mapped[int | None] = mapped_column(sa.BigInteger)
    order_id: Mapped[int | None] = mapped_column(sa.BigInteger)
    task_id: Mapped[int | None] = mapped_column(sa.BigInteger)
    facts: Mapped[dict[str, Any]] = mapped_column(default=dict)
    """What its words are made of: who, name, text, number, sum, currency, reason, since."""
    created_at: Mapped[datetime]
    read_at: Mapped[datetime | None]


class NotificationChoice(Base):
    """How a person wants to be told; one without a row wants everything, silently."""

    __tablename__ = "notification_choice"

    staff_id: Mapped[int] = mapped_column(sa.ForeignKey("staff.id"), primary_key=True)
    muted: Mapped[list[str]] = mapped_column(default=list)
    """Kinds that the person does not want."""
    sound: Mapped[bool] = mapped_column(default=False)
    browser: Mapped[bool] = mapped_column(default=False)
    """Whether the browser shows them while no tab of the console is seen."""
