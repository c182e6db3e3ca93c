"""Customers out of a file: whose consent is taken down, and which values are too unclear to be taken."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from customers import cards, consents, contacts, importing
from customers.importing import Column, ConsentColumnsNeeded, ContactColumnNeeded, Fault, Row, Taken, TooManyPeople
from customers.tables import ConsentTo, ConsentVia, Customer
from kit.clock import at
from tests.worlds import World

MOSCOW = ZoneInfo("Europe/Moscow")
NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
HEADINGS = ["ФИО", "Телефон", "E-mail", "Город", "Согласие на рассылку", "Дата согласия", "Источник согласия", "Баллы"]
WHERE = importing.columns(HEADINGS)


def line(
    *,
    name: str = "Анна",
    phone: str = "8 900 123-45-67",
    email: str = "",
    said: str = "",
    day: str = "",
    source: str = "",
) -> list[str]:
    return [name, phone, email, "", said, day, source, "100"]


def read(*lines: list[str]) -> list[Row | tuple[Fault, str]]:
    rows, wrong = importing.read(list(enumerate(lines, 2)), WHERE, zone=MOSCOW, now=NOW)
    return [*rows, *((one.fault, one.value) for one in wrong)]


def test_columns_are_known_by_their_headings_in_both_languages() -> None:
    assert {column: n for n, column in enumerate(Column)} == WHERE
    english = ["Full name", "Phone", "Mailings", "Consent date", "Consent source", "Phone"]
    assert importing.columns(english) == {
        Column.NAME: 0,
        Column.PHONE: 1,
        Column.OFFERS: 2,
        Column.DATE: 3,
        Column.SOURCE: 4,
    }
    assert importing.columns(["Согласие", "Телефон"]) == {Column.PHONE: 1}
    with pytest.raises(ContactColumnNeeded):
        importing.columns(["ФИО", "Рассылки", "Дата согласия", "Источник согласия"])
    for lacking in (["Дата согласия"], ["Источник согласия"], []):
        with pytest.raises(ConsentColumnsNeeded):
            importing.columns(["Телефон", "Рассылки", *lacking])


@pytest.mark.parametrize(
    ("said", "given"), [("Да", True), ("+", True), ("ИСТИНА", True), ("отказ", False), ("0", False)]
)
@pytest.mark.parametrize("day", ["12.05.2025", "2025-05-12", "2025-05-12 00:00"])
def test_a_clear_consent_is_read_with_its_day_in_the_shops_zone(said: str, given: bool, day: str) -> None:
    (row,) = read(line(said=said, day=day, source="анкета в магазине"))
    assert isinstance(row, Row)
    assert (row.phone, row.given, row.source) == ("+79001234567", given, "анкета в магазине")
    assert row.at == datetime(2025, 5, 11, 21, tzinfo=UTC)


def test_a_person_without_a_word_on_offers_is_just_a_person() -> None:
    for said in ("", "не спрашивали"):
        (row,) = read(line(email="Anna@Mail.example, old@mail.example", said=said))
        assert row == Row(2, "Анна", "+79001234567", "anna@mail.example", "")


@pytest.mark.parametrize(
    ("cells", "fault", "value"),
    [
        (line(phone=""), Fault.NOBODY, ""),
        (line(phone="12"), Fault.BAD_PHONE, "12"),
        (line(email="anna"), Fault.BAD_EMAIL, "anna"),
        (line(said="возможно", day="12.05.2025", source="анкета"), Fault.NEITHER, "возможно"),
        (line(said="?", day="12.05.2025", source="анкета"), Fault.NEITHER, "?"),
        (line(day="12.05.2025"), Fault.UNSAID, ""),
        (line(source="анкета"), Fault.UNSAID, ""),
        (line(said="да", source="анкета"), Fault.NO_DATE, ""),
        (line(said="да", day="05/06/2025", source="анкета"), Fault.BAD_DATE, "05/06/2025"),
        (line(said="да", day="31.02.2025", source="анкета"), Fault.BAD_DATE, "31.02.2025"),
        (line(said="да", day="45789", source="анкета"), Fault.BAD_DATE, "45789"),
        (line(said="да", day="02.03.2026", source="анкета"), Fault.AHEAD, "02.03.2026"),
        (line(said="да", day="12.05.2025"), Fault.NO_SOURCE, ""),
    ],
)
def test_what_is_not_clear_is_not_guessed(cells: list[str], fault: Fault, value: str) -> None:
    assert read(cells) == [(fault, value)]


def test_a_file_has_no_more_rows_than_somebody_can_wait_for() -> None:
    with pytest.raises(TooManyPeople):
        importing.read([(n, line()) for n in range(importing.MOST + 1)], WHERE, zone=MOSCOW, now=NOW)


def person(world: World, name: str, *reached: str) -> Customer:
    customer = cards.add(world.session, world.shop, name=name)
    for text in reached:
        contacts.add(world.session, customer, text, actor="staff:1")
    return customer


def taken(world: World, *rows: Row) -> Taken:
    return importing.take(world.session, world.shop, rows, actor="staff:1")


YES = Row(2, "Анна из файла", "+79001234567", "", "Тула", True, NOW - timedelta(days=90), "анкета в магазине")


def test_who_is_known_keeps_his_card_and_who_is_not_gets_one(world: World) -> None:
    anna = person(world, "Анна", "+79001234567")
    new = Row(3, "Вера", "", "vera@mail.example", "Псков")
    assert taken(world, YES, new) == Taken(new=1, known=1, written=1)
    assert (anna.name, anna.city) == ("Анна", "")
    said = consents.latest(world.session, anna.id)[ConsentTo.MARKETING]
    assert (said.given, said.via, said.reason, said.at) == (True, ConsentVia.IMPORT, YES.source, YES.at)
    assert consents.may_write_first(world.session, anna)
    (vera,) = cards.search(world.session, world.shop.id, "vera@mail.example")
    assert (vera.name, vera.city, consents.latest(world.session, vera.id)) == ("Вера", "Псков", {})


def test_the_same_file_again_changes_nothing(world: World) -> None:
    assert taken(world, YES) == Taken(new=1, written=1)
    assert taken(world, YES) == Taken(known=1, repeated=1)


def test_what_the_customer_said_later_is_not_undone_by_an_older_file(world: World) -> None:
    anna = person(world, "Анна", "+79001234567")
    with at(NOW - timedelta(days=30)):
        via, words = ConsentVia.OPERATOR, "просила не писать"
        consents.record(world.session, anna, ConsentTo.MARKETING, given=False, via=via, reason=words, actor="staff:1")
    assert taken(world, YES) == Taken(known=1, older=1)
    assert not consents.may_write_first(world.session, anna)
    later = Row(2, "", "+79001234567", "", "", True, NOW - timedelta(days=1), "подписалась на сайте")
    assert taken(world, later) == Taken(known=1, written=1)
    assert consents.may_write_first(world.session, anna)


def test_of_several_cards_nobody_can_say_which_has_agreed(world: World) -> None:
    person(world, "Анна", "+79001234567")
    person(world, "Аня", "anna@mail.example")
    both = Row(7, "", "+79001234567", "anna@mail.example", "")
    found = importing.check(world.session, world.shop.id, [YES, both])
    assert [(one.line, one.fault) for one in found] == [(7, Fault.SEVERAL)]
    assert importing.check(world.session, world.shop.id + 1, [both]) == []
