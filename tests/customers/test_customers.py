"""Customers: met once, known again, found by what an operator types."""

from __future__ import annotations

import threading

import pytest
import sqlalchemy as sa
from sqlalchemy.orm import Session

from company import shops
from company.staff import BadEmail
from company.tables import ChannelAccount
from customers import cards, contacts, identities, proofs
from customers.tables import Customer, Identity
from tests.worlds import World


def meet(session: Session, account: ChannelAccount, external_id: str = "501", **said: str) -> Customer:
    return session.get_one(
        Customer, identities.recognise(session, account, external_id=external_id, **said).customer_id
    )


def shows(session: Session, account: ChannelAccount, external_id: str, phone: str) -> Customer:
    """Who has a number, as the channel says."""
    identity = identities.recognise(session, account, external_id=external_id)
    customer = session.get_one(Customer, identity.customer_id)
    proofs.take(session, account, identity, customer, phone)
    return customer


def test_a_person_is_met_once_and_known_again(world: World, session: Session) -> None:
    account = world.account()
    first = meet(session, account, name="Анна", username="anna_k", locale="ru")
    again = meet(session, account, name="Анна")
    assert again is first
    assert (first.name, first.locale, first.shop_id) == ("Анна", "ru", world.shop.id)


def test_the_same_id_on_another_bot_is_another_person(world: World, session: Session) -> None:
    one = meet(session, world.account(external_id="first_bot"))
    other = meet(session, world.account(external_id="second_bot"))
    assert one.id != other.id


def test_a_changed_name_is_kept_on_the_channel_and_the_card_keeps_its_own(world: World, session: Session) -> None:
    account = world.account()
    customer = meet(session, account, name="Анна")
    cards.remember(session, customer, name="Анна Кравец")
    meet(session, account, name="Анюта ✨", username="anyuta")
    ((identity, on),) = cards.identities(session, customer.id)
    assert (identity.name, identity.username, on) == ("Анюта ✨", "anyuta", account)
    assert customer.name == "Анна Кравец"


@pytest.mark.parametrize(("told", "kept"), [("en-GB", "en"), ("ru", "ru"), ("kk", "ru"), ("", "ru"), ("EN_us", "en")])
def test_a_customer_is_spoken_to_in_his_language_or_the_shops(
    world: World, session: Session, told: str, kept: str
) -> None:
    assert meet(session, world.account(), locale=told).locale == kept


def test_a_proven_phone_is_kept_once_and_joins_nobody(world: World, session: Session) -> None:
    account = world.account()
    anna = shows(session, account, "501", "79001234567")
    shows(session, account, "501", "79007654321")
    stranger = shows(session, account, "502", "+79001234567")
    assert anna.phone == stranger.phone == "+79001234567"
    assert anna.id != stranger.id
    assert [row.value for row in contacts.of(session, anna)] == ["+79001234567", "+79007654321"]


def test_a_test_accounts_phone_is_left_out(world: World, session: Session) -> None:
    assert shows(session, world.account(), "501", "9996612345678901").phone is None


def test_a_name_made_of_tricks_is_kept_on_one_line_and_cut(world: World, session: Session) -> None:
    customer = meet(session, world.account(), name="А\u202e\n\tнна" + "а" * 300)
    assert customer.name.startswith("А нна")
    assert len(customer.name) == 200


def test_two_first_messages_at_once_meet_one_person(engine: sa.Engine) -> None:
    with Session(engine) as session, session.begin():
        account_id = World(session).account().id
    together = threading.Barrier(4)
    met: list[int] = []

    def speak() -> None:
        together.wait()
        with Session(engine) as session, session.begin():
            account = session.get_one(ChannelAccount, account_id)
            met.append(identities.recognise(session, account, external_id="501", name="Анна").customer_id)

    threads = [threading.Thread(target=speak) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with Session(engine) as session:
        assert len(met) == 4
        assert len(set(met)) == 1
        assert session.scalar(sa.select(sa.func.count()).select_from(Customer)) == 1
        assert session.scalar(sa.select(sa.func.count()).select_from(Identity)) == 1


@pytest.mark.parametrize(
    ("typed", "number"),
    [
        ("8 (900) 123-45-67", "+79001234567"),
        ("+7 900 123 45 67", "+79001234567"),
        ("9001234567", "+79001234567"),
        ("79001234567", "+79001234567"),
        ("мой номер 8-900-123-45-67", "+79001234567"),
        ("+44 20 7946 0018", "+442079460018"),
        ("+375 29 123-45-67", "+375291234567"),
    ],
)
def test_a_phone_is_read_however_it_is_typed(typed: str, number: str) -> None:
    assert cards.phone(typed) == number


@pytest.mark.parametrize("typed", ["", "завтра", "123", "8900123456", "+7 900 123-45-678", "0" * 500, "+999 1234567"])
def test_what_is_no_phone_is_refused(typed: str) -> None:
    with pytest.raises(cards.BadPhone):
        cards.phone(typed)


def test_another_shops_customer_is_not_found(world: World, session: Session) -> None:
    anna = cards.add(session, world.shop, name="Анна")
    other = shops.create(session, name="Чужая лавка")
    assert cards.get(session, anna.id, world.shop.id) is anna
    with pytest.raises(cards.NoSuchCustomer):
        cards.get(session, anna.id, other.id)
    assert cards.search(session, other.id, "Анна") == []


def test_a_card_takes_what_is_given_and_leaves_the_rest(world: World, session: Session) -> None:
    anna = cards.add(session, world.shop, name="Анна")
    cards.remember(session, anna, phone="8 900 123-45-67", email=" Anna@Mail.example ", tags=["опт", " опт", ""])
    cards.remember(session, anna, address="Казань, Лесная, 4\nкв. 7")
    assert (anna.name, anna.phone, anna.email, anna.tags) == ("Анна", "+79001234567", "anna@mail.example", ["опт"])
    assert anna.address == "Казань, Лесная, 4 кв. 7"
    cards.remember(session, anna, phone="")
    assert anna.phone is None


def test_a_bad_phone_or_address_changes_nothing(world: World, session: Session) -> None:
    anna = cards.add(session, world.shop, name="Анна")
    with pytest.raises(cards.BadPhone):
        cards.remember(session, anna, name="Яна", phone="12")
    with pytest.raises(BadEmail):
        cards.remember(session, anna, name="Яна", email="нет")
    assert anna.name == "Анна"


@pytest.mark.parametrize(
    "typed", ["анна", "Кравец", "крав анна", "АННА", "8 900 123-45-67", "123-45", "anna@", "@anna_k", "anna_"]
)
def test_a_customer_is_found_by_what_an_operator_types(world: World, session: Session, typed: str) -> None:
    account = world.account()
    anna = meet(session, account, name="Анна Кравец", username="Anna_K")
    cards.remember(session, anna, phone="+79001234567", email="anna@mail.example")
    meet(session, account, "502", name="Пётр", username="petr")
    assert cards.search(session, world.shop.id, typed) == [anna]


@pytest.mark.parametrize("typed", ["%", "_", "", "  ", "\\", "' OR 1=1"])
def test_signs_of_the_query_language_find_nobody(world: World, session: Session, typed: str) -> None:
    meet(session, world.account(), name="Анна", username="anna")
    assert cards.search(session, world.shop.id, typed) == []
