"""Phones and e-mails of customers: any number of each, one of each being the main one.

The main ones stand in the customer's row as well, where orders and chats read them. Nothing else writes either place.
"""

from __future__ import annotations

from collections.abc import Collection

import phonenumbers
import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from company import staff
from customers.events import changed
from customers.tables import Contact, ContactKind, Customer
from kit.clock import utc_now
from kit.errors import Missing, Refused
from storage.events import publish

MOST = 20
"""Contacts of one customer: more of them nobody reads."""


class BadPhone(Refused):
    """The text is not a phone number that exists."""

    code = "bad_phone"

    def __init__(self, text: str) -> None:
        super().__init__("not a phone number", text=text[:40])


class NoSuchContact(Missing):
    code = "no_such_contact"


class TooManyContacts(Refused):
    code = "too_many_contacts"

    def __init__(self) -> None:
        super().__init__(f"{MOST} contacts", most=MOST)


def phone(text: str, region: str = "RU") -> str:
    """The number as E.164, "+79001234567". Without a country code it is a number of `region`. Raises BadPhone."""
    try:
        number = phonenumbers.parse(text[:60], region)
    except phonenumbers.NumberParseException:
        raise BadPhone(text) from None
    if not phonenumbers.is_valid_number(number):
        raise BadPhone(text)
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)


def normal(kind: ContactKind, text: str) -> str:
    """The contact as it is kept and compared. Raises BadPhone, or company.staff.BadEmail."""
    return phone(text) if kind is ContactKind.PHONE else staff.address(text)


def kind_of(text: str) -> ContactKind:
    """What a contact typed into one field must be meant as."""
    return ContactKind.EMAIL if "@" in text else ContactKind.PHONE


def main(customer: Customer, kind: ContactKind) -> str | None:
    return customer.phone if kind is ContactKind.PHONE else customer.email


def of(session: Session, customer: Customer) -> list[Contact]:
    """Phones, then e-mails; the main one first among its kind, then as they came."""
    rows = session.scalars(sa.select(Contact).where(Contact.customer_id == customer.id).order_by(Contact.id))
    mains = (customer.phone, customer.email)
    return sorted(rows, key=lambda row: (row.kind != ContactKind.PHONE, row.value not in mains))


def of_many(session: Session, customer_ids: Collection[int]) -> dict[int, dict[str, list[str]]]:
    """Phones and e-mails by customer and kind, the main ones first."""
    rows = session.execute(
        sa.select(Contact.customer_id, Contact.kind, Contact.value)
        .join(Customer, Customer.id == Contact.customer_id)
        .where(Contact.customer_id.in_(customer_ids))
        .order_by(sa.case((Contact.value.in_((Customer.phone, Customer.email)), 0), else_=1), Contact.id)
    )
    found: dict[int, dict[str, list[str]]] = {}
    for customer_id, kind, value in rows:
        found.setdefault(customer_id, {}).setdefault(kind, []).append(value)
    return found


def add(session: Session, customer: Customer, text: str, *, actor: str) -> Contact:
    """One more phone or e-mail; the first of its kind is the main one. A known one is found, not doubled.

    Raises BadPhone, company.staff.BadEmail, TooManyContacts.
    """
    kind = kind_of(text)
    value = normal(kind, text)
    _hold(session, customer)
    known = of(session, customer)
    if found := next((row for row in known if (row.kind, row.value) == (kind, value)), None):
        return found
    if len(known) >= MOST:
        raise TooManyContacts()
    row = _known(session, customer, kind, value)
    if main(customer, kind) is None:
        point(customer, kind, value)
    session.flush()
    publish(session, changed(customer, "contact", actor=actor, before={}, after={kind.value: value}))
    return row


def change(session: Session, customer: Customer, contact_id: int, text: str, *, actor: str) -> None:
    """Write a contact anew; a phone stays a phone. It becomes one with another that is the same already."""
    _hold(session, customer)
    row = get(session, customer, contact_id)
    kind, before = ContactKind(row.kind), row.value
    value = normal(kind, text)
    if value == before:
        return
    was_main = main(customer, kind) == before
    twin = session.scalar(_same(customer.id, kind, value))
    if twin is None:
        row.value = value
    else:
        session.delete(row)
    if was_main:
        point(customer, kind, value)
    session.flush()
    publish(session, changed(customer, "contact", actor=actor, before={kind.value: before}, after={kind.value: value}))


def make_main(session: Session, customer: Customer, contact_id: int, *, actor: str) -> None:
    """The one that is offered at the next order and shown in lists."""
    _hold(session, customer)
    row = get(session, customer, contact_id)
    kind = ContactKind(row.kind)
    before = main(customer, kind)
    if before != row.value:
        point(customer, kind, row.value)
        session.flush()
        told = {"main": before or ""}
        publish(session, changed(customer, "contact", actor=actor, before=told, after={"main": row.value}))


def remove(session: Session, customer: Customer, contact_id: int, *, actor: str) -> str:
    """The oldest of its kind that is left becomes the main one. Gives what was removed."""
    _hold(session, customer)
    row = get(session, customer, contact_id)
    kind, value = ContactKind(row.kind), row.value
    session.delete(row)
    session.flush()
    if main(customer, kind) == value:
        point(customer, kind, _oldest(session, customer, kind))
        session.flush()
    publish(session, changed(customer, "contact", actor=actor, before={kind.value: value}, after={}))
    return value


def get(session: Session, customer: Customer, contact_id: int) -> Contact:
    """Raises NoSuchContact, for another customer's too."""
    row = session.get(Contact, contact_id)
    if row is None or row.customer_id != customer.id:
        raise NoSuchContact(f"contact {contact_id} of customer {customer.id}")
    return row


def set_main(session: Session, customer: Customer, kind: ContactKind, value: str | None) -> None:
    """Have this normal value as the main one; None takes the main one away. Tells nobody."""
    now = main(customer, kind)
    if value == now:
        return
    _hold(session, customer)
    if value is not None:
        _known(session, customer, kind, value)
        point(customer, kind, value)
    elif now is not None:
        session.execute(sa.delete(Contact).where(*_is(customer.id, kind, now)))
        point(customer, kind, _oldest(session, customer, kind))
    session.flush()


def lend(session: Session, customer: Customer, kind: ContactKind, value: str) -> bool:
    """Have this normal value among the contacts, the main one if there is none. Whether it was not there before."""
    if session.scalar(_same(customer.id, kind, value)) is not None:
        return False
    _known(session, customer, kind, value)
    if main(customer, kind) is None:
        point(customer, kind, value)
    return True


def take_back(session: Session, customer: Customer, kind: ContactKind, values: Collection[str]) -> None:
    """Undo `lend` of these, except for one that is the main one by now."""
    for value in values:
        if main(customer, kind) != value:
            session.execute(sa.delete(Contact).where(*_is(customer.id, kind, value)))
    if main(customer, kind) is None:
        point(customer, kind, _oldest(session, customer, kind))


def point(customer: Customer, kind: ContactKind, value: str | None) -> None:
    """Name the main one. The caller knows that the customer has it, or is about to take it away with the others."""
    if kind is ContactKind.PHONE:
        customer.phone = value
    else:
        customer.email = value


def owners(shop_id: int, text: str) -> sa.Select[int] | None:
    """Ids of the shop's customers with a phone or e-mail that holds this text, however a phone is dressed.

    None for what neither can hold.
    """
    ways = []
    if text.isascii() or "@" in text or "." in text:
        ways.append(sa.and_(Contact.kind == ContactKind.EMAIL, Contact.value.contains(text.lower(), autoescape=True)))
    if number := digits(text):
        ways.append(sa.and_(Contact.kind == ContactKind.PHONE, Contact.value.contains(number)))
    return sa.select(Contact.customer_id).where(Contact.shop_id == shop_id, sa.or_(*ways)) if ways else None


def digits(word: str) -> str:
    """The digits of what may be a part of a phone number, as they stand in E.164; "" for anything else."""
    bare = word.strip().lstrip("+").translate({ord(c): None for c in "()-. \u00a0"})
    if not (bare.isascii() and bare.isdecimal()) or len(bare) < 3:
        return ""
    return "7" + bare[1:] if len(bare) == 11 and bare[0] == "8" else bare


def _hold(session: Session, customer: Customer) -> None:
    """The customer as it is now, held until the transaction ends: two changes of its contacts come one after another.

    References to it may go on being written meanwhile.
    """
    session.flush()
    session.refresh(customer, attribute_names=["phone", "email"], with_for_update={"key_share": True})


def _known(session: Session, customer: Customer, kind: ContactKind, value: str) -> Contact:
    """The row of it, made if there is none."""
    insert = postgresql.insert if session.get_bind().dialect.name == "postgresql" else sqlite.insert
    session.execute(
        insert(Contact)
        .values(shop_id=customer.shop_id, customer_id=customer.id, kind=kind, value=value, created_at=utc_now())
        .on_conflict_do_nothing(index_elements=["customer_id", "kind", "value"])
    )
    return session.scalars(_same(customer.id, kind, value)).one()


def _is(customer_id: int, kind: ContactKind, value: str) -> tuple[sa.ColumnElement[bool], ...]:
    return Contact.customer_id == customer_id, Contact.kind == kind, Contact.value == value


def _same(customer_id: int, kind: ContactKind, value: str) -> sa.Select[Contact]:
    return sa.select(Contact).where(*_is(customer_id, kind, value))


def _oldest(session: Session, customer: Customer, kind: ContactKind) -> str | None:
    query = sa.select(Contact.value).where(Contact.customer_id == customer.id, Contact.kind == kind)
    return session.scalar(query.order_by(Contact.id).limit(1))
