"""Lines of an order as lines of a fiscal receipt, kopeck for kopeck. Pure arithmetic.

A receipt shows the price of one piece after the discount, and 54-FZ wants the pieces to add up to what was paid.
A line of three pieces for 100.00 therefore becomes two pieces at 33.33 and one at 33.34.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from kit.errors import Refused
from kit.money import Money, split
from payments.providers.base import ReceiptItem

MOST_ITEMS = 80
"""Lines that YooKassa's own cash register takes. Source: ReceiptData.items of its OpenAPI description."""


class ReceiptTooLong(Refused):
    """The order has more lines than a receipt can hold."""

    code = "receipt_too_long"

    def __init__(self, items: int) -> None:
        self.items = items
        super().__init__(f"{items} receipt items, no more than {MOST_ITEMS} are possible", items=items)


@dataclass(frozen=True, slots=True)
class ReceiptLine:
    """What was bought: `price` is of one piece, before any discount."""

    name: str
    quantity: int
    price: Money
    vat_code: int
    subject: str = "commodity"

    @property
    def total(self) -> Money:
        return self.price * self.quantity


def receipt_items(
    goods: Sequence[ReceiptLine],
    *,
    discount: Money,
    delivery: ReceiptLine | None = None,
    mode: str = "full_prepayment",
) -> tuple[ReceiptItem, ...]:
    """Items that add up to goods − discount + delivery. The discount is spread over the goods by their cost.

    Raises ValueError if the discount is more than the goods cost, ReceiptTooLong beyond 80 items.
    """
    cost = sum((line.total for line in goods), Money(0, discount.currency))
    if not 0 <= discount.amount <= cost.amount:
        raise ValueError(f"a discount of {discount} on goods for {cost}")
    items = _spread(goods, cost - discount, mode)
    if delivery is not None:
        items += _pieces(delivery, delivery.total, mode)
    if len(items) > MOST_ITEMS:
        raise ReceiptTooLong(len(items))
    return tuple(items)


def part_of(items: Sequence[ReceiptItem], amount: Money) -> tuple[ReceiptItem, ...]:
    """Items for a part of the sum, as for a partial refund: every line gives in proportion to its cost.

    Raises ValueError if the part is more than the whole, ReceiptTooLong beyond 80 items.
    """
    whole = sum((item.total for item in items), Money(0, amount.currency))
    if not 0 < amount.amount <= whole.amount:
        raise ValueError(f"{amount} of a receipt for {whole}")
    parts = split(amount, [item.total.amount for item in items])
    lines = [ReceiptLine(i.name, i.quantity, i.amount, i.vat_code, i.subject) for i in items]
    pieces = [
        piece for line, item, part in zip(lines, items, parts, strict=True) for piece in _pieces(line, part, item.mode)
    ]
    if len(pieces) > MOST_ITEMS:
        raise ReceiptTooLong(len(pieces))
    return tuple(pieces)


def _spread(lines: Sequence[ReceiptLine], total: Money, mode: str) -> list[ReceiptItem]:
    parts = split(total, [line.total.amount for line in lines])
    return [item for line, part in zip(lines, parts, strict=True) for item in _pieces(line, part, mode)]


def _pieces(line: ReceiptLine, total: Money, mode: str) -> list[ReceiptItem]:
    """The line for this sum, in two items where the pieces cannot cost the same. Free pieces are left out."""
    low, dearer = divmod(total.amount, line.quantity)
    groups = ((line.quantity - dearer, low), (dearer, low + 1))
    return [
        ReceiptItem(line.name, quantity, Money(price, total.currency), line.vat_code, line.subject, mode)
        for quantity, price in groups
        if quantity and price
    ]
