"""A card that two people fill in at once keeps what each has changed."""

from __future__ import annotations

import pytest
from sqlalchemy.orm import Session

from customers import amending, cards, fields
from customers.tables import Customer, FieldKind
from tests.worlds import World

MARINA, SOFYA = "staff:2", "staff:3"


@pytest.fixture
def anna(world: World, session: Session) -> Customer:
    row = cards.add(session, world.shop, name="Анна")
    cards.remember(session, row, city="Казань", note="Звонить утром", tags=["опт", "подарки"])
    return row


def test_what_only_one_has_changed_is_kept_whoever_is_later(session: Session, anna: Customer) -> None:
    seen = amending.written(anna)
    amending.amend(session, anna, seen | {"city": "Москва"}, seen, actor=SOFYA)
    assert amending.amend(session, anna, seen | {"note": "Звонить вечером"}, seen, actor=MARINA) == []
    assert (anna.city, anna.note) == ("Москва", "Звонить вечером")


def test_what_both_have_changed_stays_as_the_first_left_it_and_the_rest_goes_in(
    session: Session, anna: Customer
) -> None:
    seen = amending.written(anna)
    amending.amend(session, anna, {"city": "Москва"}, seen, actor=SOFYA)
    mine = seen | {"city": "Тула", "tags": "подарки, опт, сад"}
    (overtaken,) = amending.amend(session, anna, mine, seen, actor=MARINA)
    assert (overtaken.name, overtaken.now, overtaken.actor) == ("city", "Москва", SOFYA)
    assert overtaken.at is not None
    assert (anna.city, anna.tags) == ("Москва", ["опт", "подарки", "сад"])
    assert amending.amend(session, anna, {"city": "Тула"}, amending.written(anna), actor=MARINA) == []
    assert anna.city == "Тула"


def test_both_writing_the_same_is_no_conflict(session: Session, anna: Customer) -> None:
    seen = amending.written(anna)
    amending.amend(session, anna, {"city": "Москва"}, seen, actor=SOFYA)
    assert amending.amend(session, anna, {"city": " Москва "}, seen, actor=MARINA) == []


def test_a_field_in_another_form_of_the_same_words_was_not_touched(session: Session, anna: Customer) -> None:
    seen = amending.written(anna)
    amending.amend(session, anna, {"tags": "опт"}, seen, actor=SOFYA)
    assert amending.amend(session, anna, seen | {"tags": "подарки,опт"}, seen, actor=MARINA) == []
    assert anna.tags == ["опт"]


def test_own_fields_of_two_people_are_kept_apart_too(world: World, session: Session, anna: Customer) -> None:
    size = fields.add(session, world.shop.id, name="Размер", kind=FieldKind.NUMBER)
    pet = fields.add(session, world.shop.id, name="Кот", kind=FieldKind.TEXT)
    seen = {size.id: "", pet.id: ""}
    amending.amend_fields(session, anna, {size.id: "38", pet.id: ""}, seen, actor=SOFYA)
    (overtaken,) = amending.amend_fields(session, anna, {size.id: "39", pet.id: "Марсик"}, seen, actor=MARINA)
    assert (overtaken.name, overtaken.now, overtaken.actor) == (str(size.id), "38", SOFYA)
    assert [one.value for one in fields.of(session, anna)] == ["38", "Марсик"]


def test_a_wrong_value_leaves_every_field_as_it_is(world: World, session: Session, anna: Customer) -> None:
    size = fields.add(session, world.shop.id, name="Размер", kind=FieldKind.NUMBER)
    pet = fields.add(session, world.shop.id, name="Кот", kind=FieldKind.TEXT)
    with pytest.raises(fields.NotANumber):
        amending.amend_fields(session, anna, {pet.id: "Марсик", size.id: "большой"}, {}, actor=MARINA)
    with pytest.raises(fields.NoSuchField):
        amending.amend_fields(session, anna, {0: "Марсик"}, {}, actor=MARINA)
    assert [one.value for one in fields.of(session, anna)] == ["", ""]
