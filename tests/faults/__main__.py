"""The fault programme: `python -m tests.faults f1 f14 --size 30`, or `all` of it at release size.

Every experiment prints a line, and everything that it found as JSON if that is asked for.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import random
import subprocess
import sys
import time
import traceback
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson

from tests.faults.experiments import clock, database, kills, network, poison, powercut, six, soak, troubles, writes
from tests.faults.experiments.base import Ask, Experiment
from tests.faults.hub import Nursery
from tests.faults.report import Report

POSTGRES = "postgresql+psycopg://postgres@127.0.0.1:5432/postgres"

EXPERIMENTS: Mapping[str, Experiment] = {
    "f1": kills.F1,
    "f2": writes.F2,
    "f3": kills.F3,
    "f4": powercut.F4,
    "f5": kills.F5,
    "f7": network.F7,
    "f12": troubles.F12,
    "f13": troubles.F13,
    "f14": database.F14,
    "f16": clock.F16,
    "f21": soak.F21,
    "f22": poison.F22,
    "six": six.SIX,
    "six-killed": six.SIX_KILLED,
}


@dataclass(frozen=True, slots=True)
class Program:
    """An experiment that is a program of its own, with a line of its own at the end."""

    title: str
    module: str
    release: int
    quick: int
    more: tuple[str, ...] = ()
    on_sqlite: bool = True


PROGRAMS: Mapping[str, Program] = {
    "f6": Program("duplicated and shuffled updates", "duplicates", 10_000, 100),
    "f9": Program("news of payments in every order, random stories, late money", "payments", 2_000, 5),
    "f11": Program("the last item, two workers of one process", "last_item", 500, 10),
    "f11p": Program("the last item, two processes", "last_item", 500, 10, ("--processes",), on_sqlite=False),
    "model": Program("stories that hypothesis makes up", "model", 2_000, 5),
}


def main() -> int:
    told = arguments()
    names = [*EXPERIMENTS, *PROGRAMS] if "all" in told.experiments else told.experiments
    failed = [name for name in names if not (run if name in PROGRAMS else carry_out)(name, told)]
    if failed:
        print(f"FAILED: {', '.join(failed)} of {len(names)} experiments")
    return 1 if failed else 0


def run(name: str, told: argparse.Namespace) -> bool:
    """Whether the program passed on each database."""
    program = PROGRAMS[name]
    size = told.size or (program.quick if told.quick else program.release)
    print(f"== {name}: {program.title}, {size} each", flush=True)
    passed = True
    for url in databases(told.database):
        if url or program.on_sqlite:
            command = [sys.executable, "-m", f"tests.faults.{program.module}", "--size", str(size), *program.more]
            command += [*(["--seed", str(told.seed)] if told.seed else []), *(["--database", url] if url else [])]
            passed &= subprocess.run(command, check=False).returncode == 0
    return passed


def carry_out(name: str, told: argparse.Namespace) -> bool:
    """Whether every report of the experiment passed."""
    experiment = EXPERIMENTS[name]
    reports: list[Report] = []
    began = time.monotonic()

    def tell(report: Report) -> None:
        reports.append(report)
        print(report.words(), flush=True)
        if told.json or not report.passed:
            shown = report.facts() if told.json else report.wrong
            print(orjson.dumps(shown, option=orjson.OPT_INDENT_2).decode(), flush=True)
        if told.out:
            told.out.mkdir(parents=True, exist_ok=True)
            part = "" if told.part == (1, 1) else f"-part{told.part[0]}"
            path = told.out / f"{name}-{report.database}-{report.seed}{part}.json"
            path.write_bytes(orjson.dumps(report.facts(), option=orjson.OPT_INDENT_2))

    size = told.size or (experiment.quick if told.quick else experiment.release)
    print(f"== {name}: {experiment.title}, {size} each", flush=True)
    nursery = Nursery() if experiment.warm and not told.cold else None
    more: dict[str, Any] = {"buyers": told.buyers} if told.buyers else {}
    more |= {"channels": tuple(told.channels.split(","))} if told.channels else {}
    ask = Ask(
        name=name,
        size=size,
        seed=told.seed or random.randrange(1, 10**6),
        nursery=nursery,
        databases=databases(told.database),
        told=tell,
        only=told.only,
        part=told.part,
        more=more,
    )
    try:
        asyncio.run(experiment.go(ask))
    except Exception:
        # One experiment that breaks down must not keep the others from being made.
        traceback.print_exc()
        return False
    finally:
        if nursery is not None:
            nursery.close()
    print(f"   {name} took {time.monotonic() - began:.0f} s", flush=True)
    return all(report.passed for report in reports)


def databases(named: str) -> list[str]:
    """SQLite and PostgreSQL, or the one that is named."""
    server = os.environ.get("PRILAVOK_TEST_POSTGRES", POSTGRES)
    known = {"both": ["", server], "sqlite": [""], "postgres": [server]}
    return known.get(named, [named])


def arguments() -> argparse.Namespace:
    known: dict[str, Experiment | Program] = {**EXPERIMENTS, **PROGRAMS}
    listed = "\n".join(f"  {name:10} {each.title} ({each.release})" for name, each in known.items())
    parser = argparse.ArgumentParser(
        prog="python -m tests.faults",
        description=__doc__,
        epilog=f"experiments, with their size for a release:\n{listed}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "experiments", nargs="*", default=["all"], choices=[*EXPERIMENTS, *PROGRAMS, "all"], metavar="experiment"
    )
    parser.add_argument("--size", "--kills", type=int, default=0, help="how often; a release's size by default")
    parser.add_argument("--quick", action="store_true", help="just often enough to see that it works")
    parser.add_argument("--buyers", type=int, default=0)
    parser.add_argument("--channels", default="", help="messengers beside Telegram: max,vk by default")
    parser.add_argument("--seed", type=int, default=0, help="repeats a run's choices; a random one by default")
    parser.add_argument("--database", default="both", help="sqlite, postgres, both, or a PostgreSQL server's address")
    parser.add_argument("--only", default="", help="of f3: the points whose names begin so; of f2: one system call")
    parser.add_argument("--part", type=_part, default=(1, 1), help="of f2 and f3: 2/3 is the second of three parts")
    parser.add_argument("--cold", action="store_true", help="import everything at each start, as `prilavok run` does")
    parser.add_argument("--json", action="store_true", help="print the whole report, not only its line")
    parser.add_argument("--out", type=Path, help="a folder for the reports")
    return parser.parse_args()


def _part(named: str) -> tuple[int, int]:
    which, of = (int(number) for number in named.split("/"))
    if not 1 <= which <= of:
        raise ValueError(named)
    return which, of


if __name__ == "__main__":
    sys.exit(main())
