"""A shop's own fields: what may be asked of a customer, and what fits into each."""

from __future__ import annotations

from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.orm import Session

from company import shops
from customers import cards, fields
from customers.tables import Customer, Field, FieldKind
from storage.tables import EventRow
from tests.worlds import World

MARINA = "staff:2"


@pytest.fixture
def anna(world: World, session: Session) -> Customer:
    return cards.add(session, world.shop, name="Анна Кравец")


def add(session: Session, world: World, name: str, kind: FieldKind, **more: Any) -> Field:
    return fields.add(session, world.shop.id, name=name, kind=kind, **more)


def held(session: Session, customer: Customer) -> dict[str, str]:
    return {one.field.name: one.value for one in fields.of(session, customer) if one.value}


@pytest.mark.parametrize(
    ("kind", "typed", "kept"),
    [
        (FieldKind.TEXT, "  любит синий  ", "любит синий"),
        (FieldKind.NUMBER, "1 250,50", "1250.5"),
        (FieldKind.NUMBER, "-0", "0"),
        (FieldKind.NUMBER, "100", "100"),
        (FieldKind.DATE, "26.11.1990", "1990-11-26"),
        (FieldKind.DATE, "1990-11-26", "1990-11-26"),
        (FieldKind.FLAG, "1", "1"),
        (FieldKind.FLAG, "0", "0"),
        (FieldKind.LINK, "vk.com/anna", "https://vk.com/anna"),
        (FieldKind.LINK, "http://shop.example/x?y=1", "http://shop.example/x?y=1"),
        (FieldKind.TEXT, "  ", ""),
    ],
)
def test_a_value_is_kept_as_its_kind_is_written(
    world: World, session: Session, anna: Customer, kind: FieldKind, typed: str, kept: str
) -> None:
    field = add(session, world, "Поле", kind)
    fields.fill(session, anna, {field.id: typed}, actor=MARINA)
    assert held(session, anna) == ({"Поле": kept} if kept else {})


@pytest.mark.parametrize(
    ("kind", "typed", "fact"),
    [
        (FieldKind.NUMBER, "много", fields.NotANumber),
        (FieldKind.NUMBER, "1e400", fields.NotANumber),
        (FieldKind.NUMBER, "NaN", fields.NotANumber),
        (FieldKind.NUMBER, "0.0000001", fields.NotANumber),
        (FieldKind.DATE, "31.02.2026", fields.NotADate),
        (FieldKind.DATE, "вчера", fields.NotADate),
        (FieldKind.LINK, "javascript://alert.example", fields.NotALink),
        (FieldKind.LINK, "просто слова", fields.NotALink),
        (FieldKind.LINK, "https://[", fields.NotALink),
        (FieldKind.CHOICE, "7", fields.NotAnOption),
        (FieldKind.CHOICE, "Инстаграм", fields.NotAnOption),
        (FieldKind.TEXT, "а" * 501, fields.ValueTooLong),
    ],
)
def test_what_does_not_fit_is_refused_and_changes_nothing(
    world: World, session: Session, anna: Customer, kind: FieldKind, typed: str, fact: type[Exception]
) -> None:
    other = add(session, world, "Другое", FieldKind.TEXT)
    field = add(session, world, "Поле", kind, options=["ВКонтакте"])
    with pytest.raises(fact):
        fields.fill(session, anna, {other.id: "да", field.id: typed}, actor=MARINA)
    assert held(session, anna) == {}


def test_a_required_field_is_not_emptied(world: World, session: Session, anna: Customer) -> None:
    field = add(session, world, "Размер", FieldKind.NUMBER, required=True)
    fields.fill(session, anna, {field.id: "42"}, actor=MARINA)
    with pytest.raises(fields.ValueMissing):
        fields.fill(session, anna, {field.id: ""}, actor=MARINA)
    assert held(session, anna) == {"Размер": "42"}


def test_the_log_says_what_a_field_held_before(world: World, session: Session, anna: Customer) -> None:
    field = add(session, world, "Размер", FieldKind.NUMBER)
    fields.fill(session, anna, {field.id: "42"}, actor=MARINA)
    fields.fill(session, anna, {field.id: "42"}, actor=MARINA)
    fields.fill(session, anna, {field.id: ""}, actor=MARINA)
    told = session.scalars(sa.select(EventRow).order_by(EventRow.id)).all()
    assert [(row.payload["before"], row.payload["after"]) for row in told] == [
        ({"Размер": ""}, {"Размер": "42"}),
        ({"Размер": "42"}, {"Размер": ""}),
    ]


def test_a_renamed_option_is_still_chosen_and_an_emptied_one_is_only_read(
    world: World, session: Session, anna: Customer
) -> None:
    field = add(session, world, "Откуда", FieldKind.CHOICE, options=["Сайт", "", "Друзья"])
    assert fields.offered(field) == [(1, "Сайт"), (2, "Друзья")]
    fields.fill(session, anna, {field.id: "2"}, actor=MARINA)
    fields.edit(session, world.shop.id, field.id, name="Откуда", options={1: "Наш сайт", 2: "", -1: "Ярмарка"})
    assert fields.offered(field) == [(1, "Наш сайт"), (3, "Ярмарка")]
    assert fields.option_name(field, "2") == "Друзья"


@pytest.mark.parametrize(("name", "options"), [("", ["а"]), ("  ", ["а"]), ("Откуда", []), ("Откуда", [" "])])
def test_a_field_without_a_name_or_a_choice_is_refused(
    world: World, session: Session, name: str, options: list[str]
) -> None:
    with pytest.raises(fields.FieldUnfit):
        add(session, world, name, FieldKind.CHOICE, options=options)


def test_two_fields_of_one_name_are_refused(world: World, session: Session) -> None:
    add(session, world, "Размер", FieldKind.TEXT)
    with pytest.raises(fields.FieldNameTaken):
        add(session, world, " Размер ", FieldKind.NUMBER)
    assert [one.name for one in fields.of_shop(session, world.shop.id)] == ["Размер"]


def test_fields_change_places_and_stop_at_the_ends(world: World, session: Session) -> None:
    one, two, three = (add(session, world, name, FieldKind.TEXT) for name in ("а", "б", "в"))
    fields.shift(session, world.shop.id, three.id, back=True)
    fields.shift(session, world.shop.id, one.id, back=True)
    fields.shift(session, world.shop.id, two.id, back=False)
    assert [row.name for row in fields.of_shop(session, world.shop.id)] == ["а", "в", "б"]


def test_a_field_in_use_is_put_away_with_its_values_and_brought_back(
    world: World, session: Session, anna: Customer
) -> None:
    field = add(session, world, "Размер", FieldKind.NUMBER)
    fields.fill(session, anna, {field.id: "42"}, actor=MARINA)
    with pytest.raises(fields.FieldInUse):
        fields.remove(session, world.shop.id, field.id)
    fields.archive(session, world.shop.id, field.id, away=True)
    assert fields.of(session, anna) == []
    assert fields.of_many(session, [anna.id]) == {}
    fields.archive(session, world.shop.id, field.id, away=False)
    assert held(session, anna) == {"Размер": "42"}


def test_a_field_that_nobody_filled_is_removed(world: World, session: Session) -> None:
    field = add(session, world, "Размер", FieldKind.NUMBER)
    fields.remove(session, world.shop.id, field.id)
    assert fields.of_shop(session, world.shop.id, archived=True) == []


def test_another_shops_field_is_not_found(world: World, session: Session, anna: Customer) -> None:
    theirs = fields.add(session, shops.create(session, name="Чужая").id, name="Размер", kind=FieldKind.TEXT)
    with pytest.raises(fields.NoSuchField):
        fields.get(session, world.shop.id, theirs.id)
    with pytest.raises(fields.NoSuchField):
        fields.fill(session, anna, {theirs.id: "42"}, actor=MARINA)


def test_only_fields_of_the_conversation_stand_beside_it(world: World, session: Session, anna: Customer) -> None:
    add(session, world, "Размер", FieldKind.NUMBER)
    add(session, world, "Паспорт", FieldKind.TEXT, beside=False)
    assert [one.field.name for one in fields.of(session, anna, beside=True)] == ["Размер"]
