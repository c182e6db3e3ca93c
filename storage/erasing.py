"""What the log of events, the jobs and the files folder hold of somebody who is to be forgotten."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from kit.clock import now_ms
from storage import jobs
from storage.committed import tidy_after
from storage.files import FRESH, FileStore
from storage.jobs import Again, Effect, Job
from storage.tables import EventRow, Lane, StoredFile
from storage.tables import Job as JobRow

WIPE = "files.wipe"

GONE = "erased"
"""The lane of jobs that say nothing any more. They stay, or an event that comes twice would be handled again."""

WORDS = frozenset({"note", "reason", "error", "text", "name", "title", "before", "after", "was", "now"})
"""Fields of events in which somebody's words may stand; the others are numbers and codes."""

LATER = 2 * FRESH
"""When a file that came again just now is looked at once more."""

PORTION = 500
"""Subjects that are asked for at a time."""


def events_about(session: Session, subjects: Sequence[str]) -> set[int]:
    """The ids of the events about these subjects."""
    found: set[int] = set()
    for begun in range(0, len(subjects), PORTION):
        some = subjects[begun : begun + PORTION]
        found.update(session.scalars(sa.select(EventRow.id).where(EventRow.subject.in_(some))))
    return found


def erase(session: Session, chats: Sequence[str], subjects: Sequence[str]) -> None:
    """Take the words out of the events about these subjects, and out of the jobs that they caused; `chats` are lanes
    that are called by a person's own number in a messenger."""
    for begun in range(0, len(subjects), PORTION):
        some = subjects[begun : begun + PORTION]
        for event in session.scalars(sa.select(EventRow).where(EventRow.subject.in_(some))):
            if WORDS & event.payload.keys():
                event.payload = {name: _wordless(name, value) for name, value in event.payload.items()}
    session.flush()
    # A job of a subscriber is in the lane "<kind>:<subject>".
    after = sa.func.substr(JobRow.lane, sa.func.length(JobRow.kind) + 2)
    theirs = sa.or_(JobRow.lane.in_(chats), sa.and_(after.in_(subjects), JobRow.state == "done"))
    session.execute(
        sa.update(JobRow)
        .where(theirs)
        .values(
            payload="{}",
            lane=GONE,
            error=None,
            state="done",
            closed_at=sa.func.coalesce(JobRow.closed_at, now_ms()),
        )
        .execution_options(synchronize_session=False)
    )
    session.execute(sa.delete(Lane).where(Lane.lane.in_(chats)))


def _wordless(name: str, value: Any) -> Any:
    if name not in WORDS:
        return value
    return {} if isinstance(value, dict) else [] if isinstance(value, list) else ""


def wipe_later(session: Session, sums: Sequence[str]) -> None:
    """After the commit, take these files from the disk, and from SQLite's file what was overwritten."""
    jobs.put(session, WIPE, {"files": list(sums)}, lane=WIPE)


def handlers(files: FileStore) -> Mapping[str, Effect[Any, Any]]:
    async def wipe(sums: Sequence[str]) -> list[str]:
        return await asyncio.to_thread(files.forget, sums)

    return {WIPE: Effect(_nobodys, wipe, _wiped)}


def _nobodys(session: Session, job: Job) -> list[str]:
    """Those of the job's files that no row names, for the same bytes may have come from somebody else."""
    if session.get_bind().dialect.name == "sqlite":
        for name in session.scalars(sa.text("SELECT name FROM sqlite_master WHERE sql LIKE '%USING fts5%'")).all():
            # What is deleted from it is only crossed out until its parts are put together anew.
            session.execute(sa.text(f"INSERT INTO {name} ({name}) VALUES ('optimize')"))  # noqa: S608  our own names
        tidy_after(session)
    sums = set(job.payload["files"])
    return sorted(sums.difference(session.scalars(sa.select(StoredFile.sha256).where(StoredFile.sha256.in_(sums)))))


def _wiped(session: Session, job: Job, sums: Sequence[str], left: list[str]) -> Again | None:
    return Again(LATER) if left else None
