"""How long a message that certainly was not sent is tried again, and how soon."""

from __future__ import annotations

from datetime import timedelta

from bot.channels.base import ChannelError, Faltered, Throttled
from storage.jobs import Again, Job

GIVE_UP = timedelta(hours=24)
"""How long it is tried."""

SHORTEST_PAUSE, LONGEST_PAUSE = timedelta(milliseconds=500), timedelta(minutes=1)
"""Between two tries."""

FALTERS_FOR, FALTER_PAUSE = timedelta(minutes=15), timedelta(seconds=15)
"""The same for what the channel fails to send and does not say why: perhaps it always will, and what stands behind it
in its chat waits. If it was sent after all, the channel has told of it before the next try."""


def are_left(job: Job, failure: ChannelError) -> bool:
    return job.waited < (FALTERS_FOR if isinstance(failure, Faltered) else GIVE_UP)


def later(job: Job, failure: ChannelError) -> Again:
    """As long as the channel says; otherwise a third of the time that it has waited so far."""
    if isinstance(failure, Throttled):
        return Again(timedelta(seconds=failure.retry_after))
    shortest = FALTER_PAUSE if isinstance(failure, Faltered) else SHORTEST_PAUSE
    return Again(min(LONGEST_PAUSE, max(shortest, job.waited / 3)))
