"""Customers out of a file: whom the shop does not know gets a card, and whom it knows gets what his card lacks.

What a card has stays as it is, and so does what its customer has said since. What each row did is kept, so that the
file can be taken back (customers.import_undo). Taking the same file again changes nothing, so what a crash cut off goes
on from there.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from company.tables import Shop
from customers import cards, consents, contacts, fields
from customers.consents import Brought
from customers.events import CustomersImported
from customers.import_rows import Fault, Row, Wrong
from customers.joining import FIELD
from customers.tables import CardImport, CardImportRow, Contact, ContactKind, Customer, DidToCard
from kit.clock import utc_now
from kit.errors import Missing, Refused
from storage import jobs
from storage.events import publish

AT_ONCE = 20
"""Rows in one transaction: others wait to write."""

KEPT = timedelta(days=30)
"""How long it is known what a file did."""

Contacts = dict[tuple[ContactKind, str], int]


class NoSuchCardImport(Missing):
    code = "no_such_card_import"


class ImportTakenBack(Refused):
    """Somebody takes the file back while it is still being taken in."""

    code = "import_taken_back"


@dataclass(slots=True)
class Taken:
    """What came of a file. `filled`: of the known ones, those whose card lacked something that the file has. `differ`:
    those whose card has something else, which holds. `older`: consents that the customer has spoken after."""

    new: int = 0
    known: int = 0
    filled: int = 0
    differ: int = 0
    written: int = 0
    repeated: int = 0
    older: int = 0


def check(session: Session, shop_id: int, rows: Iterable[Row], seen: Contacts) -> list[Wrong]:
    """Rows whose contacts are those of several cards: nobody can say which of them has agreed.

    `seen` is of the file so far, empty at its beginning: two rows make two cards, which a third may not be both of.
    """
    wrong = []
    for row in rows:
        owners = {seen[contact] for contact in row.reached if contact in seen} | set(_cards_of(session, shop_id, row))
        if len(owners) > 1:
            wrong.append(Wrong(row.line, Fault.SEVERAL))
            continue
        # A card that is still to be made has no number: its row stands for it.
        seen.update(dict.fromkeys(row.reached, owners.pop() if owners else -row.line))
    return wrong


def begin(session: Session, shop: Shop, *, name: str, actor: str) -> int:
    """A file whose rows come next; `name` is what it is called."""
    one = CardImport(shop_id=shop.id, name=cards.tidy(name, 200), actor=actor, created_at=utc_now())
    session.add(one)
    session.flush()
    return one.id


def take(session: Session, shop: Shop, import_id: int, rows: Sequence[Row], *, actor: str) -> Taken:
    """Make cards of those whom the shop does not know, complete the others, and write the consents down.

    Raises NoSuchCardImport, ImportTakenBack.
    """
    taken = Taken()
    # Of two who take one file at once, neither makes a card that the other has just made.
    session.execute(sa.select(Shop.id).where(Shop.id == shop.id).with_for_update(key_share=True))
    one = get(session, shop.id, import_id, lock=True)
    if one.undone_by:
        raise ImportTakenBack()
    for row in rows:
        found = _cards_of(session, shop.id, row)
        if found:
            customer = cards.held(session, found[0], shop.id)
            session.refresh(customer, with_for_update={"key_share": True})
            done, differs = _complete(session, customer, row, actor)
            taken.known += 1
            taken.differ += bool(differs)
        else:
            customer, done, differs = _make(session, shop, row, actor), {}, []
            taken.new += 1
        written = _bring_in(session, customer, row, taken, actor)
        if not found:
            did, done = DidToCard.MADE, state(session, customer)
        else:
            did = DidToCard.FILLED if done else DidToCard.NOTHING
            taken.filled += bool(done)
        facts = {"did": did, "done": done, "differs": differs, "consents": written}
        session.add(CardImportRow(import_id=one.id, line=row.line, customer_id=customer.id, **facts))
    one.counts = {name: one.counts.get(name, 0) + n for name, n in asdict(taken).items()}
    session.flush()
    return taken


def finish(session: Session, shop_id: int, import_id: int, *, actor: str) -> None:
    """The file is in to its end."""
    one = get(session, shop_id, import_id, lock=True)
    one.finished_at = utc_now()
    session.flush()
    facts = {name: one.counts.get(name, 0) for name in ("new", "filled", "written")}
    subject = f"card_import:{one.id}"
    publish(session, CustomersImported(shop_id=shop_id, subject=subject, actor=actor, import_id=one.id, **facts))


def state(session: Session, customer: Customer) -> dict[str, Any]:
    """The card with its contacts and own fields, to be compared with what it is later."""
    reached = sa.select(Contact.value).where(Contact.customer_id == customer.id).order_by(Contact.value)
    names = ("name", "phone", "email", "city", "address", "note", "tags")
    return {
        **{name: getattr(customer, name) or "" for name in names if name != "tags"},
        "tags": list(customer.tags),
        "contacts": list(session.scalars(reached)),
        **{f"{FIELD}{one.field.id}": one.value for one in fields.of(session, customer) if one.value},
    }


# Looking


def get(session: Session, shop_id: int, import_id: int, *, lock: bool = False) -> CardImport:
    query = sa.select(CardImport).where(CardImport.id == import_id, CardImport.shop_id == shop_id)
    found = session.scalar(
        query.with_for_update().execution_options(populate_existing=True) if lock else query,
    )
    if found is None:
        raise NoSuchCardImport(f"import {import_id} of customers of shop {shop_id}")
    return found


def latest(session: Session, shop_id: int, limit: int = 10) -> list[CardImport]:
    query = sa.select(CardImport).where(CardImport.shop_id == shop_id)
    return list(session.scalars(query.order_by(CardImport.id.desc()).limit(limit)))


def differing(session: Session, import_id: int, limit: int) -> list[tuple[CardImportRow, Customer]]:
    """Rows of which the card has something else than the file, with the cards."""
    rows = session.execute(
        sa.select(CardImportRow, Customer)
        .join(Customer, Customer.id == CardImportRow.customer_id)
        .where(CardImportRow.import_id == import_id, sa.cast(CardImportRow.differs, sa.Text) != "[]")
        .order_by(CardImportRow.line)
        .limit(limit)
    )
    return [(row, customer) for row, customer in rows]


def prune(session: Session, now: datetime) -> int:
    """Forget what old files did, a portion at a time. How many rows went: call again while it is a whole portion
    (storage.jobs.PORTION)."""
    old = sa.select(CardImport.id).where(CardImport.created_at < now - KEPT)
    some = sa.select(CardImportRow.id).where(CardImportRow.import_id.in_(old)).limit(jobs.PORTION)
    gone: int = session.execute(sa.delete(CardImportRow).where(CardImportRow.id.in_(some))).rowcount  # type: ignore[attr-defined]
    if gone < jobs.PORTION:
        session.execute(sa.delete(CardImport).where(CardImport.id.in_(old)))
    return gone


# What a row does


def _make(session: Session, shop: Shop, row: Row, actor: str) -> Customer:
    customer = cards.add(session, shop, name=row.name)
    cards.remember(
        session,
        customer,
        phone=row.phones[0] if row.phones else None,
        email=row.emails[0] if row.emails else None,
        city=row.city or None,
        address=row.address or None,
        note=row.note or None,
        tags=row.tags or None,
        actor=actor,
    )
    for _kind, value in row.reached:
        contacts.add(session, customer, value, actor=actor)
    fields.fill(session, customer, row.own, actor=actor)
    return customer


def _complete(session: Session, customer: Customer, row: Row, actor: str) -> tuple[dict[str, Any], list[str]]:
    """Give the card what it lacks. What was done, as customers.joining.part undoes it, and the names of what the card
    has otherwise."""
    now = {one.field.id: one.value for one in fields.of(session, customer)}
    columns = {name: getattr(row, name) for name in ("name", "city", "address", "note") if getattr(row, name)}
    own = {number: value for number, value in row.own.items() if number in now}
    lacking = {name: value for name, value in columns.items() if not getattr(customer, name)}
    missing = {number: value for number, value in own.items() if not now[number]}
    differs = [name for name, value in columns.items() if getattr(customer, name) not in ("", value)]
    differs += [f"{FIELD}{number}" for number, value in own.items() if now[number] not in ("", value)]
    tags = [tag for tag in row.tags if tag not in customer.tags]
    written = {name: ["", value] for name, value in lacking.items()}
    written |= {f"{FIELD}{number}": ["", value] for number, value in missing.items()}
    lent: dict[str, list[str]] = {kind.value: [] for kind in ContactKind}
    known = {(one.kind, one.value) for one in contacts.of(session, customer)}
    for kind, value in row.reached:
        if (kind, value) not in known:
            if contacts.main(customer, kind) is None:
                written[kind.value] = ["", value]
            contacts.add(session, customer, value, actor=actor)
            lent[kind.value].append(value)
    cards.remember(session, customer, **lacking, tags=[*customer.tags, *tags] if tags else None, actor=actor)
    fields.fill(session, customer, missing, actor=actor)
    did = {"written": written, "tags": tags, "contacts": lent}
    return (did if written or tags or any(lent.values()) else {}), differs


def _bring_in(session: Session, customer: Customer, row: Row, taken: Taken, actor: str) -> list[int]:
    """The numbers of the consents that are written now."""
    written = []
    for said in row.said:
        brought = consents.bring_in(
            session, customer, said.what, given=said.given, at=said.at, reason=said.source, actor=actor
        )
        taken.written += brought is Brought.NEW
        taken.repeated += brought is Brought.KNOWN
        taken.older += brought is Brought.OLDER
        if brought is Brought.NEW:
            written.append(consents.latest(session, customer.id)[said.what].id)
    return written


def _cards_of(session: Session, shop_id: int, row: Row) -> list[int]:
    ways = [sa.and_(Contact.kind == kind, Contact.value == value) for kind, value in row.reached]
    query = (
        sa.select(Contact.customer_id)
        .join(Customer, Customer.id == Contact.customer_id)
        .where(Contact.shop_id == shop_id, sa.or_(*ways), Customer.merged_into_id.is_(None))
    )
    return sorted(set(session.scalars(query)))
