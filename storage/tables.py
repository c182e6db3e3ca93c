"""Tables of the machinery: jobs and their lanes, the event log, stored files."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from storage.schema import Base, Id

_ready = sa.text("state = 'ready'")


class Lane(Base):
    """A row of jobs that run one after another. The lease says who works it; the epoch fences out the late."""

    __tablename__ = "lane"

    lane: Mapped[str] = mapped_column(sa.String(120), primary_key=True)
    lease_until: Mapped[int] = mapped_column(sa.BigInteger, default=0, index=True)
    epoch: Mapped[int] = mapped_column(sa.BigInteger, default=0)


class Job(Base):
    """Work that must happen: written in the transaction of its cause, closed in the transaction of its effect."""

    __tablename__ = "job"
    __table_args__ = (
        sa.Index("ix_job_head", "lane", "id", sqlite_where=_ready, postgresql_where=_ready),
        sa.Index("ix_job_due", "run_at", sqlite_where=_ready, postgresql_where=_ready),
        sa.Index("ix_job_state_closed", "state", "closed_at"),
    )

    id: Mapped[Id]
    lane: Mapped[str] = mapped_column(sa.String(120))
    kind: Mapped[str] = mapped_column(sa.String(60))
    payload: Mapped[str] = mapped_column(sa.Text)
    """JSON text, written and read by storage.jobs."""
    dedup_key: Mapped[str | None] = mapped_column(sa.String(200), unique=True)
    state: Mapped[str] = mapped_column(sa.String(10), default="ready")
    """ready → done | dead."""
    attempts: Mapped[int] = mapped_column(default=0)
    run_at: Mapped[int] = mapped_column(sa.BigInteger)
    """Milliseconds since 1970; 0 for one that is not planned."""
    created_at: Mapped[int] = mapped_column(sa.BigInteger)
    closed_at: Mapped[int | None] = mapped_column(sa.BigInteger)
    """Of one that is ready: when it was put off."""
    waited: Mapped[int] = mapped_column(sa.BigInteger, server_default="0")
    """Milliseconds for which it was put off so far, all pauses together: what no clock can make longer."""
    error: Mapped[str | None] = mapped_column(sa.Text)


class Pace(Base):
    """How fast something may go. Written by storage.pace; moments are microseconds since 1970."""

    __tablename__ = "pace"

    name: Mapped[str] = mapped_column(sa.String(60), primary_key=True)
    free_at: Mapped[int] = mapped_column(sa.BigInteger, default=0)
    """When the next turn comes."""
    moved_at: Mapped[int] = mapped_column(sa.BigInteger, default=0, server_default="0")
    """When the last one was taken."""


about_rights = sa.text("kind IN ('role_given', 'rights_set_changed', 'staff_changed')")
"""A query finds the few of these by the index only if it says the very same."""


class EventRow(Base):
    """What happened, append-only: who, when, to what, why."""

    __tablename__ = "event"
    __table_args__ = (
        sa.Index("ix_event_subject", "subject", "id"),
        sa.Index("ix_event_rights", "shop_id", "id", sqlite_where=about_rights, postgresql_where=about_rights),
    )

    id: Mapped[Id]
    at: Mapped[datetime]
    kind: Mapped[str] = mapped_column(sa.String(60))
    shop_id: Mapped[int] = mapped_column(sa.BigInteger, index=True)
    subject: Mapped[str] = mapped_column(sa.String(60))
    actor: Mapped[str] = mapped_column(sa.String(60))
    cause: Mapped[int | None] = mapped_column(sa.BigInteger)
    payload: Mapped[dict[str, Any]] = mapped_column(default=dict)


class StoredFile(Base):
    """A file of the files folder: a product photo, an attachment. Its path is made from its SHA-256."""

    __tablename__ = "stored_file"

    id: Mapped[Id]
    sha256: Mapped[str] = mapped_column(sa.String(64), index=True)
    size: Mapped[int] = mapped_column(sa.BigInteger)
    mime: Mapped[str] = mapped_column(sa.String(100))
    name: Mapped[str] = mapped_column(sa.String(200), default="")
    width: Mapped[int | None]
    height: Mapped[int | None]
    public: Mapped[bool] = mapped_column(default=False)
    """Product photos may be shown to anyone who has the link; attachments only to the conversation's people."""
    token: Mapped[str] = mapped_column(sa.String(40), unique=True)
    """The unguessable part of its address."""
    shop_id: Mapped[int | None] = mapped_column(sa.BigInteger)
    created_at: Mapped[datetime]
