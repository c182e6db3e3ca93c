"""What an experiment is asked for, and what it is."""

from __future__ import annotations

import sys
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.faults.hub import Nursery
from tests.faults.report import Report
from tests.faults.run import Plan


@dataclass(frozen=True, slots=True)
class Ask:
    """`size` is how often it shall happen, on each of the `databases`: "" is an SQLite file, else a server's address.

    `told` gets every report as soon as it is there. `part` is which of how many parts of an enumeration this process
    takes, so that several can share it.
    """

    name: str
    size: int
    seed: int
    nursery: Nursery | None
    databases: Sequence[str]
    told: Callable[[Report], None]
    only: str = ""
    part: tuple[int, int] = (1, 1)
    out: Path | None = None
    more: dict[str, Any] = field(default_factory=dict)

    def plan(self, **changes: Any) -> Plan:
        return Plan(**{"name": self.name, "seed": self.seed, "nursery": self.nursery, **self.more, **changes})

    def is_over(self, report: Report) -> Report:
        """Say how one of many runs went, for whoever waits for the last."""
        end = "passed" if report.passed else "FAILED"
        print(f"   {report.name}: {end} in {report.seconds:.0f} s", file=sys.stderr, flush=True)
        return report


@dataclass(frozen=True, slots=True)
class Experiment:
    """`release` and `quick` are its sizes: for a release, and to see that it works. `warm` lets hubs fork from a
    process that has imported everything."""

    title: str
    go: Callable[[Ask], Coroutine[Any, Any, None]]
    release: int
    quick: int
    warm: bool = True


def merged(reports: Sequence[Report], name: str) -> Report:
    """All runs of an experiment as one report. Raises ValueError when there was none."""
    if not reports:
        raise ValueError(f"nothing of {name} goes by what was asked for")
    whole = reports[0]
    for report in reports[1:]:
        whole.add(report)
    whole.name = name
    return whole
