"""Conversations that are put off: out of sight until a moment comes, or until the buyer writes."""

from __future__ import annotations

from datetime import UTC, datetime

from sqlalchemy.orm import Session

from company import moments
from company.tables import Staff
from inbox import conversations
from inbox.events import ConversationChanged, ConversationPlanned
from inbox.tables import Conversation, State
from kit.clock import utc_now
from kit.errors import Refused
from storage import jobs
from storage.events import publish
from storage.jobs import Job

RETURN = "conversation.return"


class NotSnoozed(Refused):
    """It stands in the list already."""

    code = "not_snoozed"


def put_off(session: Session, conversation: Conversation, until: datetime, *, by: Staff) -> None:
    """Take the conversation, which is locked, out of the lists until the moment; `by` leads it from now on.

    One that is put off already gets the new moment; a closed one is open when it comes back. Raises MomentPast,
    MomentTooFar, AlreadyTaken if a colleague leads it.
    """
    moments.check(until, utc_now())
    until = until.replace(microsecond=0)
    conversations.take(session, conversation, by)
    conversation.state, conversation.snoozed_until = State.SNOOZED, until
    session.flush()
    # No dedup key and a lane for each moment: whatever was planned before does nothing, and holds up nothing.
    moment = int(until.timestamp())
    jobs.put(
        session,
        RETURN,
        {"conversation_id": conversation.id, "until": moment},
        lane=f"snooze:{conversation.id}:{moment}",
        run_at=until,
    )
    publish(
        session,
        ConversationPlanned(
            shop_id=conversation.shop_id,
            subject=f"conversation:{conversation.id}",
            actor=f"staff:{by.id}",
            conversation_id=conversation.id,
            change="snoozed",
            until=until.isoformat(),
        ),
    )


def bring_back(session: Session, conversation: Conversation, *, by: Staff) -> None:
    """Have it in the list again, as it was. Raises NotSnoozed."""
    if conversation.state != State.SNOOZED:
        raise NotSnoozed(f"conversation {conversation.id} is {conversation.state}")
    _end(session, conversation, "brought_back", actor=f"staff:{by.id}")


def end_by_buyer(session: Session, conversation: Conversation) -> None:
    """The buyer has written: nothing is put off any longer. The message itself makes it unread."""
    _end(session, conversation, "buyer_wrote", actor=f"customer:{conversation.customer_id}")


def come_back(session: Session, job: Job) -> None:
    """The moment has come. A job of a moment that is not the conversation's any more does nothing."""
    conversation = session.get(Conversation, job.payload["conversation_id"], with_for_update=True)
    until = datetime.fromtimestamp(job.payload["until"], UTC)
    if conversation is None or conversation.state != State.SNOOZED or conversation.snoozed_until != until:
        return
    now = utc_now()
    conversation.waiting_since = conversation.waiting_since or now
    conversation.unread = conversation.unread or 1
    conversation.last_at = now
    _end(session, conversation, "came_back", actor="schedule")


def _end(session: Session, conversation: Conversation, change: str, *, actor: str) -> None:
    conversation.state, conversation.snoozed_until = State.OPEN, None
    session.flush()
    publish(
        session,
        ConversationChanged(
            shop_id=conversation.shop_id,
            subject=f"conversation:{conversation.id}",
            actor=actor,
            conversation_id=conversation.id,
            change=change,
        ),
    )
