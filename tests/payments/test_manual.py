"""Cash and transfers: an operator's word, taken once and for no more than is due."""

from __future__ import annotations

import pytest
import sqlalchemy as sa
from sqlalchemy.orm import Session

from kit.money import Money
from orders.tables import Order
from payments import accounts, charging, manual
from payments.states import RefundStage, State
from payments.tables import Payment, PaymentAccount
from tests.payments.till import Till, together


async def confirm(till: Till, order: Order, amount: int, key: str) -> Payment:
    return await till.do(manual.confirm, order, amount=Money(amount), actor=f"staff:{till.staff_id}", key=key)


async def test_confirmed_cash_pays_the_order_and_ends_its_link(till: Till) -> None:
    order = await till.order()
    link = await till.link(order)
    payment = await confirm(till, order, 145000, "form-1")
    assert payment.state == State.PAID
    order = await till.now(order)
    assert (order.stage.code, order.paid, order.flag) == ("paid", Money(145000), "")
    assert (await till.payment(link.id)).state == State.REPLACED
    await till.settle()


async def test_two_parts_pay_together(till: Till) -> None:
    order = await till.order()
    await confirm(till, order, 45000, "form-1")
    assert (await till.now(order)).stage.code == "awaiting_payment"
    await confirm(till, order, 100000, "form-2")
    order = await till.now(order)
    assert (order.stage.code, order.flag) == ("paid", "")


async def test_after_a_part_in_cash_the_link_is_for_the_rest(till: Till) -> None:
    order = await till.order()
    whole = await till.link(order)
    await confirm(till, order, 45000, "form-1")
    rest = await till.link(order)
    assert (rest.amount, (await till.payment(whole.id)).state) == (100000, State.REPLACED)
    assert rest.provider_id is not None
    till.bank.pay(rest.provider_id)
    await till.settle()
    order = await till.now(order)
    assert (order.stage.code, order.flag, order.paid) == ("paid", "", Money(145000))


async def test_the_whole_by_the_old_link_after_a_part_in_cash_is_a_question(till: Till) -> None:
    order = await till.order()
    whole = await till.link(order)
    await confirm(till, order, 45000, "form-1")
    assert whole.provider_id is not None
    till.bank.pay(whole.provider_id)
    await till.settle()
    assert await till.questions() == ["wrong_amount"]
    assert (await till.now(order)).paid == Money(190000)


async def test_a_double_submit_counts_once(till: Till) -> None:
    order = await till.order()
    results = await together(*(confirm(till, order, 45000, "the-form") for _ in range(10)))
    assert len({payment.id for payment in results}) == 1
    assert (await till.now(order)).paid == Money(45000)


@pytest.mark.parametrize("amount", [0, -100, 145001])
async def test_no_more_than_is_due_is_taken(till: Till, amount: int) -> None:
    order = await till.order()
    with pytest.raises(manual.MoreThanDue):
        await confirm(till, order, amount, "form-1")


async def test_a_cancelled_order_takes_no_cash(till: Till) -> None:
    order = await till.order()
    await till.cancel(order)
    with pytest.raises(charging.OrderCancelled):
        await confirm(till, order, 100, "form-1")


async def test_cash_goes_back_as_soon_as_it_is_written_down(till: Till) -> None:
    order = await till.order()
    payment = await confirm(till, order, 145000, "form-1")
    await till.refund(payment, 145000, "form-2")
    await till.settle()
    assert [refund.state for refund in await till.refunds(order)] == [RefundStage.SUCCEEDED]
    assert (await till.now(order)).paid == Money(0)


async def test_a_shop_without_an_account_for_cash_takes_none(till: Till) -> None:
    order = await till.order()
    await till.do(_switch_off)
    with pytest.raises(accounts.NoPaymentAccount):
        await confirm(till, order, 100, "form-1")


def _switch_off(session: Session) -> None:
    session.execute(sa.update(PaymentAccount).where(PaymentAccount.provider == "manual").values(active=False))
