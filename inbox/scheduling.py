"""Answers to be sent later: planned, moved, taken back, and sent when their time comes.

Whoever changes a planned message holds the lock of its conversation, so that of two who act at once one comes second
and finds it sent, or taken back.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from company import moments
from company import staff as people
from company.rights import Right, demand
from company.tables import Staff
from inbox import content, conversations, messages, snoozing
from inbox.content import Outgoing
from inbox.events import ConversationPlanned
from inbox.messages import NothingToSay
from inbox.tables import Conversation, Message, Planned, ScheduledMessage
from kit.clock import utc_now
from kit.errors import Missing, Problem, Refused
from storage import jobs
from storage.events import publish
from storage.jobs import Job

SEND = "scheduled.send"

MOST = 20
"""Messages that wait in one conversation at once."""

SHOWN = (Planned.WAITING, Planned.STOPPED, Planned.REFUSED)
"""What stands at the end of the thread, to be sent, used again or put away."""


class NoSuchPlan(Missing):
    code = "no_such_plan"


class AlreadyWent(Refused):
    """Sent, or taken back, before this came."""

    code = "plan_is_over"


class TooManyPlanned(Refused):
    code = "too_many_planned"

    def __init__(self) -> None:
        super().__init__(f"{MOST} messages wait", most=MOST)


class BuyerLeft(Refused):
    """The buyer has stopped the bot."""

    code = "buyer_left"


def plan(
    session: Session,
    conversation: Conversation,
    staff: Staff,
    outgoing: Outgoing,
    *,
    at: datetime,
    client_key: str,
    unless_answered: bool = True,
    reply_to_id: int | None = None,
    brief: bool = False,
    then: Mapping[str, Any] | None = None,
) -> ScheduledMessage:
    """Have the answer sent at the moment, by `staff`. The same client_key again finds the first one.

    Raises NothingToSay, MomentPast, MomentTooFar, TooManyPlanned, BuyerLeft.
    """
    if not (outgoing.text.strip() or outgoing.media):
        raise NothingToSay("a message needs text or a file")
    if (known := by_key(session, conversation, client_key)) is not None:
        return known
    moments.check(at, utc_now())
    if conversation.scheduled >= MOST:
        raise TooManyPlanned()
    if conversation.blocked:
        raise BuyerLeft()
    planned = ScheduledMessage(
        conversation_id=conversation.id,
        staff_id=staff.id,
        content=content.dump(outgoing),
        client_key=client_key,
        reply_to_id=reply_to_id,
        send_at=at,
        unless_answered=unless_answered,
        brief=brief,
        then=dict(then or {}),
        created_at=utc_now(),
    )
    session.add(planned)
    conversation.scheduled += 1
    session.flush()
    _put(session, planned)
    _tell(session, conversation, planned, "later_planned", actor=f"staff:{staff.id}")
    return planned


def move(session: Session, conversation: Conversation, planned: ScheduledMessage, at: datetime, *, by: Staff) -> None:
    """Send it at another moment; one that was stopped or refused waits anew.

    Raises AlreadyWent, MomentPast, MomentTooFar.
    """
    moments.check(at, utc_now())
    if planned.state not in SHOWN:
        raise AlreadyWent(f"planned message {planned.id} is {planned.state}")
    if planned.state != Planned.WAITING:
        planned.state, planned.why, planned.closed_at = Planned.WAITING, {}, None
        conversation.scheduled += 1
    planned.send_at = at
    session.flush()
    _put(session, planned)
    _tell(session, conversation, planned, "later_moved", actor=f"staff:{by.id}")


def withdraw(session: Session, conversation: Conversation, planned: ScheduledMessage, *, by: Staff) -> None:
    """Take it back, or put away one that was not sent. Raises AlreadyWent."""
    if planned.state not in SHOWN:
        raise AlreadyWent(f"planned message {planned.id} is {planned.state}")
    _close(conversation, planned, Planned.WITHDRAWN)
    session.flush()
    _tell(session, conversation, planned, "later_withdrawn", actor=f"staff:{by.id}")


def send_now(session: Session, conversation: Conversation, planned: ScheduledMessage, *, by: Staff) -> list[Message]:
    """Send it at once, as an answer of `by`. Raises AlreadyWent, and whatever an answer is refused for."""
    if planned.state not in SHOWN:
        raise AlreadyWent(f"planned message {planned.id} is {planned.state}")
    return _say(session, conversation, planned, by)


def come_due(session: Session, job: Job) -> None:
    """The moment has come. Sends once: a message that went, was taken back or moved is left alone."""
    planned = session.get(ScheduledMessage, job.payload["scheduled_id"])
    if planned is None:
        return
    conversation = session.get_one(Conversation, planned.conversation_id, with_for_update=True)
    session.refresh(planned)
    if planned.state != Planned.WAITING or _mark(planned.send_at) != job.payload["at"]:
        return
    by = session.get_one(Staff, planned.staff_id)
    try:
        demand(people.powers_in(session, by.id, conversation.shop_id), Right.REPLY)
        _say(session, conversation, planned, by)
    except Problem as problem:
        _refuse(session, conversation, planned, problem)


def get(session: Session, planned_id: int, conversation: Conversation) -> ScheduledMessage:
    """One of this conversation, read after the conversation was locked."""
    found = session.get(ScheduledMessage, planned_id, populate_existing=True)
    if found is None or found.conversation_id != conversation.id:
        raise NoSuchPlan(f"planned message {planned_id}")
    return found


def shown(session: Session, conversation_id: int) -> list[ScheduledMessage]:
    """What stands at the end of the thread, the next to go first."""
    query = sa.select(ScheduledMessage).where(
        ScheduledMessage.conversation_id == conversation_id, ScheduledMessage.state.in_(SHOWN)
    )
    return list(session.scalars(query.order_by(ScheduledMessage.send_at, ScheduledMessage.id)))


def by_key(session: Session, conversation: Conversation, client_key: str) -> ScheduledMessage | None:
    return session.scalar(
        sa.select(ScheduledMessage).where(
            ScheduledMessage.conversation_id == conversation.id, ScheduledMessage.client_key == client_key
        )
    )


def _say(session: Session, conversation: Conversation, planned: ScheduledMessage, by: Staff) -> list[Message]:
    if conversation.blocked:
        raise BuyerLeft()
    outgoing = content.load_outgoing(planned.content)
    said = messages.reply(session, conversation, by, outgoing, client_key=planned.client_key)
    if planned.reply_to_id is not None and said[0].reply_to_id is None:
        said[0].reply_to_id = planned.reply_to_id
    _close(conversation, planned, Planned.SENT)
    planned.message_id = said[0].id
    session.flush()
    follow(session, conversation, planned.then, by=by)
    return said


def follow(session: Session, conversation: Conversation, then: Mapping[str, Any], *, by: Staff) -> None:
    """Do with the conversation what is to follow an answer: see ScheduledMessage.then. Nothing at a moment gone by."""
    if then.get("close"):
        conversations.close(session, conversation, by=by)
    elif "snooze" in then and (until := datetime.fromisoformat(then["snooze"])) > utc_now():
        snoozing.put_off(session, conversation, until, by=by)


def _refuse(session: Session, conversation: Conversation, planned: ScheduledMessage, problem: Problem) -> None:
    """It stays in the thread with the reason, and the conversation waits, so that somebody sees it."""
    _close(conversation, planned, Planned.REFUSED)
    planned.why = {"code": problem.code, "facts": {name: str(fact) for name, fact in problem.facts.items()}}
    conversation.waiting_since = conversation.waiting_since or utc_now()
    conversation.unread = conversation.unread or 1
    session.flush()
    _tell(session, conversation, planned, "later_refused", actor="schedule")


def _close(conversation: Conversation, planned: ScheduledMessage, state: Planned) -> None:
    if planned.state == Planned.WAITING:
        conversation.scheduled -= 1
    planned.state, planned.closed_at = state, utc_now()


def _mark(at: datetime) -> int:
    return int(at.timestamp() * 1000)


def _put(session: Session, planned: ScheduledMessage) -> None:
    """A lane for each moment: a job of an earlier plan does nothing, and holds up nothing."""
    at = _mark(planned.send_at)
    jobs.put(
        session,
        SEND,
        {"scheduled_id": planned.id, "at": at},
        lane=f"later:{planned.id}:{at}",
        run_at=planned.send_at,
    )


def _tell(session: Session, conversation: Conversation, planned: ScheduledMessage, change: str, *, actor: str) -> None:
    publish(
        session,
        ConversationPlanned(
            shop_id=conversation.shop_id,
            subject=f"conversation:{conversation.id}",
            actor=actor,
            conversation_id=conversation.id,
            change=change,
            until=planned.send_at.astimezone(UTC).isoformat(),
        ),
    )
