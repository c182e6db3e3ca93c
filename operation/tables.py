"""Tables of signs of life and of alarms."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from storage.schema import Base, Id

_open = sa.text("cleared_at IS NULL")

INSTALLATION = 0
"""The shop of what belongs to no shop alone."""


class Side(StrEnum):
    CHANNEL = "channel"
    PROVIDER = "provider"
    HUB = "hub"
    """The hub itself, as account 0: heard at its last round, awake since `reached_at`."""


class AccountPulse(Base):
    """When an account outside was last heard, last reached, and since when calls to it fail. Kept every few seconds."""

    __tablename__ = "account_pulse"

    side: Mapped[Side] = mapped_column(sa.String(10), primary_key=True)
    account_id: Mapped[int] = mapped_column(sa.BigInteger, primary_key=True, autoincrement=False)
    """A channel_account or a payment_account, by the side."""
    heard_at: Mapped[datetime | None]
    reached_at: Mapped[datetime | None]
    failed_at: Mapped[datetime | None]
    failing_since: Mapped[datetime | None]
    """The first failure after the last success; None while calls succeed."""
    error: Mapped[str] = mapped_column(sa.String(300), default="")
    checked_at: Mapped[datetime | None]
    """When the way from the channel to us was last looked at."""
    trouble: Mapped[str] = mapped_column(sa.String(300), default="")
    """What was wrong with it then; empty if nothing."""


class ChannelHour(Base):
    """How many events a channel account sent in one hour: what is usual for it is learnt from these."""

    __tablename__ = "channel_hour"

    account_id: Mapped[int] = mapped_column(sa.BigInteger, primary_key=True, autoincrement=False)
    hour: Mapped[int] = mapped_column(sa.BigInteger, primary_key=True, autoincrement=False)
    """Whole hours since 1970."""
    heard: Mapped[int] = mapped_column(default=0)


class AlarmKind(StrEnum):
    JOB_DIED = "job_died"
    CHANNEL_BROKEN = "channel_broken"
    CHANNEL_CONFLICT = "channel_conflict"
    WEBHOOK_GONE = "webhook_gone"
    CHANNEL_SILENT = "channel_silent"
    PROVIDER_FAILING = "provider_failing"


class Alarm(Base):
    """Something that an owner should know of, from its beginning to its end. One open row for each cause."""

    __tablename__ = "alarm"
    __table_args__ = (
        sa.Index("uq_alarm_open", "shop_id", "cause", unique=True, sqlite_where=_open, postgresql_where=_open),
        sa.Index("ix_alarm_shop_id_id", "shop_id", "id"),
    )

    id: Mapped[Id]
    shop_id: Mapped[int] = mapped_column(sa.BigInteger)
    cause: Mapped[str] = mapped_column(sa.String(120))
    """What is wrong, by name: "channel:3". The same cause is not told of twice while it lasts."""
    kind: Mapped[AlarmKind] = mapped_column(sa.String(40))
    money: Mapped[bool] = mapped_column(default=False)
    """Whether it is about money: then it is told of at any hour."""
    facts: Mapped[dict[str, Any]] = mapped_column(default=dict)
    raised_at: Mapped[datetime]
    seen_at: Mapped[datetime]
    """When the cause was last there."""
    told_at: Mapped[datetime | None]
    cleared_at: Mapped[datetime | None]
    end_told_at: Mapped[datetime | None]
