"""A backup made while people trade opens a shop elsewhere; `python -m tests.installation.recovery` does it again."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.faults.hub import Nursery
from tests.installation.conftest import ENGINES, server
from tests.installation.recovery import recover

pytestmark = pytest.mark.timeout(400)


@pytest.fixture(scope="module")
def nursery() -> Iterator[Nursery]:
    nursery = Nursery()
    yield nursery
    nursery.close()


@pytest.mark.postgres
async def test_a_shop_on_sqlite_goes_on_in_postgresql(nursery: Nursery) -> None:
    counts = await recover("", nursery, buyers=1, orders=1, seed=22, moves_to=server())
    assert counts["orders after"] > counts["orders restored"]


@pytest.mark.parametrize("engine", ENGINES)
async def test_a_shop_goes_on_elsewhere_from_a_backup_made_under_load(engine: str, nursery: Nursery) -> None:
    counts = await recover("" if engine == "sqlite" else server(), nursery, buyers=1, orders=1, seed=21)
    assert counts["messages when lost"] > counts["messages restored"]
    assert counts["orders after"] > counts["orders restored"]
