"""What a transaction asks to be done once it is durable, gathered from its session."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy.orm import Session

from storage.events import Note


@dataclass(slots=True)
class Committed:
    """What a transaction asked to be done once it is durable."""

    rings: set[str] = field(default_factory=set)
    notes: list[Note] = field(default_factory=list)
    later: dict[str, float] = field(default_factory=dict)
    """Lanes to ring after so many seconds; the sweep would find them, but not to the moment."""
    started: list[Any] = field(default_factory=list)
    """What the worker took in this very transaction and goes on with now."""
    after: list[Callable[[], None]] = field(default_factory=list)
    """What is to be counted, now that it has really happened."""

    tidy: bool = False
    """On SQLite, the file shall hold nothing any more of what was overwritten."""

    def gather(self, session: Session) -> None:
        self.rings.update(session.info.get("rings", ()))
        self.notes += session.info.get("notes", ())
        self.later.update(session.info.get("later", ()))
        self.started += session.info.get("started", ())
        self.after += session.info.get("after", ())
        self.tidy |= "tidy" in session.info


Listener = Callable[[Committed], None]


def tidy_after(session: Session) -> None:
    """Once the transaction is durable, leave nothing in SQLite's log of what it overwrote."""
    session.info["tidy"] = True


def after_commit(session: Session, act: Callable[[], None]) -> None:
    """Have `act` called on the event loop once the transaction is durable, and never if it is not. It must be quick."""
    session.info.setdefault("after", []).append(act)
