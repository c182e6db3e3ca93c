"""What the lanes and keys of events are called that come from a chat."""

from __future__ import annotations

import hashlib

LONGEST_LANE, LONGEST_KEY = 120, 200
"""Characters that storage.tables.Job has room for."""


def coming_from(account_id: int, chat: str) -> str:
    """The lane in which what comes from a chat is handled, one after the other."""
    return _short(f"in:{account_id}:{chat}", LONGEST_LANE)


def key_of(account_id: int, external_id: str) -> str:
    """By what an event is known that comes again."""
    return _short(f"in:{account_id}:{external_id}", LONGEST_KEY)


def _short(name: str, most: int) -> str:
    """The name itself, or one of its own for a name that is longer than its column: the event must not be refused."""
    return name if len(name) <= most else f"{name[: most - 65]}#{hashlib.sha256(name.encode()).hexdigest()}"
