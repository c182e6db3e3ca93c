"""What the worker does inside a transaction: take a lane, run its jobs up to the next call, close them, let go.

Everything here is plain and synchronous on a Session. `storage.worker` calls it, makes the calls outside and comes
back with how they ended.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, cast

import orjson
from sqlalchemy.orm import Session

from kit.clock import now_ms
from storage import jobs, lanes
from storage.jobs import Again, Effect, Handlers, Job, New, Step

logger = logging.getLogger(__name__)

STEPS_AT_ONCE = 32
"""How many pure database jobs of one lane may share a transaction."""


class Fenced(Exception):
    """Another worker took the lane over: nothing of this one may be committed any more."""


@dataclass(frozen=True, slots=True)
class _Ours:
    """A lane that we hold: whether a job waits in it, or the only one, which this transaction has put."""

    epoch: int
    waits: bool
    first: Job | None = None


@dataclass(frozen=True, slots=True)
class Taken:
    """An effect that was remembered and waits for its call."""

    lane: str
    epoch: int
    job: Job
    effect: Effect[Any, Any]
    memo: Any


@dataclass(frozen=True, slots=True)
class Outcome:
    """How the call ended."""

    taken: Taken
    result: Any = None
    failure: Exception | None = None


class Turns:
    """The lanes of one process, from inside its transactions. `lease_ms` is how long a lane is ours for a call."""

    def __init__(self, handlers: Handlers, lease_ms: int) -> None:
        self.handlers = handlers
        self.stopping = False
        """Nothing new is begun any more."""
        self.calling: set[str] = set()
        """Lanes whose call is under way in this process, until the transaction that records it: a clock that jumps
        ahead ends leases, and must not let one of us take what another of us is about to close."""
        self._lease_ms = lease_ms

    def take_in(self, session: Session, new: Sequence[New]) -> None:
        """Put jobs and go on with them: one whose lane is free and empty is done before it is ever seen to wait.

        What a handler raises goes through, as in `go_on`.
        """
        for each in new:
            if not self._do_now(session, each):
                jobs.put(session, each.kind, each.payload, lane=each.lane, dedup_key=each.dedup_key)
        self.go_on(session)

    def _do_now(self, session: Session, new: New) -> bool:
        handler = self.handlers.get(new.kind)
        if self.stopping or not isinstance(handler, Step) or not handler.prompt or new.lane in self.calling:
            return False
        # The row's lock is enough for what ends in this transaction.
        taken = self._take(session, new.lane, now_ms(), 0)
        if taken is None or taken.waits:
            return False
        job = jobs.add_done(session, new)
        if job is not None:
            self._handle(session, job, taken.epoch)
        return True

    def go_on(self, session: Session) -> None:
        """Work the lanes that this transaction rang, in it and as far as they are prompt and free.

        What a handler raises goes through: the caller's transaction is then to be run again without this.
        """
        if self.stopping:
            return
        rings: dict[str, str] = session.info.get("rings", {})
        tried: set[str] = set()
        while lane := next((name for name in rings if name not in tried and self._is_prompt(rings[name])), None):
            tried.add(lane)
            now = now_ms()
            handler = self.handlers[rings[lane]]
            if isinstance(handler, Effect) and handler.once:
                del rings[lane]
                self._call_once(session, lane)
                continue
            # A step ends in this transaction, for which the row's lock is enough; an effect's call outlives it.
            held = isinstance(handler, Effect)
            until = now + self._lease_ms if held else 0
            put = jobs.just_put(session, lane)
            ours = None if lane in self.calling else self._take(session, lane, now, until, put)
            if ours is not None:
                # Nobody need be told of it; what rings it again from here on does so anew.
                del rings[lane]
                taken = self._run(session, lane, ours, now, held=held, careful=False)
                if taken is not None:
                    session.info.setdefault("started", []).append(taken)

    def _call_once(self, session: Session, lane: str) -> None:
        """Take what is worth trying once; its order does not matter, so its lane is not taken."""
        for id_, kind, payload, attempts, created_ms in lanes.TAKE_ALL.rows(session, name=lane):
            self._begin(session, Job(id_, lane, kind, orjson.loads(payload), attempts, created_ms), 0, careful=False)

    def _is_prompt(self, kind: str) -> bool:
        handler = self.handlers.get(kind)
        return handler is not None and handler.prompt

    def turn(self, session: Session, lane: str, outcome: Outcome | None, *, careful: bool) -> Taken | None:
        """One transaction: close what was called, run the pure jobs that follow, take the next effect or let go."""
        now = now_ms()
        if outcome is None:
            ours = self._take(session, lane, now, now + self._lease_ms)
            if ours is None:
                return None
        else:
            epoch = outcome.taken.epoch
            self.calling.discard(lane)
            # Let go at once, for mostly nothing follows; the row stays locked until the commit.
            if not lanes.KEEP.run(session, name=lane, mine=epoch, until=0):
                raise Fenced(lane)
            ours = _Ours(epoch, waits=self._settle(session, outcome, careful))
        taken = self._run(session, lane, ours, now, held=outcome is None, careful=careful)
        if not careful:
            self.go_on(session)
        return taken

    def _take(self, session: Session, lane: str, now: int, until: int, put: Job | None = None) -> _Ours | None:
        """Make the lane ours if it is free: `until` then, or 0 for as long as this transaction.

        `put` is what this transaction has put there: the first job, if nothing waits beside it.
        """
        known = 0 if put is None else put.id
        row = lanes.TAKE.row(session, name=lane, now=now, until=until, known=known)
        if row is None:
            # A lane that was pruned and opened anew must not begin with an epoch that some sleeper still holds.
            row = lanes.OPEN.row(session, name=lane, until=until, first=now, known=known)
        if row is None:
            return None
        return _Ours(int(row[0]), waits=bool(row[1]), first=None if row[1] else put)

    def _run(self, session: Session, lane: str, ours: _Ours, now: int, *, held: bool, careful: bool) -> Taken | None:
        """Run what is due in our lane up to the next effect that needs a call, or let go of it.

        `held` says whether the lane's row has our lease or was let go in this transaction already.
        """
        job, waits = ours.first, ours.waits
        for _ in range(0 if self.stopping else STEPS_AT_ONCE):
            job = job or (_head(session, lane, now) if waits else None)
            if job is None:
                break
            taken, waits = self._begin(session, job, ours.epoch, careful)
            if taken is not None:
                if not held:
                    lanes.KEEP.run(session, name=lane, mine=ours.epoch, until=now + self._lease_ms)
                return taken
            job = None
        else:
            jobs.ring(session, lane, "")
        if held:
            lanes.KEEP.run(session, name=lane, mine=ours.epoch, until=0)
        return None

    def _begin(self, session: Session, job: Job, epoch: int, careful: bool) -> tuple[Taken | None, bool]:
        """Run a step to its end, or remember an effect: None when the job needs nothing more now.

        And whether something waits in the lane then.
        """
        jobs.begun(session, job)
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
                return None, True
        if isinstance(taken, Again):
            lanes.put_off(session, job, taken)
            return None, True
        if taken is None:
            return None, lanes.close(session, job)
        if taken.effect.once:
            session.info.setdefault("started", []).append(taken)
            return None, lanes.close(session, job)
        return taken, True

    def _handle(self, session: Session, job: Job, epoch: int) -> Taken | Again | None:
        handler = self.handlers.get(job.kind)
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
        return None if memo is None else Taken(job.lane, epoch, job, cast(Effect[Any, Any], handler), memo)

    def _settle(self, session: Session, outcome: Outcome, careful: bool) -> bool:
        """Record how the call ended. Whether something waits in the lane then."""
        job = outcome.taken.job
        if outcome.failure is not None:
            lanes.fail(session, job, outcome.failure)
            return True
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
                return True
        if again is None:
            return lanes.close(session, job)
        lanes.put_off(session, job, again)
        return True

    def _record(self, session: Session, outcome: Outcome) -> Again | None:
        taken = outcome.taken
        again = taken.effect.record(session, taken.job, taken.memo, outcome.result)
        session.flush()
        return again


def _head(session: Session, lane: str, now: int) -> Job | None:
    """The lane's first job, if it is due."""
    row = lanes.HEAD.row(session, name=lane)
    if row is None or row[4] > now:
        return None
    id_, kind, payload, attempts, due, created_ms, put_off_ms = row
    paused_ms = max(0, due - put_off_ms) if put_off_ms is not None else 0
    return Job(id_, lane, kind, orjson.loads(payload), attempts, created_ms, paused_ms)
