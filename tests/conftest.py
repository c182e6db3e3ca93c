"""A database for each test, on every engine that we promise: SQLite always, PostgreSQL where there is a server.

`session` is what domain tests want. `database_url` is the same empty database for tests that open it themselves,
through storage.database or from several threads; `engine` opens it as the product does.
"""

from __future__ import annotations

import os
import re
import shutil
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.orm import Session

# The tables of every domain, for create_all.
import automation.tables  # noqa: F401
import catalog.tables  # noqa: F401
import company.tables  # noqa: F401
import customers.tables  # noqa: F401
import inbox.tables  # noqa: F401
import operation.tables  # noqa: F401
import orders.tables  # noqa: F401
import payments.tables  # noqa: F401
import storage.tables  # noqa: F401
from storage.engines import prepare_sqlite
from storage.schema import Base
from tests.worlds import World

HERE = Path(__file__).parent

ON_BOTH = frozenset({"faults", "processes", "storage"})
"""Folders whose tests are about what a database does; the others' meet one of the two each."""


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Of two tests that differ by their database alone, run the one that its name chooses: half of a folder's tests
    meet each database. PRILAVOK_TEST_EVERYWHERE=1 runs both."""
    if os.environ.get("PRILAVOK_TEST_EVERYWHERE") or not os.environ.get("PRILAVOK_TEST_POSTGRES"):
        return
    engines = {item.nodeid: _engine_of(item) for item in items if item.path.relative_to(HERE).parts[0] not in ON_BOTH}
    there = {(_without(item.nodeid), engines.get(item.nodeid)) for item in items}
    left = [
        item
        for item in items
        if (engine := engines.get(item.nodeid))
        and engine != _chosen(item.nodeid)
        and (_without(item.nodeid), _chosen(item.nodeid)) in there
    ]
    config.hook.pytest_deselected(items=left)
    gone = set(left)
    items[:] = [item for item in items if item not in gone]


def _engine_of(item: pytest.Item) -> str | None:
    params = item.callspec.params if hasattr(item, "callspec") else {}
    return next((params[name] for name in ("database_url", "story_database") if name in params), None)


def _without(nodeid: str) -> str:
    return re.sub(r"sqlite|postgres", "", nodeid)


def _chosen(nodeid: str) -> str:
    return ("sqlite", "postgres")[zlib.crc32(_without(nodeid).rpartition("/")[2].encode()) % 2]


_compiled: dict[tuple[object, ...], tuple[sa.Dialect, sa.util.LRUCache[Any, Any]]] = {}


@sa.event.listens_for(sa.Engine, "engine_connect")
def _compile_once(connection: sa.Connection) -> None:
    """Engines of a kind share what SQLAlchemy has compiled: each test has engines of its own, and compiling every
    statement anew for each of them took more than a quarter of the processor's time."""
    engine, dialect = connection.engine, connection.dialect
    kind = (type(dialect), dialect._json_serializer, dialect._on_connect_isolation_level)
    known = _compiled.setdefault(kind, (dialect, sa.util.LRUCache(4000)))
    connection.dialect, engine._compiled_cache = known
    engine.dialect = connection.dialect


ENGINES = ("sqlite", pytest.param("postgres", marks=pytest.mark.postgres))


def open_engine(url: str) -> sa.Engine:
    """A synchronous engine that behaves as the product's writer does; the caller disposes of it."""
    engine = sa.create_engine(url)
    if engine.dialect.name == "sqlite":
        prepare_sqlite(engine, begin="BEGIN IMMEDIATE")
    return engine


@pytest.fixture(scope="session")
def _empty_sqlite(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database file with all tables and no rows, to be copied."""
    path = tmp_path_factory.mktemp("template") / "empty.db"
    engine = sa.create_engine(f"sqlite:///{path}")
    Base.metadata.create_all(engine)
    engine.dispose()
    return path


@pytest.fixture(scope="session")
def _postgres_schema() -> Iterator[str]:
    """The address of a schema of this process, with all tables."""
    address = os.environ.get("PRILAVOK_TEST_POSTGRES")
    if not address:
        pytest.skip("no PostgreSQL: set PRILAVOK_TEST_POSTGRES=postgresql+psycopg://user@host/database")
    name = f"t{os.getpid()}"
    server = sa.create_engine(address, isolation_level="AUTOCOMMIT")
    with server.connect() as connection:
        connection.exec_driver_sql(f"CREATE SCHEMA {name}")
    url = sa.make_url(address).update_query_dict({"options": f"-csearch_path={name} -csynchronous_commit=off"})
    text = url.render_as_string(hide_password=False)
    engine = sa.create_engine(text)
    Base.metadata.create_all(engine)
    engine.dispose()
    yield text
    with server.connect() as connection:
        connection.exec_driver_sql(f"DROP SCHEMA {name} CASCADE")
    server.dispose()


@pytest.fixture(params=ENGINES)
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The address of an empty database with all tables, on SQLite and then on PostgreSQL."""
    if request.param == "sqlite":
        path = tmp_path / "test.db"
        shutil.copyfile(request.getfixturevalue("_empty_sqlite"), path)
        return f"sqlite:///{path}"
    url: str = request.getfixturevalue("_postgres_schema")
    empty_postgres(url)
    return url


_USED = sa.text(
    "SELECT relname, EXISTS (SELECT FROM pg_trigger WHERE tgrelid = pg_class.oid AND NOT tgisinternal)"
    " FROM pg_class WHERE relkind = 'r' AND relnamespace = current_schema()::regnamespace AND pg_relation_size(oid) > 0"
)
"""Tables that have had rows, and whether triggers guard them."""

_COUNT_ANEW = (
    "SELECT setval((schemaname || '.' || quote_ident(sequencename))::regclass, 1, false) FROM pg_sequences"
    " WHERE schemaname = current_schema() AND last_value IS NOT NULL"
)


def empty_postgres(url: str) -> None:
    """Leave no row in any table of the schema. TRUNCATE makes new files for all of them, and that takes a second."""
    engine = sa.create_engine(url)
    with engine.begin() as connection:
        used = {str(name): bool(is_guarded) for name, is_guarded in connection.execute(_USED)}
        ours = [table.name for table in reversed(Base.metadata.sorted_tables)]
        unknown = used.keys() - set(ours) - {"alembic_version"}
        acts = [f'DELETE FROM "{name}"' for name in (*unknown, *ours) if name in used]
        guarded = [name for name in used if used[name]]
        before = [f"ALTER TABLE {name} DISABLE TRIGGER USER" for name in guarded]
        after = [f"ALTER TABLE {name} ENABLE TRIGGER USER" for name in guarded]
        if acts:
            connection.exec_driver_sql("; ".join([*before, *acts, *after, _COUNT_ANEW]))
    engine.dispose()


@pytest.fixture
def engine(database_url: str) -> Iterator[sa.Engine]:
    engine = open_engine(database_url)
    yield engine
    engine.dispose()


@pytest.fixture
def session(engine: sa.Engine) -> Iterator[Session]:
    """One transaction, rolled back at the end unless the test commits. Expires nothing, like the product's."""
    with Session(engine, expire_on_commit=False) as session:
        yield session


@pytest.fixture
def world(session: Session) -> World:
    """The shop «Глина и лён» with its people and a few goods, not committed."""
    return World(session)
