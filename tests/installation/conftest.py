"""Databases that begin with nothing in them, and processes that migrate them."""

from __future__ import annotations

import os
import secrets
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.installation.databases import bare_database
from tests.installation.migrating import Mother

NewDatabase = Callable[[], str]

ENGINES = ("sqlite", pytest.param("postgres", marks=pytest.mark.postgres))


def server() -> str:
    address = os.environ.get("PRILAVOK_TEST_POSTGRES")
    if not address:
        pytest.skip("no PostgreSQL: set PRILAVOK_TEST_POSTGRES=postgresql+psycopg://user@host/database")
    return address


@pytest.fixture(params=ENGINES)
def new_database(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[NewDatabase]:
    """Makes databases without tables, one for each call; gives their addresses."""
    with ExitStack() as made:

        def new() -> str:
            if request.param == "sqlite":
                return f"sqlite:///{tmp_path}/{secrets.token_hex(4)}.db"
            return made.enter_context(bare_database(server()))

        yield new


@pytest.fixture
def bare(new_database: NewDatabase) -> str:
    """The address of a database without tables."""
    return new_database()


@pytest.fixture(scope="module")
def mother() -> Iterator[Mother]:
    mother = Mother()
    yield mother
    mother.close()
