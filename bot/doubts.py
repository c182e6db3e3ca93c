"""A message that went out and was not answered: what its channel lets us do about it."""

from __future__ import annotations

from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy.orm import Session

from bot.channels.base import Channel, ChannelError, Parcel, Searchable, Unconfirmed
from company.tables import ChannelAccount
from inbox import delivered, sending
from inbox.capabilities import Doubt
from inbox.channels import CAPABILITIES
from inbox.tables import Author, Conversation, Delivery, Message
from kit.clock import utc_now
from storage import jobs
from storage.hot import save
from storage.jobs import Handlers, Job, Step

SETTLE = "message.settle"
"""The kind of the job that ends a doubt."""

REPEATED = "repeated"
"""Marks a repeatable message that is already in its second try."""

NEIGHBOURS = 100
"""How many of the chat's other messages are told apart from the one that is looked for."""


@dataclass(frozen=True, slots=True)
class Look:
    """What tells the message in question from others that say the same."""

    since: float
    taken: frozenset[str]


def of(session: Session, message: Message) -> Doubt:
    """What can be done about it now: nothing any more, once the channel's time for that is over."""
    card = CAPABILITIES[session.get_one(ChannelAccount, message.account_id).channel]
    return card.doubt if utc_now() - message.created_at < card.sure_for else Doubt.STAYS


def put_off(session: Session, message: Message) -> None:
    """The channel will tell of the message if it has it. What is behind it in its chat does not wait for that."""
    card = CAPABILITIES[session.get_one(ChannelAccount, message.account_id).channel]
    jobs.put(
        session,
        SETTLE,
        {"message_id": message.id},
        lane=f"doubt:{message.id}",
        run_at=utc_now() + card.sure_for,
    )


def settle(session: Session, job: Job) -> None:
    """The channel has told nothing: what may be repeated is sent once more, of anything else a person decides."""
    message = delivered.locked(session, job.payload["message_id"])
    if message is None or message.delivery != Delivery.SENDING:
        return
    if message.repeatable and message.error != REPEATED:
        message.delivery, message.error = Delivery.QUEUED, REPEATED
        save(session, message)
        sending.queue(session, "message.deliver", message)
        return
    message.delivery, message.error = Delivery.UNKNOWN, "the channel told nothing of it"
    save(session, message)
    conversation = session.get_one(Conversation, message.conversation_id)
    delivered.tell_changed(session, conversation.shop_id, message)


JOBS: Handlers = {SETTLE: Step(settle)}


def look(session: Session, conversation: Conversation, message: Message) -> Look | None:
    """How to look it up in its chat; None where that is not needed or not possible."""
    if of(session, message) is not Doubt.LOOK:
        return None
    others = session.scalars(
        sa.select(Message.external_id)
        .where(
            Message.conversation_id == conversation.id,
            Message.external_id.is_not(None),
            Message.author != Author.BUYER,
            Message.id != message.id,
        )
        .order_by(Message.id.desc())
        .limit(NEIGHBOURS)
    )
    prefix = f"{conversation.chat}:"
    return Look(message.created_at.timestamp(), frozenset(other.removeprefix(prefix) for other in others if other))


async def found(channel: Channel, parcel: Parcel, look: Look) -> str | None:
    """The channel's id of the message, if it did arrive. Raises Unconfirmed while that cannot be found out."""
    if not isinstance(channel, Searchable):
        return None
    try:
        return await channel.find(parcel, since=look.since, taken=look.taken)
    except ChannelError as failure:
        raise Unconfirmed(f"it could not be looked up: {failure}") from failure
