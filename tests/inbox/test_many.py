"""The same done with many conversations: all that can be, and an account of the rest."""

from __future__ import annotations

from datetime import timedelta

import pytest
import sqlalchemy as sa
from sqlalchemy.orm import Session

from company.tables import Role
from inbox import conversations, many
from inbox.conversations import NoSuchConversation
from inbox.many import TooMany
from inbox.tables import Conversation, State
from kit.clock import utc_now
from tests.worlds import World


@pytest.fixture
def talks(world: World) -> list[Conversation]:
    account = world.account()
    return [conversations.open_for(world.session, account, str(n), customer_id=None, locale="ru") for n in range(3)]


def ids(talks: list[Conversation]) -> list[int]:
    return [talk.id for talk in talks]


def test_what_a_colleague_took_meanwhile_is_left_and_said(
    session: Session, world: World, talks: list[Conversation]
) -> None:
    sofya = world.person("sofya@clay.example", "Софья Белова", Role.OPERATOR)
    conversations.take(session, talks[0], sofya)
    conversations.close(session, talks[1], by=sofya)
    result = many.close(session, world.shop.id, ids(talks), by=world.operator)
    assert result.done == [talks[2].id]
    assert (result.taken, result.as_they_were) == ({"Софья Белова": 1}, 1)
    assert talks[0].state == State.OPEN


def test_closing_taken_back_leaves_all_as_it_was(session: Session, world: World, talks: list[Conversation]) -> None:
    shop, by = world.shop.id, world.operator
    conversations.take(session, talks[0], by)
    talks[0].waiting_since, talks[0].unread = utc_now(), 2
    until = utc_now().replace(microsecond=0) + timedelta(hours=1)
    many.put_off(session, shop, [talks[1].id], until, by=by)
    before = [(t.state, t.held, t.assignee_id, t.waiting_since, t.unread, t.snoozed_until) for t in talks]
    done = many.close(session, shop, ids(talks), by=by).done
    assert {talk.state for talk in talks} == {State.CLOSED}
    assert many.undo_close(session, shop, done, by=by).done == done
    assert [(t.state, t.held, t.assignee_id, t.waiting_since, t.unread, t.snoozed_until) for t in talks] == before
    assert many.undo_close(session, shop, done, by=by).as_they_were == 3


def test_what_a_colleague_closed_since_is_opened_for_nobody(
    session: Session, world: World, talks: list[Conversation]
) -> None:
    conversations.take(session, talks[0], world.operator)
    conversations.close(session, talks[0], by=world.operator)
    conversations.reopen(session, talks[0], by=world.owner)
    conversations.close(session, talks[0], by=world.owner)
    assert conversations.undo_close(session, talks[0], by=world.operator)
    assert (talks[0].state, talks[0].held, talks[0].assignee_id) == (State.OPEN, False, None)


def test_they_are_given_away_put_off_and_answered(session: Session, world: World, talks: list[Conversation]) -> None:
    shop, by = world.shop.id, world.operator
    talks[0].waiting_since = utc_now()
    assert many.no_answer_needed(session, shop, ids(talks), by=by).done == [talks[0].id]
    until = utc_now() + timedelta(hours=1)
    assert many.put_off(session, shop, ids(talks[:2]), until, by=by).done == ids(talks[:2])
    assert {talk.state for talk in talks[:2]} == {State.SNOOZED}
    given = many.hand_over(session, shop, [*ids(talks), talks[0].id], world.owner, by=by)
    assert given.done == ids(talks)
    assert {(talk.assignee_id, talk.state) for talk in talks} == {(world.owner.id, State.OPEN)}
    assert many.put_off(session, shop, ids(talks), until, by=by).taken == {"Илья Дорохов": 3}


def test_one_that_is_not_here_stops_all(session: Session, world: World, talks: list[Conversation]) -> None:
    with pytest.raises(NoSuchConversation):
        many.close(session, world.shop.id, [*ids(talks), 999999], by=world.operator)
    session.expire_all()
    assert session.scalars(sa.select(Conversation.state)).all() == [State.OPEN] * 3


def test_there_is_an_end_of_it(
    session: Session, world: World, talks: list[Conversation], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(many, "MOST", 2)
    with pytest.raises(TooMany):
        many.close(session, world.shop.id, ids(talks), by=world.operator)
