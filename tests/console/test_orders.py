"""The orders' pages: the board and the table, moving, changing, and writing an order down."""

from __future__ import annotations

import asyncio
import re

import orjson
import pytest
import sqlalchemy as sa

from orders.tables import Order, StageMove
from tests.console import trade
from tests.console.desk import Desk


async def test_an_order_is_put_on_paper(desk: Desk) -> None:
    marina, made = await desk.signed_in(desk.ours.operator), await trade.order(desk)
    here = f"/orders/{made.id}/sheet"
    assert here in (await marina.get(f"/orders/{made.id}")).text
    sheet = (await marina.get(here)).text.replace("\xa0", " ")
    for words in (
        f"Заказ № {made.number}",
        "Кружка «Туман»",
        "TUM-300",
        "2 900 ₽",
        "Осталось оплатить",
        "+7 900 123-45-67",
    ):
        assert words in sheet, words


async def test_discount_and_delivery_are_changed_beside_the_conversation(desk: Desk) -> None:
    marina, made = await desk.signed_in(desk.ours.operator), await trade.order(desk)
    beside = f"/inbox/{desk.ours.anna}/context"
    shown = (await marina.fragment(beside)).text
    for act in ("discount", "delivery"):
        assert f'data-dialog="edit-{act}"' in shown
        assert f'hx-post="/orders/{made.id}/{act}"' in shown
    assert (await marina.post(f"/orders/{made.id}/discount", {"amount": "100"})).status == 204
    assert "2 800 ₽" in (await marina.fragment(beside)).text.replace("\xa0", " ")
    paid, _payment = await trade.paid_order(desk)
    assert f'hx-post="/orders/{paid.id}/discount"' not in (await marina.fragment(beside)).text


async def test_the_board_shows_each_order_in_its_stage(desk: Desk) -> None:
    made = await trade.order(desk)
    browser = await desk.signed_in(desk.ours.operator)
    page = (await browser.get("/orders")).text
    column = re.search(r'id="column-\d+"[^>]*>\s*<header><h2[^>]*>Новый</h2>.*?</section>', page, re.DOTALL)
    assert column is not None
    assert f'id="order-{made.id}"' in column[0]
    assert "2\xa0900\xa0₽" in column[0]


async def test_the_board_alone_comes_to_a_script_with_its_filters(desk: Desk) -> None:
    made = await trade.order(desk)
    browser = await desk.signed_in(desk.ours.operator)
    card = f'id="order-{made.id}"'
    assert card in (await browser.fragment("/orders?q=ветрова")).text
    assert card in (await browser.fragment(f"/orders?q={made.number}")).text
    assert card in (await browser.fragment("/orders?lead=nobody&channel=telegram&payment=on_receipt")).text
    assert card not in (await browser.fragment("/orders?lead=me")).text
    assert "<html" not in (await browser.fragment("/orders?q=Тимур")).text


@pytest.mark.parametrize("query", ["sort=total&ascending=1", "page=999999999", "page=x", "lead=%FF", "q=%25"])
async def test_the_table_takes_any_address(desk: Desk, query: str) -> None:
    await trade.order(desk)
    browser = await desk.signed_in(desk.ours.operator)
    assert (await browser.get(f"/orders?layout=table&{query}")).status == 200


async def test_the_table_is_sorted_by_what_is_asked(desk: Desk) -> None:
    small, large = await trade.order(desk, quantity=1), await trade.order(desk, quantity=3)
    browser = await desk.signed_in(desk.ours.operator)
    rows = re.findall(r'id="order-row-(\d+)"', (await browser.get("/orders?view=table&sort=total&ascending=1")).text)
    assert rows == [str(small.id), str(large.id)]


async def test_a_card_is_moved_and_the_history_says_by_whom(desk: Desk) -> None:
    made = await trade.order(desk)
    browser = await desk.signed_in(desk.ours.operator)
    form = {"stage": await trade.stage_id(desk, made, "assembling"), "from": str(made.stage_id), "version": "1"}
    answer = await browser.post(f"/orders/{made.id}/move", form)
    assert answer.status == 204
    assert orjson.loads(answer.headers["HX-Trigger"])["live:order"] == {"id": made.id}
    assert (await trade.now(desk, made)).stage.code == "assembling"
    assert "Марина Ким" in (await browser.fragment(f"/orders/{made.id}")).text


async def test_what_somebody_else_has_moved_meanwhile_is_not_moved_again(desk: Desk) -> None:
    made = await trade.order(desk)
    first, second = await desk.signed_in(desk.ours.operator), await desk.signed_in(desk.ours.colleague)
    form = {"stage": await trade.stage_id(desk, made, "assembling"), "from": str(made.stage_id), "version": "1"}
    answers = await asyncio.gather(*(one.post(f"/orders/{made.id}/move", form) for one in (first, second)))
    assert sorted(answer.status for answer in answers) == [204, 409]
    query = sa.select(sa.func.count()).select_from(StageMove).where(StageMove.order_id == made.id)
    assert await desk.db.read(lambda session: session.scalar(query)) == 2


async def test_an_order_that_is_not_paid_is_refused_in_words(desk: Desk) -> None:
    made = await trade.order(desk, trade.ONLINE)
    browser = await desk.signed_in(desk.ours.operator)
    answer = await browser.post(f"/orders/{made.id}/move", {"stage": await trade.stage_id(desk, made, "assembling")})
    assert answer.status == 409
    assert str(made.number) in answer.text
    assert "<" not in answer.text


async def test_nobody_cancels_without_saying_why(desk: Desk) -> None:
    made = await trade.order(desk)
    browser = await desk.signed_in(desk.ours.operator)
    cancelled = await trade.stage_id(desk, made, "cancelled")
    assert (await browser.post(f"/orders/{made.id}/move", {"stage": cancelled, "reason": "  "})).status == 409
    assert await trade.left(desk) == 3
    assert (await browser.post(f"/orders/{made.id}/move", {"stage": cancelled, "reason": "передумала"})).status == 204
    assert await trade.left(desk) == 5
    assert "передумала" in (await browser.fragment(f"/orders/{made.id}")).text


async def test_a_stage_of_another_pipeline_is_not_there(desk: Desk) -> None:
    made, foreign = await trade.order(desk), await trade.order(desk, store=desk.foreign)
    browser = await desk.signed_in(desk.ours.owner)
    stage = await trade.stage_id(desk, foreign, "assembling")
    assert (await browser.post(f"/orders/{made.id}/move", {"stage": stage})).status == 404


async def test_a_quantity_is_changed_and_the_panel_comes_back_with_the_sum(desk: Desk) -> None:
    made = await trade.order(desk)
    browser = await desk.signed_in(desk.ours.operator)
    answer = await browser.post(f"/orders/{made.id}/lines", {"line": str(made.lines[0].id), "quantity": "3"})
    assert answer.status == 200
    assert "4\xa0350\xa0₽" in answer.text
    assert await trade.left(desk) == 2


@pytest.mark.parametrize("quantity", ["", "-1", "1.5", "1000", "много", "9" * 30, "６"])
async def test_what_is_no_quantity_changes_nothing(desk: Desk, quantity: str) -> None:
    made = await trade.order(desk)
    browser = await desk.signed_in(desk.ours.operator)
    answer = await browser.post(f"/orders/{made.id}/lines", {"line": str(made.lines[0].id), "quantity": quantity})
    assert answer.status == 409
    assert (await trade.now(desk, made)).total == trade.roubles(2900)


async def test_more_than_there_is_cannot_be_added(desk: Desk) -> None:
    made = await trade.order(desk, quantity=5)
    browser = await desk.signed_in(desk.ours.operator)
    answer = await browser.post(f"/orders/{made.id}/add", {"variant": str(desk.ours.mug.id)})
    assert answer.status == 409
    assert "Кружка «Туман»" in answer.text


async def test_discount_and_delivery_recount_the_order(desk: Desk) -> None:
    made = await trade.order(desk)
    browser = await desk.signed_in(desk.ours.operator)
    assert (await browser.post(f"/orders/{made.id}/discount", {"amount": "400,50"})).status == 204
    form = {"method": "courier", "price": "", "address": "Лесная, 5"}
    assert (await browser.post(f"/orders/{made.id}/delivery", form)).status == 204
    changed = await trade.now(desk, made)
    assert changed.total_amount == 290000 - 40050 + 39000
    assert changed.address == "Лесная, 5"
    assert changed.version == 3
    assert (await browser.post(f"/orders/{made.id}/discount", {"amount": "9999"})).status == 409
    assert (await browser.post(f"/orders/{made.id}/discount", {"amount": "-1"})).status == 409


async def test_a_phone_that_does_not_exist_is_not_kept(desk: Desk) -> None:
    made = await trade.order(desk)
    browser = await desk.signed_in(desk.ours.operator)
    assert (await browser.post(f"/orders/{made.id}/contact", {"phone": "12"})).status == 409
    form = {"recipient": "<b>Анна</b>", "phone": "8 900 765-43-21"}
    assert (await browser.post(f"/orders/{made.id}/contact", form)).status == 204
    assert (await trade.now(desk, made)).phone == "+79007654321"
    page = (await browser.get(f"/orders/{made.id}")).text
    assert "&lt;b&gt;Анна&lt;/b&gt;" in page
    assert "<b>Анна" not in page


async def test_a_colleague_is_made_responsible_and_a_stranger_is_not(desk: Desk) -> None:
    made = await trade.order(desk)
    browser = await desk.signed_in(desk.ours.operator)
    colleague, stranger = str(desk.ours.colleague.id), str(desk.foreign.operator.id)
    assert (await browser.post(f"/orders/{made.id}/responsible", {"staff": colleague})).status == 204
    assert (await trade.now(desk, made)).responsible_id == desk.ours.colleague.id
    assert (await browser.post(f"/orders/{made.id}/responsible", {"staff": stranger})).status == 404
    assert (await browser.post(f"/orders/{made.id}/responsible", {"staff": ""})).status == 204
    assert (await trade.now(desk, made)).responsible_id is None


async def test_an_order_written_down_twice_is_one(desk: Desk) -> None:
    browser = await desk.signed_in(desk.ours.operator)
    key = trade.key_in((await browser.get("/orders/new")).text)
    mug = desk.ours.mug.id
    lines = await browser.post("/orders/new/lines", {"add": str(mug)})
    assert f'name="quantity-{mug}"' in lines.text
    form = {"key": key, "customer": "new", "name": "Вера Климова", "phone": "89007654321", f"quantity-{mug}": "2"}
    form |= {"delivery": "pickup", "payment": "on_receipt"}
    first, second = await asyncio.gather(*(browser.post("/orders/new", form) for _ in range(2)))
    assert first.status == second.status == 204
    assert first.headers["HX-Redirect"] == second.headers["HX-Redirect"]
    assert await trade.left(desk) == 3
    assert "Вера Климова" in (await browser.get(first.headers["HX-Redirect"])).text


async def test_an_order_needs_somebody_and_something(desk: Desk) -> None:
    browser = await desk.signed_in(desk.ours.operator)
    form = {"key": "0123456789abcdef", "customer": "new", "payment": "on_receipt", "delivery": "pickup"}
    nobody = await browser.post("/orders/new", {**form, f"quantity-{desk.ours.mug.id}": "1"})
    nothing = await browser.post("/orders/new", {**form, "name": "Вера"})
    assert (nobody.status, nothing.status) == (409, 409)
    assert await desk.db.read(lambda session: session.scalar(sa.select(sa.func.count(Order.id)))) == 0


async def test_the_customer_of_a_conversation_is_chosen_already(desk: Desk) -> None:
    browser = await desk.signed_in(desk.ours.operator)
    page = (await browser.get(f"/orders/new?conversation={desk.ours.anna}")).text
    assert "Анна Ветрова" in page
    assert (await browser.get(f"/orders/new?conversation={desk.foreign.anna}")).status == 404
