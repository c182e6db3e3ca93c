"""Tasks: made, given to somebody, changed, done, and made anew where they repeat.

Every change locks the task first, so that of two people who close it at once one is told that it was closed already.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

import sqlalchemy as sa
from sqlalchemy.orm import Session

from automation import due, reminding
from automation.events import TaskAdded, TaskChanged
from automation.tables import Repeat, Task, TaskState
from company import staff
from company.tables import Shop, Staff
from customers import cards
from inbox import conversations
from inbox.tables import Kind
from kit.clock import utc_now
from kit.errors import Missing, Refused
from orders import book
from storage.events import publish

TITLE, DETAILS = 200, 4000
"""The longest texts."""


class NoSuchTask(Missing):
    code = "no_such_task"


class NoTitle(Refused):
    """A task must say what is to be done."""

    code = "no_task_title"


class NotAColleague(Refused):
    """Tasks are given to people who work in this shop."""

    code = "not_a_colleague"


class RepeatsFromNothing(Refused):
    """What repeats needs a time to repeat from."""

    code = "repeats_from_nothing"


class TaskIsClosed(Refused):
    """It was done or cancelled meanwhile."""

    code = "task_is_closed"

    def __init__(self, title: str) -> None:
        super().__init__("the task is closed", title=title)


class TaskIsOpen(Refused):
    """Only what was done or cancelled can be opened again."""

    code = "task_is_open"


class TaskHasChanged(Refused):
    """Somebody else edited it since it was looked at."""

    code = "task_has_changed"


@dataclass(frozen=True, slots=True)
class About:
    """What a task is about: one of these, or nothing."""

    conversation_id: int | None = None
    order_id: int | None = None
    customer_id: int | None = None


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a person says of a task. `due_at` is taken to the whole minute."""

    title: str
    assignee_id: int
    details: str = ""
    due_at: datetime | None = None
    repeat: Repeat = Repeat.NONE


def add(session: Session, shop: Shop, wanted: Wanted, *, by: Staff, about: About | None = None) -> Task:
    """A new task of `by` for the assignee, who is reminded at its due time.

    Raises NoTitle, NotAColleague, RepeatsFromNothing, and NoSuchConversation, NoOrder or NoSuchCustomer for what is
    not of this shop.
    """
    found = _found(session, shop.id, about or About())
    task = Task(
        shop_id=shop.id,
        author_id=by.id,
        conversation_id=found.conversation_id,
        order_id=found.order_id,
        customer_id=found.customer_id,
        created_at=utc_now(),
    )
    _put(session, task, shop, wanted)
    return _added(session, task, actor=f"staff:{by.id}")


def edit(session: Session, shop: Shop, task_id: int, wanted: Wanted, *, version: int, by: Staff) -> Task:
    """Change an open task that the person saw in this version; a new due time means a new reminder.

    Raises TaskHasChanged, TaskIsClosed, and what `add` raises.
    """
    task = _open(session, shop.id, task_id)
    if task.version != version:
        raise TaskHasChanged(f"task {task.id} is at version {task.version}, not {version}")
    before = _said(task)
    _put(session, task, shop, wanted)
    changed = {name: was for name, was in before.items() if was != _said(task)[name]}
    if changed:
        _changed(session, task, "edited", by, before=changed)
        reminding.plan(session, task)
    return task


def postpone(session: Session, shop_id: int, task_id: int, until: datetime, *, by: Staff) -> Task:
    """Have an open task due at that time; its repetitions come when they would have. Raises TaskIsClosed."""
    task = _open(session, shop_id, task_id)
    before = {"due_at": _iso(task.due_at)}
    task.due_at = until.replace(second=0, microsecond=0)
    if before["due_at"] != _iso(task.due_at):
        _changed(session, task, "edited", by, before=before)
        reminding.plan(session, task)
    return task


def done(session: Session, shop: Shop, task_id: int, *, by: Staff) -> Task | None:
    """Close the task as done; of one that repeats the next is made and returned. Raises TaskIsClosed."""
    task = _open(session, shop.id, task_id)
    _close(session, task, TaskState.DONE, by)
    return _next(session, shop, task)


def cancel(session: Session, shop_id: int, task_id: int, *, by: Staff) -> Task:
    """Close the task as not needed any more; it does not repeat then. Raises TaskIsClosed."""
    task = _open(session, shop_id, task_id)
    _close(session, task, TaskState.CANCELLED, by)
    return task


def reopen(session: Session, shop_id: int, task_id: int, *, by: Staff) -> Task:
    """Open a closed task again. If its repetition was made already, that one goes on repeating and this one does not.

    Raises TaskIsOpen.
    """
    task = get(session, shop_id, task_id, lock=True)
    if task.state == TaskState.OPEN:
        raise TaskIsOpen(f"task {task.id} is open")
    before = {"state": str(task.state)}
    if session.scalar(sa.select(Task.id).where(Task.follows_id == task.id)) is not None:
        task.repeat, task.planned_at, task.month_day = Repeat.NONE, None, None
    task.state, task.closed_at = TaskState.OPEN, None
    _changed(session, task, "reopened", by, before=before)
    reminding.plan(session, task)
    return task


def get(session: Session, shop_id: int, task_id: int, *, lock: bool = False) -> Task:
    """Raises NoSuchTask, also for a task of another shop."""
    task = session.get(Task, task_id, with_for_update=lock, populate_existing=lock)
    if task is None or task.shop_id != shop_id:
        raise NoSuchTask(f"task {task_id}")
    return task


def _open(session: Session, shop_id: int, task_id: int) -> Task:
    task = get(session, shop_id, task_id, lock=True)
    if task.state != TaskState.OPEN:
        raise TaskIsClosed(task.title)
    return task


def _close(session: Session, task: Task, state: TaskState, by: Staff) -> None:
    task.state, task.closed_at = state, utc_now()
    _changed(session, task, str(state), by, before={"state": str(TaskState.OPEN)})


def _next(session: Session, shop: Shop, task: Task) -> Task | None:
    if task.repeat == Repeat.NONE or task.planned_at is None:
        return None
    zone, now = ZoneInfo(shop.timezone), utc_now()
    when = due.following(task.planned_at, Repeat(task.repeat), zone, month_day=task.month_day, now=now)
    repetition = Task(
        shop_id=task.shop_id,
        title=task.title,
        details=task.details,
        due_at=when,
        assignee_id=task.assignee_id,
        author_id=task.author_id,
        repeat=task.repeat,
        planned_at=when,
        month_day=task.month_day,
        follows_id=task.id,
        conversation_id=task.conversation_id,
        order_id=task.order_id,
        customer_id=task.customer_id,
        created_at=now,
    )
    return _added(session, repetition, actor="schedule")


def _put(session: Session, task: Task, shop: Shop, wanted: Wanted) -> None:
    title = " ".join(wanted.title.split())[:TITLE]
    if not title:
        raise NoTitle("a task needs a title")
    if wanted.assignee_id != task.assignee_id and not staff.is_at_the_counter(session, wanted.assignee_id, shop.id):
        raise NotAColleague(f"staff {wanted.assignee_id} is not of shop {shop.id}")
    when = wanted.due_at.replace(second=0, microsecond=0) if wanted.due_at else None
    if wanted.repeat is not Repeat.NONE and when is None:
        raise RepeatsFromNothing("a task without a time cannot repeat")
    if (wanted.repeat, when) != (task.repeat, task.due_at):
        _plan_repetition(task, wanted.repeat, when, ZoneInfo(shop.timezone))
    task.title, task.details = title, wanted.details.strip()[:DETAILS]
    task.assignee_id, task.due_at, task.repeat = wanted.assignee_id, when, wanted.repeat


def _plan_repetition(task: Task, repeat: Repeat, when: datetime | None, zone: ZoneInfo) -> None:
    task.planned_at = when if repeat is not Repeat.NONE else None
    monthly = when if repeat is Repeat.MONTHLY else None
    task.month_day = monthly.astimezone(zone).day if monthly else None


def _found(session: Session, shop_id: int, about: About) -> About:
    """With the customer of the order or of the conversation, after making sure that all is of this shop."""
    if about.order_id is not None:
        order = book.get(session, shop_id, about.order_id)
        return About(order.conversation_id, order.id, order.customer_id)
    if about.conversation_id is not None:
        talk = conversations.get(session, about.conversation_id, shop_id)
        if talk.kind != Kind.BUYER:
            raise conversations.NoSuchConversation(f"conversation {talk.id} is a staff chat")
        return About(talk.id, None, talk.customer_id)
    if about.customer_id is not None:
        return About(customer_id=cards.get(session, about.customer_id, shop_id).id)
    return about


def _said(task: Task) -> dict[str, object]:
    """What a person may change, as the history keeps it."""
    return {
        "title": task.title,
        "details": task.details,
        "due_at": _iso(task.due_at),
        "assignee_id": task.assignee_id,
        "repeat": str(task.repeat),
    }


def _iso(moment: datetime | None) -> str | None:
    return moment.isoformat() if moment else None


def _added(session: Session, task: Task, *, actor: str) -> Task:
    session.add(task)
    session.flush()
    publish(session, TaskAdded.of(task, actor=actor))
    reminding.plan(session, task)
    return task


def _changed(session: Session, task: Task, change: str, by: Staff, *, before: Mapping[str, object]) -> None:
    task.version += 1
    session.flush()
    publish(session, TaskChanged.of(task, actor=f"staff:{by.id}", change=change, before=dict(before)))
