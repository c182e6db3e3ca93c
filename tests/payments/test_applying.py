"""Money is applied once, whatever tells of it, how often and in which order; what does not fit is asked about."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from itertools import permutations
from typing import Any

import pytest
import pytest_asyncio

from kit.money import Money
from orders.events import OrderFlagged, OrderPaid
from payments import applying, questions
from payments.events import MoneyQuestionRaised
from payments.providers.base import PaymentState, ProviderPayment
from payments.states import RefundStage, State
from tests.payments.till import Till, open_till, together


@pytest_asyncio.fixture
async def deaf(database_url: str) -> AsyncIterator[Till]:
    """A till that no notification reaches by itself."""
    async with open_till(database_url, hooked=False) as till:
        yield till


async def tell(till: Till, source: str, provider_id: str, token_of: Any) -> None:
    """One of the three ways in which we hear of a payment."""
    match source:
        case "webhook":
            assert await till.bank.redeliver(provider_id, url=till.hook) == 200
            await till.settle()
        case "poll":
            await till.poll()
        case _:
            await till.comes_back(token_of)


@pytest.mark.parametrize("order_of_news", list(permutations(["webhook", "poll", "return"])), ids="-".join)
async def test_the_order_of_news_does_not_matter(deaf: Till, order_of_news: tuple[str, ...]) -> None:
    order = await deaf.order()
    payment = await deaf.link(order)
    assert payment.provider_id is not None
    deaf.bank.pay(payment.provider_id)
    for times, source in enumerate(order_of_news, start=1):
        for _ in range(times):
            await tell(deaf, source, payment.provider_id, payment)
    assert await deaf.ledger() == [("capture", 145000)]
    assert len(await deaf.events(OrderPaid)) == 1
    assert (await deaf.now(order)).paid == Money(145000)
    assert await deaf.questions() == []


async def test_all_news_at_once_pay_once(deaf: Till) -> None:
    order = await deaf.order()
    payment = await deaf.link(order)
    assert payment.provider_id is not None
    deaf.bank.pay(payment.provider_id)
    news = [tell(deaf, source, payment.provider_id, payment) for source in ("webhook", "poll", "return") * 4]
    assert [failure for failure in await together(*news) if failure is not None] == []
    await deaf.settle()
    assert await deaf.ledger() == [("capture", 145000)]
    assert (await deaf.now(order)).paid == Money(145000)


async def test_the_same_report_applied_by_many_at_once_counts_once(deaf: Till) -> None:
    order = await deaf.order()
    payment = await deaf.link(order)
    assert payment.provider_id is not None
    deaf.bank.pay(payment.provider_id)
    seen = deaf.seen(payment)
    results = await together(*(deaf.do(applying.apply, payment.id, seen) for _ in range(10)))
    assert {result.state for result in results} == {State.PAID}
    assert await deaf.ledger() == [("capture", 145000)]
    assert len(await deaf.events(OrderPaid)) == 1
    order = await deaf.now(order)
    assert (order.paid, order.flag) == (Money(145000), "")


@pytest.mark.parametrize("late", [PaymentState.PENDING, PaymentState.CANCELLED, PaymentState.UNKNOWN])
async def test_old_news_never_undo_a_payment(till: Till, late: PaymentState) -> None:
    order, payment = await till.paid_order()
    await till.do(applying.apply, payment.id, replace(till.seen(payment), state=late, paid=Money(0)))
    assert (await till.payment(payment.id)).state == State.PAID
    assert (await till.now(order)).paid == Money(145000)


async def test_an_unknown_state_changes_nothing(deaf: Till) -> None:
    payment = await deaf.link(await deaf.order())
    await deaf.do(applying.apply, payment.id, replace(deaf.seen(payment), state=PaymentState.UNKNOWN))
    assert (await deaf.payment(payment.id)).state == State.PENDING


async def test_a_declined_payment_leaves_the_order_waiting_and_another_link_pays_it(till: Till) -> None:
    order = await till.order()
    first = await till.link(order)
    assert first.provider_id is not None
    till.bank.decline(first.provider_id)
    await till.settle()
    first = await till.payment(first.id)
    assert (first.state, first.reason) == (State.CANCELLED, "general_decline")
    second = await till.link(order)
    assert second.provider_id is not None
    till.bank.pay(second.provider_id)
    await till.settle()
    assert (await till.now(order)).stage.code == "paid"
    assert await till.ledger() == [("capture", 145000)]


Change = Callable[[ProviderPayment], ProviderPayment]

MISFITS: dict[str, Change] = {
    "wrong_account": lambda seen: replace(seen, account="666"),
    "wrong_order": lambda seen: replace(seen, metadata={**seen.metadata, "order": "999"}),
    "wrong_order, no word of ours": lambda seen: replace(seen, metadata={}),
    "wrong_order, another token": lambda seen: replace(seen, metadata={**seen.metadata, "payment": "x" * 24}),
    "wrong_currency": lambda seen: replace(seen, amount=Money(145000, "KZT"), paid=Money(145000, "KZT")),
    "second_payment": lambda seen: replace(seen, provider_id="2d0a4b1c-000f-5000-8000-000000000000"),
}


@pytest.mark.parametrize("misfit", MISFITS)
async def test_money_that_is_not_for_this_payment_is_asked_about_and_not_taken(deaf: Till, misfit: str) -> None:
    order = await deaf.order()
    payment = await deaf.link(order)
    assert payment.provider_id is not None
    deaf.bank.pay(payment.provider_id)
    kind = misfit.split(",")[0]
    for _ in range(3):
        await deaf.do(applying.apply, payment.id, MISFITS[misfit](deaf.seen(payment)))
    order = await deaf.now(order)
    assert (order.paid, order.flag, order.stage.code) == (Money(0), kind, "awaiting_payment")
    assert await deaf.questions() == [kind]
    assert await deaf.ledger() == []
    assert [event["question"] for event in await deaf.events(MoneyQuestionRaised)] == [kind]


@pytest.mark.parametrize("paid", [100, 144999, 145001])
async def test_a_wrong_sum_is_counted_but_pays_no_order(deaf: Till, paid: int) -> None:
    order = await deaf.order()
    payment = await deaf.link(order)
    seen = replace(deaf.seen(payment), state=PaymentState.PAID, amount=Money(paid), paid=Money(paid))
    await deaf.do(applying.apply, payment.id, seen)
    order = await deaf.now(order)
    assert (order.paid, order.paid_at, order.flag) == (Money(paid), None, "wrong_amount")
    assert order.stage.code == "awaiting_payment"
    assert await deaf.ledger() == [("capture", paid)]


async def test_a_test_payment_does_not_pay_where_only_real_money_counts(database_url: str) -> None:
    async with open_till(database_url, test=False) as till:
        order, payment = await till.paid_order()
        assert (order.paid, order.flag) == (Money(0), "test_payment")
        assert (payment.state, payment.reason) == (State.CANCELLED, "test_payment")
        assert await till.ledger() == []
        assert (await till.link(order)).token != payment.token


async def test_a_test_link_that_nobody_paid_expires_without_a_question(database_url: str) -> None:
    async with open_till(database_url, test=False) as till:
        payment = await till.link(await till.order())
        assert payment.provider_id is not None
        till.bank.expire(payment.provider_id)
        await till.settle()
        assert (await till.payment(payment.id)).state == State.CANCELLED
        assert await till.questions() == []


async def test_money_for_a_cancelled_order_is_flagged_and_revives_nothing(till: Till) -> None:
    order = await till.order()
    payment = await till.link(order)
    await till.cancel(order)
    assert payment.provider_id is not None
    till.bank.pay(payment.provider_id)
    await till.settle()
    order = await till.now(order)
    assert (order.stage.code, order.paid, order.flag) == ("cancelled", Money(145000), "late_payment")
    assert await till.questions() == ["late_payment"]
    assert await till.events(OrderPaid) == []
    assert await till.ledger() == [("capture", 145000)]


async def test_late_money_goes_back_by_itself_where_the_shop_wants_that(till: Till) -> None:
    await till.wants(late_money="refund")
    order = await till.order()
    payment = await till.link(order)
    await till.cancel(order)
    assert payment.provider_id is not None
    till.bank.pay(payment.provider_id)
    await till.settle()
    order = await till.now(order)
    assert (order.paid, order.flag) == (Money(0), "")
    assert [refund.state for refund in await till.refunds(order)] == [RefundStage.SUCCEEDED]
    assert till.bank.refunded_for(str(order.id)) == Money(145000)
    assert await till.questions() == []


async def test_two_paid_links_of_one_order_are_one_payment_and_one_question(till: Till) -> None:
    order = await till.order()
    old = await till.link(order)
    await till.discount(order, 45000)
    new = await till.link(order)
    assert old.provider_id is not None
    assert new.provider_id is not None
    till.bank.pay(new.provider_id)
    await till.settle()
    till.bank.pay(old.provider_id)
    await till.settle()
    order = await till.now(order)
    assert (order.stage.code, order.flag, order.paid) == ("paid", "second_payment", Money(245000))
    assert await till.questions() == ["second_payment"]
    assert len(await till.events(OrderPaid)) == 1


async def test_an_old_link_with_another_sum_does_not_pay_the_changed_order(till: Till) -> None:
    order = await till.order()
    old = await till.link(order)
    await till.discount(order, 45000)
    await till.link(order)
    assert old.provider_id is not None
    till.bank.pay(old.provider_id)
    await till.settle()
    order = await till.now(order)
    assert (order.paid_at, order.flag, order.paid) == (None, "wrong_amount", Money(145000))


async def test_an_order_that_is_changed_back_is_paid_by_its_old_link(till: Till) -> None:
    order = await till.order()
    old = await till.link(order)
    await till.discount(order, 45000)
    await till.discount(order, 0)
    assert old.provider_id is not None
    till.bank.pay(old.provider_id)
    await till.settle()
    order = await till.now(order)
    assert (order.stage.code, order.flag) == ("paid", "")


async def test_an_answered_question_takes_the_flag_away(till: Till) -> None:
    order = await till.order()
    payment = await till.link(order)
    await till.cancel(order)
    assert payment.provider_id is not None
    till.bank.pay(payment.provider_id)
    await till.settle()
    [question] = await till.open_questions()
    actor = f"staff:{till.staff_id}"
    await till.do(questions.resolve, question, actor=actor)
    await till.do(questions.resolve, question, actor="staff:999")
    assert (await till.now(order)).flag == ""
    [answered] = await till.db.read(questions.of_order, order.id)
    assert (answered.resolved_by, answered.resolved_at is not None) == (actor, True)
    assert [event["flag"] for event in await till.events(OrderFlagged)] == ["late_payment", ""]


async def test_a_question_of_another_shop_is_not_found(till: Till) -> None:
    order = await till.order()
    payment = await till.link(order)
    await till.do(applying.apply, payment.id, replace(till.seen(payment), state=PaymentState.PAID, account="666"))
    [question] = await till.open_questions()
    with pytest.raises(questions.NoSuchQuestion):
        await till.db.read(questions.get, till.shop_id + 1, question.id)
