"""Who gets a buyer who waits: those who are there and have room, never more than the rule says, and with the reason."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest
import sqlalchemy as sa
from sqlalchemy.orm import Session

from automation import assignment
from automation.assignment import Reason
from company import presence
from company.settings import WorkingHours
from company.tables import Role, Staff
from inbox import conversations, messages
from inbox.content import Outgoing
from inbox.tables import Conversation, State
from kit.clock import utc_now
from storage.jobs import Job
from storage.tables import EventRow
from tests.bot.chats import Chat, Counter
from tests.worlds import World


@pytest.fixture
def counter(world: World) -> Counter:
    counter = Counter(world)
    counter.rules(assignment={"rule": "fewest", "most": 2})
    return counter


@pytest.fixture
def marina(counter: Counter) -> Staff:
    return counter.world.operator


@pytest.fixture
def sofya(counter: Counter) -> Staff:
    return counter.world.person("sofya@clay.example", "Софья Белова", Role.OPERATOR)


@pytest.fixture
def comes(counter: Counter) -> Callable[[Staff], None]:
    """A person opens the console."""
    return lambda person: presence.seen(counter.session, person.id)


def asks(counter: Counter, name: str = "anna") -> Chat:
    """A buyer asks something that only a person can answer, and the rule's job runs."""
    chat = counter.chat(name, name.title())
    chat.says("Можно упаковать в подарок?")
    run(counter)
    return chat


def run(counter: Counter) -> None:
    """Every job that ever followed from waiting, as if it came again."""
    waits = sa.select(EventRow).where(EventRow.kind == "conversation_waits").order_by(EventRow.id)
    for event in counter.session.scalars(waits).all():
        facts = {"shop_id": event.shop_id, **event.payload}
        assignment.assign(counter.session, Job(event.id, "", assignment.ASSIGN, facts, 0, 0))


def told(counter: Counter) -> list[tuple[int, str]]:
    query = sa.select(EventRow).where(EventRow.kind == "conversation_assigned").order_by(EventRow.id)
    return [(event.payload["staff_id"], event.payload["reason"]) for event in counter.session.scalars(query)]


def test_without_a_rule_nothing_is_given_and_nothing_is_said(
    counter: Counter, marina: Staff, comes: Callable[[Staff], None]
) -> None:
    counter.rules(assignment={"rule": "nobody"})
    comes(marina)
    chat = asks(counter)
    assignment.give_out(counter.session)
    assert chat.conversation.waiting_since is not None
    assert chat.conversation.assignee_id is None
    kinds = counter.session.scalars(sa.select(EventRow.kind).where(EventRow.kind.like("conversation_%")))
    assert set(kinds) <= {"conversation_changed"}


def test_who_leads_the_fewest_is_given_the_next(
    counter: Counter, marina: Staff, sofya: Staff, comes: Callable[[Staff], None]
) -> None:
    comes(marina)
    comes(sofya)
    given = [asks(counter, name).conversation.assignee_id for name in ("anna", "oleg", "vera", "petr", "zoya")]
    assert given == [marina.id, sofya.id, marina.id, sofya.id, None]
    assert told(counter) == [(id_, Reason.FEWEST) for id_ in given if id_]


def test_the_customers_last_operator_comes_first(
    counter: Counter, marina: Staff, sofya: Staff, comes: Callable[[Staff], None]
) -> None:
    comes(marina)
    comes(sofya)
    chat = counter.chat()
    messages.reply(counter.session, chat.conversation, sofya, Outgoing(text="Есть"))
    conversations.close(counter.session, chat.conversation, by=sofya)
    assert asks(counter).conversation.assignee_id == sofya.id
    assert told(counter) == [(sofya.id, Reason.KNOWN)]


def test_who_is_away_or_gone_is_passed_over(
    counter: Counter, marina: Staff, sofya: Staff, comes: Callable[[Staff], None]
) -> None:
    comes(marina)
    presence.set_away(counter.session, marina.id, True)
    chat = asks(counter)
    assert chat.conversation.assignee_id is None
    comes(sofya)
    assignment.give_out(counter.session)
    assert chat.conversation.assignee_id == sofya.id


def test_outside_his_shift_nobody_is_given_anything(
    counter: Counter, marina: Staff, sofya: Staff, comes: Callable[[Staff], None]
) -> None:
    comes(marina)
    comes(sofya)
    presence.set_shift(counter.session, counter.shop, marina.id, WorkingHours(week=(None,) * 7))
    assert [asks(counter, name).conversation.assignee_id for name in ("anna", "oleg")] == [sofya.id, sofya.id]


def test_who_waits_for_somebody_who_left_is_given_to_another(
    counter: Counter, marina: Staff, sofya: Staff, comes: Callable[[Staff], None]
) -> None:
    comes(marina)
    chat = asks(counter)
    comes(sofya)
    assignment.give_out(counter.session)
    assert chat.conversation.assignee_id == marina.id
    presence.set_away(counter.session, marina.id, True)
    assignment.give_out(counter.session)
    assert chat.conversation.assignee_id == sofya.id


def test_what_a_person_leads_is_left_to_him(
    counter: Counter, marina: Staff, sofya: Staff, comes: Callable[[Staff], None]
) -> None:
    chat = asks(counter)
    conversations.take(counter.session, chat.conversation, marina)
    comes(sofya)
    run(counter)
    assignment.give_out(counter.session)
    assert (chat.conversation.assignee_id, chat.conversation.held, told(counter)) == (marina.id, True, [])


def test_who_waits_long_for_a_leader_that_is_not_there_is_given_to_another(
    counter: Counter, marina: Staff, sofya: Staff, comes: Callable[[Staff], None]
) -> None:
    chat = asks(counter)
    talk = chat.conversation
    conversations.take(counter.session, talk, marina)
    comes(sofya)
    comes(marina)
    talk.waiting_since = utc_now() - assignment.PATIENCE
    assignment.give_out(counter.session)
    assert talk.assignee_id == marina.id
    presence.set_away(counter.session, marina.id, True)
    talk.waiting_since = utc_now() - assignment.PATIENCE / 2
    assignment.give_out(counter.session)
    assert talk.assignee_id == marina.id
    talk.waiting_since = utc_now() - assignment.PATIENCE
    assignment.give_out(counter.session)
    assert (talk.assignee_id, talk.held, told(counter)) == (sofya.id, True, [(sofya.id, Reason.ABSENT)])


def test_the_bot_goes_on_until_he_answers_and_a_colleague_may_be_quicker(
    counter: Counter, marina: Staff, sofya: Staff, comes: Callable[[Staff], None]
) -> None:
    comes(marina)
    chat = asks(counter)
    assert not chat.conversation.held
    messages.reply(counter.session, chat.conversation, sofya, Outgoing(text="Упакуем"))
    assert (chat.conversation.assignee_id, chat.conversation.held) == (sofya.id, True)


def test_a_conversation_that_is_opened_again_stays_with_nobody_who_is_absent(
    counter: Counter, marina: Staff, sofya: Staff, comes: Callable[[Staff], None]
) -> None:
    chat = counter.chat()
    messages.reply(counter.session, chat.conversation, marina, Outgoing(text="Есть"))
    conversations.close(counter.session, chat.conversation, by=marina)
    comes(sofya)
    again = asks(counter)
    assert (again.conversation.state, again.conversation.assignee_id) == (State.OPEN, sofya.id)


def test_two_that_begin_to_wait_at_once_do_not_overfill_anybody(
    session: Session, engine: sa.Engine, counter: Counter, marina: Staff, comes: Callable[[Staff], None]
) -> None:
    counter.rules(assignment={"rule": "fewest", "most": 1})
    comes(marina)
    talks = [counter.chat(name, name).conversation for name in ("anna", "oleg")]
    for talk in talks:
        talk.waiting_since = utc_now()
    session.commit()
    together = threading.Barrier(2)

    def give(talk_id: int) -> None:
        together.wait(10)
        with Session(engine, expire_on_commit=False) as own:
            facts = {"shop_id": counter.shop.id, "conversation_id": talk_id}
            assignment.assign(own, Job(talk_id, "", assignment.ASSIGN, facts, 0, 0))
            own.commit()

    with ThreadPoolExecutor(2) as threads:
        list(threads.map(give, [talk.id for talk in talks]))
    given = session.scalars(sa.select(Conversation.assignee_id).order_by(Conversation.id))
    assert sorted(given, key=lambda id_: id_ or 0) == [None, marina.id]
