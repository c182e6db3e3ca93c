"""A few troubles on each commit; `python -m tests.processes.kills` makes many, with every bell."""

from __future__ import annotations

import os
from collections.abc import Iterator

import orjson
import pytest

from tests.processes.fleet import Nursery
from tests.processes.run import run

pytestmark = [pytest.mark.postgres, pytest.mark.timeout(400)]

SMALL = {"web": 2, "worker": 2, "poll": 2}


@pytest.fixture(scope="module")
def nursery() -> Iterator[Nursery]:
    nursery = Nursery()
    yield nursery
    nursery.close()


@pytest.fixture
def server() -> str:
    """The address of a PostgreSQL server."""
    address = os.environ.get("PRILAVOK_TEST_POSTGRES")
    if not address:
        pytest.skip("no PostgreSQL: set PRILAVOK_TEST_POSTGRES=postgresql+psycopg://user@host/database")
    return address


async def test_processes_that_are_killed_and_restarted_in_turn_lose_and_double_nothing(
    server: str, nursery: Nursery
) -> None:
    """On a machine that has more to do than it can, people give up and clocks run out: then it is tried once more."""
    found = []
    for seed in (21, 22):
        report = await run(
            bell="notify", database=server, troubles=2, seed=seed, nursery=nursery, buyers=2, fleet=SMALL, pauses=False
        )
        found.append(orjson.dumps(report.facts(), default=str).decode())
        assert not report.reckoning.wrong, found[-1]
        assert not report.ticks_twice, found[-1]
        assert not report.missed, found[-1]
        if report.passed:
            break
    assert report.passed, "\n".join(found)
    assert report.reckoning.counts["orders"] > 0
    assert report.events > 0
    assert report.ticks > 0
