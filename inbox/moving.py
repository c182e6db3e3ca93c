"""Conversations follow their customer when his card is put into another, and go back when that is undone."""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy.orm import Session

from customers.merging import rows_of
from inbox.events import ConversationChanged
from inbox.tables import Conversation
from storage.events import publish


def _tell(session: Session, ids: list[int], actor: str) -> None:
    """Open pages show another customer beside them."""
    shops = sa.select(Conversation.id, Conversation.shop_id).where(Conversation.id.in_(ids)).order_by(Conversation.id)
    for conversation_id, shop_id in session.execute(shops).all():
        publish(
            session,
            ConversationChanged(
                shop_id=shop_id,
                subject=f"conversation:{conversation_id}",
                actor=actor,
                conversation_id=conversation_id,
                change="customer",
            ),
        )


HOLDER = rows_of(Conversation, told=_tell)
