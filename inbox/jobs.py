"""What conversations do at a moment that somebody chose."""

from __future__ import annotations

from inbox import scheduling, snoozing
from storage.jobs import Handlers, Step

JOBS: Handlers = {
    snoozing.RETURN: Step(snoozing.come_back),
    scheduling.SEND: Step(scheduling.come_due),
}
