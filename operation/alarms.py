"""Alarms: one for each cause, from its beginning to its end, and told of without ever becoming a flood.

An alarm is open as long as its cause is seen, and a few minutes longer, so that what comes and goes is one alarm. The
owners are told of it once and of its end once. A cause that was told of a short while ago is only shown in the console
until that while is over, and so is, in the shop's quiet hours, everything that is not about money.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from bot import alarm_notices
from company import settings
from company.settings import Alarms
from company.tables import Shop
from operation.events import AlarmCleared, AlarmRaised
from operation.tables import INSTALLATION, Alarm, AlarmKind
from storage import jobs
from storage.events import publish

CALM = timedelta(minutes=3)
"""How long a cause must be gone before its alarm ends."""

NOT_SOONER = timedelta(minutes=30)
"""The least time between two tellings of one cause."""

TOO_LATE = timedelta(hours=24)
"""An end that could not be told for so long is not told any more."""

AT_ONCE = frozenset({AlarmKind.JOB_DIED})
"""Kinds that end the moment their cause is gone: a person has seen to it."""

_INSERT = {"sqlite": sqlite.insert, "postgresql": postgresql.insert}


@dataclass(frozen=True, slots=True)
class Cause:
    """Something that is wrong right now."""

    kind: AlarmKind
    facts: Mapping[str, Any] = field(default_factory=dict)
    money: bool = False


def settle(session: Session, shop_id: int, causes: Mapping[str, Cause], now: datetime) -> None:
    """Bring the shop's alarms to what is wrong now, and tell its owners what they should hear. May be repeated."""
    still = {alarm.cause: alarm for alarm in current(session, shop_id, lock=True)}
    for cause, wrong in sorted(causes.items()):
        alarm = still.get(cause) or _raise(session, shop_id, cause, wrong, now)
        if alarm is not None:
            alarm.seen_at, alarm.facts = now, dict(wrong.facts)
    for cause, alarm in still.items():
        if cause not in causes and (alarm.kind in AT_ONCE or now - alarm.seen_at >= CALM):
            alarm.cleared_at = now
            publish(session, AlarmCleared(**_event(alarm)))
    session.flush()
    _tell(session, shop_id, now)


def current(session: Session, shop_id: int, *, lock: bool = False) -> list[Alarm]:
    """Open alarms of the shop, the oldest first."""
    query = sa.select(Alarm).where(Alarm.shop_id == shop_id, Alarm.cleared_at.is_(None)).order_by(Alarm.id)
    return list(session.scalars(query.with_for_update() if lock else query))


def of_shop(session: Session, shop_id: int) -> list[Alarm]:
    """Open alarms that the shop's owners are concerned with: its own, and those of the whole installation."""
    return current(session, shop_id) + current(session, INSTALLATION)


def open_count(session: Session, shop_id: int) -> int:
    query = sa.select(sa.func.count()).where(Alarm.shop_id.in_((shop_id, INSTALLATION)), Alarm.cleared_at.is_(None))
    return session.scalar(query) or 0


def past(session: Session, shop_id: int, *, limit: int = 20) -> list[Alarm]:
    """The last ones that are over."""
    over = sa.select(Alarm).where(Alarm.shop_id == shop_id, Alarm.cleared_at.is_not(None))
    return list(session.scalars(over.order_by(Alarm.id.desc()).limit(limit)))


def _raise(session: Session, shop_id: int, cause: str, wrong: Cause, now: datetime) -> Alarm | None:
    """None if another process has just raised it."""
    insert: Any = _INSERT[session.get_bind().dialect.name]
    new = insert(Alarm).values(
        shop_id=shop_id,
        cause=cause,
        kind=wrong.kind,
        money=wrong.money,
        facts=dict(wrong.facts),
        raised_at=now,
        seen_at=now,
    )
    alarm_id = session.scalar(new.on_conflict_do_nothing().returning(Alarm.id))
    if alarm_id is None:
        return None
    alarm = session.get_one(Alarm, alarm_id)
    publish(session, AlarmRaised(**_event(alarm)))
    return alarm


def _event(alarm: Alarm) -> dict[str, Any]:
    return {
        "shop_id": alarm.shop_id,
        "subject": f"alarm:{alarm.id}",
        "alarm_id": alarm.id,
        "alarm_kind": str(alarm.kind),
        "cause": alarm.cause,
    }


def _tell(session: Session, shop_id: int, now: datetime) -> None:
    untold = sa.select(Alarm).where(Alarm.shop_id == shop_id, Alarm.cleared_at.is_(None), Alarm.told_at.is_(None))
    ended = sa.select(Alarm).where(
        Alarm.shop_id == shop_id,
        Alarm.told_at.is_not(None),
        Alarm.end_told_at.is_(None),
        Alarm.cleared_at > now - TOO_LATE,
    )
    for alarm in session.scalars(untold.order_by(Alarm.id)).all():
        if (shops := _hearing(session, alarm, now)) and not _told_lately(session, alarm, now):
            alarm.told_at = now
            _put(session, alarm, shops, over=False)
    for alarm in session.scalars(ended.order_by(Alarm.id)).all():
        if shops := _hearing(session, alarm, now):
            alarm.end_told_at = now
            _put(session, alarm, shops, over=True)


def _hearing(session: Session, alarm: Alarm, now: datetime) -> list[int]:
    """The shops whose owners hear of it now: its own, or every one for what belongs to the whole installation."""
    shops = session.scalars(
        sa.select(Shop).where(Shop.id == alarm.shop_id if alarm.shop_id != INSTALLATION else sa.true())
    )
    return [shop.id for shop in shops if _may_be_told(alarm, settings.of(shop).alarms, shop, now)]


def _may_be_told(alarm: Alarm, rules: Alarms, shop: Shop, now: datetime) -> bool:
    if alarm.kind in rules.muted:
        return False
    return alarm.money or not is_quiet(rules, now.astimezone(ZoneInfo(shop.timezone)).time())


def is_quiet(rules: Alarms, at: time) -> bool:
    """Whether the shop's clock stands in its quiet hours, which may go over midnight."""
    begin, end = rules.quiet_from, rules.quiet_to
    if begin is None or end is None or begin == end:
        return False
    return begin <= at < end if begin < end else at >= begin or at < end


def _told_lately(session: Session, alarm: Alarm, now: datetime) -> bool:
    same = sa.select(Alarm.id).where(
        Alarm.shop_id == alarm.shop_id, Alarm.cause == alarm.cause, Alarm.told_at > now - NOT_SOONER
    )
    return session.scalar(same.limit(1)) is not None


def _put(session: Session, alarm: Alarm, shops: list[int], *, over: bool) -> None:
    for shop_id in shops:
        jobs.put(
            session,
            alarm_notices.NOTICE,
            {
                "shop_id": shop_id,
                "alarm_id": alarm.id,
                "alarm_kind": str(alarm.kind),
                "facts": alarm.facts,
                "over": over,
            },
            lane=f"{alarm_notices.NOTICE}:{shop_id}",
            dedup_key=f"{alarm_notices.NOTICE}:{alarm.id}:{shop_id}:{'over' if over else 'raised'}",
        )
