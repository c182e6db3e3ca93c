"""A pace that all processes hold together."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
import time_machine
from sqlalchemy.orm import Session

from storage import pace
from storage.database import Database

RATE = 50.0
GAP = timedelta(seconds=1 / RATE)
PAST, AHEAD, NEAR = (span / GAP for span in (pace.SLACK, pace.AHEAD, pace.NEAR))
"""How many turns lie within each."""

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


def plans(session: Session, times: int) -> list[timedelta]:
    return [pace.plan(session, "bot", per_second=RATE) for _ in range(times)]


def wait_of(n: int) -> timedelta:
    """How long the n-th to come at one moment has to wait: the first ones make up for what has passed unused."""
    return max(timedelta(), GAP * n - pace.SLACK)


async def test_turns_come_one_gap_after_another_and_only_a_little_ahead(db: Database) -> None:
    within = int(PAST + AHEAD) + 1
    waited = await db.write(waits, within + 5)
    assert waited == [*(wait_of(n) for n in range(within)), *[None] * 5]


async def test_turns_that_nobody_took_are_not_saved_up(db: Database, clock: time_machine.Traveller) -> None:
    await db.write(waits, 1)
    clock.move_to(NOON + timedelta(minutes=1))
    assert await db.write(waits, 20) == [wait_of(n) for n in range(20)]


async def test_two_at_once_never_get_the_same_turn(db: Database) -> None:
    many = await asyncio.gather(*(db.write(waits, 2) for _ in range(12)))
    taken = sorted(wait for waited in many for wait in waited if wait is not None)
    assert taken == [wait_of(n) for n in range(24)]


async def test_what_can_wait_is_given_moments_of_its_own_and_holds_nobody_up(db: Database) -> None:
    assert await db.write(plans, 100) == [GAP * n for n in range(100)]
    assert await db.write(waits, 1) == [timedelta()]


async def test_who_cannot_wait_goes_before_those_who_can(db: Database) -> None:
    near = int(PAST + NEAR) + 1

    def come(session: Session) -> list[timedelta]:
        waiting = [pace.turn(session, "bot", per_second=RATE, can_wait=True) for _ in range(50)]
        assert [turn.wait for turn in waiting if turn.again is None] == [wait_of(n) for n in range(near)]
        return [turn.again for turn in waiting if turn.again is not None]

    again = await db.write(come)
    assert await db.write(waits, 2) == [wait_of(near), wait_of(near + 1)]
    # Each of those who wait comes at a moment of his own, one after another.
    assert [later - earlier for earlier, later in pairwise(again)] == [GAP] * (len(again) - 1)


async def test_a_clock_that_is_set_back_holds_nobody_up(db: Database, clock: time_machine.Traveller) -> None:
    """Neither the next one, nor those who came when there was a crowd."""
    await db.write(waits, 200)
    clock.move_to(NOON - timedelta(hours=1))
    assert await db.write(waits, 1) == [timedelta()]

    def crowd(session: Session) -> list[timedelta]:
        turns = [pace.turn(session, "bot", per_second=RATE) for _ in range(200)]
        return [turn.again for turn in turns if turn.again is not None]

    assert max(await db.write(crowd)) < timedelta(seconds=10)


async def test_a_mailing_is_planned_behind_one_that_takes_hours(db: Database, clock: time_machine.Traveller) -> None:
    await db.write(plans, 400)
    clock.move_to(NOON + timedelta(seconds=3))
    assert await db.write(plans, 2) == [GAP * 400 - timedelta(seconds=3), GAP * 401 - timedelta(seconds=3)]


async def test_a_mailing_is_planned_anew_when_the_clock_was_set_back(
    db: Database, clock: time_machine.Traveller
) -> None:
    await db.write(plans, 400)
    clock.move_to(NOON - timedelta(days=1))
    assert await db.write(plans, 3) == [GAP * n for n in range(3)]
