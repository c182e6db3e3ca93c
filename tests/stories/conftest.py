"""Databases for whole stories: made by the migrations, as installations are."""

from __future__ import annotations

import os
import secrets
import shutil
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
import pytest_asyncio
import sqlalchemy as sa

from prilavok import installation
from tests.conftest import ENGINES, empty_postgres
from tests.stories.street import Street, open_street


@pytest.fixture(scope="session")
def _migrated_sqlite(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("migrated") / "empty.db"
    installation.migrate(f"sqlite:///{path}")
    return path


@pytest.fixture(scope="session")
def _migrated_postgres() -> Iterator[str]:
    """The address of a schema of this process that the migrations have made."""
    address = os.environ.get("PRILAVOK_TEST_POSTGRES")
    if not address:
        pytest.skip("no PostgreSQL: set PRILAVOK_TEST_POSTGRES=postgresql+psycopg://user@host/database")
    # The contract of the messengers has a schema of its own in the same process.
    name = f"story{os.getpid()}_{secrets.token_hex(3)}"
    server = sa.create_engine(address, isolation_level="AUTOCOMMIT")
    with server.connect() as connection:
        connection.exec_driver_sql(f"CREATE SCHEMA {name}")
    url = sa.make_url(address).update_query_dict({"options": f"-csearch_path={name}"})
    text = url.render_as_string(hide_password=False)
    installation.migrate(text)
    yield text
    with server.connect() as connection:
        connection.exec_driver_sql(f"DROP SCHEMA {name} CASCADE")
    server.dispose()


@pytest.fixture(params=ENGINES)
def story_database(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The address of an empty migrated database, on SQLite and then on PostgreSQL."""
    if request.param == "sqlite":
        path = tmp_path / "story.db"
        shutil.copyfile(request.getfixturevalue("_migrated_sqlite"), path)
        return f"sqlite:///{path}"
    url: str = request.getfixturevalue("_migrated_postgres")
    empty_postgres(url)
    return url


@pytest_asyncio.fixture
async def street(story_database: str, tmp_path: Path) -> AsyncIterator[Street]:
    async with open_street(story_database, tmp_path) as street:
        yield street
