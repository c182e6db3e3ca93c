"""When a shop works, on its own clock."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pydantic
import pytest

from company import hours
from company.settings import Hours, WorkingHours

MOSCOW, BERLIN = ZoneInfo("Europe/Moscow"), ZoneInfo("Europe/Berlin")
DAY = Hours(opens=time(9), closes=time(18))
WEEK = WorkingHours(week=(DAY, DAY, DAY, DAY, DAY, None, None))
ALWAYS = WorkingHours()


def at(text: str, zone: ZoneInfo = MOSCOW) -> datetime:
    """A moment as the shop's clock shows it; 2026-11-23 is a Monday."""
    return datetime.fromisoformat(text).replace(tzinfo=zone).astimezone(UTC)


@pytest.mark.parametrize(
    ("moment", "is_open"),
    [
        ("2026-11-23T08:59", False),
        ("2026-11-23T09:00", True),
        ("2026-11-23T17:59", True),
        ("2026-11-23T18:00", False),
        ("2026-11-28T12:00", False),
    ],
)
def test_it_is_open_in_its_hours(moment: str, is_open: bool) -> None:
    assert hours.is_open(WEEK, MOSCOW, at(moment)) is is_open


def test_a_shop_that_has_not_said_its_hours_is_always_open() -> None:
    assert hours.is_open(ALWAYS, MOSCOW, at("2026-11-28T03:00"))
    assert hours.worked(ALWAYS, MOSCOW, at("2026-11-28T03:00"), at("2026-11-29T03:00")) == timedelta(days=1)
    assert hours.next_opening(ALWAYS, MOSCOW, at("2026-11-28T03:00")) is None


@pytest.mark.parametrize(
    ("since", "until", "minutes"),
    [
        ("2026-11-23T10:00", "2026-11-23T10:30", 30),
        ("2026-11-23T23:00", "2026-11-24T09:05", 5),
        ("2026-11-23T17:50", "2026-11-24T09:10", 20),
        ("2026-11-27T17:00", "2026-11-30T10:00", 120),
        ("2026-11-28T10:00", "2026-11-29T10:00", 0),
        ("2026-11-24T10:00", "2026-11-23T10:00", 0),
    ],
)
def test_only_open_hours_count_as_waiting(since: str, until: str, minutes: int) -> None:
    assert hours.worked(WEEK, MOSCOW, at(since), at(until)) == timedelta(minutes=minutes)


def test_who_waits_for_years_is_counted_at_once() -> None:
    assert hours.worked(WEEK, MOSCOW, at("2020-01-01T00:00"), at("2026-11-23T12:00")) > timedelta(days=10)


def test_a_day_off_is_closed_and_the_next_opening_is_after_it() -> None:
    week = WorkingHours(week=WEEK.week, days_off=(date(2026, 11, 30),))
    assert hours.next_opening(week, MOSCOW, at("2026-11-27T18:30")) == at("2026-12-01T09:00")
    assert hours.next_opening(week, MOSCOW, at("2026-11-26T07:00")) == at("2026-11-26T09:00")


def test_a_shop_that_is_never_open_has_no_next_opening() -> None:
    assert hours.next_opening(WorkingHours(week=(None,) * 7), MOSCOW, at("2026-11-23T12:00")) is None


def test_a_night_shop_closes_at_midnight() -> None:
    late = WorkingHours(week=(Hours(opens=time(18), closes=time(0)),) * 7)
    assert hours.is_open(late, MOSCOW, at("2026-11-23T23:59"))
    assert not hours.is_open(late, MOSCOW, at("2026-11-24T00:00"))


def test_a_clock_that_is_put_forward_takes_an_hour_of_the_night() -> None:
    whole = WorkingHours(week=(Hours(opens=time(0), closes=time(0)),) * 7)
    day = hours.worked(whole, BERLIN, at("2026-03-29T00:00", BERLIN), at("2026-03-30T00:00", BERLIN))
    assert day == timedelta(hours=23)


def test_hours_that_make_no_sense_are_refused() -> None:
    with pytest.raises(pydantic.ValidationError):
        Hours(opens=time(18), closes=time(9))
    with pytest.raises(pydantic.ValidationError):
        WorkingHours(week=(DAY,))
