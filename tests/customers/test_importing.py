"""Customers out of a file: what is read, what is too unclear to be taken, and what a card gets from it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from customers import cards, consents, contacts, fields, import_rows, importing
from customers.import_rows import (
    Column,
    ConsentColumnsNeeded,
    ContactColumnNeeded,
    DataConsentColumnsNeeded,
    Fault,
    Row,
    Said,
    TooManyPeople,
)
from customers.importing import Taken
from customers.tables import ConsentTo, ConsentVia, Customer, Field, FieldKind
from kit.clock import at
from tests.worlds import World

MOSCOW = ZoneInfo("Europe/Moscow")
NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
HEADINGS = ["ФИО", "Телефон", "E-mail", "Город", "Согласие на рассылку", "Дата согласия", "Источник согласия", "Баллы"]


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


def read(
    *lines: Sequence[str], headings: Sequence[str] = HEADINGS, own: Sequence[Field] = ()
) -> list[Row | tuple[Fault, str]]:
    where = import_rows.places(headings, own)
    rows, wrong = import_rows.read(list(enumerate(lines, 2)), where, zone=MOSCOW, now=NOW)
    return [*rows, *((one.fault, one.value) for one in wrong)]


def one(headings: str, cells: str, own: Sequence[Field] = ()) -> Row:
    """The row of a file with these columns, parted by "|"."""
    (row,) = read(cells.split("|"), headings=headings.split("|"), own=own)
    assert isinstance(row, Row)
    return row


def test_columns_are_known_by_their_headings_in_both_languages() -> None:
    where = import_rows.places(HEADINGS)
    assert where.columns == {
        Column.NAME: (0,),
        Column.PHONE: (1,),
        Column.EMAIL: (2,),
        Column.CITY: (3,),
        Column.OFFERS: (4,),
        Column.OFFERS_DATE: (5,),
        Column.OFFERS_SOURCE: (6,),
    }
    assert where.left_out == ["Баллы"]
    english = ["Full name", "Phone", "Mailings", "Consent date", "Consent source", "Full name"]
    assert set(import_rows.places(english).columns.values()) == {(0,), (1,), (2,), (3,), (4,)}
    assert import_rows.places(["Согласие", "Телефон"]).columns == {Column.PHONE: (1,)}
    with pytest.raises(ContactColumnNeeded):
        import_rows.places(["ФИО", "Рассылки", "Дата согласия", "Источник согласия"])
    for lacking in (["Дата согласия"], ["Источник согласия"], []):
        with pytest.raises(ConsentColumnsNeeded):
            import_rows.places(["Телефон", "Рассылки", *lacking])
    with pytest.raises(DataConsentColumnsNeeded):
        import_rows.places(["Телефон", "Персональные данные", "Дата согласия", "Источник согласия"])


@pytest.mark.parametrize(
    ("headings", "cells"),
    [
        ("Имя|Отчество|Фамилия|Телефон|E-mail", "Анна|Петровна|Ветрова|89001234567|anna@mail.example"),
        ("Имя|Фамилия|Отчество|Рабочий телефон|Рабочий e-mail", "Анна|Ветрова|Петровна|89001234567|anna@mail.example"),
        ("Полное имя контакта|Мобильный телефон|Личный email", "Анна Петровна Ветрова|'+79001234567|anna@mail.example"),
    ],
    ids=["name in parts", "work and home", "one name, apostrophe"],
)
def test_files_of_other_programs_need_no_new_headings(headings: str, cells: str) -> None:
    assert one(headings, cells) == Row(2, "Анна Петровна Ветрова", ("+79001234567",), ("anna@mail.example",))


def test_all_phones_and_emails_are_taken_and_the_first_is_the_main_one() -> None:
    row = one(
        "Рабочий телефон|Мобильный телефон|Почта",
        "+7 900 123-45-67; 8 900 765-43-21|89001234567|A@mail.example, b@mail.example",
    )
    assert row.phones == ("+79001234567", "+79007654321")
    assert row.emails == ("a@mail.example", "b@mail.example")


def test_tags_a_note_of_several_lines_and_an_address_are_read() -> None:
    row = one("Телефон|Теги|Комментарий|Адрес", "89001234567|опт; постоянная, опт|Звонить дважды\nКод 12|Лесная, 5")
    assert (row.tags, row.note, row.address) == (("опт", "постоянная"), "Звонить дважды\nКод 12", "Лесная, 5")


@pytest.mark.parametrize(
    ("said", "given"), [("Да", True), ("+", True), ("ИСТИНА", True), ("отказ", False), ("0", False)]
)
@pytest.mark.parametrize("day", ["12.05.2025", "2025-05-12", "2025-05-12 00:00"])
def test_a_clear_consent_is_read_with_its_day_in_the_shops_zone(said: str, given: bool, day: str) -> None:
    (row,) = read(line(said=said, day=day, source="анкета в магазине"))
    assert isinstance(row, Row)
    moment = datetime(2025, 5, 11, 21, tzinfo=UTC)
    assert row.phones == ("+79001234567",)
    assert row.said == (Said(ConsentTo.MARKETING, given, moment, "анкета в магазине"),)


def test_the_consent_to_personal_data_has_a_date_and_a_source_of_its_own() -> None:
    row = one(
        "Телефон|Рассылки|Дата согласия|Источник согласия|Согласие на обработку персональных данных|"
        "Дата согласия на обработку персональных данных|Источник согласия на обработку персональных данных",
        "89001234567|нет|03.02.2026|по телефону|да|12.05.2025|анкета",
    )
    assert [(said.what, said.given, said.source) for said in row.said] == [
        (ConsentTo.PERSONAL_DATA, True, "анкета"),
        (ConsentTo.MARKETING, False, "по телефону"),
    ]


def test_a_person_without_a_word_on_offers_is_just_a_person() -> None:
    for said in ("", "не спрашивали"):
        (row,) = read(line(email="Anna@Mail.example", said=said))
        assert row == Row(2, "Анна", ("+79001234567",), ("anna@mail.example",))


@pytest.mark.parametrize(
    ("cells", "fault", "value"),
    [
        (line(phone=""), Fault.NOBODY, ""),
        (line(phone="12"), Fault.BAD_PHONE, "12"),
        (line(phone="89001234567, 13"), Fault.BAD_PHONE, "13"),
        (line(email="anna"), Fault.BAD_EMAIL, "anna"),
        (line(name="я" * 201), Fault.TOO_LONG, "я" * 201),
        (line(email=", ".join(f"a{n}@mail.example" for n in range(20))), Fault.TOO_MANY_CONTACTS, ""),
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


def test_all_that_is_wrong_with_a_row_is_said_at_once() -> None:
    assert read(line(phone="12", email="anna", said="да")) == [
        (Fault.BAD_PHONE, "12"),
        (Fault.BAD_EMAIL, "anna"),
        (Fault.NO_SOURCE, ""),
        (Fault.NO_DATE, ""),
    ]


def test_a_file_has_no_more_rows_than_somebody_can_wait_for() -> None:
    with pytest.raises(TooManyPeople):
        read(*(line() for _ in range(import_rows.MOST + 1)))


# Own fields


def own_fields(world: World) -> dict[FieldKind, Field]:
    facts = {FieldKind.CHOICE: ["Опт", "Розница"]}
    return {
        kind: fields.add(world.session, world.shop.id, name=f"Поле {kind}", kind=kind, options=facts.get(kind, ()))
        for kind in FieldKind
    }


@pytest.mark.parametrize(
    ("kind", "typed", "kept"),
    [
        (FieldKind.TEXT, "размер M", "размер M"),
        (FieldKind.NUMBER, "1 200,50", "1200.5"),
        (FieldKind.DATE, "1.2.1990", "1990-02-01"),
        (FieldKind.DATE, "1990-02-01 00:00", "1990-02-01"),
        (FieldKind.FLAG, "Нет", "0"),
        (FieldKind.CHOICE, "розница", "2"),
        (FieldKind.LINK, "vk.com/anna", "https://vk.com/anna"),
        (FieldKind.NUMBER, "", None),
    ],
)
def test_an_own_field_is_a_column_by_its_name_and_kept_by_its_kind(
    world: World, kind: FieldKind, typed: str, kept: str | None
) -> None:
    own = own_fields(world)
    row = one(f"Телефон|ПОЛЕ {kind}", f"89001234567|{typed}", list(own.values()))
    assert row.own == ({} if kept is None else {own[kind].id: kept})


@pytest.mark.parametrize(
    ("kind", "typed", "fault", "fits"),
    [
        (FieldKind.NUMBER, "двенадцать", Fault.NOT_NUMBER, ""),
        (FieldKind.DATE, "05/06/1990", Fault.BAD_DATE, ""),
        (FieldKind.DATE, "29.02.1991", Fault.BAD_DATE, ""),
        (FieldKind.FLAG, "иногда", Fault.NEITHER, ""),
        (FieldKind.CHOICE, "VIP", Fault.NOT_OPTION, "Опт, Розница"),
        (FieldKind.LINK, "не ссылка", Fault.NOT_LINK, ""),
        (FieldKind.TEXT, "я" * 501, Fault.TOO_LONG, "500"),
    ],
)
def test_a_value_that_an_own_field_does_not_take_is_refused_with_what_it_takes(
    world: World, kind: FieldKind, typed: str, fault: Fault, fits: str
) -> None:
    own = list(own_fields(world).values())
    where = import_rows.places(["Телефон", f"Поле {kind}"], own)
    _rows, wrong = import_rows.read([(7, ["89001234567", typed])], where, zone=MOSCOW, now=NOW)
    (found,) = wrong
    assert (found.line, found.fault, found.value, found.column, found.fits) == (7, fault, typed, f"Поле {kind}", fits)


# Taking


def person(world: World, name: str, *reached: str) -> Customer:
    customer = cards.add(world.session, world.shop, name=name)
    for text in reached:
        contacts.add(world.session, customer, text, actor="staff:1")
    return customer


def taken(world: World, *rows: Row) -> Taken:
    import_id = importing.begin(world.session, world.shop, name="клиенты.csv", actor="staff:1")
    return importing.take(world.session, world.shop, import_id, rows, actor="staff:1")


OFFERS = Said(ConsentTo.MARKETING, True, NOW - timedelta(days=90), "анкета в магазине")
YES = Row(2, "Анна", ("+79001234567",), said=(OFFERS,))


def test_who_is_not_known_gets_a_card_with_all_that_the_file_has(world: World) -> None:
    birthday = fields.add(world.session, world.shop.id, name="День рождения", kind=FieldKind.DATE)
    data = Said(ConsentTo.PERSONAL_DATA, True, NOW - timedelta(days=9), "анкета")
    row = Row(
        2,
        "Вера",
        ("+79001234567", "+79007654321"),
        ("vera@mail.example",),
        "Псков",
        "Лесная, 5",
        ("опт",),
        "Звонить\nдважды",
        {birthday.id: "1990-02-01"},
        (data, OFFERS),
    )
    assert taken(world, row) == Taken(new=1, written=2)
    (vera,) = cards.search(world.session, world.shop.id, "vera@mail.example")
    assert (vera.name, vera.phone, vera.city, vera.address) == ("Вера", "+79001234567", "Псков", "Лесная, 5")
    assert (vera.tags, vera.note) == (["опт"], "Звонить\nдважды")
    assert [one.value for one in contacts.of(world.session, vera)] == [
        "+79001234567",
        "+79007654321",
        "vera@mail.example",
    ]
    assert fields.of_many(world.session, [vera.id]) == {vera.id: {birthday.id: "1990-02-01"}}
    said = consents.latest(world.session, vera.id)
    assert {what: (row.given, row.via, row.reason, row.at) for what, row in said.items()} == {
        one.what: (True, ConsentVia.IMPORT, one.source, one.at) for one in (data, OFFERS)
    }
    assert consents.may_write_first(world.session, vera)


def test_a_known_card_gets_what_it_lacks_and_keeps_what_it_has(world: World) -> None:
    size = fields.add(world.session, world.shop.id, name="Размер", kind=FieldKind.TEXT)
    heard = fields.add(world.session, world.shop.id, name="Откуда", kind=FieldKind.TEXT)
    anna = person(world, "Анна", "+79001234567")
    cards.remember(world.session, anna, tags=["постоянная"], city="Тула")
    fields.fill(world.session, anna, {size.id: "M"}, actor="staff:1")
    row = Row(
        2,
        "Анна из файла",
        ("+79001234567",),
        ("anna@mail.example",),
        "Псков",
        "Лесная, 5",
        ("опт", "постоянная"),
        own={size.id: "L", heard.id: "от подруги"},
    )
    assert taken(world, row) == Taken(known=1, filled=1, differ=1)
    assert (anna.name, anna.city, anna.address, anna.email) == ("Анна", "Тула", "Лесная, 5", "anna@mail.example")
    assert anna.tags == ["опт", "постоянная"]
    assert fields.of_many(world.session, [anna.id])[anna.id] == {size.id: "M", heard.id: "от подруги"}
    assert taken(world, row) == Taken(known=1, differ=1)


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
    later = Said(ConsentTo.MARKETING, True, NOW - timedelta(days=1), "подписалась на сайте")
    assert taken(world, Row(2, phones=("+79001234567",), said=(later,))) == Taken(known=1, written=1)
    assert consents.may_write_first(world.session, anna)


def test_of_several_cards_nobody_can_say_which_has_agreed(world: World) -> None:
    person(world, "Анна", "+79001234567")
    person(world, "Аня", "anna@mail.example")
    both = Row(7, "", ("+79001234567",), ("anna@mail.example",))
    found = importing.check(world.session, world.shop.id, [YES, both], {})
    assert [(one.line, one.fault) for one in found] == [(7, Fault.SEVERAL)]
    assert importing.check(world.session, world.shop.id + 1, [both], {}) == []


def test_nor_of_several_rows_of_one_file(world: World) -> None:
    first, second = Row(2, "", ("+79001234567",)), Row(3, "", (), ("anna@mail.example",))
    both = Row(4, "", ("+79001234567",), ("anna@mail.example",))
    seen: importing.Contacts = {}
    assert importing.check(world.session, world.shop.id, [first, second], seen) == []
    assert [one.line for one in importing.check(world.session, world.shop.id, [both], seen)] == [4]
