"""Conversations: one per chat of a channel account; who leads it, and whether it is open."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from company.tables import ChannelAccount, Staff
from customers.tables import Customer
from inbox import portraits, seen
from inbox.events import ConversationAssigned, ConversationChanged, ConversationClosed, ConversationWaits
from inbox.tables import Author, Conversation, Kind, State
from kit.clock import utc_now
from kit.errors import Missing, Refused
from storage.events import publish
from storage.hot import Hot, Load, insert, insertion
from storage.tables import EventRow

_LOCKED = Load(
    lambda query: query.where(
        Conversation.account_id == sa.bindparam("account_id"), Conversation.chat == sa.bindparam("chat")
    ).with_for_update(),
    Conversation,
)
_NEW = insertion(Conversation, once=True)
_HOLD = Hot(
    lambda _: sa.select(Conversation.id).where(Conversation.id == sa.bindparam("conversation_id")).with_for_update()
)


NOTE_TOLD = 200
"""How much of a note comes with the news of a hand-over."""


class NoSuchConversation(Missing):
    code = "no_such_conversation"


class AlreadyTaken(Refused):
    """Somebody else leads the conversation."""

    code = "already_taken"

    def __init__(self, name: str) -> None:
        self.name = name
        super().__init__(f"{name} leads this conversation", name=name)


def open_for(
    session: Session, account: ChannelAccount, chat: str, *, customer_id: int | None, locale: str
) -> Conversation:
    """The chat's conversation, locked; made at first sight. Two first messages at once find the same one."""
    found = _LOCKED.first(session, account_id=account.id, chat=chat)
    if found is not None:
        return _ours(session, found[0])
    now = utc_now()
    made = insert(
        session,
        Conversation,
        _NEW,
        shop_id=account.shop_id,
        account_id=account.id,
        chat=chat,
        kind=Kind.BUYER,
        customer_id=customer_id,
        staff_id=None,
        state=State.OPEN,
        assignee_id=None,
        held=False,
        locale=locale,
        unread=0,
        waiting_since=None,
        snoozed_until=None,
        scheduled=0,
        last_at=now,
        last_text="",
        last_author=Author.BUYER,
        flow="",
        flow_state={},
        offered=[],
        context={},
        blocked=False,
        heard_at=None,
        created_at=now,
    )
    if made is not None:
        return _ours(session, made)
    met = _LOCKED.first(session, account_id=account.id, chat=chat)
    assert met is not None, "the chat has a conversation, or it has just got one"
    return _ours(session, met[0])


def get(session: Session, conversation_id: int, shop_id: int, *, lock: bool = False) -> Conversation:
    """Raises NoSuchConversation for one of another shop, as for one that never was."""
    found = session.get(Conversation, conversation_id, with_for_update=lock)
    if found is None or found.shop_id != shop_id:
        raise NoSuchConversation(f"conversation {conversation_id}")
    return _ours(session, found) if lock else found


def hold(session: Session, conversation: Conversation) -> None:
    """Lock it until the end of the transaction, unless it is locked: what is said in a chat has the order in which it
    is committed, whoever says it."""
    if conversation.id not in _held(session):
        _HOLD.row(session, conversation_id=conversation.id)
        _ours(session, conversation)


def _ours(session: Session, conversation: Conversation) -> Conversation:
    # A savepoint that is rolled back lets go of what was locked in it.
    if not session.in_nested_transaction():
        _held(session).add(conversation.id)
    return conversation


def _held(session: Session) -> set[int]:
    held: set[int] = session.info.setdefault("held conversations", set())
    return held


def belongs_to(session: Session, conversation: Conversation, customer: Customer) -> None:
    """Lead a conversation that was begun for a card which has been merged away meanwhile to who stands for it."""
    known = session.get(Customer, conversation.customer_id) if conversation.customer_id is not None else None
    if known is not None and known.merged_into_id == customer.id:
        conversation.customer_id = customer.id


def take(session: Session, conversation: Conversation, staff: Staff, *, over: bool = False) -> None:
    """Lead the conversation: the bot falls silent. `over` takes it from whoever leads it now.

    Raises AlreadyTaken, naming the one who was first.
    """
    free = sa.or_(Conversation.held.is_(False), Conversation.assignee_id == staff.id)
    taken = session.execute(
        sa.update(Conversation)
        .where(Conversation.id == conversation.id, sa.true() if over else free)
        .values(held=True, assignee_id=staff.id)
        .execution_options(synchronize_session=False)
    )
    was_held_by_me = conversation.held and conversation.assignee_id == staff.id
    session.refresh(conversation)
    if not taken.rowcount:  # type: ignore[attr-defined]
        raise AlreadyTaken(_name(session, conversation.assignee_id))
    if not was_held_by_me:
        _tell(session, conversation, "taken", staff)


def hand_over(session: Session, conversation: Conversation, to: Staff, *, by: Staff, note: str = "") -> None:
    """Give the conversation to a colleague, who leads it from now on; one that was put off is there at once.

    He is told of it with the `note`, which is not kept in the thread by this. Without one, nothing happens if he leads
    it and has it before him already.
    """
    if not note and conversation.held and conversation.assignee_id == to.id and conversation.snoozed_until is None:
        return
    conversation.held, conversation.assignee_id = True, to.id
    _end_snooze(conversation)
    session.flush()
    _tell(session, conversation, "handed_over", by)
    _tell_assigned(session, conversation, to.id, actor=f"staff:{by.id}", note=note[:NOTE_TOLD])


def assign(session: Session, conversation: Conversation, staff_id: int, *, reason: str) -> None:
    """Put a waiting conversation into somebody's hands by the shop's rule. He leads it when he answers: until then the
    bot does, and a colleague may take it. One that a person led already he leads at once."""
    conversation.assignee_id = staff_id
    session.flush()
    _tell_assigned(session, conversation, staff_id, actor="schedule", reason=reason)


def begin_waiting(session: Session, conversation: Conversation, *, by_rule: bool) -> None:
    """The buyer waits for a person from now on; `by_rule`: whom the shop's rule shall find."""
    conversation.waiting_since = utc_now()
    if by_rule:
        publish(
            session,
            ConversationWaits(
                shop_id=conversation.shop_id,
                subject=f"conversation:{conversation.id}",
                conversation_id=conversation.id,
            ),
        )


def release(session: Session, conversation: Conversation, *, by: Staff) -> None:
    """Give the conversation back to the bot. It is not put off any longer: nobody would have it then."""
    conversation.held, conversation.assignee_id, conversation.waiting_since = False, None, None
    _end_snooze(conversation)
    session.flush()
    _tell(session, conversation, "released", by)


def close(session: Session, conversation: Conversation, *, by: Staff) -> None:
    """Nothing more to do here. The next message opens it again; the bot leads then."""
    before = _before(conversation)
    conversation.state, conversation.held, conversation.assignee_id = State.CLOSED, False, None
    conversation.waiting_since, conversation.unread, conversation.snoozed_until = None, 0, None
    session.flush()
    publish(
        session,
        ConversationClosed(
            shop_id=conversation.shop_id,
            subject=f"conversation:{conversation.id}",
            actor=f"staff:{by.id}",
            conversation_id=conversation.id,
            change="closed",
            before=before,
        ),
    )


def undo_close(session: Session, conversation: Conversation, *, by: Staff) -> bool:
    """Take back that `by` closed the conversation: it is led, waits, is unread and put off as it was then.

    False, and nothing is done, if it is open already: the buyer or a colleague was faster.
    """
    if conversation.state != State.CLOSED:
        return False
    if (before := _closed_by(session, conversation, by)) is not None:
        _restore(conversation, before)
    else:
        conversation.state = State.OPEN
    session.flush()
    _tell(session, conversation, "reopened", by)
    return True


def reopen(session: Session, conversation: Conversation, *, by: Staff) -> None:
    conversation.state, conversation.snoozed_until = State.OPEN, None
    session.flush()
    _tell(session, conversation, "reopened", by)


def no_answer_needed(session: Session, conversation: Conversation, *, by: Staff) -> None:
    conversation.waiting_since = None
    session.flush()
    _tell(session, conversation, "answered", by)


def mark_read(session: Session, conversation: Conversation, *, by: Staff) -> None:
    if conversation.unread:
        conversation.unread = 0
        session.flush()
        seen.show(session, conversation)
        portraits.want(session, conversation)
        _tell(session, conversation, "read", by)


def _before(conversation: Conversation) -> dict[str, Any]:
    since, until = conversation.waiting_since, conversation.snoozed_until
    return {
        "held": conversation.held,
        "assignee_id": conversation.assignee_id,
        "unread": conversation.unread,
        "waiting_since": since.isoformat() if since else None,
        "snoozed_until": until.isoformat() if until else None,
    }


def _restore(conversation: Conversation, before: Mapping[str, Any]) -> None:
    """A moment that has passed meanwhile puts nothing off any more."""
    since, until = (
        datetime.fromisoformat(before[name]) if before[name] else None for name in ("waiting_since", "snoozed_until")
    )
    until = until if until and until > utc_now() else None
    conversation.state, conversation.snoozed_until = State.SNOOZED if until else State.OPEN, until
    conversation.held, conversation.assignee_id = before["held"], before["assignee_id"]
    conversation.waiting_since, conversation.unread = since, before["unread"]


def _closed_by(session: Session, conversation: Conversation, by: Staff) -> dict[str, Any] | None:
    """What the conversation was when it was closed, if this person did that, and nothing happened since."""
    last = session.scalars(
        sa.select(EventRow)
        .where(EventRow.subject == f"conversation:{conversation.id}", EventRow.kind == ConversationClosed.kind)
        .order_by(EventRow.id.desc())
        .limit(1)
    ).first()
    mine = last is not None and last.actor == f"staff:{by.id}"
    before: dict[str, Any] | None = last.payload.get("before") if last is not None and mine else None
    return before


def _end_snooze(conversation: Conversation) -> None:
    if conversation.state == State.SNOOZED:
        conversation.state, conversation.snoozed_until = State.OPEN, None


def _tell_assigned(
    session: Session, conversation: Conversation, staff_id: int, *, actor: str, reason: str = "", note: str = ""
) -> None:
    publish(
        session,
        ConversationAssigned(
            shop_id=conversation.shop_id,
            subject=f"conversation:{conversation.id}",
            actor=actor,
            conversation_id=conversation.id,
            staff_id=staff_id,
            reason=reason,
            note=note,
        ),
    )


def _name(session: Session, staff_id: int | None) -> str:
    staff = session.get(Staff, staff_id) if staff_id is not None else None
    return staff.name if staff else ""


def _tell(session: Session, conversation: Conversation, change: str, staff: Staff) -> None:
    publish(
        session,
        ConversationChanged(
            shop_id=conversation.shop_id,
            subject=f"conversation:{conversation.id}",
            actor=f"staff:{staff.id}",
            conversation_id=conversation.id,
            change=change,
        ),
    )
