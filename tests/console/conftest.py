from __future__ import annotations

import os
import zlib
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from tests.console.desk import Desk

HERE = Path(__file__).parent


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Where both databases are there, each test of the console runs on one of them, chosen by its name.

    What is asked of a database belongs to the domains, whose tests run on both; so about half of each page's tests meet
    each. PRILAVOK_TEST_EVERYWHERE=1 runs all of them on both.
    """
    if os.environ.get("PRILAVOK_TEST_EVERYWHERE") or not os.environ.get("PRILAVOK_TEST_POSTGRES"):
        return
    left = [item for item in items if HERE in item.path.parents and _elsewhere(item)]
    config.hook.pytest_deselected(items=left)
    gone = set(left)
    items[:] = [item for item in items if item not in gone]


def _elsewhere(item: pytest.Item) -> bool:
    engine = item.callspec.params.get("database_url") if hasattr(item, "callspec") else None
    its_own = ("sqlite", "postgres")[zlib.crc32(item.name.partition("[")[0].encode()) % 2]
    return engine in ("sqlite", "postgres") and engine != its_own


@pytest_asyncio.fixture
async def desk(database_url: str, tmp_path: Path) -> AsyncIterator[Desk]:
    async with Desk(database_url, tmp_path) as desk:
        yield desk
