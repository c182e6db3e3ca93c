"""Random stories of money, repeatable by their seed: buyers, banks, operators and a bad network, in any order.

After each story everything settles and the books must agree with the provider's own.
"""

from __future__ import annotations

import os
import random

import pytest

from emulators.yookassa.bank import NotPossible, RefundOutcome
from emulators.yookassa.faults import Fault
from kit.errors import Refused
from orders.tables import Order
from payments import charging, ledger
from payments.states import State
from payments.tables import Payment
from tests.payments.till import MERCHANT, Till

STEPS = int(os.environ.get("PRILAVOK_TEST_STORY_STEPS", "40"))
FAULTS = [Fault.ERROR_BEFORE, Fault.ERROR_AFTER, Fault.BUSY, Fault.RESET_BEFORE, Fault.RESET_AFTER, Fault.HALF_ANSWER]


class Story:
    def __init__(self, till: Till, seed: int) -> None:
        self.till = till
        self.chance = random.Random(seed)
        self.orders: list[Order] = []
        self.furthest: dict[int, int] = {}
        self.forms = 0

    async def tell(self) -> None:
        acts = [
            (self.orders_something, 2),
            (self.asks_for_a_link, 4),
            (self.pays, 4),
            (self.declines_or_lets_it_expire, 1),
            (self.a_notification_comes_again, 3),
            (self.a_thief_writes, 1),
            (self.the_poller_ticks, 2),
            (self.comes_back, 2),
            (self.the_order_changes, 1),
            (self.the_order_is_cancelled, 1),
            (self.an_operator_refunds, 2),
            (self.the_network_breaks, 2),
            (self.notifications_stop_or_come_back, 1),
        ]
        await self.orders_something()
        for _ in range(STEPS):
            [act] = self.chance.choices([act for act, _ in acts], [weight for _, weight in acts])
            await act()
            await self.only_forward()

    async def orders_something(self) -> None:
        self.orders.append(await self.till.order(quantity=self.chance.randint(1, 3)))

    async def asks_for_a_link(self) -> None:
        try:
            await self.till.do(charging.request, self.chance.choice(self.orders), actor="bot")
        except (charging.NothingToPay, charging.OrderCancelled):
            return

    async def pays(self) -> None:
        self.at_the_bank(self.till.bank.pay)

    async def declines_or_lets_it_expire(self) -> None:
        self.at_the_bank(self.chance.choice([self.till.bank.decline, self.till.bank.expire]))

    def at_the_bank(self, act: object) -> None:
        payments = list(self.till.bank.bank.payments)
        if payments and callable(act):
            try:
                act(self.chance.choice(payments))
            except NotPossible:
                return

    async def a_notification_comes_again(self) -> None:
        known = self.till.bank.notifications
        if known:
            old = self.chance.choice(known)
            await self.till.bank.redeliver(old.object["id"], event=old.event, url=self.till.hook)

    async def a_thief_writes(self) -> None:
        payments = list(self.till.bank.bank.payments)
        if payments:
            forged = self.till.bank.payment(self.chance.choice(payments)) | {"status": "succeeded"}
            await self.till.bank.forge(self.till.hook, "payment.succeeded", forged)

    async def the_poller_ticks(self) -> None:
        await self.till.poll()

    async def comes_back(self) -> None:
        if (payment := await self.some_payment()) is not None:
            await self.till.comes_back(payment)

    async def the_order_changes(self) -> None:
        order = self.chance.choice(self.orders)
        try:
            await self.till.discount(order, self.chance.choice([0, 100, 45000]))
        except Refused:
            return

    async def the_order_is_cancelled(self) -> None:
        try:
            await self.till.cancel(self.chance.choice(self.orders))
        except Refused:
            return

    async def an_operator_refunds(self) -> None:
        payment = await self.some_payment()
        if payment is None:
            return
        self.forms += 1
        if self.chance.random() < 0.3:
            self.till.bank.plan_refunds(self.chance.choice([RefundOutcome.LACKS_FUNDS, RefundOutcome.STAYS_PENDING]))
        try:
            await self.till.refund(payment, self.chance.choice([100, 45000, payment.amount]), f"form-{self.forms}")
        except Refused:
            return

    async def the_network_breaks(self) -> None:
        self.till.bank.fail_next(self.chance.choice(FAULTS), count=self.chance.randint(1, 2))

    async def notifications_stop_or_come_back(self) -> None:
        self.till.bank.webhook_urls[MERCHANT] = self.chance.choice([None, self.till.hook])

    async def some_payment(self) -> Payment | None:
        payments = await self.till.db.read(charging.of_order, self.chance.choice(self.orders).id)
        return self.chance.choice(payments) if payments else None

    async def only_forward(self) -> None:
        """Checked at every step: what moved back could have moved forward again by the end."""
        places = {state: place for place, state in enumerate(State)}
        for order in self.orders:
            for payment in await self.till.db.read(charging.of_order, order.id):
                place = places[State(payment.state)]
                assert place >= self.furthest.get(payment.id, 0)
                self.furthest[payment.id] = place

    async def ends(self) -> None:
        """Every fault is over, every pending refund is decided, and the poller has been round."""
        self.till.bank.network.clear()
        self.till.bank.bank.refund_outcomes.clear()
        await self.till.settle()
        for refund_id, refund in list(self.till.bank.bank.refunds.items()):
            if refund.status.value == "pending":
                self.till.bank.finish_refund(refund_id, succeeds=self.chance.random() < 0.5)
        for _ in range(2):
            await self.till.poll()

    async def the_books_agree(self) -> None:
        for order in self.orders:
            order = await self.till.now(order)
            payments = await self.till.db.read(charging.of_order, order.id)
            entries = [
                entry.amount for payment in payments for entry in await self.till.db.read(ledger.of_payment, payment.id)
            ]
            bank = self.till.bank
            assert sum(entries) == bank.paid_for(str(order.id)).amount - bank.refunded_for(str(order.id)).amount
            assert order.paid_amount == sum(entries)
            for payment in payments:
                made = [one for one in bank.payments_of(str(order.id)) if one["metadata"]["payment"] == payment.token]
                assert len(made) <= 1, "one payment of ours is one payment of theirs"
                paid = bool(made) and made[0]["status"] == "succeeded"
                assert (payment.state == State.PAID) == paid
            if order.paid_amount and order.paid_at is None:
                assert order.flag, f"order {order.number} holds money and nobody was asked"
            if order.paid_at is not None:
                assert order.stage.code == "paid"
            if order.paid_amount > order.total_amount:
                assert order.flag


@pytest.mark.parametrize("seed", [int(seed) for seed in os.environ.get("PRILAVOK_TEST_SEEDS", "1 2").split()])
async def test_the_books_agree_with_the_provider_after_any_story(till: Till, seed: int) -> None:
    story = Story(till, seed)
    await story.tell()
    await story.ends()
    await story.the_books_agree()
