"""What conversations do at a moment that somebody chose, or once something is known."""

from __future__ import annotations

from inbox import quoting, scheduling, snoozing
from storage.jobs import Handlers, Step

JOBS: Handlers = {
    snoozing.RETURN: Step(snoozing.come_back),
    quoting.LINK: Step(quoting.link),
    scheduling.SEND: Step(scheduling.come_due),
}
