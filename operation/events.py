"""What the event log says of alarms, and of people who decide about jobs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from storage.events import Event


@dataclass(frozen=True, slots=True, kw_only=True)
class AlarmRaised(Event):
    kind: ClassVar[str] = "alarm_raised"

    alarm_id: int
    alarm_kind: str
    cause: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AlarmCleared(Event):
    kind: ClassVar[str] = "alarm_cleared"

    alarm_id: int
    alarm_kind: str
    cause: str


@dataclass(frozen=True, slots=True, kw_only=True)
class JobRunAgain(Event):
    """A person had a job run that had died or waited; `error` is why it had."""

    kind: ClassVar[str] = "job_run_again"

    job_id: int
    job_kind: str
    error: str


@dataclass(frozen=True, slots=True, kw_only=True)
class JobGivenUp(Event):
    """A person decided that a job shall not be done."""

    kind: ClassVar[str] = "job_given_up"

    job_id: int
    job_kind: str
    error: str
    reason: str
