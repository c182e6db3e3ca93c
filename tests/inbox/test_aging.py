"""What a program said and what leaves hours later says of when it is."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy.orm import Session

from company.tables import Shop
from inbox import aging, messages
from inbox.content import Outgoing, Span, Style, load_outgoing, styled
from inbox.tables import Author, Conversation, Message
from kit.clock import utc_now
from tests.inbox.test_typing import talk_on
from tests.worlds import World


@pytest.fixture
def talk(world: World) -> Conversation:
    return talk_on(world, "telegram")


def said(session: Session, talk: Conversation, markup: str, author: Author = Author.BOT) -> Message:
    text, spans = styled(markup)
    [message] = messages.say(session, talk, Outgoing(text=text, spans=spans), author=author)
    return message


def test_a_notice_of_days_ago_has_its_moment_above_it_in_the_shops_time(session: Session, talk: Conversation) -> None:
    session.get_one(Shop, talk.shop_id).timezone = "Asia/Tokyo"
    notice = said(session, talk, "<b>Новый заказ</b> № 7")
    assert not aging.is_old(notice)
    notice.created_at = datetime(2026, 11, 23, 20, 30, tzinfo=UTC)
    assert aging.is_old(notice)
    aging.date(session, talk, notice)
    assert notice.text == "24 ноября, 05:30\nНовый заказ № 7"
    shown = load_outgoing(notice.content)
    assert shown.spans == (Span(Style.ITALIC, 0, 16), Span(Style.BOLD, 17, 11))
    assert shown.text == notice.text
    assert not aging.is_old(notice), "the next try says it no second time"


def test_a_persons_words_and_what_has_no_room_stay_as_they_are(session: Session, talk: Conversation) -> None:
    answer, long = said(session, talk, "Завтра", Author.STAFF), said(session, talk, "ж" * 4096)
    for message in (answer, long):
        message.created_at = utc_now() - timedelta(days=3)
    assert not aging.is_old(answer)
    aging.date(session, talk, long)
    assert long.text == "ж" * 4096
