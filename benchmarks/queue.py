"""The job queue beside procrastinate and taskiq with Redis Streams: `python -m benchmarks.queue`.

A job is put together with a business row and writes a row itself. 16 callers put, 16 jobs run at a time, producer and
worker are one process on one processor, the servers are wherever the machine puts them. Latency is that of 50 jobs a
second: from the moment a job is due to be put until it begins to run.

    step                ours: the job's row and its end in one transaction, in order within each of 64 lanes
    effect              ours, with a call outside of the transaction, as a message to a buyer has
    procrastinate       in the business transaction, no order; its job's row in a transaction of its own
    procrastinate-lock  the same, in order within each of 64 locks
    taskiq              Redis Streams, put after the business transaction, no order
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import orjson

from benchmarks import place, rounds

VARIANTS: Mapping[str, tuple[str, str]] = {
    "step": ("ours", "step"),
    "effect": ("ours", "effect"),
    "procrastinate": ("procrastinated", ""),
    "procrastinate-lock": ("procrastinated", "lock"),
    "taskiq": ("streams", ""),
}
"""Name → module of benchmarks.queues, and which way of it."""

COLUMNS = ("enqueue/s", "complete/s", "one after the other/s", "both at once/s", "cpu us", "p50 ms", "p99 ms")


def measure(name: str, told: argparse.Namespace) -> dict[str, float]:
    """One fresh process on a database of its own."""
    module, variant = VARIANTS[name]
    with place.fresh(told.postgres) as database, tempfile.TemporaryDirectory(prefix="prilavok-bench-") as folder:
        log = Path(folder) / "log"
        command = [sys.executable, "-m", f"benchmarks.queues.{module}", "--database", database, "--variant", variant]
        command += ["--redis", told.redis, "--jobs", str(told.jobs), "--seconds", str(told.seconds)]
        with log.open("wb") as words, rounds.first_processor():
            process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=words)
        out, _ = process.communicate()
        if process.returncode:
            raise RuntimeError(f"{name} failed:\n{log.read_text()[-3000:]}")
    figures: dict[str, float] = orjson.loads(out)
    return figures


def table(figures: Mapping[str, Sequence[Mapping[str, float]]], base: str) -> str:
    head = ["", *COLUMNS, f"both at once x {base}", "lost, doubled"]
    rows = []
    for name, found in figures.items():
        row = [name]
        for column in COLUMNS:
            row.append(rounds.middle([each[column] for each in found], 1 if column.endswith("ms") else 0))
        row.append(rounds.ratio([x["both at once/s"] for x in found], [x["both at once/s"] for x in figures[base]]))
        row.append(f"{sum(x['lost'] for x in found):.0f}, {sum(x['doubled'] for x in found):.0f}")
        rows.append(row)
    return rounds.table(head, rows)


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.queue", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--variants", default=",".join(VARIANTS))
    parser.add_argument("--jobs", type=int, default=1000)
    parser.add_argument("--redis", default="redis://127.0.0.1:6379/0")
    rounds.common(parser, rounds=3, seconds=6)
    told = parser.parse_args()
    names = [name for name in told.variants.split(",") if name]
    facts = rounds.machine()
    rounds.alone()
    figures: dict[str, list[Any]] = {name: [] for name in names}
    for n, name in rounds.order(names, told.rounds):
        found = measure(name, told)
        figures[name].append(found)
        rounds.progress(
            f"round {n + 1} of {told.rounds}: {name}: " + ", ".join(f"{k} {v:.1f}" for k, v in found.items())
        )
    print(rounds.told(facts))
    print(table(figures, "taskiq" if "taskiq" in names else names[0]))
    rounds.progress(f"kept in {rounds.keep('queue', {'machine': facts, 'figures': figures})}")
    if any(each["lost"] or each["doubled"] for found in figures.values() for each in found):
        sys.exit("a job was lost or done twice")


if __name__ == "__main__":
    main()
