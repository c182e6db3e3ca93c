"""The database: plain synchronous functions on a Session, run for an asynchronous shell.

`read` and `write` take a function whose first argument is a Session. `write` is one transaction: it commits when the
function returns and rolls back when it raises, and after the commit the lanes that got jobs are rung and the live
pages are told.

SQLite has one writer at a time, so one thread owns the only writing connection. Functions that wait at once run one
after another and share one commit: under load that is several times faster than a commit each, at full durability.
When one of them fails, all are rolled back and run again, each in its own savepoint. PostgreSQL takes each write on a
connection of its own, and that is a synchronous one in a thread: a statement costs a third of what it costs on an
asynchronous one. Short writes, a message's, share one there too.

Values of statements are not part of what a failure says: it goes into logs and job rows.
"""

from __future__ import annotations

import asyncio
import fcntl
import os
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, Concatenate, ParamSpec, TypeVar

import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession
from sqlalchemy.orm import Session

from kit.errors import Refused
from storage.committed import Committed, Listener
from storage.engines import postgres_reading, sqlite_reading
from storage.meters import Meters
from storage.writers import PostgresWriters, SqliteWriter

T = TypeVar("T")
P = ParamSpec("P")


CLOSING = 2.0
"""Seconds that writes under way are waited for at the end."""

RETRIES = 3
"""How often a write is run again after PostgreSQL broke a deadlock or a serialisation conflict."""


class TakenDatabase(Refused):
    """Another hub works on this SQLite file."""

    code = "database_taken"

    def __init__(self, path: str) -> None:
        super().__init__(f"Another Prilavok works on {path}: stop that one first.", path=path)


class Database:
    """One database of one process. `start` before use, `close` at the end."""

    def __init__(
        self,
        url: str,
        *,
        subscribers: Mapping[str, Sequence[str]] | None = None,
        pool: int = 5,
        meters: Meters | None = None,
    ) -> None:
        self.url = sa.make_url(url)
        self._subscribers = subscribers or {}
        self._meters = meters or Meters()
        self._listeners: list[Listener] = []
        self._writer: SqliteWriter | None = None
        self._writers: PostgresWriters | None = None
        self._claim: int | None = None
        self._writes: set[asyncio.Task[Any]] = set()
        if self.is_sqlite:
            self._engine = sqlite_reading(self.url)
        else:
            self._engine = postgres_reading(self.url, pool=pool)
            self._writers = PostgresWriters(self.url, self._subscribers, self._tell, self._meters)

    @property
    def is_sqlite(self) -> bool:
        return self.url.get_backend_name() == "sqlite"

    @property
    def engine(self) -> AsyncEngine:
        """For migrations and health checks. On SQLite these connections only read."""
        return self._engine

    def connections(self) -> tuple[int, int]:
        """How many connections of the pool are in use, and the most that it may open."""
        pools: list[Any] = [self._engine.pool, *(self._writers.pools if self._writers is not None else ())]
        return sum(pool.checkedout() for pool in pools), sum(pool.size() + pool._max_overflow for pool in pools)

    def waiting(self) -> int:
        """Writes that wait for SQLite's only writer; on PostgreSQL the short ones, which share a connection."""
        writer = self._writer or self._writers
        return 0 if writer is None else writer.waiting

    def on_commit(self, listener: Listener) -> None:
        """Call `listener` on the event loop after each commit that rang a lane, published an event or began a job."""
        self._listeners.append(listener)

    async def start(self) -> None:
        if self.is_sqlite:
            self._writer = SqliteWriter(self.url, self._subscribers, self._tell, self._meters)

    def claim(self) -> None:
        """On SQLite, be the only hub on this file until `close` or death. Raises TakenDatabase.

        A second hub would take the first one for dead and work its lanes. PostgreSQL may have many hubs.
        """
        if not self.is_sqlite or not self.url.database:
            return
        self._claim = os.open(f"{self.url.database}.lock", os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(self._claim, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            self._let_go()
            raise TakenDatabase(self.url.database) from None

    async def close(self) -> None:
        if self._writer is not None:
            await self._writer.stop()
        elif self._writes:
            await asyncio.wait(set(self._writes), timeout=CLOSING)
        if self._writers is not None:
            self._writers.close()
        await self._engine.dispose()
        self._let_go()

    def _let_go(self) -> None:
        if self._claim is not None:
            os.close(self._claim)
            self._claim = None

    async def read(self, fn: Callable[Concatenate[Session, P], T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Run `fn` on a snapshot; whatever it changes is rolled back."""
        async with AsyncSession(self._engine, expire_on_commit=False, autoflush=False) as session:
            return await session.run_sync(fn, *args, **kwargs)

    async def write(self, fn: Callable[Concatenate[Session, P], T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Run `fn` in one transaction and return its result once that is durable.

        `fn` may run more than once before it succeeds, so it must do nothing but work on its Session.
        """
        return await self._write(lambda session: fn(session, *args, **kwargs), self._write_alone)

    async def write_short(self, fn: Callable[Concatenate[Session, P], T], *args: P.args, **kwargs: P.kwargs) -> T:
        """The same for what takes a few milliseconds: on PostgreSQL too, who waits at once shares a transaction.

        `fn` does not see whether others wrote before it in the same one. When one of them fails or has to wait for a
        row, each is run again alone.
        """
        return await self._write(lambda session: fn(session, *args, **kwargs), self._write_together)

    async def _write(self, fn: Callable[[Session], T], how: Callable[[Callable[[Session], T]], Awaitable[T]]) -> T:
        if self._writer is not None:
            return await self._writer.run(fn)
        # As on SQLite: a commit that is under way cannot be taken back, so it is also told of if the caller leaves.
        write = asyncio.create_task(self._write_again(fn, how))
        self._writes.add(write)
        write.add_done_callback(self._written)
        return await asyncio.shield(write)

    async def quiet(self) -> None:
        """Wait until every write that was asked for before has ended and been told of."""
        if self._writer is not None:
            await self._writer.run(lambda session: None)
        elif self._writes:
            await asyncio.wait(set(self._writes))

    def _written(self, write: asyncio.Task[Any]) -> None:
        self._writes.discard(write)
        if not write.cancelled():
            # Whoever asked may have left; then nobody else takes the failure.
            write.exception()

    async def _write_again(
        self, fn: Callable[[Session], T], how: Callable[[Callable[[Session], T]], Awaitable[T]]
    ) -> T:
        for attempt in range(RETRIES + 1):
            try:
                return await how(fn)
            except DBAPIError as failure:
                if attempt == RETRIES or getattr(failure.orig, "sqlstate", "") not in {"40001", "40P01"}:
                    raise
                await asyncio.sleep(0.01 * 4**attempt)
        raise AssertionError("unreachable")

    async def _write_alone(self, fn: Callable[[Session], T]) -> T:
        assert self._writers is not None
        result, committed = await self._writers.run(fn)
        self._tell(committed)
        return result

    async def _write_together(self, fn: Callable[[Session], T]) -> T:
        assert self._writers is not None
        return await self._writers.run_together(fn)

    def _tell(self, committed: Committed) -> None:
        for count in committed.after:
            count()
        if committed.rings or committed.notes or committed.later or committed.started:
            for listener in self._listeners:
                listener(committed)
