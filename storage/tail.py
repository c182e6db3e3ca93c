"""The end of the event log, as several processes write it.

PostgreSQL gives numbers out before it commits, so a lower number may come to light after a higher one, and whoever
asks only for what is above the last number he saw misses it. Here every number that was passed over is remembered
until its row appears, or until no transaction that could still bring it is running. Below `settled` nothing can
appear any more: that is a place from which a reader can safely go on, in this process or another.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy.orm import Session

from storage.database import Database
from storage.events import Note
from storage.tables import EventRow

logger = logging.getLogger(__name__)

CATCH_UP = 1.0
"""Seconds between looks when nobody rings."""

GRACE = 5.0
"""Seconds that a missing number is waited for before it is asked which transactions are still running. A number is
drawn a moment before its transaction can be seen to run."""

MOST_MISSING = 1000
"""More numbers than this are never missing for good reason: a gap that is wider is stepped over."""

AT_ONCE = 1000


@dataclass(slots=True)
class _Missing:
    since: float
    horizon: int | None = None
    """When all transactions below this are over, the number was drawn in vain."""


class Numbers:
    """Which numbers have been seen, and how far there is no hole."""

    def __init__(self, settled: int = 0) -> None:
        self.settled = settled
        self.top = settled
        self._seen: set[int] = set()
        self._missing: dict[int, _Missing] = {}

    @property
    def missing(self) -> list[int]:
        return list(self._missing)

    def knows(self, number: int) -> bool:
        return number <= self.settled or number in self._seen

    def see(self, number: int, now: float) -> bool:
        """Note a number. False if it was seen before, or counts as settled."""
        if self.knows(number):
            return False
        if number - self.top > MOST_MISSING:
            self._step_over(number - MOST_MISSING)
        for passed in range(self.top + 1, number):
            self._missing[passed] = _Missing(now)
        self._missing.pop(number, None)
        self._seen.add(number)
        self.top = max(self.top, number)
        self._settle()
        return True

    def bury(self, now: float, oldest_running: int, next_one: int) -> None:
        """Give up numbers that no running transaction can bring: for those that were just looked for in vain.

        `oldest_running` and `next_one` are transactions' numbers, read before the look.
        """
        for number, missing in list(self._missing.items()):
            if missing.horizon is None:
                if now - missing.since >= GRACE:
                    missing.horizon = next_one
            elif oldest_running >= missing.horizon:
                del self._missing[number]
        self._settle()

    def _step_over(self, upto: int) -> None:
        logger.warning("events %d to %d are stepped over", self.settled + 1, upto)
        self._missing.clear()
        self._seen.clear()
        self.settled = self.top = upto

    def _settle(self) -> None:
        self.settled = min(self._missing, default=self.top + 1) - 1
        if self._seen:
            self._seen = {number for number in self._seen if number > self.settled}


class Tail:
    """Follows the log and tells what is new, each event once."""

    def __init__(self, db: Database, tell: Callable[[list[Note]], None]) -> None:
        self._db = db
        self._tell = tell
        self._numbers = Numbers()
        self._news = asyncio.Event()
        self._following: asyncio.Task[None] | None = None
        self.looked_at = time.monotonic()

    @property
    def settled(self) -> int:
        return self._numbers.settled

    async def start(self) -> None:
        """Begin at the end. Numbers that are missing shortly before it are waited for."""
        newest, known = await self._db.read(_end)
        self._numbers = Numbers(max(0, newest - MOST_MISSING))
        now = time.monotonic()
        for number in known:
            self._numbers.see(number, now)
        self._following = asyncio.create_task(self._follow())

    async def stop(self) -> None:
        if self._following is not None:
            self._following.cancel()
            await asyncio.gather(self._following, return_exceptions=True)

    def heard(self, events: Sequence[int] | None) -> None:
        """Somebody says that these are there; None: look for yourself."""
        if events is None or not all(self._numbers.knows(number) for number in events):
            self._news.set()

    def fresh(self, notes: Sequence[Note]) -> list[Note]:
        """Those of this process's own notes that were not read from the log before."""
        now = time.monotonic()
        if any(note.event_id - self._numbers.top > MOST_MISSING for note in notes):
            # Far behind the others: what lies between must be read first, and these come with it.
            self._news.set()
            return []
        return [note for note in notes if self._numbers.see(note.event_id, now)]

    async def _follow(self) -> None:
        complained = False
        while True:
            try:
                while await self._look() == AT_ONCE:
                    """There is more."""
                complained = False
            except Exception as failure:
                if not complained:
                    logger.warning("the event log could not be read: %s", type(failure).__name__)
                complained = True
            self.looked_at = time.monotonic()
            try:
                async with asyncio.timeout(CATCH_UP):
                    await self._news.wait()
            except TimeoutError:
                continue
            finally:
                self._news.clear()

    async def _look(self) -> int:
        oldest, following, notes = await self._db.read(_read, self._numbers.top, self._numbers.missing)
        now = time.monotonic()
        fresh = [note for note in notes if self._numbers.see(note.event_id, now)]
        if len(notes) < AT_ONCE:
            self._numbers.bury(now, oldest, following)
        if fresh:
            self._tell(fresh)
        return len(notes)


def _end(session: Session) -> tuple[int, list[int]]:
    newest = session.scalar(sa.select(sa.func.max(EventRow.id))) or 0
    near = sa.select(EventRow.id).where(EventRow.id > newest - MOST_MISSING, EventRow.id <= newest)
    return newest, list(session.scalars(near.order_by(EventRow.id)))


def _read(session: Session, top: int, missing: Sequence[int]) -> tuple[int, int, list[Note]]:
    """The transactions that run, and after that what has come to light: each statement sees a later state."""
    running = sa.text(
        "SELECT pg_snapshot_xmin(it)::text::bigint, pg_snapshot_xmax(it)::text::bigint FROM pg_current_snapshot() AS it"
    )
    oldest, following = session.execute(running).one()
    rows = session.execute(
        sa.select(EventRow.id, EventRow.kind, EventRow.shop_id, EventRow.payload)
        .where(sa.or_(EventRow.id > top, EventRow.id.in_(missing)))
        .order_by(EventRow.id)
        .limit(AT_ONCE)
    )
    return oldest, following, [Note(*row) for row in rows]
