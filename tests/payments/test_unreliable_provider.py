"""A provider that fails in every way: one payment is made, found again, and never lost."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from itertools import pairwise

import pytest
import sqlalchemy as sa
from sqlalchemy.orm import Session

from emulators.yookassa.faults import Fault
from kit.clock import utc_now
from kit.money import Money
from orders.book import locked
from payments import accounts, charging, looking, starting
from payments.providers.base import Notice, NoticeKind
from payments.states import State
from payments.tables import Payment, PaymentAccount
from storage import jobs
from storage.tables import Job, Lane
from tests.payments.till import BOX, Till

CREATE = "POST /v3/payments"
ALL_BUT_SILENCE = [fault for fault in Fault if fault not in (Fault.SILENCE_BEFORE, Fault.SILENCE_AFTER)]


@pytest.mark.parametrize("fault", ALL_BUT_SILENCE)
async def test_a_call_that_fails_is_repeated_with_its_key_and_makes_one_payment(till: Till, fault: Fault) -> None:
    till.bank.fail_next(fault, count=2, on=CREATE)
    order = await till.order()
    payment = await till.link(order)
    assert payment.state == State.PENDING
    assert len(till.bank.payments_of(str(order.id))) == 1
    assert {call.key for call in till.bank.calls if call.method == "POST"} == {payment.key}
    assert payment.provider_id is not None
    till.bank.pay(payment.provider_id)
    await till.settle()
    assert (await till.now(order)).paid == Money(145000)


async def test_a_notification_that_overtakes_the_answer_binds_the_payment(till: Till) -> None:
    till.bank.fail_next(Fault.RESET_AFTER, count=1_000, on=CREATE)
    order = await till.order()
    payment = await till.do(charging.request, order, actor="bot")
    while not till.bank.payments_of(str(order.id)):
        await asyncio.sleep(0.02)
    [made] = till.bank.payments_of(str(order.id))
    till.bank.pay(made["id"])
    await till.bank.settled()
    async with asyncio.timeout(15):
        while (await till.payment(payment.id)).provider_id is None:
            await asyncio.sleep(0.02)
    till.bank.network.clear()
    await till.settle()
    payment = await till.payment(payment.id)
    assert (payment.provider_id, payment.state) == (made["id"], State.PAID)
    assert await till.ledger() == [("capture", 145000)]
    assert (await till.now(order)).stage.code == "paid"
    assert len(till.bank.payments_of(str(order.id))) == 1


async def test_a_refused_payment_is_over_and_a_new_link_can_be_asked_for(till: Till) -> None:
    await till.do(_change_key, till.account_id, "a key that is wrong")
    order = await till.order()
    refused = await till.link(order)
    assert (refused.state, refused.provider_id) == (State.CANCELLED, None)
    assert "invalid_credentials" in refused.reason
    await till.do(_change_key, till.account_id, "test_not-a-real-key")
    assert (await till.link(order)).state == State.PENDING


def _change_key(session: Session, account_id: int, key: str) -> None:
    session.get_one(PaymentAccount, account_id).secret = BOX.seal(key)


async def test_after_a_day_a_payment_is_looked_for_and_not_made_again(till: Till) -> None:
    """The provider forgets keys after 24 hours: the same call would make a second payment."""
    till.bank.fail_next(Fault.RESET_AFTER, count=1, on=CREATE)
    order = await till.order()
    payment = await till.do(_old_request, order.id)
    await till.settle()
    found = await till.payment(payment.id)
    assert (found.state, found.provider_id) == (State.CANCELLED, None)
    assert found.reason == starting.NEVER_MADE
    assert till.asked(CREATE) == 0
    assert till.asked("GET /v3/payments") == 1


def _old_request(session: Session, order_id: int) -> Payment:
    payment = charging.request(session, locked(session, order_id), actor="bot")
    payment.created_at = utc_now() - timedelta(hours=30)
    return payment


async def test_a_clock_that_was_set_back_does_not_make_a_forgotten_key_good_again(till: Till) -> None:
    """How long it has been tried for is known without the clock."""
    order = await till.order()
    payment = await till.do(_much_tried, order.id)
    await till.settle()
    assert (await till.payment(payment.id)).reason == starting.NEVER_MADE
    assert till.asked(CREATE) == 0


def _much_tried(session: Session, order_id: int) -> Payment:
    payment = charging.request(session, locked(session, order_id), actor="bot")
    waited = timedelta(hours=30) // timedelta(milliseconds=1)
    session.execute(sa.update(Job).where(Job.kind == charging.START).values(waited=waited))
    return payment


async def test_a_payment_whose_answer_was_lost_a_day_ago_is_found_by_its_metadata(till: Till) -> None:
    order = await till.order()
    payment = await till.link(order)
    assert payment.provider_id is not None
    await till.do(_forget_answer, payment.id)
    await till.settle()
    found = await till.payment(payment.id)
    assert (found.state, found.provider_id) == (State.PENDING, payment.provider_id)
    assert till.asked(CREATE) == 1


def _forget_answer(session: Session, payment_id: int) -> None:
    """As if the process had died when the provider answered, and had been down since."""
    payment = session.get_one(Payment, payment_id)
    payment.provider_id, payment.state, payment.confirmation_url = None, State.NEW, None
    payment.created_at = utc_now() - timedelta(hours=30)
    jobs.put(session, charging.START, {"payment_id": payment_id}, lane=charging.lane(payment_id))


@pytest.mark.parametrize("fault", [Fault.BUSY, Fault.ERROR_BEFORE, Fault.RESET_BEFORE, Fault.HALF_ANSWER])
async def test_a_look_that_fails_is_repeated(till: Till, fault: Fault) -> None:
    order = await till.order()
    payment = await till.link(order)
    assert payment.provider_id is not None
    till.bank.fail_next(fault, count=2, on="GET /v3/payments")
    till.bank.pay(payment.provider_id)
    await till.settle()
    assert (await till.now(order)).paid == Money(145000)


async def test_an_unknown_id_without_a_payment_in_doubt_is_not_even_asked_about(till: Till) -> None:
    await till.link(await till.order())
    before = till.asked("GET /v3/payments")
    for n in range(20):
        await till.do(looking.hint, till.account_id, Notice(f"stranger-{n}", NoticeKind.PAYMENT))
    await till.settle()
    assert till.asked("GET /v3/payments") == before


async def test_a_storm_of_unknown_ids_makes_few_calls(till: Till) -> None:
    """One payment is in doubt, so unknown ids may be it; still nobody can make us ask about hundreds of them."""
    await till.worker.stop()
    await till.do(charging.request, await till.order(), actor="bot")
    notices = [Notice(f"stranger-{n}", NoticeKind.PAYMENT) for n in range(200)]
    kept = [await till.do(looking.hint, till.account_id, notice) for notice in notices]
    assert kept.count(True) <= looking.MOST_STRAYS + 5
    assert not kept[-1]
    query = sa.select(Job.run_at).where(Job.kind == looking.STRAY).order_by(Job.id)
    moments = await till.db.read(lambda session: list(session.scalars(query)))
    assert all(later - sooner >= 1_500 for sooner, later in pairwise(moments[1:]))


async def test_hints_about_one_payment_become_few_looks(till: Till) -> None:
    payment = await till.link(await till.order())
    assert payment.provider_id is not None
    notice = Notice(payment.provider_id, NoticeKind.PAYMENT)

    def storm(session: Session) -> None:
        for _ in range(100):
            looking.hint(session, till.account_id, notice)

    await till.do(storm)
    await till.settle()
    assert till.asked("GET /v3/payments") == 1


async def test_a_hint_during_a_look_leads_to_another_look(till: Till) -> None:
    """The answer that is under way may be older than the hint."""
    payment = await till.link(await till.order())
    assert payment.provider_id is not None
    notice = Notice(payment.provider_id, NoticeKind.PAYMENT)
    till.bank.network.latency = 0.5
    await till.do(looking.hint, till.account_id, notice)
    async with asyncio.timeout(15):
        while not await till.db.read(_is_taken, charging.lane(payment.id)):
            await asyncio.sleep(0.01)
    await till.do(looking.hint, till.account_id, notice)
    till.bank.network.latency = 0
    await till.settle()
    assert till.asked("GET /v3/payments") == 2


def _is_taken(session: Session, lane: str) -> bool:
    found = session.get(Lane, lane)
    return found is not None and found.lease_until > 0


async def test_hints_after_a_look_wait_for_their_turn(till: Till, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(looking, "NOT_SOONER", timedelta(minutes=1))
    payment = await till.link(await till.order())
    await till.do(lambda session: looking.put_look(session, session.get_one(Payment, payment.id)))
    due_ms = await till.db.read(
        lambda session: session.scalars(sa.select(Job.run_at).where(Job.kind == looking.LOOK)).one()
    )
    assert due_ms > (utc_now() + timedelta(seconds=30)).timestamp() * 1000


async def test_a_key_that_cannot_be_unsealed_costs_no_payment(till: Till) -> None:
    """The installation's secret key was lost and put back: what waited goes on."""

    def spoil(session: Session) -> str | None:
        account = accounts.get(session, till.account_id)
        sealed, account.secret = account.secret, "1:00000000:AAAA"
        return sealed

    def mend(session: Session, sealed: str | None) -> None:
        accounts.get(session, till.account_id).secret = sealed

    sealed = await till.do(spoil)
    order = await till.order()
    payment = await till.do(charging.request, order, actor="bot")
    await till.worker.idle()
    assert (await till.payment(payment.id)).state == State.NEW
    await till.do(mend, sealed)
    await till.settle()
    assert (await till.payment(payment.id)).state == State.PENDING


async def test_an_unpaid_link_expires_there_and_here_without_any_notification(till: Till) -> None:
    till.bank.webhook_urls[next(iter(till.bank.webhook_urls))] = None
    order = await till.order()
    payment = await till.link(order)
    assert payment.provider_id is not None
    till.bank.expire(payment.provider_id)
    await till.poll()
    assert (await till.payment(payment.id)).reason == "expired_on_confirmation"


async def test_a_replaced_payment_is_watched_until_the_provider_ends_it(till: Till) -> None:
    till.bank.webhook_urls[next(iter(till.bank.webhook_urls))] = None
    order = await till.order()
    old = await till.link(order)
    await till.discount(order, 45000)
    await till.link(order)
    await till.settle()
    assert till.asked(f"POST /v3/payments/{old.provider_id}/cancel") == 1
    assert old.provider_id is not None
    till.bank.expire(old.provider_id)
    await till.poll()
    assert (await till.payment(old.id)).state == State.CANCELLED
