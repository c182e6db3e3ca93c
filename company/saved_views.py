"""Views of the console's lists under a name: one's own, and those that the whole shop has."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from company.tables import Listing, SavedView
from kit.errors import Missing, Refused
from storage.events import Event, publish

LONGEST_NAME = 60
LONGEST_QUERY = 2000

MOST = 20
"""Of one list, for one person or for the shop: more of them are no help."""


class NoSuchView(Missing):
    code = "no_such_view"


class ViewNameTaken(Refused):
    code = "view_name_taken"

    def __init__(self, name: str) -> None:
        super().__init__(f"there is a view {name!r}", name=name)


class ViewUnfit(Refused):
    """Without a name, or with a name or a filter that is too long."""

    code = "view_unfit"

    def __init__(self) -> None:
        super().__init__("a view without a name, or too long", most=LONGEST_NAME)


class TooManyViews(Refused):
    code = "too_many_views"

    def __init__(self) -> None:
        super().__init__(f"{MOST} views", most=MOST)


@dataclass(frozen=True, slots=True, kw_only=True)
class SavedViewChanged(Event):
    """`what`: saved, renamed, shifted, removed. `before` is the name that it had."""

    kind: ClassVar[str] = "saved_view_changed"

    view_id: int
    what: str
    name: str
    shared: bool
    before: str = ""


def of(session: Session, shop_id: int, staff_id: int, listing: Listing | None = None) -> list[SavedView]:
    """The shop's views and the person's own, of this list or of all: the shop's first, each kind in its order."""
    query = sa.select(SavedView).where(
        SavedView.shop_id == shop_id, sa.or_(SavedView.shared, SavedView.staff_id == staff_id)
    )
    if listing is not None:
        query = query.where(SavedView.listing == listing)
    order = (SavedView.listing, SavedView.shared.desc(), SavedView.position, SavedView.id)
    return list(session.scalars(query.order_by(*order)))


def get(session: Session, shop_id: int, staff_id: int, view_id: int) -> SavedView:
    """A view that this person has. Raises NoSuchView, also for what a colleague keeps for himself."""
    found = session.get(SavedView, view_id)
    if found is None or found.shop_id != shop_id or not (found.shared or found.staff_id == staff_id):
        raise NoSuchView(f"view {view_id}")
    return found


def save(
    session: Session, shop_id: int, staff_id: int, listing: Listing, name: str, query: str, *, shared: bool = False
) -> SavedView:
    """Keep the query under the name, behind the others. Raises ViewUnfit, ViewNameTaken, TooManyViews."""
    row = SavedView(shop_id=shop_id, staff_id=staff_id, listing=listing, query=query, shared=shared)
    beside = _beside(session, row)
    if len(beside) >= MOST:
        raise TooManyViews()
    row.position = beside[-1].position + 1 if beside else 0
    _name(session, row, name)
    _tell(session, row, "saved", staff_id)
    return row


def rename(session: Session, view: SavedView, name: str, *, by: int) -> None:
    """Raises ViewUnfit, ViewNameTaken."""
    before = view.name
    _name(session, view, name)
    _tell(session, view, "renamed", by, before=before)


def shift(session: Session, view: SavedView, by_places: int, *, by: int) -> None:
    """Put it so many places further down among its like, or up with a negative number; at the end it stays."""
    beside = _beside(session, view)
    if view not in beside:
        raise NoSuchView(f"view {view.id} is gone")
    at = beside.index(view)
    beside.insert(min(max(at + by_places, 0), len(beside) - 1), beside.pop(at))
    for position, one in enumerate(beside):
        one.position = position
    session.flush()
    _tell(session, view, "shifted", by)


def remove(session: Session, view: SavedView, *, by: int) -> None:
    _tell(session, view, "removed", by, before=view.name)
    session.delete(view)
    session.flush()


def _beside(session: Session, view: SavedView) -> list[SavedView]:
    """The views that stand in one row with it, locked in one order: two who arrange them do it one after the other."""
    of_whom = SavedView.shared if view.shared else sa.and_(~SavedView.shared, SavedView.staff_id == view.staff_id)
    query = sa.select(SavedView).where(SavedView.shop_id == view.shop_id, SavedView.listing == view.listing, of_whom)
    locked = query.order_by(SavedView.id).with_for_update().execution_options(populate_existing=True)
    return sorted(session.scalars(locked), key=lambda one: (one.position, one.id))


def _name(session: Session, view: SavedView, name: str) -> None:
    name = " ".join(name.split())
    if not name or len(name) > LONGEST_NAME or len(view.query) > LONGEST_QUERY:
        raise ViewUnfit()
    try:
        with session.begin_nested():
            view.name = name
            session.add(view)
            session.flush()
    except IntegrityError:
        raise ViewNameTaken(name) from None


def _tell(session: Session, view: SavedView, what: str, by: int, *, before: str = "") -> None:
    publish(
        session,
        SavedViewChanged(
            shop_id=view.shop_id,
            subject=f"saved_view:{view.id}",
            actor=f"staff:{by}",
            view_id=view.id,
            what=what,
            name=view.name,
            shared=view.shared,
            before=before,
        ),
    )
