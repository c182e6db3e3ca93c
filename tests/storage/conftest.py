"""A started Database on an empty schema, and a counter of what its functions did."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest_asyncio

from storage.database import Database


@pytest_asyncio.fixture
async def db(database_url: str) -> AsyncIterator[Database]:
    database = Database(database_url, subscribers={"tea_made": ("drink",)})
    await database.start()
    yield database
    await database.close()
