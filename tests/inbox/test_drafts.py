"""What a person has begun to write is kept until it is said."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy.orm import Session

from customers import identities
from inbox import conversations, drafts, messages, scheduling
from inbox.content import Media, MediaKind, Outgoing
from inbox.tables import Author, Conversation
from kit.clock import utc_now
from tests.worlds import World


@pytest.fixture
def talk(world: World) -> Conversation:
    account = world.account()
    identity = identities.recognise(world.session, account, external_id="7", name="Анна Ветрова")
    return conversations.open_for(world.session, account, "7", customer_id=identity.customer_id, locale="ru")


def begun(session: Session, world: World, talk: Conversation) -> list[tuple[bool, str]]:
    return [(one.private, one.text) for one in drafts.of(session, talk.id, world.operator.id)]


def test_an_answer_and_a_note_are_kept_apart_and_the_last_words_win(
    session: Session, world: World, talk: Conversation
) -> None:
    drafts.keep(session, talk, world.operator, "Есть", private=False, key="a")
    drafts.keep(session, talk, world.operator, "Есть четыре", private=False, key="a")
    drafts.keep(session, talk, world.operator, "на верхней полке", private=True, key="b")
    assert begun(session, world, talk) == [(False, "Есть четыре"), (True, "на верхней полке")]
    assert drafts.among(session, [talk.id], world.operator.id) == {talk.id: "Есть четыре"}
    drafts.keep(session, talk, world.operator, "  ", private=False, key="a")
    assert begun(session, world, talk) == [(True, "на верхней полке")]


def test_nobody_sees_what_a_colleague_has_begun(session: Session, world: World, talk: Conversation) -> None:
    drafts.keep(session, talk, world.operator, "Есть", private=False, key="a")
    assert drafts.of(session, talk.id, world.owner.id) == []
    assert drafts.among(session, [talk.id], world.owner.id) == {}


def test_a_draft_that_comes_after_its_message_is_late(session: Session, world: World, talk: Conversation) -> None:
    assert drafts.keep(session, talk, world.operator, "Есть", private=False, key="a")
    messages.reply(session, talk, world.operator, Outgoing(text="Есть"), client_key="a")
    drafts.clear(session, talk, world.operator, private=False, key="a")
    assert not drafts.keep(session, talk, world.operator, "Есть", private=False, key="a")
    assert begun(session, world, talk) == []
    assert drafts.keep(session, talk, world.operator, "Ещё", private=False, key="b")


def test_what_another_window_has_begun_stays_when_this_one_sends(
    session: Session, world: World, talk: Conversation
) -> None:
    drafts.keep(session, talk, world.operator, "Другое", private=False, key="b")
    drafts.clear(session, talk, world.operator, private=False, key="a")
    assert begun(session, world, talk) == [(False, "Другое")]


def test_what_is_answered_stays_with_the_draft_and_alone_is_no_beginning(
    session: Session, world: World, talk: Conversation
) -> None:
    (asked,) = messages.say(session, talk, Outgoing("Здравствуйте"), author=Author.BOT)
    drafts.keep(session, talk, world.operator, "", private=False, key="a", quoted=asked)
    assert drafts.among(session, [talk.id], world.operator.id) == {}
    drafts.keep(session, talk, world.operator, "Есть", private=False, key="a", quoted=asked)
    assert drafts.of(session, talk.id, world.operator.id)[0].reply_to_id == asked.id
    drafts.keep(session, talk, world.operator, "", private=False, key="a")
    assert drafts.of(session, talk.id, world.operator.id) == []


def test_files_of_what_was_taken_back_stay_with_the_draft_without_words(
    session: Session, world: World, talk: Conversation
) -> None:
    outgoing = Outgoing(media=(Media(MediaKind.DOCUMENT, file_id=5, name="счёт.pdf"),))
    at = utc_now() + timedelta(hours=1)
    again = scheduling.plan(session, talk, world.operator, outgoing, at=at, client_key="k")
    drafts.keep(session, talk, world.operator, "", private=False, key="new", again=again)
    (draft,) = drafts.of(session, talk.id, world.operator.id)
    assert [item.name for item in drafts.files(session, draft)] == ["счёт.pdf"]
    drafts.keep(session, talk, world.operator, "", private=False, key="new")
    assert drafts.of(session, talk.id, world.operator.id) == []
