"""Reasons in the history of an order: why it was cancelled, and which other order it has to do with.

A few have a name in every language; any other is a person's own words.
"""

from __future__ import annotations

from enum import StrEnum


class Reason(StrEnum):
    """Kept in the history by its code; the texts are under `reasons.<code>`."""

    UNPAID = "unpaid_in_time"
    CHANGED_MIND = "changed_mind"
    OUT_OF_STOCK = "out_of_stock"
    UNREACHABLE = "unreachable"
    DUPLICATE = "duplicate"
    RETURNED = "returned"


def text_key(reason: str) -> str | None:
    """The key of a known reason's text; None if the reason is already somebody's words."""
    return f"reasons.{reason}" if reason in set(Reason) else None


class Kin(StrEnum):
    """What another order is to this one. Kept in the history as "<kin>:<the other's number>"."""

    AGAIN = "again"
    """This one was made the same as the other."""
    SPLIT_FROM = "split_from"
    SPLIT_INTO = "split_into"

    def of(self, number: int) -> str:
        return f"{self}:{number}"


def kin(reason: str) -> tuple[Kin, int] | None:
    """The other order and what it is to this one, if the reason names one."""
    code, _colon, number = reason.partition(":")
    return (Kin(code), int(number)) if code in set(Kin) and number.isascii() and number.isdecimal() else None
