"""A second transaction that begins exactly before or after a named function of the first: no sleeping and no luck.

The rival runs in a thread of its own. The first goes on when the rival has ended, or when PostgreSQL says that it waits
for a lock. SQLite has one writer, so there a rival can only come before or after the whole.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from types import ModuleType
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from kit.errors import Refused

Act = Callable[[Session], Any]

NEVER = 30.0
"""Seconds after which a rival that neither ends nor waits counts as lost."""


class Rival:
    """Somebody else's transaction; what came of it is its value, or the class of its refusal."""

    def __init__(self, engine: sa.Engine, act: Act) -> None:
        self._engine, self._act = engine, act
        self._threads = ThreadPoolExecutor(1)
        self._pid = 0
        self._began = threading.Event()
        self._end: Future[Any] | None = None

    def begin(self) -> None:
        """Start, once, and return when it has ended or waits for a lock."""
        if self._end is not None:
            return
        self._end = self._threads.submit(self._run)
        assert self._began.wait(NEVER)
        patience = time.monotonic() + NEVER
        with self._engine.connect() as watcher:
            while not self._end.done():
                wait = sa.text("SELECT wait_event_type FROM pg_stat_activity WHERE pid = :pid")
                if watcher.scalar(wait, {"pid": self._pid}) == "Lock":
                    return
                watcher.rollback()
                assert time.monotonic() < patience, "the rival neither ends nor waits"

    def came(self) -> Any:
        assert self._end is not None, "the rival was never begun"
        try:
            return self._end.result(NEVER)
        finally:
            self._threads.shutdown()

    def _run(self) -> Any:
        with Session(self._engine, expire_on_commit=False) as session:
            self._pid = session.scalar(sa.text("SELECT pg_backend_pid()")) or 0
            self._began.set()
            return finished(session, self._act)


def finished(session: Session, act: Act) -> Any:
    """Do it and commit; the value, or the class of the refusal."""
    try:
        came = act(session)
    except Refused as refused:
        session.rollback()
        return type(refused)
    session.commit()
    return came


@contextmanager
def at(module: ModuleType, name: str, rival: Rival, *, before: bool) -> Iterator[None]:
    """While inside, the first call of this function lets the rival begin, right before it or right after it."""
    real = getattr(module, name)

    def met(*args: Any, **kwargs: Any) -> Any:
        setattr(module, name, real)
        if before:
            rival.begin()
        try:
            return real(*args, **kwargs)
        finally:
            if not before:
                rival.begin()

    setattr(module, name, met)
    try:
        yield
    finally:
        setattr(module, name, real)
