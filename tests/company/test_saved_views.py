"""Views of the lists under a name: one's own and the shop's."""

from __future__ import annotations

import pytest
import sqlalchemy as sa
from sqlalchemy.orm import Session

from company import saved_views
from company.saved_views import NoSuchView, TooManyViews, ViewNameTaken, ViewUnfit
from company.tables import Listing, SavedView
from storage.tables import EventRow
from tests.worlds import World


def save(world: World, name: str, *, shared: bool = False, query: str = "lead=me") -> SavedView:
    return saved_views.save(world.session, world.shop.id, world.operator.id, Listing.ORDERS, name, query, shared=shared)


def names(world: World, staff_id: int) -> list[str]:
    return [view.name for view in saved_views.of(world.session, world.shop.id, staff_id)]


def test_ones_own_are_seen_by_oneself_and_the_shops_by_all_and_first(world: World) -> None:
    own = save(world, "  Мои   срочные ")
    save(world, "Без денег", shared=True)
    assert names(world, world.operator.id) == ["Без денег", "Мои срочные"]
    assert names(world, world.owner.id) == ["Без денег"]
    with pytest.raises(NoSuchView):
        saved_views.get(world.session, world.shop.id, world.owner.id, own.id)
    with pytest.raises(NoSuchView):
        saved_views.get(world.session, world.shop.id + 1, world.operator.id, own.id)


def test_a_name_is_once_in_its_row_and_the_one_before_stays(session: Session, world: World) -> None:
    view = save(world, "Мои")
    with pytest.raises(ViewNameTaken):
        save(world, "Мои", query="lead=nobody")
    save(world, "Мои", shared=True)
    other = save(world, "Другие")
    with pytest.raises(ViewNameTaken):
        saved_views.rename(session, other, "Мои", by=world.operator.id)
    session.expire_all()
    assert (view.name, view.query, other.name) == ("Мои", "lead=me", "Другие")


@pytest.mark.parametrize(("name", "query"), [("", ""), ("   ", ""), ("м" * 61, ""), ("Мои", "q" * 2001)])
def test_one_without_a_name_or_too_long_is_refused(world: World, name: str, query: str) -> None:
    with pytest.raises(ViewUnfit):
        save(world, name, query=query)


def test_they_are_put_in_order_and_removed_and_the_log_has_it(session: Session, world: World) -> None:
    first, second, third = (save(world, name) for name in ("Первый", "Второй", "Третий"))
    saved_views.shift(session, third, -1, by=world.operator.id)
    assert names(world, world.operator.id) == ["Первый", "Третий", "Второй"]
    saved_views.shift(session, first, -1, by=world.operator.id)
    saved_views.shift(session, second, 5, by=world.operator.id)
    assert names(world, world.operator.id) == ["Первый", "Третий", "Второй"]
    saved_views.rename(session, first, "Самый первый", by=world.operator.id)
    saved_views.remove(session, third, by=world.operator.id)
    assert names(world, world.operator.id) == ["Самый первый", "Второй"]
    told = session.scalars(sa.select(EventRow).where(EventRow.kind == "saved_view_changed").order_by(EventRow.id)).all()
    assert [event.payload["what"] for event in told][-2:] == ["renamed", "removed"]
    assert told[-2].payload["before"] == "Первый"


def test_there_are_not_more_than_anybody_finds_again(world: World) -> None:
    for n in range(saved_views.MOST):
        save(world, f"Вид {n}")
    with pytest.raises(TooManyViews):
        save(world, "Ещё один")
    save(world, "Общий", shared=True)
