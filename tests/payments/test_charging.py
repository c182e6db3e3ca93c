"""Asking for money: one live payment for an order, made once whatever the network does."""

from __future__ import annotations

import pytest

from kit.money import Money
from orders.events import OrderPaid
from payments import charging
from payments.events import PaymentChanged
from payments.states import State
from tests.payments.till import Till, together


async def test_a_paid_link_pays_the_order(till: Till) -> None:
    order = await till.order(quantity=2)
    payment = await till.link(order)
    assert payment.state == State.PENDING
    assert payment.provider_id is not None
    till.bank.pay(payment.provider_id)
    await till.settle()
    order = await till.now(order)
    assert (order.stage.code, order.paid, order.flag) == ("paid", Money(290000), "")
    assert await till.ledger() == [("capture", 290000)]
    assert [event["state"] for event in await till.events(PaymentChanged)] == ["new", "pending", "paid"]
    assert len(await till.events(OrderPaid)) == 1


async def test_asking_twice_gives_the_same_link(till: Till) -> None:
    order = await till.order()
    first = await till.link(order)
    assert (await till.link(order)).token == first.token
    assert till.asked("POST /v3/payments") == 1


async def test_many_who_ask_at_once_get_one_link(till: Till) -> None:
    order = await till.order()
    asked = await together(*(till.do(charging.request, order, actor="bot") for _ in range(12)))
    await till.worker.idle()
    assert len({payment.token for payment in asked}) == 1
    assert len(till.bank.payments_of(str(order.id))) == 1


async def test_a_changed_order_has_a_new_link_and_the_old_one_is_replaced(till: Till) -> None:
    order = await till.order()
    old = await till.link(order)
    await till.discount(order, 45000)
    new = await till.link(order)
    assert (new.amount, (await till.payment(old.id)).state) == (100000, State.REPLACED)
    assert new.token != old.token


@pytest.mark.parametrize("reason", ["paid", "cancelled"])
async def test_no_link_is_made_for_an_order_that_needs_no_money(till: Till, reason: str) -> None:
    if reason == "paid":
        order, _ = await till.paid_order()
        with pytest.raises(charging.NothingToPay):
            await till.do(charging.request, order, actor="bot")
    else:
        order = await till.order()
        await till.cancel(order)
        with pytest.raises(charging.OrderCancelled):
            await till.do(charging.request, order, actor="bot")
