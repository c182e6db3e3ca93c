"""Sets of rights that owners put together: a ready role under a name of their own, with limits."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from company.events import RightsSetChanged
from company.rights import OF_SETS
from company.tables import Membership, RightsSet, Role, Sees, Shop, Staff
from kit.errors import Missing, Refused
from storage.events import publish

LONGEST_NAME = 60

MOST = 30
"""Of one shop: more of them nobody keeps apart."""


class NoSuchRightsSet(Missing):
    code = "no_such_rights_set"


class RightsSetUnfit(Refused):
    """Without a name, with one that is too long, or with an answer that makes no sense."""

    code = "rights_set_unfit"

    def __init__(self) -> None:
        super().__init__("a set of rights that cannot be", most=LONGEST_NAME)


class RightsSetNameTaken(Refused):
    code = "rights_set_name_taken"

    def __init__(self, name: str) -> None:
        super().__init__(f"there is a set {name!r}", name=name)


class TooManyRightsSets(Refused):
    code = "too_many_rights_sets"

    def __init__(self) -> None:
        super().__init__(f"{MOST} sets", most=MOST)


class RightsSetStale(Refused):
    """Somebody has changed it since the person looked."""

    code = "rights_set_stale"

    def __init__(self, name: str) -> None:
        super().__init__(f"the set {name!r} has changed", name=name)


class RightsSetGiven(Refused):
    """Somebody has these rights: he would be left without any."""

    code = "rights_set_given"

    def __init__(self, name: str, people: list[str]) -> None:
        super().__init__(f"{len(people)} people have the set {name!r}", name=name, people=", ".join(people))


@dataclass(frozen=True, slots=True, kw_only=True)
class Answers:
    """What an owner says about a set. The sum is in minor units; None is any sum, any discount."""

    name: str
    role: Role
    sees: Sees = Sees.ALL
    purchase_prices: bool = False
    totals: bool = False
    export: bool = False
    refund_most: int | None = 0
    discount_most: int | None = None


def of_shop(session: Session, shop_id: int) -> list[RightsSet]:
    """The shop's sets by name."""
    return list(session.scalars(sa.select(RightsSet).where(RightsSet.shop_id == shop_id).order_by(RightsSet.name)))


def holders(session: Session, shop_id: int) -> dict[int, list[str]]:
    """The names of those who have each set, by its id."""
    rows = session.execute(
        sa.select(Membership.rights_set_id, Staff.name)
        .join(Staff, Staff.id == Membership.staff_id)
        .where(Membership.shop_id == shop_id, Membership.rights_set_id.is_not(None), Staff.active)
        .order_by(Staff.name)
    )
    found: dict[int, list[str]] = {}
    for set_id, name in rows:
        found.setdefault(set_id or 0, []).append(name)
    return found


def get(session: Session, shop_id: int, set_id: int, *, lock: bool = False) -> RightsSet:
    """Raises NoSuchRightsSet, also for a set of another shop."""
    query = sa.select(RightsSet).where(RightsSet.id == set_id, RightsSet.shop_id == shop_id)
    if lock:
        query = query.with_for_update().execution_options(populate_existing=True)
    found = session.scalar(query)
    if found is None:
        raise NoSuchRightsSet(f"rights set {set_id} of shop {shop_id}")
    return found


def add(session: Session, shop: Shop, answers: Answers, *, actor: str) -> RightsSet:
    """Raises RightsSetUnfit, RightsSetNameTaken, TooManyRightsSets."""
    if len(of_shop(session, shop.id)) >= MOST:
        raise TooManyRightsSets()
    row = RightsSet(shop_id=shop.id)
    _answer(session, row, answers)
    _tell(session, row, "added", actor)
    return row


def change(session: Session, shop_id: int, set_id: int, answers: Answers, *, version: int, actor: str) -> RightsSet:
    """Answer anew; those who have the set are judged by the new answers from their next request on.

    Raises RightsSetStale where `version` is not the one that is, and what `add` raises.
    """
    row = get(session, shop_id, set_id, lock=True)
    if row.version != version:
        raise RightsSetStale(row.name)
    before = {name: was for name in asdict(answers) if (was := getattr(row, name)) != getattr(answers, name)}
    if not before:
        return row
    row.version += 1
    _answer(session, row, answers)
    # The role that a person has is that of his set, for whoever asks for nothing else.
    session.execute(sa.update(Membership).where(Membership.rights_set_id == row.id).values(role=row.role))
    _tell(session, row, "changed", actor, before)
    return row


def remove(session: Session, shop_id: int, set_id: int, *, version: int, actor: str) -> None:
    """Raises RightsSetGiven while anybody has it, RightsSetStale."""
    row = get(session, shop_id, set_id, lock=True)
    if row.version != version:
        raise RightsSetStale(row.name)
    people = session.scalars(
        sa.select(Staff.name)
        .join(Membership, Membership.staff_id == Staff.id)
        .where(Membership.rights_set_id == row.id)
    ).all()
    if people:
        raise RightsSetGiven(row.name, list(people))
    _tell(session, row, "removed", actor)
    session.delete(row)
    session.flush()


def _answer(session: Session, row: RightsSet, answers: Answers) -> None:
    name = " ".join(answers.name.split())
    fits = (
        0 < len(name) <= LONGEST_NAME
        and answers.role in OF_SETS
        and answers.sees is not Sees.DELIVERIES
        and (answers.refund_most is None or answers.refund_most >= 0)
        and (answers.discount_most is None or 0 <= answers.discount_most <= 100)
    )
    if not fits:
        raise RightsSetUnfit()
    try:
        with session.begin_nested():
            for field, answer in (asdict(answers) | {"name": name}).items():
                setattr(row, field, answer)
            session.add(row)
            session.flush()
    except IntegrityError:
        raise RightsSetNameTaken(name) from None


def _tell(session: Session, row: RightsSet, what: str, actor: str, before: dict[str, Any] | None = None) -> None:
    publish(
        session,
        RightsSetChanged(
            shop_id=row.shop_id,
            subject=f"rights_set:{row.id}",
            actor=actor,
            rights_set_id=row.id,
            what=what,
            name=row.name,
            before=before or {},
        ),
    )
