from __future__ import annotations

import pytest
from sqlalchemy.orm import Session

from kit.money import Money
from orders import book, lines, paying, stages
from orders.events import OrderFlagged, OrderPaid
from tests.orders.floor import ONLINE, OPERATOR, PICKUP, Floor


def test_full_payment_moves_the_order_on_and_ends_its_deadline(session: Session, floor: Floor) -> None:
    order = floor.order(details=ONLINE)
    paying.mark_paid(session, order, order.total, payment_id=7)
    assert (order.stage.code, order.paid, order.reserved_until) == ("paid", order.total, None)
    assert order.paid_at is not None
    (told,) = floor.events(OrderPaid)
    assert (told["payment_id"], told["paid"], told["number"]) == (7, order.total_amount, order.number)


def test_part_of_the_money_is_counted_and_waits_for_the_rest(session: Session, floor: Floor) -> None:
    order = floor.order((floor.item("M-1", 100000), 1), details=ONLINE)
    floor.pays(order, Money(40000))
    assert (order.stage.code, order.paid_at, order.paid_amount) == ("awaiting_payment", None, 40000)
    floor.pays(order, Money(60000))
    assert (order.stage.code, order.paid_amount) == ("paid", 100000)
    assert len(floor.events(OrderPaid)) == 1


def test_an_order_paid_before_it_was_asked_for_is_paid(floor: Floor) -> None:
    order = floor.order(details=PICKUP)
    floor.pays(order)
    assert order.stage.code == "paid"


@pytest.mark.parametrize("stage", ["assembling", "shipped", "delivered"])
def test_an_order_on_its_way_that_is_paid_keeps_its_stage(floor: Floor, stage: str) -> None:
    order = floor.put_in(floor.order(details=PICKUP), stage)
    floor.pays(order)
    assert (order.stage.code, order.paid) == (stage, order.total)


def test_money_for_a_cancelled_order_does_not_bring_it_back(session: Session, floor: Floor) -> None:
    mug = floor.item("M-1", on_hand=3)
    order = floor.order((mug, 2), details=ONLINE)
    stages.cancel(session, order, actor="staff:1", role=OPERATOR, reason="передумала")
    floor.pays(order)
    assert (order.stage.code, order.paid) == ("cancelled", order.total)
    assert floor.shelf(mug) == (3, 0)


def test_a_refund_in_part_does_not_stop_the_order(session: Session, floor: Floor) -> None:
    order = floor.order((floor.item("M-1", 100000), 1), details=ONLINE)
    floor.pays(order)
    paying.money_returned(session, order, Money(20000))
    stages.move(session, order, to="assembling", actor="staff:1", role=OPERATOR)
    seen = book.view(order, floor.shop, "ru")
    assert (seen.paid, seen.left) == (Money(80000), Money(0))


def test_after_a_full_refund_the_order_is_unpaid_and_may_change_again(session: Session, floor: Floor) -> None:
    order = floor.order(details=ONLINE)
    floor.pays(order)
    paying.money_returned(session, order, order.total)
    assert (order.paid_amount, order.paid_at) == (0, None)
    lines.set_discount(session, order, Money(1), actor="staff:1")
    assert order.version == 2


def test_more_cannot_come_back_than_was_paid(session: Session, floor: Floor) -> None:
    order = floor.order(details=ONLINE)
    floor.pays(order, Money(100))
    with pytest.raises(ValueError, match="returned"):
        paying.money_returned(session, order, Money(101))


def test_a_flag_is_told_once_and_can_be_taken_down(session: Session, floor: Floor) -> None:
    order = floor.order(details=ONLINE)
    for flag in ("late_payment", "late_payment", ""):
        paying.flag(session, order, flag)
    assert [event["flag"] for event in floor.events(OrderFlagged)] == ["late_payment", ""]
