"""Customers out of a file: who they are, and what they said to offers elsewhere, when, and how that is known.

A file is taken as a whole or not at all: one unclear value refuses it, for a consent is what the shop may have to prove
years later. Taking the same file again changes nothing, so what a crash cut off goes on from there.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from zoneinfo import ZoneInfo

import sqlalchemy as sa
from sqlalchemy.orm import Session

from company.staff import BadEmail
from company.tables import Shop
from customers import cards, consents, contacts
from customers.consents import Brought
from customers.contacts import BadPhone
from customers.tables import ConsentTo, Contact, ContactKind, Customer
from kit.errors import Refused

MOST = 2_000
"""Rows of one file. They are taken while somebody waits for it."""

AT_ONCE = 20
"""Rows in one transaction: others wait to write."""


class Column(StrEnum):
    NAME = "name"
    PHONE = "phone"
    EMAIL = "email"
    CITY = "city"
    OFFERS = "offers"
    DATE = "date"
    SOURCE = "source"


class Fault(StrEnum):
    """Why a row is not clear."""

    NOBODY = "nobody"
    """Neither phone nor e-mail."""
    BAD_PHONE = "bad_phone"
    BAD_EMAIL = "bad_email"
    NEITHER = "neither"
    """The consent is neither a yes nor a no."""
    UNSAID = "unsaid"
    """A date or a source of a consent that nobody has given or refused."""
    NO_DATE = "no_date"
    BAD_DATE = "bad_date"
    AHEAD = "ahead"
    """The date is still to come."""
    NO_SOURCE = "no_source"
    SEVERAL = "several"
    """The phone and the e-mail are those of several cards."""


@dataclass(frozen=True, slots=True)
class Wrong:
    line: int
    fault: Fault
    value: str = ""


@dataclass(frozen=True, slots=True)
class Row:
    """A person of the file. `given` is what he said to offers at `at`, None if nothing is known of it."""

    line: int
    name: str
    phone: str
    email: str
    city: str
    given: bool | None = None
    at: datetime | None = None
    source: str = ""


@dataclass(slots=True)
class Taken:
    """What came of a file. `older`: consents that the customer has spoken after; his last word holds."""

    new: int = 0
    known: int = 0
    written: int = 0
    repeated: int = 0
    older: int = 0


class ContactColumnNeeded(Refused):
    """People are told apart by phone or e-mail."""

    code = "contact_column_needed"


class ConsentColumnsNeeded(Refused):
    """A consent without its day and its source proves nothing."""

    code = "consent_columns_needed"


class TooManyPeople(Refused):
    code = "too_many_people"

    def __init__(self) -> None:
        super().__init__(f"more than {MOST} rows", most=MOST)


_HEADINGS = {
    Column.NAME: "имя|фио|клиент|покупатель|полное имя|name|full name|customer",
    Column.PHONE: "телефон|телефоны|номер телефона|мобильный|phone|phones|phone number|mobile",
    Column.EMAIL: "почта|эл почта|электронная почта|имейл|email|e mail|emails|mail",
    Column.CITY: "город|city|town",
    Column.OFFERS: "рассылки|рассылка|согласие на рассылку|согласие на рассылки|offers|mailings|consent to mailings",
    Column.DATE: "дата согласия|дата согласия на рассылку|дата отказа|consent date|date of consent",
    Column.SOURCE: "источник согласия|откуда согласие|откуда известно|consent source|source of consent",
}
"""Of consents only what cannot be read as another one: «Согласие» alone may be that to personal data."""

_YES = "да|yes|1|true|истина|согласен|согласна|дано|given|подписан|подписана"
_NO = "нет|no|0|false|ложь|отказ|отозвано|withdrawn|не согласен|не согласна|отписан|отписана|отписался|отписалась"
_NOT_ASKED = "не спрашивали|not asked"
"""As our own file of customers says it."""


def _folded(text: str) -> str:
    return " ".join(re.findall(r"[^\W_]+", text.casefold().replace("ё", "е")))


_KNOWN = {_folded(name): column for column, names in _HEADINGS.items() for name in names.split("|")}
_SAID = dict.fromkeys(_YES.split("|"), True) | dict.fromkeys(_NO.split("|"), False)


def columns(headings: Sequence[str]) -> dict[Column, int]:
    """Where each column stands that is recognised by its heading, in Russian or in English; the first of two alike.

    Raises ContactColumnNeeded, ConsentColumnsNeeded.
    """
    found: dict[Column, int] = {}
    for place, heading in enumerate(headings):
        if (column := _KNOWN.get(_folded(heading))) is not None:
            found.setdefault(column, place)
    if Column.PHONE not in found and Column.EMAIL not in found:
        raise ContactColumnNeeded()
    if Column.OFFERS in found and not (Column.DATE in found and Column.SOURCE in found):
        raise ConsentColumnsNeeded()
    return found


def read(
    lines: Sequence[tuple[int, Sequence[str]]], where: Mapping[Column, int], *, zone: ZoneInfo, now: datetime
) -> tuple[list[Row], list[Wrong]]:
    """The people of a file, and what is wrong with it. A day is one of `zone`. Raises TooManyPeople."""
    if len(lines) > MOST:
        raise TooManyPeople()
    rows, wrong = [], []
    for line, cells in lines:
        said = {column: " ".join(cells[place].split()) for column, place in where.items()}
        found = _row(line, {column: said.get(column, "") for column in Column}, zone, now)
        if isinstance(found, Wrong):
            wrong.append(found)
        else:
            rows.append(found)
    return rows, wrong


def _row(line: int, said: Mapping[Column, str], zone: ZoneInfo, now: datetime) -> Row | Wrong:
    reached: dict[Column, str] = {}
    for column, kind, fault in (
        (Column.PHONE, ContactKind.PHONE, Fault.BAD_PHONE),
        (Column.EMAIL, ContactKind.EMAIL, Fault.BAD_EMAIL),
    ):
        # Our own file has all of a customer's, the main one first.
        text = re.split(r"[,;]", said[column])[0].strip()
        try:
            reached[column] = contacts.normal(kind, text) if text else ""
        except (BadPhone, BadEmail):
            return Wrong(line, fault, text)
    if not any(reached.values()):
        return Wrong(line, Fault.NOBODY)
    row = Row(line, said[Column.NAME], reached[Column.PHONE], reached[Column.EMAIL], said[Column.CITY])
    word = _folded(said[Column.OFFERS]) or {"+": "да", "-": "нет"}.get(said[Column.OFFERS], "")
    if not word or word in _NOT_ASKED.split("|"):
        if said[Column.OFFERS] and not word:
            return Wrong(line, Fault.NEITHER, said[Column.OFFERS])
        return Wrong(line, Fault.UNSAID) if said[Column.SOURCE] or said[Column.DATE] else row
    if word not in _SAID:
        return Wrong(line, Fault.NEITHER, said[Column.OFFERS])
    if not said[Column.DATE]:
        return Wrong(line, Fault.NO_DATE)
    at = _day(said[Column.DATE], zone)
    if at is None:
        return Wrong(line, Fault.BAD_DATE, said[Column.DATE])
    if at > now:
        return Wrong(line, Fault.AHEAD, said[Column.DATE])
    if not said[Column.SOURCE]:
        return Wrong(line, Fault.NO_SOURCE)
    return Row(line, row.name, row.phone, row.email, row.city, _SAID[word], at, said[Column.SOURCE])


_DAYS = (
    re.compile(r"(?P<day>\d{1,2})\.(?P<month>\d{1,2})\.(?P<year>\d{4})(?: \d{1,2}:\d{2}(?::\d{2})?)?"),
    re.compile(r"(?P<year>\d{4})-(?P<month>\d{1,2})-(?P<day>\d{1,2})(?:[ T]\d{1,2}:\d{2}(?::\d{2})?)?"),
)
"""Days that mean one thing to everybody: 05/06/2025 is one in May to some and one in June to others."""


def _day(text: str, zone: ZoneInfo) -> datetime | None:
    for form in _DAYS:
        if found := form.fullmatch(text):
            try:
                day = datetime(int(found["year"]), int(found["month"]), int(found["day"]), tzinfo=zone)
            except ValueError:
                return None
            return day.astimezone(UTC) if day.year >= 1990 else None
    return None


def check(session: Session, shop_id: int, rows: Iterable[Row]) -> list[Wrong]:
    """Whom the shop has several cards of: nobody can say which of them has agreed."""
    return [Wrong(row.line, Fault.SEVERAL) for row in rows if len(_cards_of(session, shop_id, row)) > 1]


def take(session: Session, shop: Shop, rows: Sequence[Row], *, actor: str) -> Taken:
    """Make cards of those whom the shop does not know, and write the consents down. Known cards stay as they are."""
    taken = Taken()
    # Of two who take one file at once, neither makes a card that the other has just made.
    session.execute(sa.select(Shop.id).where(Shop.id == shop.id).with_for_update(key_share=True))
    for row in rows:
        found = _cards_of(session, shop.id, row)
        if found:
            customer = cards.held(session, found[0], shop.id)
            taken.known += 1
        else:
            customer = cards.add(session, shop, name=row.name)
            facts = {"phone": row.phone or None, "email": row.email or None, "city": row.city or None}
            cards.remember(session, customer, **facts, actor=actor)
            taken.new += 1
        if row.given is None or row.at is None:
            continue
        brought = consents.bring_in(
            session, customer, ConsentTo.MARKETING, given=row.given, at=row.at, reason=row.source, actor=actor
        )
        taken.written += brought is Brought.NEW
        taken.repeated += brought is Brought.KNOWN
        taken.older += brought is Brought.OLDER
    return taken


def _cards_of(session: Session, shop_id: int, row: Row) -> list[int]:
    ways = [
        sa.and_(Contact.kind == kind, Contact.value == value)
        for kind, value in ((ContactKind.PHONE, row.phone), (ContactKind.EMAIL, row.email))
        if value
    ]
    query = (
        sa.select(Contact.customer_id)
        .join(Customer, Customer.id == Contact.customer_id)
        .where(Contact.shop_id == shop_id, sa.or_(*ways), Customer.merged_into_id.is_(None))
    )
    return sorted(set(session.scalars(query)))
