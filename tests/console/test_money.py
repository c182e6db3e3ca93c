"""The money of an order in the console: links, cash, refunds, and what does not fit."""

from __future__ import annotations

import asyncio
import re

import pytest
from sqlalchemy.orm import Session

from company.tables import Role
from inbox.tables import Author
from orders import book, stages
from orders.tables import Order
from payments import questions
from payments.questions import Kind
from payments.states import State
from payments.tables import Payment
from tests.console import trade
from tests.console.desk import Desk


async def test_a_link_is_made_and_can_be_copied(desk: Desk) -> None:
    made = await trade.order(desk, trade.ONLINE)
    browser = await desk.signed_in(desk.ours.operator)
    assert (await browser.post(f"/orders/{made.id}/charge")).toast
    [payment] = await trade.payments(desk, made)
    page = (await browser.fragment(f"/orders/{made.id}")).text
    assert f'data-copy="http://127.0.0.1/p/{payment.token}"' in page


async def test_a_link_sent_twice_by_one_press_is_one_message(desk: Desk) -> None:
    made = await trade.order(desk, trade.ONLINE)
    browser = await desk.signed_in(desk.ours.operator)
    form = {"key": "0123456789abcdef"}
    answers = await asyncio.gather(*(browser.post(f"/orders/{made.id}/send-link", form) for _ in range(3)))
    assert {answer.status for answer in answers} == {204}
    said = [message for message in await desk.thread(desk.ours.anna) if message.author == Author.STAFF]
    [payment] = await trade.payments(desk, made)
    assert len(said) == 1
    assert payment.token in str(said[0].content)


async def test_a_changed_order_switches_the_old_link_off(desk: Desk) -> None:
    made = await trade.order(desk, trade.ONLINE)
    browser = await desk.signed_in(desk.ours.operator)
    await browser.post(f"/orders/{made.id}/charge")
    await browser.post(f"/orders/{made.id}/lines", {"line": str(made.lines[0].id), "quantity": "1"})
    assert "сумма изменилась" in (await browser.fragment(f"/orders/{made.id}")).text
    await browser.post(f"/orders/{made.id}/charge")
    new, old = await trade.payments(desk, made)
    assert old.state == State.REPLACED
    assert new.amount == 145000


async def test_cash_counts_once_however_often_it_is_pressed(desk: Desk) -> None:
    made = await trade.order(desk)
    browser = await desk.signed_in(desk.ours.operator)
    key = re.search(
        r'id="receive".*?name="key" value="(\w+)"', (await browser.get(f"/orders/{made.id}")).text, re.DOTALL
    )
    assert key is not None
    form = {"key": key[1], "amount": "2900", "method": "cash"}
    answers = await asyncio.gather(*(browser.post(f"/orders/{made.id}/receive", form) for _ in range(4)))
    assert {answer.status for answer in answers} == {204}
    assert (await trade.now(desk, made)).paid == trade.roubles(2900)
    assert len(await trade.payments(desk, made)) == 1


@pytest.mark.parametrize("amount", ["0", "-1", "3000", "сто", "1e3", "10,005", ""])
async def test_a_sum_that_cannot_be_is_refused(desk: Desk, amount: str) -> None:
    made = await trade.order(desk)
    browser = await desk.signed_in(desk.ours.operator)
    form = {"key": "0123456789abcdef", "amount": amount, "method": "cash"}
    assert (await browser.post(f"/orders/{made.id}/receive", form)).status == 409
    assert not (await trade.now(desk, made)).paid


async def test_a_refund_pressed_twenty_times_is_one(desk: Desk) -> None:
    made, payment = await trade.paid_order(desk)
    browser = await desk.signed_in(desk.ours.owner)
    page = (await browser.get(f"/orders/{made.id}")).text
    dialog = re.search(rf'id="refund-{payment.id}-0".*?name="key" value="(\w+)"', page, re.DOTALL)
    assert dialog is not None
    form = {"key": dialog[1], "amount": "390,50", "reason": "скол на ручке"}
    answers = await asyncio.gather(*(browser.post(f"/payments/{payment.id}/refund", form) for _ in range(20)))
    assert {answer.status for answer in answers} == {204}
    [refund] = await trade.refunds(desk, made)
    assert (refund.amount, refund.reason, refund.actor) == (39050, "скол на ручке", f"staff:{desk.ours.owner.id}")
    after = (await browser.fragment(f"/orders/{made.id}")).text
    assert "скол на ручке" in after
    assert f'id="refund-{payment.id}-1"' in after
    assert dialog[1] not in after


async def test_only_those_who_may_give_money_back_are_offered_it(desk: Desk) -> None:
    made, payment = await trade.paid_order(desk)
    operator = await desk.signed_in(desk.ours.operator)
    assert f"/payments/{payment.id}/refund" not in (await operator.get(f"/orders/{made.id}")).text
    form = {"key": "0123456789abcdef", "amount": "1", "reason": "просто так"}
    assert (await operator.post(f"/payments/{payment.id}/refund", form)).status == 403
    assert await trade.refunds(desk, made) == []


@pytest.mark.parametrize(
    ("amount", "reason"), [("2900,01", "много"), ("0", "ничего"), ("100", "  "), ("NaN", "не число")]
)
async def test_a_refund_that_does_not_fit_is_refused(desk: Desk, amount: str, reason: str) -> None:
    made, payment = await trade.paid_order(desk)
    browser = await desk.signed_in(desk.ours.owner)
    form = {"key": "0123456789abcdef", "amount": amount, "reason": reason}
    answer = await browser.post(f"/payments/{payment.id}/refund", form)
    assert answer.status == 409
    assert answer.text
    assert await trade.refunds(desk, made) == []


async def test_a_form_without_its_key_does_nothing(desk: Desk) -> None:
    made, payment = await trade.paid_order(desk)
    browser = await desk.signed_in(desk.ours.owner)
    form = {"key": "../../x", "amount": "1", "reason": "так"}
    assert (await browser.post(f"/payments/{payment.id}/refund", form)).status == 404
    assert await trade.refunds(desk, made) == []


async def test_a_paid_order_tells_to_refund_before_it_is_cancelled(desk: Desk) -> None:
    made, _payment = await trade.paid_order(desk)
    browser = await desk.signed_in(desk.ours.owner)
    page = (await browser.get(f"/orders/{made.id}")).text
    assert "Чтобы отменить заказ, сначала верните 2\xa0900\xa0₽" in page
    form = {"stage": await trade.stage_id(desk, made, "cancelled"), "reason": "передумали"}
    assert (await browser.post(f"/orders/{made.id}/move", form)).status == 409


async def test_a_question_of_money_stays_until_the_owner_has_dealt_with_it(desk: Desk) -> None:
    made, payment = await trade.paid_order(desk)
    question_id = await desk.db.write(_ask, made, payment)
    owner, operator = await desk.signed_in(desk.ours.owner), await desk.signed_in(desk.ours.operator)
    assert f"question-{question_id}" in (await operator.get(f"/orders/{made.id}")).text
    assert "Разобраться с деньгами: 1" in (await operator.get("/orders")).text
    assert (await operator.post(f"/questions/{question_id}/resolve")).status == 403
    assert (await owner.post(f"/questions/{question_id}/resolve")).status == 204
    assert f"question-{question_id}" not in (await owner.get(f"/orders/{made.id}")).text
    assert (await trade.now(desk, made)).flag == ""


async def test_an_order_without_a_conversation_has_nowhere_to_send_a_link(desk: Desk) -> None:
    browser = await desk.signed_in(desk.ours.operator)
    form = {"key": "0123456789abcdef", "customer": "new", "name": "Вера", "payment": "online", "delivery": "pickup"}
    made = await browser.post("/orders/new", {**form, f"quantity-{desk.ours.mug.id}": "1"})
    path = made.headers["HX-Redirect"]
    assert (await browser.post(f"{path}/send-link", {"key": "0123456789abcdef"})).status == 404


async def test_a_cancelled_order_is_not_paid_for(desk: Desk) -> None:
    made = await trade.order(desk, trade.ONLINE)
    await desk.db.write(stages.cancel, made, actor="system", reason="duplicate", role=Role.OWNER)
    browser = await desk.signed_in(desk.ours.operator)
    assert (await browser.post(f"/orders/{made.id}/charge")).status == 409
    page = (await browser.get(f"/orders/{made.id}")).text
    assert 'id="receive"' not in page


def _ask(session: Session, made: Order, payment: Payment) -> int:
    order = book.get(session, made.shop_id, made.id)
    question = questions.ask(session, order, payment, Kind.SECOND_PAYMENT, order.paid)
    assert question is not None
    return question.id
