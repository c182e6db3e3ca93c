"""What a channel tells about its messages later: that they arrived, that they were read, that they did not arrive."""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy.orm import Session

from inbox import delivered, windows
from inbox.content import Fate, Receipt
from inbox.delivered import tell_changed
from inbox.tables import Author, Conversation, Delivery, Message
from kit.clock import utc_now

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


_RANKS = {
    Delivery.QUEUED: 0,
    Delivery.SENDING: 0,
    Delivery.UNKNOWN: 0,
    Delivery.SENT: 1,
    Delivery.FAILED: 2,
    Delivery.HELD: 2,
    Delivery.DELIVERED: 3,
    Delivery.READ: 4,
}
"""Each state and how much it says; one that says less, and comes later, changes nothing."""

_STATES = {
    Fate.SENT: Delivery.SENT,
    Fate.FAILED: Delivery.FAILED,
    Fate.DELIVERED: Delivery.DELIVERED,
    Fate.READ: Delivery.READ,
}


def key_of(message_id: int, made_ms: int) -> str:
    """What a message is called towards a channel that brings the name back: its number, and the moment that tells it
    from one of the same number in a database restored."""
    return f"{message_id:x}.{made_ms:x}"


def told(session: Session, account_id: int, chat: str, receipt: Receipt) -> None:
    """What the channel says of one message, found by our key or, where none came along, by the channel's id of it.

    A receipt for a message that went out without an answer proves that it arrived.
    """
    message = _of(session, account_id, chat, receipt)
    if message is None or message.author == Author.BUYER or message.private:
        return
    state = _STATES[receipt.fate]
    if _RANKS.get(message.delivery, _RANKS[Delivery.READ]) >= _RANKS[state]:
        return
    if state is Delivery.FAILED and message.delivery == Delivery.QUEUED:
        # Of an earlier copy: a new one is about to go.
        return
    conversation = session.get_one(Conversation, message.conversation_id)
    conversation.blocked = conversation.blocked or receipt.gone
    message.external_id = f"{chat}:{receipt.place}"
    message.sent_at = message.sent_at or utc_now()
    if receipt.closed and message.author == Author.BOT:
        message.external_id = None
        windows.hold(session, conversation, message)
        return
    message.delivery, message.error = state, receipt.reason[:300] if state is Delivery.FAILED else ""
    session.flush()
    tell_changed(session, conversation.shop_id, message)
    if state is Delivery.FAILED:
        delivered.tell_failed(session, conversation.shop_id, message)


def _of(session: Session, account_id: int, chat: str, receipt: Receipt) -> Message | None:
    external = f"{chat}:{receipt.place}"
    if not receipt.key:
        named = sa.select(Message).where(Message.account_id == account_id, Message.external_id == external)
        return session.scalar(named.with_for_update())
    number, _, moment = receipt.key.partition(".")
    try:
        message_id, made_ms = int(number, 16), int(moment, 16)
    except ValueError:
        return None
    message = delivered.locked(session, message_id) if 0 < message_id < 2**63 else None
    if message is None or message.account_id != account_id or message.external_id not in (None, external):
        return None
    here = session.get_one(Conversation, message.conversation_id)
    same = here.chat == chat and int(message.created_at.timestamp() * 1000) == made_ms
    return message if same else None
