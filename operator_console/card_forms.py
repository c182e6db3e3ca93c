"""Forms of a customer's card that come back: with what a colleague has written meanwhile, and all that was typed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from sqlalchemy.orm import Session

from customers import amending
from customers.amending import Overtaken
from customers.tables import Customer
from operator_console import formats
from operator_console.payment_shapes import actor_names
from operator_console.people import Shape
from operator_console.texts import gettext as _


@dataclass(frozen=True, slots=True)
class Asked:
    """What was typed, and what is to be said of each field that was not kept, both by the fields' names."""

    typed: Mapping[str, str] = field(default_factory=dict)
    errors: Mapping[str, str] = field(default_factory=dict)


NOTHING = Asked()
"""A form that is filled in for the first time."""


def of_card(customer: Customer, *, short: bool = False, may_edit: bool, asked: Asked = NOTHING) -> Shape:
    """What macros/card_form.html needs."""
    now = amending.written(customer)
    return {
        "url": f"/customers/{customer.id}",
        "short": short,
        "may_edit": may_edit,
        "unkept": bool(asked.errors),
        "values": now | {name: asked.typed[name] for name in asked.errors},
        "was": now,
        "errors": {name: asked.errors.get(name, "") for name in now},
    }


def words(session: Session, overtaken: Sequence[Overtaken]) -> dict[str, str]:
    """Who has written what meanwhile, by the names of the fields."""
    names = actor_names(session, [one.actor for one in overtaken if one.actor])
    return {one.name: _words(one, names.get(one.actor, "")) for one in overtaken}


def _words(one: Overtaken, who: str) -> str:
    now = one.now or "—"
    if not who or one.at is None:
        return _("Meanwhile it has become “{now}”. Keep once more, and yours stays.", now=now)
    at = formats.moment(one.at)
    return _("{who} has written “{now}” ({at}). Keep once more, and yours stays.", who=who, now=now, at=at)
