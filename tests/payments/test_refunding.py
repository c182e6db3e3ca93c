"""Giving back: all or parts, once, never more than came; and what the receipt of a part says."""

from __future__ import annotations

import aiohttp
import pytest

from emulators.yookassa.bank import RefundOutcome
from emulators.yookassa.faults import Fault
from kit.money import Money
from payments import refunding
from payments.events import RefundChanged
from payments.forms import BadFormKey
from payments.states import RefundStage
from payments.tables import Refund
from tests.payments.till import MERCHANT, SECRET, Till, together

REFUND = "POST /v3/refunds"


async def test_a_full_refund_leaves_the_order_unpaid(till: Till) -> None:
    order, payment = await till.paid_order()
    await till.refund(payment, 145000, "form-1")
    await till.settle()
    order = await till.now(order)
    assert (order.paid, order.paid_at) == (Money(0), None)
    assert (await till.payment(payment.id)).refunded_amount == 145000
    assert await till.ledger() == [("capture", 145000), ("refund", -145000)]
    assert [event["state"] for event in await till.events(RefundChanged)] == ["new", "succeeded"]


async def test_three_parts_return_all_and_not_a_kopeck_more(till: Till) -> None:
    order, payment = await till.paid_order(quantity=3, discount=100)
    parts = [100000, 33333, 434900 - 133333]
    for n, part in enumerate(parts):
        await till.refund(payment, part, f"form-{n}")
    with pytest.raises(refunding.TooMuch):
        await till.refund(payment, 1, "form-more")
    await till.settle()
    assert till.bank.refunded_for(str(order.id)) == Money(434900)
    assert (await till.now(order)).paid == Money(0)


async def test_a_part_carries_receipt_items_that_add_up_to_it(till: Till) -> None:
    _, payment = await till.paid_order(quantity=3, discount=100)
    await till.refund(payment, 33333, "form-1")
    await till.settle()
    [call] = [call for call in till.bank.calls if call.path == "/v3/refunds"]
    items = call.body["receipt"]["items"]
    kopecks = [round(float(item["amount"]["value"]) * 100) * item["quantity"] for item in items]
    assert sum(kopecks) == 33333
    assert call.body["receipt"]["customer"]["email"] == "anna@clay.example"


async def test_a_form_sent_twenty_times_gives_back_once(till: Till) -> None:
    order, payment = await till.paid_order()
    results = await together(*(till.refund(payment, 50000, "the-form") for _ in range(20)))
    assert len({refund.id for refund in results}) == 1
    await till.settle()
    assert till.bank.refunded_for(str(order.id)) == Money(50000)
    assert (await till.now(order)).paid == Money(95000)


async def test_operators_who_refund_at_once_cannot_give_more_than_came(till: Till) -> None:
    order, payment = await till.paid_order()
    results = await together(*(till.refund(payment, 60000, f"form-{n}") for n in range(6)))
    assert sum(isinstance(result, Refund) for result in results) == 2
    assert sum(isinstance(result, refunding.TooMuch) for result in results) == 4
    await till.settle()
    assert till.bank.refunded_for(str(order.id)) == Money(120000)
    assert (await till.now(order)).paid == Money(25000)


@pytest.mark.parametrize(
    ("amount", "reason", "refused"),
    [
        (0, "Разбилась", refunding.TooMuch),
        (-1, "Разбилась", refunding.TooMuch),
        (145001, "Разбилась", refunding.TooMuch),
        (100, "  ", refunding.RefundReasonNeeded),
    ],
)
async def test_a_senseless_refund_is_refused(
    till: Till, amount: int, reason: str, refused: type[refunding.RefundRefused]
) -> None:
    _, payment = await till.paid_order()
    with pytest.raises(refused):
        await till.refund(payment, amount, "form-1", reason)
    assert till.asked(REFUND) == 0


async def test_a_form_cannot_become_another_refund(till: Till) -> None:
    _, payment = await till.paid_order()
    await till.refund(payment, 100, "form-1")
    with pytest.raises(refunding.RefundKeyReused):
        await till.refund(payment, 200, "form-1")


@pytest.mark.parametrize("key", ["", "x" * 65, "ключ", "a b", "a\n"])
async def test_a_form_with_a_changed_key_is_refused(till: Till, key: str) -> None:
    _, payment = await till.paid_order()
    with pytest.raises(BadFormKey):
        await till.refund(payment, 100, key)


async def test_money_that_has_not_come_cannot_go_back(till: Till) -> None:
    payment = await till.link(await till.order())
    with pytest.raises(refunding.NotPaid):
        await till.refund(payment, 100, "form-1")


@pytest.mark.parametrize(
    "fault", [Fault.ERROR_AFTER, Fault.RESET_AFTER, Fault.HALF_ANSWER, Fault.BUSY, Fault.ERROR_BEFORE]
)
async def test_a_refund_whose_answer_is_lost_is_given_once(till: Till, fault: Fault) -> None:
    order, payment = await till.paid_order()
    till.bank.fail_next(fault, count=2, on=REFUND)
    await till.refund(payment, 50000, "form-1")
    await till.settle()
    assert till.bank.refunded_for(str(order.id)) == Money(50000)
    assert await till.ledger() == [("capture", 145000), ("refund", -50000)]


async def test_a_refund_that_is_notified_before_its_answer_is_known_is_entered_once(till: Till) -> None:
    """Its notification names a refund that we do not know yet: it is ours, not one of the provider's cabinet."""
    order, payment = await till.paid_order()
    till.bank.fail_next(Fault.ERROR_AFTER, count=6, on=REFUND)
    await till.refund(payment, 50000, "form-1")
    await till.settle()
    assert [(refund.reason, refund.amount) for refund in await till.refunds(order)] == [("Разбилась в пути", 50000)]
    assert await till.db.read(refunding.refundable, await till.payment(payment.id)) == Money(95000)


async def test_a_refund_that_the_bank_declines_later_frees_its_sum(till: Till) -> None:
    """There is no notification of a cancelled refund: the poller finds out."""
    order, payment = await till.paid_order()
    till.bank.plan_refunds(RefundOutcome.STAYS_PENDING)
    refund = await till.refund(payment, 145000, "form-1")
    await till.settle()
    [pending] = await till.refunds(order)
    assert pending.state == RefundStage.PENDING
    assert pending.provider_id is not None
    assert (await till.now(order)).paid == Money(145000)
    till.bank.finish_refund(pending.provider_id, succeeds=False)
    await till.poll()
    [failed] = await till.refunds(order)
    assert (failed.id, failed.state, failed.error) == (refund.id, RefundStage.CANCELLED, "insufficient_funds")
    assert await till.db.read(refunding.refundable, await till.payment(payment.id)) == Money(145000)


async def test_a_pending_refund_ends_by_its_notification(till: Till) -> None:
    order, payment = await till.paid_order()
    till.bank.plan_refunds(RefundOutcome.STAYS_PENDING)
    await till.refund(payment, 145000, "form-1")
    await till.settle()
    [pending] = await till.refunds(order)
    assert pending.provider_id is not None
    till.bank.finish_refund(pending.provider_id)
    await till.settle()
    assert (await till.now(order)).paid == Money(0)


async def test_a_refund_that_the_provider_refuses_is_said_to_have_failed(till: Till) -> None:
    order, payment = await till.paid_order()
    assert payment.provider_id is not None
    till.bank.bank.payments[payment.provider_id].refunded = Money(145000)
    await till.refund(payment, 145000, "form-1")
    await till.settle()
    [failed] = await till.refunds(order)
    assert failed.state == RefundStage.CANCELLED
    assert failed.error
    assert (await till.now(order)).paid == Money(145000)


async def test_refunds_made_in_the_providers_cabinet_are_entered_here(till: Till) -> None:
    order, payment = await till.paid_order()
    for rubles in ("450.00", "50.00"):
        async with till.http.post(
            f"{till.bank.api_url}/refunds",
            json={"payment_id": payment.provider_id, "amount": {"value": rubles, "currency": "RUB"}},
            headers={"Idempotence-Key": rubles, "Authorization": aiohttp.encode_basic_auth(MERCHANT, SECRET)},
        ) as response:
            assert response.status == 200
    await till.settle()
    adopted = await till.refunds(order)
    assert {(refund.state, refund.reason) for refund in adopted} == {(RefundStage.SUCCEEDED, refunding.OUTSIDE)}
    assert sorted(refund.amount for refund in adopted) == [5000, 45000]
    assert (await till.now(order)).paid == Money(95000)


async def test_a_returned_late_payment_needs_nobody_any_more(till: Till) -> None:
    order = await till.order()
    payment = await till.link(order)
    await till.cancel(order)
    assert payment.provider_id is not None
    till.bank.pay(payment.provider_id)
    await till.settle()
    assert await till.questions() == ["late_payment"]
    await till.refund(await till.payment(payment.id), 145000, "form-1")
    await till.settle()
    assert await till.questions() == []
    assert (await till.now(order)).flag == ""
