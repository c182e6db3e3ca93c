"""Durable jobs: rows are the truth.

A job is written in the transaction of its cause, so there is no message without its job and no job without its
cause. Jobs of one lane run one after another in the order they were put; lanes run side by side. `storage.worker`
runs them.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Generic, TypeVar

import orjson
import sqlalchemy as sa
from sqlalchemy.orm import Session

from kit.clock import now_ms
from storage.hot import Hot
from storage.tables import Job as JobRow
from storage.tables import Lane

P = TypeVar("P")
R = TypeVar("R")

AT_ONCE = 0
"""The time of a job that is not planned: due whatever the clock says, also when it is set back."""

SOON = timedelta(seconds=2)
"""A pause shorter than this is kept to the moment, by the process that made it."""

PORTION = 2000
"""How many rows are pruned in one transaction: messages wait for it no longer than for some of their own."""

_job = JobRow.__table__


@dataclass(frozen=True, slots=True)
class Job:
    """A job as its handler sees it. `id` is a good idempotency key."""

    id: int
    lane: str
    kind: str
    payload: dict[str, Any]
    attempts: int
    created_ms: int
    waited: timedelta = timedelta()
    """All the pauses for which it was put off: how long it has been tried for, whatever the clock was set to."""


@dataclass(frozen=True, slots=True)
class Again:
    """Run the job again after this long; what is behind it in the lane waits. Does not count as a failed attempt."""

    after: timedelta


@dataclass(frozen=True, slots=True)
class Step:
    """Work in the database alone: runs inside the transaction that closes the job, so both happen or neither.

    A `prompt` one may run inside the transaction that put it, when its lane is free: that saves a commit.
    """

    run: Callable[[Session, Job], None]
    prompt: bool = False


@dataclass(frozen=True, slots=True)
class Effect(Generic[P, R]):
    """Work with a call to the outside in its middle: remember → call → record.

    `remember` runs in the transaction that takes the job and returns what the call needs, None when there is nothing
    left to do (the job closes), or Again when it is not time yet. `call` runs in no transaction. `record` runs in the
    transaction that closes the job; returning Again keeps it. An exception out of `call` is an attempt that failed:
    back-off, then dead.
    A process may die between call and record, so the next `remember` must recognise a call that was under way.
    A `prompt` one may be remembered inside the transaction that put it, when its lane is free. One that is worth
    trying `once` closes when it is remembered: its call may be lost, is not recorded, and nothing waits for it.
    """

    remember: Callable[[Session, Job], P | Again | None]
    call: Callable[[P], Awaitable[R]]
    record: Callable[[Session, Job, P, R], Again | None]
    prompt: bool = False
    once: bool = False


Handler = Step | Effect[Any, Any]
Handlers = Mapping[str, Handler]


def _adding(insert: Any, **facts: Any) -> Any:
    given = ("lane", "kind", "payload", "dedup_key", "run_at", "created_at")
    statement = insert(_job).values({name: sa.bindparam(name) for name in given}).values(**facts)
    return statement.on_conflict_do_nothing(index_elements=["dedup_key"])


_ADD = Hot(lambda insert: _adding(insert, state="ready", attempts=0).returning(_job.c.id))
_ADD_PUT_OFF = Hot(
    lambda insert: _adding(insert, state="ready", attempts=0, closed_at=sa.bindparam("closed_at")).returning(_job.c.id)
)
_ADD_MANY = Hot(lambda insert: _adding(insert, state="ready", attempts=0))
_ADD_DONE = Hot(
    lambda insert: _adding(insert, state="done", attempts=1, closed_at=sa.bindparam("closed_at")).returning(_job.c.id)
)


@dataclass(frozen=True, slots=True)
class New:
    """A job to put."""

    kind: str
    payload: Mapping[str, Any]
    lane: str
    dedup_key: str | None = None


def put(
    session: Session,
    kind: str,
    payload: Mapping[str, Any],
    *,
    lane: str,
    dedup_key: str | None = None,
    run_at: datetime | None = None,
    after: timedelta | None = None,
) -> bool:
    """Write a job in the caller's transaction; its lane is rung after the commit.

    Returns False, and writes nothing, if a job with this dedup_key was ever put and is not yet pruned. A job with
    `run_at` belongs into a lane of its own: whatever is behind it in its lane waits for it. One that is to run `after`
    so long is put off and not promised for a moment: when the clock is set back, it is due.
    """
    row = _row(New(kind, payload, lane, dedup_key))
    if after is not None:
        row["run_at"] = row["created_at"] + after // timedelta(milliseconds=1)
        ring_later(session, lane, after)
        return _ADD_PUT_OFF.row(session, **row, closed_at=row["created_at"]) is not None
    if run_at is not None:
        row["run_at"] = int(run_at.timestamp() * 1000)
    added = _ADD.row(session, **row)
    if added is None:
        return False
    if run_at is None:
        ring(session, lane, kind)
        _remember(session, added[0], row)
    return True


def add_done(session: Session, new: New) -> Job | None:
    """Write a job that is done in this very transaction. None if one with its dedup_key was ever put."""
    row = _row(new)
    added = _ADD_DONE.row(session, **row, closed_at=row["created_at"])
    return (
        None if added is None else Job(added[0], new.lane, new.kind, orjson.loads(row["payload"]), 0, row["created_at"])
    )


def just_put(session: Session, lane: str) -> Job | None:
    """The last job that this transaction has put into the lane, if it can only be undone together with all of it."""
    known: tuple[int, dict[str, Any]] | None = session.info.get("put", {}).get(lane)
    if known is None:
        return None
    id_, row = known
    return Job(id_, lane, row["kind"], orjson.loads(row["payload"]), 0, row["created_at"])


def begun(session: Session, job: Job) -> None:
    """It was put, and waits no longer: nobody shall begin it again from memory."""
    known = session.info.get("put", {})
    if job.lane in known and known[job.lane][0] == job.id:
        del known[job.lane]


def _row(new: New) -> dict[str, Any]:
    return {
        "lane": new.lane,
        "kind": new.kind,
        "payload": orjson.dumps(new.payload).decode(),
        "dedup_key": new.dedup_key,
        "run_at": AT_ONCE,
        "created_at": now_ms(),
    }


def _remember(session: Session, id_: int, row: dict[str, Any]) -> None:
    if session.in_nested_transaction():
        # Its savepoint may be rolled back, and the job with it.
        session.info.get("put", {}).pop(row["lane"], None)
    else:
        session.info.setdefault("put", {})[row["lane"]] = (id_, row)


def ring(session: Session, lane: str, kind: str) -> None:
    """Say after the commit that the lane has a job of this kind."""
    session.info.setdefault("rings", {})[lane] = kind


def ring_later(session: Session, lane: str, after: timedelta) -> None:
    """Say when the pause is over, if that is soon: the sweep would come up to half a second late."""
    if after < SOON:
        session.info.setdefault("later", {})[lane] = after.total_seconds()


def put_all(session: Session, jobs: Sequence[New]) -> None:
    """Write many jobs with few statements; those whose dedup_key is known are passed over."""
    _ADD_MANY.many(session, [_row(job) for job in jobs])
    for job in jobs:
        ring(session, job.lane, job.kind)


def cancel(session: Session, dedup_key: str) -> bool:
    """Drop a job that has not run yet. False if it ran, or was never there."""
    session.info.get("put", {}).clear()
    gone = session.execute(
        sa.update(JobRow)
        .where(JobRow.dedup_key == dedup_key, JobRow.state == "ready")
        .values(state="done", closed_at=now_ms())
    )
    return bool(gone.rowcount)  # type: ignore[attr-defined]


def prune(session: Session, *, older_than: timedelta) -> int:
    """Remove jobs that were done this long ago, and lanes that nothing waits in. Dead ones stay for a person.

    No more than PORTION of each; returns how many of those of which more went. Call again while it is PORTION.
    """
    horizon = now_ms() - int(older_than.total_seconds() * 1000)
    old = sa.select(JobRow.id).where(JobRow.state == "done", JobRow.closed_at < horizon).limit(PORTION)
    gone = session.execute(sa.delete(JobRow).where(JobRow.id.in_(old)))
    # Of jobs that wait there is an index by lane; of all jobs there is none.
    waiting = (
        sa.select(JobRow.id).where(JobRow.lane == Lane.lane, JobRow.state == sa.literal_column("'ready'")).exists()
    )
    empty = sa.select(Lane.lane).where(Lane.lease_until == 0, ~waiting).limit(PORTION)
    left = session.execute(sa.delete(Lane).where(Lane.lane.in_(empty), Lane.lease_until == 0))
    return max(gone.rowcount, left.rowcount)  # type: ignore[attr-defined, no-any-return]
