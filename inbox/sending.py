"""The lanes in which messages leave: answers one after another in their chat, mail when its turn comes."""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy.orm import Session

from company.tables import ChannelAccount
from inbox.channels import CAPABILITIES
from inbox.tables import Message
from storage import jobs, pace
from storage.hot import get


def queue(session: Session, kind: str, message: Message) -> None:
    jobs.put(session, kind, {"message_id": message.id}, lane=f"out:{message.conversation_id}")


def queue_mail(session: Session, message: Message) -> None:
    limit = per_second(get(session, ChannelAccount, message.account_id))
    wait = pace.plan(session, pace_of(message.account_id), per_second=limit) if limit else timedelta()
    jobs.put(session, "message.mail", {"message_id": message.id}, lane=f"mail:{message.id}", after=wait)


def pace_of(account_id: int) -> str:
    """The name under which storage.pace holds how fast an account sends."""
    return f"send:{account_id}"


def per_second(account: ChannelAccount) -> float:
    """How many messages the account may send each second; 0 for any number."""
    limit: float = account.settings.get("per_second", CAPABILITIES[account.channel].per_second)
    return limit


def queue_edit(session: Session, message: Message) -> None:
    """Have the channel show the message's present content."""
    jobs.put(
        session,
        "message.edit",
        {"message_id": message.id, "version": message.version},
        lane=f"out:{message.conversation_id}",
    )
