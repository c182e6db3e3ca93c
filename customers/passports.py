"""A code by which a customer is known again in another messenger: who holds it is who asked for it.

Fifty bits that nobody can guess, good for an hour and for one use; asking for a new one ends the one before. What is
kept is its digest. Who tries codes is stopped after a few wrong ones.
"""

from __future__ import annotations

import hashlib
import re
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import ClassVar, NamedTuple

import sqlalchemy as sa
from sqlalchemy.orm import Session

from customers.merging import rows_of
from customers.tables import Customer, Merge, Passport
from kit.clock import utc_now
from kit.errors import Refused
from storage.events import Event, publish
from storage.tables import EventRow

LIVES = timedelta(hours=1)

ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
"""Without letters that are read as digits or as one another: Crockford's base 32."""

LENGTH = 10

WRONG_ALLOWED, WITHIN = 5, timedelta(hours=1)
"""So many wrong codes a conversation may try in this time."""

_READ_AS = str.maketrans("ILO", "110")
_SHAPE = re.compile(f"[{ALPHABET}]{{{LENGTH}}}")

HOLDER = rows_of(Passport, locked=False)


class WrongCode(Refused):
    """There is no such code, it was used, or its time is over: which of them is told to nobody."""

    code = "wrong_passport"


class TooManyTries(Refused):
    code = "too_many_passports"


@dataclass(frozen=True, slots=True, kw_only=True)
class PassportRefused(Event):
    """Somebody tried a code that is none."""

    kind: ClassVar[str] = "passport_refused"


@dataclass(frozen=True, slots=True, kw_only=True)
class PassportUsed(Event):
    """The customer is known in another conversation now."""

    kind: ClassVar[str] = "passport_used"

    customer_id: int
    passport_id: int
    conversation_id: int


class Step(StrEnum):
    ASKED = "asked"
    USED = "used"
    TAKEN_BACK = "taken_back"


class Passed(NamedTuple):
    """What became of a code. `actor`: who asked for it, brought it or took back what it moved."""

    at: datetime
    step: Step
    actor: str
    conversation_id: int | None = None
    """Where it was used."""


def issue(session: Session, customer: Customer, *, actor: str) -> str:
    """A new code for this customer, as people read it: "ABCDE-23456"."""
    now = utc_now()
    session.execute(
        sa.update(Passport)
        .where(Passport.customer_id == customer.id, Passport.used_at.is_(None), Passport.ends_at > now)
        .values(ends_at=now)
    )
    code = _new()
    session.add(
        Passport(
            shop_id=customer.shop_id,
            customer_id=customer.id,
            digest=_digest(code),
            actor=actor,
            made_at=now,
            ends_at=now + LIVES,
            moved=[],
        )
    )
    session.flush()
    return f"{code[: LENGTH // 2]}-{code[LENGTH // 2 :]}"


def code_in(text: str) -> str | None:
    """The code that somebody wrote, however he writes it; None for anything else."""
    said = re.sub(r"[\s-]", "", text).upper().translate(_READ_AS)
    return said if _SHAPE.fullmatch(said) and _is_mixed(said) else None


def use(session: Session, shop_id: int, code: str, *, conversation_id: int, actor: str) -> Passport | None:
    """Spend the code, of two at once for one of them. None if who brings it is its customer already.

    `actor` is who brings it: "customer:7". Raises WrongCode, TooManyTries; the wrong try is to be committed.
    """
    subject = f"conversation:{conversation_id}"
    if _tries(session, subject) >= WRONG_ALLOWED:
        raise TooManyTries()
    now = utc_now()
    good = (Passport.shop_id == shop_id, Passport.used_at.is_(None), Passport.ends_at > now)
    found = session.scalar(sa.select(Passport).where(Passport.digest == _digest(code), *good).with_for_update())
    if found is None:
        publish(session, PassportRefused(shop_id=shop_id, subject=subject, actor=actor))
        raise WrongCode()
    if f"customer:{found.customer_id}" == actor:
        return None
    found.used_at, found.conversation_id = now, conversation_id
    session.flush()
    return found


def past(session: Session, customer_id: int) -> list[Passed]:
    """What became of the customer's codes, the first step first. What an operator takes back is none of them."""
    query = sa.select(Passport, Merge).outerjoin(Merge, Merge.id == Passport.merge_id)
    found = []
    for passport, merge in session.execute(query.where(Passport.customer_id == customer_id).order_by(Passport.id)):
        whose = f"customer:{customer_id}"
        found.append(Passed(passport.made_at, Step.ASKED, passport.actor))
        if passport.used_at is not None:
            found.append(Passed(passport.used_at, Step.USED, whose, passport.conversation_id))
        if merge is not None and merge.undone_at is not None and merge.undone_by.startswith("customer:"):
            found.append(Passed(merge.undone_at, Step.TAKEN_BACK, merge.undone_by, passport.conversation_id))
    return sorted(found, key=lambda step: step.at)


def _new() -> str:
    while not _is_mixed(code := "".join(secrets.choice(ALPHABET) for _ in range(LENGTH))):
        continue
    return code


def _is_mixed(code: str) -> bool:
    """Of letters and digits: neither a word nor a phone."""
    return any(each.isdigit() for each in code) and any(each.isalpha() for each in code)


def _tries(session: Session, subject: str) -> int:
    wrong = sa.select(sa.func.count()).where(
        EventRow.subject == subject, EventRow.kind == PassportRefused.kind, EventRow.at > utc_now() - WITHIN
    )
    return session.scalar(wrong) or 0


def _digest(code: str) -> str:
    return hashlib.sha256(code.replace("-", "").encode()).hexdigest()
