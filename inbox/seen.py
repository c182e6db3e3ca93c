"""That the buyer's words were read: his messenger shows it, where it can.

It is worth a moment and no more, as typing is: its job stands in a lane of its own, is dropped when it comes late and
tried once, and nothing waits for it. Only a person's reading counts; what the bot has answered nobody has read.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from company.tables import ChannelAccount
from inbox.channels import CAPABILITIES, READ_MARKS
from inbox.tables import Author, Conversation, Kind, Message
from kit.clock import now_ms
from storage import jobs
from storage.jobs import Job

SHOW = "seen.show"

LATE = timedelta(minutes=1)
"""A mark that comes later than this says something that nobody asks about any more."""


def are_shown(account: ChannelAccount) -> bool:
    """Whether the account's buyers see that they were read, where the channel can show it."""
    return CAPABILITIES[account.channel].marks_read and bool(account.settings.get(READ_MARKS, True))


def show(session: Session, conversation: Conversation) -> None:
    """Somebody of the shop has read everything that the buyer has said here until now."""
    account = session.get_one(ChannelAccount, conversation.account_id)
    if not are_shown(account) or conversation.blocked or conversation.kind != Kind.BUYER:
        return
    said = last_said(session, conversation)
    if said:
        facts = {"account_id": conversation.account_id, "chat": conversation.chat, "said": said, "at": now_ms()}
        jobs.put(session, SHOW, facts, lane=f"seen:{conversation.id}", dedup_key=f"seen:{conversation.id}:{said}")


def last_said(session: Session, conversation: Conversation) -> str:
    """The channel's id of the buyer's newest message; "" if he has said nothing that has one."""
    mine = sa.select(Message.external_id).where(
        Message.conversation_id == conversation.id, Message.author == Author.BUYER, Message.external_id.is_not(None)
    )
    found = session.scalar(mine.order_by(Message.id.desc()).limit(1))
    return (found or "").removeprefix(f"{conversation.chat}:")


def remember(session: Session, job: Job) -> Mapping[str, Any] | None:
    """What the channel is to show; None when it is too late."""
    return None if now_ms() - job.payload["at"] > LATE.total_seconds() * 1000 else job.payload
