"""Stories that nobody thought of: what may happen to a town, act by act, and what must hold after each."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import (
    initialize,
    precondition,
    rule,
)

from emulators.yookassa.bank import NotPossible, RefundOutcome
from emulators.yookassa.records import Status
from tests.faults import deeds
from tests.faults.house import BUYERS, Town
from tests.faults.outside import Outcome
from tests.faults.telling import Telling
from tests.faults.watch import Watcher

WORDS = ("Здравствуйте!", "Каталог", "Корзина", "Мои заказы", "А кружка 0 есть?", "/start", "+79001234567", "Анна")

PICKS = st.integers(0, 999)
"""Which of the things that there are now, counted round."""

STEPS = 40


def act(**drawn: Any) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """A rule, after which the hubs go on with what has come, unless they are slow."""

    def wrap(told: Callable[..., None]) -> Callable[..., None]:
        @functools.wraps(told)
        def told_and_gone_on(self: Story, **facts: Any) -> None:
            self.diary.append(f"{told.__name__}({', '.join(f'{name}={value!r}' for name, value in facts.items())})")
            told(self, **facts)
            if not self.slow:
                self.go_on()

        return rule(**drawn)(told_and_gone_on)  # type: ignore[no-untyped-call, no-any-return]

    return wrap


class Story(Telling):
    """What may happen, each act in any state of things."""

    @initialize(asks=st.booleans(), orders=st.booleans(), pays=st.booleans())
    def begins(self, asks: bool, orders: bool, pays: bool) -> None:
        """One buyer may look at the catalogue already; the other may hold a link, or have paid by it."""
        self.diary[:] = [f"begins(asks={asks}, orders={orders}, pays={pays})"]
        self.clock.begin()
        self.town = Town.begin(self.databases.fresh(), self.files, self.clock)
        self.houses = [self.runner.run(self.town.house()) for _ in range(self.hubs)]
        self.watcher = Watcher(self.town)
        self.forms = 0
        self.slow = False
        self.told["stories"] += 1
        if asks:
            self.town.messenger.says(BUYERS[0], "Каталог")
        if orders:
            self.does(0, lambda house: house.db.write(deeds.order, BUYERS[1], 1, 1, "act-0"))
        self.go_on()
        if pays:
            self.the_buyer_is_at_the_bank(payment=0, what="pay")
        self.go_on()

    # The messenger

    @act(chat=st.sampled_from(BUYERS), words=st.sampled_from(WORDS))
    def a_buyer_writes(self, chat: str, words: str) -> None:
        self.told["messages"] += 1
        self.town.messenger.says(chat, words)

    @precondition(lambda self: self.town.messenger.pending)
    @act(hub=PICKS, many=st.integers(1, 4), again=st.lists(PICKS, max_size=2), at_once=st.booleans())
    def updates_come(self, hub: int, many: int, again: Sequence[int], at_once: bool) -> None:
        """The next few, and with them some that came before; over two connections at once, if so drawn."""
        messenger = self.town.messenger
        came = messenger.pending[:many]
        for pick in again:
            # Not before it came for the first time: that order is the messenger's own promise.
            place = pick % (len(came) + 1)
            known = came[place - 1]["update_id"] if place else came[0]["update_id"] - 1
            if known:
                came.insert(place, messenger.updates[pick % known])
        self.takes_updates(hub, came, copies=2 if at_once else 1)

    @act(chat=st.sampled_from(BUYERS), message=PICKS, button=PICKS, version=PICKS, twice=st.booleans())
    def a_buyer_presses(self, chat: str, message: int, button: int, version: int, twice: bool) -> None:
        """Any button of the last messages, also one that is gone from its message by now."""
        phone = [shown for shown in self.town.messenger.phones[chat][-4:] if any(shown.versions)]
        if not phone:
            return
        shown = phone[message % len(phone)]
        versions = [buttons for buttons in shown.versions if buttons]
        buttons = versions[-1 - version % len(versions)]
        for _ in range(1 + twice):
            self.told["presses"] += 1
            self.town.messenger.presses(chat, shown, buttons[button % len(buttons)][1])

    @act(chat=st.sampled_from(BUYERS), message=PICKS, button=PICKS)
    def a_buyer_presses_what_is_gone(self, chat: str, message: int, button: int) -> None:
        """A button of an earlier version changes neither his cart nor his orders."""
        phone = [shown for shown in self.town.messenger.phones[chat] if len(shown.versions) > 1 and shown.versions[0]]
        if not phone or self.town.messenger.pending or self.town.gate.held:
            return
        shown = phone[message % len(phone)]
        label, name = shown.versions[0][button % len(shown.versions[0])]
        if label in ("+", "−") or "В корзину" in label:
            return
        self.sweeps()
        self.all_lanes(f"in:1:{chat}")
        if self.rows(f"SELECT id FROM job WHERE lane = 'in:1:{chat}' AND state = 'ready'"):
            return
        before = self.belongings()
        self.told["presses on what is gone"] += 1
        self.town.messenger.presses(chat, shown, name)
        self.takes_updates(0, self.town.messenger.pending)
        self.all_lanes(f"in:1:{chat}")
        if not self.town.messenger.pending and shown.versions[-1] != shown.versions[0]:
            now = self.belongings()
            assert now == before, f"a press on «{label}», which is gone, was obeyed: {before} became {now}"

    # The hubs

    @act(slow=st.booleans())
    def the_hubs_become(self, slow: bool) -> None:
        self.slow = slow
        for house in self.houses:
            house.worker.prompt = not slow

    @act(hub=PICKS, lane=PICKS)
    def a_lane_is_worked(self, hub: int, lane: int) -> None:
        house = self.houses[hub % len(self.houses)]
        if house.worker.rung:
            rung = sorted(house.worker.rung)
            self.works(house, rung[lane % len(rung)])

    @precondition(lambda self: self.town.gate.held)
    @act(call=PICKS)
    def the_outside_answers(self, call: int) -> None:
        self.town.gate.let_go(call % len(self.town.gate.held))
        self.quiet()

    @act(outcomes=st.lists(st.sampled_from(Outcome), min_size=1, max_size=2))
    def the_outside_will(self, outcomes: list[Outcome]) -> None:
        self.told["faults outside"] += sum(outcome is not Outcome.ANSWERED for outcome in outcomes)
        self.town.gate.planned = outcomes

    @act(hub=PICKS, nth=st.integers(0, 3), after=st.booleans())
    def death_is_near(self, hub: int, nth: int, after: bool) -> None:
        """At the n-th transaction from now; for 0 at once."""
        house = self.houses[hub % len(self.houses)]
        if nth:
            house.death.arm(nth, after=after)
        else:
            self.buries(house)

    # Orders and stock

    @act(
        hub=PICKS, chat=st.sampled_from(BUYERS), thing=st.integers(0, 1), pieces=st.integers(1, 2), twice=st.booleans()
    )
    def a_buyer_orders(self, hub: int, chat: str, thing: int, pieces: int, twice: bool) -> None:
        self.forms += 1
        for _ in range(1 + twice):
            self.does(hub, lambda house: house.db.write(deeds.order, chat, thing + 1, pieces, f"act-{self.forms}"))

    @act(hub=PICKS, order=PICKS, how=st.sampled_from(["schedule", "staff:1", 0, 100, 5000]))
    def an_order_is_cancelled_or_changes(self, hub: int, order: int, how: str | int) -> None:
        """By whom it is cancelled, or how much is taken off."""
        self.to_an_order(hub, order, *((deeds.cancel, how) if isinstance(how, str) else (deeds.discount, how)))

    @act(hub=PICKS, thing=st.integers(0, 1), counted=st.integers(0, 5))
    def the_shelf_is_counted(self, hub: int, thing: int, counted: int) -> None:
        self.does(hub, lambda house: house.db.write(deeds.count, thing + 1, counted))

    # Money

    @act(hub=PICKS, order=PICKS, twice=st.booleans())
    def a_link_is_asked_for(self, hub: int, order: int, twice: bool) -> None:
        for _ in range(1 + twice):
            self.to_an_order(hub, order, deeds.ask_for_link)

    @act(payment=PICKS, what=st.sampled_from(["pay", "pay", "pay", "decline", "expire"]))
    def the_buyer_is_at_the_bank(self, payment: int, what: str) -> None:
        bank = self.town.cashier.bank
        pending = [each.id for each in bank.payments.values() if each.status is Status.PENDING]
        if not pending:
            return
        self.told["payments" if what == "pay" else "refusals"] += 1
        with suppress(NotPossible):
            getattr(bank, what)(pending[payment % len(pending)])

    @precondition(lambda self: self.town.cashier.notices)
    @act(hub=PICKS, what=PICKS, times=st.integers(1, 3), kind=st.sampled_from(["notice", "notice", "return", "poll"]))
    def a_signal_comes(self, hub: int, what: int, times: int, kind: str) -> None:
        """A notice that there ever was, the buyer's return, the poller's tick; once or more."""
        notices = self.town.cashier.notices
        for _ in range(times):
            if kind == "notice":
                self.hears(hub, *notices[what % len(notices)])
            elif kind == "poll":
                self.polls(hub)
            else:
                self.to_a_payment(hub, what, deeds.come_back)

    @act(hub=PICKS, payment=PICKS, kind=st.sampled_from(["paid", "more", "foreign", "stranger", "refund"]))
    def a_thief_writes(self, hub: int, payment: int, kind: str) -> None:
        made = list(self.town.cashier.bank.payments.values())
        if not made:
            return
        shown = self.town.cashier.bank.show(made[payment % len(made)])
        self.told["forged notices"] += 1
        if kind == "refund":
            content = {"id": "a-refund-of-nobody", "payment_id": shown["id"], "amount": shown["amount"]}
            self.hears(hub, "refund.succeeded", {**content, "status": "succeeded"})
            return
        lies: dict[str, dict[str, Any]] = {
            "paid": {"status": "succeeded", "paid": True},
            "more": {"status": "succeeded", "amount": {"value": "1.00", "currency": "RUB"}},
            "foreign": {"status": "succeeded", "recipient": {"account_id": "999", "gateway_id": "1"}},
            "stranger": {"status": "succeeded", "id": "a-payment-of-nobody"},
        }
        self.hears(hub, "payment.succeeded", {**shown, **lies[kind]})

    @act(hub=PICKS, payment=PICKS, amount=st.sampled_from([100, 50000, 0]), twice=st.booleans())
    def an_operator_refunds(self, hub: int, payment: int, amount: int, twice: bool) -> None:
        """So much, or all of it for 0; a form sent twice is one refund."""
        self.forms += 1
        form = f"form-{self.forms}"
        for _ in range(1 + twice):
            self.to_a_payment(hub, payment, lambda session, found: deeds.refund(session, found, amount, form))

    @act(refund=PICKS, how=st.sampled_from([RefundOutcome.STAYS_PENDING, RefundOutcome.LACKS_FUNDS, True, False]))
    def the_bank_decides_a_refund(self, refund: int, how: RefundOutcome | bool) -> None:
        """The next one before it is asked for, or one that waits."""
        bank = self.town.cashier.bank
        pending = [each.id for each in bank.refunds.values() if each.status is Status.PENDING]
        if isinstance(how, RefundOutcome):
            bank.refund_outcomes.append(how)
        elif pending:
            bank.finish_refund(pending[refund % len(pending)], succeeds=how)

    @act(hub=PICKS, chat=st.sampled_from(BUYERS), message=PICKS, again=st.booleans())
    def an_operator_writes(self, hub: int, chat: str, message: int, again: bool) -> None:
        """Her own words, or again what was not confirmed: a person decided, so another copy is right."""
        if not again:
            self.does(hub, lambda house: house.db.write(deeds.reply, chat))
        elif sent := self.does(hub, lambda house: house.db.write(deeds.resend, message)):
            self.watcher.resent[sent] += 1

    # Time

    @act(seconds=st.sampled_from([-3600, 1, 5, 40, 700, 4000, 90_000]))
    def the_clock_jumps(self, seconds: int) -> None:
        self.clock.now += seconds
        self.sweeps()
