"""How fast something may go, held by all processes together: a row for each pace, moved on by whoever takes a turn.

A turn may be taken a little ahead, and is then waited for in memory. Whoever finds none near enough is told when to
come again: each at a moment of his own, so that a crowd is spread out and comes back once. What can wait takes turns
only when they are very near, so whoever cannot goes before it.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import timedelta

import sqlalchemy as sa
from sqlalchemy.orm import Session

from kit.clock import SKEW_MS
from storage.hot import Hot
from storage.tables import Pace

AHEAD = timedelta(milliseconds=500)
"""How far ahead a turn may be taken."""

NEAR = timedelta(milliseconds=100)
"""The same for what can wait."""

SLACK = timedelta(milliseconds=150)
"""Turns that passed unused no longer ago than this are made up for: who is told when to come comes a little late."""

SECOND = 1_000_000
"""Microseconds."""


_DATED_AHEAD = Pace.moved_at > sa.bindparam("ahead", type_=sa.BigInteger)
_MOVE = Hot(
    lambda _: (
        sa.update(Pace)
        .where(
            Pace.name == sa.bindparam("named"),
            sa.or_(Pace.free_at <= sa.bindparam("latest"), Pace.free_at > sa.bindparam("absurd"), _DATED_AHEAD),
        )
        .values(
            free_at=sa.case(
                (_DATED_AHEAD, sa.bindparam("soonest", type_=sa.BigInteger)),
                (Pace.free_at.between(sa.bindparam("soonest"), sa.bindparam("absurd")), Pace.free_at),
                else_=sa.bindparam("soonest", type_=sa.BigInteger),
            )
            + sa.bindparam("gap", type_=sa.BigInteger),
            moved_at=sa.bindparam("now", type_=sa.BigInteger),
        )
        .returning(Pace.free_at)
    )
)
_NEW = Hot(
    lambda insert: (
        insert(Pace)
        .values(name=sa.bindparam("named"), free_at=sa.literal_column("0"), moved_at=sa.literal_column("0"))
        .on_conflict_do_nothing()
    )
)
_FREE = Hot(lambda _: sa.select(Pace.free_at).where(Pace.name == sa.bindparam("named")))

NEVER = 2**62

SKEW = SKEW_MS * 1000
"""Microseconds. A row that was moved further ahead was moved before the clock was set back, and begins anew."""

LONGEST_QUEUE = timedelta(minutes=10)
"""How far ahead somebody is told to come again. A longer queue begins anew, and who comes too early is told again."""


@dataclass(frozen=True, slots=True)
class Turn:
    """A turn was taken and comes after `wait`; or none was, and it is time to come again after `again`."""

    wait: timedelta = timedelta()
    again: timedelta | None = None


def turn(session: Session, name: str, *, per_second: float, can_wait: bool = False) -> Turn:
    """Take the next turn, if it comes soon."""
    now, gap = _now(), _gap(per_second)
    latest = now + _us(NEAR if can_wait else AHEAD)
    taken = _move(session, name, soonest=now - _us(SLACK), gap=gap, latest=latest)
    if taken is not None:
        return Turn(wait=timedelta(microseconds=max(0, taken - now)))
    found = _FREE.row(session, named=name)
    free_at = now if found is None else max(now, found[0])
    queue = f"{name}:wait" if can_wait else f"{name}:again"
    absurd = free_at + _us(LONGEST_QUEUE)
    moment = _move(session, queue, soonest=free_at, gap=gap, latest=absurd, absurd=absurd)
    assert moment is not None
    # A little before it is free, for a turn may be taken ahead.
    return Turn(again=timedelta(microseconds=max(gap, moment - now - _us(NEAR) // 2)))


def plan(session: Session, name: str, *, per_second: float) -> timedelta:
    """After how long to come for a turn: each call gives a moment of its own, one gap after the one before."""
    now = _now()
    planned = _move(session, f"{name}:plan", soonest=now, gap=_gap(per_second), latest=NEVER)
    assert planned is not None
    return timedelta(microseconds=max(0, planned - now))


def _move(session: Session, name: str, *, soonest: int, gap: int, latest: int, absurd: int = NEVER) -> int | None:
    """Take the row's next moment, if it is not later than `latest`; one after `absurd` is as if there were none."""
    now = _now()
    values = {"named": name, "soonest": soonest, "gap": gap, "latest": latest, "absurd": absurd}
    values |= {"now": now, "ahead": now + SKEW}
    row = _MOVE.row(session, **values)
    if row is None:
        # Not there, or not near; or somebody has just made it, and his commit is waited for here.
        _NEW.run(session, named=name)
        row = _MOVE.row(session, **values)
    return None if row is None else int(row[0]) - gap


def _us(span: timedelta) -> int:
    return span // timedelta(microseconds=1)


def _gap(per_second: float) -> int:
    return int(SECOND / per_second)


def _now() -> int:
    return int(time.time() * SECOND)
