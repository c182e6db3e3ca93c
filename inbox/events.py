"""What happens in conversations."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from storage.events import Event


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageAdded(Event):
    kind: ClassVar[str] = "message_added"

    conversation_id: int
    message_id: int
    author: str


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageChanged(Event):
    """Edited, or its delivery state moved."""

    kind: ClassVar[str] = "message_changed"

    conversation_id: int
    message_id: int
    delivery: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ConversationChanged(Event):
    """Taken, released, assigned, closed, read, put off, come back."""

    kind: ClassVar[str] = "conversation_changed"

    conversation_id: int
    change: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ConversationPlanned(ConversationChanged):
    """Put off until a moment, or a message to be sent at one. `until` is it, in ISO 8601, UTC."""

    until: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ConversationClosed(ConversationChanged):
    """`before`: who led it, whether it waited, was unread or put off. Closing ends all that, and may be taken back."""

    before: dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class ConversationAssigned(Event):
    """Somebody has it in his hands by another's decision; `reason` is the rule's, empty where a person decided. `note`
    is what the person who handed it over wrote to him, or the beginning of it."""

    kind: ClassVar[str] = "conversation_assigned"

    conversation_id: int
    staff_id: int
    reason: str = ""
    note: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ConversationWaits(Event):
    """The buyer has begun to wait for a person whom the shop's rule shall find."""

    kind: ClassVar[str] = "conversation_waits"

    conversation_id: int


@dataclass(frozen=True, slots=True, kw_only=True)
class StaffMentioned(Event):
    """A note calls a colleague by name; one event for each."""

    kind: ClassVar[str] = "staff_mentioned"

    conversation_id: int
    message_id: int
    staff_id: int


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageFailed(Event):
    """An operator's message was not sent, and will not be by itself."""

    kind: ClassVar[str] = "message_failed"

    conversation_id: int
    message_id: int
    staff_id: int


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageHeld(Event):
    """What the shop says of itself waits for the buyer's next words: his channel takes no others now."""

    kind: ClassVar[str] = "message_held"

    conversation_id: int
    message_id: int


@dataclass(frozen=True, slots=True, kw_only=True)
class DraftLeft(Event):
    """What a member of staff had begun to write was saved when he had left the conversation already."""

    kind: ClassVar[str] = "draft_left"

    conversation_id: int
    staff_id: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Typing(Event):
    """A member of staff is writing an answer, or the buyer when staff_id is None. `shown`: the buyer may see it;
    `asked`: his channel was asked to show it."""

    kind: ClassVar[str] = "typing"

    conversation_id: int
    staff_id: int | None
    shown: bool
    asked: bool = False
