"""F1, F3 and F5: kill -9 at random moments, death at named points, and SIGTERM under load."""

from __future__ import annotations

import time

from kit import crash
from tests.faults.experiments.base import Ask, Experiment, merged
from tests.faults.homeward import Stuck
from tests.faults.report import Report
from tests.faults.run import Trial, kill, trade

PASSES = {
    "commit.before": (5, 23, 71),
    "commit.after": (5, 23, 71),
    "job.claimed": (2, 9, 31),
    "job.called": (2, 9, 31),
    "job.recorded": (2, 9, 31),
    "handle.begun": (2, 7, 19),
    "handle.done": (2, 7, 19),
    "intake.before_store": (1, 5, 15),
    "intake.after_store": (1, 5, 15),
    "said.after_store": (1, 5, 15),
    "delivery.before_send": (2, 5, 11),
    "delivery.after_send": (2, 5, 11),
    "delivery.before_edit": (1, 3, 6),
    "delivery.after_edit": (1, 3, 6),
    "answer.after_call": (1, 5, 13),
    "notice.told": (1, 2, 4),
}
"""At which pass the hub dies in the first, second and third run; at the first where nothing is said."""

STOPS_WITHIN = 20.0
"""Seconds in which a hub ends after SIGTERM."""

RUN = 40
"""Kills of one run: a chat that grows for hours is another experiment."""


async def random_kills(ask: Ask) -> None:
    for database in ask.databases:
        reports = []
        left, seed = ask.size, ask.seed
        while left > 0:
            reports.append(ask.is_over(await trade(ask.plan(database=database, seed=seed), kill, min(left, RUN))))
            left, seed = left - RUN, seed + 1
        ask.told(merged(reports, ask.name))


async def named_points(ask: Ask) -> None:
    """Every point of kit.crash, `size` times each; `--only` takes those whose names begin so."""
    first, parts = ask.part
    named = [point for point in crash.POINTS if point.startswith(ask.only) and point != "migrate.step"]
    for database in ask.databases:
        runs = [(point, n) for n in range(ask.size) for point in named][first - 1 :: parts]
        ask.told(merged([ask.is_over(await died_at(ask, point, n, database)) for point, n in runs], ask.name))


async def died_at(ask: Ask, point: str, n: int, database: str = "") -> Report:
    """One run whose first hub dies at this point, at another pass for another `n`."""
    passes = PASSES.get(point, (1,))
    where = f"{point}:{passes[n % len(passes)]}"
    plan = ask.plan(name=where, database=database, seed=ask.seed + n)
    try:
        report = await trade(plan, None, 0, crash_at=[where])
    except Stuck as stuck:
        report = Report(where, plan.seed, True, plan.buyers, database)
        report.failures.append(f"never reached or never recovered: {where}: {str(stuck)[-1500:]}")
    report.failures += [f"{where}: {name}" for name in report.reckoning.wrong]
    report.faults[f"died at {point}"] += report.kills
    return report


async def stops(ask: Ask) -> None:
    for database in ask.databases:
        ask.told(await trade(ask.plan(database=database), _stop, ask.size))


async def _stop(trial: Trial) -> None:
    await trial.serve_a_while()
    began = time.monotonic()
    took = await trial.hub.stop()
    trial.report.faults["SIGTERM"] += 1
    trial.report.stop_seconds = max(trial.report.stop_seconds, took)
    trial.demand(took <= STOPS_WITHIN, f"took {took:.1f} s to end")
    left = trial.cut_off()
    trial.demand(not left, f"messages {left} were left in the middle of sending")
    await trial.revive(began)


F1 = Experiment("kill -9 at a random moment", random_kills, release=200, quick=10)
F3 = Experiment("death at every named point", named_points, release=3, quick=1)
F5 = Experiment("SIGTERM under load", stops, release=50, quick=4)
