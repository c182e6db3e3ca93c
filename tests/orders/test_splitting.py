"""A part of an order goes into another: lines, money, goods on the shelf, history."""

from __future__ import annotations

import threading

import pytest
import sqlalchemy as sa
from sqlalchemy.orm import Session

from catalog import promises
from catalog.promises import OutOfStock
from catalog.tables import Reservation
from kit.errors import Refused
from kit.money import Money
from orders import book, lines, reserving, splitting, stages
from orders.lines import AlreadyPaid, NoLine, OrderClosed
from orders.splitting import NothingToSplit
from orders.stages import Stale
from orders.tables import Order
from orders.totals import BadQuantity
from storage.tables import Job
from tests.orders.floor import ONLINE, Floor


@pytest.fixture
def floor(session: Session) -> Floor:
    return Floor(session)


def split(floor: Floor, order: Order, *counts: int, act: str = "1", version: int | None = None) -> Order:
    taken = {line.id: count for line, count in zip(list(order.lines), counts, strict=False)}
    return splitting.split(
        floor.session, order, taken, actor=f"staff:{floor.operator.id}", dedup_key=act, expect_version=version
    )


def held(floor: Floor, order: Order) -> dict[int, int]:
    return promises.reserved_for(floor.session, reserving.owner(order))


def test_lines_and_pieces_go_and_the_sums_are_right_to_the_kopeck(floor: Floor) -> None:
    mug, plate, vase = floor.item("MUG", 33333), floor.item("PLATE", 10001), floor.item("VASE", 50000)
    order = floor.makes((mug, 3), (plate, 1), (vase, 1), discount=Money(10000), delivery_price=Money(35000))
    total, goods = order.total_amount, order.goods
    new = split(floor, order, 1, 1, 0)
    assert [(line.sku, line.quantity, line.price) for line in order.lines] == [("MUG", 2, 33333), ("VASE", 1, 50000)]
    assert [(line.sku, line.quantity, line.price) for line in new.lines] == [("MUG", 1, 33333), ("PLATE", 1, 10001)]
    assert (order.goods, new.goods) == (116666, 43334)
    assert new.discount == 10000 * 43334 // goods
    assert order.discount + new.discount == 10000
    assert (order.delivery_price, new.delivery_price) == (35000, 0)
    assert order.total_amount + new.total_amount == total
    assert (order.version, new.version) == (2, 1)


def test_the_goods_stay_reserved_and_go_along(floor: Floor) -> None:
    mug, vase = floor.item("MUG", on_hand=3), floor.item("VASE", on_hand=1)
    order = floor.makes((mug, 3), (vase, 1))
    new = split(floor, order, 1, 1)
    assert (held(floor, order), held(floor, new)) == ({mug.id: 2}, {mug.id: 1, vase.id: 1})
    assert (floor.shelf(mug), floor.shelf(vase)) == ((3, 3), (1, 1))
    stages.cancel(floor.session, new, actor="system", reason="дубль")
    assert (floor.left(mug), floor.left(vase)) == (1, 1)
    assert held(floor, order) == {mug.id: 2}


def test_the_history_of_both_says_so_and_the_new_one_stands_where_the_first_does(floor: Floor) -> None:
    order = floor.put_in(floor.makes((floor.item("MUG"), 2)), "assembling")
    new = split(floor, order, 1)
    assert new.stage.code == "assembling"
    move, stage = stages.history(floor.session, order)[-1]
    assert (move.reason, stage.code) == (f"split_into:{new.number}", "assembling")
    [(first, _stage)] = stages.history(floor.session, new)
    assert first.reason == f"split_from:{order.number}"
    same = ("customer_id", "recipient", "phone", "address", "delivery_method", "payment_method", "currency")
    assert [getattr(new, name) for name in same] == [getattr(order, name) for name in same]


def test_the_new_one_keeps_its_goods_as_long_as_the_first_and_is_looked_at_then(floor: Floor) -> None:
    order = floor.makes((floor.item("MUG"), 2), details=ONLINE)
    new = split(floor, order, 1)
    assert new.reserved_until == order.reserved_until is not None
    lanes = set(floor.session.scalars(sa.select(Job.lane).where(Job.kind == reserving.EXPIRE)))
    assert lanes == {f"expire:{order.id}", f"expire:{new.id}"}


def test_one_with_money_or_without_goods_is_not_split(floor: Floor) -> None:
    paid = floor.makes((floor.item("A"), 2), details=ONLINE)
    floor.pays(paid, Money(1))
    with pytest.raises(AlreadyPaid):
        split(floor, paid, 1)
    gone = floor.put_in(floor.makes((floor.item("B"), 2)), "shipped")
    with pytest.raises(OrderClosed):
        split(floor, gone, 1)


@pytest.mark.parametrize(
    ("counts", "refusal"), [((0, 0), NothingToSplit), ((2, 1), NothingToSplit), ((3, 0), BadQuantity)]
)
def test_something_must_go_and_something_stay(floor: Floor, counts: tuple[int, int], refusal: type[Refused]) -> None:
    mug = floor.item("MUG")
    order = floor.makes((mug, 2), (floor.item("VASE"), 1))
    with pytest.raises(refusal):
        split(floor, order, *counts)
    assert ([line.quantity for line in order.lines], order.version, floor.shelf(mug)) == ([2, 1], 1, (10, 2))


def test_a_line_of_another_order_and_an_order_that_changed_are_refused(floor: Floor) -> None:
    order, other = floor.makes((floor.item("A"), 2)), floor.makes((floor.item("B"), 2))
    with pytest.raises(NoLine):
        splitting.split(floor.session, order, {other.lines[0].id: 1}, actor="system", dedup_key="1")
    seen = order.version
    lines.set_line_quantity(floor.session, order, order.lines[0].id, 3, actor="system")
    with pytest.raises(Stale):
        split(floor, order, 1, version=seen)


def test_the_same_press_splits_once(floor: Floor) -> None:
    order = floor.makes((floor.item("MUG"), 3))
    first = split(floor, order, 1)
    assert split(floor, order, 1).id == first.id
    assert [line.quantity for line in order.lines] == [2]


def test_a_rival_never_gets_what_is_being_split(session: Session, floor: Floor, engine: sa.Engine) -> None:
    mug = floor.item("MUG", on_hand=2)
    order = floor.makes((mug, 2))
    order_id, line_id, shop_id, mug_id = order.id, order.lines[0].id, floor.shop.id, mug.id
    session.commit()
    start, outcomes = threading.Barrier(3), []

    def splits() -> None:
        with Session(engine, expire_on_commit=False) as own, own.begin():
            start.wait()
            one = book.get(own, shop_id, order_id)
            splitting.split(own, one, {line_id: 1}, actor="system", dedup_key="1")

    def grabs() -> None:
        start.wait()
        for _try in range(20):
            try:
                with Session(engine) as own, own.begin():
                    promises.reserve(own, "order:rival", {mug_id: 1})
                    outcomes.append("sold twice")
            except OutOfStock:
                pass

    threads = [threading.Thread(target=one) for one in (splits, grabs, grabs)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert outcomes == []
    session.expire_all()
    kept = session.execute(sa.select(Reservation.owner, Reservation.quantity).order_by(Reservation.id)).all()
    assert sorted(quantity for _owner, quantity in kept) == [1, 1]
