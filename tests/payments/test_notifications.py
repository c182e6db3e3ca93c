"""Notifications are hints from anybody: they are stored before they are answered, and never believed."""

from __future__ import annotations

import asyncio

import orjson
import pytest
import sqlalchemy as sa
from sqlalchemy.orm import Session

from kit.money import Money
from orders.events import OrderPaid
from payments.providers.yookassa_wire import LONGEST_NOTICE
from payments.states import State
from storage.tables import Job
from tests.payments.till import Till


async def test_a_forged_success_pays_nothing(till: Till) -> None:
    order = await till.order()
    payment = await till.link(order)
    assert payment.provider_id is not None
    forged = till.bank.payment(payment.provider_id) | {"status": "succeeded", "paid": True}
    for _ in range(5):
        assert await till.bank.forge(till.hook, "payment.succeeded", forged) == 200
    await till.settle()
    assert (await till.payment(payment.id)).state == State.PENDING
    assert (await till.now(order)).paid == Money(0)
    assert await till.ledger() == []


async def test_a_hundred_copies_of_a_notification_pay_once(till: Till) -> None:
    order, payment = await till.paid_order()
    assert payment.provider_id is not None
    gets = till.asked("GET /v3/payments")
    for _ in range(100):
        assert await till.bank.redeliver(payment.provider_id) == 200
    await till.settle()
    assert await till.ledger() == [("capture", 145000)]
    assert len(await till.events(OrderPaid)) == 1
    assert till.asked("GET /v3/payments") == gets
    assert (await till.now(order)).flag == ""


async def test_a_payment_of_somebody_else_is_answered_and_has_no_effect(till: Till) -> None:
    assert await till.bank.forge(till.hook, "payment.succeeded", {"id": "2d0a4b1c-000f-5000-8000-1a2b3c4d5e6f"}) == 200
    await till.settle()
    assert till.asked("GET") == 0
    assert await till.ledger() == []


@pytest.mark.parametrize("body", [b"", b"{", b"\xff\xfe", b"{'event': 1}"])
async def test_what_is_not_json_is_refused(till: Till, body: bytes) -> None:
    async with till.http.post(till.hook, data=body) as response:
        assert response.status == 400


@pytest.mark.parametrize(
    "content",
    [
        [],
        None,
        7,
        "payment.succeeded",
        {},
        {"event": "payment.succeeded"},
        {"event": "payment.succeeded", "object": {"id": {"$ne": 1}}},
        {"event": "payment.succeeded", "object": {"id": "../../v3/me"}},
        {"event": ["payment.succeeded"], "object": {"id": "x"}},
        {"event": "payment_method.active", "object": {"id": "x"}},
    ],
)
async def test_odd_json_is_answered_and_ignored(till: Till, content: object) -> None:
    async with till.http.post(till.hook, data=orjson.dumps(content)) as response:
        assert response.status == 200
    assert await till.db.read(_jobs) == 0


def _jobs(session: Session) -> int:
    return session.scalar(sa.select(sa.func.count(Job.id)).where(Job.kind.startswith("payment."))) or 0


async def test_a_huge_body_is_cut_off(till: Till) -> None:
    async with till.http.post(till.hook, data=b" " * (LONGEST_NOTICE + 1)) as response:
        assert response.status == 413


async def test_when_too_many_unknown_ids_wait_the_notification_has_to_come_again(till: Till) -> None:
    await till.worker.stop()
    forged = [till.bank.forge(till.hook, "refund.succeeded", {"id": f"stranger-{n}"}) for n in range(40)]
    answers = await asyncio.gather(*forged)
    assert {200, 503} == set(answers)


@pytest.mark.parametrize("account", [999, 10**17])
async def test_an_account_that_is_not_there_is_not_found(till: Till, account: int) -> None:
    url = f"{till.url}/hooks/yookassa/{account}"
    assert await till.bank.forge(url, "payment.succeeded", {"id": "2d0a4b1c-000f-5000-8000-1a2b3c4d5e6f"}) == 404


async def test_a_notification_is_answered_only_after_it_is_kept(till: Till) -> None:
    """Until the look is written down YooKassa has to repeat; so the answer waits for the database."""
    payment = await till.link(await till.order())
    assert payment.provider_id is not None
    await till.worker.stop()
    till.bank.pay(payment.provider_id)
    await till.bank.settled()
    assert await till.db.read(_waiting_looks) == 1


def _waiting_looks(session: Session) -> int:
    query = sa.select(sa.func.count(Job.id)).where(Job.kind == "payment.look", Job.state == "ready")
    return session.scalar(query) or 0


async def test_a_flood_of_notifications_is_few_questions_to_the_provider(till: Till) -> None:
    payment = await till.link(await till.order())
    assert payment.provider_id is not None
    snapshot = till.bank.payment(payment.provider_id)
    till.bank.network.latency = 0.2
    await asyncio.gather(*(till.bank.forge(till.hook, "payment.succeeded", snapshot) for _ in range(60)))
    till.bank.network.latency = 0
    await till.settle()
    assert till.asked("GET /v3/payments") <= 10
