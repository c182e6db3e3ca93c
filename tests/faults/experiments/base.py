"""What an experiment is asked for, and what it is."""

from __future__ import annotations

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

    `told` gets every report as soon as it is there.
    """

    name: str
    size: int
    seed: int
    nursery: Nursery | None
    databases: Sequence[str]
    told: Callable[[Report], None]
    only: str = ""
    out: Path | None = None
    more: dict[str, Any] = field(default_factory=dict)

    def plan(self, **changes: Any) -> Plan:
        return Plan(**{"name": self.name, "seed": self.seed, "nursery": self.nursery, **self.more, **changes})


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
    """All runs of an experiment as one report."""
    whole = reports[0]
    for report in reports[1:]:
        whole.add(report)
    whole.name = name
    return whole
