"""F2: kill -9 at every write to the database of one golden story, from the order to the money given back.

strace counts the hub's pwrite64 calls, thread by thread, and sends SIGKILL in place of the chosen one. A kill between
two writes leaves the same files as one at the second of them, so these are all the states that a killed process can
leave in an SQLite database.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence

from tests.faults.experiments.base import Ask, Experiment, merged
from tests.faults.homeward import Stuck
from tests.faults.report import Report
from tests.faults.run import Trial, trade
from tests.faults.weather import FAIR

CALLS = ("pwrite64", "fdatasync")

QUIET = 2
"""So many kills in a row that were not reached end an enumeration: the story has no more writes."""

DETACHED = ("-o", "/dev/null", "-e", "signal=none")


async def every_write(ask: Ask) -> None:
    """While the hub starts, and while the story is told; with `size`, the first so many of each."""
    reports: list[Report] = []
    for call in CALLS if not ask.only else (ask.only,):
        for phase in ("start", "story"):
            reports += await _enumerated(ask, call, phase)
    ask.told(merged(reports, ask.name))


async def _enumerated(ask: Ask, call: str, phase: str) -> list[Report]:
    reports: list[Report] = []
    missed, (nth, parts) = 0, ask.part
    while missed < QUIET and len(reports) < ask.size:
        report = ask.is_over(await _killed_at(ask, call, phase, nth))
        reports.append(report)
        missed = 0 if report.kills else missed + 1
        nth += parts
    return reports


async def _killed_at(ask: Ask, call: str, phase: str, nth: int) -> Report:
    inject = ("-e", f"trace={call}", "-e", f"inject={call}:signal=SIGKILL:when={nth}", *DETACHED)

    async def begin(trial: Trial) -> None:
        await _begin(trial, phase, inject)

    where = f"{call} {nth} of the {phase}"
    plan = ask.plan(name=where, database="", golden=True, buyers=1, others=0, visitors=0, weather=FAIR, latency=0.0)
    try:
        report = await trade(plan, None, 0, begin=begin)
    except Stuck as stuck:
        report = Report(where, plan.seed, True, 1, "sqlite")
        report.failures.append(f"{where}: never came to rest: {str(stuck)[-1500:]}")
    report.failures += [f"{where}: {name}" for name in report.reckoning.wrong]
    report.faults[f"killed at {call} of the {phase}"] += report.kills
    return report


async def _begin(trial: Trial, phase: str, inject: Sequence[str]) -> None:
    """Start a hub that dies at the chosen call, and see to it that another one takes its place."""
    if phase == "start":
        await trial.hub.start(traced=inject)
    else:
        await trial.hub.start()
        await trial.ready()
        await trial.hub.trace(inject)
    trial.after_death = asyncio.create_task(_follow(trial))


async def _follow(trial: Trial) -> None:
    while trial.hub.alive:
        await asyncio.sleep(0.02)
    if not trial.resting:
        died = time.monotonic()
        await trial.hub.gone()
        trial.note_death()
        await trial.hub.start()
        await trial.ready()
        trial.report.recoveries.append(time.monotonic() - died)


F2 = Experiment("kill -9 at every write of one golden story", every_write, release=100_000, quick=3)
