"""What happens to a community, numbered for its long poll and handed to its callback servers.

Source: https://dev.vk.com/api/community-events/json-schema
"""

from __future__ import annotations

import asyncio
import secrets
from collections import Counter, deque
from collections.abc import Callable
from dataclasses import dataclass

from emulators.telegram.journal import Journal
from emulators.telegram.world import Json

KEPT = 1000
"""Events that a long poll may still ask for."""

VERSION = "5.199"


@dataclass(frozen=True, slots=True)
class Event:
    """One thing that happened. `lane` is the dialog it belongs to."""

    number: int
    id: str
    kind: str
    lane: int
    wire: Json


class EventLog:
    """One community's events, newest last."""

    def __init__(self, group_id: int, *, counters: Counter[str], journal: Journal | None) -> None:
        self.group_id = group_id
        self.number = 1
        self.key = secrets.token_hex(20)
        self.asked_from = 0
        """The newest event that somebody who polls has left behind."""
        self.kept: deque[Event] = deque(maxlen=KEPT)
        self.on_event: Callable[[Event], None] | None = None
        self.bells: set[asyncio.Event] = set()
        self.counters = counters
        self._journal = journal

    def push(self, kind: str, told: Json, *, lane: int) -> Event:
        event_id = secrets.token_hex(20)
        self.number += 1
        wire = {"type": kind, "object": told, "group_id": self.group_id, "event_id": event_id, "v": VERSION}
        event = Event(self.number, event_id, kind, lane, wire)
        self.kept.append(event)
        self.counters["events"] += 1
        self.note(event, "created")
        for bell in self.bells:
            bell.set()
        if self.on_event is not None:
            self.on_event(event)
        return event

    def since(self, number: int) -> list[Event] | None:
        """Everything after this number; None if some of it is no longer kept."""
        oldest = self.number - len(self.kept)
        if not oldest <= number <= self.number:
            return None
        return [event for event in self.kept if event.number > number]

    def note(self, event: Event, state: str, **facts: object) -> None:
        if self._journal is not None:
            self._journal.write(
                "event", group=self.group_id, event_id=event.id, type=event.kind, peer=event.lane, state=state, **facts
            )

    def wake(self) -> None:
        for bell in self.bells:
            bell.set()
