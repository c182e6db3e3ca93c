"""Tables of conversations and messages."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from storage.schema import Base, Id, ref

_unsettled = sa.text("delivery IN ('failed', 'unknown')")
_waits = sa.text("waiting_since IS NOT NULL")
_led = sa.text("assignee_id IS NOT NULL")


class Kind(StrEnum):
    BUYER = "buyer"
    STAFF = "staff"
    """A member of staff's own chat, where notices go; never in the inbox."""
    ERASED = "erased"
    """What it held was taken away for good: the buyer is forgotten. Never in the inbox."""


class State(StrEnum):
    OPEN = "open"
    SNOOZED = "snoozed"
    """Put off until a moment, or until the buyer writes."""
    CLOSED = "closed"


class Author(StrEnum):
    BUYER = "buyer"
    BOT = "bot"
    STAFF = "staff"
    SYSTEM = "system"


class Delivery(StrEnum):
    """Where an outgoing message is on its way; `received` and `kept` for what is not sent."""

    RECEIVED = "received"
    KEPT = "kept"
    QUEUED = "queued"
    HELD = "held"
    """The channel takes it only after the buyer has written again."""
    SENDING = "sending"
    SENT = "sent"
    DELIVERED = "delivered"
    READ = "read"
    FAILED = "failed"
    UNKNOWN = "unknown"
    DROPPED = "dropped"
    """A notice that was held until a later one, or a summary, said more."""


class Conversation(Base):
    """All talk with one chat of one channel account."""

    __tablename__ = "conversation"
    __table_args__ = (
        sa.UniqueConstraint("account_id", "chat"),
        sa.Index("ix_conversation_shop_state_last", "shop_id", "kind", "state", "last_at"),
        # Counts over the list are read from this index alone.
        sa.Index("ix_conversation_counts", "shop_id", "kind", "state", "account_id", "assignee_id", "waiting_since"),
        sa.Index("ix_conversation_waiting", "shop_id", "waiting_since", sqlite_where=_waits, postgresql_where=_waits),
        sa.Index("ix_conversation_led", "assignee_id", "state", "last_at", sqlite_where=_led, postgresql_where=_led),
    )

    id: Mapped[Id]
    shop_id: Mapped[int] = ref("shop.id", index=False)
    account_id: Mapped[int] = ref("channel_account.id", index=False)
    chat: Mapped[str] = mapped_column(sa.String(120))
    """The chat's id on its channel."""
    kind: Mapped[Kind] = mapped_column(sa.String(10), default=Kind.BUYER)
    customer_id: Mapped[int | None] = ref("customer.id", nullable=True)
    staff_id: Mapped[int | None] = ref("staff.id", nullable=True, index=False)
    """Whose chat it is, when kind is staff."""
    state: Mapped[State] = mapped_column(sa.String(10), default=State.OPEN)
    assignee_id: Mapped[int | None] = ref("staff.id", nullable=True)
    held: Mapped[bool] = mapped_column(default=False)
    """A person leads the conversation: the bot is silent."""
    locale: Mapped[str] = mapped_column(sa.String(5), default="ru")
    unread: Mapped[int] = mapped_column(default=0)
    waiting_since: Mapped[datetime | None]
    """When the buyer began to wait for a person; None when nobody waits."""
    snoozed_until: Mapped[datetime | None]
    """When a conversation that was put off comes back; None in every other state."""
    scheduled: Mapped[int] = mapped_column(default=0)
    """How many messages wait here to be sent later."""
    last_at: Mapped[datetime]
    """Of the last message, or of the return of one that was put off."""
    last_text: Mapped[str] = mapped_column(sa.String(200), default="")
    last_author: Mapped[Author] = mapped_column(sa.String(10), default=Author.BUYER)
    flow: Mapped[str] = mapped_column(sa.String(40), default="")
    flow_state: Mapped[dict[str, Any]] = mapped_column(default=dict)
    offered: Mapped[list[Any]] = mapped_column(default=list)
    """Actions behind the last numbered list, so that a typed "2" is the same as the button."""
    context: Mapped[dict[str, Any]] = mapped_column(default=dict)
    """Where the buyer came from: page, referrer, utm_*, start (deep link); of letters, what an answer must name."""
    blocked: Mapped[bool] = mapped_column(default=False)
    """The buyer stopped the bot; sending is refused until they come back."""
    heard_at: Mapped[datetime | None]
    """When the buyer last wrote or pressed, on channels where the shop may write for some time after that."""
    created_at: Mapped[datetime]


class Message(Base):
    """One message. For an outgoing one the row is also its delivery record."""

    __tablename__ = "message"
    __table_args__ = (
        sa.UniqueConstraint("account_id", "external_id"),
        sa.UniqueConstraint("conversation_id", "client_key"),
        sa.Index("ix_message_conversation_id_id", "conversation_id", "id"),
        # The few messages that a person must look after, among millions.
        sa.Index("ix_message_unsettled", "delivery", "id", sqlite_where=_unsettled, postgresql_where=_unsettled),
    )

    id: Mapped[Id]
    conversation_id: Mapped[int] = ref("conversation.id", index=False)
    account_id: Mapped[int] = ref("channel_account.id", index=False)
    author: Mapped[Author] = mapped_column(sa.String(10))
    staff_id: Mapped[int | None] = ref("staff.id", nullable=True, index=False)
    private: Mapped[bool] = mapped_column(default=False)
    """A note for the staff, or a system line: never sent."""
    text: Mapped[str] = mapped_column(sa.Text, default="")
    content: Mapped[dict[str, Any]] = mapped_column(default=dict)
    """The whole of it: inbox.content.dump of an Incoming or an Outgoing."""
    external_id: Mapped[str | None] = mapped_column(sa.String(120))
    """"<chat>:<message id>" on the channel; unique within the account."""
    client_key: Mapped[str | None] = mapped_column(sa.String(80))
    """What the sender's side calls it: a repeated send finds the same row."""
    reply_to_id: Mapped[int | None] = mapped_column(sa.BigInteger)
    delivery: Mapped[Delivery] = mapped_column(sa.String(10))
    error: Mapped[str] = mapped_column(sa.String(300), default="")
    repeatable: Mapped[bool] = mapped_column(default=False)
    """A second copy is harmless (it carries the order number), so an unconfirmed send is repeated once."""
    version: Mapped[int] = mapped_column(default=1)
    """Grows when the content is edited; buttons of older versions are out of date."""
    history: Mapped[list[Any]] = mapped_column(default=list)
    """Earlier texts, oldest first: [{"text": …, "at": …}]."""
    signs: Mapped[list[Any]] = mapped_column(default=list)
    """What the buyer has put on it, as it is now: ["👍"]."""
    created_at: Mapped[datetime]
    edited_at: Mapped[datetime | None]
    removed_at: Mapped[datetime | None]
    """When the buyer took it away, which changes nothing of what it says here."""
    sent_at: Mapped[datetime | None]


class CannedReply(Base):
    """An answer that is given often. Operators call it by its name after a slash."""

    __tablename__ = "canned_reply"
    __table_args__ = (sa.UniqueConstraint("shop_id", "name"),)

    id: Mapped[Id]
    shop_id: Mapped[int] = ref("shop.id", index=False)
    name: Mapped[str] = mapped_column(sa.String(40))
    text: Mapped[str] = mapped_column(sa.Text)
    """With {name}, {order} and the like to be filled from the conversation: inbox.canned.FACTS."""


class SearchPlace(Base):
    """One row: up to this message all are in the search that are to be."""

    __tablename__ = "message_search_place"

    message_id: Mapped[Id]


class Draft(Base):
    """What a person has begun to write in a conversation: an answer, or a note."""

    __tablename__ = "draft"

    conversation_id: Mapped[int] = mapped_column(sa.ForeignKey("conversation.id"), primary_key=True)
    staff_id: Mapped[int] = mapped_column(sa.ForeignKey("staff.id"), primary_key=True)
    private: Mapped[bool] = mapped_column(primary_key=True)
    text: Mapped[str] = mapped_column(sa.Text)
    key: Mapped[str] = mapped_column(sa.String(80))
    """The client_key of the message that it will be."""
    again: Mapped[int | None] = ref("scheduled_message.id", nullable=True, index=False)
    """A message that was taken back, whose files go with this one."""
    reply_to_id: Mapped[int | None] = mapped_column(sa.BigInteger)
    """The message that it answers."""
    at: Mapped[datetime]


class Planned(StrEnum):
    """What has become of a message to be sent later."""

    WAITING = "waiting"
    SENT = "sent"
    STOPPED = "stopped"
    """The buyer wrote first."""
    REFUSED = "refused"
    """It could not be sent when its time came; `why` says the reason."""
    WITHDRAWN = "withdrawn"
    """A person took it back, or has put it away."""


class ScheduledMessage(Base):
    """An answer that is to be sent at a moment: tomorrow morning, or in five seconds, so that it can be taken back."""

    __tablename__ = "scheduled_message"
    __table_args__ = (
        sa.UniqueConstraint("conversation_id", "client_key"),
        sa.Index("ix_scheduled_message_conversation_id_state", "conversation_id", "state"),
    )

    id: Mapped[Id]
    conversation_id: Mapped[int] = ref("conversation.id", index=False)
    staff_id: Mapped[int] = ref("staff.id", index=False)
    """Whose answer it is."""
    content: Mapped[dict[str, Any]] = mapped_column(default=dict)
    """inbox.content.dump of an Outgoing."""
    client_key: Mapped[str] = mapped_column(sa.String(80))
    """The message's own, when it is sent."""
    reply_to_id: Mapped[int | None] = mapped_column(sa.BigInteger)
    send_at: Mapped[datetime]
    unless_answered: Mapped[bool] = mapped_column(default=True)
    """Not sent if the buyer writes first."""
    brief: Mapped[bool] = mapped_column(default=False)
    """It was sent already, as its person sees it, and waits only to be taken back."""
    then: Mapped[dict[str, Any]] = mapped_column(default=dict)
    """What follows: {"close": true}, or {"snooze": "<ISO 8601>"}."""
    state: Mapped[Planned] = mapped_column(sa.String(10), default=Planned.WAITING)
    why: Mapped[dict[str, Any]] = mapped_column(default=dict)
    """The refusal: {"code": …, "facts": {…}}."""
    message_id: Mapped[int | None] = mapped_column(sa.BigInteger)
    created_at: Mapped[datetime]
    closed_at: Mapped[datetime | None]
