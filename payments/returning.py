"""Returning money at the provider: the effect around its call."""

from __future__ import annotations

import logging
from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy.orm import Session

from kit import crash
from kit.clock import utc_now
from kit.money import Money
from payments import fiscal, refunding
from payments.accounts import Providers
from payments.patience import KEY_LIVES, again
from payments.providers.base import (
    OutcomeUnknown,
    ProviderRefund,
    ProviderRefused,
    ProviderUnavailable,
    Receipt,
)
from payments.states import RefundStage
from payments.tables import Payment, Refund
from storage.jobs import Again, Effect, Job

logger = logging.getLogger(__name__)

Answer = ProviderRefund | ProviderRefused | ProviderUnavailable | OutcomeUnknown


@dataclass(frozen=True, slots=True)
class Return:
    """A call to make. With `look_first` the key may be forgotten there, so it is searched for among `known` others."""

    account_id: int
    provider_id: str
    amount: Money
    key: str
    reason: str
    receipt: Receipt | None
    look_first: bool
    known: frozenset[str]


class GiveBack:
    def __init__(self, providers: Providers) -> None:
        self._providers = providers

    @property
    def effect(self) -> Effect[Return, Answer]:
        return Effect(self._remember, self._call, self._record)

    def _remember(self, session: Session, job: Job) -> Return | None:
        refund = session.get_one(Refund, job.payload["refund_id"])
        payment = session.get_one(Payment, refund.payment_id)
        if refund.state != RefundStage.NEW or payment.provider_id is None:
            return None
        known = session.scalars(
            sa.select(Refund.provider_id).where(Refund.payment_id == payment.id, Refund.provider_id.is_not(None))
        )
        return Return(
            account_id=payment.account_id,
            provider_id=payment.provider_id,
            amount=Money(refund.amount, payment.currency),
            key=refund.key,
            reason=refund.reason,
            receipt=fiscal.load(refund.receipt, payment.currency) if refund.receipt else None,
            look_first=max(utc_now() - refund.created_at, job.waited) > KEY_LIVES,
            known=frozenset(filter(None, known)),
        )

    async def _call(self, wanted: Return) -> Answer:
        try:
            provider = await self._providers.of(wanted.account_id)
            if wanted.look_first:
                for found in await provider.refunds_of(wanted.provider_id):
                    if found.amount == wanted.amount and found.provider_id not in wanted.known:
                        return found
            crash.point("refund.before_call")
            made = await provider.refund(
                wanted.provider_id, wanted.amount, key=wanted.key, reason=wanted.reason, receipt=wanted.receipt
            )
            crash.point("refund.after_call")
            return made
        except (ProviderRefused, ProviderUnavailable, OutcomeUnknown) as failure:
            return failure

    def _record(self, session: Session, job: Job, wanted: Return, answer: Answer) -> Again | None:
        refund_id: int = job.payload["refund_id"]
        if isinstance(answer, ProviderRefund):
            refunding.apply_refund(session, refund_id, answer)
            return None
        if isinstance(answer, ProviderRefused):
            logger.error("refund %d was refused: %s", refund_id, answer)
            refunding.fail(session, refund_id, str(answer))
            return None
        logger.warning("refund %d: %s", refund_id, answer)
        return again(job)
