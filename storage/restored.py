"""What a database needs that was brought back from an earlier moment.

The world went on after that moment: what waited then was probably done since, and numbers that were given out since
are in people's hands.
"""

from __future__ import annotations

from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Session

from kit.clock import utc_now
from storage.schema import Base
from storage.tables import EventRow, Job, Lane

GAP = 1_000_000
"""How many ids are left out, so that none means two things: more than any shop uses between two backups."""

KIND = "database_restored"


def void_leases(session: Session) -> None:
    """Whoever held a lane does not live in this database."""
    session.execute(sa.update(Lane).where(Lane.lease_until > 0).values(lease_until=0))


def drop_waiting(session: Session, kind: str) -> int:
    """Close the jobs of this kind that have not run. Gives their number."""
    now = int(utc_now().timestamp() * 1000)
    waiting = sa.update(Job).where(Job.kind == kind, Job.state == "ready").values(state="done", closed_at=now)
    return int(session.execute(waiting).rowcount)  # type: ignore[attr-defined]


def count_waiting(session: Session, kind: str) -> int:
    return session.scalar(sa.select(sa.func.count()).where(Job.kind == kind, Job.state == "ready")) or 0


def put_off(session: Session, kind: str, until: datetime) -> None:
    """Let no job of this kind run before then."""
    moment = int(until.timestamp() * 1000)
    session.execute(
        sa.update(Job).where(Job.kind == kind, Job.state == "ready", Job.run_at < moment).values(run_at=moment)
    )


def leave_gap(session: Session, table: type[Base]) -> int:
    """An id for the table's next row that lies well behind those given out; the ones after it follow on.

    The row must be written, or SQLite will not know.
    """
    ids = table.__table__.c.id
    fresh: int = (session.scalar(sa.select(sa.func.max(ids))) or 0) + GAP
    if session.get_bind().dialect.name == "postgresql":
        sequence = sa.func.pg_get_serial_sequence(f'"{table.__tablename__}"', "id")
        session.execute(sa.select(sa.func.setval(sequence, fresh)))
    return fresh


def write_down(session: Session, made_at: datetime, held: int) -> None:
    """Keep in the event log that the shop went back to `made_at`. Open pages resume behind it, not before it."""
    session.add(
        EventRow(
            id=leave_gap(session, EventRow),
            at=utc_now(),
            kind=KIND,
            shop_id=0,
            subject="database",
            actor="system",
            cause=None,
            payload={"made_at": made_at.isoformat(), "held": held},
        )
    )
    session.flush()
