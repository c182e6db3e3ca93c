"""Two at once, on real databases and real threads."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.orm import Session

from catalog.promises import OutOfStock
from catalog.tables import Stock
from company.tables import Shop
from customers.tables import Customer
from kit.errors import Refused
from orders import book, cart, checkout, lines, paying, stages
from orders.tables import Order, StageMove
from tests.orders.floor import ONLINE, OPERATOR, PICKUP, Floor

Act = Callable[[Session], Any]


@pytest.fixture
def at_once(engine: sa.Engine) -> Callable[..., list[Any]]:
    """Run the acts in a transaction and a thread each, all begun together; the result is what came, or the refusal."""

    def run(*acts: Act) -> list[Any]:
        barrier = threading.Barrier(len(acts))

        def one(act: Act) -> Any:
            barrier.wait(10)
            with Session(engine, expire_on_commit=False) as session:
                try:
                    result = act(session)
                except Refused as refused:
                    session.rollback()
                    return type(refused)
                session.commit()
                return result

        with ThreadPoolExecutor(len(acts)) as threads:
            return list(threads.map(one, acts))

    return run


def places(shop_id: int, customer_id: int, press: str) -> Act:
    def act(session: Session) -> int:
        shop, who = session.get_one(Shop, shop_id), session.get_one(Customer, customer_id)
        order = checkout.place(
            session,
            shop,
            who,
            PICKUP,
            account_id=None,
            conversation_id=None,
            actor=f"customer:{customer_id}",
            dedup_key=press,
        )
        return order.number

    return act


def test_the_last_item_is_sold_once(session: Session, floor: Floor, at_once: Callable[..., list[Any]]) -> None:
    mug = floor.item("M-1", on_hand=1)
    buyers = [floor.customer(f"Покупатель {n}") for n in range(4)]
    for buyer in buyers:
        floor.puts(mug, 1, who=buyer)
    session.commit()
    came = at_once(*(places(floor.shop.id, buyer.id, f"press:{buyer.id}") for buyer in buyers))
    assert Counter(came) == {1001: 1, OutOfStock: 3}
    session.expire_all()
    assert floor.shelf(mug) == (1, 1)


def test_numbers_given_out_at_once_have_no_gaps_and_no_doubles(
    session: Session, floor: Floor, at_once: Callable[..., list[Any]]
) -> None:
    mug = floor.item("M-1", on_hand=100)
    buyers = [floor.customer(f"Покупатель {n}") for n in range(6)]
    for buyer in buyers:
        floor.puts(mug, 1, who=buyer)
    session.commit()
    came = at_once(*(places(floor.shop.id, buyer.id, f"press:{buyer.id}") for buyer in buyers))
    assert sorted(came) == [1001, 1002, 1003, 1004, 1005, 1006]


def test_a_press_that_arrives_in_many_copies_is_one_order(
    session: Session, floor: Floor, at_once: Callable[..., list[Any]]
) -> None:
    mug = floor.item("M-1", on_hand=10)
    floor.puts(mug, 2)
    session.commit()
    came = at_once(*[places(floor.shop.id, floor.anna.id, "press")] * 5)
    assert came == [1001] * 5
    session.expire_all()
    assert floor.shelf(mug) == (10, 2)


def test_a_form_submitted_many_times_is_one_order(
    session: Session, floor: Floor, at_once: Callable[..., list[Any]]
) -> None:
    mug = floor.item("M-1", on_hand=10)
    session.commit()

    def makes(session: Session) -> int:
        shop, who = session.get_one(Shop, floor.shop.id), session.get_one(Customer, floor.anna.id)
        return checkout.make(session, shop, who, [(mug.id, 1)], PICKUP, actor="staff:1", dedup_key="form").number

    assert at_once(*[makes] * 5) == [1001] * 5


def test_things_put_into_one_cart_at_once_are_all_there(
    session: Session, floor: Floor, at_once: Callable[..., list[Any]]
) -> None:
    mug = floor.item("M-1", on_hand=100)
    session.commit()
    at_once(*[lambda session: cart.put(session, floor.shop.id, floor.anna.id, mug.id)] * 5)
    (line,) = cart.of(session, floor.shop.id, floor.anna.id).lines
    assert line.quantity == 5


def test_an_order_is_moved_once_by_those_who_saw_the_same_stage(
    session: Session, floor: Floor, at_once: Callable[..., list[Any]]
) -> None:
    order = floor.order((floor.item("M-1"), 1))
    session.commit()

    def moves(session: Session) -> int:
        mine = session.get_one(Order, order.id)
        move = stages.move(session, mine, to="assembling", actor="staff:1", role=OPERATOR, expect_stage="new")
        return move.seq

    assert Counter(at_once(*[moves] * 4)) == {2: 1, stages.Stale: 3}


def test_money_and_a_cancellation_at_once_leave_the_order_in_one_piece(
    session: Session, floor: Floor, at_once: Callable[..., list[Any]]
) -> None:
    mug = floor.item("M-1", on_hand=5)
    order = floor.order((mug, 2), details=ONLINE)
    session.commit()

    def pays(session: Session) -> None:
        mine = book.locked(session, order.id)
        paying.mark_paid(session, mine, mine.total, payment_id=None)

    def cancels(session: Session) -> None:
        stages.cancel(session, book.locked(session, order.id), actor="schedule", reason="unpaid_in_time")

    at_once(pays, cancels)
    session.expire_all()
    after = book.get(session, floor.shop.id, order.id)
    assert after.paid == after.total
    assert (after.stage.code, floor.shelf(mug)) in [("paid", (5, 2)), ("cancelled", (5, 0))]
    seqs = session.scalars(sa.select(StageMove.seq).where(StageMove.order_id == order.id)).all()
    assert sorted(seqs) == [1, 2, 3]


def test_lines_added_by_two_operators_at_once_are_both_counted_and_reserved(
    session: Session, floor: Floor, at_once: Callable[..., list[Any]]
) -> None:
    mug, plate, vase = floor.item("M-1", 1000), floor.item("P-1", 2000), floor.item("V-1", 4000)
    order = floor.order((mug, 1))
    session.commit()

    def adds(variant_id: int) -> Act:
        return lambda session: lines.add_line(session, session.get_one(Order, order.id), variant_id, actor="staff:1")

    at_once(adds(plate.id), adds(vase.id))
    session.expire_all()
    after = book.get(session, floor.shop.id, order.id)
    assert (after.total_amount, after.version, len(after.lines)) == (7000, 3, 3)
    reserved = session.scalars(sa.select(Stock.reserved).where(Stock.variant_id.in_([plate.id, vase.id]))).all()
    assert reserved == [1, 1]
