"""What each person was told of in the console: written once, read, and after a while forgotten."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Literal

import sqlalchemy as sa
from sqlalchemy.orm import InstrumentedAttribute, Session

from automation.events import NotificationAdded, NotificationsRead
from automation.tables import Notification, NotificationChoice, Told
from company import staff
from kit.clock import utc_now
from kit.errors import Missing
from storage import jobs
from storage.events import publish
from storage.hot import Hot, insert, insertion

KEPT = timedelta(days=30)
"""How long what was read stays."""

MOST_COUNTED = 100
"""Unread ones are counted up to here: more is "99+"."""

Thing = Literal["conversation", "order", "task"]

_ABOUT: Mapping[Thing, InstrumentedAttribute[int | None]] = {
    "conversation": Notification.conversation_id,
    "order": Notification.order_id,
    "task": Notification.task_id,
}

_NEW = insertion(Notification, once=True)


def _chosen(insert: Any) -> sa.Executable:
    """Two choices at once leave the later one."""
    table = NotificationChoice.__table__
    row = insert(table).values({column.name: sa.bindparam(column.name) for column in table.c})
    kept = {name: row.excluded[name] for name in ("muted", "sound", "browser")}
    chosen: sa.Executable = row.on_conflict_do_update(index_elements=["staff_id"], set_=kept)
    return chosen


_CHOOSE = Hot(_chosen)


class NoSuchNotification(Missing):
    code = "no_such_notification"


@dataclass(frozen=True, slots=True, kw_only=True)
class About:
    """The very thing that a notification leads to, and what its words are made of."""

    conversation_id: int | None = None
    message_id: int | None = None
    order_id: int | None = None
    task_id: int | None = None
    facts: Mapping[str, Any] = field(default_factory=dict)


def tell(
    session: Session, shop_id: int, staff_id: int, kind: Told, about: About, *, key: str, actor: str = "system"
) -> Notification | None:
    """Tell a person something; None, and nothing written, if he was told under this key, does not want to be told of
    such things, works here no more, or is the `actor` himself."""
    if actor == f"staff:{staff_id}" or staff.role_in(session, staff_id, shop_id) is None:
        return None
    if str(kind) in choices(session, staff_id).muted:
        return None
    told = insert(
        session,
        Notification,
        _NEW,
        shop_id=shop_id,
        staff_id=staff_id,
        kind=kind,
        key=key,
        conversation_id=about.conversation_id,
        message_id=about.message_id,
        order_id=about.order_id,
        task_id=about.task_id,
        facts=dict(about.facts),
        created_at=utc_now(),
        read_at=None,
    )
    if told is not None:
        publish(
            session,
            NotificationAdded(shop_id=shop_id, subject=f"staff:{staff_id}", notification_id=told.id, staff_id=staff_id),
        )
    return told


def page(session: Session, shop_id: int, staff_id: int, *, limit: int, before: int | None = None) -> list[Notification]:
    """The person's, the newest first; those before an id."""
    query = sa.select(Notification).where(Notification.staff_id == staff_id, Notification.shop_id == shop_id)
    if before is not None:
        query = query.where(Notification.id < before)
    return list(session.scalars(query.order_by(Notification.id.desc()).limit(limit)))


def get(session: Session, shop_id: int, staff_id: int, notification_id: int) -> Notification:
    """Raises NoSuchNotification, also for another person's."""
    found = session.get(Notification, notification_id)
    if found is None or (found.shop_id, found.staff_id) != (shop_id, staff_id):
        raise NoSuchNotification(f"notification {notification_id}")
    return found


def unread(session: Session, shop_id: int, staff_id: int) -> int:
    """How many were not read, at most MOST_COUNTED."""
    some = sa.select(Notification.id).where(*_unread(shop_id, staff_id)).limit(MOST_COUNTED)
    return session.scalar(sa.select(sa.func.count()).select_from(some.subquery())) or 0


def read(session: Session, shop_id: int, staff_id: int, notification_id: int) -> Notification:
    """Mark one as read; a second time changes nothing. Raises NoSuchNotification."""
    told = get(session, shop_id, staff_id, notification_id)
    if told.read_at is None:
        told.read_at = utc_now()
        session.flush()
        _tell_read(session, shop_id, staff_id, told.id)
    return told


def read_all(session: Session, shop_id: int, staff_id: int, *, up_to: int) -> int:
    """Mark those up to this id as read: what came after the person looked stays unread. How many they were."""
    return _mark(session, shop_id, staff_id, Notification.id <= up_to)


def unread_about(session: Session, shop_id: int, staff_id: int, thing: Thing, id_: int) -> int:
    """The newest unread one about this very thing; 0 for none."""
    newest = sa.select(sa.func.max(Notification.id)).where(*_unread(shop_id, staff_id), _ABOUT[thing] == id_)
    return session.scalar(newest) or 0


def read_about(session: Session, shop_id: int, staff_id: int, thing: Thing, id_: int, *, up_to: int) -> None:
    """Mark those about one thing as read, up to this id: the person has the thing itself before him."""
    _mark(session, shop_id, staff_id, Notification.id <= up_to, _ABOUT[thing] == id_)


def choices(session: Session, staff_id: int) -> NotificationChoice:
    """How the person wants to be told."""
    found = session.get(NotificationChoice, staff_id, populate_existing=True)
    return found or NotificationChoice(staff_id=staff_id, muted=[], sound=False, browser=False)


def choose(session: Session, staff_id: int, *, wanted: Collection[str], sound: bool, browser: bool) -> None:
    """Want these kinds alone, with or without sound, and in the browser's own notifications or not."""
    muted = [str(kind) for kind in Told if str(kind) not in wanted]
    _CHOOSE.run(session, staff_id=staff_id, muted=muted, sound=sound, browser=browser)


def prune(session: Session, now: datetime) -> int:
    """Forget a portion of those that were read long ago; how many they were. What nobody read stays."""
    old = (
        sa.select(Notification.id)
        .where(Notification.read_at.is_not(None), Notification.read_at < now - KEPT)
        .limit(jobs.PORTION)
    )
    gone = session.execute(sa.delete(Notification).where(Notification.id.in_(old)))
    return gone.rowcount  # type: ignore[attr-defined, no-any-return]


def _mark(session: Session, shop_id: int, staff_id: int, *which: sa.ColumnElement[bool]) -> int:
    marked = session.execute(
        sa.update(Notification)
        .where(*_unread(shop_id, staff_id), *which)
        .values(read_at=utc_now())
        .execution_options(synchronize_session=False)
    )
    count: int = marked.rowcount  # type: ignore[attr-defined]
    if count:
        _tell_read(session, shop_id, staff_id, 0)
    return count


def _unread(shop_id: int, staff_id: int) -> tuple[sa.ColumnElement[bool], ...]:
    return Notification.staff_id == staff_id, Notification.shop_id == shop_id, Notification.read_at.is_(None)


def _tell_read(session: Session, shop_id: int, staff_id: int, notification_id: int) -> None:
    publish(
        session,
        NotificationsRead(
            shop_id=shop_id,
            subject=f"staff:{staff_id}",
            actor=f"staff:{staff_id}",
            notification_id=notification_id,
            staff_id=staff_id,
        ),
    )
