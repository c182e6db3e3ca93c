"""A round: looks at everything that may be wrong and brings the alarms to what it finds."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.orm import Session

from company import accounts, settings, shops
from company.tables import ChannelAccount, Shop
from operation import alarms, pulse, queues, silence, subjects
from operation.alarms import Cause
from operation.tables import INSTALLATION, AccountPulse, AlarmKind, ChannelHour, Side
from payments import accounts as payment_accounts
from payments.tables import PaymentAccount

EVERY = timedelta(minutes=1)

BROKEN_FOR = timedelta(minutes=1)
"""How long a channel must be reported broken: a line that drops for seconds is no alarm."""

FAILING_FOR = timedelta(minutes=5)
"""How long calls to an account must have failed, without one that succeeded."""

NEVER_SOONER = timedelta(minutes=20)
"""A silence shorter than this is not even reckoned."""

ASLEEP = timedelta(minutes=5)
"""A longer pause between two rounds means that the hub was closed: nothing could be heard then."""

BROKEN, CONFLICT = ("broken", "lost"), "conflict"
"""What channels report of themselves when nothing comes or goes, or when another program takes their events."""

MONEY_JOBS = ("payment.", "orders.")
"""Jobs that are about money or goods, by how their kinds begin."""

Causes = Mapping[str, Cause]


def go(session: Session, now: datetime) -> None:
    """One round. Two at once, or one more, do no harm."""
    awake_since = _awake_since(session, now)
    signs, payment_signs = pulse.of(session, Side.CHANNEL), pulse.of(session, Side.PROVIDER)
    died = _dead_jobs(session)
    for shop in shops.every(session):
        causes = (
            _channels(session, shop, signs, awake_since, now) | _providers(session, shop, payment_signs, now)
        ) | died.get(shop.id, {})
        alarms.settle(session, shop.id, causes, now)
    alarms.settle(session, INSTALLATION, died.get(INSTALLATION, {}), now)


def _awake_since(session: Session, now: datetime) -> datetime:
    """Since when rounds have been made without a longer pause; remembered beside the signs of life."""
    pulse.open_row(session, Side.HUB, 0)
    row = session.get_one(AccountPulse, (Side.HUB, 0), with_for_update=True)
    if row.heard_at is None or row.reached_at is None or now - row.heard_at > ASLEEP:
        row.reached_at = now
    row.heard_at = now
    return row.reached_at


def _dead_jobs(session: Session) -> dict[int, dict[str, Cause]]:
    """By shop: one cause for each kind of work, however many jobs of it have died."""
    jobs = queues.dead(session, limit=queues.MOST_DEAD)
    about = subjects.of(session, jobs)
    found: dict[int, Counter[str]] = {}
    for job in jobs:
        found.setdefault(about[job.id].shop_id or INSTALLATION, Counter())[job.kind] += 1
    return {
        shop_id: {
            f"job_died:{kind}": Cause(
                AlarmKind.JOB_DIED, {"job_kind": kind, "count": count}, money=kind.startswith(MONEY_JOBS)
            )
            for kind, count in kinds.items()
        }
        for shop_id, kinds in found.items()
    }


def _channels(
    session: Session, shop: Shop, signs: Mapping[int, AccountPulse], awake_since: datetime, now: datetime
) -> dict[str, Cause]:
    found: dict[str, Cause] = {}
    for account in accounts.of_shop(session, shop.id):
        if not account.active:
            continue
        sign = signs.get(account.id)
        facts = {"account_id": account.id, "name": account.name, "channel": account.channel}
        broken = _broken(account, sign, now)
        if broken is not None:
            since, words = broken
            found[f"channel:{account.id}"] = Cause(
                AlarmKind.CHANNEL_BROKEN, facts | {"since": since.isoformat(), "why": words}
            )
        if account.health == CONFLICT:
            found[f"conflict:{account.id}"] = Cause(AlarmKind.CHANNEL_CONFLICT, facts)
        if sign is not None and sign.trouble:
            found[f"webhook:{account.id}"] = Cause(AlarmKind.WEBHOOK_GONE, facts | {"why": sign.trouble})
        if broken is None and (since_ := _silent_since(session, shop, account, sign, awake_since, now)):
            hours = max(1, round((now - since_) / timedelta(hours=1)))
            found[f"silent:{account.id}"] = Cause(
                AlarmKind.CHANNEL_SILENT, facts | {"since": since_.isoformat(), "hours": hours}
            )
    return found


def _broken(account: ChannelAccount, sign: AccountPulse | None, now: datetime) -> tuple[datetime, str] | None:
    if account.health in BROKEN and account.health_at is not None and now - account.health_at >= BROKEN_FOR:
        return account.health_at, account.health_text
    if sign is not None and sign.failing_since is not None and now - sign.failing_since >= FAILING_FOR:
        return sign.failing_since, sign.error
    return None


def _silent_since(
    session: Session,
    shop: Shop,
    account: ChannelAccount,
    sign: AccountPulse | None,
    awake_since: datetime,
    now: datetime,
) -> datetime | None:
    """Since when the channel has been silent, if that is unusual for it at these hours."""
    heard = sign.heard_at if sign is not None and sign.heard_at is not None else account.created_at
    listened = max(heard, awake_since)
    if now - listened < NEVER_SOONER:
        return None
    hours = sa.select(ChannelHour.hour, ChannelHour.heard).where(ChannelHour.account_id == account.id)
    past: dict[int, int] = dict(session.execute(hours).all())
    weeks = silence.weeks_known(min(past, default=None), now)
    if weeks >= silence.LEAST_WEEKS:
        unusual = silence.chance(past, weeks, listened, now) < silence.UNUSUAL
    else:
        most = settings.of(shop).alarms.silent_hours
        unusual = bool(most) and now - listened >= timedelta(hours=most)
    return heard if unusual else None


def _providers(session: Session, shop: Shop, signs: Mapping[int, AccountPulse], now: datetime) -> dict[str, Cause]:
    query = sa.select(PaymentAccount).where(
        PaymentAccount.shop_id == shop.id, PaymentAccount.active, PaymentAccount.provider != payment_accounts.MANUAL
    )
    found = {}
    for account in session.scalars(query):
        sign = signs.get(account.id)
        if sign is not None and sign.failing_since is not None and now - sign.failing_since >= FAILING_FOR:
            facts = {"account_id": account.id, "name": account.name, "since": sign.failing_since.isoformat()}
            found[f"provider:{account.id}"] = Cause(AlarmKind.PROVIDER_FAILING, facts | {"why": sign.error}, money=True)
    return found
