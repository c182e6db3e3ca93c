"""Moments that people choose for later: tomorrow morning, Monday, or their own. Plain values, no session."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta
from enum import StrEnum
from zoneinfo import ZoneInfo

from kit.errors import Refused

LONGEST = timedelta(days=366)
"""How far ahead a moment may lie."""

MORNING, EVENING = time(9), time(18)


class Moment(StrEnum):
    """What is offered by name; OWN is a date and time that the person gives."""

    HOUR = "hour"
    EVENING = "evening"
    TOMORROW = "tomorrow"
    MONDAY = "monday"
    OWN = "own"


class MomentUnfit(Refused):
    """Not a date and time."""

    code = "moment_unfit"


class MomentPast(Refused):
    code = "moment_past"


class MomentTooFar(Refused):
    code = "moment_too_far"


def offered(now: datetime, zone: ZoneInfo) -> list[tuple[Moment, datetime]]:
    """What can be chosen by name at this hour, the nearest first; no moment stands there under two names."""
    by_time: dict[datetime, Moment] = {}
    for moment in Moment:
        if moment is not Moment.OWN and (at := _named(moment, now, zone)) > now:
            by_time.setdefault(at, moment)
    return [(by_time[at], at) for at in sorted(by_time)]


def chosen(name: str, own: str, now: datetime, zone: ZoneInfo) -> datetime:
    """The moment of this name, or of a person's own words "2026-11-27T09:00" by the zone's clock; in UTC.

    Raises MomentUnfit, MomentPast, MomentTooFar.
    """
    try:
        moment = Moment(name or Moment.OWN)
    except ValueError:
        raise MomentUnfit() from None
    at = _read(own, zone) if moment is Moment.OWN else _named(moment, now, zone)
    check(at, now)
    return at


def check(at: datetime, now: datetime) -> None:
    """Raises MomentPast, MomentTooFar."""
    if at <= now:
        raise MomentPast()
    if at > now + LONGEST:
        raise MomentTooFar()


def _named(moment: Moment, now: datetime, zone: ZoneInfo) -> datetime:
    today = now.astimezone(zone).date()
    match moment:
        case Moment.HOUR:
            return (now + timedelta(hours=1)).replace(second=0, microsecond=0)
        case Moment.EVENING:
            day, clock = today, EVENING
        case Moment.MONDAY:
            day, clock = today + timedelta(days=7 - today.weekday()), MORNING
        case _tomorrow:
            day, clock = today + timedelta(days=1), MORNING
    return datetime.combine(day, clock, tzinfo=zone).astimezone(UTC)


def _read(own: str, zone: ZoneInfo) -> datetime:
    try:
        told = datetime.fromisoformat(own.strip())
    except ValueError:
        raise MomentUnfit() from None
    if told.tzinfo is not None:
        raise MomentUnfit()
    try:
        return told.replace(tzinfo=zone).astimezone(UTC)
    except OverflowError:
        raise MomentUnfit() from None
