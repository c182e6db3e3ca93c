"""The same order again, as far as it is to be had."""

from __future__ import annotations

import pytest
from sqlalchemy.orm import Session

from kit.money import Money
from orders import copying, stages
from orders.copying import NothingToCopy
from orders.details import Details
from orders.tables import Order
from tests.orders.floor import Floor

POST = Details("Анна Ветрова", "+79001234567", "courier", "Лесная, 5", "домофон 7", "online", "a@mail.example")


@pytest.fixture
def floor(session: Session) -> Floor:
    return Floor(session)


def again(floor: Floor, order: Order, act: str = "1") -> copying.Copy:
    actor = f"staff:{floor.operator.id}"
    return copying.again(
        floor.session, order, actor=actor, responsible_id=floor.operator.id, dedup_key=f"again:{order.id}:{act}"
    )


def test_it_has_the_same_goods_at_todays_prices_and_goes_to_the_same_person(floor: Floor) -> None:
    mug, plate = floor.item("MUG", 145000), floor.item("PLATE", 90000)
    old = floor.makes((mug, 2), (plate, 1), details=POST, discount=Money(10000), note="хрупкое")
    mug.price = 160000
    copy = again(floor, old)
    new = copy.order
    assert copy.left_out == ()
    assert [(line.sku, line.quantity, line.price) for line in new.lines] == [("MUG", 2, 160000), ("PLATE", 1, 90000)]
    assert (new.goods, new.discount) == (410000, 0)
    same = ("customer_id", "recipient", "phone", "email", "address", "delivery_method", "payment_method", "pipeline_id")
    assert [getattr(new, name) for name in same] == [getattr(old, name) for name in same]
    assert (new.comment, new.note, new.responsible_id) == ("", "", floor.operator.id)
    assert new.stage.code == "new"
    assert floor.shelf(mug) == (10, 4)
    [(move, stage)] = stages.history(floor.session, new)
    assert (move.reason, stage.code) == (f"again:{old.number}", "new")


def test_what_is_not_sold_or_not_in_stock_is_told(floor: Floor) -> None:
    mug, plate, vase = floor.item("MUG"), floor.item("PLATE"), floor.item("VASE", on_hand=3)
    old = floor.makes((mug, 1), (plate, 2), (vase, 2))
    plate.active = False
    copy = again(floor, old)
    assert [(line.sku, line.quantity) for line in copy.order.lines] == [("MUG", 1), ("VASE", 1)]
    told = [(one.name, one.wanted, one.taken, one.sold) for one in copy.left_out]
    assert told == [("Кружка PLATE", 2, 0, False), ("Кружка VASE", 2, 1, True)]


def test_of_which_nothing_is_to_be_had_makes_no_order(floor: Floor) -> None:
    mug = floor.item("MUG", on_hand=1)
    old = floor.makes((mug, 1))
    with pytest.raises(NothingToCopy):
        again(floor, old)
    assert floor.left(mug) == 0


def test_a_way_of_delivery_or_payment_that_is_gone_is_left_to_be_chosen(floor: Floor) -> None:
    old = floor.makes((floor.item("MUG"), 1), details=POST)
    old.delivery_method = "balloon"
    floor.settings(pay_online=False, pay_on_receipt=True)
    new = again(floor, old).order
    assert (new.delivery_method, new.payment_method, new.delivery_price) == ("", "on_receipt", 0)


def test_the_same_press_makes_one_order(floor: Floor) -> None:
    mug = floor.item("MUG")
    old = floor.makes((mug, 1))
    assert again(floor, old).order.id == again(floor, old).order.id
    assert again(floor, old, "2").order.id != old.id
    assert floor.shelf(mug) == (10, 3)
