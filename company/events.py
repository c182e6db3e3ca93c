"""What happens in the company, as the rest of the system hears of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from storage.events import Event


@dataclass(frozen=True, slots=True, kw_only=True)
class RoleGiven(Event):
    kind: ClassVar[str] = "role_given"

    staff_id: int
    role: str
    before: str
