"""Conversations follow their customer when his card is put into another, and go back when that is undone."""

from __future__ import annotations

from collections.abc import Collection

import sqlalchemy as sa
from sqlalchemy.orm import Session

from customers.merging import Holder
from inbox.events import ConversationChanged
from inbox.tables import Conversation
from storage.events import publish


def _hold(session: Session, customer_ids: Collection[int]) -> None:
    mine = sa.select(Conversation.id).where(Conversation.customer_id.in_(customer_ids))
    session.execute(mine.order_by(Conversation.id).with_for_update()).all()


def _move(session: Session, from_id: int, to_id: int, actor: str) -> list[int]:
    mine = sa.select(Conversation.id).where(Conversation.customer_id == from_id).order_by(Conversation.id)
    ids = list(session.scalars(mine))
    _lead(session, ids, from_id, to_id, actor)
    return ids


def _give_back(session: Session, moved: list[int], from_id: int, to_id: int, actor: str) -> None:
    _lead(session, moved, from_id, to_id, actor)


def _lead(session: Session, ids: list[int], from_id: int, to_id: int, actor: str) -> None:
    led = session.execute(
        sa.update(Conversation)
        .where(Conversation.id.in_(ids), Conversation.customer_id == from_id)
        .values(customer_id=to_id)
        .returning(Conversation.id, Conversation.shop_id)
    )
    for conversation_id, shop_id in led.all():
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


HOLDER = Holder(_hold, _move, _give_back)
