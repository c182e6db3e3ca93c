"""Moments that people choose for later, by the clock of the shop."""

from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from company import moments
from company.moments import Moment, MomentPast, MomentUnfit

MOSCOW = ZoneInfo("Europe/Moscow")


def moscow(*told: int) -> datetime:
    return datetime(*told, tzinfo=MOSCOW)  # type: ignore[misc,arg-type]


def test_moments_follow_the_clock_of_the_shop() -> None:
    thursday = moscow(2026, 11, 26, 14, 20, 30).astimezone(UTC)
    assert dict(moments.offered(thursday, MOSCOW)) == {
        Moment.HOUR: moscow(2026, 11, 26, 15, 20),
        Moment.EVENING: moscow(2026, 11, 26, 18),
        Moment.TOMORROW: moscow(2026, 11, 27, 9),
        Moment.MONDAY: moscow(2026, 11, 30, 9),
    }


def test_what_is_over_or_stands_there_already_is_not_offered() -> None:
    sunday_night = moscow(2026, 11, 29, 23, 30)
    assert [moment for moment, _at in moments.offered(sunday_night, MOSCOW)] == [Moment.HOUR, Moment.TOMORROW]
    with pytest.raises(MomentPast):
        moments.chosen("evening", "", sunday_night, MOSCOW)


def test_on_a_monday_the_next_one_is_meant() -> None:
    assert moments.chosen("monday", "", moscow(2026, 11, 30, 12), MOSCOW) == moscow(2026, 12, 7, 9)


def test_ones_own_time_is_read_by_the_clock_of_the_shop() -> None:
    now = moscow(2026, 11, 26, 14)
    assert moments.chosen("", "2026-12-01T10:30", now, MOSCOW) == moscow(2026, 12, 1, 10, 30)
    assert moments.chosen("own", "2026-12-01T10:30", now, ZoneInfo("Asia/Tokyo")) < moscow(2026, 12, 1, 5)


@pytest.mark.parametrize("told", ["", "soon", "2026-13-01T10:00", "2026-12-01T10:00+03:00", "0001-01-01T00:00"])
def test_what_is_no_time_is_refused(told: str) -> None:
    with pytest.raises((MomentUnfit, MomentPast)):
        moments.chosen("own", told, moscow(2026, 11, 26, 14), MOSCOW)
    with pytest.raises(MomentUnfit):
        moments.chosen("never", "", moscow(2026, 11, 26, 14), MOSCOW)
