"""What was said with a person, taken away for good. The rows stay, empty: what was told of them leads to them still."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from catalog.tables import Photo
from inbox import searching
from inbox.tables import Conversation, Delivery, Draft, Kind, Message, ScheduledMessage, State
from kit.errors import Refused
from storage.tables import StoredFile

UNSENT = (Delivery.QUEUED, Delivery.HELD, Delivery.UNKNOWN, Delivery.FAILED)


OF_EVENTS = ("notice", "task", "delivery")
"""What the keys begin with under which the staff are told of an event, whose number follows."""


class OfStaff(Refused):
    """He works here, and his chat is where the shop tells him of its orders."""

    code = "customer_is_staff"


class OnItsWay(Refused):
    """A message is just being sent to him, and will be written down when it has arrived."""

    code = "message_on_its_way"


def hold(session: Session, customer_ids: Sequence[int]) -> list[Conversation]:
    """His conversations, locked. Raises OfStaff and OnItsWay."""
    mine = sa.select(Conversation).where(Conversation.customer_id.in_(customer_ids)).order_by(Conversation.id)
    held = list(session.scalars(mine.with_for_update().execution_options(populate_existing=True)))
    if any(each.kind == Kind.STAFF for each in held):
        raise OfStaff("a member of staff")
    sending = sa.select(Message.id).where(_in(held), Message.delivery == Delivery.SENDING).limit(1)
    if session.scalar(sending) is not None:
        raise OnItsWay("a message is on its way")
    return held


def erase(session: Session, held: Sequence[Conversation]) -> list[str]:
    """Empty these conversations, which are locked, and forget the files that came or went in them. Gives the sums of
    the files."""
    numbers = _files(session, held)
    searching.forget(session, sa.select(Message.id).where(_in(held)))
    ids = [conversation.id for conversation in held]
    session.execute(sa.delete(Draft).where(Draft.conversation_id.in_(ids)))
    session.execute(sa.delete(ScheduledMessage).where(ScheduledMessage.conversation_id.in_(ids)))
    session.execute(
        sa.update(Message)
        .where(_in(held))
        .values(
            text="",
            content={},
            external_id=None,
            client_key=None,
            error="",
            history=[],
            signs=[],
            delivery=sa.case((Message.delivery.in_(UNSENT), Delivery.KEPT), else_=Message.delivery),
        )
        .execution_options(synchronize_session=False)
    )
    for conversation in held:
        conversation.chat, conversation.kind = f"erased:{conversation.id}", Kind.ERASED
        conversation.state = State.CLOSED
        conversation.assignee_id, conversation.held, conversation.blocked = None, False, True
        conversation.unread, conversation.scheduled = 0, 0
        conversation.waiting_since = conversation.snoozed_until = None
        conversation.last_text, conversation.flow = "", ""
        conversation.flow_state, conversation.offered, conversation.context = {}, [], {}
    session.flush()
    theirs = StoredFile.id.in_(numbers), StoredFile.id.not_in(sa.select(Photo.file_id))
    return list(session.scalars(sa.delete(StoredFile).where(*theirs).returning(StoredFile.sha256)))


def erase_told(session: Session, shop_id: int, event_ids: Collection[int], words: Collection[str]) -> None:
    """Empty what the staff were told in their own chats because of these events, and what was said there under no key,
    such as a summary of what they missed, if it holds one of these words. Others may be called as he is: a notice of
    theirs stays, with the buttons that somebody is to press."""
    chats = sa.select(Conversation.id).where(Conversation.shop_id == shop_id, Conversation.kind == Kind.STAFF)
    there = Message.conversation_id.in_(chats)
    keyed = sa.or_(*(Message.client_key.startswith(f"{kind}:") for kind in OF_EVENTS))
    keys = session.execute(sa.select(Message.id, Message.client_key).where(there, keyed))
    found = {id_ for id_, key in keys if _event_in(str(key)) in event_ids}
    if words:
        named = sa.or_(*(Message.text.contains(word, autoescape=True) for word in sorted(words)))
        found.update(session.scalars(sa.select(Message.id).where(there, Message.client_key.is_(None), named)))
    newest = sa.select(sa.func.max(Message.id)).where(there).group_by(Message.conversation_id)
    last = found.intersection(session.scalars(newest))
    gone = sa.update(Message).where(Message.id.in_(found)).values(text="", content={}, history=[])
    session.execute(gone.execution_options(synchronize_session=False))
    shown = sa.select(Message.conversation_id).where(Message.id.in_(last))
    blank = sa.update(Conversation).where(Conversation.id.in_(shown)).values(last_text="")
    session.execute(blank.execution_options(synchronize_session=False))


def _event_in(key: str) -> int:
    """The event's number in "notice:17", or in "notice:17#1" of a notice in several messages."""
    return int(key.partition(":")[2].partition("#")[0])


def _in(held: Sequence[Conversation]) -> sa.ColumnElement[bool]:
    return Message.conversation_id.in_([conversation.id for conversation in held])


def _files(session: Session, held: Sequence[Conversation]) -> set[int]:
    """Numbers of the files that are named in these conversations, or were to be."""
    ids = [conversation.id for conversation in held]
    said = session.scalars(sa.select(Message.content).where(_in(held)))
    planned = session.scalars(sa.select(ScheduledMessage.content).where(ScheduledMessage.conversation_id.in_(ids)))
    return {number for form in (*said, *planned) for number in named(form)}


def named(value: Any) -> Iterator[int]:
    """The numbers of the files that a message's content names."""
    if isinstance(value, dict):
        for name, each in value.items():
            if name == "file_id" and isinstance(each, int):
                yield each
            else:
                yield from named(each)
    elif isinstance(value, list):
        for each in value:
            yield from named(each)
