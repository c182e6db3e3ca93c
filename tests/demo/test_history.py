"""The planned orders could have happened: time goes forward, money adds up, stages follow each other."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest

from kit.money import Money
from prilavok.demo import goods, history
from prilavok.demo.history import PlannedOrder, plan
from prilavok.demo.people import staff

MOMENTS = (
    datetime(2026, 11, 22, 15, 30, tzinfo=UTC),
    datetime(2027, 1, 1, 0, 5, tzinfo=UTC),
    datetime(2028, 2, 29, 23, 59, tzinfo=UTC),
)


@pytest.fixture(params=MOMENTS, ids=str, scope="module")
def now(request: pytest.FixtureRequest) -> datetime:
    moment: datetime = request.param
    return moment


@pytest.fixture(scope="module")
def orders(now: datetime) -> tuple[PlannedOrder, ...]:
    return plan(now)


def test_two_hundred_orders_are_the_same_for_the_same_moment(now: datetime, orders: tuple[PlannedOrder, ...]) -> None:
    assert len(orders) == 200
    assert plan(now) == orders
    assert [order.number for order in orders] == list(range(1, 201))


def test_orders_come_in_time_and_within_ninety_days(now: datetime, orders: tuple[PlannedOrder, ...]) -> None:
    placed = [order.placed_at for order in orders]
    assert placed == sorted(placed)
    assert now - placed[0] <= timedelta(days=90)
    assert now - placed[0] > timedelta(days=60)


def test_each_order_moves_forward_and_never_into_the_future(now: datetime, orders: tuple[PlannedOrder, ...]) -> None:
    for order in orders:
        moments = [step.at for step in order.steps]
        assert all(earlier < later for earlier, later in pairwise(moments)), order.number
        assert moments[-1] <= now
        assert all(moment.utcoffset() == timedelta(0) for moment in moments)


def test_stages_follow_the_path_of_the_payment_method(orders: tuple[PlannedOrder, ...]) -> None:
    for order in orders:
        walked = [step.stage for step in order.steps if step.stage != history.CANCELLED]
        assert walked == list(history.PATHS[order.payment_method][: len(walked)]), order.number


def test_only_a_cancelled_order_has_a_reason_and_it_always_has_one(orders: tuple[PlannedOrder, ...]) -> None:
    for order in orders:
        assert [step.stage for step in order.steps if step.reason] == [history.CANCELLED] * (order.stage == "cancelled")


def test_money_came_to_every_order_that_was_sent_online(orders: tuple[PlannedOrder, ...]) -> None:
    for order in orders:
        if order.payment_method == history.ONLINE and order.stage in ("paid", "assembling", "shipped", "delivered"):
            assert order.paid_at is not None
        if order.stage in ("new", "awaiting_payment"):
            assert order.paid_at is None
    assert any(order.is_refunded for order in orders)


def test_sums_add_up_from_the_prices_of_the_goods(orders: tuple[PlannedOrder, ...]) -> None:
    for order in orders:
        assert len({line.sku for line in order.lines}) == len(order.lines)
        assert all(line.price == goods.variants()[line.sku].price and line.quantity > 0 for line in order.lines)
        assert order.total == order.goods - order.discount + order.delivery_price
        assert Money(0) <= order.discount < order.goods
        assert order.total > Money(0)
    assert any(order.discount for order in orders)


def test_about_twenty_five_orders_are_still_open_in_every_stage(orders: tuple[PlannedOrder, ...]) -> None:
    stages = Counter(order.stage for order in orders)
    finished = stages.pop("delivered") + stages.pop("cancelled")
    assert finished == 175
    assert set(stages) == {"new", "awaiting_payment", "paid", "assembling", "shipped"}
    assert min(stages.values()) >= 3


def test_unpaid_orders_are_fresh_enough_to_keep_their_goods(now: datetime, orders: tuple[PlannedOrder, ...]) -> None:
    for order in orders:
        if order.stage in ("new", "awaiting_payment"):
            assert now - order.placed_at < timedelta(minutes=75)


def test_people_come_back(orders: tuple[PlannedOrder, ...]) -> None:
    visits = Counter(order.customer.key for order in orders)
    assert len(visits) >= 25
    assert sum(1 for count in visits.values() if count >= 3) >= 15
    assert max(visits.values()) <= 25


def test_nobody_without_an_address_gets_a_courier(orders: tuple[PlannedOrder, ...]) -> None:
    assert {order.delivery.code for order in orders} == {"pickup", "point", "courier"}
    assert all(order.customer.address for order in orders if order.delivery.needs_address)


def test_the_staff_of_the_shop_did_the_work(orders: tuple[PlannedOrder, ...]) -> None:
    keys = {person.key for person in staff()}
    assert {order.responsible for order in orders} <= keys
    assert {step.by for order in orders for step in order.steps} <= keys | {"customer", "bot", "payment", "schedule"}


def test_what_is_sold_leaves_the_shelves_and_services_do_not(orders: tuple[PlannedOrder, ...]) -> None:
    sold = history.sold(orders)
    kept = [order for order in orders if order.stage != "cancelled"]
    mugs = sum(line.quantity for order in kept for line in order.lines if line.sku == "MUG-TUMAN-300")
    assert sold["MUG-TUMAN-300"] == mugs
    assert "GIFT-UPAKOVKA" not in sold
