"""A file of customers taken back: cards that it made are removed, cards that it completed are as before, and consents
that it brought hold no more.

Whoever has been spoken to since, has ordered, or has a card that somebody changed, stays as he is. What would happen is
counted from the same plan that is then carried out, a few rows in a transaction, so that a crash leaves nothing half
done: taking back goes on with the rows that are left.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from customers import cards, consents, importing, joining
from customers.events import CustomerRemoved, CustomersImportUndone, changed
from customers.importing import AT_ONCE, KEPT, get
from customers.tables import (
    CardImport,
    CardImportRow,
    Consent,
    Contact,
    Customer,
    DidToCard,
    FieldValue,
    TakenBack,
)
from kit.clock import utc_now
from kit.errors import Refused
from storage.events import publish
from storage.schema import Base

OF_THE_CARD = frozenset(
    {"customer_contact.customer_id", "customer_value.customer_id", "customer_import_row.customer_id"}
)
"""Rows that are the card itself, or know what a file did to it. All others mean that somebody had to do with him."""

MERGED = "customer_merge"
"""The card was put into another one, or another one into it."""

CONSENT = "customer_consent"

LOOKED_AT = 200
"""Rows that are looked at in one transaction."""


class TooLateToTakeBack(Refused):
    """What the file did is known no more."""

    code = "card_import_too_old"

    def __init__(self) -> None:
        super().__init__("too late to take a file of customers back", days=KEPT.days)


@dataclass(slots=True)
class Prospect:
    """What taking back would do, by rows; `kept` are those of which something stays; `void` are consents
    on cards that were there."""

    gone: int = 0
    back: int = 0
    void: int = 0
    kept: list[tuple[CardImportRow, Customer, list[str]]] = field(default_factory=list)


def possible(one: CardImport, now: datetime) -> bool:
    return one.undone_at is None and one.created_at > now - KEPT


def prospect(
    session: Session, import_id: int, after: int, found: Prospect, leads: Collection[str]
) -> tuple[Prospect, int | None]:
    """Look at some more rows, those after this line, and where the next ones begin; None after the last.

    `leads` names each "table.column" that leads to a customer.
    """
    rows = _left(session, import_id, after, LOOKED_AT)
    known = _had_to_do(session, rows, leads)
    for row, customer in rows:
        why = _stays(session, row, customer, known.get(customer.id, []))
        if why:
            found.kept.append((row, customer, why))
        elif row.did == DidToCard.MADE:
            found.gone += 1
        elif row.did == DidToCard.FILLED:
            found.back += 1
        if row.did != DidToCard.MADE:
            found.void += len(row.consents)
    return found, rows[-1][0].line if len(rows) == LOOKED_AT else None


def portion(session: Session, shop_id: int, import_id: int, *, actor: str, leads: Collection[str]) -> bool:
    """Take a few rows back; whether there are more. After the last one a call changes nothing.

    Raises NoSuchCardImport, TooLateToTakeBack.
    """
    one = get(session, shop_id, import_id, lock=True)
    if one.undone_at is not None:
        return False
    if not possible(one, utc_now()):
        raise TooLateToTakeBack()
    one.undone_by = one.undone_by or actor
    rows = _left(session, one.id, 0, AT_ONCE)
    # Who would write or order at this moment waits, and then finds no card, or is why it stays.
    ids = sorted({customer.id for _row, customer in rows})
    session.execute(sa.select(Customer.id).where(Customer.id.in_(ids)).order_by(Customer.id).with_for_update()).all()
    for _row, customer in rows:
        session.refresh(customer)
    known = _had_to_do(session, rows, leads)
    for row, customer in rows:
        _take_back(session, one, row, customer, known.get(customer.id, []), actor)
        session.flush()
    if len(rows) == AT_ONCE:
        return True
    one.undone_at, one.undone_by = utc_now(), actor
    session.flush()
    by = results(session, one.id)
    facts = {name.value: by.get(name, 0) for name in (TakenBack.GONE, TakenBack.BACK, TakenBack.KEPT)}
    subject = f"card_import:{one.id}"
    publish(session, CustomersImportUndone(shop_id=shop_id, subject=subject, actor=actor, import_id=one.id, **facts))
    return False


def results(session: Session, import_id: int) -> dict[TakenBack, int]:
    """Rows by what came of them; those of which there was nothing to take back are not counted."""
    rows = session.execute(
        sa.select(CardImportRow.taken_back, sa.func.count())
        .where(CardImportRow.import_id == import_id, _did_something())
        .group_by(CardImportRow.taken_back)
    )
    return {TakenBack(result): n for result, n in rows}


def kept(session: Session, import_id: int, limit: int) -> list[tuple[CardImportRow, Customer]]:
    """Rows of which something stayed, with the cards, and why on each."""
    rows = session.execute(
        sa.select(CardImportRow, Customer)
        .join(Customer, Customer.id == CardImportRow.customer_id)
        .where(CardImportRow.import_id == import_id, CardImportRow.taken_back == TakenBack.KEPT)
        .order_by(CardImportRow.line)
        .limit(limit)
    )
    return [(row, customer) for row, customer in rows]


def _did_something() -> sa.ColumnElement[bool]:
    return sa.or_(CardImportRow.did != DidToCard.NOTHING, sa.cast(CardImportRow.consents, sa.Text) != "[]")


def _left(session: Session, import_id: int, after: int, limit: int) -> list[tuple[CardImportRow, Customer]]:
    """Rows that are still to be taken back, in the file's order, with their cards."""
    rows = session.execute(
        sa.select(CardImportRow, Customer)
        .join(Customer, Customer.id == CardImportRow.customer_id)
        .where(CardImportRow.import_id == import_id, CardImportRow.line > after, _did_something())
        .where(CardImportRow.taken_back == TakenBack.NO)
        .order_by(CardImportRow.line)
        .limit(limit)
    )
    return [(row, customer) for row, customer in rows]


# Whose card stays


def _had_to_do(
    session: Session, rows: Iterable[tuple[CardImportRow, Customer]], leads: Collection[str]
) -> dict[int, list[str]]:
    """The tables that have something of these customers which the file has not brought, by customer."""
    brought = [number for row, _customer in rows for number in row.consents]
    ids = {customer.id for _row, customer in rows}
    found: dict[int, list[str]] = {}
    for lead in sorted(set(leads) - OF_THE_CARD):
        name, _dot, column = lead.partition(".")
        table = Base.metadata.tables[name]
        query = sa.select(table.c[column]).where(table.c[column].in_(ids)).distinct()
        if name == CONSENT:
            query = query.where(table.c.id.not_in(brought), table.c.void_at.is_(None))
        for customer_id in session.scalars(query):
            if name not in found.setdefault(customer_id, []):
                found[customer_id].append(name)
    return found


def _stays(session: Session, row: CardImportRow, customer: Customer, known: Sequence[str]) -> list[str]:
    """Why a card that the file made is not removed; of one that it completed, what of that stays. Nothing if all goes:
    the names of tables, of the card's columns and of own fields."""
    if cards.is_merged(customer):
        return [MERGED]
    if row.did == DidToCard.MADE:
        now = importing.state(session, customer)
        changes = sorted(name for name in {*now, *row.done} if now.get(name) != row.done.get(name))
        return [*known, *changes]
    if row.did == DidToCard.NOTHING:
        return []
    now = importing.state(session, customer)
    other = [name for name, (_before, after) in row.done["written"].items() if now.get(name, "") != after]
    if set(row.done["tags"]) - set(now["tags"]):
        other.append("tags")
    # A contact that is the main one by now, though the card had one, was chosen by somebody.
    lent = {value for values in row.done["contacts"].values() for value in values}
    chosen = {now["phone"], now["email"]} & lent - {after for _before, after in row.done["written"].values()}
    if chosen or lent - set(now["contacts"]):
        other.append("contacts")
    return other


# Doing it


def _take_back(
    session: Session, one: CardImport, row: CardImportRow, customer: Customer, known: Sequence[str], actor: str
) -> None:
    why = _stays(session, row, customer, known)
    row.why, row.taken_back = why, TakenBack.KEPT if why else TakenBack.BACK
    if row.did == DidToCard.MADE and not why:
        row.taken_back, row.done = TakenBack.GONE, {}
        _remove(session, one, customer, actor)
    elif row.did != DidToCard.MADE and why != [MERGED]:
        _give_back(session, row, customer, actor)
    row.done = {}


def _remove(session: Session, one: CardImport, customer: Customer, actor: str) -> None:
    session.execute(sa.update(CardImportRow).where(CardImportRow.customer_id == customer.id).values(customer_id=None))
    for table, column in (
        (FieldValue, FieldValue.customer_id),
        (Contact, Contact.customer_id),
        (Consent, Consent.customer_id),
    ):
        session.execute(sa.delete(table).where(column == customer.id))
    facts = {"customer_id": customer.id, "import_id": one.id}
    told = CustomerRemoved(shop_id=one.shop_id, subject=f"customer:{customer.id}", actor=actor, **facts)
    session.delete(customer)
    session.flush()
    publish(session, told)


def _give_back(session: Session, row: CardImportRow, customer: Customer, actor: str) -> None:
    before: dict[str, Any] = importing.state(session, customer)
    if row.done:
        joining.part(session, customer, row.done)
    after = importing.state(session, customer)
    names = [name for name in before if before[name] != after.get(name)]
    if names:
        facts = {"before": {name: before[name] for name in names}, "after": {n: after.get(n, "") for n in names}}
        publish(session, changed(customer, "import", actor=actor, **facts))
    consents.make_void(session, customer, row.consents, actor=actor)
