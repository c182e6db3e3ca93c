"""The contract is played on the databases of whole stories."""

from __future__ import annotations

import os
import zlib
from pathlib import Path

import pytest

from tests.stories.conftest import _migrated_postgres, _migrated_sqlite, story_database

__all__ = ["_migrated_postgres", "_migrated_sqlite", "story_database"]

HERE = Path(__file__).parent


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Where both databases are there, each story runs on one of them, chosen by its name and its messenger.

    PRILAVOK_TEST_EVERYWHERE=1 runs all of them on both.
    """
    if os.environ.get("PRILAVOK_TEST_EVERYWHERE") or not os.environ.get("PRILAVOK_TEST_POSTGRES"):
        return
    left = [item for item in items if HERE in item.path.parents and _elsewhere(item)]
    config.hook.pytest_deselected(items=left)
    gone = set(left)
    items[:] = [item for item in items if item not in gone]


def _elsewhere(item: pytest.Item) -> bool:
    params = item.callspec.params if hasattr(item, "callspec") else {}
    told = f"{item.name.partition('[')[0]} {params.get('stage')}"
    its_own = ("sqlite", "postgres")[zlib.crc32(told.encode()) % 2]
    return params.get("story_database") in ("sqlite", "postgres") and params["story_database"] != its_own
