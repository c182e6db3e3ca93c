"""That the buyer was read is shown where his messenger can, once, by people alone, and waits for nothing."""

from __future__ import annotations

import orjson
import pytest
import sqlalchemy as sa
from sqlalchemy.orm import Session

from company.tables import ChannelAccount
from inbox import conversations, messages, seen
from inbox.channels import READ_MARKS
from inbox.content import Incoming, Outgoing, Profile
from inbox.tables import Author, Conversation, Kind
from storage.jobs import Job
from storage.tables import Job as JobRow
from tests.inbox.test_typing import talk_on
from tests.worlds import World


def says(session: Session, talk: Conversation, name: str, text: str = "Здравствуйте") -> None:
    messages.receive(session, talk, Incoming(name, Profile("7"), text=text))


def shown(session: Session) -> list[str]:
    rows = session.scalars(sa.select(JobRow).where(JobRow.kind == seen.SHOW).order_by(JobRow.id))
    return [orjson.loads(row.payload)["said"] for row in rows]


@pytest.fixture
def talk(world: World) -> Conversation:
    return talk_on(world, "vk")


def test_who_opens_the_conversation_shows_that_all_of_it_was_read(
    session: Session, world: World, talk: Conversation
) -> None:
    says(session, talk, "5")
    says(session, talk, "6")
    conversations.mark_read(session, talk, by=world.operator)
    conversations.mark_read(session, talk, by=world.owner)
    assert shown(session) == ["6"]
    says(session, talk, "7")
    messages.reply(session, talk, world.operator, Outgoing(text="Добрый день"))
    assert shown(session) == ["6", "7"]


def test_a_shop_that_shows_no_marks_shows_none(session: Session, world: World, talk: Conversation) -> None:
    account = session.get_one(ChannelAccount, talk.account_id)
    account.settings = {**account.settings, READ_MARKS: False}
    says(session, talk, "5")
    conversations.mark_read(session, talk, by=world.operator)
    messages.reply(session, talk, world.operator, Outgoing(text="Добрый день"))
    assert shown(session) == []
    account.settings = {**account.settings, READ_MARKS: True}
    says(session, talk, "6")
    conversations.mark_read(session, talk, by=world.operator)
    assert shown(session) == ["6"]


def test_what_the_bot_answers_was_read_by_nobody(session: Session, talk: Conversation) -> None:
    says(session, talk, "5")
    messages.say(session, talk, Outgoing(text="Каталог"), author=Author.BOT)
    assert shown(session) == []


@pytest.mark.parametrize("channel", ["telegram", "max", "email", "webchat"])
def test_where_no_such_mark_is_there_is_no_job(session: Session, world: World, channel: str) -> None:
    talk = talk_on(world, channel)
    says(session, talk, "5")
    conversations.mark_read(session, talk, by=world.operator)
    assert shown(session) == []


def test_nobody_is_shown_it_who_stopped_the_shop_or_belongs_to_it(
    session: Session, world: World, talk: Conversation
) -> None:
    talk.blocked = True
    says(session, talk, "5")
    conversations.mark_read(session, talk, by=world.operator)
    talk.blocked, talk.kind = False, Kind.STAFF
    says(session, talk, "6")
    conversations.mark_read(session, talk, by=world.operator)
    assert shown(session) == []


def test_it_waits_behind_no_message_and_is_dropped_when_it_is_late(
    session: Session, world: World, talk: Conversation
) -> None:
    says(session, talk, "5")
    conversations.mark_read(session, talk, by=world.operator)
    row = session.scalars(sa.select(JobRow).where(JobRow.kind == seen.SHOW)).one()
    assert row.lane not in (f"out:{talk.id}", f"typing:{talk.id}")
    payload = orjson.loads(row.payload)
    assert seen.remember(session, Job(row.id, row.lane, row.kind, payload, 0, row.created_at)) == payload
    late = {**payload, "at": payload["at"] - 60_001}
    assert seen.remember(session, Job(row.id, row.lane, row.kind, late, 0, row.created_at)) is None
