"""What of the live events comes to the ears of a person who does not see everything."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace

import sqlalchemy as sa
from sqlalchemy.orm import Session

from automation.tables import Notification, Task
from customers.tables import Customer
from inbox.tables import Conversation
from orders.tables import Order
from storage.events import Note

Thing = Notification | Task | Order | Conversation | Customer

GUARDED: Mapping[str, type[Thing]] = {
    "notification_id": Notification,
    "task_id": Task,
    "order_id": Order,
    "conversation_id": Conversation,
    "customer_id": Customer,
}
"""Ids in events that are those of things which not everybody sees. The first that an event has is what it is about."""

FREE = frozenset({"product_id", "variant_id", "category_id"})
"""Ids of what everybody sees."""

LISTED = {
    "conversation_changed": "conversation_id",
    "conversation_assigned": "conversation_id",
    "order_changed": "order_id",
}
"""Events by which a thing leaves a person's sight: his lists are drawn anew, and are not told which thing it was."""


def by(session: Session, notes: Sequence[Note], staff_id: int) -> list[Note]:
    """Those of the notes that are about what the narrowed session finds, without the ids of anything else."""
    seen = {name: _seen(session, thing, _ids(notes, name)) for name, thing in GUARDED.items()}
    heard = []
    for note in notes:
        ids = {name: note.payload[name] for name in GUARDED if note.payload.get(name) is not None}
        about = next(iter(ids), "")
        own = note.payload.get("staff_id") == staff_id and about == "notification_id" and not ids[about]
        if own or (about and ids[about] in seen[about]) or (not ids and FREE & note.payload.keys()):
            hidden = {name for name, id_ in ids.items() if id_ not in seen[name]} - {about}
            heard.append(replace(note, payload={name: v for name, v in note.payload.items() if name not in hidden}))
        elif note.kind in LISTED:
            heard.append(replace(note, payload={LISTED[note.kind]: 0}))
    return heard


def _ids(notes: Iterable[Note], name: str) -> set[int]:
    return {note.payload[name] for note in notes if note.payload.get(name)}


def _seen(session: Session, thing: type[Thing], ids: Collection[int]) -> set[int]:
    # The class is asked, and not its table: only then is the statement narrowed.
    found = sa.select(thing.id).where(thing.id.in_(ids))
    return set(session.scalars(found)) if ids else set()
