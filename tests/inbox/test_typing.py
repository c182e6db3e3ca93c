"""That somebody writes is told while it is true, to those whom it concerns, and leaves nothing behind."""

from __future__ import annotations

from datetime import timedelta

import orjson
import pytest
import sqlalchemy as sa
from sqlalchemy.orm import Session

from company.tables import ChannelAccount
from customers import identities
from inbox import conversations, messages, typing
from inbox.channels import READ_MARKS
from inbox.content import Incoming, Outgoing, Profile
from inbox.tables import Author, Conversation
from kit.clock import utc_now
from storage.jobs import Job
from storage.tables import EventRow
from storage.tables import Job as JobRow
from tests.worlds import World


def talk_on(world: World, channel: str) -> Conversation:
    account = world.account(channel, external_id=channel)
    identity = identities.recognise(world.session, account, external_id="7", name="Анна Ветрова")
    return conversations.open_for(world.session, account, "7", customer_id=identity.customer_id, locale="ru")


@pytest.fixture
def talk(world: World) -> Conversation:
    return talk_on(world, "telegram")


def shows(session: Session) -> list[JobRow]:
    return list(session.scalars(sa.select(JobRow).where(JobRow.kind == typing.SHOW).order_by(JobRow.id)))


def told(session: Session) -> list[tuple[int | None, bool]]:
    rows = session.scalars(sa.select(EventRow).where(EventRow.kind == "typing").order_by(EventRow.id))
    return [(row.payload["staff_id"], row.payload["shown"]) for row in rows]


def passes(session: Session, time: timedelta) -> None:
    for row in session.scalars(sa.select(EventRow).where(EventRow.kind == "typing")):
        row.at -= time
    session.flush()


def test_it_is_told_again_only_after_a_while_and_then_is_over(
    session: Session, world: World, talk: Conversation
) -> None:
    assert typing.began(session, talk, by=world.operator)
    assert not typing.began(session, talk, by=world.operator)
    assert typing.began(session, talk, by=None)
    assert typing.now(session, talk) == {world.operator.id, None}
    assert typing.now(session, talk_on(world, "webchat")) == set()
    passes(session, typing.AGAIN)
    assert typing.began(session, talk, by=world.operator)
    passes(session, typing.LASTS)
    assert typing.now(session, talk) == set()
    assert len(shows(session)) == 2


def test_the_buyer_sees_only_who_may_answer_him(session: Session, world: World, talk: Conversation) -> None:
    conversations.take(session, talk, world.owner)
    typing.began(session, talk, by=world.operator)
    assert (told(session), shows(session)) == ([(world.operator.id, False)], [])
    typing.began(session, talk, by=world.owner)
    assert (told(session)[-1], len(shows(session))) == ((world.owner.id, True), 1)
    talk.blocked = True
    passes(session, typing.AGAIN)
    typing.began(session, talk, by=world.owner)
    assert (told(session)[-1], len(shows(session))) == ((world.owner.id, False), 1)


def test_a_page_of_ours_is_told_without_a_job(session: Session, world: World) -> None:
    typing.began(session, talk_on(world, "webchat"), by=world.operator)
    assert (told(session), shows(session)) == ([(world.operator.id, True)], [])


def test_it_waits_behind_no_message_and_is_dropped_when_it_is_late(
    session: Session, world: World, talk: Conversation
) -> None:
    typing.began(session, talk, by=world.operator)
    (row,) = shows(session)
    assert row.lane != f"out:{talk.id}"
    payload = orjson.loads(row.payload)
    assert typing.remember(session, Job(row.id, row.lane, row.kind, payload, 0, row.created_at)) == payload
    late = {**payload, "at": payload["at"] - 3001}
    assert typing.remember(session, Job(row.id, row.lane, row.kind, late, 0, row.created_at)) is None


def test_a_channel_that_shows_it_for_long_is_asked_seldom(session: Session, world: World) -> None:
    talk = talk_on(world, "whatsapp")
    talk.heard_at = utc_now()
    messages.receive(session, talk, Incoming("wamid.7", Profile("7"), text="Здравствуйте"))
    for _ in range(6):
        assert typing.began(session, talk, by=world.operator)
        passes(session, typing.AGAIN)
    (row,) = shows(session)
    assert orjson.loads(row.payload)["said"] == "wamid.7"
    passes(session, timedelta(seconds=2))
    typing.began(session, talk, by=world.operator)
    assert len(shows(session)) == 2, "what it shows is over by now"
    passes(session, typing.AGAIN)
    messages.say(session, talk, Outgoing(text="Добрый день"), author=Author.STAFF)
    talk.last_at -= timedelta(seconds=1)
    typing.began(session, talk, by=world.operator)
    assert len(shows(session)) == 3, "a message has ended what it shows"


def test_what_was_told_long_ago_is_swept(session: Session, world: World, talk: Conversation) -> None:
    for _ in range(5):
        typing.began(session, talk, by=world.operator)
        passes(session, typing.KEPT + timedelta(seconds=1))
    typing.began(session, talk, by=None)
    assert told(session) == [(None, False)]


def test_where_it_marks_as_read_too_a_shop_without_such_marks_does_not_show_it(session: Session, world: World) -> None:
    told_apart = []
    for channel in ("whatsapp", "vk"):
        talk = talk_on(world, channel)
        account = session.get_one(ChannelAccount, talk.account_id)
        account.settings = {**account.settings, READ_MARKS: False}
        messages.receive(session, talk, Incoming("5", Profile("7"), text="Здравствуйте"))
        typing.began(session, talk, by=world.operator)
        told_apart.append(len(shows(session)))
    assert told_apart == [0, 1], "colleagues are told in any case"
    assert len(told(session)) == 2
