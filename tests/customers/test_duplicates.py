"""Cards that may be of one person, and why."""

from __future__ import annotations

import pytest
from sqlalchemy.orm import Session

from company import shops
from customers import cards, contacts, duplicates, identities
from customers.duplicates import Named, Why
from customers.tables import Customer
from tests.worlds import World

MARINA = "staff:2"


def card(world: World, name: str, city: str = "", *reached: str) -> Customer:
    row = cards.add(world.session, world.shop, name=name)
    cards.remember(world.session, row, city=city)
    for text in reached:
        contacts.add(world.session, row, text, actor=MARINA)
    return row


def pairs(world: World) -> dict[tuple[int, int], list[Why]]:
    session, shop_id = world.session, world.shop.id
    found = duplicates.listed(
        session, duplicates.exact(session, shop_id), duplicates.alike(duplicates.names(session, shop_id))
    )
    return {(pair.one_id, pair.other_id): [reason.why for reason in pair.reasons] for pair in found}


def test_a_phone_and_an_email_in_any_form_are_reasons(world: World, session: Session) -> None:
    anna = card(world, "Анна", "", "8 900 123-45-67", "anna@mail.example")
    other = card(world, "Аня", "", "+7 (900) 1234567", "ANNA@mail.example")
    card(world, "Пётр", "", "89007654321")
    assert pairs(world) == {(anna.id, other.id): [Why.EMAIL, Why.PHONE]} or pairs(world) == {
        (anna.id, other.id): [Why.PHONE, Why.EMAIL]
    }
    ((found, reasons),) = duplicates.of_customer(session, other)
    assert found is anna
    assert {(reason.why, reason.what) for reason in reasons} == {
        (Why.PHONE, "+79001234567"),
        (Why.EMAIL, "anna@mail.example"),
    }


def test_one_user_name_on_two_channels_is_a_reason(world: World, session: Session) -> None:
    here, there = world.account(external_id="one"), world.account("vk", external_id="two")
    one = identities.recognise(session, here, external_id="1", name="Анна", username="Anna_K").customer_id
    other = identities.recognise(session, there, external_id="2", name="А. К.", username="anna_k").customer_id
    identities.recognise(session, there, external_id="3", name="Без имени")
    identities.recognise(session, here, external_id="4", name="Без имени")
    assert pairs(world) == {(one, other): [Why.USERNAME]}
    ((found, reasons),) = duplicates.of_customer(session, session.get_one(Customer, one))
    assert (found.id, [reason.why for reason in reasons]) == (other, [Why.USERNAME])


@pytest.mark.parametrize(
    ("name", "city", "alike"),
    [
        ("Ветрова Анна", "казань", True),
        ("Анна Ветрава", "Казань", True),
        ("Анна  ВЕТРОВА", "Казань", True),
        ("Анна Ветрова", "Москва", False),
        ("Анна Ветрова", "", False),
        ("Алла Петрова", "Казань", False),
    ],
)
def test_nearly_the_same_name_in_one_city_is_a_reason(
    world: World, session: Session, name: str, city: str, alike: bool
) -> None:
    anna, other = card(world, "Анна Ветрова", "Казань"), card(world, name, city)
    assert pairs(world) == ({(anna.id, other.id): [Why.NAME]} if alike else {})
    assert [row.id for row, _reasons in duplicates.of_customer(session, anna)] == ([other.id] if alike else [])


def test_two_people_stay_two_people(world: World, session: Session) -> None:
    anna, other = (card(world, name, "", "89001234567") for name in ("Анна", "Олег"))
    duplicates.keep_apart(session, other, anna, actor=MARINA)
    duplicates.keep_apart(session, anna, other, actor=MARINA)
    assert pairs(world) == {}
    assert duplicates.of_customer(session, anna) == []


def test_another_shops_cards_are_no_duplicates(world: World, session: Session) -> None:
    anna = card(world, "Анна", "", "89001234567")
    theirs = cards.add(session, shops.create(session, name="Чужая"), name="Анна")
    contacts.add(session, theirs, "89001234567", actor=MARINA)
    assert pairs(world) == {}
    assert duplicates.of_customer(session, anna) == []


def test_a_crowd_of_one_name_does_not_take_minutes() -> None:
    crowd = [Named(n, "Анна Ветрова", "Казань") for n in range(5000)]
    found = duplicates.alike(crowd)
    assert len(found) == duplicates.MOST_OF_A_KIND * (duplicates.MOST_OF_A_KIND - 1) // 2
