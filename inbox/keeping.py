"""A message's row: written, told of, and shown in the list of conversations."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from inbox.events import MessageAdded
from inbox.tables import Author, Conversation, Delivery, Message, State
from kit.clock import utc_now
from storage.events import publish
from storage.hot import Hot, insert, insertion

NEW, NEW_ONCE = insertion(Message), insertion(Message, once=True)

PREVIEW = 200
"""How much of the last message the list of conversations keeps."""


def add(session: Session, conversation: Conversation, **facts: Any) -> Message:
    """A new message. Raises IntegrityError if its external id or client key is taken."""
    message = keep(session, conversation, NEW, **facts)
    assert message is not None
    return message


def keep(
    session: Session,
    conversation: Conversation,
    statement: Hot,
    *,
    author: Author,
    text: str,
    form: dict[str, Any],
    delivery: Delivery,
    staff_id: int | None = None,
    private: bool = False,
    external_id: str | None = None,
    client_key: str | None = None,
    reply_to_id: int | None = None,
    repeatable: bool = False,
    sent_at: datetime | None = None,
) -> Message | None:
    """The message that `statement` writes: NEW, or NEW_ONCE, which gives None for one that is there already."""
    now = utc_now()
    message = insert(
        session,
        Message,
        statement,
        conversation_id=conversation.id,
        account_id=conversation.account_id,
        author=author,
        staff_id=staff_id,
        private=private,
        text=text,
        content=form,
        external_id=external_id,
        client_key=client_key,
        reply_to_id=reply_to_id,
        delivery=delivery,
        error="",
        repeatable=repeatable,
        version=1,
        history=[],
        signs=[],
        created_at=now,
        edited_at=None,
        removed_at=None,
        sent_at=sent_at,
    )
    if message is None:
        return None
    if not private:
        conversation.last_at, conversation.last_author = now, author
        conversation.last_text = (text or _kinds(form)).replace("\n", " ")[:PREVIEW]
        conversation.state = State.OPEN if author is Author.BUYER else conversation.state
    publish(
        session,
        MessageAdded(
            shop_id=conversation.shop_id,
            subject=f"conversation:{conversation.id}",
            actor=_actor(conversation, author, staff_id),
            conversation_id=conversation.id,
            message_id=message.id,
            author=author,
        ),
    )
    return message


def _actor(conversation: Conversation, author: Author, staff_id: int | None) -> str:
    if author is Author.STAFF and staff_id is not None:
        return f"staff:{staff_id}"
    return f"customer:{conversation.customer_id}" if author is Author.BUYER else author.value


def _kinds(form: dict[str, Any]) -> str:
    """What a message without words holds, as a mark that the pages translate: "[photo]"."""
    for media in form.get("media", ()):
        return f"[{media['kind']}]"
    for kind in ("contact", "location", "unsupported"):
        if form.get(kind):
            return f"[{kind}]"
    return ""
