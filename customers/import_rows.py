"""What a file of customers says: which column is what, and what each row has, or what is wrong with it.

One unclear value refuses the whole file, for a consent is what the shop may have to prove years later, and a value that
was left out is missed by nobody until it is needed.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from enum import StrEnum
from zoneinfo import ZoneInfo

from company.staff import BadEmail
from customers import contacts, fields
from customers.contacts import BadPhone
from customers.tables import ConsentTo, ContactKind, Field, FieldKind
from kit.errors import Refused

MOST = 2_000
"""Rows of one file. They are taken while somebody waits for it."""


class Column(StrEnum):
    NAME = "name"
    FIRST = "first"
    MIDDLE = "middle"
    LAST = "last"
    PHONE = "phone"
    EMAIL = "email"
    CITY = "city"
    ADDRESS = "address"
    TAGS = "tags"
    NOTE = "note"
    OFFERS = "offers"
    OFFERS_DATE = "offers_date"
    OFFERS_SOURCE = "offers_source"
    DATA = "data"
    DATA_DATE = "data_date"
    DATA_SOURCE = "data_source"


class Fault(StrEnum):
    """Why a row is not clear."""

    NOBODY = "nobody"
    """Neither phone nor e-mail."""
    BAD_PHONE = "bad_phone"
    BAD_EMAIL = "bad_email"
    TOO_MANY_CONTACTS = "too_many_contacts"
    TOO_LONG = "too_long"
    NEITHER = "neither"
    """The consent, or a field of yes and no, is neither."""
    UNSAID = "unsaid"
    """A date or a source of a consent that nobody has given or refused."""
    NO_DATE = "no_date"
    BAD_DATE = "bad_date"
    AHEAD = "ahead"
    """The date is still to come."""
    NO_SOURCE = "no_source"
    NOT_NUMBER = "not_number"
    NOT_OPTION = "not_option"
    NOT_LINK = "not_link"
    SEVERAL = "several"
    """The phones and e-mails are those of several cards."""


@dataclass(frozen=True, slots=True)
class Wrong:
    """`column` is the heading in the file; `fits` is what would do: the options of a choice, or how long it may be."""

    line: int
    fault: Fault
    value: str = ""
    column: str = ""
    fits: str = ""


@dataclass(frozen=True, slots=True)
class Said:
    """What a person said elsewhere, when, and how that is known."""

    what: ConsentTo
    given: bool
    at: datetime
    source: str


@dataclass(frozen=True, slots=True)
class Row:
    """A person of the file. The first phone and the first e-mail are the main ones; `own` are values of own fields as
    customers.fields.normal makes them."""

    line: int
    name: str = ""
    phones: tuple[str, ...] = ()
    emails: tuple[str, ...] = ()
    city: str = ""
    address: str = ""
    tags: tuple[str, ...] = ()
    note: str = ""
    own: Mapping[int, str] = field(default_factory=dict)
    said: tuple[Said, ...] = ()

    @property
    def reached(self) -> list[tuple[ContactKind, str]]:
        return [(kind, value) for kind, values in self._contacts for value in values]

    @property
    def _contacts(self) -> tuple[tuple[ContactKind, tuple[str, ...]], ...]:
        return (ContactKind.PHONE, self.phones), (ContactKind.EMAIL, self.emails)


class ContactColumnNeeded(Refused):
    """People are told apart by phone or e-mail."""

    code = "contact_column_needed"


class ConsentColumnsNeeded(Refused):
    """A consent without its day and its source proves nothing."""

    code = "consent_columns_needed"


class DataConsentColumnsNeeded(Refused):
    """The same of the consent to personal data."""

    code = "data_consent_columns_needed"


class TooManyPeople(Refused):
    code = "too_many_people"

    def __init__(self) -> None:
        super().__init__(f"more than {MOST} rows", most=MOST)


_HEADINGS = {
    Column.NAME: "фио|клиент|покупатель|контакт|полное имя|полное имя контакта|name|full name|customer|contact",
    Column.FIRST: "имя|first name",
    Column.MIDDLE: "отчество|middle name|patronymic",
    Column.LAST: "фамилия|last name|surname",
    Column.PHONE: "телефон|телефоны|номер телефона|мобильный|мобильный телефон|рабочий телефон|рабочий прямой телефон|"
    "домашний телефон|другой телефон|phone|phones|phone number|mobile|mobile phone|work phone|home phone|other phone",
    Column.EMAIL: "почта|эл почта|электронная почта|имейл|рабочий email|рабочий e mail|личный email|личный e mail|"
    "частный e mail|другой email|другой e mail|email|e mail|emails|mail|work email|work e mail|home email|home e mail",
    Column.CITY: "город|city|town",
    Column.ADDRESS: "адрес|адрес доставки|address|delivery address",
    Column.TAGS: "теги|тег|метки|метка|теги контакта|tags|tag|labels|label",
    Column.NOTE: "заметка|заметки|заметка для своих|примечание|примечания|комментарий|комментарии|"
    "комментарий менеджера|note|notes|note for the staff|comment|comments",
    Column.OFFERS: "рассылки|рассылка|согласие на рассылку|согласие на рассылки|offers|mailings|consent to mailings",
    Column.OFFERS_DATE: "дата согласия|дата согласия на рассылку|дата отказа|consent date|date of consent",
    Column.OFFERS_SOURCE: "источник согласия|источник согласия на рассылку|откуда согласие|откуда известно|"
    "consent source|source of consent",
    Column.DATA: "персональные данные|согласие на персональные данные|согласие на обработку персональных данных|"
    "согласие на обработку данных|согласие на обработку|согласие на обработку пдн|personal data|"
    "consent to personal data",
    Column.DATA_DATE: "дата согласия на персональные данные|дата согласия на обработку персональных данных|"
    "дата согласия на обработку|дата согласия на обработку пдн|personal data consent date|"
    "date of consent to personal data",
    Column.DATA_SOURCE: "источник согласия на персональные данные|источник согласия на обработку персональных данных|"
    "источник согласия на обработку|источник согласия на обработку пдн|personal data consent source|"
    "source of consent to personal data",
}
"""Of consents only what cannot be read as another one: «Согласие» alone may be either."""

_MANY = (Column.PHONE, Column.EMAIL)
"""A person has several, and other programs write each kind into a column of its own."""

CONSENTS = {
    ConsentTo.PERSONAL_DATA: (Column.DATA, Column.DATA_DATE, Column.DATA_SOURCE),
    ConsentTo.MARKETING: (Column.OFFERS, Column.OFFERS_DATE, Column.OFFERS_SOURCE),
}
"""What was said, on which day, and how it is known."""

LONGEST = {Column.NAME: 200, Column.CITY: 120, Column.ADDRESS: 500, Column.NOTE: 4000, Column.TAGS: 40}
"""As the card takes it by hand; of tags, each."""

_YES = "да|yes|1|y|true|истина|согласен|согласна|дано|given|подписан|подписана"
_NO = "нет|no|0|n|false|ложь|отказ|отозвано|withdrawn|не согласен|не согласна|отписан|отписана|отписался|отписалась"
_NOT_ASKED = "не спрашивали|not asked"
"""As our own file of customers says it."""


def _folded(text: str) -> str:
    return " ".join(re.findall(r"[^\W_]+", text.casefold().replace("ё", "е")))


_KNOWN = {_folded(name): column for column, names in _HEADINGS.items() for name in names.split("|")}
_SAID = dict.fromkeys(_YES.split("|"), True) | dict.fromkeys(_NO.split("|"), False)


@dataclass(frozen=True, slots=True)
class Places:
    """Where in a row each column stands, and the shop's own fields; `headings` are the file's."""

    headings: tuple[str, ...]
    columns: Mapping[Column, tuple[int, ...]]
    own: tuple[tuple[int, Field], ...] = ()

    @property
    def left_out(self) -> list[str]:
        """The headings that are nothing to us."""
        read = {place for places in self.columns.values() for place in places} | {place for place, _field in self.own}
        return [heading for place, heading in enumerate(self.headings) if heading and place not in read]

    def heading(self, column: Column) -> str:
        return self.headings[self.columns[column][0]]


def places(headings: Sequence[str], own: Sequence[Field] = ()) -> Places:
    """Each column that is recognised by its heading, in Russian or in English, and each own field by its name.

    Of two alike the first counts, but for phones and e-mails, of which all do. Raises ContactColumnNeeded,
    ConsentColumnsNeeded, DataConsentColumnsNeeded.
    """
    found: dict[Column, tuple[int, ...]] = {}
    fields_found: dict[int, tuple[int, Field]] = {}
    by_name = {_folded(one.name): one for one in own}
    for place, heading in enumerate(headings):
        name = _folded(heading)
        if (column := _KNOWN.get(name)) is not None:
            if column not in found or column in _MANY:
                found[column] = (*found.get(column, ()), place)
        elif (one := by_name.get(name)) is not None:
            fields_found.setdefault(one.id, (place, one))
    if Column.PHONE not in found and Column.EMAIL not in found:
        raise ContactColumnNeeded()
    for what, lacking in (
        (ConsentTo.MARKETING, ConsentColumnsNeeded),
        (ConsentTo.PERSONAL_DATA, DataConsentColumnsNeeded),
    ):
        said, day, source = CONSENTS[what]
        if said in found and not (day in found and source in found):
            raise lacking()
    return Places(tuple(headings), found, tuple(fields_found.values()))


def read(
    lines: Sequence[tuple[int, Sequence[str]]], where: Places, *, zone: ZoneInfo, now: datetime
) -> tuple[list[Row], list[Wrong]]:
    """The people of a file, and all that is wrong with it. A day is one of `zone`. Raises TooManyPeople."""
    if len(lines) > MOST:
        raise TooManyPeople()
    rows, wrong = [], []
    for line, cells in lines:
        reader = _Reader(line, cells, where, zone, now)
        row = reader.row()
        if reader.wrong:
            wrong += reader.wrong
        else:
            rows.append(row)
    return rows, wrong


class _Reader:
    """One row, and what is found to be wrong with it on the way."""

    def __init__(self, line: int, cells: Sequence[str], where: Places, zone: ZoneInfo, now: datetime) -> None:
        self.line, self.cells, self.where, self.zone, self.now = line, cells, where, zone, now
        self.wrong: list[Wrong] = []

    def row(self) -> Row:
        phones = self._reached(Column.PHONE, ContactKind.PHONE, Fault.BAD_PHONE)
        emails = self._reached(Column.EMAIL, ContactKind.EMAIL, Fault.BAD_EMAIL)
        if len(phones) + len(emails) > contacts.MOST:
            self._mind(Fault.TOO_MANY_CONTACTS, fits=str(contacts.MOST))
        if not phones and not emails and not self.wrong:
            self._mind(Fault.NOBODY)
        return Row(
            self.line,
            self._name(),
            phones,
            emails,
            self._short(Column.CITY),
            self._short(Column.ADDRESS),
            self._tags(),
            self._short(Column.NOTE, lines=True),
            {one.id: value for place, one in self.where.own if (value := self._own(one, self.cells[place]))},
            tuple(said for what in CONSENTS if (said := self._said(what)) is not None),
        )

    def _mind(self, fault: Fault, value: str = "", column: str = "", fits: str = "") -> None:
        self.wrong.append(Wrong(self.line, fault, value, column, fits))

    def _text(self, column: Column) -> str:
        """On one line; "" where the file has no such column."""
        at = self.where.columns.get(column, ())
        return " ".join(self.cells[at[0]].split()) if at else ""

    def _short(self, column: Column, *, lines: bool = False) -> str:
        at = self.where.columns.get(column, ())
        text = self.cells[at[0]].strip() if at and lines else self._text(column)
        if len(text) > LONGEST[column]:
            self._mind(Fault.TOO_LONG, text, self.where.heading(column), str(LONGEST[column]))
        return text

    def _name(self) -> str:
        if Column.NAME in self.where.columns and (whole := self._short(Column.NAME)):
            return whole
        parts = [self._text(column) for column in (Column.FIRST, Column.MIDDLE, Column.LAST)]
        name = " ".join(part for part in parts if part)
        if len(name) > LONGEST[Column.NAME]:
            first = next(column for column in (Column.FIRST, Column.MIDDLE, Column.LAST) if self._text(column))
            self._mind(Fault.TOO_LONG, name, self.where.heading(first), str(LONGEST[Column.NAME]))
        return name

    def _reached(self, column: Column, kind: ContactKind, fault: Fault) -> tuple[str, ...]:
        """Our own file has all of a customer's in one cell, the main one first. Others put an apostrophe before a
        number, so that a spreadsheet does not count with it."""
        found: dict[str, None] = {}
        for place in self.where.columns.get(column, ()):
            for part in re.split(r"[,;\n]", self.cells[place]):
                text = " ".join(part.split()).lstrip("'’")
                if not text:
                    continue
                try:
                    found[contacts.normal(kind, text)] = None
                except (BadPhone, BadEmail):
                    self._mind(fault, text)
        return tuple(found)

    def _tags(self) -> tuple[str, ...]:
        found: dict[str, None] = {}
        for part in re.split(r"[,;]", self._text(Column.TAGS)):
            tag = part.strip()
            if len(tag) > LONGEST[Column.TAGS]:
                self._mind(Fault.TOO_LONG, tag, self.where.heading(Column.TAGS), str(LONGEST[Column.TAGS]))
            elif tag:
                found[tag] = None
        return tuple(found)

    def _own(self, one: Field, cell: str) -> str:
        """The value as it is kept; "" for an empty cell, of a required field too: the card asks for it."""
        text = cell.strip()
        if not text:
            return ""
        if one.kind == FieldKind.FLAG:
            given = _SAID.get(_folded(text), {"+": True, "-": False}.get(text))
            if given is None:
                self._mind(Fault.NEITHER, text, one.name)
                return ""
            return fields.YES if given else fields.NO
        if one.kind == FieldKind.CHOICE:
            options = {_folded(name) or name: str(number) for number, name in fields.offered(one)}
            if (number := options.get(_folded(text) or text)) is None:
                self._mind(Fault.NOT_OPTION, text, one.name, ", ".join(name for _n, name in fields.offered(one)))
            return number or ""
        if one.kind == FieldKind.DATE:
            day = _day(text)
            if day is None:
                self._mind(Fault.BAD_DATE, text, one.name)
            return day.isoformat() if day else ""
        try:
            return fields.normal(one, text)
        except fields.NotANumber:
            self._mind(Fault.NOT_NUMBER, text, one.name)
        except fields.NotALink:
            self._mind(Fault.NOT_LINK, text, one.name)
        except fields.ValueTooLong:
            self._mind(Fault.TOO_LONG, text, one.name, str(fields.LONGEST))
        return ""

    def _said(self, what: ConsentTo) -> Said | None:
        columns = CONSENTS[what]
        answer, day, source = (self._text(column) for column in columns)
        heading = next((self.where.heading(column) for column in columns if column in self.where.columns), "")
        word = _folded(answer) or {"+": "да", "-": "нет"}.get(answer, "")
        if not answer or word in _NOT_ASKED.split("|"):
            if source or day:
                self._mind(Fault.UNSAID, column=heading)
            return None
        if word not in _SAID:
            self._mind(Fault.NEITHER, answer, heading)
            return None
        if not source:
            self._mind(Fault.NO_SOURCE, column=heading)
        if not day:
            self._mind(Fault.NO_DATE, column=heading)
            return None
        read = _day(day)
        if read is None or read.year < 1990:
            self._mind(Fault.BAD_DATE, day, self.where.heading(columns[1]))
            return None
        at = datetime(read.year, read.month, read.day, tzinfo=self.zone).astimezone(UTC)
        if at > self.now:
            self._mind(Fault.AHEAD, day, self.where.heading(columns[1]))
        return Said(what, _SAID[word], at, source)


_DAYS = (
    re.compile(r"(?P<day>\d{1,2})\.(?P<month>\d{1,2})\.(?P<year>\d{4})(?: \d{1,2}:\d{2}(?::\d{2})?)?"),
    re.compile(r"(?P<year>\d{4})-(?P<month>\d{1,2})-(?P<day>\d{1,2})(?:[ T]\d{1,2}:\d{2}(?::\d{2})?)?"),
)
"""Days that mean one thing to everybody: 05/06/2025 is one in May to some and one in June to others."""


def _day(text: str) -> date | None:
    for form in _DAYS:
        if found := form.fullmatch(text):
            try:
                return date(int(found["year"]), int(found["month"]), int(found["day"]))
            except ValueError:
                return None
    return None
