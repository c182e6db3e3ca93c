"""The poller: often for what is fresh, seldom for what is old, and nothing is left lying."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
import sqlalchemy as sa
from sqlalchemy.orm import Session

from kit.clock import utc_now
from kit.money import Money
from payments import charging, polling
from payments.states import RefundStage, State
from payments.tables import Payment, Refund
from storage.tables import Job
from tests.payments.till import MERCHANT, Till


@pytest.mark.parametrize(
    ("age", "since_last_look", "looked_at"),
    [
        (timedelta(minutes=5), timedelta(seconds=10), False),
        (timedelta(minutes=5), timedelta(seconds=30), True),
        (timedelta(days=1), timedelta(seconds=30), False),
        (timedelta(days=1), timedelta(minutes=5), True),
    ],
)
async def test_a_payment_is_looked_at_as_often_as_its_age_deserves(
    till: Till, age: timedelta, since_last_look: timedelta, looked_at: bool
) -> None:
    payment = await till.link(await till.order())
    now = utc_now()
    await till.do(_age, payment.id, now - age, now - since_last_look)
    assert await till.do(polling.due, now) == int(looked_at)


def _age(session: Session, payment_id: int, created_at: datetime, checked_at: datetime) -> None:
    payment = session.get_one(Payment, payment_id)
    payment.created_at, payment.checked_at = created_at, checked_at


async def test_after_a_stop_the_first_tick_finds_what_was_missed(till: Till) -> None:
    """Notifications went nowhere while we were down, some of them for good."""
    till.bank.webhook_urls[MERCHANT] = None
    orders = [await till.order() for _ in range(3)]
    for order in orders:
        payment = await till.link(order)
        assert payment.provider_id is not None
        till.bank.pay(payment.provider_id)
        await till.do(_age, payment.id, utc_now() - timedelta(hours=20), utc_now() - timedelta(hours=19))
    await till.do(polling.due, utc_now())
    await till.settle()
    assert [(await till.now(order)).paid for order in orders] == [Money(145000)] * 3


@pytest.mark.parametrize("hooked", [True, False], ids=["by its notification", "by the poller"])
async def test_a_clock_that_was_set_back_hides_no_money(till: Till, hooked: bool) -> None:
    """The last look lies an hour ahead then, and is not waited for."""
    payment = await till.link(await till.order())
    assert payment.provider_id is not None
    await till.do(_age, payment.id, utc_now(), utc_now() + timedelta(hours=1))
    till.bank.webhook_urls[MERCHANT] = till.hook if hooked else None
    till.bank.pay(payment.provider_id)
    if not hooked:
        await till.do(polling.due, utc_now())
    await till.settle()
    assert (await till.payment(payment.id)).state == State.PAID


async def test_what_is_final_is_left_alone(till: Till) -> None:
    await till.paid_order()
    declined = await till.link(await till.order())
    assert declined.provider_id is not None
    till.bank.decline(declined.provider_id)
    await till.settle()
    assert await till.do(polling.due, utc_now() + timedelta(days=1)) == 0


async def test_a_payment_whose_job_died_is_begun_anew(till: Till) -> None:
    payment = await till.link(await till.order())
    await till.do(_forget, payment.id)
    await till.do(polling.due, utc_now() + timedelta(hours=1))
    await till.settle()
    found = await till.payment(payment.id)
    assert (found.state, found.provider_id) == (State.PENDING, payment.provider_id)


def _forget(session: Session, payment_id: int) -> None:
    payment = session.get_one(Payment, payment_id)
    payment.state, payment.provider_id, payment.confirmation_url = State.NEW, None, None


async def test_a_refund_whose_job_died_is_given_once(till: Till) -> None:
    order, payment = await till.paid_order()
    refund = await till.refund(payment, 45000, "form-1")
    await till.settle()
    await till.do(_bury, refund.id)
    await till.do(polling.due, utc_now() + timedelta(hours=1))
    await till.settle()
    assert [one.state for one in await till.refunds(order)] == [RefundStage.SUCCEEDED]
    assert till.bank.refunded_for(str(order.id)) == Money(45000)
    assert (await till.now(order)).paid == Money(100000)


def _bury(session: Session, refund_id: int) -> None:
    """As if the answer had never been recorded."""
    refund = session.get_one(Refund, refund_id)
    refund.state, refund.provider_id, refund.done_at = RefundStage.NEW, None, None


async def test_what_is_under_way_is_not_begun_twice(till: Till) -> None:
    await till.worker.stop()
    payment = await till.do(charging.request, await till.order(), actor="bot")
    await till.do(polling.due, utc_now() + timedelta(hours=1))
    query = sa.select(sa.func.count(Job.id)).where(Job.lane == charging.lane(payment.id))
    assert await till.db.read(lambda session: session.scalar(query)) == 1
