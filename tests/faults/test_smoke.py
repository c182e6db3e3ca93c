"""A few kills on each commit; `make faults` does fifty."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from kit import crash
from tests.faults.hub import Nursery
from tests.faults.run import run

pytestmark = pytest.mark.timeout(300)

ENGINES = ("", pytest.param("postgres", marks=pytest.mark.postgres))


@pytest.fixture(scope="module")
def nursery() -> Iterator[Nursery]:
    nursery = Nursery()
    yield nursery
    nursery.close()


@pytest.fixture(params=ENGINES, ids=["sqlite", "postgres"])
def server(request: pytest.FixtureRequest) -> str:
    """The address of a PostgreSQL server; empty for an SQLite file."""
    if not request.param:
        return ""
    address = os.environ.get("PRILAVOK_TEST_POSTGRES")
    if not address:
        pytest.skip("no PostgreSQL: set PRILAVOK_TEST_POSTGRES=postgresql+psycopg://user@host/database")
    return address


async def test_nothing_is_lost_or_doubled_when_the_hub_is_killed_while_people_trade(
    server: str, nursery: Nursery
) -> None:
    report = await run(kills=3, seed=11, nursery=nursery, database=server, buyers=2)
    assert report.passed, report.facts()
    assert report.reckoning.counts["orders"] > 0


@pytest.mark.parametrize("point", crash.POINTS)
async def test_a_crash_at_this_very_point_loses_nothing(point: str, nursery: Nursery) -> None:
    """The second pass of a delivery, as the first is a greeting that nobody waits for."""
    where = f"{point}:2" if point.startswith("delivery") else point
    report = await run(kills=0, seed=12, nursery=nursery, buyers=1, crash_at=where)
    assert report.passed, report.facts()
    assert report.kills == 1
