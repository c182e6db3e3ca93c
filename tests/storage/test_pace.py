"""A pace that all processes hold together."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
import time_machine
from sqlalchemy.orm import Session

from storage import pace
from storage.database import Database

RATE = 50.0
GAP = timedelta(seconds=1 / RATE)
AHEAD = pace.AHEAD // GAP + 1
"""So many turns are within reach at one moment."""

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


@pytest.fixture(autouse=True)
def clock() -> Iterator[time_machine.Traveller]:
    """Time stands still unless it is moved."""
    with time_machine.travel(NOON, tick=False) as clock:
        yield clock


def waits(session: Session, times: int) -> list[timedelta | None]:
    """How long each of so many has to wait for its turn; None for who got none."""
    turns = [pace.turn(session, "bot", per_second=RATE) for _ in range(times)]
    return [None if turn.again is not None else turn.wait for turn in turns]


async def test_turns_come_one_gap_after_another_and_only_a_little_ahead(db: Database) -> None:
    waited = await db.write(waits, AHEAD + 5)
    assert waited == [*(GAP * n for n in range(AHEAD)), *[None] * 5]


async def test_turns_that_nobody_took_are_not_saved_up(db: Database, clock: time_machine.Traveller) -> None:
    await db.write(waits, 1)
    clock.move_to(NOON + timedelta(minutes=1))
    assert await db.write(waits, 3) == [GAP * 0, GAP, GAP * 2]


async def test_two_at_once_never_get_the_same_turn(db: Database) -> None:
    many = await asyncio.gather(*(db.write(waits, 2) for _ in range(12)))
    taken = sorted(wait for waited in many for wait in waited if wait is not None)
    assert taken == [GAP * n for n in range(24)]


async def test_what_can_wait_is_given_moments_of_its_own_and_holds_nobody_up(db: Database) -> None:
    def plan(session: Session) -> list[datetime]:
        return [pace.plan(session, "bot", per_second=RATE) for _ in range(100)]

    assert await db.write(plan) == [NOON + GAP * n for n in range(100)]
    assert await db.write(waits, 1) == [timedelta()]


async def test_who_can_wait_and_gets_no_turn_is_told_when_to_come(db: Database) -> None:
    def come(session: Session) -> list[timedelta | None]:
        waits(session, AHEAD)
        return [pace.turn(session, "bot", per_second=RATE, planned=True).again for _ in range(50)]

    assert await db.write(come) == [max(pace.AHEAD / 2, GAP * n) for n in range(50)]
