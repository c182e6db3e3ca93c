"""What happens again and again by itself: each time one job, whichever worker's clock struck first.

A tick writes a job under the key of its time slot, so any number of workers make one run of it. The scheduler holds
nothing: a tick that is missed is made up for by the next one.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta

import sqlalchemy as sa
from apscheduler.schedulers.asyncio import AsyncIOScheduler
from sqlalchemy.orm import Session

import customers.importing
from automation import assignment, notifications, telling
from catalog import importing
from company import signin
from inbox import searching
from kit import crash
from kit.clock import now_ms, utc_now
from operation import rounds
from operation.attendant import look_round
from payments import polling
from storage import jobs
from storage.database import Database
from storage.jobs import Handler, Job, Step
from storage.tables import Job as JobRow

CLEAR = "tick.clear"

SEARCH = "tick.search"

KEEP_JOBS = timedelta(days=7)
"""How long done jobs stay: they are what makes a repeated event known."""

BREATH = timedelta(milliseconds=20)

KEEP_TICKS = timedelta(hours=1)
"""Ticks are many, and a slot does not come back."""


@dataclass(frozen=True, slots=True)
class Tick:
    kind: str
    every: timedelta
    run: Callable[[Session], None]

    @property
    def handler(self) -> Handler:
        return Step(self._step)

    def _step(self, session: Session, job: Job) -> None:
        self.run(session)

    def put(self, session: Session) -> bool:
        """Write this slot's job; False if another worker has. A run must be over before the next slot's begins."""
        slot = now_ms() // int(self.every.total_seconds() * 1000)
        return jobs.put(session, self.kind, {}, lane=self.kind, dedup_key=f"{self.kind}:{slot}")


def look_at_payments(session: Session) -> None:
    polling.due(session, utc_now())
    crash.point("tick.polled")


def look_who_waits(session: Session) -> None:
    assignment.give_out(session)
    telling.look_who_waits(session, utc_now())


def clear_away(session: Session) -> None:
    now = utc_now()
    pruned = [
        jobs.prune(session, older_than=KEEP_JOBS),
        notifications.prune(session, now),
        importing.prune(session, now),
        customers.importing.prune(session, now),
    ]
    if max(pruned) >= jobs.PORTION:
        # Never long in one transaction: others wait to write.
        jobs.put(session, CLEAR, {}, lane=CLEAR, run_at=utc_now() + timedelta(seconds=1))
    signin.prune(session)
    horizon = now_ms() - int(KEEP_TICKS.total_seconds() * 1000)
    kinds = [tick.kind for tick in TICKS]
    session.execute(sa.delete(JobRow).where(JobRow.kind.in_(kinds), JobRow.state == "done", JobRow.closed_at < horizon))
    crash.point("prune.done")


def index_messages(session: Session) -> None:
    if searching.catch_up(session):
        # Not at once, which would be in the same transaction: others have their turn between two portions.
        jobs.put(session, SEARCH, {}, lane=SEARCH, after=BREATH)


TICKS: Sequence[Tick] = (
    Tick("tick.round", rounds.EVERY, look_round),
    Tick("tick.payments", timedelta(seconds=30), look_at_payments),
    Tick(SEARCH, timedelta(seconds=10), index_messages),
    Tick("tick.waiting", timedelta(minutes=1), look_who_waits),
    Tick(CLEAR, timedelta(hours=1), clear_away),
)


def handlers() -> Mapping[str, Handler]:
    return {tick.kind: tick.handler for tick in TICKS}


class Clock:
    """Strikes in each process that works."""

    def __init__(self, db: Database) -> None:
        self._db = db
        self._scheduler = AsyncIOScheduler(timezone="UTC")

    async def start(self) -> None:
        for tick in TICKS:
            self._scheduler.add_job(
                self._db.write,
                "interval",
                args=[tick.put],
                seconds=tick.every.total_seconds(),
                max_instances=1,
                coalesce=True,
            )
        self._scheduler.start()
        # What was due while nobody worked shall not wait for the first stroke.
        for tick in TICKS:
            await self._db.write(tick.put)

    def stop(self) -> None:
        if self._scheduler.running:
            self._scheduler.shutdown(wait=False)
