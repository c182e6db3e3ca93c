"""When the shop works: arithmetic over its week, on its own clock.

A week is seven days from Monday on, each with its hours or none. A shop that has not said its hours works always.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from company.settings import WorkingHours

FARTHEST = timedelta(days=62)
"""How far is looked, back and ahead: who has waited longer has waited too long anyway."""

MIDNIGHT = time(0)


def is_open(hours: WorkingHours, zone: ZoneInfo, at: datetime) -> bool:
    return not hours.week or any(begin <= at < end for begin, end in _spans(hours, zone, at, at))


def worked(hours: WorkingHours, zone: ZoneInfo, since: datetime, until: datetime) -> timedelta:
    """How much of the time between the two moments the shop was open."""
    since = max(since, until - FARTHEST)
    if not hours.week:
        return max(until - since, timedelta())
    parts = (min(end, until) - max(begin, since) for begin, end in _spans(hours, zone, since, until))
    return sum((part for part in parts if part > timedelta()), timedelta())


def next_opening(hours: WorkingHours, zone: ZoneInfo, at: datetime) -> datetime | None:
    """When the shop opens after this moment, by its clock; None for one that does not within two months."""
    if not hours.week:
        return None
    openings = (begin for begin, _ in _spans(hours, zone, at, at + FARTHEST) if begin > at)
    first = next(openings, None)
    return first.astimezone(zone) if first else None


def _spans(
    hours: WorkingHours, zone: ZoneInfo, since: datetime, until: datetime
) -> Iterator[tuple[datetime, datetime]]:
    """The open spans, in UTC and in order, of every day that the two moments touch."""
    day, last = since.astimezone(zone).date(), until.astimezone(zone).date()
    while day <= last:
        span = hours.week[day.weekday()]
        if span is not None and day not in hours.days_off:
            closes_on = day + timedelta(days=1) if span.closes == MIDNIGHT else day
            yield _moment(day, span.opens, zone), _moment(closes_on, span.closes, zone)
        day += timedelta(days=1)


def _moment(day: date, at: time, zone: ZoneInfo) -> datetime:
    return datetime.combine(day, at, zone).astimezone(UTC)
