"""The end of a run: nobody does anything any more, whatever he was at."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

CALLS = 10
"""How often people are called off."""


class Stuck(Exception):
    """The hub runs, and nothing happens any more."""


async def sent_home(people: Sequence[asyncio.Task[None]]) -> None:
    """Who takes being called off for the end of something else is called again. Raises Stuck for those who stay."""
    going = [task for task in people if not task.done()]
    for _ in range(CALLS):
        for task in going:
            task.cancel()
        if not going:
            return
        await asyncio.wait(going, timeout=1)
        going = [task for task in going if not task.done()]
    raise Stuck(f"{len(going)} of the people cannot be called off: {going}")
