"""Who is writing at this moment: live pages are told, and the buyer sees it where his channel can show it.

It is worth a moment and no more. Nothing waits for it: it takes no lock of the conversation, its job stands in a lane
of its own and is dropped when it comes late, and its events are swept after a minute.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from company.tables import ChannelAccount, Staff
from inbox.channels import CAPABILITIES
from inbox.events import Typing
from inbox.seen import are_shown, last_said
from inbox.tables import Author, Conversation
from kit.clock import now_ms, utc_now
from storage import jobs
from storage.events import publish
from storage.jobs import Job
from storage.tables import EventRow

SHOW = "typing.show"

AGAIN = timedelta(seconds=3)
"""How soon it may be told again of the same person."""

LASTS = timedelta(seconds=6)
"""How long it is true after it was told. Telegram shows it for five seconds or until a message comes."""

KEPT = timedelta(minutes=1)
SWEPT = 50
"""Events that one who writes sweeps, of those older than KEPT."""


def began(session: Session, conversation: Conversation, *, by: Staff | None) -> bool:
    """`by` is writing an answer here, or the buyer when None. False if that was told a moment ago.

    The buyer sees only who may answer him: nobody, while a colleague leads the conversation.
    """
    who = by.id if by is not None else None
    if any(id_ == who for id_ in _told(session, conversation, AGAIN)):
        return False
    leads = by is not None and (not conversation.held or conversation.assignee_id in (None, by.id))
    shown = leads and not conversation.blocked
    account = session.get_one(ChannelAccount, conversation.account_id)
    card = CAPABILITIES[account.channel]
    may = card.typing and (not card.typing_reads or are_shown(account))
    asks = shown and may and not _asked(session, conversation, card.typing_again)
    publish(
        session,
        Typing(
            shop_id=conversation.shop_id,
            subject=_subject(conversation.shop_id),
            actor=f"staff:{who}" if by is not None else f"customer:{conversation.customer_id}",
            conversation_id=conversation.id,
            staff_id=who,
            shown=shown,
            asked=asks,
        ),
    )
    _sweep(session, conversation.shop_id)
    if asks:
        facts = {"said": last_said(session, conversation), "at": now_ms()}
        jobs.put(
            session,
            SHOW,
            {"account_id": conversation.account_id, "chat": conversation.chat, **facts},
            lane=f"typing:{conversation.id}",
        )
    return True


def now(session: Session, conversation: Conversation) -> set[int | None]:
    """Ids of the staff who are writing here, and None when the buyer is."""
    return set(_told(session, conversation, LASTS))


def remember(session: Session, job: Job) -> Mapping[str, Any] | None:
    """What a channel is to show; None when it is too late to be true."""
    late = now_ms() - job.payload["at"] > AGAIN.total_seconds() * 1000
    return None if late else job.payload


def _told(session: Session, conversation: Conversation, within: timedelta) -> list[int | None]:
    return [row["staff_id"] for row in _events(session, conversation, within)]


def _asked(session: Session, conversation: Conversation, within: timedelta) -> bool:
    """Whether the channel was asked a moment ago, and nothing was said since, which ends what it shows."""
    since = utc_now() - within
    if conversation.last_author != Author.BUYER and conversation.last_at > since:
        within = utc_now() - conversation.last_at
    return any(row.get("asked") for row in _events(session, conversation, within))


def _events(session: Session, conversation: Conversation, within: timedelta) -> list[dict[str, Any]]:
    rows = session.scalars(
        sa.select(EventRow.payload).where(
            EventRow.subject == _subject(conversation.shop_id), EventRow.at > utc_now() - within
        )
    )
    return [row for row in rows if row["conversation_id"] == conversation.id]


def _sweep(session: Session, shop_id: int) -> None:
    """Two who sweep at once take different rows and wait for nobody."""
    old = (
        sa.select(EventRow.id)
        .where(EventRow.subject == _subject(shop_id), EventRow.at < utc_now() - KEPT)
        .limit(SWEPT)
        .with_for_update(skip_locked=True)
    )
    if found := session.scalars(old).all():
        session.execute(sa.delete(EventRow).where(EventRow.id.in_(found)))


def _subject(shop_id: int) -> str:
    return f"typing:{shop_id}"
