"""Several phones and e-mails of one customer, the main one of each kept in step."""

from __future__ import annotations

import pytest
import sqlalchemy as sa
from sqlalchemy.orm import Session

from company.staff import BadEmail
from customers import cards, contacts, identities, proofs
from customers.tables import ContactKind, Customer
from storage.tables import EventRow
from tests.worlds import World

MARINA = "staff:2"


@pytest.fixture
def anna(world: World, session: Session) -> Customer:
    return cards.add(session, world.shop, name="Анна Кравец")


def values(session: Session, customer: Customer) -> list[str]:
    return [row.value for row in contacts.of(session, customer)]


def test_the_first_of_a_kind_is_the_main_one_and_more_are_kept(session: Session, anna: Customer) -> None:
    contacts.add(session, anna, "8 900 123-45-67", actor=MARINA)
    contacts.add(session, anna, "+7 (901) 765-43-21", actor=MARINA)
    contacts.add(session, anna, " Anna@Mail.example", actor=MARINA)
    assert (anna.phone, anna.email) == ("+79001234567", "anna@mail.example")
    assert values(session, anna) == ["+79001234567", "+79017654321", "anna@mail.example"]


def test_the_same_in_another_form_is_not_doubled(session: Session, anna: Customer) -> None:
    one = contacts.add(session, anna, "89001234567", actor=MARINA)
    again = contacts.add(session, anna, "+7 900 123 45 67", actor=MARINA)
    assert one.id == again.id
    assert values(session, anna) == ["+79001234567"]


@pytest.mark.parametrize("typed", ["12", "завтра", "+7 900 123-45-678"])
def test_what_is_no_phone_is_refused(session: Session, anna: Customer, typed: str) -> None:
    with pytest.raises(contacts.BadPhone):
        contacts.add(session, anna, typed, actor=MARINA)
    assert values(session, anna) == []


def test_what_is_no_address_is_refused(session: Session, anna: Customer) -> None:
    with pytest.raises(BadEmail):
        contacts.add(session, anna, "anna@", actor=MARINA)


def test_another_one_is_made_the_main_one(session: Session, anna: Customer) -> None:
    contacts.add(session, anna, "89001234567", actor=MARINA)
    other = contacts.add(session, anna, "89017654321", actor=MARINA)
    contacts.make_main(session, anna, other.id, actor=MARINA)
    assert anna.phone == "+79017654321"
    assert values(session, anna) == ["+79017654321", "+79001234567"]


def test_a_removed_main_one_hands_over_to_the_oldest_that_is_left(session: Session, anna: Customer) -> None:
    first = contacts.add(session, anna, "89001234567", actor=MARINA)
    second = contacts.add(session, anna, "89017654321", actor=MARINA)
    assert contacts.remove(session, anna, first.id, actor=MARINA) == "+79001234567"
    assert anna.phone == "+79017654321"
    contacts.remove(session, anna, second.id, actor=MARINA)
    assert anna.phone is None


def test_a_changed_contact_stays_the_main_one_and_becomes_one_with_its_twin(session: Session, anna: Customer) -> None:
    first = contacts.add(session, anna, "89001234567", actor=MARINA)
    contacts.add(session, anna, "89017654321", actor=MARINA)
    contacts.change(session, anna, first.id, "8 999 000-11-22", actor=MARINA)
    assert (anna.phone, values(session, anna)) == ("+79990001122", ["+79990001122", "+79017654321"])
    contacts.change(session, anna, first.id, "+79017654321", actor=MARINA)
    assert (anna.phone, values(session, anna)) == ("+79017654321", ["+79017654321"])


def test_the_log_says_what_was_before(session: Session, anna: Customer) -> None:
    first = contacts.add(session, anna, "89001234567", actor=MARINA)
    contacts.change(session, anna, first.id, "89990001122", actor=MARINA)
    last = session.scalars(sa.select(EventRow).order_by(EventRow.id.desc())).first()
    assert last is not None
    assert (last.kind, last.subject, last.actor) == ("customer_changed", f"customer:{anna.id}", MARINA)
    assert last.payload["before"] == {"phone": "+79001234567"}
    assert last.payload["after"] == {"phone": "+79990001122"}


def test_a_card_has_room_for_so_many(session: Session, anna: Customer) -> None:
    for n in range(contacts.MOST):
        contacts.add(session, anna, f"a{n}@mail.example", actor=MARINA)
    with pytest.raises(contacts.TooManyContacts):
        contacts.add(session, anna, "one-more@mail.example", actor=MARINA)


def test_another_persons_contact_cannot_be_touched(world: World, session: Session, anna: Customer) -> None:
    boris = cards.add(session, world.shop, name="Борис")
    his = contacts.add(session, boris, "89001234567", actor=MARINA)
    with pytest.raises(contacts.NoSuchContact):
        contacts.remove(session, anna, his.id, actor=MARINA)


def test_a_phone_of_an_order_becomes_the_main_one_and_the_old_one_stays(session: Session, anna: Customer) -> None:
    cards.remember(session, anna, phone="+79001234567")
    cards.remember(session, anna, phone="+79017654321")
    assert anna.phone == "+79017654321"
    assert values(session, anna) == ["+79017654321", "+79001234567"]
    cards.remember(session, anna, phone="")
    assert (anna.phone, values(session, anna)) == ("+79001234567", ["+79001234567"])


def test_a_phone_that_a_channel_proves_is_among_the_contacts(world: World, session: Session) -> None:
    account = world.account()
    identity = identities.recognise(session, account, external_id="501")
    customer = session.get_one(Customer, identity.customer_id)
    assert proofs.take(session, account, identity, customer, "79001234567")
    assert not proofs.take(session, account, identity, customer, "+79001234567")
    assert not proofs.take(session, account, identity, customer, "12")
    assert values(session, customer) == ["+79001234567"]
    assert proofs.channels(session, customer) == {"+79001234567": ["telegram"]}


@pytest.mark.parametrize("typed", ["765-43-21", "4321", "8 901 765-43-21", "second@", "SECOND@mail", "Кравец"])
def test_a_customer_is_found_by_any_contact(world: World, session: Session, anna: Customer, typed: str) -> None:
    cards.add(session, world.shop, name="Пётр")
    for text in ("89001234567", "89017654321", "first@mail.example", "second@mail.example"):
        contacts.add(session, anna, text, actor=MARINA)
    assert cards.search(session, world.shop.id, typed) == [anna]


def test_contacts_of_many_come_with_the_main_ones_first(world: World, session: Session, anna: Customer) -> None:
    boris = cards.add(session, world.shop, name="Борис")
    contacts.add(session, anna, "89001234567", actor=MARINA)
    second = contacts.add(session, anna, "89017654321", actor=MARINA)
    contacts.make_main(session, anna, second.id, actor=MARINA)
    contacts.add(session, boris, "b@mail.example", actor=MARINA)
    found = contacts.of_many(session, [anna.id, boris.id])
    assert found[anna.id] == {ContactKind.PHONE: ["+79017654321", "+79001234567"]}
    assert found[boris.id] == {ContactKind.EMAIL: ["b@mail.example"]}
