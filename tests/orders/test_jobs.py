from __future__ import annotations

from datetime import datetime, timedelta

import orjson
import pytest
import time_machine
from sqlalchemy.orm import Session

from kit.money import Money
from orders import jobs, lines, reserving, stages
from orders.reasons import Reason, text_key
from orders.tables import Order
from storage.jobs import Job, Step
from tests.orders.floor import ONLINE, OPERATOR, PICKUP, Floor


def run(session: Session, kind: str, order: Order, id_: int = 1) -> None:
    """Run a job of this kind for the order, as the worker would."""
    step = jobs.JOBS[kind]
    assert isinstance(step, Step)
    step.run(session, Job(id_, f"expire:{order.id}", kind, {"order_id": order.id}, 0, 0))


def expire_at(session: Session, order: Order, moment: datetime, id_: int = 1) -> None:
    with time_machine.travel(moment, tick=False):
        run(session, reserving.EXPIRE, order, id_)


def deadline(order: Order) -> datetime:
    assert order.reserved_until is not None
    return order.reserved_until


def test_an_order_that_nobody_paid_is_cancelled_and_its_goods_are_free(session: Session, floor: Floor) -> None:
    mug = floor.item("M-1", on_hand=3)
    order = floor.order((mug, 2), details=ONLINE)
    expire_at(session, order, deadline(order) + reserving.AFTER)
    assert (order.stage.code, floor.shelf(mug), order.reserved_until) == ("cancelled", (3, 0), None)
    move, _ = stages.history(session, order)[-1]
    assert (move.actor, move.reason) == ("schedule", "unpaid_in_time")


def test_a_reservation_does_not_end_early(session: Session, floor: Floor) -> None:
    order = floor.order(details=ONLINE)
    expire_at(session, order, deadline(order) - timedelta(milliseconds=1))
    assert order.stage.code == "awaiting_payment"
    assert len(floor.jobs("orders.expire")) == 2


def test_more_time_means_a_later_look_however_often_it_is_given(session: Session, floor: Floor) -> None:
    order = floor.order(details=ONLINE)
    first = deadline(order)
    for hours in (1, 2):
        reserving.prolong(session, order, until=first + timedelta(hours=hours))
    reserving.prolong(session, order, until=first)
    assert deadline(order) == first + timedelta(hours=2)
    for id_, job in enumerate(floor.jobs("orders.expire")[:2]):
        assert orjson.loads(job.payload) == {"order_id": order.id}
        expire_at(session, order, first + timedelta(minutes=5), id_)
    assert order.stage.code == "awaiting_payment"
    expire_at(session, order, first + timedelta(hours=2, seconds=1), 9)
    assert order.stage.code == "cancelled"


@pytest.mark.parametrize("part", [1, 100000])
def test_an_order_that_anybody_paid_for_never_ends_by_itself(session: Session, floor: Floor, part: int) -> None:
    order = floor.order((floor.item("M-1", 100000), 1), details=ONLINE)
    late = deadline(order) + timedelta(days=1)
    floor.pays(order, Money(part))
    expire_at(session, order, late)
    assert order.stage.code == ("paid" if part == 100000 else "awaiting_payment")


def test_an_order_that_went_on_without_money_is_not_cancelled(session: Session, floor: Floor) -> None:
    order = floor.order(details=ONLINE)
    late = deadline(order) + timedelta(days=1)
    lines.set_payment_method(session, order, "on_receipt", actor="staff:1")
    stages.move(session, order, to="assembling", actor="staff:1", role=OPERATOR)
    expire_at(session, order, late)
    assert order.stage.code == "assembling"


def test_a_paid_order_goes_on_to_assembling_by_itself(session: Session, floor: Floor) -> None:
    order = floor.order(details=ONLINE)
    floor.pays(order)
    run(session, jobs.AUTO_CONFIRM, order)
    assert order.stage.code == "assembling"
    assert stages.history(session, order)[-1][0].actor == "bot"
    run(session, jobs.AUTO_CONFIRM, order)
    assert order.stage.code == "assembling"


def test_a_shop_may_want_to_confirm_paid_orders_by_hand(session: Session, floor: Floor) -> None:
    floor.settings(auto_confirm={"when_paid": False})
    order = floor.order(details=ONLINE)
    floor.pays(order)
    run(session, jobs.AUTO_CONFIRM, order)
    assert order.stage.code == "paid"


def test_a_paid_order_whose_goods_are_not_all_reserved_waits_for_a_person(session: Session, floor: Floor) -> None:
    order = floor.order(details=ONLINE)
    floor.pays(order)
    reserving.release(session, order, "staff:1")
    run(session, jobs.AUTO_CONFIRM, order)
    assert order.stage.code == "paid"


@pytest.mark.parametrize(("below", "stage"), [(0, "new"), (99999, "new"), (100000, "assembling")])
def test_small_orders_to_be_paid_on_receipt_are_confirmed_at_once(
    session: Session, floor: Floor, below: int, stage: str
) -> None:
    floor.settings(auto_confirm={"below": below})
    order = floor.order((floor.item("M-1", 100000), 1), details=PICKUP)
    run(session, jobs.AUTO_CONFIRM, order)
    assert order.stage.code == stage


def test_an_unpaid_online_order_is_never_confirmed_for_being_small(session: Session, floor: Floor) -> None:
    floor.settings(auto_confirm={"below": 10**9})
    order = floor.order(details=ONLINE)
    run(session, jobs.AUTO_CONFIRM, order)
    assert order.stage.code == "awaiting_payment"


def test_a_known_reason_has_a_text_and_other_words_are_left_alone() -> None:
    assert text_key(Reason.UNPAID) == "reasons.unpaid_in_time"
    assert text_key("не дозвонились") is None
