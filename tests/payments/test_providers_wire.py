"""Translation without a network: YooKassa's objects, notifications and addresses; manual payments; the values."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kit.money import Money
from payments.providers import Account, open_provider
from payments.providers.base import (
    Charge,
    Notice,
    NoticeKind,
    PaymentState,
    ProviderRefused,
    Receipt,
    ReceiptItem,
    RefundState,
)
from payments.providers.manual import Manual
from payments.providers.yookassa_wire import (
    NotUnderstood,
    is_trusted_ip,
    notice_of,
    payment_body,
    payment_of,
    refund_body,
    refund_of,
)
from tests.emulators import yookassa_contract

PAYMENT: dict[str, Any] = {
    "id": "2d0a4b1c-000f-5000-8000-1a2b3c4d5e6f",
    "status": "succeeded",
    "amount": {"value": "10.00", "currency": "RUB"},
    "recipient": {"account_id": "123", "gateway_id": "456"},
    "created_at": "2026-11-22T10:00:00.000Z",
    "paid": True,
    "refundable": True,
    "test": False,
}
REFUND: dict[str, Any] = {
    "id": "2d0a4b1d-0015-5000-8000-1a2b3c4d5e6f",
    "payment_id": PAYMENT["id"],
    "status": "succeeded",
    "amount": {"value": "10.00", "currency": "RUB"},
    "created_at": "2026-11-22T10:00:00.000Z",
}
RECORDED = yookassa_contract.SPEC.parent / "php_sdk_fixtures"
"""Answers from the tests of the official PHP library."""
CHARGE = Charge("key", Money(100_00), "Заказ", "https://clay.example/thanks", {"order": "72"})

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)


@pytest.mark.parametrize(
    ("status", "state", "paid"),
    [
        ("pending", PaymentState.PENDING, 0),
        ("waiting_for_capture", PaymentState.AUTHORISED, 0),
        ("succeeded", PaymentState.PAID, 10_00),
        ("canceled", PaymentState.CANCELLED, 0),
        ("a_new_one", PaymentState.UNKNOWN, 0),
    ],
)
def test_a_status_is_translated_and_an_unknown_one_is_unknown(status: str, state: PaymentState, paid: int) -> None:
    payment = payment_of({**PAYMENT, "status": status})
    assert (payment.state, payment.paid) == (state, Money(paid))


@pytest.mark.parametrize("method", [{"type": "crystals"}, {"type": "bank_card", "title": "Bank card *4444"}, None])
def test_a_new_means_of_payment_is_no_error(method: dict[str, Any] | None) -> None:
    payment = payment_of({**PAYMENT, "payment_method": method})
    assert payment.method == (None if method is None else method.get("title", method["type"]))


def test_amounts_are_exact() -> None:
    assert payment_of({**PAYMENT, "amount": {"value": "1234567.89", "currency": "RUB"}}).paid == Money(1234567_89)
    assert payment_body(replace(CHARGE, amount=Money(29_07)))["amount"] == {"value": "29.07", "currency": "RUB"}


@given(field=st.sampled_from(sorted(PAYMENT)), value=json_values)
def test_a_strange_payment_is_understood_or_refused_and_never_a_crash(field: str, value: Any) -> None:
    raw = {**PAYMENT, field: value}
    try:
        payment = payment_of(raw)
    except NotUnderstood:
        return
    assert payment.state is not PaymentState.PAID or payment.paid == payment.amount


@given(field=st.sampled_from(sorted(REFUND)), value=json_values)
def test_a_strange_refund_is_understood_or_refused_and_never_a_crash(field: str, value: Any) -> None:
    try:
        refund = refund_of({**REFUND, field: value})
    except NotUnderstood:
        return
    assert refund.state in RefundState


@pytest.mark.parametrize(
    ("event", "kind"),
    [
        ("payment.succeeded", NoticeKind.PAYMENT),
        ("payment.waiting_for_capture", NoticeKind.PAYMENT),
        ("payment.canceled", NoticeKind.PAYMENT),
        ("refund.succeeded", NoticeKind.REFUND),
    ],
)
def test_a_notification_hints_at_an_object(event: str, kind: NoticeKind) -> None:
    body = orjson.dumps({"type": "notification", "event": event, "object": PAYMENT})
    assert notice_of(body) == Notice(PAYMENT["id"], kind)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b"{",
        b"null",
        b'{"event": "payment.succeeded"}',
        b'{"event": "payment.succeeded", "object": {"id": "../me"}}',
        b'{"event": "payment.succeeded", "object": {"id": 7}}',
        b'{"event": ["payment.succeeded"], "object": {"id": "7"}}',
        b'{"event": "payout.succeeded", "object": {"id": "7"}}',
        b'{"event": "payment.succeeded", "object": {"id": "7"}}' + b" " * 300_000,
    ],
)
def test_anything_else_hints_at_nothing(body: bytes) -> None:
    assert notice_of(body) is None


@given(st.binary(max_size=200))
def test_no_bytes_crash_the_notification(body: bytes) -> None:
    assert notice_of(body) is None


@pytest.mark.parametrize(
    "address",
    ["185.71.76.1", "185.71.77.31", "77.75.153.127", "77.75.154.128", "77.75.156.11", "77.75.156.35", "2a02:5180::1"],
)
def test_yookassa_calls_from_its_networks(address: str) -> None:
    assert is_trusted_ip(address)
    assert is_trusted_ip(f"::ffff:{address}") == ("." in address)


@pytest.mark.parametrize(
    "address",
    ["185.71.76.32", "77.75.153.128", "77.75.156.12", "2a02:5181::1", "", "185.71.76.1, 1.1.1.1"],
)
def test_nobody_else_does(address: str) -> None:
    assert not is_trusted_ip(address)


PHP_PAYMENTS = {
    "createPaymentFixtures.json": PaymentState.PAID,
    "createPaymentErrorsGeneralFixtures.json": PaymentState.CANCELLED,
    "paymentInfoFixtures.json": PaymentState.PAID,
    "cancelPaymentFixtures.json": PaymentState.PAID,
    "getPaymentsFixtures.json": PaymentState.PAID,
}


@pytest.mark.skipif(not RECORDED.exists(), reason="the recorded answers are not here (../shared/specs/yookassa)")
@pytest.mark.parametrize(("name", "state"), PHP_PAYMENTS.items())
def test_recorded_answers_are_understood(name: str, state: PaymentState) -> None:
    content = orjson.loads((RECORDED / name).read_bytes())
    for raw in content.get("items", [content]):
        payment = payment_of(raw)
        assert (payment.state, payment.account, payment.amount.currency) == (state, "123", "RUB")
        assert payment.reason == ("general_decline" if state is PaymentState.CANCELLED else None)


@pytest.mark.skipif(not RECORDED.exists(), reason="the recorded answers are not here (../shared/specs/yookassa)")
def test_recorded_refunds_are_understood() -> None:
    for raw in orjson.loads((RECORDED / "refundsInfoFixtures.json").read_bytes())["items"]:
        refund = refund_of(raw)
        assert (refund.state, refund.amount) == (RefundState.SUCCEEDED, Money(10_00))


def test_our_requests_are_what_the_description_asks_for() -> None:
    items = (
        ReceiptItem("Чашка " + "о" * 200, 3, Money(10_00), 12),
        ReceiptItem("Доставка", 1, Money(70_00), 11, "service"),
    )
    receipt = Receipt(items, email="anna@example.com", phone="+7 (900) 000-00-00", tax_system=2)
    paths = yookassa_contract.description()["paths"]
    payment = payment_body(replace(CHARGE, description="Заказ " * 40, receipt=receipt))
    refund = refund_body(PAYMENT["id"], Money(100_00), "Причина " * 60, receipt)
    for path, body in (("/payments", payment), ("/refunds", refund)):
        schema = paths[path]["post"]["requestBody"]["content"]["application/json"]["schema"]
        assert yookassa_contract.faults_in(body, schema) == []
    assert payment["receipt"]["customer"] == {"email": "anna@example.com", "phone": "79000000000"}
    assert len(payment["receipt"]["items"][0]["description"]) == 128


@pytest.mark.parametrize("key", ["", "k" * 65, "ключ", "a b", "a\nb"])
def test_a_charge_needs_a_proper_key(key: str) -> None:
    with pytest.raises(ValueError, match="idempotence key"):
        replace(CHARGE, key=key)


def test_a_receipt_must_add_up_and_have_somebody_to_go_to() -> None:
    cup = ReceiptItem("Чашка", 1, Money(99_99), 1)
    with pytest.raises(ValueError, match="add up"):
        replace(CHARGE, receipt=Receipt((cup,), phone="79000000000"))
    with pytest.raises(ValueError, match="e-mail or a phone"):
        Receipt((cup,))
    with pytest.raises(ValueError, match="at least one item"):
        Receipt((), phone="79000000000")


async def test_a_manual_payment_waits_for_a_person() -> None:
    manual = open_provider("manual", Account("cash"))
    assert isinstance(manual, Manual)
    created = await manual.create(CHARGE)
    assert (created.state, created.confirmation_url, created.paid) == (PaymentState.PENDING, None, Money(0))
    assert not manual.can_be_asked
    with pytest.raises(ProviderRefused):
        await manual.fetch(created.provider_id)
    received = manual.received(created.provider_id, Money(100_00), CHARGE.metadata)
    assert (received.state, received.paid, received.metadata) == (PaymentState.PAID, Money(100_00), {"order": "72"})
    refund = await manual.refund(created.provider_id, Money(40_00), key="key-2", reason="Скол")
    assert (refund.state, refund.amount, refund.payment_id) == (
        RefundState.SUCCEEDED,
        Money(40_00),
        created.provider_id,
    )


def test_the_sdk_is_loaded_only_for_those_who_have_an_account() -> None:
    code = (
        "import sys, payments.providers, payments.providers.yookassa_wire, payments.receipts;"
        "payments.providers.open_provider('manual', payments.providers.Account('', ''));"
        "sys.exit('yookassa' in sys.modules or 'requests' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
