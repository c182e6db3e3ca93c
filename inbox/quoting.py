"""Which message a buyer answers, by the id that the channel gave it.

He may answer what we have sent before we know how the channel calls it: our sending is not recorded yet. Such an answer
is linked by a job in the conversation's own lane, which runs when that is known.
"""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy.orm import Session

from inbox.events import MessageChanged
from inbox.tables import Conversation, Message
from storage import jobs
from storage.events import publish
from storage.jobs import Job

LINK = "message.quote"
"""The kind of the job: its payload has the answer and the external id of what it answers."""


def replied_to(session: Session, conversation: Conversation, external: str) -> int | None:
    """The message that the channel calls so in this chat; None for an empty id and for what is not known."""
    if not external:
        return None
    return session.scalar(
        sa.select(Message.id).where(
            Message.account_id == conversation.account_id, Message.external_id == f"{conversation.chat}:{external}"
        )
    )


def link_later(session: Session, conversation: Conversation, message: Message, external: str) -> None:
    """Look again once everything that is being said to the buyer is said."""
    payload = {"message_id": message.id, "external": external}
    jobs.put(session, LINK, payload, lane=f"out:{conversation.id}", dedup_key=f"{LINK}:{message.id}")


def link(session: Session, job: Job) -> None:
    message = session.get_one(Message, job.payload["message_id"])
    conversation = session.get_one(Conversation, message.conversation_id)
    target = replied_to(session, conversation, job.payload["external"])
    if target is None or message.reply_to_id is not None:
        return
    message.reply_to_id = target
    session.flush()
    publish(
        session,
        MessageChanged(
            shop_id=conversation.shop_id,
            subject=f"conversation:{conversation.id}",
            conversation_id=conversation.id,
            message_id=message.id,
            delivery=message.delivery,
        ),
    )
