"""Tags of a whole shop, renamed, joined and removed at once."""

from __future__ import annotations

import pytest
import sqlalchemy as sa
from sqlalchemy.orm import Session

from company import shops
from customers import cards, tagging
from customers.tables import Customer
from storage.tables import EventRow
from tests.worlds import World


@pytest.fixture
def people(world: World, session: Session) -> list[Customer]:
    rows = [cards.add(session, world.shop, name=name) for name in ("Анна", "Борис", "Вера")]
    for row, tags in zip(rows, (["опт", "керамика"], ["опт"], ["оптовик"]), strict=True):
        cards.remember(session, row, tags=tags)
    return rows


def tags(session: Session, people: list[Customer]) -> list[list[str]]:
    session.expire_all()
    return [row.tags for row in people]


def test_a_renamed_tag_is_renamed_everywhere(world: World, session: Session, people: list[Customer]) -> None:
    assert tagging.rename(session, world.shop.id, "опт", " крупный   опт ", actor="staff:1") == 2
    assert tags(session, people) == [["керамика", "крупный опт"], ["крупный опт"], ["оптовик"]]
    last = session.scalars(sa.select(EventRow).order_by(EventRow.id.desc())).first()
    assert last is not None
    assert (last.actor, last.payload) == ("staff:1", {"before": "опт", "after": "крупный опт", "cards": 2})


def test_a_tag_with_the_name_of_another_becomes_one_with_it(
    world: World, session: Session, people: list[Customer]
) -> None:
    cards.remember(session, people[1], tags=["опт", "оптовик"])
    tagging.rename(session, world.shop.id, "оптовик", "опт", actor="staff:1")
    assert tags(session, people) == [["керамика", "опт"], ["опт"], ["опт"]]
    assert cards.tags(session, world.shop.id) == [("опт", 3), ("керамика", 1)]


def test_a_removed_tag_is_nowhere(world: World, session: Session, people: list[Customer]) -> None:
    assert tagging.remove(session, world.shop.id, "опт", actor="staff:1") == 2
    assert tags(session, people) == [["керамика"], [], ["оптовик"]]
    with pytest.raises(tagging.NoSuchTag):
        tagging.remove(session, world.shop.id, "опт", actor="staff:1")


@pytest.mark.parametrize("name", ["", "  ", "опт, керамика"])
def test_what_is_no_tag_is_refused(world: World, session: Session, people: list[Customer], name: str) -> None:
    with pytest.raises(tagging.TagUnfit):
        tagging.rename(session, world.shop.id, "опт", name, actor="staff:1")
    assert tags(session, people)[1] == ["опт"]


def test_another_shops_tags_stay(world: World, session: Session, people: list[Customer]) -> None:
    theirs = cards.add(session, shops.create(session, name="Чужая"), name="Анна")
    cards.remember(session, theirs, tags=["опт"])
    tagging.remove(session, world.shop.id, "опт", actor="staff:1")
    assert tags(session, [theirs]) == [["опт"]]
