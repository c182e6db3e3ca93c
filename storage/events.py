"""The event log: every change that matters is one row, written in the transaction of the change.

An event also becomes one job for each subscriber, in the same transaction, and a live note after the commit. The
subscribers are a plain dict handed to the Database: event kind -> kinds of jobs.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any, ClassVar

import sqlalchemy as sa
from sqlalchemy.orm import Session

from kit.clock import utc_now
from storage import jobs
from storage.hot import Hot
from storage.tables import EventRow

_event = EventRow.__table__

_COLUMNS = tuple(column for column in _event.c if column.name != "id")

MOST_AT_ONCE = 32
"""Rows of one statement."""


def _appending(rows: int) -> Hot:
    """Inserts so many events and returns their ids, which grow in the order of the rows."""
    values = [{c: sa.bindparam(f"{c.name}_{n}", type_=c.type) for c in _COLUMNS} for n in range(rows)]
    return Hot(lambda insert: insert(_event).values(values).returning(_event.c.id))


_APPEND = {rows: _appending(rows) for rows in (1, 2, 4, 8, 16, MOST_AT_ONCE)}

Subscribers = Mapping[str, Sequence[str]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """Something that happened. Subclasses add ids; `subject` names the thing it happened to, such as "order:17"."""

    kind: ClassVar[str] = "event"

    shop_id: int
    subject: str
    actor: str = "system"

    def payload(self) -> dict[str, Any]:
        """The subclass's own fields."""
        names = _OWN.get(type(self))
        if names is None:
            common = {f.name for f in fields(Event)}
            names = _OWN[type(self)] = tuple(f.name for f in fields(self) if f.name not in common)
        return {name: getattr(self, name) for name in names}


_OWN: dict[type, tuple[str, ...]] = {}
"""The names of each kind's own fields."""


@dataclass(slots=True)
class Note:
    """What live pages are told: ids only, the reader fetches from SQL. Without an event's id until that is written."""

    event_id: int
    kind: str
    shop_id: int
    payload: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Gathered:
    """An event that is written with others, at the end of their transaction."""

    row: Mapping[str, Any]
    note: Note


def publish(session: Session, event: Event, *, cause: int | None = None) -> None:
    """Append the event, queue its subscribers' jobs, and tell live pages after the commit."""
    payload = event.payload()
    row = {
        "at": utc_now(),
        "kind": event.kind,
        "shop_id": event.shop_id,
        "subject": event.subject,
        "actor": event.actor,
        "cause": cause,
        "payload": payload,
    }
    note = Note(0, event.kind, event.shop_id, payload)
    session.info.setdefault("notes", []).append(note)
    subscribers: Subscribers = session.info.get("subscribers", {})
    following = subscribers.get(event.kind, ())
    gathered: list[Gathered] | None = session.info.get("gathered")
    if gathered is not None and not following and not session.in_nested_transaction():
        gathered.append(Gathered(row, note))
        return
    write(session, [Gathered(row, note)])
    for job_kind in following:
        jobs.put(
            session,
            job_kind,
            {
                "event_id": note.event_id,
                "subject": event.subject,
                "actor": event.actor,
                "shop_id": event.shop_id,
                **payload,
            },
            lane=f"{job_kind}:{event.subject}",
            dedup_key=f"{job_kind}:{note.event_id}",
        )


def write(session: Session, events: Sequence[Gathered]) -> None:
    """Append events in their order, and let their notes know the ids."""
    begun = 0
    while left := len(events) - begun:
        some = events[begun : begun + min(MOST_AT_ONCE, 1 << (left.bit_length() - 1))]
        values = {f"{name}_{n}": value for n, each in enumerate(some) for name, value in each.row.items()}
        ids = sorted(row[0] for row in _APPEND[len(some)].rows(session, **values))
        for each, id_ in zip(some, ids, strict=True):
            each.note.event_id = id_
        begun += len(some)
