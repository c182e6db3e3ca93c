"""The arithmetic of an order: plain values in, plain values out."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from kit.errors import Refused
from kit.money import Money

MOST_OF_ONE = 999
"""The largest quantity of one line."""

TOO_MUCH = 10**12
"""No sum reaches this many minor units: room enough for any shop, and far from where 64 bits end."""


class BadQuantity(Refused):
    """A quantity is a whole number from 1 to MOST_OF_ONE."""

    code = "bad_quantity"

    def __init__(self, quantity: object) -> None:
        super().__init__(f"{quantity!r} is not a quantity", quantity=str(quantity)[:20], most=MOST_OF_ONE)


class BadDiscount(Refused):
    """A discount is between nothing and the sum of the goods."""

    code = "bad_discount"

    def __init__(self, discount: Money, goods: Money) -> None:
        super().__init__(f"a discount of {discount} on goods of {goods}", discount=discount, goods=goods)


class BadPrice(Refused):
    """A price, of goods or of delivery, is not below zero."""

    code = "bad_price"

    def __init__(self, price: Money) -> None:
        super().__init__(f"{price} is not a price", price=price)


class SumTooLarge(Refused):
    """The sum is beyond what any shop sells."""

    code = "sum_too_large"

    def __init__(self, total: Money) -> None:
        super().__init__(f"{total} is too much", total=total)


@dataclass(frozen=True, slots=True)
class Totals:
    """`total` is what is to be paid: goods - discount + delivery."""

    goods: Money
    discount: Money
    delivery: Money
    total: Money


def quantity(value: int) -> int:
    """The value itself if it may be the quantity of a line; raises BadQuantity on zero, fractions and absurdities."""
    if type(value) is not int or not 1 <= value <= MOST_OF_ONE:
        raise BadQuantity(value)
    return value


def totals(lines: Iterable[tuple[Money, int]], discount: Money, delivery: Money) -> Totals:
    """Add up lines of (price of one, quantity). All in the currency of `discount`.

    Raises BadQuantity, BadPrice, BadDiscount or SumTooLarge rather than return a doubtful sum.
    """
    goods = Money(0, discount.currency)
    for price, count in lines:
        if price.amount < 0:
            raise BadPrice(price)
        goods += price * quantity(count)
    if delivery.amount < 0:
        raise BadPrice(delivery)
    if not 0 <= discount.amount <= goods.amount:
        raise BadDiscount(discount, goods)
    total = goods - discount + delivery
    for whole in (goods, total):
        if whole.amount >= TOO_MUCH:
            raise SumTooLarge(whole)
    return Totals(goods, discount, delivery, total)
