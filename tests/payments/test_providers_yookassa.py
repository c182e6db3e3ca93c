"""Our side of YooKassa against its emulator, whose answers are held to the official description, and bad networks."""

from __future__ import annotations

import asyncio
import base64
import datetime as dt
import logging
import ssl
import traceback
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import timedelta
from pathlib import Path

import pytest
from aiohttp import web
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from emulators.yookassa import Fault, Shop, YooKassaEmulator
from emulators.yookassa.bank import RefundOutcome
from kit.clock import utc_now
from kit.money import Money
from payments.providers import Account, open_provider
from payments.providers.base import (
    Charge,
    OutcomeUnknown,
    PaymentState,
    ProviderError,
    ProviderRefused,
    ProviderUnavailable,
    Receipt,
    ReceiptItem,
    RefundState,
)
from payments.providers.yookassa import YooKassa
from tests.emulators import yookassa_contract

SECRET = "test_clay-secret_5f0c"
SHOP = Shop("100500", SECRET, title="Глина и лён", receipts_required=True)
CUP = ReceiptItem("Чашка «Волна», песочная", 2, Money(50_00), vat_code=1)
RECEIPT = Receipt((CUP,), email="anna@example.com", tax_system=2)

Respond = Callable[[web.Request], Awaitable[web.StreamResponse]]


def charge(key: str = "key-1", *, order: str = "72", capture: bool = True) -> Charge:
    return Charge(
        key=key,
        amount=Money(100_00),
        description="Заказ 72",
        return_url="https://clay.example/thanks",
        metadata={"order": order},
        receipt=RECEIPT,
        capture=capture,
    )


@pytest.fixture
async def emulator() -> AsyncIterator[YooKassaEmulator]:
    async with YooKassaEmulator([SHOP], pause_scale=0.001) as emulator:
        yield emulator


@pytest.fixture
async def yookassa(emulator: YooKassaEmulator) -> AsyncIterator[YooKassa]:
    provider = YooKassa(SHOP.id, SECRET, api_url=emulator.api_url, timeout=(0.5, 0.5), deadline=3)
    yield provider
    await provider.close()


@pytest.fixture
async def odd_server() -> AsyncIterator[Callable[[Respond], Awaitable[YooKassa]]]:
    """A provider that talks to a server which answers as the test says."""
    opened: list[tuple[web.AppRunner, YooKassa]] = []

    async def serve(respond: Respond, secure: ssl.SSLContext | None = None) -> YooKassa:
        app = web.Application()
        app.router.add_route("*", "/{rest:.*}", respond)
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0, ssl_context=secure).start()
        url = f"http{'s' if secure else ''}://127.0.0.1:{runner.addresses[0][1]}/v3"
        provider = YooKassa(SHOP.id, SECRET, api_url=url, timeout=(0.5, 0.5), deadline=1)
        opened.append((runner, provider))
        return provider

    yield serve
    for runner, provider in opened:
        await provider.close()
        await runner.cleanup()


# ---- what it does


async def test_a_payment_from_link_to_refund(emulator: YooKassaEmulator, yookassa: YooKassa) -> None:
    created = await yookassa.create(charge())
    assert (created.state, created.amount, created.paid) == (PaymentState.PENDING, Money(100_00), Money(0))
    assert (created.account, created.test, created.metadata) == ("100500", True, {"order": "72"})
    assert created.confirmation_url == emulator.checkout_url(created.provider_id)

    emulator.pay(created.provider_id)
    paid = await yookassa.fetch(created.provider_id)
    assert (paid.state, paid.paid, paid.method) == (PaymentState.PAID, Money(100_00), "Bank card *4444")

    part = Receipt((ReceiptItem(CUP.name, 1, Money(50_00), 1),), phone="+7 900 000-00-00")
    refund = await yookassa.refund(created.provider_id, Money(50_00), key="key-2", reason="Скол на краю", receipt=part)
    assert (refund.state, refund.amount, refund.payment_id) == (
        RefundState.SUCCEEDED,
        Money(50_00),
        created.provider_id,
    )
    assert await yookassa.fetch_refund(refund.provider_id) == refund
    assert await yookassa.refunds_of(created.provider_id) == [refund]
    assert (await yookassa.fetch(created.provider_id)).refunded == Money(50_00)
    assert yookassa_contract.check(emulator.calls) == 6


async def test_held_money_is_captured_in_part(emulator: YooKassaEmulator, yookassa: YooKassa) -> None:
    created = await yookassa.create(charge(capture=False))
    emulator.hold(created.provider_id)
    held = await yookassa.fetch(created.provider_id)
    assert (held.state, held.paid) == (PaymentState.AUTHORISED, Money(0))
    assert held.expires_at is not None
    assert timedelta(days=6, hours=23) < held.expires_at - utc_now() < timedelta(days=7, minutes=1)
    part = Receipt((ReceiptItem(CUP.name, 1, Money(50_00), 1),), email="anna@example.com")
    captured = await yookassa.capture(created.provider_id, Money(50_00), key="key-2", receipt=part)
    assert (captured.state, captured.paid) == (PaymentState.PAID, Money(50_00))
    assert yookassa_contract.check(emulator.calls) == 3


async def test_held_money_is_given_back_and_a_pending_link_is_not(
    emulator: YooKassaEmulator, yookassa: YooKassa
) -> None:
    created = await yookassa.create(charge(capture=False))
    with pytest.raises(ProviderRefused) as refused:
        await yookassa.cancel(created.provider_id, key="key-2")
    assert (refused.value.code, refused.value.parameter) == ("invalid_request", "payment_id")
    emulator.hold(created.provider_id)
    cancelled = await yookassa.cancel(created.provider_id, key="key-3")
    assert (cancelled.state, cancelled.reason, cancelled.paid) == (
        PaymentState.CANCELLED,
        "canceled_by_merchant",
        Money(0),
    )
    assert yookassa_contract.check(emulator.calls) == 3


async def test_a_refund_may_fail_later(emulator: YooKassaEmulator, yookassa: YooKassa) -> None:
    created = await yookassa.create(charge())
    emulator.pay(created.provider_id)
    emulator.plan_refunds(RefundOutcome.STAYS_PENDING)
    refund = await yookassa.refund(created.provider_id, Money(100_00), key="key-2", reason="")
    assert refund.state is RefundState.PENDING
    emulator.finish_refund(refund.provider_id, succeeds=False)
    failed = await yookassa.fetch_refund(refund.provider_id)
    assert (failed.state, failed.reason) == (RefundState.CANCELLED, "insufficient_funds")


async def test_a_lost_payment_is_found_by_its_order(emulator: YooKassaEmulator, yookassa: YooKassa) -> None:
    start = utc_now() - timedelta(minutes=1)
    for n in range(105):
        await yookassa.create(charge(f"key-{n}", order="7" if n in (3, 104) else str(1000 + n)))
    found = await yookassa.find("order", "7", since=start)
    assert [emulator.calls[n].key for n in (3, 104)] == ["key-3", "key-104"]
    assert {p.provider_id for p in found} == {emulator.calls[n].answer["id"] for n in (3, 104)}
    assert await yookassa.find("order", "7", since=utc_now() + timedelta(minutes=1)) == []


async def test_the_same_key_is_one_payment(emulator: YooKassaEmulator, yookassa: YooKassa) -> None:
    twice = await asyncio.gather(*[yookassa.create(charge()) for _ in range(4)])
    assert {payment.provider_id for payment in twice} == set(emulator.bank.payments)
    assert len(emulator.bank.payments) == 1


async def test_the_request_says_nothing_about_the_program(emulator: YooKassaEmulator, yookassa: YooKassa) -> None:
    await yookassa.create(charge())
    assert emulator.calls[0].body["metadata"] == {"order": "72"}
    assert emulator.calls[0].key == "key-1"


async def test_shops_do_not_mix_when_they_call_at_once() -> None:
    shops = [Shop(str(200 + n), f"secret-{n}") for n in range(5)]
    async with YooKassaEmulator(shops) as emulator:
        providers = [YooKassa(shop.id, shop.secret, api_url=emulator.api_url) for shop in shops]
        plain = Charge("k", Money(1_00), "", "https://clay.example/thanks")
        made = await asyncio.gather(*[providers[n % 5].create(plain) for n in range(50)])
        assert [payment.account for payment in made] == [shops[n % 5].id for n in range(50)]
        assert len({payment.provider_id for payment in made}) == 5
        for provider in providers:
            await provider.close()


async def test_the_registry_opens_it(emulator: YooKassaEmulator) -> None:
    provider = open_provider("yookassa", Account(SHOP.id, SECRET, emulator.api_url))
    assert (await provider.create(charge())).account == SHOP.id
    await provider.close()


# ---- what goes wrong


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        (Fault.BUSY, ProviderUnavailable),
        (Fault.ERROR_BEFORE, OutcomeUnknown),
        (Fault.ERROR_AFTER, OutcomeUnknown),
        (Fault.BAD_GATEWAY, OutcomeUnknown),
        (Fault.SILENCE_BEFORE, OutcomeUnknown),
        (Fault.SILENCE_AFTER, OutcomeUnknown),
        (Fault.RESET_BEFORE, OutcomeUnknown),
        (Fault.RESET_AFTER, OutcomeUnknown),
        (Fault.HALF_ANSWER, OutcomeUnknown),
    ],
)
async def test_a_spoiled_call_is_named_and_the_same_key_repairs_it(
    emulator: YooKassaEmulator, yookassa: YooKassa, fault: Fault, error: type[ProviderError]
) -> None:
    emulator.fail_next(fault)
    with pytest.raises(error):
        await yookassa.create(charge())
    payment = await yookassa.create(charge())
    assert list(emulator.bank.payments) == [payment.provider_id]

    emulator.fail_next(fault)
    with pytest.raises(ProviderUnavailable):
        await yookassa.fetch(payment.provider_id)


async def test_a_refused_connection_is_no_unknown_outcome() -> None:
    provider = YooKassa(SHOP.id, SECRET, api_url="http://127.0.0.1:1/v3")
    with pytest.raises(ProviderUnavailable):
        await provider.create(charge())
    await provider.close()


async def test_an_unknown_host_is_no_unknown_outcome() -> None:
    provider = YooKassa(SHOP.id, SECRET, api_url="http://yookassa.invalid/v3")
    with pytest.raises(ProviderUnavailable):
        await provider.create(charge())
    await provider.close()


async def test_an_unverified_certificate_gets_no_credentials(
    odd_server: Callable[..., Awaitable[YooKassa]], tmp_path: Path
) -> None:
    async def respond(request: web.Request) -> web.StreamResponse:
        raise AssertionError("the request must not arrive")

    provider = await odd_server(respond, self_signed(tmp_path))
    with pytest.raises(ProviderUnavailable):
        await provider.create(charge())


async def test_a_wrong_secret_is_refused(emulator: YooKassaEmulator) -> None:
    provider = YooKassa(SHOP.id, "guess", api_url=emulator.api_url)
    with pytest.raises(ProviderRefused) as refused:
        await provider.create(charge())
    assert (refused.value.code, refused.value.parameter) == ("invalid_credentials", "Authorization")
    await provider.close()


async def test_a_dribbled_answer_ends_at_the_deadline(odd_server: Callable[..., Awaitable[YooKassa]]) -> None:
    async def respond(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        for _ in range(14):
            await response.write(b" ")
            await asyncio.sleep(0.1)
        return response

    provider = await odd_server(respond)
    began = asyncio.get_running_loop().time()
    with pytest.raises(OutcomeUnknown):
        await provider.create(charge())
    assert asyncio.get_running_loop().time() - began < 1.4


@pytest.mark.parametrize(
    ("status", "body"),
    [(200, "[]"), (200, "{}"), (200, '{"id": "1"'), (200, '{"id": "../x", "status": "succeeded"}'), (404, "<html>")],
)
async def test_an_answer_that_makes_no_sense_leaves_the_outcome_unknown(
    odd_server: Callable[..., Awaitable[YooKassa]], status: int, body: str
) -> None:
    async def respond(request: web.Request) -> web.StreamResponse:
        return web.Response(status=status, text=body, content_type="application/json")

    provider = await odd_server(respond)
    with pytest.raises(OutcomeUnknown):
        await provider.create(charge())
    with pytest.raises(ProviderUnavailable):
        await provider.fetch("2d0a4b1c-000f-5000-8000-1a2b3c4d5e6f")


async def test_a_redirect_is_not_followed(odd_server: Callable[..., Awaitable[YooKassa]]) -> None:
    asked: list[str] = []

    async def respond(request: web.Request) -> web.StreamResponse:
        asked.append(request.path)
        raise web.HTTPTemporaryRedirect("/elsewhere")

    provider = await odd_server(respond)
    with pytest.raises(OutcomeUnknown):
        await provider.create(charge())
    assert asked == ["/v3/payments"]


async def test_the_surroundings_change_neither_credentials_nor_the_way(
    emulator: YooKassaEmulator, yookassa: YooKassa, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login stranger password guess\n")
    netrc.chmod(0o600)
    monkeypatch.setenv("NETRC", str(netrc))
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    assert (await yookassa.create(charge())).account == SHOP.id


async def test_an_identifier_cannot_lead_elsewhere(emulator: YooKassaEmulator, yookassa: YooKassa) -> None:
    with pytest.raises(ValueError, match="not an identifier"):
        await yookassa.fetch("../me")
    assert emulator.calls == []


async def test_credentials_reach_neither_logs_nor_errors(
    emulator: YooKassaEmulator, yookassa: YooKassa, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    said: list[str] = []
    await yookassa.create(charge())
    for fault in Fault:
        emulator.fail_next(fault)
        with pytest.raises(ProviderError) as failed:
            await yookassa.create(charge("key-2"))
        said += traceback.format_exception(failed.value)
    nobody = YooKassa(SHOP.id, SECRET, api_url="http://127.0.0.1:1/v3")
    with pytest.raises(ProviderError) as failed:
        await nobody.create(charge())
    await nobody.close()
    said += [*traceback.format_exception(failed.value), caplog.text, repr(yookassa)]
    encoded = base64.b64encode(f"{SHOP.id}:{SECRET}".encode()).decode()
    assert "payments" in caplog.text  # the network library did log the calls
    assert [text for text in said if SECRET in text or encoded in text] == []


def self_signed(folder: Path) -> ssl.SSLContext:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    now = dt.datetime.now(dt.UTC)
    builder = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
    builder = builder.serial_number(1).not_valid_before(now).not_valid_after(now + timedelta(days=1))
    certificate = builder.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    path = folder / "server.pem"
    path.write_bytes(private + certificate)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(path)
    return context
