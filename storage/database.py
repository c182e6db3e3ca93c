"""The database: plain synchronous functions on a Session, run for an asynchronous shell.

`read` and `write` take a function whose first argument is a Session. `write` is one transaction: it commits when the
function returns and rolls back when it raises, and after the commit the lanes that got jobs are rung and the live
pages are told.

SQLite has one writer at a time, so one thread owns the only writing connection. Functions that wait at once run one
after another and share one commit: under load that is several times faster than a commit each, at full durability.
When one of them fails, all are rolled back and run again, each in its own savepoint. PostgreSQL takes each write on a
connection of its own, and that is a synchronous one in a thread: a statement costs a third of what it costs on an
asynchronous one.

Values of statements are not part of what a failure says: it goes into logs and job rows.
"""

from __future__ import annotations

import asyncio
import contextvars
import fcntl
import logging
import os
import queue
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any, Concatenate, ParamSpec, TypeVar

import orjson
import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession, create_async_engine
from sqlalchemy.orm import Session
from sqlalchemy.pool import StaticPool

from kit import crash
from kit.errors import Refused
from storage.events import Note
from storage.meters import Meters

logger = logging.getLogger(__name__)

T = TypeVar("T")
P = ParamSpec("P")


def _json(value: Any) -> str:
    return orjson.dumps(value, option=orjson.OPT_NON_STR_KEYS).decode()


JSON: dict[str, Any] = {"json_serializer": _json, "json_deserializer": orjson.loads}
"""How engines write and read JSON columns: several times faster than the standard library."""

POSTGRES: dict[str, Any] = {"pool_pre_ping": True, "hide_parameters": True, **JSON}

WRITERS = 8
"""Writes of one process that may be under way on PostgreSQL, each on a connection of its own. A server has a hundred
for all processes, unless it is told otherwise."""

BATCH = 256
"""The most functions that share one commit."""

CLOSING = 2.0
"""Seconds that writes under way are waited for at the end."""

RETRIES = 3
"""How often a write is run again after PostgreSQL broke a deadlock or a serialisation conflict."""


class TakenDatabase(Refused):
    """Another hub works on this SQLite file."""

    code = "database_taken"

    def __init__(self, path: str) -> None:
        super().__init__(f"Another Prilavok works on {path}: stop that one first.", path=path)


@dataclass(slots=True)
class Committed:
    """What a transaction asked to be done once it is durable."""

    rings: set[str] = field(default_factory=set)
    notes: list[Note] = field(default_factory=list)
    later: dict[str, float] = field(default_factory=dict)
    """Lanes to ring after so many seconds; the sweep would find them, but not to the moment."""
    started: list[Any] = field(default_factory=list)
    """What the worker took in this very transaction and goes on with now."""
    after: list[Callable[[], None]] = field(default_factory=list)
    """What is to be counted, now that it has really happened."""

    def gather(self, session: Session) -> None:
        self.rings.update(session.info.get("rings", ()))
        self.notes += session.info.get("notes", ())
        self.later.update(session.info.get("later", ()))
        self.started += session.info.get("started", ())
        self.after += session.info.get("after", ())


Listener = Callable[[Committed], None]


def after_commit(session: Session, act: Callable[[], None]) -> None:
    """Have `act` called on the event loop once the transaction is durable, and never if it is not. It must be quick."""
    session.info.setdefault("after", []).append(act)


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
        self._writer: _SqliteWriter | None = None
        self._writers: _PostgresWriters | None = None
        self._claim: int | None = None
        self._writes: set[asyncio.Task[Any]] = set()
        if self.is_sqlite:
            self._engine = _sqlite_readers(self.url)
        else:
            self._engine = create_async_engine(_postgres(self.url), pool_size=pool, max_overflow=pool, **POSTGRES)
            self._writers = _PostgresWriters(self.url, self._subscribers, self._meters, WRITERS)

    @property
    def is_sqlite(self) -> bool:
        return self.url.get_backend_name() == "sqlite"

    @property
    def engine(self) -> AsyncEngine:
        """For migrations and health checks. On SQLite these connections only read."""
        return self._engine

    def connections(self) -> tuple[int, int]:
        """How many connections of the pool are in use, and the most that it may open."""
        pools: list[Any] = [self._engine.pool, *([self._writers.pool] if self._writers is not None else ())]
        return sum(pool.checkedout() for pool in pools), sum(pool.size() + pool._max_overflow for pool in pools)

    def waiting(self) -> int:
        """Writes that wait for SQLite's only writer; 0 on PostgreSQL."""
        return self._writer.waiting if self._writer is not None else 0

    def on_commit(self, listener: Listener) -> None:
        """Call `listener` on the event loop after each commit that rang a lane, published an event or began a job."""
        self._listeners.append(listener)

    async def start(self) -> None:
        if self.is_sqlite:
            self._writer = _SqliteWriter(self.url, self._subscribers, self._tell, self._meters)
            await self._writer.start()

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
        if self._writer is not None:
            return await self._writer.run(lambda session: fn(session, *args, **kwargs))
        # As on SQLite: a commit that is under way cannot be taken back, so it is also told of if the caller leaves.
        write = asyncio.create_task(self._write_again(lambda session: fn(session, *args, **kwargs)))
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

    async def _write_again(self, fn: Callable[[Session], T]) -> T:
        for attempt in range(RETRIES + 1):
            try:
                return await self._write_alone(fn)
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

    def _tell(self, committed: Committed) -> None:
        for count in committed.after:
            count()
        if committed.rings or committed.notes or committed.later or committed.started:
            for listener in self._listeners:
                listener(committed)


@dataclass(slots=True)
class _Ask:
    fn: Callable[[Session], Any]
    answer: asyncio.Future[Any]


_Answer = tuple[_Ask, Any, BaseException | None]
"""What was asked, its result, and why there is none."""


class _SqliteWriter:
    """The thread that owns SQLite's writing connection."""

    def __init__(
        self, url: sa.URL, subscribers: Mapping[str, Sequence[str]], tell: Callable[[Committed], None], meters: Meters
    ) -> None:
        self._engine = sa.create_engine(
            url.set(drivername="sqlite"), poolclass=StaticPool, hide_parameters=True, **JSON
        )
        prepare_sqlite(self._engine, begin="BEGIN IMMEDIATE")
        self._subscribers = subscribers
        self._tell = tell
        self._meters = meters
        self._asks: queue.SimpleQueue[_Ask | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._work, name="sqlite-writer", daemon=True)
        self._loop: asyncio.AbstractEventLoop | None = None

    async def start(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._thread.start()

    async def stop(self) -> None:
        self._asks.put(None)
        await asyncio.to_thread(self._thread.join)

    @property
    def waiting(self) -> int:
        return self._asks.qsize()

    async def run(self, fn: Callable[[Session], T]) -> T:
        answer: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        self._asks.put(_Ask(fn, answer))
        # The work goes on even if the caller is cancelled, and nobody waits for the answer then.
        return await answer

    def _work(self) -> None:
        running = True
        while running:
            asks: list[_Ask] = []
            ask = self._asks.get()
            while ask is not None:
                asks.append(ask)
                if len(asks) == BATCH:
                    break
                try:
                    ask = self._asks.get_nowait()
                except queue.Empty:
                    break
            else:
                running = False
            if asks:
                self._run_batch(asks)
        self._engine.dispose()

    def _run_batch(self, asks: Sequence[_Ask]) -> None:
        try:
            answers, committed = self._run_together(asks)
        except Exception as failure:
            if len(asks) > 1:
                answers, committed = self._run_apart(asks)
            else:
                answers, committed = [(asks[0], None, failure)], Committed()
        assert self._loop is not None
        self._loop.call_soon_threadsafe(self._answer, answers, committed)

    def _run_together(self, asks: Sequence[_Ask]) -> tuple[list[_Answer], Committed]:
        """All in one transaction. Raises what any of them raises; nothing of the batch is done then."""
        committed = Committed()
        answers: list[_Answer] = []
        with (
            self._engine.connect() as connection,
            connection.begin(),
            Session(connection, expire_on_commit=False, join_transaction_mode="rollback_only") as session,
        ):
            for ask in asks:
                session.info.clear()
                session.info["subscribers"] = self._subscribers
                answers.append((ask, ask.fn(session), None))
                session.flush()
                committed.gather(session)
                # To the next one the session is as good as new; making one costs more than most of them do.
                session.expunge_all()
            session.commit()
            crash.point("commit.before")
            began = time.perf_counter()
        crash.point("commit.after")
        self._meters.committed(len(asks), time.perf_counter() - began)
        return answers, committed

    def _run_apart(self, asks: Sequence[_Ask]) -> tuple[list[_Answer], Committed]:
        """Each in a savepoint of its own, because one of them fails and must not take the others with it."""
        committed = Committed()
        answers: list[_Answer] = []
        try:
            with self._engine.connect() as connection, connection.begin():
                for ask in asks:
                    answers.append((ask, *self._run_one(connection, ask, committed)))
        except Exception as failure:
            # The batch as a whole could not begin or commit: nothing of it is durable, and everyone hears so.
            logger.exception("a batch of %d writes was rolled back", len(asks))
            return [(ask, None, failure) for ask in asks], Committed()
        return answers, committed

    def _run_one(self, connection: sa.Connection, ask: _Ask, committed: Committed) -> tuple[Any, BaseException | None]:
        with Session(connection, expire_on_commit=False, join_transaction_mode="create_savepoint") as session:
            session.info["subscribers"] = self._subscribers
            try:
                result = ask.fn(session)
                session.commit()
            except Exception as failure:
                session.rollback()
                if not connection.in_transaction() or not _alive(connection):
                    raise
                return None, failure
            committed.gather(session)
            return result, None

    def _answer(self, answers: Sequence[_Answer], committed: Committed) -> None:
        self._tell(committed)
        for ask, result, failure in answers:
            if ask.answer.done():
                continue
            if failure is None:
                ask.answer.set_result(result)
            else:
                ask.answer.set_exception(failure)


class _PostgresWriters:
    """Threads that write, each on a connection of its own."""

    def __init__(self, url: sa.URL, subscribers: Mapping[str, Sequence[str]], meters: Meters, most: int) -> None:
        self._engine = sa.create_engine(_postgres(url), pool_size=most, max_overflow=0, **POSTGRES)
        self._threads = ThreadPoolExecutor(most, thread_name_prefix="postgres-writer")
        self._subscribers = subscribers
        self._meters = meters

    @property
    def pool(self) -> sa.Pool:
        return self._engine.pool

    async def run(self, fn: Callable[[Session], T]) -> tuple[T, Committed]:
        """One transaction: its result, and what it asked to be done."""
        here = contextvars.copy_context()
        return await asyncio.get_running_loop().run_in_executor(self._threads, here.run, self._write, fn)

    def close(self) -> None:
        """Take nothing more. A write that the server never answers is not waited for."""
        self._threads.shutdown(wait=False, cancel_futures=True)
        self._engine.dispose()

    def _write(self, fn: Callable[[Session], T]) -> tuple[T, Committed]:
        committed = Committed()
        with Session(self._engine, expire_on_commit=False) as session:
            session.info["subscribers"] = self._subscribers
            result = fn(session)
            crash.point("commit.before")
            began = time.perf_counter()
            session.commit()
            crash.point("commit.after")
            self._meters.committed(1, time.perf_counter() - began)
            committed.gather(session)
        return result, committed


def _postgres(url: sa.URL) -> sa.URL:
    return url.set(drivername="postgresql+psycopg")


def _alive(connection: sa.Connection) -> bool:
    """Whether SQLite still holds the transaction: some failures (disk full) roll all of it back by themselves."""
    return bool(connection.connection.driver_connection.in_transaction)  # type: ignore[union-attr]


def _sqlite_readers(url: sa.URL) -> AsyncEngine:
    engine = create_async_engine(
        url.set(drivername="sqlite+aiosqlite"), pool_size=4, max_overflow=4, hide_parameters=True, **JSON
    )
    prepare_sqlite(engine.sync_engine, begin="BEGIN", query_only=True)
    return engine


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
        pragmas += ["query_only=ON"] if query_only else ["journal_mode=WAL", "synchronous=FULL"]
        for pragma in pragmas:
            cursor.execute(f"PRAGMA {pragma}")
        cursor.close()

    @sa.event.listens_for(engine, "begin")
    def _(connection: sa.Connection) -> None:
        connection.exec_driver_sql(begin)
