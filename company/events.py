"""What happens in the company, as the rest of the system hears of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from storage.events import Event


@dataclass(frozen=True, slots=True, kw_only=True)
class ShopOpened(Event):
    """One more shop of an owner; `like` is the one from whose settings he opened it."""

    kind: ClassVar[str] = "shop_opened"

    like: int


@dataclass(frozen=True, slots=True, kw_only=True)
class RoleGiven(Event):
    kind: ClassVar[str] = "role_given"

    staff_id: int
    role: str
    before: str
    rights_set: str = ""
    """The name of the own set that he has now; empty for the role as it is."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StaffChanged(Event):
    """`what`: added, dismissed. `role` is the one that he begins with, or had."""

    kind: ClassVar[str] = "staff_changed"

    staff_id: int
    what: str
    role: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RightsSetChanged(Event):
    """`what`: added, changed, removed. `before` holds what was answered otherwise."""

    kind: ClassVar[str] = "rights_set_changed"

    rights_set_id: int
    what: str
    name: str
    before: dict[str, Any]
