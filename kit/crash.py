"""Points at which a process can be made to die, so that tests can show what a crash there costs.

`PRILAVOK_CRASH_AT=delivery.after_send` kills the process, as `kill -9` does, when it passes that point for the first
time; `delivery.after_send:3` at the third time. Unset, a point costs one look into an empty dict.
"""

from __future__ import annotations

import os
import signal

POINTS = (
    "migrate.step",
    "migrate.before_commit",
    "migrate.committed",
    "start.opened",
    "start.working",
    "start.listening",
    "tick.polled",
    "prune.done",
    "intake.before_store",
    "intake.after_store",
    "said.after_store",
    "commit.before",
    "commit.after",
    "job.claimed",
    "job.called",
    "job.recorded",
    "handle.begun",
    "handle.done",
    "delivery.before_fetch",
    "portrait.before_look",
    "file.written",
    "file.kept",
    "delivery.before_send",
    "delivery.after_send",
    "delivery.before_edit",
    "delivery.after_edit",
    "answer.after_call",
    "payment.before_create",
    "payment.after_create",
    "hook.after_store",
    "payment.after_look",
    "payment.applied",
    "payment.before_cancel",
    "notice.told",
    "refund.asked",
    "refund.before_call",
    "refund.after_call",
    "refund.applied",
    "stop.begun",
    "stop.drained",
)
"""Every point there is, in the order in which a hub and a purchase pass them."""

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
