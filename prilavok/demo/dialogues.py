"""What buyers and the shop have said to each other, placed in time before a given moment."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from prilavok.demo.people import Customer, customers
from prilavok.demo.words import data


@dataclass(frozen=True, slots=True)
class Line:
    """One message. `author` is buyer, bot or staff; `staff` is a key of the staff when the author is staff.

    A private line is a note that the buyer never sees. `card` is the SKU of a product card, `picture` the name of a
    photo that the buyer sent (see PHOTOS in pictures).
    """

    at: datetime
    author: str
    staff: str | None
    text: str
    private: bool = False
    card: str | None = None
    picture: str | None = None


@dataclass(frozen=True, slots=True)
class Dialogue:
    """`holder` is the key of the staff who leads it; `unread` is how many of its last messages nobody has read."""

    customer: Customer
    is_open: bool
    holder: str | None
    unread: int
    lines: tuple[Line, ...]


def dialogues(now: datetime) -> tuple[Dialogue, ...]:
    """All the conversations, as they stand at `now` (aware); the ones that were quiet longest come first."""
    known = {customer.key: customer for customer in customers()}
    written = sorted(data("dialogues.toml")["dialogues"], key=lambda one: -int(one["quiet"]))
    return tuple(
        Dialogue(
            customer=known[one["customer"]],
            is_open=one["state"] == "open",
            holder=one.get("holder"),
            unread=one.get("unread", 0),
            lines=_lines(one["messages"], now - timedelta(minutes=one["quiet"])),
        )
        for one in written
    )


def _lines(messages: list[Mapping[str, Any]], last: datetime) -> tuple[Line, ...]:
    pauses = [message.get("pause", 1) for message in messages[1:]]
    at = last - timedelta(minutes=sum(pauses))
    lines = []
    for message, pause in zip(messages, [0, *pauses], strict=True):
        at += timedelta(minutes=pause)
        lines.append(_line(message, at))
    return tuple(lines)


def _line(message: Mapping[str, Any], at: datetime) -> Line:
    by = message.get("note") or message["by"]
    is_person = by not in ("buyer", "bot")
    return Line(
        at=at,
        author="staff" if is_person else by,
        staff=by if is_person else None,
        text=message.get("text", ""),
        private="note" in message,
        card=message.get("card"),
        picture=message.get("picture"),
    )
