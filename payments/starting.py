"""Making a payment at the provider, and ending one there: effects around the provider's calls."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy.orm import Session

from kit import crash
from kit.clock import utc_now
from payments import applying, charging
from payments.accounts import Providers
from payments.patience import KEY_LIVES, again
from payments.providers.base import Charge, OutcomeUnknown, ProviderPayment, ProviderRefused, ProviderUnavailable
from payments.states import State
from payments.tables import Payment
from storage.jobs import Again, Effect, Job

logger = logging.getLogger(__name__)

NEVER_MADE = "never_made"
"""The reason of a payment that the provider does not know after its key has died."""

_CLOCKS = timedelta(minutes=10)
"""How far the provider's clock may be from ours."""

Answer = ProviderPayment | ProviderRefused | ProviderUnavailable | OutcomeUnknown | None


@dataclass(frozen=True, slots=True)
class Creation:
    """A call to make. With `only_find` the key may be forgotten at the provider, so nothing is created any more."""

    account_id: int
    charge: Charge
    token: str
    created_at: datetime
    only_find: bool


@dataclass(frozen=True, slots=True)
class Cancellation:
    account_id: int
    provider_id: str
    key: str


class Start:
    """Create the payment at the provider. Whatever happens to the answer, the same key is used again."""

    def __init__(self, providers: Providers, public_url: str) -> None:
        self._providers = providers
        self._public_url = public_url

    @property
    def effect(self) -> Effect[Creation, Answer]:
        return Effect(self._remember, self._call, self._record)

    def _remember(self, session: Session, job: Job) -> Creation | None:
        payment = session.get_one(Payment, job.payload["payment_id"])
        if payment.state != State.NEW or payment.provider_id is not None:
            return None
        return Creation(
            account_id=payment.account_id,
            charge=charging.charge(session, payment, self._public_url),
            token=payment.token,
            created_at=payment.created_at,
            only_find=max(utc_now() - payment.created_at, job.waited) > KEY_LIVES,
        )

    async def _call(self, creation: Creation) -> Answer:
        try:
            provider = await self._providers.of(creation.account_id)
            if not creation.only_find:
                crash.point("payment.before_create")
                made = await provider.create(creation.charge)
                crash.point("payment.after_create")
                return made
            found = await provider.find("payment", creation.token, since=creation.created_at - _CLOCKS)
            return found[0] if found else None
        except (ProviderRefused, ProviderUnavailable, OutcomeUnknown) as failure:
            return failure

    def _record(self, session: Session, job: Job, creation: Creation, answer: Answer) -> Again | None:
        payment_id: int = job.payload["payment_id"]
        if isinstance(answer, ProviderPayment):
            applying.apply(session, payment_id, answer)
            return None
        if isinstance(answer, ProviderUnavailable | OutcomeUnknown):
            logger.warning("payment %d: %s", payment_id, answer)
            return again(job)
        order, payment = charging.lock(session, payment_id)
        if payment.state == State.NEW and payment.provider_id is None:
            logger.error("payment %d was not made: %s", payment_id, answer or NEVER_MADE)
            reason = str(answer) if answer else NEVER_MADE
            charging.change(session, order, payment, State.CANCELLED, actor="payment", reason=reason)
        return None


class Cancel:
    """Have the provider end a payment that is replaced: held money goes back, a link dies if the provider can."""

    def __init__(self, providers: Providers) -> None:
        self._providers = providers

    @property
    def effect(self) -> Effect[Cancellation, Answer]:
        return Effect(self._remember, self._call, self._record)

    def _remember(self, session: Session, job: Job) -> Cancellation | None:
        payment = session.get_one(Payment, job.payload["payment_id"])
        if payment.state != State.REPLACED or payment.provider_id is None:
            return None
        # Another occasion is another operation: the first may have been refused.
        key = f"{payment.key[:32]}-{job.payload['occasion']}"
        return Cancellation(payment.account_id, payment.provider_id, key)

    async def _call(self, cancellation: Cancellation) -> Answer:
        try:
            provider = await self._providers.of(cancellation.account_id)
            crash.point("payment.before_cancel")
            return await provider.cancel(cancellation.provider_id, key=cancellation.key)
        except (ProviderRefused, ProviderUnavailable, OutcomeUnknown) as failure:
            return failure

    def _record(self, session: Session, job: Job, cancellation: Cancellation, answer: Answer) -> Again | None:
        if isinstance(answer, ProviderPayment):
            applying.apply(session, job.payload["payment_id"], answer)
        if isinstance(answer, ProviderUnavailable | OutcomeUnknown):
            return again(job)
        # Many providers refuse this for a link that is merely unpaid: it expires there, and is watched till then.
        return None
