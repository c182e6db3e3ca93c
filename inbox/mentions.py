"""Colleagues called by name in a note: "@Марина Ким" becomes a place in the text and the person who stands there."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy.orm import Session

from company.tables import Staff
from inbox.events import StaffMentioned
from inbox.tables import Conversation, Message
from storage.events import publish

MARK = "@"

MOST = 20
"""More than these in one note are names, not calls."""


@dataclass(frozen=True, slots=True)
class Mention:
    """`length` characters of the note from `offset` on, the mark included, are this person's name."""

    staff_id: int
    offset: int
    length: int


def find(text: str, people: Iterable[Staff], *, chosen: Collection[int] = ()) -> tuple[Mention, ...]:
    """Every colleague whose whole name stands after a mark, in the order of the text.

    Of several who have the same name those in `chosen` are meant; if none of them is, all are.
    """
    named: dict[str, list[int]] = {}
    for person in people:
        if person.name:
            named.setdefault(person.name, []).append(person.id)
    found: list[Mention] = []
    at = text.find(MARK)
    while at >= 0 and len(found) < MOST:
        name = _name_at(text, at + 1, named)
        if name is not None:
            meant = [id_ for id_ in named[name] if id_ in chosen] or named[name]
            found += [Mention(id_, at, len(name) + 1) for id_ in meant]
        at = text.find(MARK, at + 1 + len(name or ""))
    return tuple(found)


def dump(mentions: Iterable[Mention]) -> list[dict[str, int]]:
    return [{"staff_id": one.staff_id, "offset": one.offset, "length": one.length} for one in mentions]


def load(form: Mapping[str, Any]) -> tuple[Mention, ...]:
    """The mentions of a note's content."""
    return tuple(Mention(**one) for one in form.get("mentions", ()))


def tell(
    session: Session, conversation: Conversation, message: Message, called: Iterable[Mention], *, by: Staff
) -> None:
    """Publish who was called in the note, each once."""
    for staff_id in dict.fromkeys(one.staff_id for one in called):
        publish(
            session,
            StaffMentioned(
                shop_id=conversation.shop_id,
                subject=f"conversation:{conversation.id}",
                actor=f"staff:{by.id}",
                conversation_id=conversation.id,
                message_id=message.id,
                staff_id=staff_id,
            ),
        )


def _name_at(text: str, start: int, named: Mapping[str, list[int]]) -> str | None:
    """The longest name that begins there and does not go on as another word."""
    if start > 1 and (text[start - 2].isalnum() or text[start - 2] == "_"):
        return None
    fitting = [
        name
        for name in named
        if text.startswith(name, start) and not text[start + len(name) : start + len(name) + 1].isalnum()
    ]
    return max(fitting, key=len, default=None)
