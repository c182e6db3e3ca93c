"""The buyer writes first: what was put off comes back, and what was to be said later is not said."""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy.orm import Session

from inbox import snoozing
from inbox.events import ConversationPlanned
from inbox.tables import Conversation, Planned, ScheduledMessage
from kit.clock import utc_now
from storage.events import publish


def by_buyer(session: Session, conversation: Conversation) -> None:
    """Called with the conversation locked, and only when something waits in it."""
    if conversation.snoozed_until is not None:
        snoozing.end_by_buyer(session, conversation)
    if conversation.scheduled:
        _stop(session, conversation)


def _stop(session: Session, conversation: Conversation) -> None:
    waiting = sa.select(ScheduledMessage).where(
        ScheduledMessage.conversation_id == conversation.id,
        ScheduledMessage.state == Planned.WAITING,
        ScheduledMessage.unless_answered,
    )
    for planned in session.scalars(waiting.order_by(ScheduledMessage.id)).all():
        planned.state, planned.closed_at = Planned.STOPPED, utc_now()
        conversation.scheduled -= 1
        publish(
            session,
            ConversationPlanned(
                shop_id=conversation.shop_id,
                subject=f"conversation:{conversation.id}",
                actor=f"customer:{conversation.customer_id}",
                conversation_id=conversation.id,
                change="later_stopped",
                until=planned.send_at.isoformat(),
            ),
        )
    session.flush()
