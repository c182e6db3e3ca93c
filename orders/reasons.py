"""Why orders are cancelled: a few reasons that have a name in every language; any other is a person's own words."""

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
