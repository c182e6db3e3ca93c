"""The worker: takes lanes and runs their jobs.

A lane is taken by a conditional update that raises its epoch, kept by a lease that is renewed while work goes on,
and released when nothing in it is due. What a dead worker held is free again when its lease is over, and at once
if no other worker lives (storage.presence). Every transaction that closes a job first updates the lane's row where the
epoch is still ours, so a worker that comes back from the dead cannot commit. A sweep finds due jobs on free lanes: lost
rings, crashed owners, back-offs and delayed work are all the same case. Among several workers each sweeps up its own
share of the lanes first (storage.bells). What happens inside transactions is in storage.turns.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import Iterable, Sequence
from datetime import timedelta
from typing import Any

from sqlalchemy.orm import Session

from kit import crash
from kit.clock import now_ms
from storage import lanes
from storage.bells import Bell, Silent
from storage.committed import Committed
from storage.database import Database
from storage.jobs import Handlers, New
from storage.presence import Alone, AmongOthers, Presence
from storage.turns import Fenced, Outcome, Taken, Turns

logger = logging.getLogger(__name__)

LEASE = timedelta(seconds=30)
"""How long a taken lane stays ours without a sign of life."""

KEEP_RESULT = 60.0
"""Seconds for which the result of a call is kept while the database cannot take it."""

SLOTS = 64
"""How many lanes one process works at a time."""


class Worker:
    """Runs the jobs of one process. `start` after the database, `stop` before it.

    Work that this process puts it begins itself, at once. With other workers about, `bell` divides the rest.
    """

    def __init__(
        self,
        db: Database,
        handlers: Handlers,
        *,
        slots: int = SLOTS,
        lease: timedelta = LEASE,
        bell: Bell | None = None,
    ) -> None:
        self._db = db
        self._bell = bell or Silent()
        self._lease_ms = int(lease.total_seconds() * 1000)
        self._ahead_since = 0.0
        """Since when, by time.monotonic, lanes are leased for too long; 0 while none is."""
        self._turns = Turns(handlers, self._lease_ms)
        self._most = slots
        self._slots = asyncio.Semaphore(slots)
        self._passed_over: set[str] = set()
        self._look = asyncio.Event()
        self.swept_at = time.monotonic()
        """When the work was last looked for, by time.monotonic."""
        self._drains: dict[str, asyncio.Task[None]] = {}
        self._rung_again: set[str] = set()
        self._held: dict[str, int] = {}
        self._timed: set[str] = set()
        self._lone_calls: set[asyncio.Task[Outcome]] = set()
        self._ticks: list[asyncio.Task[None]] = []
        self._presence: Presence = Alone() if db.is_sqlite else AmongOthers(db.engine)
        db.on_commit(self._committed)

    @property
    def kinds(self) -> frozenset[str]:
        """The kinds of jobs that it can run."""
        return frozenset(self._turns.handlers)

    async def start(self) -> None:
        """Begin to sweep. Leases that dead workers left are void at once if no other worker lives."""
        if await self._presence.announce():
            await self._db.write(lanes.void_leases)
            await self._presence.share()
        self._ticks = [asyncio.create_task(self._sweep()), asyncio.create_task(self._keep_leases())]

    async def stop(self, *, within: float = 15.0) -> None:
        """Take nothing new, let the calls that run end, release the lanes; others go on with them."""
        self._turns.stopping = True
        self._bell.retire()
        for tick in self._ticks:
            tick.cancel()
        left_over: set[str] = set()
        end = time.monotonic() + within
        with contextlib.suppress(TimeoutError):
            # A transaction that is under way may still bring a call to be made.
            async with asyncio.timeout(within / 3):
                await self._db.quiet()
        while (running := self._running()) and (left := end - time.monotonic()) > 0:
            left_over |= self._drains.keys()
            await asyncio.wait(running, timeout=left)
        held, late = dict(self._held), self._running()
        for task in late:
            task.cancel()
        await asyncio.gather(*late, return_exceptions=True)
        if held:
            try:
                await self._db.write(lanes.release, held)
            except Exception:
                logger.exception("the lanes could not be released; their leases end by themselves")
        self._bell.ring(left_over)
        await asyncio.gather(*self._ticks, return_exceptions=True)
        await self._presence.leave()

    def _running(self) -> list[asyncio.Task[Any]]:
        return [*self._drains.values(), *self._lone_calls]

    def ring(self, lanes: Iterable[str]) -> None:
        """Say that these lanes have work. A doubled or lost ring does no harm."""
        if self._turns.stopping:
            return
        for lane in lanes:
            if lane in self._drains:
                self._rung_again.add(lane)
            else:
                self._drains[lane] = asyncio.create_task(self._drain(lane))

    def heard(self, lanes: Sequence[str] | None) -> None:
        """Another process rings; None: it may have rung unheard, look for yourself."""
        if lanes is None:
            self._look.set()
        else:
            self.ring(lanes)

    async def idle(self, *, within: float = 30.0) -> None:
        """Wait until no job is due or running: for tests and orderly ends."""
        async with asyncio.timeout(within):
            while True:
                due = await self._db.read(lanes.anything_due)
                if not due and not self._drains:
                    return
                await asyncio.sleep(0.01)

    def take_in(self, session: Session, new: Sequence[New]) -> None:
        """Put jobs, and work them in the caller's transaction as far as they are prompt and their lanes are free.

        What a handler raises goes through: the caller's transaction is then to be run again without this.
        """
        self._turns.take_in(session, new)

    def _committed(self, committed: Committed) -> None:
        for taken in committed.started:
            if taken.effect.once:
                call = asyncio.create_task(self._call(taken))
                self._lone_calls.add(call)
                call.add_done_callback(self._lone_calls.discard)
                continue
            self._drains[taken.lane] = asyncio.create_task(self._drain(taken.lane, taken))
        if self._turns.stopping or len(self._drains) >= self._most:
            # Somebody else may have a free hand. Whoever comes second finds the lane taken.
            self._bell.ring(committed.rings)
        self.ring(committed.rings)
        for lane, after in committed.later.items():
            self._ring_later(lane, after)

    def _ring_later(self, lane: str, after: float) -> None:
        """To the moment, where the sweep would come up to a half second late and find many at once."""
        if lane not in self._timed:
            self._timed.add(lane)
            asyncio.get_running_loop().call_later(after, self._time_has_come, lane)

    def _time_has_come(self, lane: str) -> None:
        self._timed.discard(lane)
        self.ring([lane])

    async def _drain(self, lane: str, taken: Taken | None = None) -> None:
        if taken is not None:
            self._held[lane] = taken.epoch
        try:
            # What was begun already does not wait for those who have not begun, and is ended by one who is leaving.
            async with self._slots if taken is None else contextlib.nullcontext():
                if taken is not None or not self._turns.stopping:
                    await self._work_through(lane, taken)
        except Fenced:
            logger.warning("lane %s was taken over by another worker", lane)
        except asyncio.CancelledError:
            raise
        except Exception:
            logger.exception("lane %s stopped; the sweep will come back to it", lane)
        finally:
            if self._drains.get(lane) is asyncio.current_task():
                del self._drains[lane]
                self._held.pop(lane, None)
                if lane in self._rung_again:
                    self._rung_again.discard(lane)
                    self.ring([lane])

    async def _work_through(self, lane: str, taken: Taken | None) -> None:
        if taken is None:
            taken = await self._advance(lane, None)
        while taken is not None:
            self._held[lane] = taken.epoch
            crash.point("job.claimed")
            self._turns.calling.add(lane)
            try:
                outcome = await self._call(taken)
                crash.point("job.called")
                taken = await self._advance(lane, outcome)
            finally:
                self._turns.calling.discard(lane)
            crash.point("job.recorded")

    async def _call(self, taken: Taken) -> Outcome:
        try:
            return Outcome(taken, result=await taken.effect.call(taken.memo))
        except Exception as failure:
            logger.exception("job %d %s failed", taken.job.id, taken.job.kind)
            return Outcome(taken, failure=failure)

    async def _advance(self, lane: str, outcome: Outcome | None) -> Taken | None:
        """Close what was called and go on to the lane's next effect.

        A ring says what is committed, so a transaction that begins after it sees its work.

        What a call has done is known nowhere else, so its result waits for a database that is away for a while.
        """
        until = time.monotonic() + (KEEP_RESULT if outcome is not None else 0.0)
        while True:
            self._rung_again.discard(lane)
            try:
                return await self._advance_once(lane, outcome)
            except Exception as failure:
                if not lanes.database_is_gone(failure) or time.monotonic() > until:
                    raise
                logger.warning("the result of a call in %s cannot be recorded yet: %s", lane, type(failure).__name__)
            await asyncio.sleep(lanes.SWEEP)

    async def _advance_once(self, lane: str, outcome: Outcome | None) -> Taken | None:
        """The same, in one transaction.

        First as if nothing could fail; if a handler does, once more with each in a savepoint of its own, so that its
        failure is counted and nothing else is lost. Savepoints cost more than what most handlers do.
        """
        try:
            # What a prompt effect's call has brought is written as shortly as it was remembered.
            write = self._db.write_short if outcome is not None and outcome.taken.effect.prompt else self._db.write
            return await write(self._turns.turn, lane, outcome, careful=False)
        except Exception as failure:
            if isinstance(failure, Fenced) or lanes.database_is_gone(failure):
                raise
        return await self._db.write(self._turns.turn, lane, outcome, careful=True)

    async def _sweep(self) -> None:
        while True:
            try:
                await self._mend_time()
                found, now = await self._db.read(lanes.due_lanes), now_ms()
                self.ring(self._for_us([lane for lane, due in found if due <= now]))
                for lane, due in found:
                    if due > now and self._bell.concerns(lane):
                        self._ring_later(lane, (due - now) / 1000)
            except Exception:
                logger.exception("the sweep failed; it will try again")
            self.swept_at = time.monotonic()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(lanes.SWEEP):
                    await self._look.wait()
            self._look.clear()

    async def _mend_time(self) -> None:
        """What was dated before the clock was set back is no promise any more."""
        jobs_wait, leased = await self._db.read(lanes.dated_ahead)
        if jobs_wait:
            logger.warning("the clock was set back: what was put off is tried again at once")
            await self._db.write(lanes.hasten)
        if not leased:
            self._ahead_since = 0.0
        elif not self._ahead_since:
            self._ahead_since = time.monotonic()
        elif time.monotonic() - self._ahead_since > self._lease_ms / 1000:
            logger.warning("the clock was set back: lanes of workers that are gone are free")
            await self._db.write(lanes.end_leases_ahead)

    def _for_us(self, due: Sequence[str]) -> list[str]:
        """Our lanes, and what another worker has left lying for a whole round: it is dead or has no hand free."""
        ours = [lane for lane in due if lane in self._passed_over or self._bell.concerns(lane)]
        self._passed_over = set(due).difference(ours)
        return ours

    async def _keep_leases(self) -> None:
        while True:
            await asyncio.sleep(self._lease_ms / 3000)
            await self._presence.renew()
            if self._held:
                with contextlib.suppress(Exception):
                    await self._db.write(lanes.renew, dict(self._held), self._lease_ms)
