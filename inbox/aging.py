"""A notice that comes hours after what it tells of says when that was, so that nobody takes it for new.

It was held until the channel took it, or waited for the channel to be there again.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from zoneinfo import ZoneInfo

from babel.dates import format_datetime
from sqlalchemy.orm import Session

from company.tables import ChannelAccount, Shop
from inbox.channels import card_of
from inbox.content import Outgoing, Span, Style, dump, load_outgoing
from inbox.tables import Author, Conversation, Message
from kit.clock import utc_now
from storage.hot import get

OLD = timedelta(hours=3)
"""After this long a notice is no news."""

LONGEST = 30
"""Characters of the line that says when it was; a text that has no room for them is left as it is."""


DATED = "dated"
"""The key in a message's content by which it is known that it says so already."""


def is_old(message: Message) -> bool:
    """Whether a program's words come so late that they must say of when they are. A template's words are fixed."""
    return (
        message.author == Author.BOT
        and utc_now() - message.created_at > OLD
        and not message.content.get("template")
        and not message.content.get(DATED)
        and bool(message.text)
    )


def date(session: Session, conversation: Conversation, message: Message) -> None:
    """Have it say of when it is, where there is room."""
    account, shop = get(session, ChannelAccount, message.account_id), get(session, Shop, conversation.shop_id)
    card, said = card_of(account, conversation.context), load_outgoing(message.content)
    room = (card.caption if said.media else card.above_buttons if said.buttons() else 0) or card.text
    local = message.created_at.astimezone(ZoneInfo(shop.timezone))
    said = _dated(said, format_datetime(local, "d MMMM, HH:mm", locale=conversation.locale), room)
    message.text, message.content = said.text, dump(said) | {DATED: True}


def _dated(outgoing: Outgoing, moment: str, room: int) -> Outgoing:
    """The same words with the moment above them: «26 ноября, 14:05»."""
    if len(outgoing.text) + LONGEST > room:
        return outgoing
    head = f"{moment}\n"
    moved = (replace(span, offset=span.offset + len(head)) for span in outgoing.spans)
    return replace(outgoing, text=head + outgoing.text, spans=(Span(Style.ITALIC, 0, len(moment)), *moved))
