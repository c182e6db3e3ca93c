"""Looking at what the provider says of a payment. Webhooks, the poller and the buyer's pages only ask for a look.

Any number of hints becomes one look: a job's key holds the moment at which the last look began, so hints that come
before it begins join it, and one that comes later puts exactly one more.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from kit import crash
from kit.clock import utc_now
from payments import accounts, applying, charging, questions, refunding
from payments.accounts import Providers
from payments.patience import again
from payments.providers.base import (
    Notice,
    NoticeKind,
    OutcomeUnknown,
    PaymentState,
    ProviderPayment,
    ProviderRefund,
    ProviderRefused,
    ProviderUnavailable,
)
from payments.states import State
from payments.tables import Payment, PaymentAccount, Refund
from storage import jobs
from storage.jobs import Again, Effect, Job
from storage.tables import Job as JobRow

logger = logging.getLogger(__name__)

LOOK = "payment.look"
STRAY = "payment.stray"

NOT_SOONER = timedelta(milliseconds=300)
"""The least time between two looks at one payment, however many hints come."""

STRAYS_EVERY = timedelta(seconds=2)
"""How often an account's unknown ids are asked about at most: anyone can make up a notification."""

MOST_STRAYS = 15
"""How many unknown ids of an account may wait to be asked about."""

IN_DOUBT = timedelta(days=2)
"""How long a payment whose making was not confirmed may still turn up."""

GIVE_UP = timedelta(minutes=10)
"""How long a look is tried again; afterwards the poller comes back to it."""

Answer = ProviderPayment | ProviderRefund | ProviderRefused | ProviderUnavailable | OutcomeUnknown


def put_look(session: Session, payment: Payment) -> bool:
    """Have the provider asked about the payment soon. False if nothing can be learnt, or a look is coming anyway."""
    if payment.provider_id is None or payment.state == State.PAID:
        return False
    last = payment.checked_at
    key = f"{LOOK}:{payment.id}:{last.isoformat() if last else 'first'}"
    # A look that lies ahead was taken before the clock was set back: nothing is to be waited for then.
    wait = last is not None and timedelta(0) <= utc_now() - last < NOT_SOONER
    return jobs.put(
        session,
        LOOK,
        {"payment_id": payment.id},
        lane=charging.lane(payment.id),
        dedup_key=key,
        run_at=last + NOT_SOONER if last and wait else None,
    )


def is_coming(session: Session, payment_id: int) -> bool:
    """Whether the provider is being asked about the payment, or will be at once."""
    query = sa.select(JobRow.id).where(JobRow.lane == charging.lane(payment_id), JobRow.state == "ready")
    return session.scalar(query.limit(1)) is not None


def hint(session: Session, account_id: int, notice: Notice) -> bool:
    """Somebody says that something happened at the provider. It may be a lie, so it decides only what to look at.

    False if there is no time to look at it now: the provider has to say it again later.
    """
    if notice.kind is NoticeKind.REFUND:
        refund = session.scalar(
            sa.select(Refund)
            .join(Payment, Payment.id == Refund.payment_id)
            .where(Payment.account_id == account_id, Refund.provider_id == notice.provider_id)
        )
        if refund is not None:
            put_refund_look(session, refund)
            return True
    else:
        payment = _bound(session, account_id, notice.provider_id)
        if payment is not None:
            put_look(session, payment)
            return True
        if not _awaits_binding(session, account_id):
            return True
    return _put_stray(session, account_id, notice)


def put_refund_look(session: Session, refund: Refund) -> bool:
    """Have the provider asked about a refund under way, now or, if that was done this very second, in the next one."""
    if refund.provider_id is None or refund.done_at is not None:
        return False
    return _put_in_slot(
        session,
        refunding.LOOK,
        {"refund_id": refund.id},
        lane=charging.lane(refund.payment_id),
        name=f"{refunding.LOOK}:{refund.id}",
        every=timedelta(seconds=1),
        slots=2,
    )


def _put_stray(session: Session, account_id: int, notice: Notice) -> bool:
    """Ask about an id that we do not know, when its turn comes. False if too many wait."""
    return _put_in_slot(
        session,
        STRAY,
        {"account_id": account_id, "provider_id": notice.provider_id, "kind": notice.kind.value},
        lane=f"stray:{account_id}",
        name=f"{STRAY}:{account_id}",
        every=STRAYS_EVERY,
        slots=MOST_STRAYS,
    )


def _put_in_slot(
    session: Session, kind: str, payload: Mapping[str, Any], *, lane: str, name: str, every: timedelta, slots: int
) -> bool:
    """Put the job into the first free one of the coming slots of time. False if none of them is free."""
    first = int(utc_now().timestamp() / every.total_seconds())
    for slot in range(first, first + slots):
        begins = datetime.fromtimestamp(slot * every.total_seconds(), UTC)
        run_at = None if slot == first else begins
        if jobs.put(session, kind, payload, lane=lane, dedup_key=f"{name}:{slot}", run_at=run_at):
            return True
    return False


def _bound(session: Session, account_id: int, provider_id: str) -> Payment | None:
    return session.scalar(
        sa.select(Payment).where(Payment.account_id == account_id, Payment.provider_id == provider_id)
    )


def _awaits_binding(session: Session, account_id: int) -> bool:
    """Whether a payment of this account may exist at the provider without our knowing its id there."""
    query = sa.select(Payment.id).where(
        Payment.account_id == account_id, Payment.provider_id.is_(None), Payment.created_at > utc_now() - IN_DOUBT
    )
    return session.scalar(query.limit(1)) is not None


@dataclass(frozen=True, slots=True)
class Question:
    account_id: int
    provider_id: str
    about: NoticeKind = NoticeKind.PAYMENT


class Look:
    """Fetch a payment and apply what it is now."""

    def __init__(self, providers: Providers) -> None:
        self._providers = providers

    @property
    def effect(self) -> Effect[Question, Answer]:
        return Effect(self._remember, self._call, self._record)

    @property
    def stray(self) -> Effect[Question, Answer]:
        return Effect(self._remember_stray, self._call, self._record_stray)

    @property
    def refund(self) -> Effect[Question, Answer]:
        return Effect(self._remember_refund, self._call, self._record_refund)

    def _remember(self, session: Session, job: Job) -> Question | None:
        payment = session.get_one(Payment, job.payload["payment_id"])
        if payment.provider_id is None or payment.state == State.PAID:
            return None
        if session.get_one(PaymentAccount, payment.account_id).provider == accounts.MANUAL:
            return None
        # Hints from now on mean another look: the answer to this one may be older than they are.
        payment.checked_at = utc_now()
        return Question(payment.account_id, payment.provider_id)

    async def _call(self, question: Question) -> Answer:
        try:
            provider = await self._providers.of(question.account_id)
            if question.about is NoticeKind.REFUND:
                return await provider.fetch_refund(question.provider_id)
            seen = await provider.fetch(question.provider_id)
            crash.point("payment.after_look")
            return seen
        except (ProviderRefused, ProviderUnavailable, OutcomeUnknown) as failure:
            return failure

    def _record(self, session: Session, job: Job, question: Question, answer: Answer) -> Again | None:
        if isinstance(answer, ProviderPayment):
            applying.apply(session, job.payload["payment_id"], answer)
            return None
        return _later(job, answer)

    # A refund under way

    def _remember_refund(self, session: Session, job: Job) -> Question | None:
        refund = session.get_one(Refund, job.payload["refund_id"])
        if refund.provider_id is None or refund.done_at is not None:
            return None
        payment = session.get_one(Payment, refund.payment_id)
        return Question(payment.account_id, refund.provider_id, NoticeKind.REFUND)

    def _record_refund(self, session: Session, job: Job, question: Question, answer: Answer) -> Again | None:
        if isinstance(answer, ProviderRefund):
            refunding.apply_refund(session, job.payload["refund_id"], answer)
            return None
        return _later(job, answer)

    # Something that we do not know yet: the answer to our call was lost, or the shop used the provider's cabinet

    def _remember_stray(self, session: Session, job: Job) -> Question:
        return Question(job.payload["account_id"], job.payload["provider_id"], NoticeKind(job.payload["kind"]))

    def _record_stray(self, session: Session, job: Job, question: Question, answer: Answer) -> Again | None:
        if isinstance(answer, ProviderPayment):
            self._recognise(session, question, answer)
        elif isinstance(answer, ProviderRefund):
            payment = _bound(session, question.account_id, answer.payment_id)
            if payment is not None and payment.state == State.PAID:
                if refunding.is_being_asked(session, payment):
                    # The answer to our own call is not known yet: this may be that very refund.
                    return again(job)
                refunding.adopt(session, payment, answer)
        elif not isinstance(answer, ProviderRefused):
            return _later(job, answer)
        return None

    def _recognise(self, session: Session, question: Question, seen: ProviderPayment) -> None:
        """A payment of ours carries our token in what it brings along."""
        payment = session.scalar(sa.select(Payment).where(Payment.token == seen.metadata.get("payment", "")))
        if payment is None or payment.account_id != question.account_id:
            return
        if payment.provider_id in (None, seen.provider_id):
            applying.apply(session, payment.id, seen)
        elif seen.state is PaymentState.PAID:
            order, payment = charging.lock(session, payment.id)
            kind = questions.Kind.SECOND_PAYMENT
            questions.ask(session, order, payment, kind, seen.paid, f"{seen.provider_id}: paid besides this payment")


def _later(job: Job, answer: Answer) -> Again | None:
    logger.warning("job %d %s: %s", job.id, job.kind, answer)
    if isinstance(answer, ProviderRefused) or job.waited > GIVE_UP:
        return None
    return again(job)
