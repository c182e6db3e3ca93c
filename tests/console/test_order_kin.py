"""The same order again, and a part of an order apart, from the order's page."""

from __future__ import annotations

import re

from orders import book
from orders.tables import Order
from payments import charging
from payments.states import State
from tests.console import trade
from tests.console.desk import Answer, Desk

KEY = "0123456789abcdef"


def led_to(answer: Answer) -> int:
    found = re.fullmatch(r"/orders/(\d+)", answer.headers.get("HX-Redirect", ""))
    assert found is not None, answer.text
    return int(found[1])


async def order_by(desk: Desk, id_: int) -> Order:
    return await desk.db.read(book.get, desk.ours.shop_id, id_)


async def test_the_same_again_is_one_press_and_its_history_names_the_first(desk: Desk) -> None:
    made, browser = await trade.order(desk), await desk.signed_in(desk.ours.operator)
    page = (await browser.get(f"/orders/{made.id}")).text
    assert f'hx-post="/orders/{made.id}/again"' in page
    answers = [await browser.post(f"/orders/{made.id}/again", {"key": KEY}) for _press in range(2)]
    assert led_to(answers[0]) == led_to(answers[1])
    new = await order_by(desk, led_to(answers[0]))
    assert (new.total_amount, new.responsible_id, new.stage.code) == (290000, desk.ours.operator.id, "new")
    assert f"сделан такой же, как № {made.number}" in (await browser.get(f"/orders/{new.id}")).text


async def test_what_did_not_come_along_is_told_before_the_new_order_opens(desk: Desk) -> None:
    made, browser = await trade.order(desk, quantity=3), await desk.signed_in(desk.ours.operator)
    answer = await browser.post(f"/orders/{made.id}/again", {"key": KEY})
    assert answer.status == 200
    assert "в наличии 2 из 3" in answer.text
    assert re.search(r'href="/orders/\d+"', answer.text)
    refused = await browser.post(f"/orders/{made.id}/again", {"key": KEY[::-1]})
    assert (refused.status, refused.text) == (409, f"Из заказа № {made.number} сегодня ничего нет в продаже.")


async def test_a_part_goes_into_a_new_order_and_the_old_link_ends(desk: Desk) -> None:
    made, browser = await trade.order(desk, trade.ONLINE, 3), await desk.signed_in(desk.ours.operator)
    await browser.post(f"/orders/{made.id}/charge")
    made = await trade.now(desk, made)
    line = made.lines[0].id
    form = {"key": KEY, "version": str(made.version), f"take-{line}": "1"}
    new = await order_by(desk, led_to(await browser.post(f"/orders/{made.id}/split", form)))
    first = await trade.now(desk, made)
    assert (first.total_amount, new.total_amount) == (290000, 145000)
    assert await trade.left(desk) == 2
    assert f"часть ушла в № {new.number}" in (await browser.get(f"/orders/{first.id}")).text
    assert f"отделён от № {first.number}" in (await browser.get(f"/orders/{new.id}")).text
    await browser.post(f"/orders/{first.id}/charge")
    payments = await desk.db.read(charging.of_order, first.id)
    assert [(one.amount, one.state == State.REPLACED) for one in payments] == [(290000, False), (435000, True)]


async def test_a_paid_one_is_refused_in_words_and_one_that_changed_too(desk: Desk) -> None:
    (paid, _payment), browser = await trade.paid_order(desk), await desk.signed_in(desk.ours.operator)
    assert "Оплаченный заказ не разделить" in (await browser.get(f"/orders/{paid.id}")).text
    form = {"key": KEY, "version": str(paid.version), f"take-{paid.lines[0].id}": "1"}
    refused = await browser.post(f"/orders/{paid.id}/split", form)
    assert refused.status == 409
    assert "Сначала верните деньги" in refused.text
    other = await trade.order(desk)
    stale = {"key": KEY, "version": str(other.version + 1), f"take-{other.lines[0].id}": "1"}
    assert "успели изменить" in (await browser.post(f"/orders/{other.id}/split", stale)).text
    nothing = {"key": KEY, "version": str(other.version), f"take-{other.lines[0].id}": "0"}
    assert (await browser.post(f"/orders/{other.id}/split", nothing)).status == 409


async def test_one_piece_is_not_offered_to_be_split(desk: Desk) -> None:
    made, browser = await trade.order(desk, quantity=1), await desk.signed_in(desk.ours.operator)
    assert 'data-dialog="split"' not in (await browser.get(f"/orders/{made.id}")).text
