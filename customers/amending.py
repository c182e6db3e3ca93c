"""Two people fill in one card: what each has changed is kept, and what both have changed is asked once more.

A form says what it was made from. What its reader left as it was is not his change, whatever stands there by now; what
he changed goes in, unless somebody has changed that very field since.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from customers import cards, fields
from customers.events import CustomerChanged
from customers.tables import Customer
from storage.tables import EventRow

CARD = ("name", "city", "address", "tags", "note")
"""What a form of the card has, by the names of the columns."""

LOOKED_AT = 50
"""The latest changes of a card among which the one is looked for that was in the way."""


@dataclass(frozen=True, slots=True)
class Overtaken:
    """A field that was not written, because somebody wrote it after the form was made: `now` is what he has put."""

    name: str
    now: str
    actor: str
    """Empty where the log does not tell."""
    at: datetime | None


def written(customer: Customer) -> dict[str, str]:
    """The card as its form shows it: tags with commas between them."""
    return {name: ", ".join(customer.tags) if name == "tags" else getattr(customer, name) for name in CARD}


def amend(
    session: Session, customer: Customer, wanted: Mapping[str, str], seen: Mapping[str, str], *, actor: str
) -> list[Overtaken]:
    """Write what was changed in a form of the card; gives what was overtaken and so left as it is.

    `wanted` and `seen` are by the names of CARD: what the form says, and what it was made from. A field that `seen`
    does not have is written whatever stands there.
    """
    _hold(session, customer)
    now = written(customer)
    mine, both = _parted(now, {name: _tidy(name, wanted[name]) for name in CARD if name in wanted}, seen)
    tags = mine.pop("tags", None)
    cards.remember(session, customer, **mine, tags=None if tags is None else tags.split(","), actor=actor)
    return _overtaken(session, customer, {name: name for name in both}, now, "card")


def amend_fields(
    session: Session, customer: Customer, wanted: Mapping[int, str], seen: Mapping[int, str], *, actor: str
) -> list[Overtaken]:
    """The same for own fields, by their numbers; the names of what was overtaken are the numbers.

    Raises NoSuchField, and whatever is wrong with a value (customers.fields.normal); nothing is written then.
    """
    _hold(session, customer)
    held = {one.field.id: one for one in fields.of(session, customer)}
    for field_id in wanted:
        if field_id not in held:
            raise fields.NoSuchField(f"field {field_id} of shop {customer.shop_id}")
    tidy = {str(field_id): fields.normal(held[field_id].field, text) for field_id, text in wanted.items()}
    now = {str(field_id): one.value for field_id, one in held.items()}
    mine, both = _parted(now, tidy, {str(field_id): text for field_id, text in seen.items()})
    fields.fill(session, customer, {int(number): text for number, text in mine.items()}, actor=actor)
    return _overtaken(session, customer, {number: held[int(number)].field.name for number in both}, now, "field")


def _parted(
    now: Mapping[str, str], wanted: Mapping[str, str], seen: Mapping[str, str]
) -> tuple[dict[str, Any], list[str]]:
    """What can be written, and the names of what both have changed, each in another way."""
    touched = {name: text for name, text in wanted.items() if text != seen.get(name) and text != now[name]}
    both = [name for name in touched if seen.get(name, now[name]) != now[name]]
    return {name: text for name, text in touched.items() if name not in both}, both


def _tidy(name: str, text: str) -> str:
    """As it would be kept, so that a space more is no change."""
    if name == "note":
        return text.strip()
    if name == "tags":
        return ", ".join(sorted({tag for tag in (cards.tidy(tag, 40) for tag in text.split(",")) if tag}))
    return cards.tidy(text, {"name": 200, "city": 120, "address": 500}[name])


def _hold(session: Session, customer: Customer) -> None:
    """The card as it is now: whoever fills in the same card at this moment waits, and is compared with this."""
    session.flush()
    session.refresh(customer, with_for_update={"key_share": True})


def _overtaken(
    session: Session, customer: Customer, both: Mapping[str, str], now: Mapping[str, str], what: str
) -> list[Overtaken]:
    """`both`: the fields by their names, and how the log calls each."""
    if not both:
        return []
    rows = session.scalars(
        sa.select(EventRow)
        .where(EventRow.subject == f"customer:{customer.id}", EventRow.kind == CustomerChanged.kind)
        .order_by(EventRow.id.desc())
        .limit(LOOKED_AT)
    ).all()
    found = []
    for name, logged in both.items():
        events = (row for row in rows if row.payload["what"] == what and logged in row.payload["after"])
        event = next(events, None)
        found.append(Overtaken(name, now[name], event.actor if event else "", event.at if event else None))
    return found
