"""The same done with many conversations at once: what can be done is done, and of the rest it is said why not."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Session

from company.tables import Staff
from inbox import conversations, snoozing
from inbox.conversations import AlreadyTaken
from inbox.tables import Conversation, Kind, State
from kit.errors import Refused

MOST = 500
"""Conversations that one act takes: as many as the list shows."""


class TooMany(Refused):
    code = "too_many_conversations"

    def __init__(self) -> None:
        super().__init__(f"more than {MOST} conversations", most=MOST)


@dataclass(slots=True)
class Result:
    done: list[int] = field(default_factory=list)
    """The conversations that were changed."""
    as_they_were: int = 0
    """There was nothing to do: closed already, nobody waits."""
    taken: dict[str, int] = field(default_factory=dict)
    """Left to the colleagues who lead them: name → how many."""


Act = Callable[[Conversation], bool]
"""Does it to one conversation; False where there is nothing to do. Raises AlreadyTaken."""


def close(session: Session, shop_id: int, ids: Sequence[int], *, by: Staff) -> Result:
    def act(here: Conversation) -> bool:
        if here.state == State.CLOSED:
            return False
        _leave_to_leader(session, here, by)
        conversations.close(session, here, by=by)
        return True

    return _each(session, shop_id, ids, act)


def undo_close(session: Session, shop_id: int, ids: Sequence[int], *, by: Staff) -> Result:
    return _each(session, shop_id, ids, lambda here: conversations.undo_close(session, here, by=by))


def hand_over(session: Session, shop_id: int, ids: Sequence[int], to: Staff, *, by: Staff) -> Result:
    def act(here: Conversation) -> bool:
        if here.held and here.assignee_id == to.id:
            return False
        _leave_to_leader(session, here, by)
        conversations.hand_over(session, here, to, by=by)
        return True

    return _each(session, shop_id, ids, act)


def put_off(session: Session, shop_id: int, ids: Sequence[int], until: datetime, *, by: Staff) -> Result:
    """Raises MomentPast, MomentTooFar."""

    def act(here: Conversation) -> bool:
        snoozing.put_off(session, here, until, by=by)
        return True

    return _each(session, shop_id, ids, act)


def no_answer_needed(session: Session, shop_id: int, ids: Sequence[int], *, by: Staff) -> Result:
    def act(here: Conversation) -> bool:
        if here.waiting_since is None:
            return False
        _leave_to_leader(session, here, by)
        conversations.no_answer_needed(session, here, by=by)
        return True

    return _each(session, shop_id, ids, act)


def _each(session: Session, shop_id: int, ids: Sequence[int], act: Act) -> Result:
    """Raises NoSuchConversation if one is not in this shop's inbox, TooMany."""
    wanted = sorted(set(ids))
    if len(wanted) > MOST:
        raise TooMany()
    # Locked in one order, so that two who do this at once wait for each other and not for ever.
    found = session.scalars(
        sa.select(Conversation)
        .where(Conversation.id.in_(wanted), Conversation.shop_id == shop_id, Conversation.kind == Kind.BUYER)
        .order_by(Conversation.id)
        .with_for_update()
    ).all()
    if len(found) < len(wanted):
        raise conversations.NoSuchConversation(f"{len(wanted) - len(found)} of {len(wanted)} are not here")
    result = Result()
    for here in found:
        try:
            if act(here):
                result.done.append(here.id)
            else:
                result.as_they_were += 1
        except AlreadyTaken as taken:
            result.taken[taken.name] = result.taken.get(taken.name, 0) + 1
    return result


def _leave_to_leader(session: Session, here: Conversation, by: Staff) -> None:
    """What a colleague leads is not touched by the dozen. Raises AlreadyTaken."""
    if here.held and here.assignee_id not in (None, by.id):
        leader = session.get(Staff, here.assignee_id)
        raise AlreadyTaken(leader.name if leader else "")
