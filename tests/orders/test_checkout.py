from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
import sqlalchemy as sa
from sqlalchemy.orm import Session

from catalog.promises import OutOfStock
from kit.clock import utc_now
from kit.errors import Refused
from kit.money import Money
from orders import cart, checkout
from orders.cart import NotForSale
from orders.checkout import CartEmpty, PriceChange, PricesChanged
from orders.delivery import UnknownDelivery
from orders.details import Details, NoAddress, NoContact, NoSuchPayment, TextTooLong
from orders.events import OrderPlaced
from orders.tables import Order, OrderLine, StageMove
from orders.totals import BadDiscount
from tests.orders.floor import ONLINE, PICKUP, Floor

COURIER = replace(PICKUP, delivery_method="courier", address="Казань, Лесная, 4")


def in_cart(session: Session, floor: Floor) -> int:
    return len(cart.of(session, floor.shop.id, floor.anna.id).lines)


def test_an_order_takes_the_cart_with_it(session: Session, floor: Floor) -> None:
    mug, plate = floor.item("M-1", 145000), floor.item("P-1", 90000)
    order = floor.order((mug, 2), (plate, 1))
    assert [(line.sku, line.name, line.price, line.quantity) for line in order.lines] == [
        ("M-1", "Кружка M-1", 145000, 2),
        ("P-1", "Кружка P-1", 90000, 1),
    ]
    assert (order.total, order.paid) == (Money(380000), Money(0))
    assert in_cart(session, floor) == 0
    assert floor.shelf(mug) == (10, 2)
    assert floor.events(OrderPlaced) == [
        {
            "order_id": order.id,
            "number": 1001,
            "customer_id": floor.anna.id,
            "conversation_id": None,
            "total": 380000,
            "currency": "RUB",
        }
    ]


def test_numbers_follow_one_another_in_each_shop(floor: Floor, session: Session) -> None:
    assert [floor.order().number for _ in range(3)] == [1001, 1002, 1003]


def test_a_refused_order_leaves_no_gap_in_the_numbers(floor: Floor, session: Session) -> None:
    mug = floor.item("M-1", on_hand=2)
    floor.puts(mug, 2)
    floor.order((floor.item("P-1"), 1), details=PICKUP)
    floor.puts(mug := floor.item("M-2", on_hand=2), 2)
    rival = floor.customer("Глеб")
    floor.puts(mug, 2, who=rival)
    floor.places(who=rival)
    with pytest.raises(OutOfStock):
        floor.places()
    cart.clear(session, floor.shop.id, floor.anna.id)
    assert floor.order().number == 1003


def test_the_same_press_twice_is_one_order(session: Session, floor: Floor) -> None:
    mug = floor.item("M-1")
    floor.puts(mug, 2)
    first = floor.places(act="press")
    floor.puts(mug, 1)
    assert floor.places(act="press").id == first.id
    assert session.scalar(sa.select(sa.func.count(Order.id))) == 1
    assert in_cart(session, floor) == 1


def test_an_operators_form_sent_twice_is_one_order(session: Session, floor: Floor) -> None:
    mug = floor.item("M-1")
    first = floor.makes((mug, 1), dedup_key="form")
    assert floor.makes((mug, 1), dedup_key="form").id == first.id
    assert floor.makes((mug, 1), dedup_key="another").number == first.number + 1


def test_an_empty_cart_is_no_order(floor: Floor) -> None:
    with pytest.raises(CartEmpty):
        floor.places()


def test_changed_prices_are_told_before_they_are_charged(session: Session, floor: Floor) -> None:
    mug = floor.item("M-1", 145000)
    floor.puts(mug, 2)
    mug.price = 150000
    with pytest.raises(PricesChanged) as told:
        floor.places()
    assert told.value.changes == (PriceChange(mug.id, "Кружка M-1", Money(145000), Money(150000)),)
    assert session.scalar(sa.select(sa.func.count(Order.id))) == 0
    assert floor.places().total == Money(300000)


def test_goods_that_went_meanwhile_make_no_order_and_reserve_nothing(session: Session, floor: Floor) -> None:
    mug, plate = floor.item("M-1", on_hand=5), floor.item("P-1", on_hand=1)
    floor.puts(mug, 2)
    floor.puts(plate, 1)
    rival = floor.customer("Глеб")
    floor.puts(plate, 1, who=rival)
    floor.places(who=rival)
    with pytest.raises(OutOfStock):
        floor.places()
    assert (floor.shelf(mug), floor.shelf(plate)) == ((5, 0), (1, 1))
    for table in (Order, StageMove, OrderLine):
        assert session.scalar(sa.select(sa.func.count()).select_from(table)) == 1
    assert in_cart(session, floor) == 2


def test_goods_taken_off_sale_make_no_order(session: Session, floor: Floor) -> None:
    mug = floor.item("M-1")
    floor.puts(mug)
    mug.active = False
    with pytest.raises(NotForSale):
        floor.places()


def test_an_order_to_be_paid_online_waits_for_money_for_a_time(session: Session, floor: Floor) -> None:
    order = floor.order(details=ONLINE)
    assert order.stage.code == "awaiting_payment"
    assert order.reserved_until is not None
    assert abs(order.reserved_until - utc_now() - timedelta(minutes=90)) < timedelta(minutes=1)
    (job,) = floor.jobs("orders.expire")
    assert job.run_at >= order.reserved_until.timestamp() * 1000


def test_an_order_to_be_paid_on_receipt_stays_new_and_has_no_deadline(floor: Floor) -> None:
    order = floor.order(details=PICKUP)
    assert (order.stage.code, order.reserved_until) == ("new", None)
    assert floor.jobs("orders.expire") == []


def test_an_order_of_nothing_waits_for_no_money(floor: Floor) -> None:
    order = floor.order((floor.item("GIFT", 0), 1), details=ONLINE)
    assert (order.stage.code, order.reserved_until) == ("new", None)


@pytest.mark.parametrize(("quantity", "delivery"), [(1, 39000), (3, 39000), (4, 0)])
def test_delivery_costs_what_the_settings_say(floor: Floor, quantity: int, delivery: int) -> None:
    order = floor.order((floor.item("M-1", 145000), quantity), details=COURIER)
    assert (order.delivery_price, order.total_amount) == (delivery, 145000 * quantity + delivery)


def test_a_preview_says_what_the_order_will_cost(session: Session, floor: Floor) -> None:
    floor.puts(floor.item("M-1", 145000), 2)
    seen, sums = checkout.preview(session, floor.shop, floor.anna.id, "courier", "ru")
    assert (seen.count, sums.total) == (2, floor.places(COURIER).total)


@pytest.mark.parametrize(
    ("details", "refusal"),
    [
        (replace(PICKUP, recipient="  "), NoContact),
        (replace(PICKUP, phone=""), NoContact),
        (replace(PICKUP, delivery_method="drone"), UnknownDelivery),
        (replace(PICKUP, delivery_method=""), UnknownDelivery),
        (replace(COURIER, address=" "), NoAddress),
        (replace(PICKUP, payment_method="barter"), NoSuchPayment),
        (replace(PICKUP, comment="ж" * 2001), TextTooLong),
    ],
)
def test_an_order_without_what_it_needs_is_refused_and_the_cart_stays(
    session: Session, floor: Floor, details: Details, refusal: type[Refused]
) -> None:
    floor.puts(floor.item("M-1"))
    with pytest.raises(refusal):
        floor.places(details)
    assert in_cart(session, floor) == 1


def test_a_shop_that_takes_no_online_payment_refuses_it(floor: Floor) -> None:
    floor.settings(pay_online=False)
    with pytest.raises(NoSuchPayment):
        floor.order(details=ONLINE)


def test_the_customer_card_remembers_contact_and_address(floor: Floor) -> None:
    floor.order(details=COURIER)
    assert (floor.anna.phone, floor.anna.address) == ("+79001234567", "Казань, Лесная, 4")
    assert floor.anna.name == "Анна Ветрова"


def test_an_operator_may_order_for_a_customer_of_whom_nothing_is_known_yet(floor: Floor) -> None:
    mug = floor.item("M-1", 145000)
    order = floor.makes(
        (mug, 1), (mug, 2), details=Details(), discount=Money(35000), responsible_id=floor.operator.id, note="к пятнице"
    )
    assert [(line.sku, line.quantity) for line in order.lines] == [("M-1", 3)]
    assert (order.total, order.delivery_price, order.note) == (Money(400000), 0, "к пятнице")
    assert order.responsible_id == floor.operator.id


def test_a_discount_larger_than_the_goods_is_refused(floor: Floor) -> None:
    with pytest.raises(BadDiscount):
        floor.makes((floor.item("M-1", 100), 1), discount=Money(101))


def test_later_changes_of_the_catalogue_do_not_reach_an_order(session: Session, floor: Floor) -> None:
    mug = floor.item("M-1", 145000, vat_code=11)
    order = floor.order((mug, 1))
    mug.price, mug.product.name = 1, "Чашка"
    session.flush()
    session.expire_all()
    line = session.scalars(sa.select(OrderLine).where(OrderLine.order_id == order.id)).one()
    assert (line.name, line.price, line.vat_code) == ("Кружка M-1", 145000, 11)
