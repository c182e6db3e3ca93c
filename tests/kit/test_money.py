"""Money never loses or invents a kopeck."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kit.money import BadAmount, Money, split


@pytest.mark.parametrize(
    ("typed", "kopecks"),
    [("1450", 145000), ("1 450", 145000), ("1\xa0450,50 ₽", 145050), ("0.05", 5), ("-10", -1000)],
)
def test_what_people_type_is_understood(typed: str, kopecks: int) -> None:
    assert Money.parse(typed) == Money(kopecks)


@pytest.mark.parametrize("typed", ["", "сто", "1.005", "NaN", "Infinity", "1e30", "1,2,3", "--1"])
def test_what_is_no_amount_is_refused(typed: str) -> None:
    with pytest.raises(BadAmount):
        Money.parse(typed)


def test_empty_kopecks_are_not_written() -> None:
    assert Money(145000).format("ru") == "1\xa0450\xa0₽"
    assert Money(145050).format("ru") == "1\xa0450,50\xa0₽"


def test_the_payment_apis_get_two_digits_and_the_yen_none() -> None:
    assert str(Money(145000).decimal()) == "1450.00"
    assert str(Money(1450, "JPY").decimal()) == "1450"


def test_currencies_do_not_mix() -> None:
    with pytest.raises(ValueError, match="do not mix"):
        Money(1) + Money(1, "USD")


@given(st.integers(0, 10**9), st.lists(st.integers(0, 10**6), min_size=1, max_size=20))
def test_parts_add_up_to_the_whole_and_none_is_far_from_its_share(total: int, weights: list[int]) -> None:
    parts = split(Money(total), weights)
    assert sum(part.amount for part in parts) == total
    whole = sum(weights)
    for part, weight in zip(parts, weights, strict=True):
        share = Decimal(total) * weight / whole if whole else Decimal(total) / len(weights)
        assert abs(part.amount - share) < 1


@given(st.integers(-(10**11), 10**11))
def test_a_sum_survives_the_way_to_the_api_and_back(amount: int) -> None:
    assert Money.of(Money(amount).decimal()) == Money(amount)
