"""Around every handler of jobs: its ids for the log, its outcome for the meters, signs of life of what it calls."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy.orm import Session

from bot.channels.base import Broken, ChannelError, NotSent, Unconfirmed
from inbox.events import MessageChanged
from kit import log
from kit.clock import now_ms
from operation.pulse import Pulse
from operation.tables import Side
from payments import charging, looking, refunding
from payments.providers.base import OutcomeUnknown, ProviderError, ProviderRefused, ProviderUnavailable
from storage.committed import after_commit
from storage.jobs import Again, Effect, Handler, Handlers, Job, Step
from storage.lanes import MAX_ATTEMPTS
from storage.meters import Meters

HANDLE, DELIVER = "incoming.handle", "message.deliver"

DELIVERIES = (DELIVER, "message.mail")
"""Kinds of jobs that bring one message to its buyer."""

SIDES: Mapping[str, Side] = {
    DELIVER: Side.CHANNEL,
    "message.mail": Side.CHANNEL,
    "message.edit": Side.CHANNEL,
    "channel.check": Side.CHANNEL,
    charging.START: Side.PROVIDER,
    charging.CANCEL: Side.PROVIDER,
    looking.LOOK: Side.PROVIDER,
    looking.STRAY: Side.PROVIDER,
    refunding.REFUND: Side.PROVIDER,
    refunding.LOOK: Side.PROVIDER,
}
"""Kinds of jobs that call somebody outside."""

DOWN = (NotSent, Unconfirmed, Broken, ProviderUnavailable, OutcomeUnknown)
"""Failures that say something of the other side or of the way there; any other is an answer to one request."""

KEYS_REFUSED = ("invalid_credentials", "forbidden")
"""A provider's words for a shop that it does not let in."""

PROVIDER_WORDS: Mapping[type[ProviderError], str] = {
    ProviderUnavailable: "no connection",
    ProviderRefused: "the provider refuses our key",
}

IDS = frozenset(
    {"account_id", "conversation_id", "customer_id", "message_id"} | {"order_id", "payment_id", "refund_id", "shop_id"}
)

MOST_AWAITED = 10_000
"""Chats whose reply's time is being taken."""


@dataclass(frozen=True, slots=True)
class Watch:
    meters: Meters
    pulse: Pulse

    def over(self, handlers: Handlers) -> dict[str, Handler]:
        """The same handlers, watched."""
        awaited = _Awaited(self.meters)
        return {kind: self._watched(handler, awaited) for kind, handler in handlers.items()}

    def _watched(self, handler: Handler, awaited: _Awaited) -> Handler:
        if isinstance(handler, Step):
            return self._step(handler, awaited)
        if isinstance(handler, Effect):
            return self._effect(handler, awaited)
        return handler

    def _step(self, step: Step, awaited: _Awaited) -> Step:
        def run(session: Session, job: Job) -> None:
            with _Run(self, job, session):
                step.run(session, job)
            lanes = awaited.lanes(session) if job.kind == HANDLE else ()

            def count() -> None:
                self.ended(job, "done")
                if job.kind == HANDLE:
                    self.meters.handled.observe((now_ms() - job.created_ms) / 1000)
                    awaited.begin(lanes, job)

            after_commit(session, count)

        return replace(step, run=run)

    def _effect(self, effect: Effect[Any, Any], awaited: _Awaited) -> Effect[Any, Any]:
        def remember(session: Session, job: Job) -> Any:
            known = _noted(session)
            with _Run(self, job, session):
                memo = effect.remember(session, job)
            self._settled(session, job, known)
            if memo is None or effect.once:
                # One that is tried once closes as it begins.
                after_commit(session, lambda: self.ended(job, "done"))
            return memo if memo is None or isinstance(memo, Again) else (job, memo)

        async def call(remembered: Any) -> Any:
            job, memo = remembered
            with _Run(self, job):
                result = await effect.call(memo)
            self._called(job, memo, result)
            return result

        def record(session: Session, job: Job, remembered: Any, result: Any) -> Again | None:
            known = _noted(session)
            with _Run(self, job, session):
                again = effect.record(session, job, remembered[1], result)
            self._settled(session, job, known)

            def count() -> None:
                self.ended(job, "again" if again is not None else "done")
                if job.kind == DELIVER and isinstance(result, str):
                    self.meters.sent.observe((now_ms() - job.created_ms) / 1000)
                    awaited.end(job)

            after_commit(session, count)
            return again

        return replace(effect, remember=remember, call=call, record=record)

    def _settled(self, session: Session, job: Job, known: int) -> None:
        """Count the state that the job's message has come to since so many notes were known."""
        if job.kind in DELIVERIES and _noted(session) > known:
            for note in session.info["notes"][known:]:
                if note.kind == MessageChanged.kind and note.payload["message_id"] == job.payload["message_id"]:
                    after_commit(session, self.meters.messages.labels(str(note.payload["delivery"])).inc)

    def ended(self, job: Job, outcome: str) -> None:
        self.meters.jobs.labels(job.kind, outcome).inc()

    def _called(self, job: Job, memo: Any, result: Any) -> None:
        side = SIDES.get(job.kind)
        account_id = getattr(memo, "account_id", None)
        if isinstance(result, ChannelError | ProviderError):
            where = side or (Side.CHANNEL if isinstance(result, ChannelError) else Side.PROVIDER)
            self.meters.outside_errors.labels(where, account_id or "", type(result).__name__).inc()
        if side is None or account_id is None:
            return
        if _is_down(result):
            self.pulse.failed(side, account_id, _words(result))
        else:
            self.pulse.reached(side, account_id)


class _Run:
    """Around one run of a job: its ids stand in the log, and a failure is counted.

    One inside a transaction counts if that commits: the worker runs it once more where it does not.
    """

    __slots__ = ("_bound", "_job", "_session", "_watch")

    def __init__(self, watch: Watch, job: Job, session: Session | None = None) -> None:
        self._watch, self._job, self._session = watch, job, session
        ids = {name: value for name, value in job.payload.items() if name in IDS}
        self._bound = log.bound(job=job.id, kind=job.kind, lane=job.lane, **ids)

    def __enter__(self) -> None:
        self._bound.__enter__()

    def __exit__(self, kind: type[BaseException] | None, failure: BaseException | None, _: object) -> None:
        self._bound.__exit__()
        if not isinstance(failure, Exception):
            return
        watch, job = self._watch, self._job
        outcome = "dead" if job.attempts + 1 >= MAX_ATTEMPTS else "failed"
        if self._session is not None:
            after_commit(self._session, lambda: watch.ended(job, outcome))
        else:
            watch.ended(job, outcome)


def _noted(session: Session) -> int:
    """How many notes this transaction has made so far."""
    return len(session.info.get("notes", ()))


def _is_down(result: Any) -> bool:
    return isinstance(result, DOWN) or (isinstance(result, ProviderRefused) and result.code in KEYS_REFUSED)


def _words(failure: Any) -> str:
    """For the owner: what a library says of a provider's line is for engineers, and in the log."""
    if isinstance(failure, ProviderError):
        return next((words for kind, words in PROVIDER_WORDS.items() if isinstance(failure, kind)), "no proper answer")
    return str(failure) or type(failure).__name__


class _Awaited:
    """When the events were stored whose replies are on their way, by the lane of the reply."""

    def __init__(self, meters: Meters) -> None:
        self._meters = meters
        self._stored: dict[str, int] = {}

    def lanes(self, session: Session) -> Sequence[str]:
        """The lanes that handling the event has put messages into are its chat's."""
        return [lane for lane in session.info.get("rings", ()) if lane.startswith("out:")]

    def begin(self, lanes: Sequence[str], job: Job) -> None:
        for lane in lanes:
            if lane not in self._stored and len(self._stored) < MOST_AWAITED:
                self._stored[lane] = job.created_ms

    def end(self, job: Job) -> None:
        stored = self._stored.pop(job.lane, None)
        if stored is not None:
            self._meters.replied.observe((now_ms() - stored) / 1000)
