"""What is said is kept once, in order, with its past."""

from __future__ import annotations

from typing import Any

import orjson
import pytest
import sqlalchemy as sa
from sqlalchemy.orm import Session

from company.tables import ChannelAccount, Role
from customers import identities
from inbox import conversations, delivered, listing, messages, quoting, searching
from inbox.content import Action, Button, Incoming, Media, MediaKind, Outgoing, Profile
from inbox.conversations import AlreadyTaken, NoSuchConversation
from inbox.delivered import NotResendable
from inbox.listing import View
from inbox.messages import NothingToSay
from inbox.tables import Author, Conversation, Delivery, Message, State
from storage.jobs import Job as Taken
from storage.tables import EventRow, Job
from tests.worlds import World

ANNA = Profile(external_id="7", name="Анна Ветрова", locale="ru")


@pytest.fixture
def talk(world: World) -> Conversation:
    account = world.account()
    identity = identities.recognise(world.session, account, external_id="7", name=ANNA.name)
    return conversations.open_for(world.session, account, "7", customer_id=identity.customer_id, locale="ru")


def says(text: str = "", number: int = 1, **more: Any) -> Incoming:
    return Incoming(external_id=str(number), profile=ANNA, text=text, **more)


def jobs_of(session: Session, kind: str) -> list[dict[str, Any]]:
    found = session.execute(sa.select(Job.lane, Job.payload).where(Job.kind == kind).order_by(Job.id))
    return [{"lane": lane, **orjson.loads(payload)} for lane, payload in found]


def test_the_same_message_twice_is_one_message(session: Session, talk: Conversation) -> None:
    first = messages.receive(session, talk, says("Есть кружки?"))
    assert first is not None
    assert messages.receive(session, talk, says("Есть кружки?")) is None
    assert [m.text for m in messages.thread(session, talk.id)] == ["Есть кружки?"]
    assert (talk.unread, talk.last_text) == (1, "Есть кружки?")


def test_the_same_number_in_another_chat_is_another_message(session: Session, talk: Conversation) -> None:
    account = session.get_one(ChannelAccount, talk.account_id)
    other = conversations.open_for(session, account, "8", customer_id=None, locale="ru")
    messages.receive(session, talk, says("раз"))
    assert messages.receive(session, other, says("два")) is not None


def test_an_edit_changes_the_text_and_keeps_the_old_one(session: Session, talk: Conversation) -> None:
    message = messages.receive(session, talk, says("две крушки"))
    assert message is not None
    messages.receive(session, talk, says("две кружки", edited=True))
    assert message.text == "две кружки"
    assert [old["text"] for old in message.history] == ["две крушки"]
    assert messages.receive(session, talk, says("две кружки", edited=True)) is None
    assert len(message.history) == 1


def test_the_parts_of_an_album_are_one_message(session: Session, talk: Conversation) -> None:
    for n in (1, 2, 3):
        photo = Media(MediaKind.PHOTO, remote=f"r{n}")
        messages.receive(session, talk, says("сколы" if n == 2 else "", n, media=(photo,), album="g"))
        messages.receive(session, talk, says("сколы" if n == 2 else "", n, media=(photo,), album="g"))
    (message,) = messages.thread(session, talk.id)
    assert [media["remote"] for media in message.content["media"]] == ["r1", "r2", "r3"]
    assert message.text == "сколы"
    assert [job["n"] for job in jobs_of(session, "message.fetch")] == [0, 1, 2]
    assert talk.unread == 1


def test_a_reply_names_the_message_it_answers(session: Session, talk: Conversation) -> None:
    first = messages.receive(session, talk, says("раз", 1))
    second = messages.receive(session, talk, says("два", 2, reply_to="1"))
    assert first is not None
    assert second is not None
    assert second.reply_to_id == first.id


def test_an_answer_that_overtakes_our_own_record_is_linked_behind_it(session: Session, talk: Conversation) -> None:
    (ours,) = messages.say(session, talk, Outgoing(text="Есть!"), author=Author.BOT)
    answer = messages.receive(session, talk, says("Беру", 8, reply_to="7"))
    assert answer is not None
    assert answer.reply_to_id is None
    [put] = jobs_of(session, quoting.LINK)
    assert put.pop("lane") == f"out:{talk.id}", "behind the message that is being sent"
    delivered.sent(session, talk.shop_id, talk.id, ours.id, external_id=f"{talk.chat}:7")
    quoting.link(session, Taken(1, "", quoting.LINK, put, 0, 0))
    assert answer.reply_to_id == ours.id


def test_an_answer_is_queued_in_the_conversations_own_lane(session: Session, talk: Conversation) -> None:
    (message,) = messages.say(session, talk, Outgoing(text="Есть!"), author=Author.BOT)
    assert message.delivery == Delivery.QUEUED
    assert jobs_of(session, "message.deliver") == [{"lane": f"out:{talk.id}", "message_id": message.id}]


def test_the_same_client_key_says_nothing_new(session: Session, talk: Conversation) -> None:
    long = Outgoing(text="слово " * 2000)
    first = messages.say(session, talk, long, author=Author.STAFF, client_key="k")
    again = messages.say(session, talk, long, author=Author.STAFF, client_key="k")
    assert len(first) == 3
    assert [m.id for m in again] == [m.id for m in first]
    assert len(jobs_of(session, "message.deliver")) == 3


def test_nothing_cannot_be_said(session: Session, talk: Conversation, world: World) -> None:
    with pytest.raises(NothingToSay):
        messages.say(session, talk, Outgoing(text="  "), author=Author.BOT)
    with pytest.raises(NothingToSay):
        messages.note(session, talk, " ", world.operator)


def test_an_edit_of_ours_raises_the_version_and_is_sent_once(session: Session, talk: Conversation) -> None:
    (message,) = messages.say(session, talk, Outgoing(text="1", rows=((Button("a", Action("a")),),)), author=Author.BOT)
    message.delivery = Delivery.SENT
    messages.edit(session, talk, message, Outgoing(text="2"))
    messages.edit(session, talk, message, Outgoing(text="2"))
    assert message.version == 2
    assert [job["version"] for job in jobs_of(session, "message.edit")] == [2]


def test_what_is_not_sent_yet_is_edited_before_it_goes(session: Session, talk: Conversation) -> None:
    (message,) = messages.say(session, talk, Outgoing(text="1"), author=Author.BOT)
    messages.edit(session, talk, message, Outgoing(text="2"))
    assert jobs_of(session, "message.edit") == []
    assert message.text == "2"


def test_only_what_failed_or_is_unconfirmed_is_sent_again(session: Session, talk: Conversation) -> None:
    (message,) = messages.say(session, talk, Outgoing(text="1"), author=Author.STAFF)
    message.delivery = Delivery.SENT
    with pytest.raises(NotResendable):
        delivered.resend(session, talk, message)
    message.delivery = Delivery.UNKNOWN
    delivered.resend(session, talk, message)
    assert message.delivery == Delivery.QUEUED
    assert len(jobs_of(session, "message.deliver")) == 2


def test_a_note_is_for_the_staff_and_is_never_sent(session: Session, talk: Conversation, world: World) -> None:
    note = messages.note(session, talk, "коробки на верхней полке", world.operator)
    assert note.private
    assert jobs_of(session, "message.deliver") == []
    assert talk.last_text == ""


def test_the_first_to_take_a_conversation_leads_it(session: Session, talk: Conversation, world: World) -> None:
    rival = world.person("sofya@clay.example", "Софья Белых", Role.OPERATOR)
    conversations.take(session, talk, world.operator)
    with pytest.raises(AlreadyTaken) as caught:
        conversations.take(session, talk, rival)
    assert caught.value.name == "Марина Ким"
    with pytest.raises(AlreadyTaken):
        messages.reply(session, talk, rival, Outgoing(text="и я отвечу"))
    conversations.take(session, talk, rival, over=True)
    assert (talk.held, talk.assignee_id) == (True, rival.id)


def test_an_answer_takes_the_conversation_and_ends_the_wait(session: Session, talk: Conversation, world: World) -> None:
    messages.receive(session, talk, says("Есть кто?"))
    messages.reply(session, talk, world.operator, Outgoing(text="Да!"), client_key="1")
    assert (talk.held, talk.assignee_id, talk.unread, talk.waiting_since) == (True, world.operator.id, 0, None)
    messages.receive(session, talk, says("Сколько стоит?", 2))
    (row,) = listing.rows(session, talk.shop_id, view=View.WAITING)
    assert row.waiting_since is not None
    conversations.release(session, talk, by=world.operator)
    assert (talk.held, talk.assignee_id) == (False, None)
    assert listing.rows(session, talk.shop_id, view=View.WAITING) == []


def test_the_next_message_opens_a_closed_conversation(session: Session, talk: Conversation, world: World) -> None:
    conversations.take(session, talk, world.operator)
    conversations.close(session, talk, by=world.operator)
    assert (talk.state, talk.held) == (State.CLOSED, False)
    messages.receive(session, talk, says("ещё вопрос", 5))
    assert talk.state == State.OPEN


def test_a_conversation_of_another_shop_does_not_exist(session: Session, talk: Conversation) -> None:
    with pytest.raises(NoSuchConversation):
        conversations.get(session, talk.id, talk.shop_id + 1)


def test_views_and_counts_of_the_list(session: Session, talk: Conversation, world: World) -> None:
    messages.receive(session, talk, says("Здравствуйте, чайник есть?"))
    shop, staff = world.shop.id, world.operator.id
    assert [row.name for row in listing.rows(session, shop, view=View.UNASSIGNED)] == ["Анна Ветрова"]
    conversations.take(session, talk, world.operator)
    assert listing.rows(session, shop, view=View.UNASSIGNED) == []
    (mine,) = listing.rows(session, shop, view=View.MINE, staff_id=staff)
    assert (mine.assignee, mine.unread, mine.last_text) == ("Марина Ким", 1, "Здравствуйте, чайник есть?")
    assert listing.rows(session, shop, text="ветрова") != []
    searching.catch_up(session)
    session.commit()
    assert listing.rows(session, shop, text="чайник") != []
    assert listing.rows(session, shop, text="100%_") == []
    assert listing.rows(session, shop + 1) == []
    counts = listing.counts(session, shop, staff)
    assert (counts["open"], counts["mine"], counts["unassigned"], counts["channel:telegram"]) == (1, 1, 0, 1)


def test_pages_of_the_list_do_not_overlap(session: Session, world: World) -> None:
    account = world.account()
    for n in range(25):
        identity = identities.recognise(session, account, external_id=str(n), name=f"Покупатель {n}")
        talk = conversations.open_for(session, account, str(n), customer_id=identity.customer_id, locale="ru")
        messages.receive(session, talk, says(str(n), 1))
    seen: list[int] = []
    before = None
    while page := listing.rows(session, world.shop.id, before=before, limit=10):
        seen += [row.id for row in page]
        before = (page[-1].last_at, page[-1].id)
    assert len(seen) == len(set(seen)) == 25


def test_every_message_is_in_the_event_log_with_its_author(session: Session, talk: Conversation, world: World) -> None:
    messages.receive(session, talk, says("привет"))
    messages.reply(session, talk, world.operator, Outgoing(text="здравствуйте"))
    log = list(session.execute(sa.select(EventRow.kind, EventRow.actor).order_by(EventRow.id)))
    assert [(kind, actor) for kind, actor in log if kind == "message_added"] == [
        ("message_added", f"customer:{talk.customer_id}"),
        ("message_added", f"staff:{world.operator.id}"),
    ]


def test_a_thread_is_read_in_pages(session: Session, talk: Conversation) -> None:
    ids = [m.id for n in range(7) if (m := messages.receive(session, talk, says(str(n), n))) is not None]
    assert [m.id for m in messages.thread(session, talk.id, limit=3)] == ids[4:]
    assert [m.id for m in messages.thread(session, talk.id, before=ids[4], limit=3)] == ids[1:4]
    assert [m.id for m in messages.thread(session, talk.id, after=ids[4])] == ids[5:]
    assert session.scalar(sa.select(sa.func.count()).select_from(Message)) == 7
