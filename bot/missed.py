"""What a member of staff was to be told while his messenger took nothing: one message of it all."""

from __future__ import annotations

from collections.abc import Sequence
from zoneinfo import ZoneInfo

from babel.dates import format_datetime
from sqlalchemy.orm import Session

from bot.flows.voice import Voice, clipped, lines, written
from company import settings
from company.tables import Shop
from company.texts import Texts
from inbox import messages
from inbox.content import Button
from inbox.tables import Author, Conversation, Message

LISTED = 8
"""Of so many the first line is said; of those before them only how many there were."""

LINE = 80
"""Characters of a first line."""


def tell(
    session: Session,
    conversation: Conversation,
    shop: Shop,
    missed: Sequence[Message],
    *,
    texts: Texts,
    public_url: str,
) -> None:
    voice = Voice.of(texts, conversation.locale, settings.of(shop))
    zone = ZoneInfo(shop.timezone)

    def line(message: Message) -> str:
        moment = format_datetime(message.created_at.astimezone(zone), "d MMM, HH:mm", locale=voice.locale)
        first = next((each for each in message.text.splitlines() if each.strip()), "")
        return voice.marked("notice.missed.line", moment=moment, text=clipped(first, LINE))

    before = len(missed) - LISTED
    earlier = voice.marked("notice.missed.before", n=before) if before > 0 else ""
    text = lines(
        voice.marked("notice.missed", n=len(missed)), earlier, *(line(message) for message in missed[-LISTED:])
    )
    console = Button(voice.plain("notice.missed.open"), url=f"{public_url}/orders")
    messages.say(session, conversation, written(text, rows=((console,),)), author=Author.BOT, repeatable=True)
