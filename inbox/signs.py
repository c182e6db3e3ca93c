"""What a buyer does to a message that stands there: puts a sign on it, takes it away.

Neither is a message: nobody is made to wait for an answer to it, and what he took away stays with the shop, marked.
"""

from __future__ import annotations

from collections.abc import Sequence

import sqlalchemy as sa
from sqlalchemy.orm import Session

from inbox.delivered import tell_changed
from inbox.keeping import PREVIEW
from inbox.tables import Author, Conversation, Message
from kit.clock import utc_now

MOST = 8
"""Signs of one message that are kept; no messenger lets one person put on more."""

LONGEST = 32
"""Characters of a sign: the longest emoji are made of a dozen."""


def put(session: Session, conversation: Conversation, external: str, signs: Sequence[str]) -> bool:
    """These signs, and no others, are on the message that the channel calls so. False where it is not known.

    On a message of the shop's a new one is shown in the list of conversations, for it may be an answer.
    """
    message = _of(session, conversation.account_id, conversation.chat, external)
    if message is None or message.private:
        return False
    before, now = list(message.signs), [sign[:LONGEST] for sign in signs[:MOST]]
    if before == now:
        return True
    message.signs = now
    fresh = [sign for sign in now if sign not in before]
    if fresh and message.author != Author.BUYER:
        conversation.last_at, conversation.last_author = utc_now(), Author.BUYER
        conversation.last_text = " ".join(now)[:PREVIEW]
    session.flush()
    tell_changed(session, conversation.shop_id, message)
    return True


def take_away(session: Session, account_id: int, chat: str, external: str) -> None:
    """The buyer has taken away what he said. Whatever else stands there he cannot take away; a second time changes
    nothing."""
    message = _of(session, account_id, chat, external)
    if message is None or message.author != Author.BUYER or message.removed_at is not None:
        return
    message.removed_at = utc_now()
    session.flush()
    tell_changed(session, session.get_one(Conversation, message.conversation_id).shop_id, message)


def _of(session: Session, account_id: int, chat: str, external: str) -> Message | None:
    if not external:
        return None
    return session.scalar(
        sa.select(Message)
        .where(Message.account_id == account_id, Message.external_id == f"{chat}:{external}")
        .with_for_update()
        .execution_options(populate_existing=True)
    )
