"""Who of the staff is there: known by the open console, unless the person says that he is away or his shift is over."""

from __future__ import annotations

from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any
from zoneinfo import ZoneInfo

import sqlalchemy as sa
from sqlalchemy.orm import Session

from company import hours, settings, staff
from company.settings import WorkingHours
from company.tables import Shop, StaffPresence
from kit.clock import utc_now
from storage.hot import Hot

STAYS = timedelta(seconds=75)
"""How long a person counts as there after his console was last heard: longer than it takes to open another page."""

_presence = StaffPresence.__table__


def _upsert(column: str) -> Hot:
    def build(insert: Any) -> sa.Executable:
        row = insert(_presence).values({name: sa.bindparam(name) for name in ("staff_id", "seen_at", "away")})
        kept: sa.Executable = row.on_conflict_do_update(
            index_elements=["staff_id"], set_={column: row.excluded[column]}
        )
        return kept

    return Hot(build)


_SEEN, _AWAY = _upsert("seen_at"), _upsert("away")


class Presence(StrEnum):
    ONLINE = "online"
    AWAY = "away"
    """The console is open, and the person has said that he is away."""
    OFF_SHIFT = "off"
    """The console is open outside the person's shift: nobody counts on him."""
    OFFLINE = "offline"


def seen(session: Session, staff_id: int) -> None:
    """The person's console is open at this moment."""
    _SEEN.run(session, staff_id=staff_id, seen_at=utc_now(), away=False)


def set_away(session: Session, staff_id: int, away: bool) -> None:
    """Say that the person is away, or there again. It holds until he says otherwise."""
    _AWAY.run(session, staff_id=staff_id, seen_at=None, away=away)


def is_away(session: Session, staff_id: int) -> bool:
    return bool(session.scalar(sa.select(StaffPresence.away).where(StaffPresence.staff_id == staff_id)))


def of_shop(session: Session, shop_id: int, now: datetime) -> dict[int, Presence]:
    """Each active member of the shop's staff, by id."""
    people = [person.id for person, _role in staff.of_shop(session, shop_id)]
    rows = session.execute(
        sa.select(StaffPresence.staff_id, StaffPresence.seen_at, StaffPresence.away).where(
            StaffPresence.staff_id.in_(people)
        )
    )
    shop = session.get_one(Shop, shop_id)
    shifts, zone = settings.of(shop).shifts, ZoneInfo(shop.timezone)
    resting = {id_ for id_ in people if str(id_) in shifts and not hours.is_open(shifts[str(id_)], zone, now)}
    found = {id_: _state(seen_at, away, id_ in resting, now) for id_, seen_at, away in rows}
    return {id_: found.get(id_, Presence.OFFLINE) for id_ in people}


def shift_of(shop: Shop, staff_id: int) -> WorkingHours:
    """When the person works in this shop, by its clock; without a week for one who has no shifts."""
    return settings.of(shop).shifts.get(str(staff_id), WorkingHours())


def set_shift(session: Session, shop: Shop, staff_id: int, shift: WorkingHours) -> None:
    """Say when the person works; without a week he works whenever his console is open. The shop is to be locked."""
    shifts = settings.of(shop).model_dump()["shifts"]
    shifts.pop(str(staff_id), None)
    if shift.week:
        shifts[str(staff_id)] = shift.model_dump()
    settings.change(session, shop, shifts=shifts)


def _state(seen_at: datetime | None, away: bool, resting: bool, now: datetime) -> Presence:
    if seen_at is None or now - seen_at > STAYS:
        return Presence.OFFLINE
    if away:
        return Presence.AWAY
    return Presence.OFF_SHIFT if resting else Presence.ONLINE
