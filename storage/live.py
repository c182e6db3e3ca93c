"""Live notes: after each commit, ids of what changed go to whoever listens in this process.

A note carries ids only; the reader fetches from SQL. A slow reader is told to resync instead of being waited for.
Where other processes write too, their notes are read from the event log (storage.tail).
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Callable, Iterator, Sequence

from storage.committed import Committed
from storage.database import Database
from storage.events import Note
from storage.tail import Tail

DEPTH = 1000
"""How many notes a slow reader may lag behind before it must read everything anew."""


class Subscription:
    """One reader's queue. `get` returns the next notes; None means: notes were lost, read everything anew.

    `position` is an event up to which everything has been given out, so a reader can go on from there in any
    process; None where numbers come in the order of commits anyway, and each note is such a place.
    """

    def __init__(self, wanted: Callable[[Note], bool], settled: Callable[[], int | None]) -> None:
        self._wanted = wanted
        self._settled = settled
        self._notes: list[Note] = []
        self._lost = False
        self._ready = asyncio.Event()
        self.position = settled()

    def offer(self, notes: list[Note]) -> None:
        wanted = [note for note in notes if self._wanted(note)]
        if not wanted:
            return
        if len(self._notes) + len(wanted) > DEPTH:
            self._notes.clear()
            self._lost = True
        else:
            self._notes += wanted
        self._ready.set()

    async def get(self) -> list[Note] | None:
        await self._ready.wait()
        self._ready.clear()
        notes, lost = self._notes, self._lost
        self._notes, self._lost = [], False
        self.position = self._settled()
        return None if lost else notes

    def wake(self) -> None:
        """Have `get` return, with no notes if there are none: something else is to be looked at."""
        self._ready.set()


class LiveBus:
    """Spreads the notes of this process's commits and, once started, those of every other process."""

    def __init__(self, db: Database) -> None:
        self._readers: set[Subscription] = set()
        self._tail = None if db.is_sqlite else Tail(db, self._offer)
        self._started = False
        self.closing = False
        db.on_commit(self._committed)

    @property
    def readers(self) -> int:
        """How many are listening."""
        return len(self._readers)

    async def start(self) -> None:
        """Follow what others commit. One process on SQLite has no others."""
        if self._tail is not None:
            await self._tail.start()
            self._started = True

    async def stop(self) -> None:
        self.close()
        if self._tail is not None:
            await self._tail.stop()

    @property
    def settled(self) -> int | None:
        """The event up to which nothing can come to light any more; None where that is simply the last one."""
        return self._tail.settled if self._tail is not None and self._started else None

    @property
    def looked_at(self) -> float:
        """When the log was last looked at, by time.monotonic."""
        return self._tail.looked_at if self._tail is not None and self._started else time.monotonic()

    def heard(self, events: Sequence[int] | None) -> None:
        """Another process says what it committed; None: look for yourself."""
        if self._tail is not None:
            self._tail.heard(events)

    @contextlib.contextmanager
    def subscribe(self, wanted: Callable[[Note], bool]) -> Iterator[Subscription]:
        reader = Subscription(wanted, lambda: self.settled)
        self._readers.add(reader)
        try:
            yield reader
        finally:
            self._readers.discard(reader)

    def close(self) -> None:
        """Wake every reader so that open streams end and the server can stop."""
        self.closing = True
        for reader in self._readers:
            reader.wake()

    def _committed(self, committed: Committed) -> None:
        if committed.notes:
            started = self._tail is not None and self._started
            self._offer(self._tail.fresh(committed.notes) if self._tail and started else committed.notes)

    def _offer(self, notes: list[Note]) -> None:
        for reader in self._readers:
            reader.offer(notes)
