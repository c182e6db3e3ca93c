"""What a run found, as JSON and in one line. A zero never stands without the number that it is a zero of."""

from __future__ import annotations

import statistics
import subprocess
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from tests.faults.invariants import Reckoning


@dataclass(slots=True)
class Report:
    """One run. `passed` is all that a build asks.

    `failures` are what an experiment demands besides the invariants; `broken` what did not hold while trade went on,
    `looks` how often that was looked at.
    """

    name: str
    seed: int
    warm: bool
    buyers: int
    database: str
    deeds: Counter[str] = field(default_factory=Counter)
    reckoning: Reckoning = field(default_factory=Reckoning)
    kills: int = 0
    faults: Counter[str] = field(default_factory=Counter)
    broken: Counter[str] = field(default_factory=Counter)
    looks: int = 0
    failures: list[str] = field(default_factory=list)
    measured: dict[str, Any] = field(default_factory=dict)
    """What an experiment measured besides."""
    gave_up: list[str] = field(default_factory=list)
    """What was on the screens of people whose rounds went nowhere."""
    recoveries: list[float] = field(default_factory=list)
    start_ups: list[float] = field(default_factory=list)
    in_window: int = 0
    stop_seconds: float = 0.0
    tracebacks: int = 0
    seconds: float = 0.0
    runs: int = 1

    @property
    def wrong(self) -> dict[str, list[str]]:
        """Everything that should not be."""
        found = {name: list(cases) for name, cases in self.reckoning.wrong.items() if cases}
        found |= {f"during the run: {name}": [f"{times} times"] for name, times in self.broken.items()}
        if self.failures:
            found["demands"] = self.failures
        if given_up := self.deeds["rounds given up"]:
            found["rounds given up"] = [str(given_up), *self.gave_up]
        if self.stop_seconds > 20:
            found["slow end"] = [f"{self.stop_seconds:.1f} s"]
        return found

    @property
    def passed(self) -> bool:
        return not self.wrong

    def facts(self) -> dict[str, Any]:
        counts, wrong = self.reckoning.counts, self.reckoning.wrong
        return {
            "experiment": self.name,
            "passed": self.passed,
            "wrong": self.wrong,
            "faults": dict(sorted(self.faults.items())),
            "kills": self.kills,
            "runs": self.runs,
            "start": "warm" if self.warm else "cold",
            "buyers": self.buyers,
            "looks during the run": self.looks,
            "acknowledged, lost": self._of("acknowledged", "acknowledged, not stored"),
            "acknowledged in the web chat, lost": self._of(
                "acknowledged in the web chat", "acknowledged in the web chat, not stored"
            ),
            "arrived, doubled outside the window": self._of("messages arrived", "doubled outside the window"),
            "arrived, out of order": self._of("messages arrived", "outbound out of order"),
            "said, out of order": self._of("said by people", "inbound out of order"),
            "orders, oversold": self._of("orders", "oversold"),
            "paid, charged twice": self._of("paid", "charged twice"),
            "payments, not YooKassa's": self._of("payments", "ledger not YooKassa's"),
            "refunds, not YooKassa's": self._of("refunds", "refunds not YooKassa's"),
            "late money, asked about": [
                counts["late money asked about"] + len(wrong.get("late money not asked about", ())),
                counts["late money asked about"],
            ],
            "stage moves, gaps": self._of("stage moves", "history with gaps"),
            "counts": dict(sorted(counts.items())),
            "deeds": dict(sorted(self.deeds.items())),
            "sending when killed": self.in_window,
            "tracebacks in the log": self.tracebacks,
            "measured": self.measured,
            "recovery_s": spread(self.recoveries),
            "start_up_s": spread(self.start_ups),
            "sigterm_s": round(self.stop_seconds, 2),
            "seed": self.seed,
            "commit": commit(),
            "database": self.database,
            "wall_s": round(self.seconds),
        }

    def _of(self, whole: str, wrong: str) -> list[int]:
        return [self.reckoning.counts[whole], len(self.reckoning.wrong.get(wrong, ()))]

    def words(self) -> str:
        """The same in one line."""
        counts, wrong = self.reckoning.counts, self.reckoning.wrong
        recovery = spread(self.recoveries)
        doubled = len(wrong.get("doubled outside the window", ()))
        said = counts["acknowledged"] + counts["acknowledged in the web chat"]
        lost = len(wrong.get("acknowledged, not stored", ())) + len(
            wrong.get("acknowledged in the web chat, not stored", ())
        )
        faults = ", ".join(f"{number} {name}" for name, number in sorted(self.faults.items())) or "none"
        return (
            f"{'PASSED' if self.passed else 'FAILED'} {self.name} on {self.database}: {self.kills} kills; "
            f"faults: {faults}; updates {counts['updates']}, acknowledged {said}, lost {lost}/{said}; "
            f"messages sent {counts['messages sent']}, unknown {counts['unknown']}, "
            f"doubled {counts['doubled inside the window']} inside the window, "
            f"{doubled}/{counts['messages arrived']} outside; "
            f"orders {counts['orders']}, oversold {len(wrong.get('oversold', ()))}/{counts['orders']}, "
            f"paid {counts['paid']}, charged twice {len(wrong.get('charged twice', ()))}/{counts['paid']}, "
            f"refunds {counts['refunds']}, late money asked about {counts['late money asked about']}; "
            f"recovery p50 {recovery['p50']} s, p95 {recovery['p95']} s, max {recovery['max']} s "
            f"({'warm' if self.warm else 'cold'} start); seed {self.seed}, {round(self.seconds)} s"
            + (f"; {self.measured}" if self.measured else "")
            + (f"; WRONG: {', '.join(self.wrong)}" if self.wrong else "")
        )

    def add(self, other: Report) -> None:
        """Take another run of the same experiment into this report."""
        self.deeds += other.deeds
        self.faults += other.faults
        self.broken += other.broken
        self.reckoning.counts += other.reckoning.counts
        for name, cases in other.reckoning.wrong.items():
            self.reckoning.wrong.setdefault(name, []).extend(cases)
        self.failures += other.failures
        self.gave_up += other.gave_up
        self.recoveries += other.recoveries
        self.start_ups += other.start_ups
        self.kills += other.kills
        self.looks += other.looks
        self.in_window += other.in_window
        self.tracebacks += other.tracebacks
        self.stop_seconds = max(self.stop_seconds, other.stop_seconds)
        self.runs += other.runs
        self.seconds += other.seconds


def spread(seconds: list[float]) -> dict[str, float]:
    """p50, p95 and the longest, in seconds."""
    if not seconds:
        return {"p50": 0.0, "p95": 0.0, "max": 0.0}
    ordered = sorted(seconds)
    return {
        "p50": round(statistics.median(ordered), 2),
        "p95": round(ordered[min(len(ordered) - 1, int(len(ordered) * 0.95))], 2),
        "max": round(ordered[-1], 2),
    }


def commit() -> str:
    """The commit that was tried; "" where there is no repository."""
    found = subprocess.run(["git", "describe", "--always", "--dirty"], capture_output=True, text=True, check=False)
    return found.stdout.strip()
