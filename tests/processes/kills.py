"""Make trouble for a whole fleet under load: `python -m tests.processes.kills --bell notify redis nats rabbitmq`."""

from __future__ import annotations

import argparse
import asyncio
import os
import random
import sys

import orjson

from tests.processes.fleet import Nursery
from tests.processes.run import FLEET, run

BELLS = ("notify", "redis", "nats", "rabbitmq")


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.processes.kills", description=__doc__)
    parser.add_argument("--bell", nargs="+", choices=BELLS, default=list(BELLS))
    parser.add_argument("--troubles", type=int, default=20, help="for each bell")
    parser.add_argument("--rolling", type=int, default=1, help="restarts of everything in turn, after the troubles")
    parser.add_argument("--buyers", type=int, default=4)
    parser.add_argument("--seed", type=int, default=0, help="repeats a run's choices; a random one by default")
    parser.add_argument("--workers", type=int, default=FLEET["worker"])
    parser.add_argument("--database", default=os.environ.get("PRILAVOK_TEST_POSTGRES", ""), help="a PostgreSQL address")
    return parser.parse_args()


def main() -> int:
    told = arguments()
    if not told.database:
        print("Name a PostgreSQL with --database, or in PRILAVOK_TEST_POSTGRES.", file=sys.stderr)
        return 2
    nursery = Nursery()
    lines, passed = [], True
    for bell in told.bell:
        report = asyncio.run(
            run(
                bell=bell,
                database=told.database,
                troubles=told.troubles,
                seed=told.seed or random.randrange(1, 10**6),
                nursery=nursery,
                buyers=told.buyers,
                fleet={**FLEET, "worker": told.workers},
                rolling=told.rolling,
            )
        )
        print(orjson.dumps(report.facts(), option=orjson.OPT_INDENT_2).decode())
        lines.append(report.words())
        passed = passed and report.passed
    nursery.close()
    print("\n".join(lines))
    return 0 if passed else 1


if __name__ == "__main__":
    sys.exit(main())
