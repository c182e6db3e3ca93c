"""When tasks are due: what is offered, what is read, and when a repetition comes."""

from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from automation import due
from automation.tables import Repeat

MOSCOW, BERLIN = ZoneInfo("Europe/Moscow"), ZoneInfo("Europe/Berlin")
NOON = datetime(2026, 11, 26, 9, 0, 30, tzinfo=UTC)
"""A Thursday, 12:00 in Moscow."""


def local(moment: datetime, zone: ZoneInfo = MOSCOW) -> str:
    return f"{moment.astimezone(zone):%a %d.%m %H:%M}"


def after(moment: str, repeat: Repeat, *, zone: ZoneInfo = MOSCOW, now: str = "", month_day: int | None = None) -> str:
    begun = due.read(moment, zone, NOON)
    at = due.read(now, zone, NOON) if now else begun
    return local(due.following(begun, repeat, zone, month_day=month_day, now=at), zone)


@pytest.mark.parametrize("text", ["", "tomorrow", "2026-02-30T10:00", "2036-01-01T10:00", "0001-01-01T00:00"])
def test_what_is_no_time_is_refused(text: str) -> None:
    with pytest.raises(due.BadDue):
        due.read(text, MOSCOW, NOON)


def test_each_day_and_each_week_at_the_same_hour() -> None:
    assert after("2026-11-26T09:00", Repeat.DAILY) == "Fri 27.11 09:00"
    assert after("2026-11-26T09:00", Repeat.WEEKLY) == "Thu 03.12 09:00"


def test_what_was_missed_meanwhile_is_passed_over() -> None:
    assert after("2026-11-26T09:00", Repeat.DAILY, now="2026-11-29T10:00") == "Mon 30.11 09:00"


def test_what_is_done_early_comes_back_at_its_next_time() -> None:
    assert after("2026-11-26T09:00", Repeat.WEEKLY, now="2026-11-24T10:00") == "Thu 03.12 09:00"


def test_the_end_of_a_month_comes_back_after_february() -> None:
    assert after("2027-01-31T09:00", Repeat.MONTHLY, month_day=31) == "Sun 28.02 09:00"
    assert after("2027-02-28T09:00", Repeat.MONTHLY, month_day=31) == "Wed 31.03 09:00"
    assert after("2026-12-31T09:00", Repeat.MONTHLY, month_day=31) == "Sun 31.01 09:00"


def test_the_hour_stays_when_the_clocks_change() -> None:
    assert after("2027-03-27T09:00", Repeat.DAILY, zone=BERLIN) == "Sun 28.03 09:00"


def test_an_hour_that_the_clocks_skip_is_the_one_after_it() -> None:
    assert after("2027-03-27T02:30", Repeat.DAILY, zone=BERLIN) == "Sun 28.03 03:30"
