"""Jobs of the machinery itself: what follows from a job's death, and looking whether a channel still reaches us."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.orm import Session

from bot.channels.base import Broken, Channel, ChannelError, Checkable, Checkup
from company import accounts
from company.tables import ChannelAccount
from kit.clock import utc_now
from operation import deciding, pulse, rounds
from operation.tables import AccountPulse, Side
from storage import jobs
from storage.jobs import Effect, Handler, Job, Step
from storage.tables import Job as JobRow

logger = logging.getLogger(__name__)

DIED = "job.died"
CHECK = "channel.check"

CHECK_EVERY = timedelta(minutes=5)

AFTER_TROUBLE = timedelta(minutes=1)
"""How soon a channel is looked at again that was not in order."""


@dataclass(frozen=True, slots=True)
class _Errand:
    account_id: int


def handlers(channel_of: Callable[[int], Channel]) -> dict[str, Handler]:
    async def call(errand: _Errand) -> Checkup | ChannelError:
        try:
            channel = channel_of(errand.account_id)
            return await channel.check() if isinstance(channel, Checkable) else Checkup()
        except ChannelError as failure:
            return failure

    return {DIED: Step(_died), CHECK: Effect(_remember, call, _record)}


def put_checks(session: Session, now: datetime) -> None:
    """Have every account that others call be looked at, once in CHECK_EVERY however often this is called."""
    slot = int(now.timestamp() / CHECK_EVERY.total_seconds())
    for account in accounts.channels(session):
        if account.settings.get("receive") == "webhook":
            _put(session, account.id, f"{slot}", None)


def _put(session: Session, account_id: int, slot: str, run_at: datetime | None) -> None:
    jobs.put(
        session,
        CHECK,
        {"account_id": account_id},
        # What is due now must not wait behind what is planned for later.
        lane=f"check:{account_id}" if run_at is None else f"check:{account_id}:later",
        dedup_key=f"{CHECK}:{account_id}:{slot}",
        run_at=run_at,
    )


def _died(session: Session, job: Job) -> None:
    dead = session.get(JobRow, int(job.payload["subject"].partition(":")[2]))
    if dead is not None and dead.state == "dead":
        deciding.message_failed(session, dead)
    rounds.go(session, utc_now())


def _remember(session: Session, job: Job) -> _Errand | None:
    account = session.get(ChannelAccount, job.payload["account_id"])
    # An account that was never connected has no webhook yet that could be gone.
    return _Errand(account.id) if account is not None and account.active and account.health != "new" else None


def _record(session: Session, job: Job, errand: _Errand, found: Checkup | ChannelError) -> None:
    account = session.get_one(ChannelAccount, errand.account_id)
    if isinstance(found, Broken):
        accounts.report_health(session, account.id, "broken", str(found))
        return
    if isinstance(found, ChannelError):
        logger.warning("account %d could not be asked about its webhook: %s", account.id, found)
        return
    if found.trouble:
        logger.warning("account %d: %s", account.id, found.trouble)
        again = utc_now() + AFTER_TROUBLE
        _put(session, account.id, again.strftime("%Y-%m-%dT%H:%M"), again)
    pulse.open_row(session, Side.CHANNEL, account.id)
    session.execute(
        sa.update(AccountPulse)
        .where(AccountPulse.side == Side.CHANNEL, AccountPulse.account_id == account.id)
        .values(checked_at=utc_now(), trouble=found.trouble[:300])
    )
    if account.health != "ok":
        accounts.report_health(session, account.id, "ok", "")
