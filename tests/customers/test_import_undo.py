"""A file of customers is taken back: what it made is removed, what it completed is as before, and whom somebody had to
do with since stays."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest
import sqlalchemy as sa

from automation import tasks
from automation.holders import HOLDERS, LEADS
from automation.tasks import About, Wanted
from customers import cards, consents, contacts, fields, identities, import_undo, importing, merging
from customers.import_rows import Row, Said
from customers.import_undo import Prospect, TooLateToTakeBack
from customers.importing import ImportTakenBack
from customers.tables import (
    CardImportRow,
    Consent,
    ConsentTo,
    ConsentVia,
    Contact,
    Customer,
    FieldKind,
    FieldValue,
    TakenBack,
)
from kit.clock import at, utc_now
from orders import cart
from storage.tables import EventRow
from tests.worlds import World

ILYA = "staff:1"
LONG_AGO = utc_now() - timedelta(days=400)


def offers(*, given: bool = True) -> Said:
    return Said(ConsentTo.MARKETING, given, LONG_AGO, "анкета")


def brought(world: World, *rows: Row) -> int:
    import_id = importing.begin(world.session, world.shop, name="клиенты.csv", actor=ILYA)
    importing.take(world.session, world.shop, import_id, rows, actor=ILYA)
    importing.finish(world.session, world.shop.id, import_id, actor=ILYA)
    world.session.flush()
    return import_id


def guest(n: int) -> Row:
    return Row(n, f"Гость {n}", (), (f"guest{n}@mail.example",), "Псков", tags=("опт",), said=(offers(),))


def found(world: World, text: str) -> Customer:
    (customer,) = cards.search(world.session, world.shop.id, text)
    return customer


def foreseen(world: World, import_id: int) -> tuple[int, int, int, list[list[str]]]:
    prospect, after = Prospect(), 0
    while True:
        prospect, following = import_undo.prospect(world.session, import_id, after, prospect, LEADS)
        if following is None:
            return prospect.gone, prospect.back, prospect.void, [why for _row, _customer, why in prospect.kept]
        after = following


def taken_back(world: World, import_id: int) -> dict[TakenBack, int]:
    while import_undo.portion(world.session, world.shop.id, import_id, actor=ILYA, leads=LEADS):
        pass
    world.session.flush()
    return import_undo.results(world.session, import_id)


def count(world: World, of: type[Customer | Contact | Consent | FieldValue | EventRow]) -> int:
    return world.session.scalar(sa.select(sa.func.count()).select_from(of)) or 0


def test_cards_that_the_file_made_are_removed_with_all_that_it_wrote(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(import_undo, "AT_ONCE", 2)
    monkeypatch.setattr(import_undo, "LOOKED_AT", 2)
    size = fields.add(world.session, world.shop.id, name="Размер", kind=FieldKind.TEXT)
    before = [count(world, each) for each in (Customer, Contact, Consent, FieldValue)]
    rows = [guest(n) for n in range(2, 7)]
    import_id = brought(world, *rows, Row(9, "Вера", ("+79001234567",), own={size.id: "M"}))
    assert foreseen(world, import_id) == (6, 0, 0, [])
    assert taken_back(world, import_id) == {TakenBack.GONE: 6}
    assert [count(world, each) for each in (Customer, Contact, Consent, FieldValue)] == before
    log = world.session.scalars(sa.select(EventRow.kind).order_by(EventRow.id.desc()).limit(7)).all()
    assert log == ["customers_import_undone", *["customer_removed"] * 6]
    events = count(world, EventRow)
    assert taken_back(world, import_id) == {TakenBack.GONE: 6}
    assert count(world, EventRow) == events
    kept = world.session.scalars(sa.select(CardImportRow.done)).all()
    assert kept == [{}] * 6, "nothing of whom the shop shall not know is left"


def wrote(world: World, customer: Customer) -> None:
    who = identities.recognise(world.session, world.account(), external_id="42")
    who.customer_id = customer.id


def put_into_cart(world: World, customer: Customer) -> None:
    cart.held(world.session, world.shop.id, customer.id)


def asked_about(world: World, customer: Customer) -> None:
    wanted, about = Wanted("Перезвонить", world.owner.id), About(customer_id=customer.id)
    tasks.add(world.session, world.shop, wanted, by=world.owner, about=about)


def spoke_of_offers(world: World, customer: Customer) -> None:
    via = ConsentVia.OPERATOR
    consents.record(world.session, customer, ConsentTo.MARKETING, given=False, via=via, reason="просил", actor=ILYA)


def renamed(world: World, customer: Customer) -> None:
    cards.remember(world.session, customer, name="Гость, который платит", actor=ILYA)


def called(world: World, customer: Customer) -> None:
    contacts.add(world.session, customer, "+79007654321", actor=ILYA)


def merged(world: World, customer: Customer) -> None:
    other = cards.add(world.session, world.shop, name="Тот же")
    merging.merge(world.session, world.shop.id, other.id, customer.id, actor=ILYA, holders=HOLDERS)


@pytest.mark.parametrize(
    ("act", "why"),
    [
        (wrote, ["identity"]),
        (put_into_cart, ["cart"]),
        (asked_about, ["task"]),
        (spoke_of_offers, ["customer_consent"]),
        (renamed, ["name"]),
        (called, ["contacts", "phone"]),
        (merged, ["customer_merge"]),
    ],
)
def test_who_was_had_to_do_with_since_stays_as_he_is_and_it_is_said_why(
    world: World, act: Callable[[World, Customer], None], why: list[str]
) -> None:
    import_id = brought(world, guest(2), guest(3))
    act(world, found(world, "guest2@mail.example"))
    world.session.flush()
    assert foreseen(world, import_id) == (1, 0, 0, [why])
    before = count(world, Consent)
    assert taken_back(world, import_id) == {TakenBack.KEPT: 1, TakenBack.GONE: 1}
    ((row, customer),) = import_undo.kept(world.session, import_id, 10)
    assert (row.line, row.why) == (2, why)
    assert count(world, Consent) == before - 1
    if act is not merged:
        assert (customer.city, customer.tags) == ("Псков", ["опт"])


def test_a_completed_card_gets_back_what_it_was_and_its_consent_is_void(world: World) -> None:
    size = fields.add(world.session, world.shop.id, name="Размер", kind=FieldKind.TEXT)
    anna = cards.add(world.session, world.shop, name="Анна")
    cards.remember(world.session, anna, phone="+79001234567", tags=["постоянная"])
    before = importing.state(world.session, anna)
    row = Row(
        2,
        "Анна",
        ("+79001234567",),
        ("a@mail.example",),
        "Тула",
        "Лесная, 5",
        ("опт",),
        "Тихо",
        {size.id: "M"},
        (offers(),),
    )
    import_id = brought(world, row)
    assert consents.may_write_first(world.session, anna)
    assert foreseen(world, import_id) == (0, 1, 1, [])
    assert taken_back(world, import_id) == {TakenBack.BACK: 1}
    assert importing.state(world.session, anna) == before
    assert not consents.may_write_first(world.session, anna)
    assert consents.latest(world.session, anna.id) == {}
    assert consents.of_many(world.session, [anna.id]) == {}
    (said,) = consents.history(world.session, anna.id)
    assert said.void_at is not None, "it stays to be read: the shop may have written to her because of it"


def test_what_was_changed_on_a_completed_card_stays_and_the_rest_goes(world: World) -> None:
    anna = cards.add(world.session, world.shop, name="Анна")
    cards.remember(world.session, anna, phone="+79001234567")
    import_id = brought(world, Row(2, "", ("+79001234567",), ("a@mail.example",), "Тула", "Лесная, 5", ("опт", "vip")))
    cards.remember(world.session, anna, city="Псков", tags=["опт"], actor=ILYA)
    assert foreseen(world, import_id) == (0, 0, 0, [["city", "tags"]])
    assert taken_back(world, import_id) == {TakenBack.KEPT: 1}
    assert (anna.city, anna.address, anna.tags, anna.email) == ("Псков", "", [], None)


def test_a_refusal_that_the_file_overtook_holds_again(world: World) -> None:
    anna = cards.add(world.session, world.shop, name="Анна")
    cards.remember(world.session, anna, phone="+79001234567")
    with at(LONG_AGO - timedelta(days=1)):
        spoke_of_offers(world, anna)
    import_id = brought(world, Row(2, "", ("+79001234567",), said=(offers(),)))
    assert consents.may_write_first(world.session, anna)
    assert taken_back(world, import_id) == {TakenBack.BACK: 1}
    assert consents.latest(world.session, anna.id)[ConsentTo.MARKETING].given is False


def test_two_files_over_one_card_are_taken_back_from_the_last(world: World) -> None:
    first = brought(world, guest(2))
    second = brought(world, Row(2, "", (), ("guest2@mail.example",), address="Лесная, 5"))
    assert foreseen(world, first) == (0, 0, 0, [["address"]])
    assert taken_back(world, second) == {TakenBack.BACK: 1}
    assert taken_back(world, first) == {TakenBack.GONE: 1}


def test_a_file_is_not_taken_back_after_a_month_and_nothing_comes_into_one_that_is(world: World) -> None:
    old, young = brought(world, guest(2)), brought(world, guest(3))
    importing.get(world.session, world.shop.id, old).created_at -= importing.KEPT + timedelta(minutes=1)
    world.session.flush()
    with pytest.raises(TooLateToTakeBack):
        taken_back(world, old)
    taken_back(world, young)
    with pytest.raises(ImportTakenBack):
        importing.take(world.session, world.shop, young, [guest(4)], actor=ILYA)


def test_what_old_files_did_is_forgotten_and_their_cards_stay(world: World) -> None:
    old, young = brought(world, guest(2)), brought(world, guest(3))
    later = importing.get(world.session, world.shop.id, young).created_at + timedelta(hours=1)
    importing.get(world.session, world.shop.id, old).created_at = later - importing.KEPT - timedelta(hours=2)
    world.session.flush()
    assert importing.prune(world.session, later) == 1
    assert [one.id for one in importing.latest(world.session, world.shop.id)] == [young]
    assert found(world, "guest2@mail.example").name == "Гость 2"
