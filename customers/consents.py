"""What customers agree to, and what they take back: with whose words, when, and how the shop knows.

Nothing is overwritten: a change is one more row, and the latest row of a kind is what holds. A merge of two cards
brings their rows together, so that the last word of the person holds whichever card it was said on.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime
from enum import StrEnum
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session, aliased

from customers.events import changed
from customers.merging import rows_of
from customers.tables import Consent, ConsentTo, ConsentVia, Customer
from kit.clock import utc_now
from kit.errors import Refused
from storage.events import publish

LONGEST_REASON = 500

HOLDER = rows_of(Consent, locked=False)
"""Who writes one down holds the card, and so nothing comes between."""


class ReasonMissing(Refused):
    """An operator has to say what he knows it from: it may be asked for years later."""

    code = "consent_reason_missing"


def record(
    session: Session,
    customer: Customer,
    what: ConsentTo,
    *,
    given: bool,
    via: ConsentVia,
    actor: str,
    reason: str = "",
    words: str = "",
    account_id: int | None = None,
) -> bool:
    """Write down that the customer agrees (or, with `given` false, does no more). The card must be held.

    The same said again by the same words and reason is not written twice, not at once either; the answer says whether
    it was new. Raises ReasonMissing for an operator without one.
    """
    reason = " ".join(reason.split())[:LONGEST_REASON]
    if via is ConsentVia.OPERATOR and not reason:
        raise ReasonMissing()
    before = _held(session, customer, what)
    if before is not None and (before.given, before.words, before.reason) == (given, words, reason):
        return False
    facts = {"via": via, "account_id": account_id, "words": words, "reason": reason, "at": utc_now()}
    _write(session, customer, what, before, given=given, actor=actor, facts=facts)
    return True


class Brought(StrEnum):
    """What came of a consent that somebody brought from elsewhere."""

    NEW = "new"
    KNOWN = "known"
    """It was brought before."""
    OLDER = "older"
    """The customer has spoken since: that holds, and nothing is written."""


def bring_in(
    session: Session, customer: Customer, what: ConsentTo, *, given: bool, at: datetime, reason: str, actor: str
) -> Brought:
    """Write down what the customer said at `at`, out of a file whose `reason` says how it is known. The card must be
    held. Raises ReasonMissing."""
    reason = " ".join(reason.split())[:LONGEST_REASON]
    if not reason:
        raise ReasonMissing()
    before = _held(session, customer, what)
    if before is not None and (before.given, before.reason, before.at) == (given, reason, at):
        return Brought.KNOWN
    if before is not None and before.at >= at:
        return Brought.OLDER
    facts = {"via": ConsentVia.IMPORT, "reason": reason, "at": at}
    _write(session, customer, what, before, given=given, actor=actor, facts=facts)
    return Brought.NEW


def make_void(session: Session, customer: Customer, consent_ids: Collection[int], *, actor: str) -> None:
    """Have these hold no more: the file that brought them was a mistake. What held before them holds again.

    They stay to be read, for the shop may have written to somebody because of them. The card must be held.
    """
    before = {what.value: row.given for what, row in latest(session, customer.id).items()}
    mine = sa.update(Consent).where(Consent.id.in_(consent_ids), Consent.customer_id == customer.id)
    session.execute(mine.where(Consent.void_at.is_(None)).values(void_at=utc_now()))
    after = {what.value: row.given for what, row in latest(session, customer.id).items()}
    names = [name for name in before if before[name] != after.get(name)]
    if names:
        old, new = {name: before[name] for name in names}, {name: after.get(name) for name in names}
        publish(session, changed(customer, "consent", actor=actor, before=old, after=new))


def _held(session: Session, customer: Customer, what: ConsentTo) -> Consent | None:
    """The last word, and nobody says another one before the transaction ends."""
    session.flush()
    session.refresh(customer, with_for_update={"key_share": True})
    return latest(session, customer.id).get(what)


def _write(
    session: Session,
    customer: Customer,
    what: ConsentTo,
    before: Consent | None,
    *,
    given: bool,
    actor: str,
    facts: Mapping[str, Any],
) -> None:
    of = {"shop_id": customer.shop_id, "customer_id": customer.id}
    session.add(Consent(**of, what=what, given=given, actor=actor, **facts))
    session.flush()
    old = {} if before is None else {what.value: before.given}
    publish(session, changed(customer, "consent", actor=actor, before=old, after={what.value: given}))


def latest(session: Session, customer_id: int) -> dict[ConsentTo, Consent]:
    """What holds now; a kind that was never spoken of is not there."""
    spoken = [row for row in history(session, customer_id) if row.void_at is None]
    return {ConsentTo(row.what): row for row in reversed(spoken)}


def history(session: Session, customer_id: int) -> list[Consent]:
    """Everything that was said, the latest first, with what holds no more because its file was taken back."""
    rows = session.scalars(sa.select(Consent).where(Consent.customer_id == customer_id).order_by(Consent.id.desc()))
    return list(rows)


def of_many(session: Session, customer_ids: Collection[int]) -> dict[int, dict[ConsentTo, bool]]:
    """What holds now by customer and kind."""
    found: dict[int, dict[ConsentTo, bool]] = {}
    rows = session.execute(
        sa.select(Consent.customer_id, Consent.what, Consent.given)
        .where(Consent.customer_id.in_(customer_ids), Consent.void_at.is_(None))
        .order_by(Consent.id)
    )
    for customer_id, what, given in rows:
        found.setdefault(customer_id, {})[ConsentTo(what)] = given
    return found


def may_write_first(session: Session, customer: Customer) -> bool:
    """Whether the shop may send this customer what he has not asked for."""
    return bool(session.scalar(sa.select(Customer.id).where(Customer.id == customer.id, written_to_first())))


def written_to_first() -> sa.ColumnElement[bool]:
    """The customers whom the shop may write to first: offers are agreed to, and his data was not taken back."""
    return sa.and_(_holds(ConsentTo.MARKETING, given=True), sa.not_(_holds(ConsentTo.PERSONAL_DATA, given=False)))


def _holds(what: ConsentTo, *, given: bool) -> sa.ColumnElement[bool]:
    """The last word on it is this one."""
    later = aliased(Consent)
    after = sa.exists().where(
        later.customer_id == Consent.customer_id, later.what == what, later.id > Consent.id, later.void_at.is_(None)
    )
    here = (Consent.customer_id == Customer.id, Consent.what == what, Consent.given.is_(given))
    holds = sa.select(sa.literal(1)).where(*here, Consent.void_at.is_(None), sa.not_(after))
    return sa.exists(holds.correlate(Customer))
