"""Talk in a database that was brought back from an earlier moment."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import sqlalchemy as sa
from sqlalchemy.orm import Session

from company.tables import Shop
from inbox.tables import Author, Conversation, Delivery, Kind, Message, Planned, ScheduledMessage
from kit.clock import utc_now
from storage import restored

DELIVER = "message.deliver"

RESTORED = "restored"
"""Why a held message is not confirmed."""

LIVELY = timedelta(days=1)
"""How long before the end of what is known a conversation must have been active for its people to be told."""


def hold(session: Session) -> int:
    """Send nothing that waited: it probably was sent later. A person may send it again. Gives the number."""
    restored.drop_waiting(session, DELIVER)
    waiting = sa.update(Message).where(Message.delivery.in_((Delivery.QUEUED, Delivery.HELD, Delivery.SENDING)))
    held = session.execute(waiting.values(delivery=Delivery.UNKNOWN, error=RESTORED))
    planned = sa.update(ScheduledMessage).where(ScheduledMessage.state == Planned.WAITING)
    session.execute(planned.values(state=Planned.REFUSED, why={"code": RESTORED, "facts": {}}))
    session.execute(sa.update(Conversation).where(Conversation.scheduled > 0).values(scheduled=0))
    return int(held.rowcount)  # type: ignore[attr-defined]


def tell_staff(session: Session, words: Callable[[str], str]) -> None:
    """Leave a note in the conversations that were active last: what was said later is missing. `words` in a language.

    Messages from here on have ids that were never given out: buttons on buyers' screens carry them.
    """
    newest = session.scalar(sa.select(sa.func.max(Conversation.last_at)).where(Conversation.kind == Kind.BUYER))
    if newest is None:
        return
    lively = session.execute(
        sa.select(Conversation, Shop.locale)
        .join(Shop, Shop.id == Conversation.shop_id)
        .where(Conversation.kind == Kind.BUYER, Conversation.last_at >= newest - LIVELY)
        .order_by(Conversation.id)
    )
    fresh = restored.leave_gap(session, Message)
    for n, (conversation, locale) in enumerate(lively):
        note = _note(conversation, words(locale))
        if n == 0:
            note.id = fresh
        session.add(note)
        session.flush()


def _note(conversation: Conversation, text: str) -> Message:
    return Message(
        conversation_id=conversation.id,
        account_id=conversation.account_id,
        author=Author.SYSTEM,
        private=True,
        text=text,
        content={},
        delivery=Delivery.KEPT,
        created_at=utc_now(),
    )
