"""What silence is unusual: judged by the same hours of past weeks."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from operation.pulse import hour_of
from operation.silence import LEAST_WEEKS, UNUSUAL, WEEK, chance, weeks_known

NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)
"""A Tuesday."""


def weeks(of: int, *, open_from: int, open_to: int, events: int) -> dict[int, int]:
    """A shop that hears so many events in each hour that it is open, every day."""
    last = hour_of(NOON)
    return {hour: events for hour in range(last - of * WEEK - 24, last) if open_from <= hour % 24 < open_to}


def silent(past: dict[int, int], since: datetime, now: datetime) -> bool:
    known = weeks_known(min(past, default=None), now)
    return chance(past, known, since, now) < UNUSUAL


def test_a_busy_shop_is_missed_within_the_hour() -> None:
    past = weeks(5, open_from=6, open_to=20, events=200)
    assert not silent(past, NOON - timedelta(minutes=15), NOON)
    assert silent(past, NOON - timedelta(minutes=45), NOON)


def test_a_quiet_shop_is_given_half_a_day() -> None:
    past = weeks(5, open_from=6, open_to=20, events=1)
    assert not silent(past, NOON - timedelta(hours=2), NOON)
    assert silent(past, NOON - timedelta(hours=12), NOON)


def test_the_night_is_not_unusual() -> None:
    past = weeks(5, open_from=6, open_to=20, events=200)
    morning = NOON.replace(hour=5, minute=59)
    assert not silent(past, morning - timedelta(hours=10), morning)
    assert silent(past, morning - timedelta(hours=10), morning + timedelta(hours=1, minutes=30))


def test_a_shop_that_is_often_silent_is_not_missed_for_it() -> None:
    past = {hour: 3 for hour in range(hour_of(NOON) - 6 * WEEK, hour_of(NOON)) if hour % 37 == 0}
    assert not silent(past, NOON - timedelta(hours=24), NOON)


@pytest.mark.parametrize("known", range(LEAST_WEEKS))
def test_nothing_is_unusual_before_three_weeks_are_known(known: int) -> None:
    past = weeks(known, open_from=0, open_to=24, events=500)
    assert chance(past, known, NOON - timedelta(days=3), NOON) == 1.0


def test_a_silence_of_months_is_reckoned_at_once() -> None:
    past = weeks(8, open_from=0, open_to=24, events=500)
    assert silent(past, NOON - timedelta(days=400), NOON)
