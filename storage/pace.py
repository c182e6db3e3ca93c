"""How fast something may go, held by all processes together: one row for each pace, moved on by whoever takes a turn.

A turn may be taken a little ahead, and is then waited for in memory. What is further off is put off, spread over the
time to come so that it comes back once and not all together.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from storage.hot import Hot
from storage.tables import Pace

AHEAD = timedelta(milliseconds=500)
"""How far ahead a turn may be taken."""

SECOND = 1_000_000
"""Microseconds."""


def _later(moment: Any) -> sa.ColumnElement[int]:
    """The later of the row's moment and now, and one gap more."""
    free = sa.case((moment > sa.bindparam("now"), moment), else_=sa.bindparam("now", type_=sa.BigInteger))
    return free + sa.bindparam("gap", type_=sa.BigInteger)


_TURN = Hot(
    lambda _: (
        sa.update(Pace)
        .where(Pace.name == sa.bindparam("named"), Pace.free_at <= sa.bindparam("latest"))
        .values(free_at=_later(Pace.free_at))
        .returning(Pace.free_at)
    )
)
_PLAN = Hot(
    lambda _: (
        sa.update(Pace)
        .where(Pace.name == sa.bindparam("named"))
        .values(planned_to=_later(Pace.planned_to))
        .returning(Pace.planned_to)
    )
)
_NEW = Hot(
    lambda insert: (
        insert(Pace)
        .values(name=sa.bindparam("named"), free_at=sa.literal_column("0"), planned_to=sa.literal_column("0"))
        .on_conflict_do_nothing()
    )
)


@dataclass(frozen=True, slots=True)
class Turn:
    """A turn was taken and comes after `wait`; or none was, and one is likely after `again`."""

    wait: timedelta = timedelta()
    again: timedelta | None = None


def turn(session: Session, name: str, *, per_second: float, planned: bool = False) -> Turn:
    """Take the next turn, if it comes soon. `planned` is for what can wait: it lets all others go first."""
    gap, now = _gap(per_second), _now()
    latest = now + AHEAD // timedelta(microseconds=1)
    taken = _with_row(_TURN, session, name, now=now, gap=gap, latest=latest)
    if taken is not None:
        return Turn(wait=timedelta(microseconds=max(0, taken - gap - now)))
    if not planned:
        return Turn(again=AHEAD / 2)
    return Turn(again=max(AHEAD / 2, plan(session, name, per_second=per_second) - datetime.now(UTC)))


def plan(session: Session, name: str, *, per_second: float) -> datetime:
    """When to come for a turn: each call gives a moment of its own, one gap after the one before."""
    gap = _gap(per_second)
    planned = _with_row(_PLAN, session, name, now=_now(), gap=gap)
    assert planned is not None
    return datetime.fromtimestamp((planned - gap) / SECOND, UTC)


def _with_row(statement: Hot, session: Session, name: str, **values: int) -> int | None:
    row = statement.row(session, named=name, **values)
    if row is None:
        # Not there, or not free; or somebody has just made it, and his commit is waited for here.
        _NEW.run(session, named=name)
        row = statement.row(session, named=name, **values)
    return None if row is None else int(row[0])


def _gap(per_second: float) -> int:
    return int(SECOND / per_second)


def _now() -> int:
    return int(time.time() * SECOND)
