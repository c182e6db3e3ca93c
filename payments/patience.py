"""How long to wait before asking a provider again."""

from __future__ import annotations

from datetime import timedelta

from kit.clock import now_ms
from storage.jobs import Again, Job

SHORTEST = timedelta(milliseconds=500)
LONGEST = timedelta(minutes=5)

KEY_LIVES = timedelta(hours=23)
"""For how long the same key surely finds the same operation again.

Source: https://yookassa.ru/developers/using-api/interaction-format#idempotence (24 hours)
"""


def again(job: Job) -> Again:
    """Half as long as the job has been tried so far: soon at first, ever more rarely, never less often than LONGEST."""
    tried = timedelta(milliseconds=now_ms() - job.created_ms)
    return Again(min(max(tried / 2, SHORTEST), LONGEST))
