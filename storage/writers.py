"""Who writes: SQLite's one thread, whose callers share a commit, and PostgreSQL's, where only short writes do."""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
import logging
import queue
import threading
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeVar

import sqlalchemy as sa
from sqlalchemy.orm import Session

from kit import crash
from storage import events, hot
from storage.committed import Committed
from storage.engines import postgres_writing, sqlite_writing
from storage.meters import Meters

logger = logging.getLogger(__name__)

T = TypeVar("T")

WRITERS = 6
"""Writes of one process that may be under way on PostgreSQL, each on a connection of its own, beside those that short
writes share. A server has a hundred for all processes, unless it is told otherwise."""

SHORT_WRITERS = 2
"""While one of them waits for the server, the other uses the processor."""

BATCH = 256
"""The most functions that share one commit."""

SHORTLY_MS = 50
"""Milliseconds that a shared transaction waits for a row which another one holds."""


@dataclass(slots=True)
class _Ask:
    fn: Callable[[Session], Any]
    answer: asyncio.Future[Any]


_Answer = tuple[_Ask, Any, BaseException | None]
"""What was asked, its result, and why there is none."""


class _Together(ABC):
    """One thread with one connection, whose callers share a transaction: it takes whoever waits when it is free.

    Nobody is waited for, so alone each has a transaction of its own, and under load a commit serves many. `tell` is
    called on the event loop with what a transaction asked to be done, before its callers have their answers.
    """

    def __init__(
        self,
        engine: sa.Engine,
        name: str,
        subscribers: Mapping[str, Sequence[str]],
        tell: Callable[[Committed], None],
        meters: Meters,
    ) -> None:
        self._engine = engine
        self._subscribers = subscribers
        self._tell = tell
        self._meters = meters
        self._asks: queue.SimpleQueue[_Ask | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._work, name=name, daemon=True)
        self._loop: asyncio.AbstractEventLoop | None = None
        self._committing = False
        self._doing = 0

    @property
    def pool(self) -> sa.Pool:
        return self._engine.pool

    @property
    def waiting(self) -> int:
        return self._asks.qsize()

    async def run(self, fn: Callable[[Session], T]) -> T:
        if self._loop is None:
            self._loop = asyncio.get_running_loop()
            self._thread.start()
        answer: asyncio.Future[T] = self._loop.create_future()
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
                self._doing = len(asks)
                self._run_batch(asks)
                self._doing = 0
        self._engine.dispose()

    def _run_batch(self, asks: Sequence[_Ask]) -> None:
        try:
            answers, committed = self._run_together(asks)
        except Exception as failure:
            self._failed(asks, failure)
        else:
            self._answer(answers, committed)

    @abstractmethod
    def _failed(self, asks: Sequence[_Ask], failure: Exception) -> None:
        """Nothing of the batch is done; have those of it that can be done without the others."""

    def _run_together(self, asks: Sequence[_Ask]) -> tuple[list[_Answer], Committed]:
        """All in one transaction. Raises what any of them raises; nothing of the batch is done then."""
        committed = Committed()
        answers: list[_Answer] = []
        gathered: list[events.Gathered] = []
        self._committing = False
        with (
            self._engine.connect() as connection,
            connection.begin(),
            Session(connection, expire_on_commit=False, join_transaction_mode="rollback_only") as session,
        ):
            for ask in asks:
                session.info["subscribers"] = self._subscribers
                session.info["gathered"] = gathered
                answers.append((ask, ask.fn(session), None))
                session.flush()
                committed.gather(session)
                # To the next one the session is as good as new; making one costs more than most of them do.
                hot.begin_anew(session)
            events.write(session, gathered)
            session.commit()
            crash.point("commit.before")
            self._committing = True
            began = time.perf_counter()
        crash.point("commit.after")
        self._meters.committed(len(asks), time.perf_counter() - began)
        if committed.tidy:
            self._tidy()
        return answers, committed

    @abstractmethod
    def _tidy(self) -> None:
        """Leave nothing on the disk of what was overwritten, as far as it can be done between two transactions."""

    def _answer(self, answers: Sequence[_Answer], committed: Committed) -> None:
        assert self._loop is not None
        # A loop that is closed has nobody any more who waits for it.
        with contextlib.suppress(RuntimeError):
            self._loop.call_soon_threadsafe(self._tell_all, answers, committed)

    def _tell_all(self, answers: Sequence[_Answer], committed: Committed) -> None:
        self._tell(committed)
        for ask, result, failure in answers:
            if ask.answer.done():
                continue
            if failure is None:
                ask.answer.set_result(result)
            else:
                ask.answer.set_exception(failure)


class SqliteWriter(_Together):
    """The thread that owns SQLite's writing connection."""

    def __init__(
        self, url: sa.URL, subscribers: Mapping[str, Sequence[str]], tell: Callable[[Committed], None], meters: Meters
    ) -> None:
        super().__init__(sqlite_writing(url), "sqlite-writer", subscribers, tell, meters)

    async def stop(self) -> None:
        """End when all that was asked for is done."""
        if self._loop is not None:
            self._asks.put(None)
            await asyncio.to_thread(self._thread.join)
        else:
            self._engine.dispose()

    def _tidy(self) -> None:
        # Waits for readers as long as a write does, and else leaves the rest to the log's next beginning.
        with self._engine.connect() as connection:
            connection.connection.cursor().execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()

    def _failed(self, asks: Sequence[_Ask], failure: Exception) -> None:
        if len(asks) > 1:
            self._answer(*self._run_apart(asks))
        else:
            self._answer([(asks[0], None, failure)], Committed())

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


class PostgresWriters:
    """Threads that write, each on a connection of its own, and two whose short writes share theirs.

    `tell` is called on the event loop for what was written in a shared transaction; `run` gives it to its caller.
    """

    def __init__(
        self, url: sa.URL, subscribers: Mapping[str, Sequence[str]], tell: Callable[[Committed], None], meters: Meters
    ) -> None:
        self._engine = postgres_writing(url, most=WRITERS)
        self._threads = ThreadPoolExecutor(WRITERS, thread_name_prefix="postgres-writer")
        self._subscribers = subscribers
        self._meters = meters
        self._short = [_ShortWrites(url, self, subscribers, tell, meters) for _ in range(SHORT_WRITERS)]

    @property
    def pools(self) -> list[sa.Pool]:
        return [self._engine.pool, *(each.pool for each in self._short)]

    @property
    def waiting(self) -> int:
        return sum(each.waiting for each in self._short)

    async def run(self, fn: Callable[[Session], T]) -> tuple[T, Committed]:
        """One transaction: its result, and what it asked to be done."""
        here = contextvars.copy_context()
        return await asyncio.get_running_loop().run_in_executor(self._threads, here.run, self.write, fn)

    async def run_together(self, fn: Callable[[Session], T]) -> T:
        """The same in a transaction with others that wait at once; for what takes a few milliseconds."""
        return await min(self._short, key=lambda each: each.load).run(fn)

    def alone(self, act: Callable[[], None]) -> None:
        """Have a thread do it. Raises RuntimeError when the writers are closed."""
        self._threads.submit(act)

    def close(self) -> None:
        """Take nothing more. A write that the server never answers is not waited for."""
        for each in self._short:
            each.close()
        self._threads.shutdown(wait=False, cancel_futures=True)
        self._engine.dispose()

    def write(self, fn: Callable[[Session], T]) -> tuple[T, Committed]:
        """One transaction in the thread that calls."""
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


class _ShortWrites(_Together):
    """PostgreSQL's shared transactions.

    Many threads that each wait for the server spend more on handing Python from one to the other than on their
    statements. A row that somebody else holds stops all who share the transaction, so it is waited for SHORTLY alone;
    then, and when one of them fails, each goes on in a transaction of its own.
    """

    def __init__(
        self,
        url: sa.URL,
        writers: PostgresWriters,
        subscribers: Mapping[str, Sequence[str]],
        tell: Callable[[Committed], None],
        meters: Meters,
    ) -> None:
        engine = postgres_writing(url, most=1, lock_timeout_ms=SHORTLY_MS)
        super().__init__(engine, "postgres-short-writes", subscribers, tell, meters)
        self._writers = writers

    @property
    def load(self) -> int:
        """How many it has to do, with those that it is doing."""
        return self.waiting + self._doing

    def close(self) -> None:
        if self._loop is not None:
            self._asks.put(None)
        else:
            self._engine.dispose()

    def _failed(self, asks: Sequence[_Ask], failure: Exception) -> None:
        if self._committing:
            # The server may have taken it before its answer was lost: whether to do it again is for those who asked.
            self._answer([(ask, None, failure) for ask in asks], Committed())
            return
        for ask in asks:
            try:
                self._writers.alone(partial(self._alone, ask))
            except RuntimeError:
                self._answer([(ask, None, failure)], Committed())

    def _tidy(self) -> None:
        """The server does it, when it comes by."""

    def _alone(self, ask: _Ask) -> None:
        try:
            result, committed = self._writers.write(ask.fn)
        except Exception as failure:
            self._answer([(ask, None, failure)], Committed())
        else:
            self._answer([(ask, result, None)], committed)


def _alive(connection: sa.Connection) -> bool:
    """Whether SQLite still holds the transaction: some failures (disk full) roll all of it back by themselves."""
    return bool(connection.connection.driver_connection.in_transaction)  # type: ignore[union-attr]
