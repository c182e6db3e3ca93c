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


class OnItsWay(Refused):
    """A message is just being sent to him, and will be written down when it has arrived."""

    code = "message_on_its_way"


def hold(session: Session, customer_ids: Sequence[int]) -> list[Conversation]:
    """His conversations, locked. Raises OnItsWay."""
    mine = sa.select(Conversation).where(Conversation.customer_id.in_(customer_ids)).order_by(Conversation.id)
    held = list(session.scalars(mine.with_for_update().execution_options(populate_existing=True)))
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
        conversation.chat, conversation.kind, conversation.state = (
            f"erased:{conversation.id}",
            Kind.ERASED,
            State.CLOSED,
        )
        conversation.assignee_id, conversation.held, conversation.blocked = None, False, True
        conversation.unread, conversation.scheduled = 0, 0
        conversation.waiting_since = conversation.snoozed_until = None
        conversation.last_text, conversation.flow = "", ""
        conversation.flow_state, conversation.offered, conversation.context = {}, [], {}
    session.flush()
    theirs = StoredFile.id.in_(numbers), StoredFile.id.not_in(sa.select(Photo.file_id))
    return list(session.scalars(sa.delete(StoredFile).where(*theirs).returning(StoredFile.sha256)))


def erase_told(session: Session, shop_id: int, words: Collection[str]) -> int:
    """Empty what the staff were told in their own chats, where it holds one of these words. Gives the number."""
    if not words:
        return 0
    chats = sa.select(Conversation.id).where(Conversation.shop_id == shop_id, Conversation.kind == Kind.STAFF)
    named = sa.or_(*(Message.text.contains(word, autoescape=True) for word in sorted(words)))
    found = list(session.scalars(sa.select(Message.id).where(Message.conversation_id.in_(chats), named)))
    gone = sa.update(Message).where(Message.id.in_(found)).values(text="", content={}, history=[])
    session.execute(gone.execution_options(synchronize_session=False))
    last = sa.or_(*(Conversation.last_text.contains(word, autoescape=True) for word in sorted(words)))
    session.execute(
        sa.update(Conversation)
        .where(Conversation.id.in_(chats), last)
        .values(last_text="")
        .execution_options(synchronize_session=False)
    )
    return len(found)


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
