from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kit.money import Money
from orders.totals import (
    MOST_OF_ONE,
    TOO_MUCH,
    BadDiscount,
    BadPrice,
    BadQuantity,
    SumTooLarge,
    Totals,
    quantity,
    totals,
)

NONE = Money(0)
prices = st.integers(0, 10**8).map(Money)
quantities = st.integers(1, MOST_OF_ONE)
lines = st.lists(st.tuples(prices, quantities), max_size=10)


def test_a_total_is_the_goods_less_the_discount_plus_the_delivery() -> None:
    sums = totals([(Money(145000), 2), (Money(39000), 1)], Money(29000), Money(35000))
    assert sums == Totals(Money(329000), Money(29000), Money(35000), Money(335000))


def test_nothing_costs_nothing_in_the_currency_of_the_discount() -> None:
    assert totals([], Money(0, "KZT"), Money(0, "KZT")).total == Money(0, "KZT")


@pytest.mark.parametrize("wrong", [0, -1, 1000, 10**30, 1.5, True, "2", None])
def test_a_quantity_is_a_whole_number_from_1_to_999(wrong: object) -> None:
    with pytest.raises(BadQuantity):
        quantity(wrong)  # type: ignore[arg-type]
    with pytest.raises(BadQuantity):
        totals([(Money(100), wrong)], NONE, NONE)  # type: ignore[list-item]


@pytest.mark.parametrize("discount", [-1, 10001])
def test_a_discount_is_neither_negative_nor_more_than_the_goods(discount: int) -> None:
    with pytest.raises(BadDiscount):
        totals([(Money(10000), 1)], Money(discount), Money(50000))


def test_no_price_and_no_delivery_is_below_zero() -> None:
    with pytest.raises(BadPrice):
        totals([(Money(-1), 1), (Money(100), 5)], NONE, NONE)
    with pytest.raises(BadPrice):
        totals([(Money(100), 5)], NONE, Money(-1))


@pytest.mark.parametrize(
    ("price", "count", "delivery"), [(TOO_MUCH, 1, 0), (TOO_MUCH // 999 + 1, 999, 0), (1, 1, TOO_MUCH - 1)]
)
def test_sums_that_no_shop_sells_are_refused(price: int, count: int, delivery: int) -> None:
    with pytest.raises(SumTooLarge):
        totals([(Money(price), count)], NONE, Money(delivery))


def test_currencies_do_not_mix() -> None:
    with pytest.raises(ValueError, match="do not mix"):
        totals([(Money(100, "KZT"), 1)], Money(0, "RUB"), Money(0, "RUB"))


@given(lines=lines, share=st.integers(0, 100), delivery=prices)
def test_totals_always_add_up_and_are_never_negative(
    lines: list[tuple[Money, int]], share: int, delivery: Money
) -> None:
    whole = Money(sum(price.amount * count for price, count in lines))
    discount = whole.share(share, 100)
    sums = totals(lines, discount, delivery)
    assert sums.goods == whole
    assert sums.total == sums.goods - sums.discount + sums.delivery
    assert sums.total.amount >= delivery.amount >= 0


@given(lines=lines, order=st.randoms())
def test_the_order_of_the_lines_does_not_matter(lines: list[tuple[Money, int]], order: st.DataObject) -> None:
    shuffled = list(lines)
    order.shuffle(shuffled)  # type: ignore[attr-defined]
    assert totals(shuffled, NONE, NONE) == totals(lines, NONE, NONE)


@given(lines=lines, discount=st.integers(-(10**13), 10**13), delivery=st.integers(-(10**13), 10**13))
def test_any_discount_and_delivery_is_either_in_bounds_or_refused(
    lines: list[tuple[Money, int]], discount: int, delivery: int
) -> None:
    try:
        sums = totals(lines, Money(discount), Money(delivery))
    except (BadDiscount, BadPrice, SumTooLarge):
        return
    assert 0 <= sums.discount.amount <= sums.goods.amount < TOO_MUCH
    assert 0 <= sums.total.amount < TOO_MUCH
