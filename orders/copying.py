"""The same again: a new order of what an old one had, as far as it is still to be had."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from sqlalchemy.orm import Session

from catalog import goods, stock
from company import settings
from company.settings import ShopSettings
from company.tables import Shop
from customers import cards
from kit.errors import Refused
from orders import cart, checkout, details
from orders.checkout import Details
from orders.reasons import Kin
from orders.tables import Order


class NothingToCopy(Refused):
    """Nothing of the order is sold and in stock today."""

    code = "nothing_to_copy"

    def __init__(self, order: Order) -> None:
        super().__init__(f"nothing of order {order.number} is to be had", number=order.number)


@dataclass(frozen=True, slots=True)
class LeftOut:
    """A line that did not come along, or not in full."""

    name: str
    wanted: int
    taken: int
    sold: bool
    """Whether it is sold at all; if so, there are only `taken` of it."""


@dataclass(frozen=True, slots=True)
class Copy:
    order: Order
    left_out: tuple[LeftOut, ...]


def again(session: Session, order: Order, *, actor: str, responsible_id: int | None, dedup_key: str) -> Copy:
    """Make the same order anew, in the first stage of its pipeline: the same customer, recipient and way of delivery.

    Prices, and that of the delivery, are today's; the discount, the comment and the note were the old order's own. A
    way of delivery or payment that the shop does not have any more is left to be chosen. The same `dedup_key` makes
    one order, and tells of nothing left out. Raises NothingToCopy, or catalog.promises.OutOfStock if a rival has just
    taken the last.
    """
    if (twin := checkout.made_by(session, order.shop_id, dedup_key)) is not None:
        return Copy(twin, ())
    shop = session.get_one(Shop, order.shop_id)
    wanted, left_out = _to_be_had(session, order)
    if not wanted:
        raise NothingToCopy(order)
    made = checkout.make(
        session,
        shop,
        cards.held(session, order.customer_id, shop.id),
        list(wanted.items()),
        _wishes(order, settings.of(shop)),
        actor=actor,
        responsible_id=responsible_id,
        account_id=order.account_id,
        conversation_id=order.conversation_id,
        pipeline_id=order.pipeline_id,
        dedup_key=dedup_key,
        reason=Kin.AGAIN.of(order.number),
        ask_for_money=False,
    )
    return Copy(made, tuple(left_out))


def _to_be_had(session: Session, order: Order) -> tuple[dict[int, int], list[LeftOut]]:
    """How many of which variant the new order takes, and which lines come short."""
    ids = {line.variant_id for line in order.lines if line.variant_id is not None}
    variants = goods.variants(session, order.shop_id, ids)
    free = stock.available(session, ids)
    taken: Counter[int] = Counter()
    left_out = []
    for line in order.lines:
        variant = variants.get(line.variant_id or 0)
        sold = variant is not None and cart.for_sale(variant)
        count = 0
        if variant is not None and sold:
            count = min(line.quantity, free[variant.id] - taken[variant.id])
            taken[variant.id] += count
        if count < line.quantity:
            left_out.append(LeftOut(line.name, line.quantity, count, sold))
    return {variant_id: count for variant_id, count in taken.items() if count}, left_out


def _wishes(order: Order, rules: ShopSettings) -> Details:
    ways = details.payment_methods(rules)
    delivery = order.delivery_method if order.delivery_method in {way.code for way in rules.delivery} else ""
    return Details(
        recipient=order.recipient,
        phone=order.phone,
        email=order.email,
        address=order.address,
        delivery_method=delivery,
        payment_method=order.payment_method if order.payment_method in ways or not ways else ways[0],
    )
