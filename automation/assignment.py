"""Who gets a conversation whose buyer waits for a person: the shop's rule, applied to one conversation after another.

The shop's row is locked while somebody is chosen, so that two conversations that begin to wait at once see each other,
and nobody is given more than the rule says.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum

import sqlalchemy as sa
from sqlalchemy.orm import Session

from company import presence, settings, staff
from company.presence import Presence
from company.rights import Right, may
from company.tables import Shop
from inbox import conversations
from inbox.tables import Author, Conversation, Kind, Message, State
from kit.clock import utc_now
from storage.jobs import Handlers, Job, Step

ASSIGN = "assign"
"""The kind of the job."""

PATIENCE = timedelta(minutes=10)
"""How long a buyer waits for who leads the conversation and is not there, before somebody else is given it."""

MOST = 200
"""Conversations that one look gives out."""


class Reason(StrEnum):
    """Why it was this person."""

    KNOWN = "known"
    """He was the last to talk to this customer."""
    FEWEST = "fewest"
    """He leads the fewest open conversations."""
    ABSENT = "absent"
    """Who led the conversation is not there, and the buyer has waited long enough for him."""


@dataclass(slots=True)
class _Hands:
    """Who of the shop is there and may answer, with how many open conversations each leads."""

    led: dict[int, int]
    most: int

    def free(self) -> list[int]:
        """Those who have room, the least busy first."""
        return sorted(
            (id_ for id_, count in self.led.items() if count < self.most), key=lambda id_: (self.led[id_], id_)
        )


def assign(session: Session, job: Job) -> None:
    """Give out the conversation that has just begun to wait, if somebody is there to take it."""
    shop = _locked(session, job.payload["shop_id"])
    talk = session.get(Conversation, job.payload["conversation_id"], with_for_update=True, populate_existing=True)
    if talk is not None and settings.of(shop).assignment.rule != "nobody":
        _give(session, _hands(session, shop), talk)


def give_out(session: Session) -> None:
    """Look at all who wait, in every shop that has a rule: somebody may have come, or gone, meanwhile."""
    for shop_id in session.scalars(sa.select(Shop.id)).all():
        if settings.of(session.get_one(Shop, shop_id)).assignment.rule == "nobody":
            continue
        hands = _hands(session, _locked(session, shop_id))
        for talk in session.scalars(_waiting(shop_id, list(hands.led))).all() if hands.free() else ():
            _give(session, hands, talk)


JOBS: Handlers = {ASSIGN: Step(assign)}


def _locked(session: Session, shop_id: int) -> Shop:
    """Rows that refer to the shop can still be written meanwhile."""
    query = sa.select(Shop).where(Shop.id == shop_id).with_for_update(key_share=True)
    return session.scalars(query.execution_options(populate_existing=True)).one()


def _waiting(shop_id: int, there: list[int]) -> sa.Select[Conversation]:
    """Those whom no person leads or who stay with somebody who is not there, the longest waiting first; not those
    that are in another transaction's hands this moment. Who is led by a person gives him time to come back."""
    return (
        sa.select(Conversation)
        .where(
            Conversation.shop_id == shop_id,
            Conversation.kind == Kind.BUYER,
            Conversation.state == State.OPEN,
            Conversation.waiting_since.is_not(None),
            sa.or_(Conversation.held.is_(False), Conversation.waiting_since <= utc_now() - PATIENCE),
            sa.or_(Conversation.assignee_id.is_(None), Conversation.assignee_id.not_in(there)),
        )
        .order_by(Conversation.waiting_since, Conversation.id)
        .limit(MOST)
        .with_for_update(skip_locked=True)
        .execution_options(populate_existing=True)
    )


def _give(session: Session, hands: _Hands, talk: Conversation) -> None:
    if talk.kind != Kind.BUYER or not _waits(talk) or talk.assignee_id in hands.led:
        return
    free = hands.free()
    if not free:
        return
    known = _last_operator(session, talk)
    chosen, reason = (known, Reason.KNOWN) if known in free else (free[0], Reason.FEWEST)
    assert chosen is not None
    if talk.held:
        reason = Reason.ABSENT
    conversations.assign(session, talk, chosen, reason=reason)
    hands.led[chosen] += 1


def _waits(talk: Conversation) -> bool:
    if talk.state != State.OPEN or talk.waiting_since is None:
        return False
    return not talk.held or talk.waiting_since <= utc_now() - PATIENCE


def _hands(session: Session, shop: Shop) -> _Hands:
    here = presence.of_shop(session, shop.id, utc_now())
    able = {person.id for person, role in staff.of_shop(session, shop.id) if may(role, Right.REPLY)}
    there = [id_ for id_, state in here.items() if state is Presence.ONLINE and id_ in able]
    return _Hands(dict.fromkeys(there, 0) | _led(session, shop.id, there), settings.of(shop).assignment.most)


def _led(session: Session, shop_id: int, people: list[int]) -> dict[int, int]:
    rows = session.execute(
        sa.select(Conversation.assignee_id, sa.func.count())
        .where(Conversation.assignee_id.in_(people), Conversation.shop_id == shop_id, Conversation.state == State.OPEN)
        .group_by(Conversation.assignee_id)
    )
    return {staff_id: count for staff_id, count in rows if staff_id is not None}


def _last_operator(session: Session, talk: Conversation) -> int | None:
    """Who answered this customer last, in whichever of his conversations."""
    own = Conversation.id == talk.id
    if talk.customer_id is not None:
        own = sa.and_(Conversation.customer_id == talk.customer_id, Conversation.shop_id == talk.shop_id)
    talks = sa.select(Conversation.id).where(own, Conversation.kind == Kind.BUYER)
    return session.scalar(
        sa.select(Message.staff_id)
        .where(Message.conversation_id.in_(talks), Message.author == Author.STAFF, Message.private.is_(False))
        .order_by(Message.id.desc())
        .limit(1)
    )
