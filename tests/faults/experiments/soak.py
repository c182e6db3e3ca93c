"""F21, shortened: trade without a fault for `size` minutes; memory, open files and threads must not grow."""

from __future__ import annotations

import time
from pathlib import Path

from tests.faults.experiments.base import Ask, Experiment
from tests.faults.hub import resident
from tests.faults.run import Trial, trade
from tests.faults.weather import ROUGH

EVERY = 5.0
"""Seconds between two looks at the process."""

WARM_UP = 0.4
"""The share of the time that is left out: caches fill, pools open."""

MOST_GROWTH = 60.0
"""Megabytes in an hour that the line through the looks may rise, in a run of some minutes; a leak rises faster."""


async def soak(ask: Ask) -> None:
    for database in ask.databases:
        looks: list[tuple[float, float, int, int]] = []

        async def watch(trial: Trial, looks: list[tuple[float, float, int, int]] = looks) -> None:
            began = time.monotonic()
            while (passed := time.monotonic() - began) < ask.size * 60:
                await trial.serve_a_while(EVERY)
                looks.append((passed, *_look(trial.hub.pid)))
            late = [look for look in looks if look[0] > looks[-1][0] * WARM_UP]
            memory = slope([(at, megabytes) for at, megabytes, *_ in late]) * 3600
            opened = slope([(at, float(number)) for at, _, number, _ in late]) * 3600
            trial.report.measured |= {
                "memory, MB": [round(looks[0][1]), round(looks[-1][1])],
                "memory, MB an hour": round(memory, 1),
                "open files": [looks[0][2], looks[-1][2]],
                "open files, an hour": round(opened, 1),
                "threads": [looks[0][3], looks[-1][3]],
            }
            trial.demand(memory < MOST_GROWTH, f"memory grows by {memory:.0f} MB an hour")
            trial.demand(looks[-1][2] < 2 * looks[0][2] + 20, f"open files went from {looks[0][2]} to {looks[-1][2]}")

        ask.told(await trade(ask.plan(database=database, weather=ROUGH), watch, 1))


def _look(pid: int) -> tuple[float, int, int]:
    """Megabytes, open files, threads."""
    process = Path(f"/proc/{pid}")
    return resident(pid), len(list((process / "fd").iterdir())), len(list((process / "task").iterdir()))


def slope(points: list[tuple[float, float]]) -> float:
    """Of the least-squares line through the points."""
    if len(points) < 2:
        return 0.0
    x = sum(at for at, _ in points) / len(points)
    y = sum(value for _, value in points) / len(points)
    spread = sum((at - x) ** 2 for at, _ in points)
    return sum((at - x) * (value - y) for at, value in points) / spread if spread else 0.0


F21 = Experiment("trade for so many minutes: memory, files, threads", soak, release=60, quick=2)
