"""How long to wait before asking a provider again."""

from __future__ import annotations

from datetime import timedelta

from storage.jobs import Again, Job

SHORTEST = timedelta(milliseconds=500)
LONGEST = timedelta(minutes=5)

KEY_LIVES = timedelta(hours=23)
"""For how long the same key surely finds the same operation again.

Source: https://yookassa.ru/developers/using-api/interaction-format#idempotence (24 hours)
"""


def again(job: Job) -> Again:
    """Half as long as the job has waited so far: soon at first, ever more rarely, never less often than LONGEST."""
    return Again(min(max(job.waited / 2, SHORTEST), LONGEST))
