"""How a comparison is run: each variant in a fresh process, forwards and backwards, ratios inside each round."""

from __future__ import annotations

import argparse
import contextlib
import os
import platform
import sqlite3
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import orjson

from tests.faults.report import commit

RESULTS = Path(__file__).parent / "results"
"""Where the figures of each run are kept as JSON, out of the repository."""

PROCESSORS = sorted(os.sched_getaffinity(0))
"""Those that this process may use, before anything was moved."""

MEASURED = ("aiogram", "aiohttp", "uvloop", "orjson", "sqlalchemy", "aiosqlite", "psycopg", "procrastinate", "taskiq",
            "taskiq-redis")  # fmt: skip


def order(names: Sequence[str], rounds: int) -> list[tuple[int, str]]:
    """(round, name) in turn: A B C, C B A, A B C ..., so that what drifts on the machine meets all alike."""
    return [(n, name) for n in range(rounds) for name in (names if n % 2 == 0 else tuple(reversed(names)))]


def quantile(values: Sequence[float], part: float) -> float:
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * part))] if ordered else float("nan")


def middle(values: Sequence[float], digits: int = 1) -> str:
    """Median [least..most]; a single figure alone."""
    known = sorted(value for value in values if value == value)
    if not known:
        return "-"
    if len(known) == 1:
        return f"{known[0]:.{digits}f}"
    return f"{statistics.median(known):.{digits}f} [{known[0]:.{digits}f}..{known[-1]:.{digits}f}]"


def ratio(mine: Sequence[float], base: Sequence[float], digits: int = 2) -> str:
    """The median of the ratios, each taken inside its round."""
    return middle([a / b for a, b in zip(mine, base, strict=True) if b], digits)


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A Markdown table, aligned for reading as it is."""
    widths = [max(len(str(row[n])) for row in [head, *rows]) for n in range(len(head))]
    lines = ["| " + " | ".join(str(cell).ljust(width) for cell, width in zip(row, widths, strict=True)) + " |"
             for row in [head, ["-" * width for width in widths], *rows]]  # fmt: skip
    return "\n".join(lines)


def machine() -> dict[str, Any]:
    model = next(
        (line.split(":")[1].strip() for line in Path("/proc/cpuinfo").read_text().splitlines() if "model name" in line),
        platform.processor(),
    )
    return {
        "processor": f"{os.cpu_count()} x {model}",
        "load before": os.getloadavg()[0],
        "python": platform.python_version(),
        "sqlite": sqlite3.sqlite_version,
        "versions": {name: found for name in MEASURED if (found := _version(name))},
        "commit": commit(),
        "at": time.strftime("%Y-%m-%dT%H:%M:%S"),
    }


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return ""


def told(facts: Mapping[str, Any]) -> str:
    """The machine in a line."""
    versions = ", ".join(f"{name} {number}" for name, number in facts["versions"].items())
    return (
        f"{facts['processor']}, CPython {facts['python']}, SQLite {facts['sqlite']}, {versions}; commit "
        f"{facts['commit']}; load {facts['load before']:.1f} before, {os.getloadavg()[0]:.1f} after"
    )


def keep(name: str, results: Mapping[str, Any]) -> Path:
    """Write a run's figures down."""
    RESULTS.mkdir(exist_ok=True)
    path = RESULTS / f"{name}-{time.strftime('%Y%m%d-%H%M%S')}.json"
    path.write_bytes(orjson.dumps({**results, "load after": os.getloadavg()[0]}, option=orjson.OPT_INDENT_2))
    return path


def progress(words: str) -> None:
    """Say on the error stream how far the run is; the tables go to the other one."""
    print(f"{time.strftime('%H:%M:%S')} [load {os.getloadavg()[0]:.1f}] {words}", file=sys.stderr, flush=True)


# Processors


def alone() -> None:
    """Leave the first processor to what is measured, where there are two."""
    if len(PROCESSORS) > 1:
        os.sched_setaffinity(0, PROCESSORS[1:])


@contextlib.contextmanager
def first_processor() -> Iterator[None]:
    """Processes started inside run here, apart from what measures."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, PROCESSORS[:1])
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


def own_cpu() -> float:
    """Seconds of processor that this process has used."""
    used = os.times()
    return used.user + used.system


def spawn(command: Sequence[str], log: Path) -> subprocess.Popen[bytes]:
    """Start a process on the processor that `alone` left, its words in `log`."""
    with log.open("ab") as words, first_processor():
        return subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=words, stderr=words, start_new_session=True)


def cpu(pids: Sequence[int]) -> float:
    """Seconds of processor that living processes have used so far."""
    total = 0
    for pid in pids:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        total += int(fields[11]) + int(fields[12])
    return total / os.sysconf("SC_CLK_TCK")


def common(parser: argparse.ArgumentParser, *, rounds: int, seconds: float) -> None:
    parser.add_argument("--rounds", type=int, default=rounds)
    parser.add_argument("--seconds", type=float, default=seconds, help="length of each measurement")
    parser.add_argument("--postgres", default="postgresql://postgres@127.0.0.1:5432/postgres", help="a server to use")
