from __future__ import annotations

from collections.abc import Callable

import pytest
from sqlalchemy.orm import Session

from catalog.promises import OutOfStock
from kit.errors import Missing, Refused
from kit.money import Money
from orders import lines
from orders.events import OrderChanged
from orders.lines import AlreadyPaid, LastLine, OrderClosed
from orders.stages import Stale
from orders.tables import Order
from orders.totals import BadDiscount, BadPrice, BadQuantity
from tests.orders.floor import ONLINE, Floor

BY = "staff:1"


def test_an_added_line_is_counted_reserved_and_told(session: Session, floor: Floor) -> None:
    mug, plate = floor.item("M-1", 145000), floor.item("P-1", 90000)
    order = floor.order((mug, 1))
    lines.add_line(session, order, plate.id, 2, actor=BY)
    assert [(line.sku, line.quantity, line.position) for line in order.lines] == [("M-1", 1, 0), ("P-1", 2, 1)]
    assert (order.total, order.version) == (Money(325000), 2)
    assert floor.shelf(plate) == (10, 2)
    assert [(e["what"], e["version"]) for e in floor.events(OrderChanged)] == [("lines", 2)]


def test_adding_what_is_there_at_the_same_price_grows_its_line(session: Session, floor: Floor) -> None:
    mug = floor.item("M-1", 145000)
    order = floor.order((mug, 1))
    lines.add_line(session, order, mug.id, actor=BY)
    mug.price = 150000
    lines.add_line(session, order, mug.id, actor=BY)
    assert [(line.price, line.quantity) for line in order.lines] == [(145000, 2), (150000, 1)]
    assert floor.shelf(mug) == (10, 3)


@pytest.mark.parametrize(("count", "reserved"), [(5, 5), (1, 1), (2, 2)])
def test_the_reservation_follows_the_quantity(session: Session, floor: Floor, count: int, reserved: int) -> None:
    mug = floor.item("M-1", 1000)
    order = floor.order((mug, 2))
    lines.set_line_quantity(session, order, order.lines[0].id, count, actor=BY)
    assert (floor.shelf(mug), order.total_amount) == ((10, reserved), 1000 * count)


def test_a_removed_line_frees_its_goods(session: Session, floor: Floor) -> None:
    mug, plate = floor.item("M-1"), floor.item("P-1", 90000)
    order = floor.order((mug, 1), (plate, 2))
    lines.set_line_quantity(session, order, order.lines[0].id, 0, actor=BY)
    assert (floor.shelf(mug), floor.shelf(plate)) == ((10, 0), (10, 2))
    assert order.total == Money(180000)
    with pytest.raises(LastLine):
        lines.remove_line(session, order, order.lines[0].id, actor=BY)


def test_more_than_there_is_changes_nothing(session: Session, floor: Floor) -> None:
    mug = floor.item("M-1", 1000, on_hand=3)
    order = floor.order((mug, 2))
    with pytest.raises(OutOfStock):
        lines.set_line_quantity(session, order, order.lines[0].id, 4, actor=BY)
    session.flush()
    session.expire_all()
    order = session.get_one(Order, order.id)
    assert (order.total_amount, order.goods, order.version) == (2000, 2000, 1)
    assert floor.shelf(mug) == (3, 2)


def test_discount_and_delivery_are_in_the_total(session: Session, floor: Floor) -> None:
    order = floor.order((floor.item("M-1", 145000), 1))
    lines.set_discount(session, order, Money(14500), actor=BY)
    lines.set_delivery(session, order, "courier", actor=BY, address=" Лесная, 4 ")
    assert (order.total_amount, order.delivery_price, order.address) == (169500, 39000, "Лесная, 4")
    lines.set_delivery(session, order, "courier", actor=BY, price=Money(10000))
    assert (order.total_amount, order.version, order.address) == (140500, 4, "Лесная, 4")


@pytest.mark.parametrize("discount", [-1, 145001])
def test_a_discount_out_of_bounds_is_refused(session: Session, floor: Floor, discount: int) -> None:
    order = floor.order((floor.item("M-1", 145000), 1))
    with pytest.raises(BadDiscount):
        lines.set_discount(session, order, Money(discount), actor=BY)
    assert (order.discount, order.version) == (0, 1)


def test_a_delivery_below_zero_and_absurd_quantities_are_refused(session: Session, floor: Floor) -> None:
    order = floor.order((floor.item("M-1", 145000), 1))
    with pytest.raises(BadPrice):
        lines.set_delivery(session, order, "courier", actor=BY, price=Money(-1))
    for count in (-1, 1000):
        with pytest.raises(BadQuantity):
            lines.set_line_quantity(session, order, order.lines[0].id, count, actor=BY)


CHANGES: list[Callable[[Session, Order], Order]] = [
    lambda session, order: lines.add_line(session, order, order.lines[0].variant_id or 0, actor=BY),
    lambda session, order: lines.set_line_quantity(session, order, order.lines[0].id, 2, actor=BY),
    lambda session, order: lines.remove_line(session, order, order.lines[0].id, actor=BY),
    lambda session, order: lines.set_discount(session, order, Money(1), actor=BY),
    lambda session, order: lines.set_delivery(session, order, "courier", actor=BY),
    lambda session, order: lines.set_payment_method(session, order, "on_receipt", actor=BY),
]


@pytest.mark.parametrize("change", CHANGES)
def test_a_paid_order_does_not_change(
    session: Session, floor: Floor, change: Callable[[Session, Order], Order]
) -> None:
    order = floor.order((floor.item("M-1"), 1), (floor.item("P-1"), 1), details=ONLINE)
    floor.pays(order)
    with pytest.raises(AlreadyPaid):
        change(session, order)


@pytest.mark.parametrize("stage", ["shipped", "delivered", "cancelled"])
@pytest.mark.parametrize("change", CHANGES)
def test_an_order_whose_goods_have_left_or_that_is_cancelled_does_not_change(
    session: Session, floor: Floor, stage: str, change: Callable[[Session, Order], Order]
) -> None:
    order = floor.put_in(floor.order((floor.item("M-1"), 1), (floor.item("P-1"), 1)), stage)
    with pytest.raises(OrderClosed):
        change(session, order)


def test_a_change_of_an_old_version_is_refused(session: Session, floor: Floor) -> None:
    order = floor.order((floor.item("M-1"), 1))
    lines.set_discount(session, order, Money(1), actor=BY, expect_version=1)
    with pytest.raises(Stale):
        lines.set_discount(session, order, Money(2), actor=BY, expect_version=1)


def test_a_line_that_is_gone_is_not_there(session: Session, floor: Floor) -> None:
    order = floor.order((floor.item("M-1"), 1))
    with pytest.raises(Missing):
        lines.remove_line(session, order, 10**6, actor=BY)


def test_an_order_that_comes_to_be_paid_on_receipt_loses_its_deadline(session: Session, floor: Floor) -> None:
    order = floor.order(details=ONLINE)
    lines.set_payment_method(session, order, "on_receipt", actor=BY)
    assert order.reserved_until is None
    lines.set_payment_method(session, order, "online", actor=BY)
    assert order.reserved_until is not None
    with pytest.raises(Refused):
        lines.set_payment_method(session, order, "barter", actor=BY)


@pytest.mark.parametrize(
    ("given", "limit", "kept"),
    [(29000, 10, 14500), (29000, None, 29000), (87000, 10, 43500), (10000, 10, 10000)],
    ids=["to the limit", "no limit", "to the part that another gave", "within the limit"],
)
def test_the_discount_shrinks_with_the_goods_for_who_may_give_no_more(
    session: Session, floor: Floor, given: int, limit: int | None, kept: int
) -> None:
    order = floor.order((floor.item("CUP", 145000), 2))
    lines.set_discount(session, order, Money(given), actor=BY)
    order = lines.set_line_quantity(session, order, order.lines[0].id, 1, actor=BY, most_percent=limit)
    assert (order.goods, order.discount, order.total_amount) == (145000, kept, 145000 - kept)
