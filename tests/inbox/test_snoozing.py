"""What is put off comes back at its time, or when the buyer writes."""

from __future__ import annotations

from datetime import datetime, timedelta

import orjson
import pytest
import sqlalchemy as sa
from sqlalchemy.orm import Session

from company.moments import MomentPast, MomentTooFar
from company.tables import Role
from customers import identities
from inbox import conversations, listing, messages, snoozing
from inbox.content import Incoming, Outgoing, Profile
from inbox.conversations import AlreadyTaken
from inbox.listing import View
from inbox.tables import Author, Conversation, State
from kit import clock
from kit.clock import utc_now
from storage.jobs import Job
from storage.tables import EventRow
from storage.tables import Job as JobRow
from tests.worlds import World

ANNA = Profile(external_id="7", name="Анна Ветрова", locale="ru")
HOUR = timedelta(hours=1)


@pytest.fixture
def talk(world: World) -> Conversation:
    account = world.account()
    identity = identities.recognise(world.session, account, external_id="7", name=ANNA.name)
    return conversations.open_for(world.session, account, "7", customer_id=identity.customer_id, locale="ru")


def buyer_writes(session: Session, talk: Conversation, number: int = 1) -> None:
    assert messages.receive(session, talk, Incoming(external_id=str(number), profile=ANNA, text="Ну что?")) is not None


def stands(talk: Conversation) -> tuple[State, datetime | None]:
    return talk.state, talk.snoozed_until


def planned(session: Session) -> list[Job]:
    """The jobs of return, in the order in which they were put."""
    rows = session.scalars(sa.select(JobRow).where(JobRow.kind == snoozing.RETURN).order_by(JobRow.id))
    return [Job(row.id, row.lane, row.kind, orjson.loads(row.payload), 0, row.created_at) for row in rows]


def changes(session: Session, talk: Conversation) -> list[tuple[str, str]]:
    rows = session.scalars(
        sa.select(EventRow)
        .where(EventRow.subject == f"conversation:{talk.id}", EventRow.kind == "conversation_changed")
        .order_by(EventRow.id)
    )
    return [(row.payload["change"], row.actor) for row in rows]


def in_views(session: Session, world: World) -> set[str]:
    found = {}
    counts = listing.counts(session, world.shop.id, world.operator.id)
    for view in View:
        rows = listing.rows(session, world.shop.id, view=view, staff_id=world.operator.id)
        if view is not View.CLOSED:
            assert counts[view] == len(rows), view
        found[view] = bool(rows)
    return {view for view, stands in found.items() if stands}


def test_what_is_put_off_leaves_every_list_but_its_own(session: Session, world: World, talk: Conversation) -> None:
    buyer_writes(session, talk)
    talk.waiting_since = utc_now()
    conversations.take(session, talk, world.operator)
    assert in_views(session, world) == {View.OPEN, View.MINE, View.WAITING}
    snoozing.put_off(session, talk, utc_now() + HOUR, by=world.operator)
    assert in_views(session, world) == {View.SNOOZED}
    channel = listing.counts(session, world.shop.id, world.operator.id).get("channel:telegram", 0)
    assert channel == 0
    assert (talk.held, talk.assignee_id) == (True, world.operator.id)


def test_it_comes_back_at_its_time_to_be_noticed_by_whoever_put_it_off(
    session: Session, world: World, talk: Conversation
) -> None:
    until = utc_now() + HOUR
    snoozing.put_off(session, talk, until, by=world.operator)
    (job,) = planned(session)
    with clock.at(until + timedelta(seconds=1)):
        snoozing.come_back(session, job)
    assert (talk.state, talk.snoozed_until, talk.unread) == (State.OPEN, None, 1)
    assert talk.waiting_since == talk.last_at == until + timedelta(seconds=1)
    assert talk.assignee_id == world.operator.id
    assert in_views(session, world) == {View.OPEN, View.MINE, View.WAITING}
    assert changes(session, talk)[-2:] == [("snoozed", f"staff:{world.operator.id}"), ("came_back", "schedule")]


def test_a_buyer_who_waits_already_goes_on_waiting_since_then(
    session: Session, world: World, talk: Conversation
) -> None:
    began = utc_now() - HOUR
    talk.waiting_since, talk.unread = began, 3
    snoozing.put_off(session, talk, utc_now() + HOUR, by=world.operator)
    snoozing.come_back(session, planned(session)[0])
    assert (talk.waiting_since, talk.unread) == (began, 3)


def test_the_buyer_brings_it_back_by_writing_and_the_moment_then_does_nothing(
    session: Session, world: World, talk: Conversation
) -> None:
    snoozing.put_off(session, talk, utc_now() + HOUR, by=world.operator)
    buyer_writes(session, talk)
    assert (talk.state, talk.snoozed_until, talk.unread) == (State.OPEN, None, 1)
    assert talk.waiting_since is not None
    told = changes(session, talk)
    assert told[-1] == ("buyer_wrote", f"customer:{talk.customer_id}")
    snoozing.come_back(session, planned(session)[0])
    assert changes(session, talk) == told


def test_a_new_moment_takes_the_place_of_the_old_one(session: Session, world: World, talk: Conversation) -> None:
    later, sooner = utc_now() + 2 * HOUR, utc_now() + HOUR
    snoozing.put_off(session, talk, later, by=world.operator)
    snoozing.put_off(session, talk, sooner, by=world.operator)
    of_later, of_sooner = planned(session)
    assert of_later.lane != of_sooner.lane
    snoozing.come_back(session, of_later)
    assert stands(talk) == (State.SNOOZED, sooner.replace(microsecond=0))
    snoozing.come_back(session, of_sooner)
    assert stands(talk) == (State.OPEN, None)


def test_the_same_moment_again_after_a_return_still_brings_it_back(
    session: Session, world: World, talk: Conversation
) -> None:
    until = utc_now() + HOUR
    snoozing.put_off(session, talk, until, by=world.operator)
    snoozing.bring_back(session, talk, by=world.operator)
    assert (talk.state, talk.unread) == (State.OPEN, 0)
    snoozing.put_off(session, talk, until, by=world.operator)
    for job in planned(session):
        snoozing.come_back(session, job)
    assert changes(session, talk)[-1] == ("came_back", "schedule")


def test_what_is_not_put_off_cannot_be_brought_back(session: Session, world: World, talk: Conversation) -> None:
    with pytest.raises(snoozing.NotSnoozed):
        snoozing.bring_back(session, talk, by=world.operator)


@pytest.mark.parametrize("act", ["close", "release", "hand_over"])
def test_what_is_done_with_it_ends_the_putting_off(
    session: Session, world: World, talk: Conversation, act: str
) -> None:
    colleague = world.person("sofya@clay.example", "Софья Белова", Role.OPERATOR)
    snoozing.put_off(session, talk, utc_now() + HOUR, by=world.operator)
    if act == "close":
        conversations.close(session, talk, by=world.operator)
    elif act == "release":
        conversations.release(session, talk, by=world.operator)
    else:
        conversations.hand_over(session, talk, colleague, by=world.operator)
    state = talk.state
    assert state != State.SNOOZED
    assert talk.snoozed_until is None
    snoozing.come_back(session, planned(session)[0])
    assert talk.state == state


def test_an_answer_leaves_it_put_off_and_so_does_the_bot(session: Session, world: World, talk: Conversation) -> None:
    snoozing.put_off(session, talk, utc_now() + HOUR, by=world.operator)
    messages.reply(session, talk, world.operator, Outgoing(text="Узнаю завтра"))
    messages.say(session, talk, Outgoing(text="Заказ в пути"), author=Author.BOT)
    assert talk.state == State.SNOOZED


def test_what_a_colleague_leads_is_not_ones_own_to_put_off(session: Session, world: World, talk: Conversation) -> None:
    conversations.take(session, talk, world.owner)
    with pytest.raises(AlreadyTaken):
        snoozing.put_off(session, talk, utc_now() + HOUR, by=world.operator)
    assert talk.state == State.OPEN


def test_it_is_put_off_neither_into_the_past_nor_for_years(session: Session, world: World, talk: Conversation) -> None:
    with pytest.raises(MomentPast):
        snoozing.put_off(session, talk, utc_now() - HOUR, by=world.operator)
    with pytest.raises(MomentTooFar):
        snoozing.put_off(session, talk, utc_now() + timedelta(days=400), by=world.operator)
    assert (talk.state, talk.held) == (State.OPEN, False)
