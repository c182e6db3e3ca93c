"""Notifications and bad networks, seen by a shop that listens on a real port."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import aiohttp
import orjson
import pytest
from aiohttp import web

from emulators.yookassa import Fault, Shop, YooKassaEmulator
from emulators.yookassa.records import JsonObject

SHOP = Shop("100500", "clay_secret", title="Глина и лён")
ORDER = {
    "amount": {"value": "100.00", "currency": "RUB"},
    "confirmation": {"type": "redirect", "return_url": "https://clay.example/thanks"},
    "metadata": {"order": "72"},
}


class Listener:
    """The shop's end: keeps what it was told and answers as it is told to."""

    def __init__(self) -> None:
        self.url = ""
        self.heard: list[JsonObject] = []
        self.answers: list[int] = []
        """Statuses of the next answers; 200 when there are none."""

    async def hear(self, request: web.Request) -> web.Response:
        self.heard.append(orjson.loads(await request.read()))
        return web.Response(status=self.answers.pop(0) if self.answers else 200)

    @property
    def events(self) -> list[str]:
        return [notice["event"] for notice in self.heard]


@pytest.fixture
async def listener() -> AsyncIterator[Listener]:
    listener = Listener()
    app = web.Application()
    app.router.add_post("/hook", listener.hear)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    listener.url = f"http://127.0.0.1:{runner.addresses[0][1]}/hook"
    yield listener
    await runner.cleanup()


@pytest.fixture
async def yookassa(listener: Listener) -> AsyncIterator[YooKassaEmulator]:
    async with YooKassaEmulator([replace(SHOP, webhook_url=listener.url)], pause_scale=0.0001) as emulator:
        yield emulator


@pytest.fixture
async def http() -> AsyncIterator[aiohttp.ClientSession]:
    headers = {"Authorization": aiohttp.encode_basic_auth(SHOP.id, SHOP.secret)}
    async with aiohttp.ClientSession(headers=headers, timeout=aiohttp.ClientTimeout(total=3.0)) as session:
        yield session


async def create(http: aiohttp.ClientSession, yookassa: YooKassaEmulator, key: str = "k", **more: Any) -> JsonObject:
    url = f"{yookassa.api_url}/payments"
    async with http.post(url, json={**ORDER, **more}, headers={"Idempotence-Key": key}) as answer:
        assert answer.status == 200
        payment = orjson.loads(await answer.read())
        assert isinstance(payment, dict)
        return payment


async def test_every_step_of_the_money_is_announced(
    yookassa: YooKassaEmulator, listener: Listener, http: aiohttp.ClientSession
) -> None:
    held, paid, declined = [await create(http, yookassa, key, capture=key == "b") for key in "abc"]
    yookassa.hold(held["id"])
    await yookassa.settled()
    yookassa.pay(paid["id"])
    await yookassa.settled()
    yookassa.decline(declined["id"], "insufficient_funds")
    await yookassa.settled()
    assert listener.events == ["payment.waiting_for_capture", "payment.succeeded", "payment.canceled"]
    assert [notice["type"] for notice in listener.heard] == ["notification"] * 3
    assert listener.heard[1]["object"] == yookassa.payment(paid["id"])
    assert listener.heard[2]["object"]["cancellation_details"]["reason"] == "insufficient_funds"


async def test_anything_but_200_is_repeated(
    yookassa: YooKassaEmulator, listener: Listener, http: aiohttp.ClientSession
) -> None:
    listener.answers = [500, 201, 302, 404]
    yookassa.pay((await create(http, yookassa, capture=True))["id"])
    await yookassa.settled()
    assert listener.events == ["payment.succeeded"] * 5
    assert yookassa.notifications[0].answers == [500, 201, 302, 404, 200]


async def test_a_shop_that_never_answers_is_given_up_after_a_day(http: aiohttp.ClientSession) -> None:
    async with YooKassaEmulator([replace(SHOP, webhook_url="http://127.0.0.1:9/hook")], pause_scale=0) as yookassa:
        yookassa.pay((await create(http, yookassa, capture=True))["id"])
        await yookassa.settled()
        notification = yookassa.notifications[0]
        assert not notification.delivered
        assert set(notification.answers) == {0}
        assert 24 <= len(notification.answers) <= 30  # hourly after the first ones


async def test_older_and_repeated_and_forged_notices_can_be_sent(
    yookassa: YooKassaEmulator, listener: Listener, http: aiohttp.ClientSession
) -> None:
    payment = await create(http, yookassa)
    with pytest.raises(ValueError, match="nothing was announced"):
        await yookassa.redeliver(payment["id"])
    yookassa.hold(payment["id"])
    yookassa.expire(payment["id"])
    await yookassa.settled()
    listener.heard.clear()
    assert await yookassa.redeliver(payment["id"]) == 200
    assert await yookassa.redeliver(payment["id"], event="payment.waiting_for_capture") == 200
    assert await yookassa.forge(listener.url, "payment.succeeded", {**payment, "status": "succeeded"}) == 200
    assert [(n["event"], n["object"]["status"]) for n in listener.heard] == [
        ("payment.canceled", "canceled"),
        ("payment.waiting_for_capture", "waiting_for_capture"),
        ("payment.succeeded", "succeeded"),
    ]


async def test_a_shop_without_an_address_hears_nothing_until_it_has_one(
    yookassa: YooKassaEmulator, listener: Listener, http: aiohttp.ClientSession
) -> None:
    yookassa.webhook_urls[SHOP.id] = None
    payment = await create(http, yookassa, capture=True)
    yookassa.pay(payment["id"])
    await yookassa.settled()
    assert (listener.heard, [n.event for n in yookassa.notifications]) == ([], ["payment.succeeded"])
    yookassa.webhook_urls[SHOP.id] = listener.url
    assert await yookassa.redeliver(payment["id"]) == 200


ANSWERED = [
    (Fault.ERROR_BEFORE, 500, 0),
    (Fault.ERROR_AFTER, 500, 1),
    (Fault.BUSY, 429, 0),
    (Fault.BAD_GATEWAY, 502, 0),
]
BROKEN = [
    (Fault.SILENCE_BEFORE, 0),
    (Fault.SILENCE_AFTER, 1),
    (Fault.RESET_BEFORE, 0),
    (Fault.RESET_AFTER, 1),
    (Fault.HALF_ANSWER, 1),
]


@pytest.mark.parametrize(("fault", "status", "done"), ANSWERED)
async def test_a_fault_with_an_answer(
    yookassa: YooKassaEmulator, http: aiohttp.ClientSession, fault: Fault, status: int, done: int
) -> None:
    yookassa.fail_next(fault, on="POST /v3/payments")
    url = f"{yookassa.api_url}/payments"
    async with http.post(url, json=ORDER, headers={"Idempotence-Key": "k"}) as answer:
        assert answer.status == status
    assert len(yookassa.bank.payments) == done
    payment = await create(http, yookassa)
    assert list(yookassa.bank.payments) == [payment["id"]]


@pytest.mark.parametrize(("fault", "done"), BROKEN)
async def test_a_fault_without_an_answer(
    yookassa: YooKassaEmulator, http: aiohttp.ClientSession, fault: Fault, done: int
) -> None:
    yookassa.fail_next(fault)
    with pytest.raises((aiohttp.ClientError, asyncio.TimeoutError)):
        await create(http, yookassa)
    assert len(yookassa.bank.payments) == done
    assert yookassa.network.struck == {fault: 1}
    assert yookassa.calls == [] or yookassa.calls[0].status == 0
    payment = await create(http, yookassa)
    assert list(yookassa.bank.payments) == [payment["id"]]


async def test_the_control_api_plays_the_buyer(
    yookassa: YooKassaEmulator, listener: Listener, http: aiohttp.ClientSession
) -> None:
    base = yookassa.api_url.removesuffix("/v3") + "/control"
    payment = await create(http, yookassa, capture=True)
    async with http.post(f"{base}/faults", json={"fault": "busy", "on": "GET"}) as answer:
        assert answer.status == 200
    async with http.post(f"{base}/payments/{payment['id']}/pay", json={"method": "sbp"}) as answer:
        assert (orjson.loads(await answer.read()))["status"] == "succeeded"
    async with http.post(f"{base}/payments/{payment['id']}/pay") as answer:
        assert answer.status == 409
    async with http.get(f"{base}/ledger") as answer:
        rows = orjson.loads(await answer.read())["rows"]
    assert [(row["order"], row["paid"]["value"], row["refunded"]["value"]) for row in rows] == [
        ("72", "100.00", "0.00")
    ]
    await yookassa.settled()
    assert listener.events == ["payment.succeeded"]
    async with http.get(f"{yookassa.api_url}/payments") as answer:
        assert answer.status == 429
