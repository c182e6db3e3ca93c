"""A few kills on each commit; `make faults` is the whole programme."""

from __future__ import annotations

import os
import secrets
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from kit import crash
from storage.migrate import check
from tests.faults.experiments import six
from tests.faults.experiments.base import Ask
from tests.faults.hub import COMMAND, Nursery
from tests.faults.report import Report
from tests.faults.run import run

pytestmark = pytest.mark.timeout(600)

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
    report = await run(kills=3, seed=11, nursery=nursery, database=server, buyers=1)
    assert report.passed, report.facts()
    assert report.reckoning.counts["orders"] > 0
    assert report.looks > 1


async def test_the_golden_story_plays_in_all_six_channels_at_once_while_updates_come_twice_and_out_of_turn(
    nursery: Nursery,
) -> None:
    reports: list[Report] = []
    await six.disordered(Ask("six", size=1, seed=36, nursery=nursery, databases=[""], told=reports.append))
    [report] = reports
    assert report.passed, report.facts()
    assert min(report.measured["whole stories"].values()) >= 1
    assert sum(report.faults.values()) > 5


POINTS = (
    "intake.before_store",
    "intake.after_store",
    "said.after_store",
    "commit.before",
    "job.called",
    "delivery.after_send:2",
    "payment.after_create",
    "refund.after_call",
)
"""Those whose loss would cost most; a release tries every one there is."""


async def test_crashes_at_these_very_points_lose_nothing(nursery: Nursery) -> None:
    """One hub after another dies at the next of them while the trade goes on."""
    report = await run(kills=0, seed=12, nursery=nursery, buyers=1, crash_at=POINTS)
    assert report.passed, report.facts()
    assert report.kills == len(POINTS)


@pytest.mark.parametrize("point", [point for point in crash.POINTS if point.startswith("migrate.")])
def test_a_migration_that_dies_leaves_the_old_tables_or_the_new_ones(point: str, tmp_path: Path) -> None:
    """Here the old ones are none; a migration that is started again ends what was begun."""
    told = tmp_path / "config.toml"
    told.write_text(f'secret_key = "{secrets.token_hex(32)}"\ndatabase = "sqlite:///{tmp_path}/shop.db"\n')
    command = [sys.executable, "-c", COMMAND, "migrate", "--config", str(told)]
    died = subprocess.run(command, env={**os.environ, "PRILAVOK_CRASH_AT": point}, check=False)
    assert died.returncode == -signal.SIGKILL
    with closing(sqlite3.connect(tmp_path / "shop.db")) as database:
        tables = {name for (name,) in database.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
    assert ("order" in tables) is (point == "migrate.committed")
    assert subprocess.run(command, check=False).returncode == 0
    check(f"sqlite:///{tmp_path}/shop.db")
