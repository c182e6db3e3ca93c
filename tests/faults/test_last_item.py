"""As many are sold as there are, whoever sells them."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.faults.last_item import run
from tests.faults.servers import SERVERS

HERE_AND_THERE = [
    *(pytest.param(each.values[0], False, id=each.id, marks=each.marks) for each in SERVERS),
    pytest.param("postgres", True, id="processes", marks=pytest.mark.postgres),
]


@pytest.mark.parametrize(("server", "processes"), HERE_AND_THERE, indirect=["server"])
def test_each_last_item_is_sold_once(server: str, processes: bool, tmp_path: Path) -> None:
    report = run(tmp_path, server, items=6, seed=1, processes=processes)
    assert report.passed, report.words()
