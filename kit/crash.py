"""Points at which a process can be made to die, so that tests can show what a crash there costs.

`PRILAVOK_CRASH_AT=delivery.after_send` kills the process, as `kill -9` does, when it passes that point for the first
time; `delivery.after_send:3` at the third time. Unset, a point costs one look into an empty dict.
"""

from __future__ import annotations

import os
import signal

POINTS = (
    "intake.before_store",
    "intake.after_store",
    "delivery.before_send",
    "delivery.after_send",
    "delivery.after_edit",
    "payment.before_create",
    "payment.after_create",
)
"""Every point there is, in the order in which a purchase passes them."""

_passes_left: dict[str, int] = {}


def arm(where: str) -> None:
    """Die at "<point>" or "<point>:<nth pass>"; an empty string disarms."""
    name, _, times = where.partition(":")
    _passes_left.clear()
    if name:
        _passes_left[name] = int(times or 1)


def point(name: str) -> None:
    """Die here if somebody armed it."""
    if name in _passes_left:
        _passes_left[name] -= 1
        if _passes_left[name] <= 0:
            os.kill(os.getpid(), signal.SIGKILL)


arm(os.environ.get("PRILAVOK_CRASH_AT", ""))
