from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy.orm import Session

from kit.clock import utc_now
from kit.money import Money
from orders import book, details, stages
from orders.book import Filter, NoOrder, Payment, Sort
from orders.events import OrderChanged
from orders.tables import Order
from tests.orders.floor import ONLINE, OPERATOR, PICKUP, Floor


@pytest.fixture
def orders(floor: Floor) -> list[Order]:
    """Anna's order of 1 000 ₽ to be paid on receipt, Gleb's of 2 000 ₽ that is paid, Leyla's of 3 000 ₽ that waits."""
    gleb, leyla = floor.customer("Глеб Седов"), floor.customer("Leyla Amin")
    made = []
    for number, (who, wishes) in enumerate([(floor.anna, PICKUP), (gleb, ONLINE), (leyla, ONLINE)], 1):
        floor.puts(floor.item(f"M-{number}", 100000 * number), 1, who=who)
        made.append(floor.places(wishes, who=who))
    floor.pays(made[1])
    details.assign(floor.session, made[0], floor.operator.id, actor="staff:1")
    return made


def numbers(page: book.Page) -> list[int]:
    return [row.order.number for row in page.rows]


@pytest.mark.parametrize(
    ("filters", "found"),
    [
        (Filter(), [1003, 1002, 1001]),
        (Filter(text="1002"), [1002]),
        (Filter(text="№ 1002"), [1002]),
        (Filter(text="глеб"), [1002]),
        (Filter(text="AMIN"), [1003]),
        (Filter(text="+7 900 123-45-67"), [1003, 1002, 1001]),
        (Filter(text="никто"), []),
        (Filter(text="50%_"), []),
        (Filter(payment=Payment.PAID), [1002]),
        (Filter(payment=Payment.UNPAID), [1003]),
        (Filter(payment=Payment.ON_RECEIPT), [1001]),
        (Filter(payment=Payment.FLAGGED), []),
        (Filter(stage="awaiting_payment"), [1003]),
        (Filter(nobodys=True), [1003, 1002]),
        (Filter(channel="telegram"), []),
        (Filter(since=utc_now() + timedelta(days=1)), []),
        (Filter(until=utc_now() + timedelta(days=1), only_open=True), [1003, 1002, 1001]),
    ],
)
def test_the_table_shows_what_fits_the_filter(
    session: Session, floor: Floor, orders: list[Order], filters: Filter, found: list[int]
) -> None:
    page = book.table(session, floor.shop.id, filters)
    assert (numbers(page), page.total) == (found, len(found))


@pytest.mark.parametrize(
    ("sort", "first"), [(Sort.NUMBER, 1001), (Sort.TOTAL, 1001), (Sort.STAGE, 1001), (Sort.CUSTOMER, 1003)]
)
def test_the_table_is_sorted_both_ways(
    session: Session, floor: Floor, orders: list[Order], sort: Sort, first: int
) -> None:
    up = numbers(book.table(session, floor.shop.id, sort=sort, descending=False))
    down = numbers(book.table(session, floor.shop.id, sort=sort))
    assert (up[0], up) == (first, down[::-1])


def test_a_page_knows_the_count_and_sum_of_all(session: Session, floor: Floor, orders: list[Order]) -> None:
    page = book.table(session, floor.shop.id, size=2, page=2)
    assert (numbers(page), page.total, page.sum) == ([1001], 3, Money(600000))


def test_a_row_names_the_people_around_the_order(session: Session, floor: Floor, orders: list[Order]) -> None:
    row = book.table(session, floor.shop.id, Filter(responsible_id=floor.operator.id)).rows[0]
    assert (row.customer, row.responsible, row.channel) == ("Анна Ветрова", "Марина Ким", "")


def test_the_board_has_every_stage_and_the_newest_orders_of_each(
    session: Session, floor: Floor, orders: list[Order]
) -> None:
    for sku in ("X-1", "X-2"):
        floor.order((floor.item(sku, 50000), 1))
    columns = book.board(session, floor.shop.id, floor.pipeline.id, locale="en", limit=2)
    shown = {c.code: (c.count, c.sum, [row.order.number for row in c.rows]) for c in columns if c.count}
    assert shown == {
        "new": (3, Money(200000), [1005, 1004]),
        "awaiting_payment": (1, Money(300000), [1003]),
        "paid": (1, Money(200000), [1002]),
    }
    assert [column.name for column in columns][:2] == ["New", "Awaiting payment"]


def test_counts_are_by_stage_and_open_ones_are_those_with_work_left(
    session: Session, floor: Floor, orders: list[Order]
) -> None:
    stages.cancel(session, orders[0], actor="staff:1", role=OPERATOR, reason="duplicate")
    assert book.counts(session, floor.shop.id) == {"cancelled": 1, "paid": 1, "awaiting_payment": 1}
    assert book.counts(session, floor.shop.id, floor.pipeline.id + 1) == {}
    assert book.open_count(session, floor.shop.id) == 2


def test_a_customers_orders_come_the_newest_first(session: Session, floor: Floor, orders: list[Order]) -> None:
    again = floor.order()
    mine = book.of_customer(session, floor.shop.id, floor.anna.id)
    assert [order.id for order in mine] == [again.id, orders[0].id]


def test_an_order_of_another_shop_is_not_there(session: Session, floor: Floor, orders: list[Order]) -> None:
    assert book.get(session, floor.shop.id, orders[0].id) is orders[0]
    assert book.by_number(session, floor.shop.id, 1001) is orders[0]
    for find in (book.get, book.by_number):
        with pytest.raises(NoOrder):
            find(session, floor.shop.id + 1, orders[0].id)
    assert book.of_customer(session, floor.shop.id + 1, floor.anna.id) == []


def test_a_view_has_names_in_the_readers_language_and_sums_as_money(session: Session, floor: Floor) -> None:
    order = floor.order((floor.item("M-1", 145000), 2), details=ONLINE)
    seen = book.view(order, floor.shop, "en")
    assert (seen.stage_name, seen.delivery_name, seen.is_open, seen.is_paid) == (
        "Awaiting payment",
        "Pickup",
        True,
        False,
    )
    assert (seen.total, seen.left, seen.count) == (Money(290000), Money(290000), 2)
    assert [(line.name, line.sum) for line in seen.lines] == [("Кружка M-1", Money(290000))]
    assert book.view(order, floor.shop, "ru").stage_name == "Ждёт оплаты"


def test_a_cancelled_order_owes_nothing(session: Session, floor: Floor) -> None:
    order = floor.order(details=ONLINE)
    stages.cancel(session, order, actor="staff:1", role=OPERATOR, reason="duplicate")
    assert book.view(order, floor.shop, "ru").left == Money(0)


def test_a_note_loses_nobodys_words(session: Session, floor: Floor) -> None:
    order = floor.order(details=ONLINE)
    assert details.set_note(session, order, "позвонить", seen="", actor="staff:1")
    assert details.set_note(session, order, "позвонить утром", seen="позвонить", actor="staff:1")
    assert not details.set_note(session, order, "с открыткой", seen="", actor="staff:2")
    assert order.note == "позвонить утром\n\nс открыткой"
    events = len(floor.events(OrderChanged))
    assert details.set_note(session, order, order.note, seen="", actor="staff:2")
    assert not details.set_note(session, order, "с открыткой", seen="с открыткой", actor="staff:2")
    assert len(floor.events(OrderChanged)) == events
    with pytest.raises(details.TextTooLong):
        details.set_note(session, order, "я" * 1990, seen="", actor="staff:2")
    assert details.set_note(session, order, "", seen=order.note, actor="staff:1")
    assert order.note == ""


def test_contact_and_note_change_without_a_new_version(session: Session, floor: Floor) -> None:
    order = floor.order(details=ONLINE)
    details.set_contact(session, order, actor="staff:1", recipient=" Юлия Норд ", address="Лесная, 4")
    details.set_note(session, order, " позвонить ", actor="staff:1")
    assert (order.recipient, order.phone, order.address, order.note) == (
        "Юлия Норд",
        "+79001234567",
        "Лесная, 4",
        "позвонить",
    )
    assert order.version == 1
    assert [event["what"] for event in floor.events(OrderChanged)] == ["contact", "note"]
    with pytest.raises(details.TextTooLong):
        details.set_contact(session, order, actor="staff:1", comment="ж" * 3000)
    assert order.comment == ""
