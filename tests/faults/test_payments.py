"""A few of the many orders in which news of money comes, and every kind of late money; the rest by command."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.faults.house import Databases
from tests.faults.payments import CASES, LATE, MOST_COPIES, NEWS, Case, Report, run
from tests.faults.servers import SERVERS

pytestmark = pytest.mark.parametrize("server", SERVERS, indirect=True)

SOME = [CASES[n * 83 % len(CASES)] for n in range(6)]


async def test_whatever_order_the_news_comes_in_the_ledger_is_the_banks(server: str, tmp_path: Path) -> None:
    report = await _tried(server, tmp_path, cases=SOME)
    assert report.passed, report.words()
    assert (report.orders, report.paid) == (len(SOME), len(SOME))


async def test_each_late_sum_is_one_open_question(server: str, tmp_path: Path) -> None:
    report = await _tried(server, tmp_path, late_rounds=1)
    assert report.passed, report.words()
    assert (report.orders, report.late) == (len(LATE), 6)


def test_all_orders_of_news_are_among_the_cases(server: str) -> None:
    assert len({case.order for case in CASES}) == 6
    assert {len(case.order) for case in CASES} == {len(NEWS)}
    assert {case.copies for case in CASES} == set(range(1, MOST_COPIES + 1))


async def _tried(server: str, folder: Path, *, cases: list[Case] | None = None, late_rounds: int = 0) -> Report:
    report = Report(server, 1)
    databases = Databases(folder, server)
    try:
        await run(databases, report, cases=cases or [], stories=[], late_rounds=late_rounds)
    finally:
        databases.close()
    return report
