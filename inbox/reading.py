"""What a channel tells about its messages later: that they arrived, that they were read."""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy.orm import Session

from inbox.delivered import tell_changed
from inbox.tables import Author, Conversation, Delivery, Message

_BEFORE_DELIVERED = (Delivery.SENT, Delivery.UNKNOWN)
_BEFORE_READ = (*_BEFORE_DELIVERED, Delivery.DELIVERED)

MOST = 200
"""Messages that one report moves; older ones stay as they were."""


def confirm(session: Session, conversation: Conversation, *, up_to: int, read: bool) -> int:
    """The buyer has every message of the shop up to this id, or has read them. Returns how many that was news for.

    States only go forward, so a late or repeated report changes nothing.
    """
    fresh = session.scalars(
        sa.select(Message)
        .where(
            Message.conversation_id == conversation.id,
            Message.id <= up_to,
            Message.author != Author.BUYER,
            Message.private.is_(False),
            Message.delivery.in_(_BEFORE_READ if read else _BEFORE_DELIVERED),
        )
        .order_by(Message.id.desc())
        .limit(MOST)
        .with_for_update()
    ).all()
    for message in fresh:
        message.delivery, message.error = Delivery.READ if read else Delivery.DELIVERED, ""
    session.flush()
    for message in reversed(fresh):
        tell_changed(session, conversation.shop_id, message)
    return len(fresh)
