"""Tasks as templates draw them: rows, the form of one, its history, and the short list beside an order or a talk."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from automation import task_lists
from automation.tables import Repeat, TaskState
from automation.task_lists import Counts, Row, View
from company import moments, staff
from company.moments import Moment
from company.rights import Right
from company.tables import Staff
from operator_console.people import Shape, person
from operator_console.texts import gettext as _
from operator_console.texts import reader
from operator_console.visits import Visit
from storage.tables import EventRow

SOON = timedelta(hours=1)
"""What is due within this is marked."""

BESIDE = 5
"""Tasks that stand beside an order, a customer or a conversation."""

MOST_HISTORY = 50


def row(found: Row, visit: Visit) -> Shape:
    """What the row of a list needs: macros/task.html."""
    task, now = found.task, reader().now
    return {
        "id": task.id,
        "version": task.version,
        "title": task.title,
        "details": task.details,
        "due_at": task.due_at,
        "level": _level(found, now),
        "repeat": "" if task.repeat == Repeat.NONE else repeat_words()[task.repeat],
        "assignee": person(found.assignee, task.assignee_id),
        "author": found.author if task.author_id != task.assignee_id else "",
        "about": about(found),
        "state": str(task.state),
        "closed_at": task.closed_at,
        "may_change": visit.may(Right.REPLY),
    }


def form(session: Session, found: Row, visit: Visit) -> Shape:
    """One task opened: its row, what its form offers, and what has happened to it."""
    task = found.task
    forms = choices(session, visit, when="own" if task.due_at else "", own=task.due_at)
    if task.assignee_id not in {one["value"] for one in forms["people"]}:
        # Who works here no more keeps it until somebody else is chosen.
        forms["people"].append({"value": task.assignee_id, "label": found.assignee})
    return {
        "task": row(found, visit),
        "forms": forms | {"assignee": task.assignee_id, "repeat": str(task.repeat)},
        "history": history(session, found),
    }


def choices(session: Session, visit: Visit, *, when: str = "", own: datetime | None = None) -> Shape:
    """What a form of a task offers: times by one press, colleagues, repetition."""
    offered = moments.offered(reader().now, reader().zone)
    times = [{"value": "", "label": _("no time")}]
    times += [{"value": str(moment), "label": preset_words()[moment]} for moment, _at in offered]
    times.append({"value": "own", "label": _("own time…")})
    return {
        "times": times,
        "when": when,
        "own": f"{reader().local(own):%Y-%m-%dT%H:%M}" if own else "",
        "people": [
            {"value": one.id, "label": _("me") if one.id == visit.staff.id else one.name}
            for one in sorted(staff.at_the_counter(session, visit.shop.id), key=lambda one: one.id != visit.staff.id)
        ],
        "assignee": visit.staff.id,
        "repeats": [{"value": str(name), "label": words} for name, words in repeat_words().items()],
        "repeat": str(Repeat.NONE),
    }


def preset_words() -> dict[Moment, str]:
    return {
        Moment.HOUR: _("in 1 hour"),
        Moment.EVENING: _("today 18:00"),
        Moment.TOMORROW: _("tomorrow 9:00"),
        Moment.MONDAY: _("Monday 9:00"),
    }


def repeat_words() -> dict[Repeat, str]:
    return {
        Repeat.NONE: _("once"),
        Repeat.DAILY: _("every day"),
        Repeat.WEEKLY: _("every week"),
        Repeat.MONTHLY: _("every month"),
    }


def about(found: Row) -> Shape | None:
    """Where the task leads: its order, its conversation or its customer."""
    task = found.task
    name = found.customer or _("Nameless guest")
    if task.order_id is not None:
        return {"label": _("Order No. {number}", number=found.order_number or 0), "url": f"/orders/{task.order_id}"}
    if task.conversation_id is not None:
        return {"label": name, "url": f"/inbox/{task.conversation_id}"}
    return {"label": name, "url": f"/customers/{task.customer_id}"} if task.customer_id is not None else None


def beside(
    session: Session,
    visit: Visit,
    *,
    conversation_id: int | None = None,
    order_id: int | None = None,
    customer_id: int | None = None,
) -> Shape:
    """The short list beside an order, a conversation (with its customer's tasks) or a customer."""
    shop_id, most = visit.shop.id, BESIDE + 1
    if order_id is not None:
        found = task_lists.about_order(session, shop_id, order_id, limit=most)
        subject, here = f"order={order_id}", f"/orders/{order_id}"
    elif customer_id is not None:
        found = task_lists.about_customer(session, shop_id, customer_id, limit=most)
        subject, here = f"customer={customer_id}", f"/customers/{customer_id}"
    else:
        found = task_lists.about_conversation(session, shop_id, conversation_id or 0, limit=most)
    if conversation_id is not None:
        subject, here = f"conversation={conversation_id}", f"/inbox/{conversation_id}"
    rows = [row(one, visit) for one in found[:BESIDE]]
    for one in rows:
        if one["about"] is not None and one["about"]["url"] == here:
            one["about"] = None
    return {
        "rows": rows,
        "more": len(found) > BESIDE,
        "box_url": f"/tasks/box?{subject}",
        "new_url": f"/tasks/new?{subject}",
        "may_change": visit.may(Right.REPLY),
    }


def views(mine: Counts, everybodys: Counts) -> list[Shape]:
    """The views with their numbers, and whether a number wants doing something about."""
    return [
        {"key": str(View.MINE), "label": _("Mine"), "note": mine.open or "", "hot": False},
        {"key": str(View.ALL), "label": _("Everyone’s"), "note": everybodys.open or "", "hot": False},
        {
            "key": str(View.OVERDUE),
            "label": _("Overdue"),
            "note": everybodys.overdue or "",
            "hot": everybodys.overdue > 0,
        },
        {"key": str(View.DONE), "label": _("Completed"), "note": "", "hot": False},
    ]


def history(session: Session, found: Row) -> list[Shape]:
    """What happened to the task, the newest first."""
    query = sa.select(EventRow).where(EventRow.subject == f"task:{found.task.id}")
    events = list(session.scalars(query.order_by(EventRow.id.desc()).limit(MOST_HISTORY)))
    names = _names(session, events)
    return [{"at": event.at, "text": text} for event in events if (text := _line(event, names))]


def _line(event: EventRow, names: Mapping[int, str]) -> str:
    who = names.get(_actor(event), "")
    if event.kind == "task_added":
        return _("{who} made the task", who=who) if who else _("made as a repetition")
    if event.kind == "task_due":
        return _("the reminder was given")
    return _change(event.payload["change"], event.payload["before"], who, names)


def _change(change: str, before: Mapping[str, Any], who: str, names: Mapping[int, str]) -> str:
    if change == TaskState.DONE:
        return _("{who}: done", who=who)
    if change == TaskState.CANCELLED:
        return _("{who}: not needed any more", who=who)
    if change == "reopened":
        return _("{who} opened it again", who=who)
    return _("{who} changed: {what}", who=who, what=", ".join(_was(name, was, names) for name, was in before.items()))


def _was(name: str, was: Any, names: Mapping[int, str]) -> str:
    match name:
        case "title":
            return _("the title, which was “{was}”", was=was)
        case "due_at":
            if was is None:
                return _("the time, which was not set")
            return _("the time, which was {was}", was=f"{reader().local(datetime.fromisoformat(was)):%d.%m.%Y %H:%M}")
        case "assignee_id":
            return _("who does it, before: {was}", was=names.get(was, ""))
        case "repeat":
            return _("the repetition, which was: {was}", was=repeat_words()[Repeat(was)])
        case _other:
            return _("the details")


def _actor(event: EventRow) -> int:
    kind, _sep, number = event.actor.partition(":")
    return int(number) if kind == "staff" else 0


def _names(session: Session, events: Iterable[EventRow]) -> dict[int, str]:
    """First names of everybody whom the events speak of."""
    ids: set[int] = set()
    for event in events:
        before = event.payload.get("before") or {}
        ids |= {_actor(event), before.get("assignee_id") or 0} - {0}
    rows = session.execute(sa.select(Staff.id, Staff.name).where(Staff.id.in_(ids))) if ids else ()
    return {id_: name.split(" ")[0] for id_, name in rows}


def _level(found: Row, now: datetime) -> str:
    task = found.task
    if task_lists.is_overdue(task, now):
        return "late"
    near = task.state == TaskState.OPEN and task.due_at is not None and task.due_at - now < SOON
    return "soon" if near else ""
