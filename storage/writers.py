"""Who writes: SQLite's one thread, whose callers share a commit, and PostgreSQL's, with a transaction for each."""

from __future__ import annotations

import asyncio
import contextvars
import logging
import queue
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, TypeVar

import sqlalchemy as sa
from sqlalchemy.orm import Session

from kit import crash
from storage.committed import Committed
from storage.engines import postgres_writing, sqlite_writing
from storage.meters import Meters

logger = logging.getLogger(__name__)

T = TypeVar("T")

WRITERS = 8
"""Writes of one process that may be under way on PostgreSQL, each on a connection of its own. A server has a hundred
for all processes, unless it is told otherwise."""

BATCH = 256
"""The most functions that share one commit."""


@dataclass(slots=True)
class _Ask:
    fn: Callable[[Session], Any]
    answer: asyncio.Future[Any]


_Answer = tuple[_Ask, Any, BaseException | None]
"""What was asked, its result, and why there is none."""


class SqliteWriter:
    """The thread that owns SQLite's writing connection."""

    def __init__(
        self, url: sa.URL, subscribers: Mapping[str, Sequence[str]], tell: Callable[[Committed], None], meters: Meters
    ) -> None:
        self._engine = sqlite_writing(url)
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


class PostgresWriters:
    """Threads that write, each on a connection of its own."""

    def __init__(self, url: sa.URL, subscribers: Mapping[str, Sequence[str]], meters: Meters) -> None:
        self._engine = postgres_writing(url, most=WRITERS)
        self._threads = ThreadPoolExecutor(WRITERS, thread_name_prefix="postgres-writer")
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


def _alive(connection: sa.Connection) -> bool:
    """Whether SQLite still holds the transaction: some failures (disk full) roll all of it back by themselves."""
    return bool(connection.connection.driver_connection.in_transaction)  # type: ignore[union-attr]
