"""What the tax office gets with a payment: every piece, after discount, with delivery, to the kopeck."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from payments import charging
from payments.fiscal import ReceiptNeedsContact
from tests.payments.till import MERCHANT, Till


async def receipt_of(till: Till, **how: Any) -> dict[str, Any] | None:
    await till.link(await till.order(**how))
    [call] = [call for call in till.bank.calls if call.method == "POST"]
    receipt: dict[str, Any] | None = call.body.get("receipt")
    return receipt


@pytest.mark.parametrize(("quantity", "discount"), [(1, 0), (3, 100), (7, 99999), (3, 434999)])
async def test_the_items_add_up_to_the_payment(till: Till, quantity: int, discount: int) -> None:
    receipt = await receipt_of(till, quantity=quantity, discount=discount)
    assert receipt is not None
    total = sum(Decimal(item["amount"]["value"]) * item["quantity"] for item in receipt["items"])
    assert total == Decimal(145000 * quantity - discount) / 100
    assert receipt["customer"] == {"email": "anna@clay.example", "phone": "79001234567"}
    assert {item["vat_code"] for item in receipt["items"]} == {1}


async def test_a_shop_that_sends_no_receipts_sends_none(till: Till) -> None:
    await till.wants(receipts={"send": False})
    assert await receipt_of(till) is None


async def test_what_an_account_says_of_receipts_counts_before_the_shop(till: Till) -> None:
    await till.wants(receipts={"send": False})
    await till.account_says(send_receipts=True)
    assert await receipt_of(till) is not None


async def test_an_account_that_sends_no_receipts_needs_no_contact(till: Till) -> None:
    await till.account_says(send_receipts=False)
    assert await receipt_of(till, phone="", email="") is None


async def test_the_shops_tax_and_mode_are_used(till: Till) -> None:
    await till.wants(receipts={"vat_code": 11, "tax_system": 2, "payment_mode": "full_prepayment"})
    receipt = await receipt_of(till)
    assert receipt is not None
    [item] = receipt["items"]
    assert (item["vat_code"], item["payment_mode"], receipt["tax_system_code"]) == (11, "full_prepayment", 2)


async def test_no_link_is_made_where_the_receipt_has_nobody_to_go_to(till: Till) -> None:
    order_id = await till.order(phone="", email="")
    with pytest.raises(ReceiptNeedsContact):
        await till.link(order_id)
    assert not [call for call in till.bank.calls if call.method == "POST"]


async def test_a_shop_without_a_cash_register_needs_no_contact(till: Till) -> None:
    await till.account_says(receipts=False)
    assert await receipt_of(till, phone="", email="") is None


async def test_what_the_provider_refuses_is_told_with_its_words(till: Till) -> None:
    await till.account_says(receipts=False)
    till.bank.bank.shops[MERCHANT] = replace(till.bank.bank.shops[MERCHANT], receipts_required=True)
    payment = await till.link(await till.order(phone="", email=""))
    assert payment.state == "cancelled"
    assert payment.reason == "invalid_request: Receipt is missing or illegal (receipt)"
    assert charging.was_refused(payment)
