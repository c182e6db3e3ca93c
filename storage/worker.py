"""The worker: takes lanes and runs their jobs.

A lane is taken by a conditional update that raises its epoch, kept by a lease that is renewed while work goes on,
and released when nothing in it is due. What a dead worker held is free again when its lease is over, and at once
if no other worker lives (storage.presence). Every transaction that closes a job first updates the lane's row where the
epoch is still ours, so a worker that comes back from the dead cannot commit; on PostgreSQL the same row lock makes a
concurrent ring wait, so no ring is lost between "empty" and "released". A sweep finds due jobs on free lanes: lost
rings, crashed owners, back-offs and delayed work are all the same case. Among several workers each sweeps up its own
share of the lanes first (storage.bells).
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, cast

import orjson
from sqlalchemy.orm import Session

from kit import crash
from kit.clock import now_ms
from storage import jobs, lanes
from storage.bells import Bell, Silent
from storage.committed import Committed
from storage.database import Database
from storage.jobs import Again, Effect, Handlers, Job, Step
from storage.presence import Alone, AmongOthers, Presence

logger = logging.getLogger(__name__)

LEASE = timedelta(seconds=30)
"""How long a taken lane stays ours without a sign of life."""

KEEP_RESULT = 60.0
"""Seconds for which the result of a call is kept while the database cannot take it."""

SLOTS = 64
"""How many lanes one process works at a time."""

STEPS_AT_ONCE = 32
"""How many pure database jobs of one lane may share a transaction."""


class Fenced(Exception):
    """Another worker took the lane over: nothing of this one may be committed any more."""


@dataclass(frozen=True, slots=True)
class _Taken:
    """An effect that was remembered and waits for its call."""

    lane: str
    epoch: int
    job: Job
    effect: Effect[Any, Any]
    memo: Any


@dataclass(frozen=True, slots=True)
class _Outcome:
    """How the call ended."""

    taken: _Taken
    result: Any = None
    failure: Exception | None = None


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
        self._handlers = handlers
        self._bell = bell or Silent()
        self._lease_ms = int(lease.total_seconds() * 1000)
        self._most = slots
        self._slots = asyncio.Semaphore(slots)
        self._passed_over: set[str] = set()
        self._look = asyncio.Event()
        self.swept_at = time.monotonic()
        """When the work was last looked for, by time.monotonic."""
        self._drains: dict[str, asyncio.Task[None]] = {}
        self._rung_again: set[str] = set()
        self._held: dict[str, int] = {}
        self._calling: set[str] = set()
        self._timed: set[str] = set()
        self._lone_calls: set[asyncio.Task[_Outcome]] = set()
        self._ticks: list[asyncio.Task[None]] = []
        self._stopping = False
        self._presence: Presence = Alone() if db.is_sqlite else AmongOthers(db.engine)
        db.on_commit(self._committed)

    @property
    def kinds(self) -> frozenset[str]:
        """The kinds of jobs that it can run."""
        return frozenset(self._handlers)

    async def start(self) -> None:
        """Begin to sweep. Leases that dead workers left are void at once if no other worker lives."""
        if await self._presence.announce():
            await self._db.write(lanes.void_leases)
            await self._presence.share()
        self._ticks = [asyncio.create_task(self._sweep()), asyncio.create_task(self._keep_leases())]

    async def stop(self, *, within: float = 15.0) -> None:
        """Take nothing new, let the calls that run end, release the lanes; others go on with them."""
        self._stopping = True
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
        if self._stopping:
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

    def go_on(self, session: Session) -> None:
        """Work the lanes that this transaction rang, in it and as far as they are prompt and free.

        What a handler raises goes through: the caller's transaction is then to be run again without this.
        """
        if self._stopping:
            return
        rings: dict[str, str] = session.info.get("rings", {})
        tried: set[str] = set()
        while lane := next((name for name in rings if name not in tried and self._is_prompt(rings[name])), None):
            tried.add(lane)
            now = now_ms()
            handler = self._handlers[rings[lane]]
            if isinstance(handler, Effect) and handler.once:
                del rings[lane]
                self._call_once(session, lane)
                continue
            # A step ends in this transaction, for which the row's lock is enough; an effect's call outlives it.
            held = isinstance(handler, Effect)
            until = now + self._lease_ms if held else 0
            epoch = None if lane in self._calling else self._take(session, lane, now, until)
            if epoch is not None:
                # Nobody need be told of it; what rings it again from here on does so anew.
                del rings[lane]
                taken = self._run(session, lane, epoch, now, held=held, careful=False)
                if taken is not None:
                    session.info.setdefault("started", []).append(taken)

    def _call_once(self, session: Session, lane: str) -> None:
        """Take what is worth trying once; its order does not matter, so its lane is not taken."""
        for id_, kind, payload, attempts, created_ms in lanes.TAKE_ALL.rows(session, name=lane):
            self._begin(session, Job(id_, lane, kind, orjson.loads(payload), attempts, created_ms), 0, careful=False)

    def _is_prompt(self, kind: str) -> bool:
        handler = self._handlers.get(kind)
        return handler is not None and handler.prompt

    def _committed(self, committed: Committed) -> None:
        for taken in committed.started:
            if taken.effect.once:
                call = asyncio.create_task(self._call(taken))
                self._lone_calls.add(call)
                call.add_done_callback(self._lone_calls.discard)
                continue
            self._drains[taken.lane] = asyncio.create_task(self._drain(taken.lane, taken))
        if self._stopping or len(self._drains) >= self._most:
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

    async def _drain(self, lane: str, taken: _Taken | None = None) -> None:
        if taken is not None:
            self._held[lane] = taken.epoch
        try:
            # What was begun already does not wait for those who have not begun, and is ended by one who is leaving.
            async with self._slots if taken is None else contextlib.nullcontext():
                if taken is not None or not self._stopping:
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

    async def _work_through(self, lane: str, taken: _Taken | None) -> None:
        if taken is None:
            taken = await self._advance(lane, None)
        while taken is not None:
            self._held[lane] = taken.epoch
            crash.point("job.claimed")
            self._calling.add(lane)
            try:
                outcome = await self._call(taken)
            finally:
                self._calling.discard(lane)
            crash.point("job.called")
            taken = await self._advance(lane, outcome)
            crash.point("job.recorded")

    async def _call(self, taken: _Taken) -> _Outcome:
        try:
            return _Outcome(taken, result=await taken.effect.call(taken.memo))
        except Exception as failure:
            logger.exception("job %d %s failed", taken.job.id, taken.job.kind)
            return _Outcome(taken, failure=failure)

    async def _advance(self, lane: str, outcome: _Outcome | None) -> _Taken | None:
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

    async def _advance_once(self, lane: str, outcome: _Outcome | None) -> _Taken | None:
        """The same, in one transaction.

        First as if nothing could fail; if a handler does, once more with each in a savepoint of its own, so that its
        failure is counted and nothing else is lost. Savepoints cost more than what most handlers do.
        """
        try:
            return await self._db.write(self._turn, lane, outcome, careful=False)
        except Exception as failure:
            if isinstance(failure, Fenced) or lanes.database_is_gone(failure):
                raise
        return await self._db.write(self._turn, lane, outcome, careful=True)

    def _turn(self, session: Session, lane: str, outcome: _Outcome | None, *, careful: bool) -> _Taken | None:
        """One transaction: close what was called, run the pure jobs that follow, take the next effect or let go."""
        now = now_ms()
        if outcome is None:
            epoch = self._take(session, lane, now, now + self._lease_ms)
            if epoch is None:
                return None
        else:
            epoch = outcome.taken.epoch
            # Let go at once, for mostly nothing follows; the row stays locked until the commit.
            if not lanes.KEEP.run(session, name=lane, mine=epoch, until=0):
                raise Fenced(lane)
            self._settle(session, outcome, careful)
        taken = self._run(session, lane, epoch, now, held=outcome is None, careful=careful)
        if not careful:
            self.go_on(session)
        return taken

    def _take(self, session: Session, lane: str, now: int, until: int) -> int | None:
        """Make the lane ours if it is free: `until` then, or 0 for as long as this transaction. Gives the epoch."""
        row = lanes.TAKE.row(session, name=lane, now=now, until=until)
        if row is None:
            # A lane that was pruned and opened anew must not begin with an epoch that some sleeper still holds.
            row = lanes.OPEN.row(session, name=lane, until=until, first=now)
        return None if row is None else int(row[0])

    def _run(self, session: Session, lane: str, epoch: int, now: int, *, held: bool, careful: bool) -> _Taken | None:
        """Run what is due in our lane up to the next effect that needs a call, or let go of it.

        `held` says whether the lane's row has our lease or was let go in this transaction already.
        """
        rings: dict[str, str] = session.info.setdefault("rings", {})
        heads = lanes.HEADS.rows(session, name=lane)
        for _ in range(0 if self._stopping else STEPS_AT_ONCE):
            if not heads or heads[0][4] > now:
                break
            id_, kind, payload, attempts, _due, created_ms = heads[0]
            taken = self._begin(
                session, Job(id_, lane, kind, orjson.loads(payload), attempts, created_ms), epoch, careful
            )
            if taken is not None:
                if not held:
                    lanes.KEEP.run(session, name=lane, mine=epoch, until=now + self._lease_ms)
                return taken
            # Nothing more is known to wait, unless the job itself has put something.
            alone = len(heads) == 1 and lane not in rings
            heads = [] if alone else lanes.HEADS.rows(session, name=lane)
        else:
            jobs.ring(session, lane, "")
        if held:
            lanes.KEEP.run(session, name=lane, mine=epoch, until=0)
        return None

    def _begin(self, session: Session, job: Job, epoch: int, careful: bool) -> _Taken | None:
        """Run a step to its end, or remember an effect. None when the job needs nothing more now."""
        if not careful:
            taken = self._handle(session, job, epoch)
        else:
            try:
                with session.begin_nested():
                    taken = self._handle(session, job, epoch)
            except Exception as failure:
                if lanes.database_is_gone(failure):
                    raise
                logger.exception("job %d %s failed", job.id, job.kind)
                lanes.fail(session, job, failure)
                return None
        if isinstance(taken, Again):
            lanes.put_off(session, job, taken)
            return None
        if taken is None:
            lanes.close(session, job)
        elif taken.effect.once:
            lanes.close(session, job)
            session.info.setdefault("started", []).append(taken)
            return None
        return taken

    def _handle(self, session: Session, job: Job, epoch: int) -> _Taken | Again | None:
        handler = self._handlers.get(job.kind)
        if handler is None:
            raise LookupError(f"no handler for {job.kind}")
        memo = None
        if isinstance(handler, Step):
            handler.run(session, job)
        else:
            memo = handler.remember(session, job)
        session.flush()
        if isinstance(memo, Again):
            return memo
        return None if memo is None else _Taken(job.lane, epoch, job, cast(Effect[Any, Any], handler), memo)

    def _settle(self, session: Session, outcome: _Outcome, careful: bool) -> None:
        job = outcome.taken.job
        if outcome.failure is not None:
            lanes.fail(session, job, outcome.failure)
            return
        if not careful:
            again = self._record(session, outcome)
        else:
            try:
                with session.begin_nested():
                    again = self._record(session, outcome)
            except Exception as failure:
                if lanes.database_is_gone(failure):
                    raise
                logger.exception("job %d %s could not be recorded", job.id, job.kind)
                lanes.fail(session, job, failure)
                return
        if again is None:
            lanes.close(session, job)
        else:
            lanes.put_off(session, job, again)

    def _record(self, session: Session, outcome: _Outcome) -> Again | None:
        taken = outcome.taken
        again = taken.effect.record(session, taken.job, taken.memo, outcome.result)
        session.flush()
        return again

    async def _sweep(self) -> None:
        while True:
            try:
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
