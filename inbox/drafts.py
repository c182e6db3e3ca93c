"""What people have begun to write: kept for each conversation and person, until it is sent."""

from __future__ import annotations

from collections.abc import Collection, Mapping

import sqlalchemy as sa
from sqlalchemy.orm import Session

from company.tables import Staff
from inbox.content import Media, load_outgoing
from inbox.events import DraftLeft
from inbox.tables import Conversation, Draft, Message, ScheduledMessage
from kit.clock import utc_now
from storage.events import publish

LONGEST = 20_000
"""Characters of a draft; what is longer nobody has typed."""


def keep(
    session: Session,
    conversation: Conversation,
    staff: Staff,
    text: str,
    *,
    private: bool,
    key: str,
    again: ScheduledMessage | None = None,
    quoted: Message | None = None,
) -> bool:
    """Remember the text, whose files go with it and what it answers; with none of them the draft is forgotten. The last
    writer wins.

    The conversation must be locked. A draft that comes after its own message, which has the same key, changes nothing
    and gives False.
    """
    draft = session.get(Draft, (conversation.id, staff.id, private))
    if not text.strip() and again is None and quoted is None:
        if draft is not None:
            session.delete(draft)
        return True
    if key and _was_sent(session, conversation.id, key):
        return False
    if draft is None:
        draft = Draft(conversation_id=conversation.id, staff_id=staff.id, private=private)
        session.add(draft)
    draft.text, draft.key, draft.at = text[:LONGEST], key, utc_now()
    draft.again = again.id if again is not None else None
    draft.reply_to_id = quoted.id if quoted is not None else None
    session.flush()
    return True


def tell_left(session: Session, conversation: Conversation, staff: Staff) -> None:
    """A draft saved when its page is left may come after the next page was drawn: its writer's pages are told."""
    publish(
        session,
        DraftLeft(
            shop_id=conversation.shop_id,
            subject=f"conversation:{conversation.id}",
            actor=f"staff:{staff.id}",
            conversation_id=conversation.id,
            staff_id=staff.id,
        ),
    )


def clear(session: Session, conversation: Conversation, staff: Staff, *, private: bool, key: str) -> None:
    """The message of this key is said: its draft goes. What was begun meanwhile, under another key, stays."""
    mine = (Draft.conversation_id == conversation.id, Draft.staff_id == staff.id, Draft.private == private)
    session.execute(sa.delete(Draft).where(*mine, Draft.key == key))


def of(session: Session, conversation_id: int, staff_id: int) -> list[Draft]:
    """The answer and the note that the person has begun here."""
    query = sa.select(Draft).where(Draft.conversation_id == conversation_id, Draft.staff_id == staff_id)
    return list(session.scalars(query.order_by(Draft.private)))


def files(session: Session, draft: Draft) -> list[Media]:
    """Those of the message that was taken back, which go with the draft."""
    taken = session.get(ScheduledMessage, draft.again) if draft.again is not None else None
    return list(load_outgoing(taken.content).media) if taken is not None else []


def among(session: Session, conversation_ids: Collection[int], staff_id: int) -> Mapping[int, str]:
    """What the person has begun in these conversations; an answer comes before a note. Only to have chosen what will be
    answered is no beginning."""
    if not conversation_ids:
        return {}
    query = (
        sa.select(Draft.conversation_id, Draft.text)
        .where(Draft.conversation_id.in_(conversation_ids), Draft.staff_id == staff_id)
        .where(sa.or_(Draft.text != "", Draft.again.is_not(None)))
        .order_by(Draft.private.desc())
    )
    found: dict[int, str] = dict(session.execute(query).all())
    return found


def who_began(session: Session, conversation_ids: Collection[int]) -> dict[int, frozenset[int]]:
    """Of whom `among` finds something in each of these conversations."""
    query = (
        sa.select(Draft.conversation_id, Draft.staff_id)
        .where(Draft.conversation_id.in_(conversation_ids))
        .where(sa.or_(Draft.text != "", Draft.again.is_not(None)))
    )
    found: dict[int, frozenset[int]] = {}
    for conversation_id, staff_id in session.execute(query):
        found[conversation_id] = found.get(conversation_id, frozenset()) | {staff_id}
    return found


def _was_sent(session: Session, conversation_id: int, key: str) -> bool:
    """Or is to be, later."""
    found = (
        sa.select(row.id).where(row.conversation_id == conversation_id, row.client_key == key).exists()
        for row in (Message, ScheduledMessage)
    )
    return bool(session.scalar(sa.select(sa.or_(*found))))
