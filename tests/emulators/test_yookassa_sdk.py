"""The official SDK, unmodified, against the emulator; every call of it is held against the official description."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
from yookassa import Configuration, Payment, Receipt, Refund, Settings
from yookassa.domain.exceptions import BadRequestError, NotFoundError, UnauthorizedError
from yookassa.domain.notification import WebhookNotificationFactory

from emulators.yookassa import Shop, YooKassaEmulator
from tests.emulators import yookassa_contract

SHOP = Shop("100500", "test_secret", title="Глина и лён", receipts_required=False)
ITEM = {
    "description": "Чашка «Волна», песочная",
    "quantity": 2,
    "amount": {"value": "50.00", "currency": "RUB"},
    "vat_code": 1,
    "payment_subject": "commodity",
    "payment_mode": "full_prepayment",
}
RECEIPT = {"customer": {"email": "anna@example.com"}, "items": [ITEM], "tax_system_code": 2}


def order(value: str = "100.00", **more: Any) -> dict[str, Any]:
    return {
        "amount": {"value": value, "currency": "RUB"},
        "confirmation": {"type": "redirect", "return_url": "https://clay.example/thanks"},
        "description": "Заказ 72",
        "metadata": {"order": "72"},
        **more,
    }


@pytest.fixture
async def yookassa() -> AsyncIterator[YooKassaEmulator]:
    async with YooKassaEmulator([SHOP], pause_scale=0.001) as emulator:
        Configuration.configure(SHOP.id, SHOP.secret, api_url=emulator.api_url)
        yield emulator


async def sdk(call: Callable[..., Any], *arguments: Any) -> Any:
    """The SDK blocks, so it works in a thread."""
    return await asyncio.to_thread(call, *arguments)


async def test_a_payment_is_created_found_paid_and_refunded(yookassa: YooKassaEmulator) -> None:
    created = await sdk(Payment.create, order(capture=True), "key-1")
    assert (created.status, created.paid, created.test) == ("pending", False, True)
    assert created.confirmation.confirmation_url.endswith(f"/checkout/{created.id}")

    yookassa.pay(created.id, "sbp")
    found = await sdk(Payment.find_one, created.id)
    assert (found.status, found.paid, found.refundable, found.payment_method.type) == ("succeeded", True, True, "sbp")
    assert str(found.amount.value) == "100.00"
    assert found.metadata["order"] == "72"

    wanted = {"payment_id": created.id, "amount": {"value": "30.00", "currency": "RUB"}, "description": "Скол"}
    refund = await sdk(Refund.create, wanted, "key-2")
    assert refund.status == "succeeded"
    assert (await sdk(Refund.find_one, refund.id)).payment_id == created.id
    assert str((await sdk(Payment.find_one, created.id)).refunded_amount.value) == "30.00"
    assert yookassa_contract.check(yookassa.calls) == 5


async def test_money_is_held_and_a_part_of_it_captured(yookassa: YooKassaEmulator) -> None:
    created = await sdk(Payment.create, order(), "key-1")
    yookassa.hold(created.id)
    held = await sdk(Payment.find_one, created.id)
    assert (held.status, held.paid, held.expires_at is not None) == ("waiting_for_capture", True, True)

    part = {"amount": {"value": "40.00", "currency": "RUB"}}
    captured = await sdk(Payment.capture, created.id, part, "key-2")
    assert (captured.status, str(captured.amount.value)) == ("succeeded", "40.00")
    assert yookassa.paid(created.id).amount == 4000
    assert yookassa_contract.check(yookassa.calls) == 3


async def test_held_money_is_given_back(yookassa: YooKassaEmulator) -> None:
    created = await sdk(Payment.create, order(), "key-1")
    yookassa.hold(created.id)
    cancelled = await sdk(Payment.cancel, created.id, "key-2")
    assert cancelled.status == "canceled"
    assert (cancelled.cancellation_details.party, cancelled.cancellation_details.reason) == (
        "merchant",
        "canceled_by_merchant",
    )
    assert yookassa_contract.check(yookassa.calls) == 2


async def test_payments_come_in_pages_the_newest_first(yookassa: YooKassaEmulator) -> None:
    ids = [(await sdk(Payment.create, order(f"{n}.00"), f"key-{n}")).id for n in range(1, 6)]
    yookassa.pay(ids[0])
    first = await sdk(Payment.list, {"limit": 3})
    second = await sdk(Payment.list, {"limit": 3, "cursor": first.next_cursor})
    amounts = [str(p.amount.value) for p in [*first.items, *second.items]]
    assert sorted(amounts) == ["1.00", "2.00", "3.00", "4.00", "5.00"]
    assert second.next_cursor is None
    held = await sdk(Payment.list, {"status": "waiting_for_capture"})
    assert [p.id for p in held.items] == [ids[0]]
    assert yookassa_contract.check(yookassa.calls) == 8


async def test_a_payment_with_a_receipt_registers_it(yookassa: YooKassaEmulator) -> None:
    created = await sdk(Payment.create, order(capture=True, receipt=RECEIPT), "key-1")
    yookassa.pay(created.id)
    assert (await sdk(Payment.find_one, created.id)).receipt_registration == "pending"
    listed = await sdk(Receipt.list, {"payment_id": created.id})
    assert [(r.type, r.status) for r in listed.items] == [("payment", "pending")]
    assert yookassa_contract.check(yookassa.calls, requests=False) == 3


async def test_a_second_receipt_is_registered_on_its_own(yookassa: YooKassaEmulator) -> None:
    created = await sdk(Payment.create, order(capture=True), "key-1")
    yookassa.pay(created.id)
    body = {
        "type": "payment",
        "payment_id": created.id,
        "customer": {"phone": "79000000000"},
        "items": [{**ITEM, "payment_mode": "full_payment"}],
        "settlements": [{"type": "prepayment", "amount": {"value": "100.00", "currency": "RUB"}}],
        "send": True,
    }
    receipt = await sdk(Receipt.create, body, "key-2")
    assert receipt.status == "pending"
    found = await sdk(Receipt.find_one, receipt.id)
    assert (found.id, found.items[0].payment_mode) == (receipt.id, "full_payment")
    assert yookassa_contract.check(yookassa.calls, requests=False) == 3


async def test_the_shop_can_ask_about_itself(yookassa: YooKassaEmulator) -> None:
    me = await sdk(Settings.get_account_settings)
    assert (me.account_id, me.status, me.test) == ("100500", "enabled", True)
    assert yookassa_contract.check(yookassa.calls) == 1


async def test_the_same_key_makes_one_payment_and_another_body_is_refused(yookassa: YooKassaEmulator) -> None:
    first = await sdk(Payment.create, order(), "key-1")
    again = await sdk(Payment.create, order(), "key-1")
    assert again.id == first.id
    with pytest.raises(BadRequestError) as refused:
        await sdk(Payment.create, order("101.00"), "key-1")
    assert refused.value.content["description"] == "Idempotence key duplicated"
    assert refused.value.content["parameter"] == "Idempotence-Key"
    assert len(yookassa.bank.payments) == 1
    assert yookassa_contract.check(yookassa.calls) == 3


async def test_errors_are_those_the_sdk_knows(yookassa: YooKassaEmulator) -> None:
    with pytest.raises(NotFoundError) as missing:
        await sdk(Payment.find_one, "2d0a4b1c-000f-5000-8000-1a2b3c4d5e6f")
    assert missing.value.content["parameter"] == "payment_id"

    created = await sdk(Payment.create, order(), "key-1")
    with pytest.raises(BadRequestError):
        await sdk(Payment.capture, created.id, None, "key-2")

    Configuration.configure(SHOP.id, "another_secret", api_url=yookassa.api_url)
    with pytest.raises(UnauthorizedError) as stranger:
        await sdk(Payment.find_one, created.id)
    assert stranger.value.content["code"] == "invalid_credentials"


async def test_notifications_are_read_by_the_sdk(yookassa: YooKassaEmulator) -> None:
    created = await sdk(Payment.create, order(), "key-1")
    yookassa.hold(created.id)
    await sdk(Payment.capture, created.id, None, "key-2")
    wanted = {"payment_id": created.id, "amount": {"value": "100.00", "currency": "RUB"}}
    await sdk(Refund.create, wanted, "key-3")
    notices = [
        WebhookNotificationFactory().create({"type": "notification", "event": n.event, "object": n.object})
        for n in yookassa.notifications
    ]
    assert [(n.event, n.object.status) for n in notices] == [
        ("payment.waiting_for_capture", "waiting_for_capture"),
        ("payment.succeeded", "succeeded"),
        ("refund.succeeded", "succeeded"),
    ]
