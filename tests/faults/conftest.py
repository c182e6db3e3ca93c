from __future__ import annotations

import pytest

from tests.faults.servers import address_of


@pytest.fixture
def server(request: pytest.FixtureRequest) -> str:
    """The address of a PostgreSQL server; empty for an SQLite file."""
    return address_of(request.param)
