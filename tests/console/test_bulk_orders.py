"""Many orders at once, from the table."""

from __future__ import annotations

import re
from html import unescape

import pytest
import sqlalchemy as sa
from sqlalchemy.orm import Session

from company.tables import Role
from inbox.tables import Author
from orders.tables import Order
from payments import charging
from tests.console import trade
from tests.console.desk import Answer, Browser, Desk

URL = "/orders/bulk"


def seen(*orders: Order) -> str:
    """As the table tells the server of them."""
    return ",".join(f"{one.id}-{one.version}-{one.stage_id}" for one in orders)


def left(answer: Answer) -> dict[int, str]:
    """The orders that were left, by number, each with its reason."""
    found = re.findall(r"№ (\d+)</a><span>([^<]+)</span>", answer.text)
    return {int(number): unescape(why) for number, why in found}


async def does(browser: Browser, act: str, orders: str, **more: str) -> Answer:
    return await browser.post(URL, {"act": act, "ids": orders} | more)


async def test_each_is_moved_by_its_own_rules_and_the_rest_is_named_with_the_reason(desk: Desk) -> None:
    ready, gone = await trade.order(desk, quantity=1), await trade.order(desk, quantity=1)
    unpaid = await trade.order(desk, trade.ONLINE, 1)
    browser = await desk.signed_in(desk.ours.operator)
    ticked = seen(ready, unpaid, gone)
    await browser.post(f"/orders/{gone.id}/move", {"stage": await trade.stage_id(desk, gone, "assembling")})
    answer = await does(browser, "move", ticked, stage="assembling")
    assert "«Сборка»: 1 заказ" in answer.text
    why = left(answer)
    assert set(why) == {unpaid.number, gone.number}
    assert "1 450" in why[unpaid.number].replace("\u202f", " ").replace("\xa0", " ")
    assert "успели изменить" in why[gone.number]
    assert f'data-left="tick-{unpaid.id}"' in answer.text
    assert (await trade.now(desk, ready)).stage.code == "assembling"
    assert (await trade.now(desk, unpaid)).stage.code == "awaiting_payment"


async def test_when_all_is_done_a_line_says_so(desk: Desk) -> None:
    orders = [await trade.order(desk), await trade.order(desk)]
    browser = await desk.signed_in(desk.ours.operator)
    answer = await does(browser, "assign", seen(*orders), staff=str(desk.ours.colleague.id))
    assert (answer.status, answer.toast) == (204, "Софья Белова ведёт ещё 2 заказа")
    assert {(await trade.now(desk, one)).responsible_id for one in orders} == {desk.ours.colleague.id}
    before = await desk.position()
    await does(browser, "assign", seen(*orders), staff=str(desk.ours.colleague.id))
    assert await desk.position() == before


async def test_they_are_cancelled_with_a_reason_and_their_goods_are_free_and_a_paid_one_is_not(desk: Desk) -> None:
    open_, (paid, _payment) = await trade.order(desk), await trade.paid_order(desk)
    browser = await desk.signed_in(desk.ours.operator)
    assert len(left(await does(browser, "cancel", seen(open_, paid)))) == 2
    answer = await does(browser, "cancel", seen(open_, paid), reason="закрываемся на учёт")
    assert "Отменён 1 заказ" in answer.text
    assert set(left(answer)) == {paid.number}
    assert (await trade.now(desk, open_)).stage.code == "cancelled"
    assert await trade.left(desk) == 3


async def test_of_two_who_cancel_at_once_one_does_and_the_other_is_told(desk: Desk) -> None:
    made = await trade.order(desk)
    marina, sofya = await desk.signed_in(desk.ours.operator), await desk.signed_in(desk.ours.colleague)
    assert (await does(marina, "cancel", seen(made), reason="дубль")).toast == "Отменён 1 заказ"
    answer = await does(sofya, "cancel", seen(made), reason="дубль")
    assert "Отменено 0 заказов" in answer.text
    assert set(left(answer)) == {made.number}
    assert await trade.left(desk) == 5


async def test_a_link_goes_to_who_owes_and_has_a_chat_and_only_once(desk: Desk) -> None:
    owes, pays_later = await trade.order(desk, trade.ONLINE, 1), await trade.order(desk, quantity=1)
    no_chat = await trade.order(desk, trade.ONLINE, 1)

    def without_chat(session: Session) -> None:
        session.execute(sa.update(Order).where(Order.id == no_chat.id).values(conversation_id=None))

    await desk.db.write(without_chat)
    ticked = seen(owes, pays_later, no_chat)
    marina, sofya = await desk.signed_in(desk.ours.operator), await desk.signed_in(desk.ours.colleague)
    for browser in (marina, sofya):
        answer = await does(browser, "link", ticked)
        assert "Отправлена 1 ссылка на оплату" in answer.text
        why = left(answer)
        assert "при получении" in why[pays_later.number]
        assert "не из чата" in why[no_chat.number]
    links = [said for said in await desk.thread(desk.ours.anna) if said.author == Author.STAFF]
    assert len(links) == 1
    assert len(await desk.db.read(charging.of_order, owes.id)) == 1
    assert await desk.db.read(charging.of_order, no_chat.id) == []


async def test_the_table_says_what_may_be_done_with_each_and_the_board_has_no_boxes(desk: Desk) -> None:
    made, browser = await trade.order(desk, trade.ONLINE), await desk.signed_in(desk.ours.operator)
    page = await browser.get("/orders?layout=table")
    may = re.search(rf'data-tick="{seen(made)}" data-may="([^"]*)"', page.text)
    assert may is not None
    assert may[1].split() == ["cancel", "link"]
    assert 'data-bulk="move" data-stage="shipped"' in page.text
    assert "data-tick" not in (await browser.get("/orders")).text


async def test_who_may_only_read_has_no_boxes(desk: Desk) -> None:
    def accountant(session: Session) -> None:
        session.execute(
            sa.text("UPDATE membership SET role = :role WHERE staff_id = :id"),
            {"role": Role.ACCOUNTANT.value, "id": desk.ours.colleague.id},
        )

    made = await trade.order(desk)
    await desk.db.write(accountant)
    browser = await desk.signed_in(desk.ours.colleague)
    assert "data-tick" not in (await browser.get("/orders?layout=table")).text
    assert (await does(browser, "cancel", seen(made), reason="дубль")).status == 403


@pytest.mark.parametrize(
    "form",
    [
        {"act": "move", "ids": "1-1"},
        {"act": "burn", "ids": "{order}"},
        {"act": "move", "ids": "{order}", "stage": "cancelled"},
        {"act": "move", "ids": "{order}", "stage": "nowhere"},
    ],
)
async def test_what_our_pages_never_send_is_not_found(desk: Desk, form: dict[str, str]) -> None:
    made, browser = await trade.order(desk), await desk.signed_in(desk.ours.operator)
    sent = {name: value.replace("{order}", seen(made)) for name, value in form.items()}
    assert (await browser.post(URL, sent)).status == 404


async def test_another_shops_stop_all_before_anything_is_done(desk: Desk) -> None:
    ours, foreign = await trade.order(desk), await trade.order(desk, store=desk.foreign)
    browser = await desk.signed_in(desk.ours.operator)
    assert (await does(browser, "cancel", seen(ours, foreign), reason="дубль")).status == 404
    assert (await does(browser, "assign", seen(ours), staff=str(desk.foreign.operator.id))).status == 404
    assert (await trade.now(desk, ours)).stage.code == "new"
    assert (await trade.now(desk, ours)).responsible_id is None


async def test_more_than_anybody_ticks_is_refused(desk: Desk) -> None:
    browser = await desk.signed_in(desk.ours.operator)
    many = ",".join(f"{n}-1-1" for n in range(1, 202))
    answer = await does(browser, "cancel", many, reason="дубль")
    assert (answer.status, answer.text) == (409, "За один раз можно взять не больше 200 заказов.")
