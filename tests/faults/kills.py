"""Kill the hub at random moments of trade and count what was lost: `python -m tests.faults.kills --kills 50`."""

from __future__ import annotations

import argparse
import asyncio
import random
import sys

import orjson

from tests.faults.hub import Nursery
from tests.faults.run import run


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.faults.kills", description=__doc__)
    parser.add_argument("--kills", type=int, default=50)
    parser.add_argument("--buyers", type=int, default=3)
    parser.add_argument("--seed", type=int, default=0, help="repeats a run's choices; a random one by default")
    parser.add_argument(
        "--database",
        default="",
        help="a PostgreSQL address, in which a schema is made and dropped; an SQLite file by default",
    )
    parser.add_argument("--cold", action="store_true", help="import everything at each start, as `prilavok run` does")
    parser.add_argument("--crash-at", default="", help="let the first hub die at this point of kit.crash")
    return parser.parse_args()


def main() -> int:
    told = arguments()
    nursery = None if told.cold else Nursery()
    report = asyncio.run(
        run(
            kills=told.kills,
            seed=told.seed or random.randrange(1, 10**6),
            nursery=nursery,
            database=told.database,
            buyers=told.buyers,
            crash_at=told.crash_at,
        )
    )
    if nursery is not None:
        nursery.close()
    print(orjson.dumps(report.facts(), option=orjson.OPT_INDENT_2).decode())
    print(report.words())
    return 0 if report.passed else 1


if __name__ == "__main__":
    sys.exit(main())
