"""A whole hub against a world that does anything, chosen by hypothesis: `python -m tests.faults.model --size 2000`.

Each story is some forty acts of buyers, bank, messenger, operators, clocks and death, in any order. After every act
the watcher looks whether something is wrong; at the end everything is let come to rest, and nothing may be missing.
A failing story is made as short as it can be and printed as the program that repeats it.
"""

from __future__ import annotations

import argparse
import asyncio
import logging
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import hypothesis
from hypothesis import HealthCheck, Phase, Verbosity, settings
from hypothesis.stateful import (
    run_state_machine_as_test,
)

from storage import presence
from tests.faults.house import Databases
from tests.faults.outside import Clock
from tests.faults.stories import STEPS, Story


@contextmanager
def town(server: str = "") -> Iterator[type[Story]]:
    """The state machine of a town whose database is SQLite, or is on this PostgreSQL server."""
    memory = Path("/dev/shm")
    clock = Clock()
    before = presence.TRIES, logging.root.manager.disable
    presence.TRIES = 0
    logging.disable(logging.CRITICAL)
    with (
        tempfile.TemporaryDirectory(prefix="prilavok-model-", dir=memory if memory.is_dir() else None) as name,
        asyncio.Runner() as runner,
        clock.instead_of_the_systems(),
    ):
        folder = Path(name)
        databases = Databases(folder, server)
        try:
            facts = {
                "databases": databases,
                "runner": runner,
                "clock": clock,
                "files": folder / "files",
                "hubs": 2 if server else 1,
                "told": Counter[str](),
                "diary": [],
            }
            yield type("Story", (Story,), facts)
        finally:
            databases.close()
            presence.TRIES = before[0]
            logging.disable(before[1])


def tell(story: type[Story], *, size: int, steps: int = STEPS, shrink: bool = True, seed: int | None = None) -> None:
    """Try so many stories. Raises what the first wrong one raised, made short if there is time for that."""
    phases = (Phase.generate, Phase.shrink) if shrink else (Phase.generate,)
    chosen = settings(
        max_examples=size,
        stateful_step_count=steps,
        deadline=None,
        database=None,
        phases=phases,
        report_multiple_bugs=False,
        suppress_health_check=list(HealthCheck),
        verbosity=Verbosity.normal if shrink else Verbosity.quiet,
        derandomize=seed is None,
        print_blob=False,
    )
    if seed is not None:
        story = hypothesis.seed(seed)(story)
    run_state_machine_as_test(story, settings=chosen)


def words(database: str, told: Counter[str], seconds: float, wrong: str) -> str:
    """The run in one line."""
    kinds = ["acts", "messages", "updates delivered", "presses", "payments", "notices", "forged notices"]
    kinds += ["faults outside", "deaths"]
    return (
        f"{'FAILED' if wrong else 'PASSED'}: model on {database}; wrong {1 if wrong else 0}/{told['stories']} stories; "
        + ", ".join(f"{kind} {told[kind]}" for kind in kinds)
        + f"; {round(seconds)} s"
        + (f"; WRONG: {wrong}" if wrong else "")
    )


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.faults.model", description=__doc__)
    parser.add_argument("--size", type=int, default=200, help="how many stories")
    parser.add_argument("--steps", type=int, default=STEPS, help="acts in each")
    parser.add_argument("--seed", type=int, default=0, help="other stories; the same ones each time by default")
    parser.add_argument("--no-shrink", action="store_true", help="stop at the first wrong story as it is")
    parser.add_argument("--database", default="", help="a PostgreSQL address; SQLite files by default")
    options = parser.parse_args()
    began, wrong = time.monotonic(), ""
    with town(options.database) as story:
        try:
            seed = options.seed or None
            tell(story, size=options.size, steps=options.steps, shrink=not options.no_shrink, seed=seed)
        except AssertionError as failure:
            wrong = str(failure).splitlines()[0] if str(failure) else type(failure).__name__
            print("\n".join(story.diary))
        print(words("postgresql" if options.database else "sqlite", story.told, time.monotonic() - began, wrong))
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
