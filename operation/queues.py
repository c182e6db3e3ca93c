"""The queues as they stand: what waits, what runs, what is stuck and what has died. Every query is bounded."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session, aliased

from kit.clock import now_ms
from operation.watching import SIDES
from storage.tables import Job, Lane

MOST = 50_000
"""Ready jobs that are counted; more is said to be that many."""

SHOWN = 100
"""Stuck, and dead, jobs that are shown: the newest."""

MOST_DEAD = 1000
"""Dead jobs that alarms count."""

LATE = timedelta(minutes=1)
"""A job that was due so long ago, and is the first of its lane, should be running."""

PATIENT = timedelta(minutes=2)
"""A call to the outside that has been tried for so long is stuck, though it will be tried again."""


@dataclass(frozen=True, slots=True)
class Queue:
    """Ready jobs of the lanes of one kind: "out" for all chats' outgoing messages."""

    name: str
    due: int = 0
    planned: int = 0
    """Not due yet: reminders, pauses before the next try."""
    running: int = 0
    """Lanes that a worker works right now."""
    oldest: float = 0.0
    """Seconds that the job has been due which has been due the longest."""


def queues(session: Session) -> list[Queue]:
    now = now_ms()
    ready = (
        sa.select(Job.lane, Job.run_at, _due_since().label("since"))
        .where(Job.state == "ready")
        .order_by(Job.run_at)
        .limit(MOST)
        .subquery("ready")
    )
    name = _lane_kind(session, ready.c.lane)
    due = ready.c.run_at <= now
    rows = session.execute(
        sa.select(
            name.label("name"),
            sa.func.count(sa.case((due, 1))).label("due"),
            sa.func.count(sa.case((~due, 1))).label("planned"),
            sa.func.min(sa.case((due, ready.c.since))).label("oldest"),
        ).group_by(name)
    ).all()
    lane = _lane_kind(session, Lane.lane)
    running: dict[str, int] = dict(
        session.execute(sa.select(lane, sa.func.count()).where(Lane.lease_until > now).group_by(lane)).all()
    )
    found = {
        row.name: Queue(
            row.name,
            row.due,
            row.planned,
            running.pop(row.name, 0),
            (now - row.oldest) / 1000 if row.oldest is not None else 0.0,
        )
        for row in rows
    }
    found |= {name: Queue(name, running=count) for name, count in running.items()}
    return sorted(found.values(), key=lambda queue: queue.name)


def dead_by_kind(session: Session) -> Mapping[str, int]:
    query = sa.select(Job.kind, sa.func.count()).where(Job.state == "dead").group_by(Job.kind)
    return dict(session.execute(query).all())


def dead(session: Session, *, limit: int = SHOWN) -> Sequence[Job]:
    """The newest first."""
    query = sa.select(Job).where(Job.state == "dead").order_by(Job.closed_at.desc()).limit(limit)
    return session.scalars(query).all()


def stuck(session: Session, *, limit: int = SHOWN) -> Sequence[Job]:
    """First jobs of their lanes that failed and wait, that should be running, or that wait for somebody outside."""
    now = now_ms()
    earlier = aliased(Job)
    is_first = ~sa.exists().where(earlier.lane == Job.lane, earlier.state == "ready", earlier.id < Job.id)
    late = sa.and_(
        _due_since() < now - LATE // timedelta(milliseconds=1),
        ~sa.exists().where(Lane.lane == Job.lane, Lane.lease_until > now),
    )
    waiting = sa.and_(Job.kind.in_(SIDES), Job.created_at < now - PATIENT // timedelta(milliseconds=1))
    query = (
        sa.select(Job)
        .where(Job.state == "ready", is_first, sa.or_(Job.attempts > 0, late, waiting))
        .order_by(Job.id.desc())
        .limit(limit)
    )
    return session.scalars(query).all()


def _due_since() -> sa.ColumnElement[int]:
    """A job that is not planned is due since it was put."""
    return sa.case((Job.run_at > Job.created_at, Job.run_at), else_=Job.created_at)


def _lane_kind(session: Session, lane: Any) -> sa.ColumnElement[str]:
    """What stands before the colon: one name for the lanes of all chats."""
    if session.get_bind().dialect.name == "postgresql":
        return sa.func.split_part(lane, ":", 1, type_=sa.String)
    return sa.func.substr(lane, 1, sa.func.instr(lane + ":", ":") - 1, type_=sa.String)
