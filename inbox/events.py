"""What happens in conversations."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

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
