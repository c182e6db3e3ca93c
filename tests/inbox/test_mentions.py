"""Who is called in a note: whole names after a mark, kept as people and places."""

from __future__ import annotations

import pytest
import sqlalchemy as sa

from company.tables import Role, Staff
from inbox import mentions, messages
from inbox.mentions import Mention
from inbox.tables import Conversation
from storage.tables import EventRow
from tests.inbox.test_messages import talk as talk
from tests.worlds import World


def people(*names: str) -> list[Staff]:
    return [Staff(id=number, name=name) for number, name in enumerate(names, 1)]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("@Марина Ким, глянь", [Mention(1, 0, 11)]),
        ("(@Марина Ким)", [Mention(1, 1, 11)]),
        ("спроси @Софья и @Марина Ким", [Mention(2, 7, 6), Mention(1, 16, 11)]),
        ("@Марина", []),
        ("@Марина Кимова", []),
        ("почта ivan@Софья", []),
        ("@Софья @Софья", [Mention(2, 0, 6), Mention(2, 7, 6)]),
        ("@ @@", []),
        ("", []),
    ],
)
def test_whole_names_alone_are_calls(text: str, found: list[Mention]) -> None:
    assert list(mentions.find(text, people("Марина Ким", "Софья"))) == found


def test_the_longest_name_is_meant() -> None:
    called = mentions.find("@Анна Мария", people("Анна", "Анна Мария"))
    assert [one.staff_id for one in called] == [2]


def test_of_equal_names_the_chosen_one_is_meant_and_else_all() -> None:
    pair = people("Анна", "Анна")
    assert [one.staff_id for one in mentions.find("@Анна", pair, chosen={2})] == [2]
    assert [one.staff_id for one in mentions.find("@Анна", pair)] == [1, 2]


def test_a_note_keeps_whom_it_calls_and_each_is_told_once(world: World, talk: Conversation) -> None:
    staff = [world.owner, world.operator, world.person("s@clay.example", "Софья Белова", Role.OPERATOR)]
    text = "  @Илья Дорохов, можно скидку? @Илья Дорохов, @Софья Белова"
    for _again in range(2):
        note = messages.note(world.session, talk, text, world.operator, client_key="k", people=staff)
    assert [one.staff_id for one in mentions.load(note.content)] == [world.owner.id, world.owner.id, staff[2].id]
    assert note.text[mentions.load(note.content)[0].offset :].startswith("@Илья")
    query = sa.select(EventRow).where(EventRow.kind == "staff_mentioned").order_by(EventRow.id)
    events = list(world.session.scalars(query))
    assert [event.payload["staff_id"] for event in events] == [world.owner.id, staff[2].id]
    assert {event.payload["message_id"] for event in events} == {note.id}


def test_a_note_that_calls_nobody_keeps_nothing(world: World, talk: Conversation) -> None:
    note = messages.note(world.session, talk, "скидка 10%", world.operator, people=[world.owner])
    assert note.content == {}
