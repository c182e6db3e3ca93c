"""People and orders are found by a part of a name or a phone, and without reading all that there are."""

from __future__ import annotations

from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.orm import Session

from customers import cards
from customers.tables import Customer
from kit.money import Money
from orders import book, buyers, pipelines
from orders.book import Filter, Sort
from orders.tables import Order, Stage
from tests.worlds import World


@pytest.fixture
def shop(world: World) -> World:
    pipelines.create_default_pipeline(world.session, world.shop)
    return world


def person(world: World, name: str) -> Customer:
    return cards.add(world.session, world.shop, name=name)


def ordered(world: World, customer: Customer, number: int, *, recipient: str = "", phone: str = "") -> Order:
    stage = world.session.scalars(sa.select(Stage).order_by(Stage.id)).first()
    assert stage is not None
    order = Order(
        shop_id=world.shop.id,
        number=number,
        customer_id=customer.id,
        pipeline_id=stage.pipeline_id,
        stage_id=stage.id,
        recipient=recipient,
        phone=phone,
        created_at=customer.created_at,
        updated_at=customer.created_at,
    )
    world.session.add(order)
    world.session.flush()
    return order


def people(world: World, text: str) -> set[str]:
    return {found.name for found in cards.search(world.session, world.shop.id, text)}


def numbers(world: World, text: str) -> list[int]:
    page = book.table(world.session, world.shop.id, Filter(text=text))
    assert page.total == len(page.rows)
    return [row.order.number for row in page.rows]


def test_a_person_is_found_by_any_part_of_the_name(shop: World) -> None:
    for name in ("Анна Ветрова", "АНТОН ВЕТРОВ", "Лев О’Нил", 'Юля "Юла" Ким', "Ян"):
        person(shop, name)
    assert people(shop, "ветров") == people(shop, "Ветров") == {"Анна Ветрова", "АНТОН ВЕТРОВ"}
    assert people(shop, "етрова нна") == {"Анна Ветрова"}
    assert people(shop, "ян") == {"Ян"}
    assert people(shop, "о’нил") == {"Лев О’Нил"}
    assert people(shop, '"Юла"') == {'Юля "Юла" Ким'}
    assert people(shop, "ветровы") == people(shop, '" OR *') == people(shop, "100%") == set()


def test_who_was_renamed_or_merged_away_is_found_by_what_he_is_called_now(shop: World) -> None:
    anna, other = person(shop, "Анна Ветрова"), person(shop, "Нюта Ветрова")
    cards.remember(shop.session, anna, name="Анна Лисина")
    other.merged_into_id = anna.id
    shop.session.flush()
    assert people(shop, "ветров") == set()
    assert people(shop, "лисин") == {"Анна Лисина"}
    shop.session.execute(sa.delete(Customer).where(Customer.id == other.id))
    shop.session.delete(anna)
    shop.session.flush()
    assert people(shop, "лисин") == set()


def test_an_order_is_found_by_who_ordered_who_receives_it_its_phone_and_its_number(shop: World) -> None:
    anna, boris = person(shop, "Анна Ветрова"), person(shop, "Борис Орлов")
    ordered(shop, anna, 1001)
    gift = ordered(shop, boris, 1002, recipient="Нина Ветрова", phone="+79001234567")
    ordered(shop, boris, 1003, recipient="Борис Орлов", phone="+79007654321")
    assert numbers(shop, "ветров") == [1002, 1001]
    assert numbers(shop, "Нина Ветрова") == [1002]
    assert numbers(shop, "8 900 123-45-67") == [1002]
    assert numbers(shop, "7654") == [1003]
    assert numbers(shop, "№ 1003") == [1003]
    assert numbers(shop, "чайник") == []
    gift.recipient = "Вера Ким"
    shop.session.flush()
    assert (numbers(shop, "Нина"), numbers(shop, "Вера Ким")) == ([], [1002])


def test_one_or_two_letters_find_names_and_numbers_too(shop: World) -> None:
    yan, boris = person(shop, "Ян Ли"), person(shop, "Борис Орлов")
    ordered(shop, yan, 7, recipient="Анна")
    ordered(shop, boris, 17, recipient="ЯНА")
    ordered(shop, boris, 18, recipient="Борис")
    assert (people(shop, "ли"), people(shop, "Я"), people(shop, "ор ис")) == ({"Ян Ли"}, {"Ян Ли"}, {"Борис Орлов"})
    assert numbers(shop, "ян") == [17, 7]
    assert numbers(shop, "ли") == [7]
    assert numbers(shop, "17") == [17]
    assert numbers(shop, "№7") == [7]
    assert numbers(shop, "%") == numbers(shop, "цю") == []


@pytest.mark.parametrize("text", ["²", "1²", "№¹", "٣" * 12, "9" * 40, "#"])
def test_what_only_looks_like_a_number_finds_nothing(shop: World, text: str) -> None:
    ordered(shop, person(shop, "Анна"), 12)
    assert numbers(shop, text) == []


def test_what_is_found_is_counted_and_shown_page_by_page_and_stage_by_stage(shop: World) -> None:
    anna, vera = person(shop, "Анна Ветрова"), person(shop, "вера Ветрова")
    made = [ordered(shop, (anna, vera)[n % 2], 1001 + n) for n in range(5)]
    first, second, *_ = shop.session.scalars(sa.select(Stage).order_by(Stage.position))
    for n, order in enumerate(made):
        order.total_amount, order.stage_id = 100 * n, (first, second)[n > 2].id
    ordered(shop, person(shop, "Борис Орлов"), 1006)
    shop.session.flush()

    def shown(sort: Sort, *, descending: bool = True) -> list[list[int]]:
        pages = []
        for page in (1, 2, 3, 4):
            filters = Filter(text="ветров")
            found = book.table(shop.session, shop.shop.id, filters, sort=sort, descending=descending, page=page, size=2)
            assert (found.total, found.sum) == (5, Money(1000, shop.shop.currency))
            pages.append([row.order.number - 1000 for row in found.rows])
        return pages

    assert shown(Sort.NUMBER) == [[5, 4], [3, 2], [1], []]
    assert shown(Sort.TOTAL, descending=False) == [[1, 2], [3, 4], [5], []]
    assert shown(Sort.CUSTOMER, descending=False) == [[1, 3], [5, 2], [4], []]
    assert shown(Sort.STAGE) == [[5, 4], [3, 2], [1], []]
    for text, counts in (("ветров", [3, 2]), ("на", [2, 1]), ("нет таких", [])):
        board = book.board(shop.session, shop.shop.id, first.pipeline_id, Filter(text=text), limit=2)
        found = [column for column in board if column.count]
        assert [column.count for column in found] == counts
        assert [len(column.rows) for column in found] == [min(2, n) for n in counts]
    newest = book.board(shop.session, shop.shop.id, first.pipeline_id, Filter(text="ветров"), limit=2)
    assert [row.order.number for row in newest[0].rows] == [1003, 1002]
    assert newest[0].sum == Money(300, shop.shop.currency)


@pytest.mark.parametrize("text", ["ветров", "на"])
def test_what_is_searched_for_is_looked_for_once_however_many_stages_show_it(shop: World, text: str) -> None:
    order = ordered(shop, person(shop, "Анна Ветрова"), 1001, recipient="Нина Ветрова")
    connection = shop.session.connection()
    looked = 0

    def listen(_connection: object, _cursor: object, statement: str, *_: object) -> None:
        nonlocal looked
        looked += statement.count("search_order MATCH")
        looked += statement.count(".recipient LIKE") // len(cards.spellings(text))

    for show in (
        lambda: book.board(shop.session, shop.shop.id, order.pipeline_id, Filter(text=text)),
        lambda: book.table(shop.session, shop.shop.id, Filter(text=text)),
    ):
        looked = 0
        sa.event.listen(connection, "before_cursor_execute", listen)
        show()
        sa.event.remove(connection, "before_cursor_execute", listen)
        assert looked == 1


def test_orders_of_another_shop_are_not_found(shop: World) -> None:
    ordered(shop, person(shop, "Анна Ветрова"), 1001, recipient="Нина Ветрова")
    assert book.table(shop.session, shop.shop.id, Filter(text="ветров")).total == 1
    filters = [Filter(text="ветров"), Filter(text="Нина Ветрова")]
    assert book.up_to(shop.session, shop.shop.id, filters, 10) == [1, 1]
    assert book.up_to(shop.session, shop.shop.id + 1, filters, 10) == [0, 0]


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_nothing_reads_all_customers_or_orders_to_find_a_name_in_sqlite(shop: World) -> None:
    ordered(shop, person(shop, "Анна Ветрова"), 1001, recipient="Нина Ветрова", phone="+79001234567")
    connection = shop.session.connection()
    asked: list[tuple[str, Any]] = []

    def listen(_connection: object, _cursor: object, statement: str, facts: object, *_: object) -> None:
        asked.append((statement, facts))

    sa.event.listen(connection, "before_cursor_execute", listen)
    book.table(shop.session, shop.shop.id, Filter(text="ветров"))
    book.up_to(shop.session, shop.shop.id, [Filter(text="ветров")], 10)
    cards.search(shop.session, shop.shop.id, "ветров")
    buyers.page(shop.session, shop.shop.id, buyers.Filter(text="ветров"))
    sa.event.remove(connection, "before_cursor_execute", listen)
    selects = [(statement, facts) for statement, facts in asked if statement.startswith(("SELECT", "WITH"))]
    assert len(selects) > 5
    for statement, facts in selects:
        steps = [row[3] for row in connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", facts)]
        for whole in ("SCAN customer", "SCAN order", "(shop_id=?)"):
            assert not any(whole in step for step in steps if "stage" not in step), (statement, steps)


@pytest.mark.parametrize("database_url", ["postgres"], indirect=True)
@pytest.mark.postgres
@pytest.mark.parametrize(("table", "column"), [("customer", "name"), ("order", "recipient"), ("order", "phone")])
def test_postgresql_has_an_index_of_the_parts(session: Session, table: str, column: str) -> None:
    connection = session.connection()
    connection.exec_driver_sql("SET LOCAL enable_seqscan = off")
    asked = f"EXPLAIN SELECT id FROM \"{table}\" WHERE search_ends({column}) @@ CAST('''ветров'':*' AS tsquery)"
    steps = [row[0] for row in connection.exec_driver_sql(asked)]
    assert any(f"ix_search_{table}_{column}" in step for step in steps), steps
