"""Whose picture is looked for: of buyers whose conversations people open, now and then."""

from __future__ import annotations

from sqlalchemy.orm import Session

from company.tables import ChannelAccount
from customers import portraits
from inbox.channels import CAPABILITIES
from inbox.tables import Conversation, Kind
from kit.clock import utc_now
from storage import jobs

LOOK = "portrait.look"
"""The kind of the job."""


def want(session: Session, conversation: Conversation) -> None:
    """Somebody of the shop looks at this conversation: have the buyer's picture looked for, once a day at most."""
    if conversation.kind != Kind.BUYER or conversation.customer_id is None or conversation.blocked:
        return
    account = session.get_one(ChannelAccount, conversation.account_id)
    if not CAPABILITIES[account.channel].portraits:
        return
    identity = portraits.wanted(session, account.id, conversation.customer_id, conversation.chat)
    if identity is None:
        return
    facts = {"identity_id": identity.id, "account_id": account.id, "person": identity.external_id}
    jobs.put(
        session,
        LOOK,
        {**facts, "chat": conversation.chat, "shop_id": conversation.shop_id},
        lane=f"portrait:{identity.id}",
        dedup_key=f"portrait:{identity.id}:{utc_now():%Y-%m-%d}",
    )
