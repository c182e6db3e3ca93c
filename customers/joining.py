"""Two cards side by side, and what the kept one takes from the other: names, contacts, tags, notes, own fields.

The card that goes stays as it was, so that taking a merge back is to give the kept card what it had before.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from customers import contacts, fields
from customers.tables import Contact, ContactKind, Customer, Field

CARD = ("name", "phone", "email", "city", "address")
"""Columns of which one card's is kept; where only one has something, that is it."""

FIELD = "field-"
"""How the own fields are called among the columns: field-<number>."""


@dataclass(frozen=True, slots=True)
class Side:
    """One line of the two cards. `choose` says that both have something, and not the same."""

    name: str
    field: Field | None
    kept: str
    gone: str

    @property
    def choose(self) -> bool:
        return bool(self.kept and self.gone and self.kept != self.gone)


def sides(session: Session, kept: Customer, gone: Customer) -> list[Side]:
    """Everything of which one value is kept, in the order of the card."""
    columns = [Side(name, None, getattr(kept, name) or "", getattr(gone, name) or "") for name in CARD]
    theirs = {one.field.id: one.value for one in fields.of(session, gone)}
    own = [
        Side(f"{FIELD}{one.field.id}", one.field, one.value, theirs[one.field.id]) for one in fields.of(session, kept)
    ]
    return columns + own


def join(session: Session, kept: Customer, gone: Customer, taken: Collection[str]) -> dict[str, Any]:
    """Complete the kept card; of what both have, `taken` names what the other's wins in. Gives what `part` needs."""
    lent: dict[str, list[str]] = {kind.value: [] for kind in ContactKind}
    written: dict[str, list[str]] = {}
    both = sides(session, kept, gone)
    for contact in session.scalars(sa.select(Contact).where(Contact.customer_id == gone.id).order_by(Contact.id)):
        if contacts.lend(session, kept, ContactKind(contact.kind), contact.value):
            lent[contact.kind].append(contact.value)
    for side in both:
        if side.gone and side.gone != side.kept and (not side.kept or side.name in taken):
            _put(session, kept, side.name, side.gone)
            written[side.name] = [side.kept, side.gone]
    tags = [tag for tag in gone.tags if tag not in kept.tags]
    kept.tags = sorted([*kept.tags, *tags])
    note = "\n\n".join(dict.fromkeys(text for text in (kept.note, gone.note) if text))
    if note != kept.note:
        written["note"] = [kept.note, note]
        kept.note = note
    session.flush()
    return {"written": written, "tags": tags, "contacts": lent}


def part(session: Session, kept: Customer, done: dict[str, Any]) -> None:
    """Undo `join`, once the other card stands by itself again. What somebody has changed since then stays as he left
    it, and so does what a card that is still in this one has brought as well."""
    now = {one.field.id: one.value for one in fields.of(session, kept)}
    for name, (before, after) in done["written"].items():
        number = name.removeprefix(FIELD)
        value = now.get(int(number)) if name.startswith(FIELD) else getattr(kept, name) or ""
        if value == after:
            _put(session, kept, name, before)
    others = session.scalars(sa.select(Customer).where(Customer.merged_into_id == kept.id)).all()
    theirs = set(session.scalars(sa.select(Contact.value).where(Contact.customer_id.in_([one.id for one in others]))))
    for kind, values in done["contacts"].items():
        contacts.take_back(session, kept, ContactKind(kind), [value for value in values if value not in theirs])
    gone = set(done["tags"]).difference(*(one.tags for one in others))
    kept.tags = [tag for tag in kept.tags if tag not in gone]
    session.flush()


def _put(session: Session, customer: Customer, name: str, value: str) -> None:
    if name.startswith(FIELD):
        fields.put(session, customer.id, int(name.removeprefix(FIELD)), value)
    elif name in ("phone", "email"):
        # Without a value the card had none: the contact itself goes with what was lent.
        contacts.point(customer, ContactKind(name), value or None)
    else:
        setattr(customer, name, value)
