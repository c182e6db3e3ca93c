"""The databases that experiments run on: an SQLite file, and PostgreSQL where there is a server."""

from __future__ import annotations

import os

import pytest

SERVERS = [pytest.param("", id="sqlite"), pytest.param("postgres", id="postgres", marks=pytest.mark.postgres)]
"""For `pytest.mark.parametrize("server", SERVERS, indirect=True)`."""


def address_of(param: str) -> str:
    """The server's address; empty for SQLite. Skips where there is no server."""
    if not param:
        return ""
    address = os.environ.get("PRILAVOK_TEST_POSTGRES")
    if not address:
        pytest.skip("no PostgreSQL: set PRILAVOK_TEST_POSTGRES=postgresql+psycopg://user@host/database")
    return address
