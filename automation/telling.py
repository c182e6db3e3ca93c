"""Which events become notifications, and whose. One kind of job hears of them all; see `prilavok.hub.SUBSCRIBERS`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import sqlalchemy as sa
from sqlalchemy.orm import Session

from automation import notifications
from automation.notifications import About
from automation.tables import Notification, Task, TaskState, Told
from company import settings
from company.hours import worked
from company.settings import ShopSettings
from company.tables import Membership, Role, Shop, Staff
from customers.tables import Customer
from inbox.tables import Conversation, Delivery, Kind, Message, State
from orders.tables import Group, Order
from storage.jobs import Handlers, Job, Step
from storage.tables import EventRow

NOTIFY = "notify"
"""The kind of the job."""

EXCERPT = 200
"""How much of a note or of a task is told."""

MOST_WAITING = 500
"""Conversations that one look tells of; the next look goes on."""


@dataclass(frozen=True, slots=True)
class Case:
    """One event that may be told."""

    session: Session
    event: EventRow

    def tell(
        self,
        staff_id: int | None,
        kind: Told,
        *,
        conversation_id: int | None = None,
        message_id: int | None = None,
        order_id: int | None = None,
        task_id: int | None = None,
        **facts: object,
    ) -> None:
        """Tell this person, if there is one; what is empty of the facts is left out."""
        if staff_id is None:
            return
        told = {"who": self._who(), **facts}
        about = About(
            conversation_id=conversation_id,
            message_id=message_id,
            order_id=order_id,
            task_id=task_id,
            facts={name: fact for name, fact in told.items() if fact},
        )
        event = self.event
        key = f"event:{event.id}"
        notifications.tell(self.session, event.shop_id, staff_id, kind, about, key=key, actor=event.actor)

    def _who(self) -> str:
        kind, _, number = self.event.actor.partition(":")
        person = self.session.get(Staff, int(number)) if kind == "staff" else None
        return person.name if person is not None else ""


def tell(session: Session, job: Job) -> None:
    event = session.get_one(EventRow, job.payload["event_id"])
    TELL[event.kind](Case(session, event))


def mentioned(case: Case) -> None:
    _message(case, Told.MENTIONED)


def message_failed(case: Case) -> None:
    _message(case, Told.MESSAGE_FAILED)


def message_held(case: Case) -> None:
    """A notice to a buyer waits for him: who leads the conversation is told, else the owners. Nobody is told that a
    notice to himself waits."""
    facts = case.event.payload
    talk = case.session.get_one(Conversation, facts["conversation_id"])
    message = case.session.get_one(Message, facts["message_id"])
    if talk.kind != Kind.BUYER or message.delivery != Delivery.HELD:
        return
    for staff_id in [talk.assignee_id] if talk.assignee_id is not None else _owners(case.session, talk.shop_id):
        case.tell(
            staff_id,
            Told.MESSAGE_HELD,
            conversation_id=talk.id,
            message_id=message.id,
            name=_buyer(case.session, talk.id),
            text=message.text[:EXCERPT],
        )


def _owners(session: Session, shop_id: int) -> list[int]:
    owners = (
        sa.select(Membership.staff_id)
        .join(Staff, Staff.id == Membership.staff_id)
        .where(Membership.shop_id == shop_id, Membership.role == Role.OWNER, Staff.active)
    )
    return list(session.scalars(owners.order_by(Membership.staff_id)))


def assigned(case: Case) -> None:
    talk_id = case.event.payload["conversation_id"]
    name = _buyer(case.session, talk_id)
    note = case.event.payload.get("note", "")
    case.tell(case.event.payload["staff_id"], Told.ASSIGNED, conversation_id=talk_id, name=name, note=note)


def task_added(case: Case) -> None:
    """A repetition is no news: its reminder is."""
    if case.event.actor != "schedule":
        _task(case, case.event.payload["assignee_id"], Told.TASK_GIVEN)


def task_changed(case: Case) -> None:
    facts = case.event.payload
    if facts["change"] == TaskState.DONE:
        _task(case, facts["author_id"], Told.TASK_DONE)
    elif "assignee_id" in facts["before"]:
        _task(case, facts["assignee_id"], Told.TASK_GIVEN)


def task_due(case: Case) -> None:
    _task(case, case.event.payload["assignee_id"], Told.TASK_DUE)


def order_paid(case: Case) -> None:
    facts = case.event.payload
    _order(case, Told.ORDER_PAID, sum=facts["paid"], currency=facts["currency"])


def courier_given(case: Case) -> None:
    order = case.session.get_one(Order, case.event.payload["order_id"])
    case.tell(
        case.event.payload["staff_id"],
        Told.DELIVERY_GIVEN,
        order_id=order.id,
        number=order.number,
        name=order.recipient,
        text=order.address[:EXCERPT],
    )


def stage_moved(case: Case) -> None:
    facts = case.event.payload
    if facts["group"] == Group.CANCELLED:
        _order(case, Told.ORDER_CANCELLED, reason=facts["reason"])


TELL: Mapping[str, Callable[[Case], None]] = {
    "staff_mentioned": mentioned,
    "conversation_assigned": assigned,
    "message_failed": message_failed,
    "message_held": message_held,
    "task_added": task_added,
    "task_changed": task_changed,
    "task_due": task_due,
    "order_paid": order_paid,
    "courier_given": courier_given,
    "stage_moved": stage_moved,
}
"""The kinds of events that people are told of in the console."""

JOBS: Handlers = {NOTIFY: Step(tell)}


def look_who_waits(session: Session, now: datetime) -> None:
    """Tell operators whose customers have waited longer than their shop allows, once for each waiting."""
    for shop in session.scalars(sa.select(Shop)):
        rules = settings.of(shop)
        if rules.waiting_notice:
            _who_waits(session, shop, rules, now)


def _who_waits(session: Session, shop: Shop, rules: ShopSettings, now: datetime) -> None:
    """Only hours in which the shop works are counted. Who has waited longest stands first and has the most of them."""
    longest, zone = timedelta(minutes=rules.waiting_notice), ZoneInfo(shop.timezone)
    told = sa.exists().where(
        Notification.staff_id == Conversation.assignee_id,
        Notification.kind == Told.WAITS,
        Notification.conversation_id == Conversation.id,
        Notification.created_at >= Conversation.waiting_since,
    )
    waiting = session.execute(
        sa.select(Conversation, Customer.name)
        .outerjoin(Customer, Customer.id == Conversation.customer_id)
        .where(
            Conversation.shop_id == shop.id,
            Conversation.kind == Kind.BUYER,
            Conversation.state == State.OPEN,
            Conversation.waiting_since < now - longest,
            Conversation.assignee_id.is_not(None),
            ~told,
        )
        .order_by(Conversation.waiting_since)
        .limit(MOST_WAITING)
    )
    for talk, name in waiting.all():
        assert talk.assignee_id is not None
        assert talk.waiting_since is not None
        if worked(rules.hours, zone, talk.waiting_since, now) <= longest:
            break
        began = talk.waiting_since.isoformat(timespec="seconds")
        about = About(conversation_id=talk.id, facts={"name": name or "", "since": began})
        key = f"waits:{talk.id}:{began}"
        notifications.tell(session, shop.id, talk.assignee_id, Told.WAITS, about, key=key)


def _message(case: Case, kind: Told) -> None:
    facts = case.event.payload
    message = case.session.get_one(Message, facts["message_id"])
    case.tell(
        facts["staff_id"],
        kind,
        conversation_id=message.conversation_id,
        message_id=message.id,
        name=_buyer(case.session, message.conversation_id),
        text=message.text[:EXCERPT],
    )


def _task(case: Case, staff_id: int, kind: Told) -> None:
    task = case.session.get_one(Task, case.event.payload["task_id"])
    case.tell(staff_id, kind, task_id=task.id, text=task.title)


def _order(case: Case, kind: Told, **facts: Any) -> None:
    order = case.session.get_one(Order, case.event.payload["order_id"])
    case.tell(order.responsible_id, kind, order_id=order.id, number=order.number, name=order.recipient, **facts)


def _buyer(session: Session, conversation_id: int) -> str:
    query = sa.select(Customer.name).join(Conversation, Conversation.customer_id == Customer.id)
    return session.scalar(query.where(Conversation.id == conversation_id)) or ""
