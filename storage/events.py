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

_APPEND = Hot(
    lambda insert: (
        insert(_event).values({c.name: sa.bindparam(c.name) for c in _event.c if c.name != "id"}).returning(_event.c.id)
    )
)

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
        common = {"shop_id", "subject", "actor"}
        return {f.name: getattr(self, f.name) for f in fields(self) if f.name not in common}


@dataclass(frozen=True, slots=True)
class Note:
    """What live pages are told: ids only, the reader fetches from SQL."""

    event_id: int
    kind: str
    shop_id: int
    payload: Mapping[str, Any]


def publish(session: Session, event: Event, *, cause: int | None = None) -> int:
    """Append the event, queue its subscribers' jobs, and tell live pages after the commit. Returns the event's id."""
    payload = event.payload()
    appended = _APPEND.row(
        session,
        at=utc_now(),
        kind=event.kind,
        shop_id=event.shop_id,
        subject=event.subject,
        actor=event.actor,
        cause=cause,
        payload=payload,
    )
    assert appended is not None
    event_id: int = appended[0]
    subscribers: Subscribers = session.info.get("subscribers", {})
    for job_kind in subscribers.get(event.kind, ()):
        jobs.put(
            session,
            job_kind,
            {
                "event_id": event_id,
                "subject": event.subject,
                "actor": event.actor,
                "shop_id": event.shop_id,
                **payload,
            },
            lane=f"{job_kind}:{event.subject}",
            dedup_key=f"{job_kind}:{event_id}",
        )
    session.info.setdefault("notes", []).append(Note(event_id, event.kind, event.shop_id, payload))
    return event_id
