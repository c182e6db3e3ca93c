"""People as the pages draw them: a name, two letters and a colour that stays theirs."""

from __future__ import annotations

from typing import Any

from company.presence import Presence
from company.tables import Role, Staff
from operator_console.texts import gettext as _

Shape = dict[str, Any]
"""What a template macro takes; the macro files name the keys."""

TONES = 6


def person(name: str, number: int, **more: object) -> Shape:
    """`number` chooses the colour: the row's id, so it is the same on every page."""
    return {"name": name, "initials": initials(name), "tone": number % TONES + 1, "portrait": "", **more}


def colleague(staff: Staff, **more: object) -> Shape:
    return person(staff.name, staff.id, id=staff.id, short_name=staff.name.split()[0] if staff.name else "", **more)


def presence_word(state: Presence) -> str:
    words = {
        Presence.ONLINE: _("there"),
        Presence.AWAY: _("away"),
        Presence.OFF_SHIFT: _("off shift"),
        Presence.OFFLINE: _("not there"),
    }
    return words[state]


def customer(name: str, number: int | None, portrait: int | None = None) -> Shape:
    """`portrait` is the file that shows him, if there is one; its number makes the address a new one's."""
    shown = f"/customers/{number}/portrait?of={portrait}" if portrait is not None else ""
    return person(name or _("Nameless guest"), number or 0, portrait=shown)


def role_names() -> dict[str, str]:
    """The roles in the order in which they are offered."""
    return {
        Role.OPERATOR: _("operator"),
        Role.MANAGER: _("manager"),
        Role.ACCOUNTANT: _("accountant"),
        Role.COURIER: _("courier"),
        Role.OWNER: _("owner"),
    }


def initials(name: str) -> str:
    letters = [word[0] for word in name.split() if word[0].isalnum()]
    return "".join(letters[:2]).upper() or "?"
