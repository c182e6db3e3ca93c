"""Customers by what they bought and what is on their cards."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy.orm import Session

from customers import cards, fields, identities
from customers.tables import Customer, FieldKind
from kit.clock import utc_now
from kit.money import Money
from orders import buyers, importing, pipelines
from orders.buyers import Filter, Sort, Sought
from orders.importing import PastLine, PastMove, PastOrder
from tests.worlds import World


class Street:
    """Анна of Kazan bought twice, Борис of Moscow once and long ago, Вера never."""

    def __init__(self, world: World) -> None:
        self.world, self.session = world, world.session
        pipelines.create_default_pipeline(world.session, world.shop)
        self.anna, self.boris, self.vera = (self.card(name) for name in ("Анна", "Борис", "Вера"))
        cards.remember(self.session, self.anna, city="Казань", tags=["опт", "керамика"])
        cards.remember(self.session, self.boris, city="Москва", tags=["опт"])
        self.bought(self.anna, 1000, days=10)
        self.bought(self.anna, 2500, days=3)
        self.bought(self.boris, 500, days=400)

    def card(self, name: str) -> Customer:
        return cards.add(self.session, self.world.shop, name=name)

    def bought(self, customer: Customer, roubles: int, *, days: int) -> None:
        at, price = utc_now() - timedelta(days=days), Money(roubles * 100)
        free = Money(0)
        moves = [PastMove("new", at, "system"), PastMove("delivered", at, "system")]
        order = PastOrder(customer.id, [PastLine(None, "MUG", "Кружка", price, 1)], moves, free, free, price, at)
        importing.bring(self.session, self.world.shop, [order])

    def names(self, sort: Sort = Sort.NAME, ascending: bool = True, **wanted: Any) -> list[str]:
        page = buyers.page(self.session, self.world.shop.id, Filter(**wanted), sort=sort, ascending=ascending)
        assert page.total == len(page.rows)
        return [row.customer.name for row in page.rows]


@pytest.fixture
def street(world: World) -> Street:
    return Street(world)


def test_who_is_left_out_is_there_all_the_same_once_he_has_ordered(street: Street) -> None:
    assert street.names(without=[street.anna.id, street.vera.id]) == ["Анна", "Борис"]


def test_filters_choose_and_join(street: Street) -> None:
    assert street.names() == ["Анна", "Борис", "Вера"]
    assert street.names(tag="опт") == ["Анна", "Борис"]
    assert street.names(tag="керамика") == ["Анна"]
    assert street.names(tag="опт", city="москва") == ["Борис"]
    assert street.names(bought=True) == ["Анна", "Борис"]
    assert street.names(bought=False) == ["Вера"]
    assert street.names(text="ер") == ["Вера"]
    assert street.names(tag="о") == []


def test_sums_count_all_orders_and_nothing_is_nought(street: Street) -> None:
    assert street.names(spent_from=350000) == ["Анна"]
    assert street.names(spent_from=350001) == []
    assert street.names(spent_to=50000) == ["Борис", "Вера"]
    assert street.names(spent_from=1, spent_to=60000) == ["Борис"]


def test_the_last_order_counts_and_not_the_first(street: Street) -> None:
    week_ago = utc_now() - timedelta(days=7)
    assert street.names(last_since=week_ago) == ["Анна"]
    assert street.names(last_until=week_ago) == ["Борис"]


def test_who_never_bought_stands_last_both_ways(street: Street) -> None:
    assert street.names(Sort.LAST, ascending=False) == ["Анна", "Борис", "Вера"]
    assert street.names(Sort.LAST, ascending=True) == ["Борис", "Анна", "Вера"]
    assert street.names(Sort.SPENT, ascending=False) == ["Анна", "Борис", "Вера"]
    assert street.names(Sort.NEW, ascending=False) == ["Вера", "Борис", "Анна"]


def test_a_channel_and_own_fields_narrow_the_list(street: Street, session: Session) -> None:
    shop_id = street.world.shop.id
    account = street.world.account("vk")
    identities.recognise(session, account, external_id="1", name="Глеб")
    assert street.names(channel="vk") == ["Глеб"]
    born = fields.add(session, shop_id, name="Родился", kind=FieldKind.DATE)
    regular = fields.add(session, shop_id, name="Постоянный", kind=FieldKind.FLAG)
    fields.fill(session, street.anna, {born.id: "1990-05-01", regular.id: "1"}, actor="staff:1")
    fields.fill(session, street.boris, {born.id: "1985-01-01", regular.id: "0"}, actor="staff:1")
    assert street.names(own={born.id: Sought(since="1990-01-01", until="1990-12-31")}) == ["Анна"]
    assert street.names(own={regular.id: Sought(value="0")}) == ["Борис"]
    assert street.names(own={born.id: Sought(until="1990-05-01"), regular.id: Sought(value="1")}) == ["Анна"]
    assert street.names(own={10**6: Sought(value="1")}, bought=True) == ["Анна", "Борис"]


def test_pages_and_the_walk_through_all_of_them_miss_nobody(street: Street, session: Session) -> None:
    shop_id = street.world.shop.id
    for n in range(5):
        street.card(f"Гость {n}")
    seen = [
        row.customer.id
        for number in (1, 2, 3)
        for row in buyers.page(session, shop_id, Filter(), sort=Sort.SPENT, number=number, size=3).rows
    ]
    assert len(set(seen)) == 8
    walked: list[int] = []
    while rows := buyers.after(session, shop_id, Filter(), walked[-1] if walked else 0, size=3):
        walked += [row.customer.id for row in rows]
    assert walked == sorted(seen)


def test_tags_and_cities_are_counted(street: Street, session: Session) -> None:
    assert cards.tags(session, street.world.shop.id) == [("опт", 2), ("керамика", 1)]
    assert set(cards.cities(session, street.world.shop.id)) == {"Казань", "Москва"}
