"""What was changed in people's rights and roles, from the log of events, in the reader's words."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from company.events import RoleGiven, StaffChanged
from company.tables import Sees, Shop
from kit.money import Money
from operator_console import people
from operator_console.payment_shapes import actor_names
from operator_console.people import Shape
from operator_console.texts import gettext as _
from operator_console.texts import reader
from storage.tables import EventRow, about_rights

SHOWN = 20
"""How many of the latest changes are shown."""


def latest(session: Session, shop: Shop) -> list[Shape]:
    """[{at, who, text}], the newest first."""
    query = sa.select(EventRow).where(EventRow.shop_id == shop.id, about_rights).order_by(EventRow.id.desc())
    events = session.scalars(query.limit(SHOWN)).all()
    of = {event.id: f"staff:{event.payload['staff_id']}" for event in events if "staff_id" in event.payload}
    names = actor_names(session, [*(event.actor for event in events), *of.values()])
    return [
        {"at": event.at, "who": names[event.actor], "text": _words(event, names.get(of.get(event.id, ""), ""), shop)}
        for event in events
    ]


def _words(event: EventRow, name: str, shop: Shop) -> str:
    facts, roles = event.payload, {str(role): label for role, label in people.role_names().items()}
    if event.kind == RoleGiven.kind:
        now = facts["rights_set"] or roles.get(facts["role"], facts["role"])
        return _("{name}: {role}, was {before}", name=name, role=now, before=roles.get(facts["before"], "—"))
    if event.kind == StaffChanged.kind:
        role = roles.get(facts["role"], facts["role"])
        if facts["what"] == "added":
            return _("{name} is added: {role}", name=name, role=role)
        return _("{name} is dismissed: {role}", name=name, role=role)
    words = {
        "added": _("The set “{name}” is added", name=facts["name"]),
        "changed": _("The set “{name}” is changed", name=facts["name"]),
        "removed": _("The set “{name}” is removed", name=facts["name"]),
    }
    said = words.get(facts["what"], facts["name"])
    was = "; ".join(_was(question, value, shop, roles) for question, value in facts["before"].items())
    return _("{what}. It was: {before}", what=said, before=was) if was else said


def _was(question: str, value: Any, shop: Shop, roles: dict[str, str]) -> str:
    """One answer of a set as it was before: "discounts 10%"."""
    names = {
        "name": _("name"),
        "role": _("role"),
        "sees": _("conversations"),
        "purchase_prices": _("purchase prices"),
        "totals": _("totals"),
        "export": _("files"),
        "refund_most": _("refunds"),
        "discount_most": _("discounts"),
    }
    return f"{names.get(question, question)} — {_answer(question, value, shop, roles)}"


def _answer(question: str, value: Any, shop: Shop, roles: dict[str, str]) -> str:
    if value is None:
        return _("no limit")
    if isinstance(value, bool):
        return _("yes") if value else _("no")
    if question == "refund_most":
        return Money(value, shop.currency).format(reader().language)
    if question == "discount_most":
        return f"{value} %"
    ways = {str(Sees.ALL): _("all"), str(Sees.OWN): _("only own ones"), str(Sees.OWN_AND_FREE): _("own and nobody’s")}
    return roles.get(value, ways.get(value, str(value)))
