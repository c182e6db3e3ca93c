"""The outside of a hub in one process: a clock, a messenger and a bank that keep their own books.

Each call to the messenger or the bank comes to a `Gate`, where the next outcome was planned: answered, refused, lost
on either side of its effect, held until later, or the last thing that the process ever did.
"""

from __future__ import annotations

import asyncio
import time
from collections import Counter, defaultdict
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any, TypeVar

from bot.channels import telegram_read
from bot.channels.base import ChannelError, Envelope, NotSent, Parcel, Throttled, Unconfirmed, button_name
from emulators.yookassa.bank import Bank, Terms
from emulators.yookassa.errors import ApiRefusal, not_found
from emulators.yookassa.idempotence import Answers
from emulators.yookassa.journal import Journal
from emulators.yookassa.records import JsonObject, Shop
from emulators.yookassa.requests import new_payment, new_refund
from emulators.yookassa.shelf import Shelf
from inbox.content import Incoming, Media
from kit import clock
from kit.money import Money
from payments.providers.base import (
    Charge,
    Notice,
    OutcomeUnknown,
    ProviderPayment,
    ProviderRefund,
    ProviderRefused,
    ProviderUnavailable,
    Receipt,
)
from payments.providers.yookassa_wire import notice_of, payment_body, payment_of, refund_body, refund_of

T = TypeVar("T")

MERCHANT = Shop("700700", "test_model-key-of-clay-and-linen", title="Глина и лён")


class Died(BaseException):
    """The process is gone. No handler of errors may see it, as none sees a kill -9."""


class Clock:
    """The operating system's clock, set by hand. Each look costs a millisecond, so no two moments are the same."""

    def __init__(self) -> None:
        self.now = self.latest = 0.0
        self.begin()

    def begin(self) -> None:
        # `latest` is the furthest that it has ever shown: it can be set back.
        self.now = self.latest = 1_764_000_000.0

    def read(self) -> float:
        self.now += 0.001
        self.latest = max(self.latest, self.now)
        return self.now

    def moment(self) -> datetime:
        return datetime.fromtimestamp(self.read(), UTC)

    @contextmanager
    def instead_of_the_systems(self) -> Iterator[None]:
        """What kit.clock asks the system for comes from here; everything else runs on real time."""
        reading = self.read

        class Time:
            time = staticmethod(reading)

        class Moment(datetime):
            @classmethod
            def now(cls, tz: Any = None) -> Moment:
                return cls.fromtimestamp(reading(), tz)

        names = vars(clock)
        names.update(time=Time, datetime=Moment)
        try:
            yield
        finally:
            names.update(time=time, datetime=datetime)


class Outcome(StrEnum):
    ANSWERED = "answered"
    REFUSED = "refused"
    """Certainly not done: no connection."""
    BUSY = "busy"
    """Certainly not done: too many requests."""
    LOST_BEFORE = "lost before"
    """No answer, and nothing was done."""
    LOST_AFTER = "lost after"
    """No answer, and all of it was done."""
    HELD_BEFORE = "held before"
    HELD_AFTER = "held after"
    """Done now, answered later: the answer is old when it comes."""
    DEATH_BEFORE = "death before"
    DEATH_AFTER = "death after"


DOUBTFUL = frozenset(Outcome) - {Outcome.ANSWERED, Outcome.REFUSED, Outcome.BUSY}
"""After these the caller cannot know what was done."""

DONE_FIRST = frozenset({Outcome.LOST_AFTER, Outcome.HELD_AFTER, Outcome.DEATH_AFTER})

Failure = Callable[[Outcome], Exception]


class Gate:
    """Where calls go out."""

    def __init__(self) -> None:
        self.planned: list[Outcome] = []
        self.held: list[asyncio.Future[None]] = []
        self.blocked = asyncio.Event()

    async def through(self, act: Callable[[], T], failure: Failure, seen: Callable[[Outcome], None]) -> T:
        """Have the call meet its outcome. `seen` is told which, before anything happens."""
        outcome = self.planned.pop(0) if self.planned else Outcome.ANSWERED
        seen(outcome)
        if outcome in (Outcome.REFUSED, Outcome.BUSY, Outcome.LOST_BEFORE):
            raise failure(outcome)
        if outcome is Outcome.DEATH_BEFORE:
            raise Died
        if outcome is Outcome.HELD_BEFORE:
            await self._wait()
        result = act()
        if outcome is Outcome.LOST_AFTER:
            raise failure(outcome)
        if outcome is Outcome.DEATH_AFTER:
            raise Died
        if outcome is Outcome.HELD_AFTER:
            await self._wait()
        return result

    async def _wait(self) -> None:
        answer: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.held.append(answer)
        self.blocked.set()
        try:
            await answer
        finally:
            if answer in self.held:
                self.held.remove(answer)

    def let_go(self, n: int = 0) -> None:
        """Answer the n-th held call."""
        answer = self.held.pop(n)
        if not answer.done():
            answer.set_result(None)


@dataclass(slots=True)
class Shown:
    """A message on a phone. `versions` are the buttons it has had, (label, name), the present ones last."""

    number: int
    message_id: int
    text: str
    versions: list[tuple[tuple[str, str], ...]] = field(default_factory=list)


class Messenger:
    """A bot's account at a messenger, in the words of Telegram: `pending` updates come until they are acknowledged."""

    def __init__(self, gate: Gate, now: Callable[[], datetime]) -> None:
        self.gate, self._now = gate, now
        self.updates: list[dict[str, Any]] = []
        self.pending: list[dict[str, Any]] = []
        self.acknowledged: set[int] = set()
        self.phones: dict[str, list[Shown]] = defaultdict(list)
        self.doubtful: set[int] = set()
        """Messages of ours of which somebody, at some time, could not know whether they were sent."""
        self.attempts: Counter[int] = Counter()
        self.answers: Counter[str] = Counter()
        self._numbers: Counter[str] = Counter()

    # What people do

    def says(self, chat: str, text: str) -> None:
        self._update(chat, {"message": self._message(chat, text)})

    def presses(self, chat: str, shown: Shown, button: str) -> None:
        self._press(chat, shown.number, button)

    def presses_nothing(self, chat: str) -> None:
        """A button that nobody gave him, under a message that is not ours."""
        self._numbers[chat] += 1
        self._press(chat, self._numbers[chat], "of nobody")

    def _press(self, chat: str, number: int, button: str) -> None:
        press = {
            "id": f"ack-{len(self.updates) + 1}",
            "from": _person(chat),
            "message": {"message_id": number, "chat": {"id": int(chat), "type": "private"}},
            "data": button,
        }
        self._update(chat, {"callback_query": press})

    def _message(self, chat: str, text: str) -> dict[str, Any]:
        self._numbers[chat] += 1
        return {
            "message_id": self._numbers[chat],
            "from": _person(chat),
            "chat": {"id": int(chat), "type": "private"},
            "date": int(self._now().timestamp()),
            "text": text,
        }

    def _update(self, chat: str, what: dict[str, Any]) -> None:
        update = {"update_id": len(self.updates) + 1, **what}
        self.updates.append(update)
        self.pending.append(update)

    def acknowledge_updates(self, updates: Sequence[Mapping[str, Any]]) -> None:
        """The hub said that it has them: they never come again by themselves."""
        self.acknowledged |= {int(update["update_id"]) for update in updates}
        self.pending = [update for update in self.pending if update["update_id"] not in self.acknowledged]

    # What the hub asks: bot.channels.base.Channel

    def parse(self, raw: Mapping[str, Any]) -> Sequence[Incoming]:
        return telegram_read.read(raw)

    async def start(self) -> None:
        return

    async def stop(self) -> None:
        return

    async def send(self, parcel: Parcel) -> str:
        def arrive() -> str:
            self._numbers[parcel.chat] += 1
            shown = Shown(self._numbers[parcel.chat], parcel.message_id, parcel.outgoing.text, [_buttons(parcel)])
            self.phones[parcel.chat].append(shown)
            return str(shown.number)

        self.attempts[parcel.message_id] += 1
        return await self.gate.through(arrive, _not_sent, lambda outcome: self._note(parcel, outcome))

    async def edit(self, parcel: Parcel) -> str:
        def change() -> str:
            for shown in self.phones[parcel.chat]:
                if str(shown.number) == parcel.external_id:
                    shown.text = parcel.outgoing.text
                    shown.versions.append(_buttons(parcel))
            return parcel.external_id

        return await self.gate.through(change, _not_sent, lambda outcome: None)

    async def acknowledge(self, ack: str, text: str, *, alert: bool) -> None:
        def answer() -> None:
            self.answers[ack] += 1

        await self.gate.through(answer, _not_sent, lambda outcome: None)

    async def seen(self, chat: str, said: str) -> None:
        """Nobody looks at that here."""

    async def typing(self, chat: str, said: str) -> None:
        """Leaves no trace on a phone."""

    async def fetch(self, media: Media) -> AsyncIterator[bytes]:
        raise NotSent("nobody sends files here")
        yield b""

    def _note(self, parcel: Parcel, outcome: Outcome) -> None:
        if outcome in DOUBTFUL:
            self.doubtful.add(parcel.message_id)


class Cashier:
    """The merchant's account at the bank, as payments.providers.base.Provider, over the emulator's own bank."""

    name = "yookassa"
    can_be_asked = True

    def __init__(self, gate: Gate, now: Callable[[], datetime]) -> None:
        self.gate = gate
        self.notices: list[tuple[str, JsonObject]] = []
        """Every picture of a payment or refund that was ever to be seen, as a notification would show it."""
        self.journal = Journal()
        shelf = Shelf(None)
        self.bank = Bank(
            [MERCHANT],
            journal=self.journal,
            shelf=shelf,
            clock=now,
            terms=Terms(confirmation=timedelta(hours=1)),
            announce=lambda shop, event, content: self.notices.append((event, content)),
            checkout_url=lambda payment: f"https://bank.example/{payment}",
        )
        self._answers = Answers(shelf, now)

    async def create(self, charge: Charge) -> ProviderPayment:
        body = payment_body(charge)

        def act() -> ProviderPayment:
            def made() -> JsonObject:
                shown = self.bank.show(self.bank.create(MERCHANT, new_payment(body, MERCHANT)))
                # An early picture: nobody announces it today, and whoever believes pictures shall meet it.
                self.notices.append(("payment.waiting_for_capture", shown))
                return shown

            return payment_of(self._answers.once(MERCHANT, charge.key, ("create", body), made))

        return await self._through(act)

    async def fetch(self, provider_id: str) -> ProviderPayment:
        return await self._through(lambda: payment_of(self.bank.show(self.bank.payment(MERCHANT, provider_id))))

    async def find(self, key: str, value: str, *, since: datetime) -> list[ProviderPayment]:
        def act() -> list[ProviderPayment]:
            fitting = [p for p in self.bank.payments.values() if p.created_at >= since and p.metadata.get(key) == value]
            return [payment_of(self.bank.show(payment)) for payment in reversed(fitting)]

        return await self._through(act)

    async def capture(
        self, provider_id: str, amount: Money, *, key: str, receipt: Receipt | None = None
    ) -> ProviderPayment:
        raise AssertionError("the product takes money at once")

    async def cancel(self, provider_id: str, *, key: str) -> ProviderPayment:
        payment = self.bank.payments[provider_id]
        return await self._through(lambda: payment_of(self.bank.show(self.bank.cancel(payment))))

    async def refund(
        self, provider_id: str, amount: Money, *, key: str, reason: str, receipt: Receipt | None = None
    ) -> ProviderRefund:
        body = refund_body(provider_id, amount, reason, receipt)

        def act() -> ProviderRefund:
            def given() -> JsonObject:
                return self.bank.show_refund(self.bank.refund(MERCHANT, new_refund(body)))

            return refund_of(self._answers.once(MERCHANT, key, ("refund", body), given))

        return await self._through(act)

    async def fetch_refund(self, refund_id: str) -> ProviderRefund:
        def act() -> ProviderRefund:
            if refund_id not in self.bank.refunds:
                raise not_found("Refund", "refund_id")
            return refund_of(self.bank.show_refund(self.bank.refunds[refund_id]))

        return await self._through(act)

    async def refunds_of(self, provider_id: str) -> list[ProviderRefund]:
        def act() -> list[ProviderRefund]:
            found = [refund for refund in self.bank.refunds.values() if refund.payment_id == provider_id]
            return [refund_of(self.bank.show_refund(refund)) for refund in reversed(found)]

        return await self._through(act)

    def notice(self, body: bytes) -> Notice | None:
        return notice_of(body)

    async def close(self) -> None:
        return

    async def _through(self, act: Callable[[], T]) -> T:
        def asked() -> T:
            self.bank.expire_due()
            try:
                return act()
            except ApiRefusal as refusal:
                raise ProviderRefused(refusal.code, refusal.description, refusal.parameter) from refusal

        return await self.gate.through(asked, _not_done, lambda outcome: None)


def envelopes(updates: Sequence[Mapping[str, Any]]) -> list[Envelope]:
    return [Envelope(telegram_read.chat_of(update), str(update["update_id"]), update) for update in updates]


def _person(chat: str) -> dict[str, Any]:
    return {"id": int(chat), "first_name": f"Покупатель{chat}", "language_code": "ru"}


def _buttons(parcel: Parcel) -> tuple[tuple[str, str], ...]:
    return tuple(
        (button.label, button_name(parcel.message_id, parcel.version, n))
        for n, button in enumerate(parcel.outgoing.buttons())
        if not button.url
    )


def _not_sent(outcome: Outcome) -> ChannelError:
    if outcome is Outcome.REFUSED:
        return NotSent("no connection")
    return Throttled(3) if outcome is Outcome.BUSY else Unconfirmed("no answer")


def _not_done(outcome: Outcome) -> Exception:
    if outcome in (Outcome.REFUSED, Outcome.BUSY):
        return ProviderUnavailable("too busy")
    return OutcomeUnknown("no answer")
