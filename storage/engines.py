"""How engines are made: what every connection to SQLite and to PostgreSQL keeps to."""

from __future__ import annotations

from typing import Any

import orjson
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine
from sqlalchemy.pool import StaticPool


def _json(value: Any) -> str:
    return orjson.dumps(value, option=orjson.OPT_NON_STR_KEYS).decode()


JSON: dict[str, Any] = {"json_serializer": _json, "json_deserializer": orjson.loads}
"""How engines write and read JSON columns: several times faster than the standard library."""

_POSTGRES: dict[str, Any] = {"pool_pre_ping": True, "hide_parameters": True, **JSON}


def sqlite_reading(url: sa.URL) -> AsyncEngine:
    engine = create_async_engine(
        url.set(drivername="sqlite+aiosqlite"), pool_size=4, max_overflow=4, hide_parameters=True, **JSON
    )
    prepare_sqlite(engine.sync_engine, begin="BEGIN", query_only=True)
    return engine


def sqlite_writing(url: sa.URL) -> sa.Engine:
    """One connection, whoever asks for it."""
    engine = sa.create_engine(url.set(drivername="sqlite"), poolclass=StaticPool, hide_parameters=True, **JSON)
    prepare_sqlite(engine, begin="BEGIN IMMEDIATE")
    return engine


def postgres_reading(url: sa.URL, *, pool: int) -> AsyncEngine:
    """Up to twice `pool` connections, whose transactions see one moment, as SQLite's do: a page is never half old."""
    return create_async_engine(
        _postgres(url), pool_size=pool, max_overflow=pool, isolation_level="REPEATABLE READ", **_POSTGRES
    )


def postgres_writing(url: sa.URL, *, most: int, lock_timeout_ms: int = 0) -> sa.Engine:
    """Up to `most` connections; a row that another transaction holds is waited for so long, or with 0 for ever."""
    engine = sa.create_engine(_postgres(url), pool_size=most, max_overflow=0, **_POSTGRES)
    if lock_timeout_ms:

        @sa.event.listens_for(engine, "connect")
        def _(raw: Any, _record: Any) -> None:
            with raw.cursor() as cursor:
                cursor.execute(f"SET lock_timeout = {lock_timeout_ms:d}")
            raw.commit()

    return engine


def _postgres(url: sa.URL) -> sa.URL:
    return url.set(drivername="postgresql+psycopg")


def prepare_sqlite(engine: sa.Engine, *, begin: str, query_only: bool = False) -> None:
    """Make each connection keep our promises: WAL, full durability, foreign keys, and a BEGIN of our own choosing.

    synchronous=FULL because NORMAL lost acknowledged commits in simulated power cuts. Python's sqlite3 would begin
    deferred transactions, which fail at once with "database is locked" when they turn into writers.
    """

    @sa.event.listens_for(engine, "connect")
    def _(raw: Any, _record: Any) -> None:
        raw.isolation_level = None
        cursor = raw.cursor()
        pragmas = ["busy_timeout=5000", "foreign_keys=ON"]
        # What is deleted is overwritten: Debian's SQLite does so by itself, others do not.
        pragmas += ["query_only=ON"] if query_only else ["journal_mode=WAL", "synchronous=FULL", "secure_delete=ON"]
        for pragma in pragmas:
            cursor.execute(f"PRAGMA {pragma}")
        cursor.close()

    @sa.event.listens_for(engine, "begin")
    def _(connection: sa.Connection) -> None:
        connection.exec_driver_sql(begin)
