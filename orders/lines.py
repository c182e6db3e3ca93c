"""Changing what an order is about while nothing of it is paid: its lines, discount, delivery and way of payment.

Each function recounts the totals, makes a new version of the order (the old payment link ends with the old version),
lets the reservation follow, and tells that the order changed. Each raises OrderClosed once the goods have left or
the order is cancelled, AlreadyPaid once money has come, Stale when `expect_version` is not the version any more, and
leaves everything as it was.
"""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy.orm import Session

from catalog import goods, promises
from company import settings
from company.tables import Shop
from kit.clock import utc_now
from kit.errors import Missing, Refused
from kit.money import Money
from orders import cart, delivery, details, reserving
from orders.book import locked
from orders.events import OrderChanged
from orders.snapshots import snapshot
from orders.stages import StageName, Stale
from orders.tables import Order, OrderLine
from orders.totals import Totals, quantity, totals
from storage.events import publish


class OrderClosed(Refused):
    """The goods have left, or the order is cancelled."""

    code = "order_closed"

    def __init__(self, order: Order) -> None:
        super().__init__(
            f"order {order.number} is {order.stage.code}", number=order.number, stage=StageName(order.stage)
        )


class AlreadyPaid(Refused):
    """Money has come for the order as it is: it must go back before the order changes."""

    code = "already_paid"

    def __init__(self, order: Order) -> None:
        super().__init__(f"order {order.number} has {order.paid}", number=order.number, paid=order.paid)


class DiscountOverLimit(Refused):
    """More than this person may take off the goods."""

    code = "discount_over_limit"

    def __init__(self, percent: int, most: Money) -> None:
        super().__init__(f"a discount over {percent}%", percent=percent, most=most)


class LastLine(Refused):
    """An order without lines is no order: cancel it instead."""

    code = "last_line"


class NoLine(Missing):
    """The order has no such line; perhaps somebody has just removed it."""

    code = "no_such_line"


def add_line(
    session: Session,
    order: Order,
    variant_id: int,
    count: int = 1,
    *,
    actor: str,
    expect_version: int | None = None,
) -> Order:
    """Add the variant at today's price; one that is there at the same price grows instead."""
    order = held_open(session, order, expect_version)
    variant = goods.variant(session, order.shop_id, variant_id)
    if not cart.for_sale(variant):
        raise cart.NotForSale(variant)
    same = next((line for line in order.lines if (line.variant_id, line.price) == (variant_id, variant.price)), None)
    if same is not None:
        return _requantify(session, order, same, same.quantity + quantity(count), actor)
    shop = session.get_one(Shop, order.shop_id)
    after = max((line.position for line in order.lines), default=-1) + 1
    line = snapshot(variant, quantity(count), shop, after)
    sums = _sums(order, [*_priced(order), (line.price, count)])
    promises.reserve(session, reserving.owner(order), {variant_id: count})
    order.lines.append(line)
    return _changed(session, order, sums, "lines", actor)


def set_line_quantity(
    session: Session,
    order: Order,
    line_id: int,
    count: int,
    *,
    actor: str,
    expect_version: int | None = None,
    most_percent: int | None = None,
) -> Order:
    """Have exactly so many of the line; 0 removes it. The price stays as agreed.

    For an actor who may take at most `most_percent` off the goods the discount shrinks with them: it is not a greater
    part of them afterwards than he may give, or than it was.
    """
    order = held_open(session, order, expect_version)
    line = line_of(order, line_id)
    if count == 0:
        return _without(session, order, line, actor, most_percent)
    return _requantify(session, order, line, quantity(count), actor, most_percent)


def remove_line(
    session: Session, order: Order, line_id: int, *, actor: str, expect_version: int | None = None
) -> Order:
    """Take the line out of the order; its goods are free again. Raises LastLine for the only one."""
    order = held_open(session, order, expect_version)
    return _without(session, order, line_of(order, line_id), actor)


def set_discount(
    session: Session,
    order: Order,
    discount: Money,
    *,
    actor: str,
    expect_version: int | None = None,
    most_percent: int | None = None,
) -> Order:
    """Take this much off the goods; `most_percent` is what this actor may take off at most, None: anything.

    Raises orders.totals.BadDiscount, DiscountOverLimit.
    """
    order = held_open(session, order, expect_version)
    sums = _sums(order, _priced(order), discount=discount)
    if most_percent is not None and discount.amount > (most := order.goods * most_percent // 100):
        raise DiscountOverLimit(most_percent, Money(most, order.currency))
    return _changed(session, order, sums, "discount", actor)


def set_delivery(
    session: Session,
    order: Order,
    method: str,
    *,
    actor: str,
    price: Money | None = None,
    address: str | None = None,
    expect_version: int | None = None,
) -> Order:
    """Deliver in this way, at the price of the shop's settings unless one is given."""
    order = held_open(session, order, expect_version)
    rules = settings.of(session.get_one(Shop, order.shop_id))
    known = delivery.method(rules, method)
    if address is not None and len(address.strip()) > details.LIMITS["address"]:
        raise details.TextTooLong("address")
    if price is None:
        price = delivery.price(known, Money(order.goods - order.discount, order.currency))
    sums = _sums(order, _priced(order), delivery_price=price)
    order.delivery_method = method
    order.address = order.address if address is None else address.strip()
    return _changed(session, order, sums, "delivery", actor)


def set_payment_method(
    session: Session, order: Order, method: str, *, actor: str, expect_version: int | None = None
) -> Order:
    """Have the order paid online or on receipt. An order paid on receipt keeps its goods without a deadline."""
    order = held_open(session, order, expect_version)
    rules = settings.of(session.get_one(Shop, order.shop_id))
    if method not in details.payment_methods(rules):
        raise details.NoSuchPayment()
    order.payment_method = method
    return _changed(session, order, _sums(order, _priced(order)), "payment_method", actor)


def recount(session: Session, order: Order, *, discount: Money, actor: str) -> Order:
    """Add up the lines of the locked order anew, after what was done to them, with this discount."""
    return _changed(session, order, _sums(order, _priced(order), discount=discount), "lines", actor)


def held_open(session: Session, order: Order, expect_version: int | None = None) -> Order:
    """The locked order, if what it is about may be changed. Raises as the functions of this module do."""
    order = locked(session, order.id)
    if expect_version not in (None, order.version):
        raise Stale(order, None)
    if reserving.WHEREABOUTS[order.stage.group] is not reserving.Whereabouts.HELD:
        raise OrderClosed(order)
    if order.paid_amount > 0:
        raise AlreadyPaid(order)
    return order


def _requantify(
    session: Session, order: Order, line: OrderLine, count: int, actor: str, most_percent: int | None = None
) -> Order:
    others = [other for other in order.lines if other is not line]
    priced = [(line.price, quantity(count)), *((other.price, other.quantity) for other in others)]
    sums = _sums(order, priced, discount=_kept_discount(order, priced, most_percent))
    _follow(session, order, line, count - line.quantity)
    line.quantity = count
    return _changed(session, order, sums, "lines", actor)


def _kept_discount(order: Order, lines: Sequence[tuple[int, int]], most_percent: int | None) -> Money:
    """What stays of the discount when these (price, quantity) are all that is left."""
    kept = order.discount
    if most_percent is not None and order.goods:
        goods_after = sum(price * count for price, count in lines)
        kept = min(kept, max(goods_after * most_percent // 100, order.discount * goods_after // order.goods))
    return Money(kept, order.currency)


def _without(session: Session, order: Order, line: OrderLine, actor: str, most_percent: int | None = None) -> Order:
    rest = [(other.price, other.quantity) for other in order.lines if other is not line]
    if not rest:
        raise LastLine()
    sums = _sums(order, rest, discount=_kept_discount(order, rest, most_percent))
    _follow(session, order, line, -line.quantity)
    order.lines.remove(line)
    return _changed(session, order, sums, "lines", actor)


def _follow(session: Session, order: Order, line: OrderLine, more: int) -> None:
    """Reserve what a line grows by, free what it shrinks by."""
    if line.variant_id is None:
        return
    if more > 0:
        promises.reserve(session, reserving.owner(order), {line.variant_id: more})
    elif more < 0:
        promises.release_some(session, reserving.owner(order), line.variant_id, -more)


def line_of(order: Order, line_id: int) -> OrderLine:
    """Raises NoLine."""
    for line in order.lines:
        if line.id == line_id:
            return line
    raise NoLine(f"order {order.number} has no line {line_id}")


def _priced(order: Order) -> list[tuple[int, int]]:
    return [(line.price, line.quantity) for line in order.lines]


def _sums(
    order: Order,
    lines: Sequence[tuple[int, int]],
    *,
    discount: Money | None = None,
    delivery_price: Money | None = None,
) -> Totals:
    """What the order would come to with these (price, quantity). Refuses what does not add up."""
    return totals(
        [(Money(price, order.currency), count) for price, count in lines],
        Money(order.discount, order.currency) if discount is None else discount,
        Money(order.delivery_price, order.currency) if delivery_price is None else delivery_price,
    )


def _changed(session: Session, order: Order, sums: Totals, what: str, actor: str) -> Order:
    order.goods = sums.goods.amount
    order.discount = sums.discount.amount
    order.delivery_price = sums.delivery.amount
    order.total_amount = sums.total.amount
    order.version += 1
    order.updated_at = utc_now()
    reserving.follow_deadline(session, order)
    session.flush()
    publish(session, OrderChanged.of(order, actor=actor, what=what, version=order.version))
    return order
