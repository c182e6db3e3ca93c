"""Whether a channel is unusually silent, judged by its own usual hours."""

from __future__ import annotations

import math
from collections.abc import Mapping
from datetime import datetime, timedelta

from operation.pulse import hour_of

WEEK = 24 * 7

LEAST_WEEKS, MOST_WEEKS = 3, 8
"""How many past weeks are needed to know what is usual, and how many are looked at."""

VISIT = 10
"""Events that one buyer's visit makes, about: they come together, so ten of them are one chance and not ten."""

UNUSUAL = 0.001
"""A silence that chance alone would make less often than this is worth an alarm."""

LONGEST = timedelta(days=14)
"""A silence is not reckoned further back."""


def weeks_known(first_hour: int | None, now: datetime) -> int:
    """For how many whole weeks the account has been listened to."""
    return 0 if first_hour is None else min((hour_of(now) - first_hour) // WEEK, MOST_WEEKS)


def chance(heard: Mapping[int, int], weeks: int, since: datetime, now: datetime) -> float:
    """How likely it is that nothing at all comes from `since` to `now`, after the same hours of `weeks` past weeks.

    `heard` has events by hour; an hour without any may be missing. 1.0 when nothing is known.
    """
    if weeks < LEAST_WEEKS:
        return 1.0
    since = max(since, now - LONGEST)
    likely = 0.0
    for hour in range(hour_of(since), hour_of(now) + 1):
        began, ended = max(since.timestamp(), hour * 3600.0), min(now.timestamp(), (hour + 1) * 3600.0)
        past = [heard.get(hour - WEEK * week, 0) for week in range(1, weeks + 1)]
        likely += math.log(_silent_hour(past)) * (ended - began) / 3600
    return math.exp(likely)


def _silent_hour(past: list[int]) -> float:
    """The chance that such an hour brings nothing: never nought, since a few weeks do not show everything."""
    silent = (past.count(0) + 1) / (len(past) + 2)
    return min(silent, math.exp(-min(past) / VISIT))
