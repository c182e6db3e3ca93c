"""Who works in the demo shop and who buys there. All invented."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

from prilavok.demo.words import Words, data


@dataclass(frozen=True, slots=True)
class Staff:
    key: str
    name: Words
    role: str
    """owner or operator."""
    email: str


@dataclass(frozen=True, slots=True)
class Customer:
    """`channel` is where they write: telegram or web. `buys` says how often they come back, against the others."""

    key: str
    name: str
    channel: str
    language: str
    city: str
    buys: int
    username: str = ""
    phone: str | None = None
    email: str | None = None
    address: str = ""
    tags: tuple[str, ...] = ()
    note: str = ""


@cache
def staff() -> tuple[Staff, ...]:
    """The owner first."""
    return tuple(Staff(**{**one, "name": Words(**one["name"])}) for one in data("people.toml")["staff"])


@cache
def customers() -> tuple[Customer, ...]:
    return tuple(Customer(**{**one, "tags": tuple(one.get("tags", ()))}) for one in data("people.toml")["customers"])
