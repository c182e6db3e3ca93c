"""What the API refuses and what follows what, over plain HTTP as any client would see it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import aiohttp
import orjson
import pytest

from emulators.yookassa import Shop, YooKassaEmulator, read_ledger
from emulators.yookassa.bank import NotPossible, RefundOutcome, Terms
from kit.money import Money
from tests.emulators import yookassa_contract

CLAY = Shop("100500", "clay_secret", title="Глина и лён")
LINEN = Shop("100501", "linen_secret", title="Лён", receipts_required=True)
ITEM = {
    "description": "Скатерть льняная",
    "quantity": 1,
    "amount": {"value": "100.00", "currency": "RUB"},
    "vat_code": 11,
}
RECEIPT = {"customer": {"phone": "79000000000"}, "items": [ITEM]}


class Clock:
    """The emulator's clock, moved by the test."""

    def __init__(self) -> None:
        self.now = datetime(2026, 11, 22, 12, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now

    def pass_by(self, **time: float) -> None:
        self.now += timedelta(**time)


class Client:
    def __init__(self, http: aiohttp.ClientSession, url: str) -> None:
        self._http, self._url, self._keys = http, url, 0

    async def get(self, path: str, shop: Shop = CLAY) -> tuple[int, Any]:
        async with self._http.get(self._url + path, headers=signed(shop)) as answer:
            return answer.status, orjson.loads(await answer.read())

    async def post(self, path: str, body: Any, shop: Shop = CLAY, key: str | None = "") -> tuple[int, Any]:
        """With a fresh idempotence key unless one is given; None sends none."""
        self._keys += 1
        headers = signed(shop) | ({} if key is None else {"Idempotence-Key": key or f"key-{self._keys}"})
        async with self._http.post(self._url + path, json=body, headers=headers) as answer:
            return answer.status, orjson.loads(await answer.read())

    async def pay_link(self, value: str = "100.00", shop: Shop = CLAY, **more: Any) -> dict[str, Any]:
        status, payment = await self.post("/payments", order(value, **more), shop)
        assert status == 200, payment
        assert isinstance(payment, dict)
        return payment


def signed(shop: Shop) -> dict[str, str]:
    return {"Authorization": aiohttp.encode_basic_auth(shop.id, shop.secret)}


def order(value: str = "100.00", **more: Any) -> dict[str, Any]:
    return {
        "amount": {"value": value, "currency": "RUB"},
        "capture": True,
        "confirmation": {"type": "redirect", "return_url": "https://clay.example/thanks"},
        "metadata": {"order": "72"},
        **more,
    }


def rubles(value: str) -> dict[str, str]:
    return {"value": value, "currency": "RUB"}


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
async def yookassa(clock: Clock, tmp_path: Path) -> AsyncIterator[YooKassaEmulator]:
    emulator = YooKassaEmulator([CLAY, LINEN], clock=clock, journal=tmp_path / "journal.jsonl", durable_journal=True)
    async with emulator:
        yield emulator


@pytest.fixture
async def client(yookassa: YooKassaEmulator) -> AsyncIterator[Client]:
    async with aiohttp.ClientSession() as http:
        yield Client(http, yookassa.api_url)


BAD_PAYMENTS = [
    ("amount", {"amount": None}),
    ("amount.value", {"amount": {"value": "0.00", "currency": "RUB"}}),
    ("amount.value", {"amount": {"value": "1,50", "currency": "RUB"}}),
    ("amount.value", {"amount": {"value": "1.505", "currency": "RUB"}}),
    ("amount.value", {"amount": {"value": 10, "currency": "RUB"}}),
    ("amount.currency", {"amount": {"value": "10.00", "currency": "USD"}}),
    ("amount.currency", {"amount": {"value": "10.00", "currency": "XXX"}}),
    ("confirmation", {"confirmation": None}),
    ("confirmation.type", {"confirmation": {"type": "qr"}}),
    ("confirmation.return_url", {"confirmation": {"type": "redirect"}}),
    ("confirmation.return_url", {"confirmation": {"type": "redirect", "return_url": "javascript:alert(1)"}}),
    ("confirmation.return_url", {"confirmation": {"type": "redirect", "return_url": "https://a.b/" + "x" * 2048}}),
    ("description", {"description": "x" * 129}),
    ("capture", {"capture": "yes"}),
    ("metadata", {"metadata": {f"k{n}": "v" for n in range(17)}}),
    ("metadata." + "k" * 32, {"metadata": {"k" * 33: "v"}}),
    ("metadata.order", {"metadata": {"order": "x" * 513}}),
    ("metadata.order", {"metadata": {"order": 72}}),
    ("payment_method_data.type", {"payment_method_data": {"type": "barter"}}),
    ("receipt.items", {"receipt": {**RECEIPT, "items": []}}),
    ("receipt.items", {"receipt": {**RECEIPT, "items": [{**ITEM, "quantity": 2}]}}),
    ("receipt.items", {"receipt": {**RECEIPT, "items": [ITEM] * 81}}),
    ("receipt.items[0].description", {"receipt": {**RECEIPT, "items": [{**ITEM, "description": "x" * 129}]}}),
    ("receipt.items[0].vat_code", {"receipt": {**RECEIPT, "items": [{**ITEM, "vat_code": 13}]}}),
    ("receipt.items[0].quantity", {"receipt": {**RECEIPT, "items": [{**ITEM, "quantity": 1.0005}]}}),
    ("receipt.items[0].payment_mode", {"receipt": {**RECEIPT, "items": [{**ITEM, "payment_mode": "barter"}]}}),
    ("receipt.tax_system_code", {"receipt": {**RECEIPT, "tax_system_code": 7}}),
    ("receipt.customer.email", {"receipt": {**RECEIPT, "customer": {}}}),
    ("receipt.customer.email", {"receipt": {**RECEIPT, "customer": {"email": "anna"}}}),
    ("receipt.customer.phone", {"receipt": {**RECEIPT, "customer": {"phone": "8 (900) 000"}}}),
]


@pytest.mark.parametrize(
    ("parameter", "change"), BAD_PAYMENTS, ids=[f"{n}-{p}" for n, (p, _) in enumerate(BAD_PAYMENTS)]
)
async def test_a_bad_field_is_refused_by_name(
    yookassa: YooKassaEmulator, client: Client, parameter: str, change: dict[str, Any]
) -> None:
    body = {name: value for name, value in order(**change).items() if value is not None}
    status, error = await client.post("/payments", body)
    assert (status, error["type"], error["code"], error["parameter"]) == (400, "error", "invalid_request", parameter)
    assert yookassa.bank.payments == {}
    yookassa_contract.check(yookassa.calls)


async def test_a_shop_with_a_cash_register_must_send_a_receipt(yookassa: YooKassaEmulator, client: Client) -> None:
    status, error = await client.post("/payments", order(), LINEN)
    assert (status, error["description"], error["parameter"]) == (400, "Receipt is missing or illegal", "receipt")
    await client.pay_link(shop=LINEN, receipt=RECEIPT)


async def test_a_key_is_required_and_limited(client: Client) -> None:
    status, error = await client.post("/payments", order(), key=None)
    assert (status, error["description"], error["parameter"]) == (400, "Idempotence key is missing", "Idempotence-Key")
    status, error = await client.post("/payments", order(), key="k" * 65)
    assert (status, error["parameter"]) == (400, "Idempotence-Key")


async def test_a_key_is_forgotten_after_a_day(clock: Clock, client: Client) -> None:
    _, first = await client.post("/payments", order(), key="k")
    clock.pass_by(hours=23, minutes=59)
    assert (await client.post("/payments", order(), key="k"))[1]["id"] == first["id"]
    clock.pass_by(minutes=2)
    assert (await client.post("/payments", order(), key="k"))[1]["id"] != first["id"]


async def test_keys_of_two_shops_do_not_meet(client: Client) -> None:
    _, clay = await client.post("/payments", order(), key="k")
    _, linen = await client.post("/payments", order(receipt=RECEIPT), LINEN, key="k")
    assert clay["id"] != linen["id"]
    assert (clay["recipient"]["account_id"], linen["recipient"]["account_id"]) == ("100500", "100501")


async def test_a_shop_sees_its_own_payments_alone(yookassa: YooKassaEmulator, client: Client) -> None:
    payment = await client.pay_link()
    yookassa.pay(payment["id"])
    assert (await client.get(f"/payments/{payment['id']}", LINEN))[0] == 404
    assert (await client.get("/payments", LINEN))[1]["items"] == []
    status, error = await client.post("/refunds", {"payment_id": payment["id"], "amount": rubles("1.00")}, LINEN)
    assert (status, error["description"]) == (400, "Payment not found or forbidden")
    assert (await client.get("/payments", replace(CLAY, secret="guess")))[0] == 401


async def test_an_unpaid_link_expires_in_an_hour(clock: Clock, yookassa: YooKassaEmulator, client: Client) -> None:
    payment = await client.pay_link()
    clock.pass_by(minutes=61)
    _, found = await client.get(f"/payments/{payment['id']}")
    assert (found["status"], found["cancellation_details"]["reason"]) == ("canceled", "expired_on_confirmation")
    with pytest.raises(NotPossible):
        yookassa.pay(payment["id"])
    assert [n.event for n in yookassa.notifications] == ["payment.canceled"]


@pytest.mark.parametrize(("method", "hours"), [("bank_card", 7 * 24), ("yoo_money", 6)])
async def test_held_money_goes_back_when_the_shop_is_late(
    clock: Clock, yookassa: YooKassaEmulator, client: Client, method: str, hours: int
) -> None:
    payment = await client.pay_link(capture=False)
    yookassa.hold(payment["id"], method)
    clock.pass_by(hours=hours, minutes=-1)
    assert (await client.get(f"/payments/{payment['id']}"))[1]["status"] == "waiting_for_capture"
    clock.pass_by(minutes=2)
    _, found = await client.get(f"/payments/{payment['id']}")
    assert found["cancellation_details"] == {"party": "yoo_money", "reason": "expired_on_capture"}
    assert yookassa.paid(payment["id"]) == Money(0)


async def test_only_held_money_is_captured_or_given_back(yookassa: YooKassaEmulator, client: Client) -> None:
    payment = await client.pay_link()
    for verb in ("capture", "cancel"):
        status, error = await client.post(f"/payments/{payment['id']}/{verb}", {})
        assert (status, error["parameter"]) == (400, "payment_id")
    yookassa.pay(payment["id"])
    assert (await client.post(f"/payments/{payment['id']}/cancel", {}))[0] == 400


async def test_no_more_is_captured_than_was_held(yookassa: YooKassaEmulator, client: Client) -> None:
    payment = await client.pay_link(capture=False)
    yookassa.hold(payment["id"])
    status, error = await client.post(f"/payments/{payment['id']}/capture", {"amount": rubles("100.01")})
    assert (status, error["parameter"]) == (400, "amount.value")


async def test_refunds_never_exceed_the_payment(yookassa: YooKassaEmulator, client: Client) -> None:
    payment = await client.pay_link()
    wanted = {"payment_id": payment["id"], "amount": rubles("60.00")}
    assert (await client.post("/refunds", wanted))[0] == 400
    yookassa.pay(payment["id"])
    yookassa.plan_refunds(RefundOutcome.STAYS_PENDING)
    _, pending = await client.post("/refunds", wanted)
    assert pending["status"] == "pending"
    status, error = await client.post("/refunds", wanted)
    assert (status, error["parameter"]) == (400, "amount.value")
    yookassa.finish_refund(pending["id"])
    _, rest = await client.post("/refunds", {**wanted, "amount": rubles("40.00")})
    assert rest["status"] == "succeeded"
    _, found = await client.get(f"/payments/{payment['id']}")
    assert (found["refunded_amount"], found["refundable"]) == (rubles("100.00"), False)
    assert (yookassa.paid_for("72"), yookassa.refunded_for("72")) == (Money(10000), Money(10000))


async def test_a_refund_without_funds_is_cancelled_and_announced_by_nobody(
    yookassa: YooKassaEmulator, client: Client
) -> None:
    payment = await client.pay_link()
    yookassa.pay(payment["id"])
    yookassa.plan_refunds(RefundOutcome.LACKS_FUNDS)
    _, refund = await client.post("/refunds", {"payment_id": payment["id"], "amount": rubles("10.00")})
    assert (refund["status"], refund["cancellation_details"]["reason"]) == ("canceled", "insufficient_funds")
    assert [n.event for n in yookassa.notifications] == ["payment.succeeded"]
    assert yookassa.refunded(payment["id"]) == Money(0)
    yookassa_contract.check(yookassa.calls)


async def test_a_part_refund_of_a_shop_with_a_cash_register_needs_a_receipt(
    yookassa: YooKassaEmulator, client: Client
) -> None:
    payment = await client.pay_link(shop=LINEN, receipt=RECEIPT)
    yookassa.pay(payment["id"])
    wanted = {"payment_id": payment["id"], "amount": rubles("25.00")}
    assert (await client.post("/refunds", wanted, LINEN))[1]["parameter"] == "receipt"
    items = [{**ITEM, "amount": rubles("25.00")}]
    status, refund = await client.post("/refunds", {**wanted, "receipt": {**RECEIPT, "items": items}}, LINEN)
    assert (status, refund["receipt_registration"]) == (200, "pending")
    yookassa_contract.check(yookassa.calls)


async def test_receipts_are_registered_after_a_while(clock: Clock, yookassa: YooKassaEmulator, client: Client) -> None:
    payment = await client.pay_link(shop=LINEN, receipt=RECEIPT)
    yookassa.pay(payment["id"])
    assert (await client.get(f"/payments/{payment['id']}", LINEN))[1]["receipt_registration"] == "pending"
    clock.pass_by(seconds=3)
    assert (await client.get(f"/payments/{payment['id']}", LINEN))[1]["receipt_registration"] == "succeeded"
    _, listed = await client.get(f"/receipts?payment_id={payment['id']}&status=succeeded", LINEN)
    assert [item["fiscal_document_number"] for item in listed["items"]] == ["3001"]
    yookassa_contract.check(yookassa.calls)


async def test_lists_are_filtered_by_time_status_and_method(
    clock: Clock, yookassa: YooKassaEmulator, client: Client
) -> None:
    old = await client.pay_link()
    yookassa.pay(old["id"], "sbp")
    clock.pass_by(minutes=10)
    new = await client.pay_link()
    since = "2026-11-22T12:05:00.000Z"

    async def ids(query: str) -> list[str]:
        return [payment["id"] for payment in (await client.get(f"/payments?{query}"))[1]["items"]]

    assert await ids("limit=100") == [new["id"], old["id"]]
    assert await ids(f"created_at.gte={since}") == [new["id"]]
    assert await ids(f"created_at.lt={since}") == [old["id"]]
    assert await ids(f"captured_at.lt={since}") == [old["id"]]
    assert await ids("payment_method=sbp") == [old["id"]]
    assert await ids("status=pending") == [new["id"]]
    for query, parameter in (
        ("limit=0", "limit"),
        ("limit=101", "limit"),
        ("status=odd", "status"),
        ("cursor=odd", "cursor"),
        ("created_at.gte=soon", "created_at.gte"),
    ):
        status, error = await client.get(f"/payments?{query}")
        assert (status, error["parameter"]) == (400, parameter)


async def test_the_journal_file_holds_the_same_books(
    yookassa: YooKassaEmulator, client: Client, tmp_path: Path
) -> None:
    first, second = await client.pay_link("10.00"), await client.pay_link("20.00")
    yookassa.pay(first["id"])
    yookassa.decline(second["id"])
    await client.post("/refunds", {"payment_id": first["id"], "amount": rubles("4.00")})
    path = tmp_path / "journal.jsonl"
    with path.open("ab") as file:
        file.write(b'{"at": "2026-11-22T12:0')  # a line that a crash cut off
    assert read_ledger(path) == yookassa.ledger()
    assert [(row.order, row.paid, row.refunded) for row in read_ledger(path)] == [("72", Money(1000), Money(400))]


async def test_a_restart_with_a_snapshot_forgets_nothing(tmp_path: Path) -> None:
    async with aiohttp.ClientSession() as http:
        async with YooKassaEmulator([CLAY], snapshot=tmp_path) as before:
            client = Client(http, before.api_url)
            _, payment = await client.post("/payments", order(receipt=RECEIPT), key="k")
            before.pay(payment["id"])
            await client.post("/refunds", {"payment_id": payment["id"], "amount": rubles("4.00")})
            _, seen = await client.get(f"/payments/{payment['id']}")
        terms = Terms(registration=timedelta(0))
        async with YooKassaEmulator([CLAY], snapshot=tmp_path, terms=terms) as after:
            client = Client(http, after.api_url)
            _, again = await client.get(f"/payments/{payment['id']}")
            assert {**again, "receipt_registration": None} == {**seen, "receipt_registration": None}
            assert (await client.post("/payments", order(receipt=RECEIPT), key="k"))[1]["id"] == payment["id"]
            assert len((await client.get("/refunds"))[1]["items"]) == 1


async def test_answers_have_the_types_of_the_recorded_ones(yookassa: YooKassaEmulator, client: Client) -> None:
    """Field by field against the answers in the tests of the official PHP library."""
    folder = yookassa_contract.SPEC.parent / "php_sdk_fixtures"
    if not folder.exists():
        pytest.skip("the recorded answers are not here (../shared/specs/yookassa)")
    payment = await client.pay_link(receipt=RECEIPT)
    paid = yookassa.pay(payment["id"])
    _, refund = await client.post("/refunds", {"payment_id": payment["id"], "amount": rubles("1.00")})
    declined = yookassa.decline((await client.pay_link())["id"])
    for name, answer in (
        ("createPaymentFixtures.json", yookassa.payment(payment["id"])),
        ("paymentInfoFixtures.json", paid),
        ("createPaymentErrorsGeneralFixtures.json", declined),
        ("createRefundFixtures.json", refund),
    ):
        recorded = orjson.loads((folder / name).read_bytes())
        common = recorded.keys() & answer.keys()
        assert len(common) >= 5
        assert {field: type(answer[field]) for field in common} == {field: type(recorded[field]) for field in common}


async def test_the_contract_notices_what_it_should(yookassa: YooKassaEmulator, client: Client) -> None:
    payment = await client.pay_link()
    call = yookassa.calls[0]
    spoiled: list[tuple[str, dict[str, Any]]] = [
        ("unknown field", {**payment, "surprise": 1}),
        ("unknown field inside", {**payment, "recipient": {**payment["recipient"], "surprise": 1}}),
        ("wrong enumeration", {**payment, "status": "paid"}),
        ("missing field", {name: value for name, value in payment.items() if name != "refundable"}),
        ("wrong date", {**payment, "created_at": 1}),
        ("short id", {**payment, "id": "1"}),
        ("field of another kind", {**payment, "confirmation": {**payment["confirmation"], "confirmation_data": "x"}}),
    ]
    assert yookassa_contract.problems(call) == []
    for name, answer in spoiled:
        assert yookassa_contract.problems(replace(call, answer=answer)), name
