"""Tasks in a person's own chat with the bot: what is due, what was given to him, what was done for him; two buttons.

Whoever presses is looked up each time by the flow of the staff's chats; a task that was closed or put off meanwhile is
shown as it is now.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from babel.dates import format_datetime
from sqlalchemy.orm import Session

from automation import tasks
from automation.tables import Task, TaskState
from bot.flows.turn import StaffActs, Turn
from bot.flows.voice import Voice, lines, written
from bot.notices import chats_of
from company import settings
from company.tables import Shop, Staff
from company.texts import Texts
from customers.tables import Customer
from inbox import messages
from inbox.content import Action, Button, Outgoing
from inbox.tables import Author
from kit.clock import utc_now
from kit.errors import Problem
from orders.tables import Order
from storage.jobs import Job, Step
from storage.tables import EventRow

NOTICE = "task.notice"
"""The kind of the job."""

LATER = timedelta(hours=1)

DONE, PUT_OFF = "task.done", "task.later"
"""Actions of the buttons."""


def handlers(texts: Texts, public_url: str) -> dict[str, Step]:
    """The job that `prilavok.hub.SUBSCRIBERS` names for events of tasks: each is told once."""

    def tell(session: Session, job: Job) -> None:
        event = session.get_one(EventRow, job.payload["event_id"])
        task = session.get_one(Task, event.payload["task_id"])
        told = _told(event, task)
        if told is None or event.actor == f"staff:{told[0]}":
            return
        person_id, key = told
        shop = session.get_one(Shop, task.shop_id)
        for conversation in chats_of(session, shop.id, person_id):
            voice = Voice.of(texts, conversation.locale, settings.of(shop))
            notice = view(session, voice, shop, task, key, public_url=public_url, who=_who(session, event))
            messages.say(
                session, conversation, notice, author=Author.BOT, client_key=f"task:{event.id}", repeatable=True
            )

    return {NOTICE: Step(tell)}


def _told(event: EventRow, task: Task) -> tuple[int, str] | None:
    """Who is told of the event, and the text; None if it is nothing to tell."""
    facts = event.payload
    if event.kind == "task_due":
        still = task.state == TaskState.OPEN and task.due_at is not None and task.due_at.isoformat() == facts["due"]
        return (task.assignee_id, "task.due") if still else None
    if event.kind == "task_added" and event.actor != "schedule":
        return facts["assignee_id"], "task.given"
    if event.kind == "task_changed" and facts["change"] == "done":
        return facts["author_id"], "task.is_done"
    if event.kind == "task_changed" and "assignee_id" in facts["before"]:
        return facts["assignee_id"], "task.given"
    return None


def view(
    session: Session, voice: Voice, shop: Shop, task: Task, key: str, *, public_url: str, who: str = ""
) -> Outgoing:
    """The task under a line that says why it is told of, with what can be done about it."""
    args = {"task": task.id}
    acts: tuple[Button, ...] = ()
    if task.state == TaskState.OPEN:
        acts = (
            voice.button("task.button.done", Action(DONE, args)),
            voice.button("task.button.later", Action(PUT_OFF, args)),
        )
    text = lines(
        voice.marked(key, title=task.title, who=who),
        voice.marked("task.details", details=task.details) if task.details else "",
        voice.marked("task.time", time=_time(voice, shop, task.due_at)) if task.due_at else "",
        _about(session, voice, task),
    )
    return written(text, rows=(acts, (Button(voice.plain("notice.open"), url=f"{public_url}/tasks/{task.id}"),)))


def _about(session: Session, voice: Voice, task: Task) -> str:
    order = session.get(Order, task.order_id) if task.order_id is not None else None
    customer = session.get(Customer, task.customer_id) if task.customer_id is not None else None
    name = customer.name if customer is not None else ""
    if order is not None:
        return voice.marked("task.about_order", number=order.number, customer=name)
    return voice.marked("task.about_customer", customer=name) if name else ""


def _time(voice: Voice, shop: Shop, moment: datetime) -> str:
    return format_datetime(moment.astimezone(ZoneInfo(shop.timezone)), "d MMMM, HH:mm", locale=voice.locale)


def _who(session: Session, event: EventRow) -> str:
    kind, _, number = event.actor.partition(":")
    person = session.get(Staff, int(number)) if kind == "staff" else None
    return person.name if person is not None else ""


# What the buttons do


def _done(turn: Turn, person: Staff, args: Mapping[str, Any]) -> None:
    _act(turn, lambda task_id: tasks.done(turn.session, turn.shop, task_id, by=person), args, "task.toast.done")


def _later(turn: Turn, person: Staff, args: Mapping[str, Any]) -> None:
    until = utc_now() + LATER
    _act(
        turn,
        lambda task_id: tasks.postpone(turn.session, turn.shop.id, task_id, until, by=person),
        args,
        "task.toast.later",
    )


def _act(turn: Turn, act: Callable[[int], object], args: Mapping[str, Any], words: str) -> None:
    task_id = int(args["task"])
    try:
        act(task_id)
    except Problem as problem:
        turn.tell(problem)
    else:
        turn.toast(turn.voice.plain(words))
    task = tasks.get(turn.session, turn.shop.id, task_id)
    key = {TaskState.DONE: "task.was_done", TaskState.CANCELLED: "task.was_cancelled"}.get(task.state, "task.stands")
    turn.show(view(turn.session, turn.voice, turn.shop, task, key, public_url=turn.public_url), repeatable=True)


ACTIONS: StaffActs = {DONE: _done, PUT_OFF: _later}
