"""Who of the staff is there: known by the open console, unless the person says that he is away."""

from __future__ import annotations

from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from company import staff
from company.tables import StaffPresence
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
    found = {staff_id: _state(seen_at, away, now) for staff_id, seen_at, away in rows}
    return {staff_id: found.get(staff_id, Presence.OFFLINE) for staff_id in people}


def _state(seen_at: datetime | None, away: bool, now: datetime) -> Presence:
    if seen_at is None or now - seen_at > STAYS:
        return Presence.OFFLINE
    return Presence.AWAY if away else Presence.ONLINE
