"""Where a line of the list stands is the same whether the list is read or the line alone."""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy.orm import Session

from company.tables import Role
from customers import identities
from inbox import conversations, listing, snoozing
from inbox.listing import View
from inbox.tables import Conversation, State
from kit.clock import utc_now
from tests.worlds import World

MINUTE = timedelta(minutes=1)


def talks(session: Session, world: World, n: int) -> list[Conversation]:
    account = world.account()
    found = []
    for i in range(n):
        who = identities.recognise(session, account, external_id=str(i), name=f"Покупатель {i}")
        talk = conversations.open_for(session, account, str(i), customer_id=who.customer_id, locale="ru")
        talk.last_at = utc_now() - MINUTE * (i * 7 % 5)
        found.append(talk)
    return found


def test_lines_say_themselves_where_they_stand_in_every_view(session: Session, world: World) -> None:
    colleague = world.person("sofya@clay.example", "Софья Белова", Role.OPERATOR)
    found = talks(session, world, 12)
    for i, talk in enumerate(found):
        talk.waiting_since = utc_now() - MINUTE * (i * 5 % 7) if i % 3 else None
    for talk, person in zip(found[:6], [world.operator, colleague] * 3, strict=True):
        conversations.take(session, talk, person)
    for i, talk in enumerate((found[4], found[6], found[10])):
        snoozing.put_off(session, talk, utc_now() + MINUTE * (9 - i), by=world.operator)
    for talk in found[7:10]:
        talk.state = State.CLOSED
    session.flush()
    alone = listing.lines(session, world.shop.id, [talk.id for talk in found])
    assert len(alone) == len(found)
    for view in View:
        listed = [row.id for row in listing.rows(session, world.shop.id, view=view, staff_id=world.operator.id)]
        here = [
            row
            for row in alone
            if view in listing.places(row) and (view is not View.MINE or row.assignee_id == world.operator.id)
        ]
        assert [row.id for row in sorted(here, key=lambda row: listing.places(row)[view])] == listed, view
        assert listed, view


def test_a_line_of_another_shop_is_not_given(session: Session, world: World) -> None:
    (talk,) = talks(session, world, 1)
    assert listing.lines(session, world.shop.id + 1, [talk.id]) == []


def test_counts_of_many_are_those_of_each(session: Session, world: World) -> None:
    colleague = world.person("sofya@clay.example", "Софья Белова", Role.OPERATOR)
    found = talks(session, world, 6)
    for talk in found[:3]:
        conversations.take(session, talk, world.operator)
    conversations.take(session, found[3], colleague)
    snoozing.put_off(session, found[0], utc_now() + MINUTE * 5, by=world.operator)
    session.flush()
    people = [world.operator.id, colleague.id, world.owner.id]
    many = listing.counts_of(session, world.shop.id, people)
    assert [many[id_][View.MINE] for id_ in people] == [2, 1, 0]
    assert [many[id_][View.UNASSIGNED] for id_ in people] == [2, 2, 2]
    assert {id_: listing.counts(session, world.shop.id, id_) for id_ in people} == many
