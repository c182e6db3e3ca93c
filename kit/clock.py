"""Time: always aware, always UTC; people's zones appear only on the screen."""

from __future__ import annotations

import time
from datetime import UTC, datetime


def utc_now() -> datetime:
    return datetime.now(UTC)


def now_ms() -> int:
    """Milliseconds since 1970, for leases and job times, which are compared more often than they are read."""
    return int(time.time() * 1000)
