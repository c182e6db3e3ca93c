"""Receipts add up to the kopeck, whatever the order."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kit.money import Money
from payments.providers.base import ReceiptItem
from payments.receipts import ReceiptLine, ReceiptTooLong, part_of, receipt_items

lines = st.builds(
    ReceiptLine,
    name=st.text(max_size=20),
    quantity=st.integers(1, 50),
    price=st.integers(0, 10**8).map(Money),
    vat_code=st.integers(1, 12),
)
DELIVERY = ReceiptLine("Доставка", 1, Money(350_00), 11, "service")


def total(items: tuple[ReceiptItem, ...]) -> Money:
    return sum((item.total for item in items), Money(0))


@given(goods=st.lists(lines, min_size=1, max_size=20), share=st.integers(0, 1000), delivered=st.booleans())
def test_a_receipt_adds_up_to_the_order(goods: list[ReceiptLine], share: int, delivered: bool) -> None:
    cost = sum((line.total for line in goods), Money(0))
    discount = cost.share(share, 1000)
    items = receipt_items(goods, discount=discount, delivery=DELIVERY if delivered else None)
    assert total(items) == cost - discount + (DELIVERY.price if delivered else Money(0))
    assert all(item.quantity > 0 and item.amount.amount > 0 for item in items)
    assert all(item.amount <= max(line.price for line in goods) for item in items if item.subject == "commodity")


@given(goods=st.lists(lines, min_size=1, max_size=20), share=st.integers(1, 1000))
def test_a_part_of_a_receipt_adds_up_to_the_part(goods: list[ReceiptLine], share: int) -> None:
    items = receipt_items(goods, discount=Money(0))
    part = total(items).share(share, 1000)
    if part:
        assert total(part_of(items, part)) == part


def test_no_piece_costs_more_than_its_neighbour_by_more_than_a_kopeck() -> None:
    cups = ReceiptLine("Чашка", 3, Money(50_00), 1)
    assert receipt_items([cups], discount=Money(50_00)) == (
        ReceiptItem("Чашка", 2, Money(33_33), 1),
        ReceiptItem("Чашка", 1, Money(33_34), 1),
    )


def test_each_line_keeps_its_tax_and_delivery_has_no_discount() -> None:
    goods = [ReceiptLine("Чашка", 1, Money(900_00), 1), ReceiptLine("Книга", 1, Money(100_00), 3)]
    items = receipt_items(goods, discount=Money(100_00), delivery=DELIVERY, mode="full_payment")
    assert [(i.name, i.amount.amount, i.vat_code, i.mode) for i in items] == [
        ("Чашка", 810_00, 1, "full_payment"),
        ("Книга", 90_00, 3, "full_payment"),
        ("Доставка", 350_00, 11, "full_payment"),
    ]


def test_a_discount_beyond_the_goods_is_refused() -> None:
    with pytest.raises(ValueError, match="discount"):
        receipt_items([ReceiptLine("Чашка", 1, Money(900_00), 1)], discount=Money(900_01), delivery=DELIVERY)


def test_an_order_too_long_for_a_receipt_is_refused() -> None:
    goods = [ReceiptLine(f"Чашка {n}", 1, Money(1_00), 1) for n in range(81)]
    with pytest.raises(ReceiptTooLong):
        receipt_items(goods, discount=Money(0))
