"""The rows of lanes and jobs, as the worker takes them, closes them and lets them go.

A lane is taken by a conditional update that raises its epoch; the epoch fences whoever held it before.
"""

from __future__ import annotations

import logging
import random
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, ClassVar

import orjson
import sqlalchemy as sa
from sqlalchemy.orm import Session, aliased

from kit.clock import SKEW_MS, now_ms
from kit.redaction import one_line, redact
from storage import jobs
from storage.events import Event, publish
from storage.hot import Hot
from storage.jobs import AT_ONCE, Again, Job
from storage.tables import Job as JobRow
from storage.tables import Lane

logger = logging.getLogger(__name__)

SWEEP = 0.5
"""Seconds between looks for due jobs on free lanes."""

LONGEST_LEASE_MS = 60_000
"""The most that a worker may take a lane for at once; it renews its lease while it works."""

MAX_ATTEMPTS = 5
"""After so many failures a job is dead: the lane goes on without it and a person is told."""

BACKOFF_MS = 1000
"""The pause after the first failure; each next one is four times as long."""


WORKED = (JobRow.id, JobRow.kind, JobRow.payload, JobRow.attempts, JobRow.created_at, JobRow.waited)
"""What `worked` reads."""


def _waits(*, beside: str) -> sa.ColumnElement[bool]:
    """Whether a job waits in the lane `name`, beside the one whose id is the parameter `beside`."""
    job = aliased(JobRow)
    return sa.exists().where(
        job.lane == sa.bindparam("name"), job.state == sa.literal_column("'ready'"), job.id != sa.bindparam(beside)
    )


# Whoever is just taking or leaving the lane is not waited for: a transaction that takes a lane on its way may hold
# what the other one waits for. Taking says whether a job waits there, beside the one that is `known`.
TAKE = Hot(
    lambda insert: (
        sa.update(Lane)
        .where(
            Lane.lane
            == sa.select(Lane.lane)
            .where(Lane.lane == sa.bindparam("name"), Lane.lease_until < sa.bindparam("now"))
            .with_for_update(skip_locked=True)
            .scalar_subquery()
        )
        .values(lease_until=sa.bindparam("until"), epoch=Lane.epoch + 1)
        .returning(Lane.epoch, _waits(beside="known"))
    )
)
OPEN = Hot(
    lambda insert: (
        insert(Lane)
        .values(lane=sa.bindparam("name"), lease_until=sa.bindparam("until"), epoch=sa.bindparam("first"))
        .on_conflict_do_nothing()
        .returning(Lane.epoch, _waits(beside="known"))
    )
)
KEEP = Hot(
    lambda insert: (
        sa.update(Lane)
        .where(Lane.lane == sa.bindparam("name"), Lane.epoch == sa.bindparam("mine"))
        .values(lease_until=sa.bindparam("until"))
    )
)
RENEW = Hot(
    lambda insert: (
        sa.update(Lane)
        .where(
            Lane.lane == sa.bindparam("name"),
            Lane.epoch == sa.bindparam("mine"),
            # Letting go leaves the epoch as it was: a renewal that comes after it would hold a lane that nobody works.
            Lane.lease_until > sa.literal_column("0"),
        )
        .values(lease_until=sa.bindparam("until"))
    )
)
HEAD = Hot(
    lambda insert: (
        sa.select(JobRow.run_at, *WORKED)
        .where(JobRow.lane == sa.bindparam("name"), JobRow.state == sa.literal_column("'ready'"))
        .order_by(JobRow.id)
        .limit(sa.literal_column("1"))
    )
)
CLOSE = Hot(
    lambda insert: (
        sa.update(JobRow)
        .where(JobRow.id == sa.bindparam("job"))
        .values(
            state=sa.bindparam("new_state"),
            attempts=sa.bindparam("tries"),
            run_at=sa.bindparam("due"),
            closed_at=sa.bindparam("closed"),
            error=sa.bindparam("why"),
        )
    )
)
PUT_OFF = Hot(
    lambda insert: (
        sa.update(JobRow)
        .where(JobRow.id == sa.bindparam("job"))
        .values(
            run_at=sa.bindparam("due"),
            closed_at=sa.bindparam("now"),
            error=sa.null(),
            waited=JobRow.waited + sa.bindparam("pause"),
        )
    )
)
FINISH = Hot(
    lambda insert: (
        sa.update(JobRow)
        .where(JobRow.id == sa.bindparam("job"))
        .values(
            state="done",
            attempts=sa.bindparam("tries"),
            run_at=sa.bindparam("due"),
            closed_at=sa.bindparam("closed"),
            error=sa.null(),
        )
        .returning(_waits(beside="job"))
    )
)


TAKE_ALL = Hot(
    lambda insert: (
        sa.select(*WORKED)
        .where(JobRow.lane == sa.bindparam("name"), JobRow.state == sa.literal_column("'ready'"))
        .with_for_update(skip_locked=True)
    )
)


@dataclass(frozen=True, slots=True, kw_only=True)
class JobDied(Event):
    """A job failed for the last time: a person must look."""

    kind: ClassVar[str] = "job_died"

    job_kind: str
    lane: str
    error: str


def worked(lane: str, row: Sequence[Any]) -> Job:
    """The job in a row of WORKED."""
    id_, kind, payload, attempts, created_ms, waited = row
    return Job(id_, lane, kind, orjson.loads(payload), attempts, created_ms, timedelta(milliseconds=waited))


def close(session: Session, job: Job) -> bool:
    """The job is done. Whether another one waits in its lane."""
    now = now_ms()
    finished = FINISH.row(session, name=job.lane, job=job.id, tries=job.attempts + 1, due=now, closed=now)
    return finished is not None and bool(finished[0])


def put_off(session: Session, job: Job, again: Again) -> None:
    now, pause = now_ms(), again.after // timedelta(milliseconds=1)
    PUT_OFF.run(session, job=job.id, due=now + pause, now=now, pause=pause)
    jobs.ring_later(session, job.lane, again.after)


def fail(session: Session, job: Job, failure: Exception) -> None:
    """Count the attempt: 1, 4, 16, 64 seconds of pause, then dead."""
    tries, now = job.attempts + 1, now_ms()
    # What it says may hold anything that came from outside, also what no database keeps.
    said = f"{type(failure).__name__}: {failure}".encode("utf-8", "replace").decode()
    why = one_line(redact(said))[:500]
    if tries >= MAX_ATTEMPTS:
        logger.error("job %d %s is dead after %d attempts", job.id, job.kind, tries)
        publish(session, JobDied(shop_id=0, subject=f"job:{job.id}", job_kind=job.kind, lane=job.lane, error=why))
        CLOSE.run(session, job=job.id, new_state="dead", tries=tries, due=now, closed=now, why=why)
        return
    pause = int(BACKOFF_MS * 4.0 ** (tries - 1) * random.uniform(0.8, 1.2))  # noqa: S311
    CLOSE.run(session, job=job.id, new_state="ready", tries=tries, due=now + pause, closed=now, why=why)


def database_is_gone(failure: Exception) -> bool:
    """A lost connection or a full disk is no fault of the job: the whole transaction must go."""
    return isinstance(failure, sa.exc.OperationalError | sa.exc.InterfaceError)


def due_lanes(session: Session) -> list[tuple[str, int]]:
    """Free lanes whose first job is due before the next sweep, and when. What is planned for later costs nothing."""
    earlier = aliased(JobRow)
    is_first = ~sa.exists().where(earlier.lane == JobRow.lane, earlier.state == "ready", earlier.id < JobRow.id)
    now = now_ms()
    due = (
        sa.select(JobRow.lane, JobRow.run_at)
        .outerjoin(Lane, Lane.lane == JobRow.lane)
        .where(JobRow.state == "ready", JobRow.run_at <= now + int(SWEEP * 1000), is_first)
        .where(sa.or_(Lane.lease_until < now, Lane.lane.is_(None)))
        .order_by(JobRow.run_at)
        .limit(1000)
    )
    return [(lane, run_at) for lane, run_at in session.execute(due)]


_PUT_OFF_LATER = (JobRow.state == "ready", JobRow.closed_at > sa.bindparam("latest", type_=sa.BigInteger))


def dated_ahead(session: Session) -> tuple[bool, bool]:
    """What is left from before the clock was set back: whether a job waits that was put off at a moment which is still
    to come, and whether a lane is leased for longer than anybody may. Whoever holds it and lives renews his lease by
    the new time."""
    put_off = sa.select(JobRow.id).where(*_PUT_OFF_LATER).limit(1)
    leased = sa.select(Lane.lane).where(_leased_later()).limit(1)
    jobs_wait = session.scalar(put_off, {"latest": now_ms() + SKEW_MS}) is not None
    return jobs_wait, session.scalar(leased) is not None


def hasten(session: Session) -> None:
    """Jobs that were put off before the clock was set back are due: nobody knows how long they have waited."""
    hastened = sa.update(JobRow).where(*_PUT_OFF_LATER).values(run_at=AT_ONCE, closed_at=None)
    session.execute(hastened, {"latest": now_ms() + SKEW_MS})


def _leased_later() -> sa.ColumnElement[bool]:
    return Lane.lease_until > now_ms() + LONGEST_LEASE_MS + SKEW_MS


def end_leases_ahead(session: Session) -> None:
    """Let go of lanes that nobody has renewed since the clock was set back."""
    session.execute(sa.update(Lane).where(_leased_later()).values(lease_until=0))


def anything_due(session: Session) -> bool:
    soon = now_ms() + 50
    return (
        session.scalar(sa.select(JobRow.id).where(JobRow.state == "ready", JobRow.run_at <= soon).limit(1)) is not None
    )


def void_leases(session: Session) -> None:
    session.execute(sa.update(Lane).where(Lane.lease_until > 0).values(lease_until=0))


def release(session: Session, held: dict[str, int]) -> None:
    for lane in sorted(held):
        RENEW.run(session, name=lane, mine=held[lane], until=0)


def renew(session: Session, held: dict[str, int], lease_ms: int) -> None:
    for lane in sorted(held):
        RENEW.run(session, name=lane, mine=held[lane], until=now_ms() + lease_ms)
