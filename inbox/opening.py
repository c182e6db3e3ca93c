"""Addresses that open the shop's accounts in their messengers."""

from __future__ import annotations

from urllib.parse import quote

from sqlalchemy.orm import Session

from company import accounts
from company.tables import ChannelAccount
from inbox.channels import CAPABILITIES


def links(session: Session, shop_id: int, start: str, *, beside: int = 0) -> list[tuple[ChannelAccount, str]]:
    """Each account that an address opens, but for the one of this id, with the address; it starts the bot with `start`,
    a word of A-Z a-z 0-9 _ -."""
    return [
        (row, link.format(account=quote(username), start=start))
        for row in accounts.of_shop(session, shop_id)
        if row.active
        and row.id != beside
        and (username := row.settings.get("username"))
        and (link := CAPABILITIES[row.channel].start_link)
    ]
