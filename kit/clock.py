"""Time: always aware, always UTC; people's zones appear only on the screen."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, datetime

_told: ContextVar[datetime | None] = ContextVar("told", default=None)


def utc_now() -> datetime:
    return _told.get() or datetime.now(UTC)


SKEW_MS = 60_000
"""How far the clocks of two machines may be apart. What was dated further ahead was dated before the clock was set
back."""


def now_ms() -> int:
    """Milliseconds since 1970, for leases and job times, which are compared more often than they are read."""
    return int(time.time() * 1000)


@contextmanager
def at(moment: datetime) -> Iterator[None]:
    """Let what happens inside be dated `moment`: for history that is brought in, never for what happens now."""
    token = _told.set(moment)
    try:
        yield
    finally:
        _told.reset(token)
