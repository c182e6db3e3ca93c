"""Channels that take free words only for some time after the buyer's own: is the window open, and what if it is not.

An operator is refused before anything is sent. What the shop says of itself goes as the template that was chosen for
its occasion; without one it is held until the buyer writes, and an operator is told.

What was held is old by then. Of several notices of one order's way the buyer gets the last alone. A member of staff
gets what is of the last day, and of anything older one summary: days of notices, one after another, tell nobody what
is new. Whatever comes hours late says of when it is: see aging.py.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.orm import Session

from company.tables import ChannelAccount
from inbox import delivered, sending, templates
from inbox.channels import CAPABILITIES
from inbox.content import Outgoing
from inbox.events import MessageHeld
from inbox.tables import Conversation, Delivery, Kind, Message
from kit.clock import utc_now
from kit.errors import Refused
from storage.events import publish
from storage.hot import save

MISSED = timedelta(days=1)
"""What a member of staff was to hear longer ago than this is summed up."""

HELD_FOR = "held_for"
"""The key in the content of a held message that names its occasion."""

OF_THE_WAY = frozenset(templates.OCCASIONS) - templates.NOT_STAGES | {"link_expired"}
"""Occasions of which the last says what has become of the order; money that is given back is told in any case."""


def of_the_way(occasion: str) -> str:
    """The occasion as OF_THE_WAY calls it: a stage of the shop's own is any `stage`."""
    return occasion if occasion in templates.OCCASIONS else "stage"


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


def heard(
    session: Session,
    conversation: Conversation,
    account: ChannelAccount,
    at: float,
    *,
    sum_up: Callable[[Sequence[Message]], None] | None = None,
) -> None:
    """The buyer has written or pressed at this moment: what was held goes out, in its order.

    `sum_up` says in one message what a member of staff has missed for longer than a day; these notices are dropped.
    """
    if CAPABILITIES[account.channel].window is None:
        return
    moment = min(datetime.fromtimestamp(at, UTC), utc_now()) if at else utc_now()
    if conversation.heard_at is None or moment > conversation.heard_at:
        conversation.heard_at = moment
    if not is_open(conversation, account):
        return
    waits = sa.select(Message).where(Message.conversation_id == conversation.id, Message.delivery == Delivery.HELD)
    held = session.scalars(waits.order_by(Message.id)).all()
    old = [message for message in held if utc_now() - message.created_at > MISSED]
    needless = _overtaken(held)
    if conversation.kind == Kind.STAFF and sum_up is not None and old:
        sum_up(old)
        needless = {message.id for message in old}
    for message in held:
        dropped = message.id in needless
        message.delivery, message.error = Delivery.DROPPED if dropped else Delivery.QUEUED, ""
        save(session, message)
        if not dropped:
            sending.queue(session, "message.deliver", message)
        delivered.tell_changed(session, conversation.shop_id, message)


def _overtaken(held: Sequence[Message]) -> set[int]:
    """Ids of notices of an order's way that a later one of the same order has overtaken."""
    newest: dict[int, int] = {}
    overtaken: set[int] = set()
    for message in held:
        card = message.content.get("card") or {}
        if message.content.get(HELD_FOR) in OF_THE_WAY and card.get("kind") == "order":
            if (earlier := newest.get(card["id"])) is not None:
                overtaken.add(earlier)
            newest[card["id"]] = message.id
    return overtaken


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
