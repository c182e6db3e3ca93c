"""Two cards of one person become one, and can become two again.

One transaction moves everything that leads to the card that goes. Who owns such rows moves them: a `Holder` for each
column, handed in by whoever may know them all. Rows are locked in the order in which a buyer's message takes them,
conversations first and cards last, so that a merge waits for a message that is being handled, and the message after it
finds the kept customer.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from customers import cards, joining
from customers.events import CustomersMerged, MergeUndone
from customers.tables import Customer, Merge
from kit.clock import utc_now
from kit.errors import Missing, Refused
from storage.events import publish

UNDO_WITHIN = timedelta(days=30)


class NoSuchMerge(Missing):
    code = "no_such_merge"


class SameCard(Refused):
    """A card cannot be put into itself."""

    code = "same_card"


class AlreadyMerged(Refused):
    """One of the two was merged into another by somebody else just now, or long ago."""

    code = "already_merged"

    def __init__(self, customer: Customer) -> None:
        super().__init__(f"customer {customer.id} was merged", name=customer.name)


class UndoneAlready(Refused):
    code = "merge_undone_already"


class UndoTooLate(Refused):
    code = "undo_too_late"

    def __init__(self) -> None:
        super().__init__("too late to take a merge back", days=UNDO_WITHIN.days)


class MergedFurther(Refused):
    """The kept card has itself been put into another since; that has to be undone first."""

    code = "merged_further"


@dataclass(frozen=True, slots=True)
class Holder:
    """Rows of one table that lead to a customer. `moved` is what `move` gave, as JSON."""

    hold: Callable[[Session, Collection[int]], None]
    """Lock what of these customers a message or an operator might be changing."""
    move: Callable[[Session, int, int, str], list[Any]]
    """From one customer to another, by this actor; gives what `give_back` needs."""
    give_back: Callable[[Session, list[Any], int, int, str], None]
    """What was moved, from the one back to the other, by this actor; what has left the one since stays where it is."""


def rows_of(
    entity: Any, *, locked: bool = True, told: Callable[[Session, list[int], str], None] | None = None
) -> Holder:
    """A holder of rows that have an `id` and a `customer_id` and just follow their customer.

    `told` is called with the ids that were led and the actor.
    """

    def hold(session: Session, customer_ids: Collection[int]) -> None:
        if locked:
            mine = sa.select(entity.id).where(entity.customer_id.in_(customer_ids))
            session.execute(mine.order_by(entity.id).with_for_update()).all()

    def lead(session: Session, ids: Collection[int], from_id: int, to_id: int, actor: str) -> None:
        theirs = sa.update(entity).where(entity.id.in_(ids), entity.customer_id == from_id)
        led = list(session.scalars(theirs.values(customer_id=to_id).returning(entity.id)))
        if told is not None:
            told(session, sorted(led), actor)

    def move(session: Session, from_id: int, to_id: int, actor: str) -> list[int]:
        mine = sa.select(entity.id).where(entity.customer_id == from_id).order_by(entity.id)
        ids = list(session.scalars(mine))
        lead(session, ids, from_id, to_id, actor)
        return ids

    return Holder(hold, move, lead)


Holders = Mapping[str, Holder]
"""By "table.column", in the order of locking."""


def merge(
    session: Session,
    shop_id: int,
    kept_id: int,
    gone_id: int,
    *,
    taken: Collection[str] = (),
    why: str = "",
    actor: str,
    holders: Holders,
) -> Merge:
    """Put one card into another. `taken` names the values that the kept card takes over: customers.joining.Side.name.

    `why` is what proves that they are one person, where nobody has decided it: customers.tables.Merge.why.

    Raises NoSuchCustomer, SameCard, AlreadyMerged; of two at once the second is refused.
    """
    if kept_id == gone_id:
        raise SameCard()
    for customer_id in (kept_id, gone_id):
        cards.exactly(session, customer_id, shop_id)
    kept, gone = _held(session, holders, kept_id, gone_id)
    for customer in (gone, kept):
        if cards.is_merged(customer):
            raise AlreadyMerged(customer)
        if customer.erased_at is not None:
            raise cards.ErasedAlready()
    moved = {name: holder.move(session, gone.id, kept.id, actor) for name, holder in holders.items()}
    done = joining.join(session, kept, gone, taken)
    gone.merged_into_id = kept.id
    row = Merge(
        shop_id=shop_id,
        kept_id=kept.id,
        gone_id=gone.id,
        actor=actor,
        at=utc_now(),
        moved=moved,
        card=done,
        why=why,
    )
    session.add(row)
    session.flush()
    facts = {"customer_id": kept.id, "gone_id": gone.id, "merge_id": row.id}
    publish(session, CustomersMerged(shop_id=shop_id, subject=f"customer:{kept.id}", actor=actor, **facts))
    return row


def undo(session: Session, shop_id: int, merge_id: int, *, actor: str, holders: Holders) -> Merge:
    """Put back what the merge moved. What came to the kept customer after it stays with him.

    Raises NoSuchMerge, UndoneAlready, UndoTooLate, MergedFurther.
    """
    row = get(session, shop_id, merge_id)
    kept, gone = _held(session, holders, row.kept_id, row.gone_id)
    session.refresh(row, with_for_update=True)
    if row.undone_at is not None:
        raise UndoneAlready()
    if utc_now() - row.at > UNDO_WITHIN:
        raise UndoTooLate()
    if cards.is_merged(kept):
        raise MergedFurther()
    for name, holder in holders.items():
        holder.give_back(session, row.moved.get(name, []), kept.id, gone.id, actor)
    gone.merged_into_id = None
    session.flush()
    joining.part(session, kept, row.card)
    row.undone_at, row.undone_by = utc_now(), actor
    session.flush()
    facts = {"customer_id": kept.id, "gone_id": gone.id, "merge_id": row.id}
    publish(session, MergeUndone(shop_id=shop_id, subject=f"customer:{kept.id}", actor=actor, **facts))
    return row


def get(session: Session, shop_id: int, merge_id: int) -> Merge:
    row = session.get(Merge, merge_id)
    if row is None or row.shop_id != shop_id:
        raise NoSuchMerge(f"merge {merge_id} of shop {shop_id}")
    return row


def of_customer(session: Session, customer: Customer) -> list[tuple[Merge, Customer]]:
    """What was put into this card and has not been taken back, the newest first, with the card that went."""
    rows = session.execute(
        sa.select(Merge, Customer)
        .join(Customer, Customer.id == Merge.gone_id)
        .where(Merge.kept_id == customer.id, Merge.undone_at.is_(None))
        .order_by(Merge.id.desc())
    )
    return list(rows.all())


def into(session: Session, customer: Customer, limit: int = 50) -> list[tuple[Merge, Customer]]:
    """Every merge into this card, those taken back too, the newest first."""
    rows = session.execute(
        sa.select(Merge, Customer)
        .join(Customer, Customer.id == Merge.gone_id)
        .where(Merge.kept_id == customer.id)
        .order_by(Merge.id.desc())
        .limit(limit)
    )
    return list(rows.all())


def can_undo(row: Merge) -> bool:
    return row.undone_at is None and utc_now() - row.at <= UNDO_WITHIN


def _held(session: Session, holders: Holders, kept_id: int, gone_id: int) -> tuple[Customer, Customer]:
    """Both cards, as they are once nobody else can change what belongs to them."""
    for holder in holders.values():
        holder.hold(session, (kept_id, gone_id))
    rows = session.scalars(
        sa.select(Customer)
        .where(Customer.id.in_((kept_id, gone_id)))
        .order_by(Customer.id)
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    found = {row.id: row for row in rows}
    return found[kept_id], found[gone_id]
