"""When something is due, as it is typed, and the next time of what repeats. All by the shop's own clock."""

from __future__ import annotations

import calendar
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from automation.tables import Repeat
from kit.errors import Refused

FURTHEST = timedelta(days=366 * 5)
"""A time further ahead than this is a slip of the finger."""


class BadDue(Refused):
    """Not a time, or one that is too far away."""

    code = "bad_due"

    def __init__(self, text: str) -> None:
        super().__init__("not a time for a task", text=text[:40])


def read(text: str, zone: ZoneInfo, now: datetime) -> datetime:
    """A local time as a browser's field writes it, "2026-11-30T09:00". Raises BadDue."""
    try:
        local = datetime.strptime(text, "%Y-%m-%dT%H:%M")  # noqa: DTZ007 - the zone is put to it below
    except ValueError:
        raise BadDue(text) from None
    if not now.year - 1 <= local.year <= now.year + 6:
        raise BadDue(text)
    moment = at(local.date(), local.time(), zone)
    if moment - now > FURTHEST:
        raise BadDue(text)
    return moment


def following(due: datetime, repeat: Repeat, zone: ZoneInfo, *, month_day: int | None, now: datetime) -> datetime:
    """The first repetition of `due` that is still ahead, at the same hour of the shop's clock.

    A month that has no `month_day` gives its last day: the 31st is followed by the 28th or 29th of February, and that
    by the 31st of March.
    """
    local = due.astimezone(zone)
    day = local.date()
    while True:
        day = _step(day, repeat, month_day or local.day)
        moment = at(day, local.time(), zone)
        if moment > max(now, due):
            return moment


def at(day: date, clock: time, zone: ZoneInfo) -> datetime:
    """That hour of that day as UTC; an hour that the clocks skip is the one after it."""
    return _whole_minute(datetime.combine(day, clock, zone).astimezone(UTC))


def _step(day: date, repeat: Repeat, month_day: int) -> date:
    if repeat is Repeat.DAILY:
        return day + timedelta(days=1)
    if repeat is Repeat.WEEKLY:
        return day + timedelta(days=7)
    year, month = divmod(day.year * 12 + day.month, 12)
    return date(year, month + 1, min(month_day, calendar.monthrange(year, month + 1)[1]))


def _whole_minute(moment: datetime) -> datetime:
    return moment.replace(second=0, microsecond=0)
