from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta

import pytest
import pytest_asyncio

import orders.history  # noqa: F401  with it, create_all makes the triggers
from payments import looking, patience
from tests.payments.till import Till, open_till


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Looks do not wait for each other and calls are repeated soon, except where a test is about that."""
    monkeypatch.setattr(looking, "NOT_SOONER", timedelta(0))
    monkeypatch.setattr(patience, "SHORTEST", timedelta(milliseconds=20))


@pytest_asyncio.fixture
async def till(database_url: str) -> AsyncIterator[Till]:
    async with open_till(database_url) as till:
        yield till
