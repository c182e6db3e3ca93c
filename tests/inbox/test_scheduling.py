"""Answers to be sent later leave once, at their time, or say why they did not."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import orjson
import pytest
import sqlalchemy as sa
from sqlalchemy.orm import Session

from company.moments import MomentPast
from company.tables import Membership, Role
from customers import identities
from inbox import conversations, drafts, messages, restored, scheduling
from inbox.content import Incoming, Media, MediaKind, Outgoing, Profile
from inbox.scheduling import AlreadyWent, BuyerLeft, NoSuchPlan, TooManyPlanned
from inbox.tables import Author, Conversation, Message, Planned, ScheduledMessage, State
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


def plan(
    world: World, talk: Conversation, text: str = "Кружка пришла", key: str = "k", **more: Any
) -> ScheduledMessage:
    at = more.pop("at", utc_now() + HOUR)
    return scheduling.plan(world.session, talk, world.operator, Outgoing(text=text), at=at, client_key=key, **more)


def buyer_writes(session: Session, talk: Conversation) -> None:
    assert messages.receive(session, talk, Incoming(external_id="1", profile=ANNA, text="Ну что?")) is not None


def due(session: Session) -> list[Job]:
    rows = session.scalars(sa.select(JobRow).where(JobRow.kind == scheduling.SEND).order_by(JobRow.id))
    return [Job(row.id, row.lane, row.kind, orjson.loads(row.payload), 0, row.created_at) for row in rows]


def come_due(session: Session) -> None:
    for job in due(session):
        scheduling.come_due(session, job)


def ours(session: Session, talk: Conversation) -> list[Message]:
    return [m for m in messages.thread(session, talk.id) if m.author == Author.STAFF]


def told(session: Session) -> list[str]:
    rows = session.scalars(sa.select(EventRow).where(EventRow.kind == "conversation_changed").order_by(EventRow.id))
    return [row.payload["change"] for row in rows]


def test_it_leaves_once_at_its_time_as_the_answer_of_whoever_planned_it(
    session: Session, world: World, talk: Conversation
) -> None:
    planned = plan(world, talk)
    assert ours(session, talk) == []
    assert talk.scheduled == 1
    come_due(session)
    come_due(session)
    (said,) = ours(session, talk)
    assert (said.text, said.staff_id, said.client_key) == ("Кружка пришла", world.operator.id, "k")
    assert (planned.state, planned.message_id, talk.scheduled) == (Planned.SENT, said.id, 0)
    assert scheduling.shown(session, talk.id) == []


def test_the_same_key_plans_once(session: Session, world: World, talk: Conversation) -> None:
    assert plan(world, talk).id == plan(world, talk).id
    assert (talk.scheduled, len(due(session))) == (1, 1)


def test_the_buyer_who_writes_first_stops_it_and_its_words_stay(
    session: Session, world: World, talk: Conversation
) -> None:
    planned, firm = plan(world, talk), plan(world, talk, "Мы открыты", "firm", unless_answered=False)
    buyer_writes(session, talk)
    assert (planned.state, firm.state, talk.scheduled) == (Planned.STOPPED, Planned.WAITING, 1)
    assert told(session)[-1] == "later_stopped"
    come_due(session)
    assert [m.text for m in ours(session, talk)] == ["Мы открыты"]
    assert [one.id for one in scheduling.shown(session, talk.id)] == [planned.id]


def test_another_time_makes_the_first_one_void(session: Session, world: World, talk: Conversation) -> None:
    planned = plan(world, talk)
    (first,) = due(session)
    scheduling.move(session, talk, planned, utc_now() + 2 * HOUR, by=world.operator)
    scheduling.come_due(session, first)
    assert ours(session, talk) == []
    assert len({job.lane for job in due(session)}) == 2
    come_due(session)
    assert len(ours(session, talk)) == 1


def test_what_was_stopped_can_be_sent_after_all(session: Session, world: World, talk: Conversation) -> None:
    planned, other = plan(world, talk), plan(world, talk, "И коробка", "other")
    buyer_writes(session, talk)
    scheduling.send_now(session, talk, planned, by=world.operator)
    scheduling.move(session, talk, other, utc_now() + HOUR, by=world.operator)
    assert (planned.state, other.state, talk.scheduled) == (Planned.SENT, Planned.WAITING, 1)


def test_what_was_taken_back_does_not_go_and_cannot_be_taken_twice(
    session: Session, world: World, talk: Conversation
) -> None:
    planned = plan(world, talk)
    scheduling.withdraw(session, talk, planned, by=world.operator)
    come_due(session)
    assert (ours(session, talk), talk.scheduled) == ([], 0)
    for act in (
        lambda: scheduling.withdraw(session, talk, planned, by=world.operator),
        lambda: scheduling.send_now(session, talk, planned, by=world.operator),
        lambda: scheduling.move(session, talk, planned, utc_now() + HOUR, by=world.operator),
    ):
        with pytest.raises(AlreadyWent):
            act()


@pytest.mark.parametrize("obstacle", ["buyer_left", "already_taken", "not_allowed"])
def test_what_an_answer_is_refused_for_stands_in_the_thread_and_somebody_is_to_see_it(
    session: Session, world: World, talk: Conversation, obstacle: str
) -> None:
    planned = plan(world, talk)
    if obstacle == "buyer_left":
        talk.blocked = True
    elif obstacle == "already_taken":
        conversations.take(session, talk, world.owner)
    else:
        session.execute(sa.delete(Membership).where(Membership.staff_id == world.operator.id))
    come_due(session)
    assert ours(session, talk) == []
    assert (planned.state, planned.why["code"], talk.scheduled) == (Planned.REFUSED, obstacle, 0)
    assert talk.waiting_since is not None
    assert talk.unread == 1
    assert told(session)[-1] == "later_refused"


def test_files_go_with_it(session: Session, world: World, talk: Conversation) -> None:
    photo = Media(MediaKind.PHOTO, file_id=5, name="кружка.jpg")
    outgoing = Outgoing(media=(photo,))
    scheduling.plan(session, talk, world.operator, outgoing, at=utc_now() + HOUR, client_key="k")
    come_due(session)
    (said,) = ours(session, talk)
    assert [media["name"] for media in said.content["media"]] == ["кружка.jpg"]


def test_it_may_close_the_conversation_or_put_it_off_when_it_has_gone(
    session: Session, world: World, talk: Conversation
) -> None:
    plan(world, talk, then={"close": True})
    come_due(session)
    assert talk.state == State.CLOSED
    until = utc_now() + HOUR
    plan(world, talk, "Завтра напишу", "next", then={"snooze": until.isoformat()})
    come_due(session)
    assert (talk.state, talk.snoozed_until) == (State.SNOOZED, until.replace(microsecond=0))


def test_a_moment_to_put_off_that_has_gone_by_does_not_keep_the_answer(
    session: Session, world: World, talk: Conversation
) -> None:
    plan(world, talk, then={"snooze": (utc_now() - HOUR).isoformat()})
    come_due(session)
    assert len(ours(session, talk)) == 1
    assert talk.state == State.OPEN


def test_nothing_is_planned_that_could_never_go(session: Session, world: World, talk: Conversation) -> None:
    with pytest.raises(messages.NothingToSay):
        plan(world, talk, "  ")
    with pytest.raises(MomentPast):
        plan(world, talk, at=utc_now() - HOUR)
    talk.blocked = True
    with pytest.raises(BuyerLeft):
        plan(world, talk)
    assert talk.scheduled == 0


def test_there_is_an_end_of_what_waits(
    session: Session, world: World, talk: Conversation, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(scheduling, "MOST", 1)
    plan(world, talk)
    with pytest.raises(TooManyPlanned):
        plan(world, talk, key="other")


def test_it_belongs_to_its_conversation(session: Session, world: World, talk: Conversation) -> None:
    other = conversations.open_for(session, world.account(external_id="b"), "8", customer_id=None, locale="ru")
    with pytest.raises(NoSuchPlan):
        scheduling.get(session, plan(world, talk).id, other)


def test_a_draft_of_what_is_planned_does_not_come_back(session: Session, world: World, talk: Conversation) -> None:
    plan(world, talk)
    assert not drafts.keep(session, talk, world.operator, "Кружка пришла", private=False, key="k")


def test_a_shop_that_was_brought_back_sends_nothing_that_was_planned_before(
    session: Session, world: World, talk: Conversation
) -> None:
    planned = plan(world, talk)
    restored.hold(session)
    session.expire_all()
    come_due(session)
    assert (planned.state, planned.why["code"], talk.scheduled) == (Planned.REFUSED, restored.RESTORED, 0)
    assert ours(session, talk) == []


def test_a_colleague_may_send_it_now_in_his_own_name(session: Session, world: World, talk: Conversation) -> None:
    colleague = world.person("sofya@clay.example", "Софья Белова", Role.OPERATOR)
    (said,) = scheduling.send_now(session, talk, plan(world, talk), by=colleague)
    assert said.staff_id == colleague.id
