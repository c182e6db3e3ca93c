"""What the owner's page of the bot's words is parted into."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Moment:
    """Texts that are seen at one moment, with their names, by key."""

    when: str
    names: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Group:
    title: str
    moments: tuple[Moment, ...]
