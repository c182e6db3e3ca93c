"""Live notes inside one process: after each commit, ids of what changed go to whoever listens.

A note carries ids only; the reader fetches from SQL. A slow reader is told to resync instead of being waited for.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Iterator

from storage.database import Committed, Database
from storage.events import Note

DEPTH = 1000
"""How many notes a slow reader may lag behind before it must read everything anew."""


class Subscription:
    """One reader's queue. `get` returns the next notes; None means: notes were lost, read everything anew."""

    def __init__(self, wanted: Callable[[Note], bool]) -> None:
        self._wanted = wanted
        self._notes: list[Note] = []
        self._lost = False
        self._ready = asyncio.Event()

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
        return None if lost else notes

    def close(self) -> None:
        """Wake the reader with an empty list: the process is ending."""
        self._ready.set()


class LiveBus:
    """Spreads the notes of this process's commits."""

    def __init__(self, db: Database) -> None:
        self._readers: set[Subscription] = set()
        self.closing = False
        db.on_commit(self._committed)

    @property
    def readers(self) -> int:
        """How many are listening."""
        return len(self._readers)

    @contextlib.contextmanager
    def subscribe(self, wanted: Callable[[Note], bool]) -> Iterator[Subscription]:
        reader = Subscription(wanted)
        self._readers.add(reader)
        try:
            yield reader
        finally:
            self._readers.discard(reader)

    def close(self) -> None:
        """Wake every reader so that open streams end and the server can stop."""
        self.closing = True
        for reader in self._readers:
            reader.close()

    def _committed(self, committed: Committed) -> None:
        if committed.notes:
            for reader in self._readers:
                reader.offer(committed.notes)
