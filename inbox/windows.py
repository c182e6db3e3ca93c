"""Channels that take free words only for some time after the buyer's own: is the window open, and what if it is not.

An operator is refused before anything is sent. What the shop says of itself goes as the template that was chosen for
its occasion; without one it is held until the buyer writes, and an operator is told.
"""

from __future__ import annotations

from datetime import UTC, datetime

import sqlalchemy as sa
from sqlalchemy.orm import Session

from company.tables import ChannelAccount
from inbox import delivered, sending, templates
from inbox.channels import CAPABILITIES
from inbox.content import Outgoing
from inbox.events import MessageHeld
from inbox.tables import Conversation, Delivery, Message
from kit.clock import utc_now
from kit.errors import Refused
from storage.events import publish
from storage.hot import save


class WindowClosed(Refused):
    """The channel takes free words no more until the buyer writes: a template may be sent."""

    code = "window_closed"


def closes_at(conversation: Conversation, account: ChannelAccount) -> datetime | None:
    """Until when the shop may write freely: a moment that may be past, None for a channel without a window."""
    window = CAPABILITIES[account.channel].window
    if window is None:
        return None
    return conversation.heard_at + window if conversation.heard_at is not None else datetime.fromtimestamp(0, UTC)


def is_open(conversation: Conversation, account: ChannelAccount) -> bool:
    until = closes_at(conversation, account)
    return until is None or utc_now() < until


def check(session: Session, conversation: Conversation, outgoing: Outgoing) -> None:
    """Raises WindowClosed for words that the channel would not take."""
    account = session.get_one(ChannelAccount, conversation.account_id)
    if outgoing.template is None and not is_open(conversation, account):
        raise WindowClosed()


def as_template(outgoing: Outgoing, account: ChannelAccount) -> Outgoing | None:
    """The template that was chosen for this occasion, filled in; None if there is none."""
    return templates.for_occasion(outgoing.occasion, account) if outgoing.occasion is not None else None


def heard(session: Session, conversation: Conversation, account: ChannelAccount, at: float) -> None:
    """The buyer has written or pressed at this moment: what was held goes out, in its order."""
    if CAPABILITIES[account.channel].window is None:
        return
    moment = min(datetime.fromtimestamp(at, UTC), utc_now()) if at else utc_now()
    if conversation.heard_at is None or moment > conversation.heard_at:
        conversation.heard_at = moment
    if not is_open(conversation, account):
        return
    held = sa.select(Message).where(Message.conversation_id == conversation.id, Message.delivery == Delivery.HELD)
    for message in session.scalars(held.order_by(Message.id)):
        message.delivery, message.error = Delivery.QUEUED, ""
        save(session, message)
        sending.queue(session, "message.deliver", message)
        delivered.tell_changed(session, conversation.shop_id, message)


def hold(session: Session, conversation: Conversation, message: Message) -> None:
    """Keep it until the buyer writes, and let somebody know."""
    message.delivery, message.error = Delivery.HELD, ""
    save(session, message)
    delivered.tell_changed(session, conversation.shop_id, message)
    tell_held(session, conversation, message)


def tell_held(session: Session, conversation: Conversation, message: Message) -> None:
    publish(
        session,
        MessageHeld(
            shop_id=conversation.shop_id,
            subject=f"conversation:{conversation.id}",
            conversation_id=conversation.id,
            message_id=message.id,
        ),
    )
