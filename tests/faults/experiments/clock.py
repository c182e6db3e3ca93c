"""F16: the machine's clock jumps by an hour and by a day, forward and back, while people trade.

libfaketime gives the hub a clock of its own; the harness, Telegram and YooKassa keep the true time.
"""

from __future__ import annotations

import tempfile
import time
from pathlib import Path

from tests.faults.experiments.base import Ask, Experiment
from tests.faults.hub import Nursery
from tests.faults.report import Report
from tests.faults.run import Trial, trade

LIBRARIES = ("/usr/lib/*/faketime/libfaketimeMT.so.1", "/usr/local/lib/faketime/libfaketimeMT.so.1")
HOUR, DAY = 3600, 86400
JUMPS = (HOUR, 0, -HOUR, 0, 30, -30, 0, DAY, 0, -DAY, 0)
"""Seconds that the hub's clock is off the true time, one after another."""


class NoFaketime(Exception):
    """libfaketime is not on this machine."""


async def jumps(ask: Ask) -> None:
    """`size` jumps; a run ends at the true time."""
    with tempfile.TemporaryDirectory(prefix="prilavok-clock-") as name:
        clock = Path(name) / "offset"
        _set(clock, "+0\n")
        nursery = Nursery(
            {
                "LD_PRELOAD": str(_library()),
                "FAKETIME_TIMESTAMP_FILE": str(clock),
                "FAKETIME_DONT_FAKE_MONOTONIC": "1",
                "FAKETIME_NO_CACHE": "1",
            }
        )
        try:
            for database in ask.databases:
                ask.told(await _trade(ask, database, clock, nursery))
        finally:
            nursery.close()


async def _trade(ask: Ask, database: str, clock: Path, nursery: Nursery) -> Report:
    done = 0

    async def jump(trial: Trial) -> None:
        nonlocal done
        done += 1
        last = done == ask.size
        offset = 0 if last else JUMPS[(done - 1) % len(JUMPS)]
        await trial.serve_a_while(4.0)
        _set(clock, f"{offset:+d}\n")
        trial.report.faults["clock jumps"] += 1
        await trial.sign_of_life(time.monotonic())

    _set(clock, "+0\n")
    return await trade(ask.plan(database=database, nursery=nursery, sure=False), jump, ask.size)


def _set(clock: Path, words: str) -> None:
    clock.write_text(words)


def _library() -> Path:
    for pattern in LIBRARIES:
        if found := sorted(Path("/").glob(pattern.lstrip("/"))):
            return found[0]
    raise NoFaketime("install faketime")


F16 = Experiment("clock jumps of ±30 s, ±1 h and ±1 day", jumps, release=33, quick=5, warm=False)
