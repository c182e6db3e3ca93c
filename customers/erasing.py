"""What a card says of a person, taken away for good: his name, his contacts, who he is in each messenger.

The row stays, for orders and money lead to it. That he agreed to what the shop did with his data stays too: it is the
shop's proof of having had the right (152-FZ, article 9, part 3). Everybody who is merged into the card is he.
"""

from __future__ import annotations

from collections.abc import Sequence

import sqlalchemy as sa
from sqlalchemy.orm import Session

from customers.tables import (
    Apart,
    CardImportRow,
    Consent,
    Contact,
    Customer,
    FieldValue,
    Identity,
    Merge,
    Passport,
    Portrait,
)
from kit.clock import utc_now
from storage.tables import StoredFile


def family(session: Session, customer_id: int) -> list[int]:
    """The card and all that were merged into it, over any number of steps; locked, the smallest number first."""
    known, fresh = {customer_id}, {customer_id}
    while fresh:
        found = session.scalars(sa.select(Customer.id).where(Customer.merged_into_id.in_(fresh)))
        fresh = set(found) - known
        known |= fresh
    held = sa.select(Customer.id).where(Customer.id.in_(known)).order_by(Customer.id).with_for_update()
    return list(session.scalars(held))


def traces(session: Session, customer_ids: Sequence[int]) -> set[str]:
    """By what he is told from others in a text: his numbers, addresses, and names of more than one word."""
    cards = session.execute(
        sa.select(Customer.name, Customer.phone, Customer.email, Customer.address).where(Customer.id.in_(customer_ids))
    )
    names = session.execute(sa.select(Identity.name, Identity.phone).where(Identity.customer_id.in_(customer_ids)))
    contacts = session.execute(sa.select(Contact.value).where(Contact.customer_id.in_(customer_ids)))
    return {word for row in (*cards, *names, *contacts) for word in row if word and tells_of_one(word)}


def tells_of_one(word: str) -> bool:
    """A first name alone is many people's."""
    return " " in word or "@" in word or word.startswith("+")


def erase(session: Session, customer_ids: Sequence[int]) -> list[str]:
    """Leave nothing but the numbers of these cards. Gives the sums of the files that showed him."""
    his = sa.select(Identity.id).where(Identity.customer_id.in_(customer_ids))
    shown = list(session.scalars(sa.select(Portrait.file_id).where(Portrait.identity_id.in_(his))))
    session.execute(sa.delete(Portrait).where(Portrait.identity_id.in_(his)))
    sums = list(session.scalars(sa.delete(StoredFile).where(StoredFile.id.in_(shown)).returning(StoredFile.sha256)))
    for table, column in (
        (Contact, Contact.customer_id),
        (FieldValue, FieldValue.customer_id),
        (Passport, Passport.customer_id),
        (CardImportRow, CardImportRow.customer_id),
        (Identity, Identity.customer_id),
        (Apart, Apart.one_id),
        (Apart, Apart.other_id),
        (Merge, Merge.kept_id),
        (Merge, Merge.gone_id),
    ):
        session.execute(sa.delete(table).where(column.in_(customer_ids)))
    session.execute(sa.update(Consent).where(Consent.customer_id.in_(customer_ids)).values(reason=""))
    session.execute(
        sa.update(Customer)
        .where(Customer.id.in_(customer_ids))
        .values(
            name="",
            phone=None,
            email=None,
            city="",
            address="",
            tags=[],
            note="",
            dedup_key=None,
            erased_at=utc_now(),
        )
    )
    return sums
