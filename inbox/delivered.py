"""What became of our messages: with the buyer under an id of the channel, failed, sent again.

An outgoing message's row is its delivery record too.
"""

from __future__ import annotations

from datetime import timedelta

import sqlalchemy as sa
from sqlalchemy.orm import Session

from company.tables import ChannelAccount
from inbox import sending
from inbox.channels import CAPABILITIES
from inbox.events import MessageChanged, MessageFailed
from inbox.tables import Author, Conversation, Delivery, Message
from kit.clock import utc_now
from kit.errors import Refused
from storage.events import publish
from storage.hot import Hot, Load, get

_TOLD = [Message.delivery == state for state in (Delivery.DELIVERED, Delivery.READ, Delivery.FAILED)]

_SENT = Hot(
    lambda insert: (
        sa.update(Message)
        .where(Message.id == sa.bindparam("message_id"))
        .values(
            external_id=sa.bindparam("external"),
            # The channel may have told more of it before it answered.
            delivery=sa.case((sa.or_(*_TOLD), Message.delivery), else_=Delivery.SENT),
            error=sa.case((Message.delivery == Delivery.FAILED, Message.error), else_=""),
            sent_at=sa.bindparam("now"),
        )
        .returning(Message.version)
    )
)
_LOCKED = Load(lambda query: query.where(Message.id == sa.bindparam("message_id")).with_for_update(), Message)


class NotResendable(Refused):
    """Only a message that failed, or whose delivery is not confirmed, may be sent again."""

    code = "not_resendable"


def locked(session: Session, message_id: int) -> Message | None:
    """The message, and nobody else changes it until the transaction ends."""
    if (known := held(session, message_id)) is not None:
        return known
    found = _LOCKED.first(session, message_id=message_id)
    if found is None:
        return None
    # A savepoint that is rolled back lets go of what was locked in it.
    if not session.in_nested_transaction():
        session.info.setdefault("held messages", set()).add(message_id)
    message: Message = found[0]
    return message


def held(session: Session, message_id: int) -> Message | None:
    """The message, if this transaction has locked it already."""
    return get(session, Message, message_id) if message_id in session.info.get("held messages", ()) else None


def sent(session: Session, shop_id: int, conversation_id: int, message_id: int, *, external_id: str) -> int:
    """The channel has the message, and calls it so. Returns the version that it is in by now."""
    row = _SENT.row(session, message_id=message_id, external=external_id, now=utc_now())
    assert row is not None, "messages are never deleted"
    _tell_changed(session, shop_id, conversation_id, message_id, Delivery.SENT)
    return int(row[0])


def found_at(session: Session, conversation: Conversation, message: Message, place: str) -> None:
    """The buyer has our message, which is locked, before him at this id of the channel: so it did arrive.

    Of two copies the one that he uses is the one that is edited from now on.
    """
    external = f"{conversation.chat}:{place}"
    if message.external_id == external or message.author == Author.BUYER:
        return
    others = sa.select(Message.id).where(
        Message.account_id == conversation.account_id, Message.external_id == external, Message.id != message.id
    )
    if session.scalar(others.limit(1)) is not None:
        return
    message.external_id = external
    if message.delivery in (Delivery.SENDING, Delivery.UNKNOWN):
        message.delivery, message.error, message.sent_at = Delivery.SENT, "", utc_now()
        session.flush()
        tell_changed(session, conversation.shop_id, message)


def too_many(session: Session, message: Message) -> bool:
    """Whether the bot has sent to this buyer all that it may send in an hour; nobody holds a person back."""
    if message.author == Author.STAFF:
        return False
    limit = CAPABILITIES[get(session, ChannelAccount, message.account_id).channel].by_itself_an_hour
    if not limit:
        return False
    lately = sa.select(sa.func.count()).where(
        Message.conversation_id == message.conversation_id,
        Message.author.not_in((Author.BUYER, Author.STAFF)),
        Message.sent_at > utc_now() - timedelta(hours=1),
        Message.private.is_(False),
    )
    return (session.scalar(lately) or 0) >= limit


def resend(session: Session, conversation: Conversation, message: Message) -> None:
    """Send again what failed or was not confirmed. Raises NotResendable for anything else."""
    if message.delivery not in (Delivery.FAILED, Delivery.UNKNOWN):
        raise NotResendable(f"message {message.id} is {message.delivery}")
    # The new copy has an id of its own; what is told of the old one does not concern it.
    message.delivery, message.error, message.external_id = Delivery.QUEUED, "", None
    session.flush()
    sending.queue(session, "message.deliver", message)
    tell_changed(session, conversation.shop_id, message)


def tell_changed(session: Session, shop_id: int, message: Message) -> None:
    _tell_changed(session, shop_id, message.conversation_id, message.id, message.delivery)


def _tell_changed(session: Session, shop_id: int, conversation_id: int, message_id: int, delivery: str) -> None:
    publish(
        session,
        MessageChanged(
            shop_id=shop_id,
            subject=f"conversation:{conversation_id}",
            conversation_id=conversation_id,
            message_id=message_id,
            delivery=delivery,
        ),
    )


def tell_failed(session: Session, shop_id: int, message: Message) -> None:
    """Let the operator whose message it is know that it was not sent. Nobody waits for what the bot says."""
    if message.author == Author.STAFF and message.staff_id is not None:
        publish(
            session,
            MessageFailed(
                shop_id=shop_id,
                subject=f"conversation:{message.conversation_id}",
                conversation_id=message.conversation_id,
                message_id=message.id,
                staff_id=message.staff_id,
            ),
        )
