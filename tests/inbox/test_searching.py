"""Search over what was said. Questions follow a commit: FTS5 finds no beginnings of words before one."""

from __future__ import annotations

from datetime import timedelta

import pytest
import sqlalchemy as sa
from sqlalchemy.orm import Session

from company import shops
from company.tables import ChannelAccount
from customers import identities
from inbox import conversations, messages, searching
from inbox.content import Incoming, Outgoing, Profile
from inbox.tables import Author, Conversation, Message, SearchPlace
from kit.clock import utc_now
from tests.worlds import World

ANNA = Profile(external_id="7", name="Анна Ветрова", locale="ru")


@pytest.fixture
def talk(world: World) -> Conversation:
    account = world.account()
    identity = identities.recognise(world.session, account, external_id="7", name=ANNA.name)
    return conversations.open_for(world.session, account, "7", customer_id=identity.customer_id, locale="ru")


def hears(session: Session, talk: Conversation, *texts: str) -> None:
    first = session.scalar(sa.select(sa.func.count(Message.id))) or 0
    for number, text in enumerate(texts, first + 1):
        messages.receive(session, talk, Incoming(external_id=str(number), profile=ANNA, text=text))


def catch_up(session: Session) -> None:
    while searching.catch_up(session):
        pass
    session.commit()


def found(session: Session, talk: Conversation, text: str) -> list[str]:
    return [hit.excerpt for hit in searching.find(session, talk.shop_id, text)]


def age(session: Session) -> None:
    """All that was said was said an hour ago."""
    for row in session.scalars(sa.select(Message)):
        row.created_at -= timedelta(hours=1)
    session.flush()


@pytest.mark.parametrize(
    "asked", ["кружку", "КРУЖКА", "круж", "синие кружки", "кружки син", "есть ли у вас кружки", "зелёный", "зеленого"]
)
def test_a_message_is_found_by_any_form_of_its_words(session: Session, talk: Conversation, asked: str) -> None:
    hears(session, talk, "Здравствуйте! Есть ли у вас синие кружки? И зелёный чайник", "Спасибо")
    catch_up(session)
    [excerpt] = found(session, talk, asked)
    assert excerpt.startswith("Здравствуйте!")


@pytest.mark.parametrize("asked", ["тарелка", "кружка тарелка", "", "?!", "к", "'\"*():|&<->\\ NEAR", "𞤀"])
def test_what_nobody_said_is_not_found(session: Session, talk: Conversation, asked: str) -> None:
    hears(session, talk, "Есть кружки?", "𞤀𞤁 ok")
    catch_up(session)
    assert not [text for text in found(session, talk, asked) if "кружки" in text]


def test_answers_and_notes_are_found_and_what_the_bot_says_is_not(
    session: Session, talk: Conversation, world: World
) -> None:
    messages.say(session, talk, Outgoing(text="Доставка завтра"), author=Author.BOT)
    messages.reply(session, talk, world.operator, Outgoing(text="Доставка в пятницу"))
    messages.note(session, talk, "Доставка за наш счёт", world.operator)
    catch_up(session)
    hits = searching.find(session, talk.shop_id, "доставка")
    assert [(hit.excerpt, hit.private, hit.author) for hit in hits] == [
        ("Доставка за наш счёт", True, Author.STAFF),
        ("Доставка в пятницу", False, Author.STAFF),
    ]


def test_the_newest_come_first_and_only_so_many(session: Session, talk: Conversation) -> None:
    hears(session, talk, *(f"кружка номер {n}" for n in range(30)))
    catch_up(session)
    hits = searching.find(session, talk.shop_id, "кружка", limit=3)
    assert [hit.excerpt for hit in hits] == ["кружка номер 29", "кружка номер 28", "кружка номер 27"]


def test_an_edited_message_is_found_by_what_it_says_now(session: Session, talk: Conversation) -> None:
    hears(session, talk, "две крышки")
    catch_up(session)
    edit = Incoming(external_id="1", profile=ANNA, text="две кружки", edited=True)
    messages.receive(session, talk, edit)
    session.commit()
    assert found(session, talk, "крышки") == []
    assert found(session, talk, "кружки") == ["две кружки"]
    catch_up(session)
    assert found(session, talk, "кружки") == ["две кружки"], "and once"


@pytest.mark.parametrize("database_url", [pytest.param("postgres", marks=pytest.mark.postgres)], indirect=True)
def test_a_message_that_comes_to_light_late_is_not_missed(session: Session, talk: Conversation) -> None:
    """Two transactions take their numbers in one order and may commit in another; SQLite has one writer."""
    hears(session, talk, "первая кружка", "вторая кружка")
    late = session.scalars(sa.select(Message).order_by(Message.id)).first()
    assert late is not None
    late_id, text = late.id, late.text
    session.execute(sa.update(Message).where(Message.id == late_id).values(text=""))
    catch_up(session)
    assert found(session, talk, "кружка") == ["вторая кружка"]
    session.execute(sa.update(Message).where(Message.id == late_id).values(text=text))
    catch_up(session)
    assert found(session, talk, "кружка") == ["вторая кружка", "первая кружка"]


def test_what_is_settled_is_not_looked_at_again(session: Session, talk: Conversation) -> None:
    hears(session, talk, *(f"кружка {n}" for n in range(searching.PORTION + 10)))
    if session.get_bind().dialect.name == "postgresql":
        age(session)
    assert searching.catch_up(session), "there is more"
    assert not searching.catch_up(session)
    last = session.scalar(sa.select(sa.func.max(Message.id)))
    assert session.scalars(sa.select(SearchPlace.message_id)).all() == [last]
    session.commit()
    assert len(searching.find(session, talk.shop_id, "кружка", limit=1000)) == searching.PORTION + 10


def test_shops_find_what_was_said_to_them_however_much_others_hear(
    session: Session, talk: Conversation, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(searching, "MOST_LOOKED_AT", 3)
    hears(session, talk, "кружка")
    other = shops.create(session, name="Другая")
    account = ChannelAccount(shop_id=other.id, channel="telegram", name="t", external_id="b", created_at=utc_now())
    session.add(account)
    session.flush()
    there = conversations.open_for(session, account, "8", customer_id=None, locale="ru")
    hears(session, there, *(f"кружка {n}" for n in range(5)))
    catch_up(session)
    assert found(session, talk, "кружка") == ["кружка"]
    assert searching.conversations_with(session, talk.shop_id, "кружка") == [talk.id]
    assert searching.conversations_with(session, other.id, "кружка") == [there.id]
    assert searching.find(session, other.id + 1, "кружка") == []


def test_an_excerpt_stands_around_the_word(session: Session, talk: Conversation) -> None:
    hears(session, talk, "до " * 100 + "кружка" + " после" * 100)
    catch_up(session)
    [excerpt] = found(session, talk, "кружка")
    assert "кружка" in excerpt
    assert excerpt.startswith("…")
    assert excerpt.endswith("…")
    assert len(excerpt) <= searching.SHORT + searching.LONG + 2
