"""People who buy and sell whatever happens to the hub: each looks at his screen and does what comes next.

Nobody remembers how far the bot has got. A person whose screen does not change for a few seconds does the same thing
again, as people do; so a hub that loses or doubles something cannot hide behind a script.
"""

from __future__ import annotations

import asyncio
import contextlib
import io
import random
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, Generic, Protocol

import aiohttp
from PIL import Image
from typing_extensions import TypeVar

from company.texts import Texts
from emulators.telegram.phones import NoSuchThing, Phone, Shown
from tests.faults.messengers import PATIENCE
from tests.faults.place import Place
from tests.faults.visitor import Window

NEVER = 480.0
"""Seconds after which a round that goes nowhere is given up, and counted: a hub that is killed every few seconds, on a
busy machine, needs minutes for one."""

TYPED_PHONE = "+79001234567"

Act = Callable[[], Awaitable[None]]

_TEXTS = Texts()


def words(key: str) -> str:
    """What stands on a button, or in a message, before its first fact."""
    return _TEXTS.say(key, "ru").split("{")[0].replace("<b>", "").strip()


ADD, CART, CHECKOUT = words("buyer.product.add"), words("buyer.cart.button"), words("buyer.cart.checkout")
CONFIRM, NO_COMMENT, CONTACT = (
    words("buyer.checkout.confirm"),
    words("buyer.checkout.no_comment"),
    words("buyer.checkout.send_contact"),
)
OPENS, FURTHER = words("buyer.catalog.opens"), words("buyer.catalog.further")
BACK, LEAVE, ALL = words("buyer.back"), words("buyer.checkout.leave"), words("buyer.catalog.back")
ONLINE, LATER = words("buyer.checkout.pay_online"), words("buyer.checkout.pay_on_receipt")
PAY, REPEAT, CANCEL = words("buyer.order.pay"), words("buyer.order.repeat"), words("buyer.order.cancel")
CATALOG, IN_CART = words("buyer.menu.catalog"), words("buyer.menu.cart")
ASKS_NAME, ASKS_PHONE = words("buyer.checkout.name"), words("buyer.checkout.phone")
ASKS_ADDRESS, ASKS_DELIVERY = words("buyer.checkout.address"), words("buyer.checkout.delivery")
ASKS_PAYMENT = words("buyer.checkout.payment")
GONE = _TEXTS.say("buyer.catalog.offer_none", "ru").rpartition("}")[2]
SOLD_OUT = words("buyer.product.sold_out")


class Pressed(Protocol):
    """A button that was pressed."""

    @property
    def answer(self) -> Mapping[str, Any] | None:
        """What flashed on the screen, once something did."""


class Device(Protocol):
    """What a buyer holds in his hands: a phone with a messenger, a page with the web chat, a mailbox."""

    @property
    def from_bot(self) -> Sequence[Shown]: ...

    @property
    def last(self) -> Shown | None: ...

    @property
    def keys(self) -> Sequence[str]: ...

    def start(self) -> object: ...

    def say(self, text: str) -> object: ...

    def tap(self, label: str) -> object: ...

    def press(self, label: str, *, message_id: int) -> Pressed: ...

    def send_photo(self, content: bytes) -> object: ...

    async def wait_for(self, seen: Callable[[Any], Any], *, timeout: float) -> Any:  # noqa: ASYNC109
        """Raises TimeoutError if it is not seen in so many seconds."""


D = TypeVar("D", bound=Device, default=Phone)


class Person(Generic[D]):
    """Somebody before a screen; `deeds` counts what he did."""

    def __init__(self, phone: D, dice: random.Random) -> None:
        self.phone = phone
        self.dice = dice
        self.patience = PATIENCE
        self.calm = 0.0
        """Seconds without a change for which he waits before he goes on; 0 where screens change in their place."""
        self.whims = 1.0
        """How often he does what is not the shortest way, as a share of the usual; 0 is never."""
        self.deeds: Counter[str] = Counter()
        self.gave_up: list[str] = []
        """What was on the screen when a round went nowhere."""
        self._pressed: Pressed | None = None

    def screen(self) -> Any:
        """What the shop has put on the screen, to be compared."""
        return [(each.id, each.text, each.labels) for each in self.phone.from_bot[-8:]], self.phone.keys

    async def do(self, act: Act) -> bool:
        """Do it and wait for the screen to change. False if nothing came of it for as long as patience lasts."""
        before, self._pressed = self.screen(), None
        try:
            await act()
        except NoSuchThing:
            await asyncio.sleep(0.05)
            return True
        try:
            await self.phone.wait_for(lambda phone: self._told() or self.screen() != before, timeout=self.patience)
        except TimeoutError:
            self.deeds["tried again"] += 1
            return False
        await self._calm_down()
        return True

    async def _calm_down(self) -> None:
        """Read all that comes, for what comes next may be the answer to something else."""
        with contextlib.suppress(TimeoutError):
            while self.calm:
                await self._changes(self.calm)

    async def _changes(self, within: float) -> None:
        before = self.screen()
        await self.phone.wait_for(lambda phone: self.screen() != before, timeout=within)

    def _fancies(self, chance: float) -> bool:
        return self.dice.random() < chance * self.whims

    def _told(self) -> bool:
        """Whether the press got words in answer, which flash on the screen."""
        answer = self._pressed.answer if self._pressed else None
        return bool(answer and answer.get("text"))

    def press(self, label: str, message: Shown) -> Act:
        async def act() -> None:
            self.deeds["presses"] += 1
            self._pressed = self.phone.press(label, message_id=message.id)

        return act

    def say(self, text: str) -> Act:
        async def act() -> None:
            self.deeds["messages"] += 1
            self.phone.say(text)

        return act


class Buyer(Person[Device]):
    """Buys round after round, each time something else, and pays."""

    def __init__(self, place: Place, device: Device, dice: random.Random, http: aiohttp.ClientSession) -> None:
        super().__init__(device, dice)
        if (messenger := place.messenger_of(device)) is not None:
            self.patience, self.calm = messenger.patience, messenger.calm
        self._place = place
        self._http = http
        self._since = 0
        self._wants = 1
        self._added = 0
        self._paid: set[str] = set()
        self._kept = ""

    async def do(self, act: Act) -> bool:
        # A page lets nobody go on before what he did is on its way.
        if isinstance(self.phone, Window):
            await self.phone.sent()
        return await super().do(act)

    async def live(self, stopping: asyncio.Event) -> None:
        """Buy until told to stop; a round that is begun is ended first."""
        # What was said to an account before the shop first listened there may be unheard.
        while not self._place.is_connected(self.phone):
            if stopping.is_set():
                return
            await asyncio.sleep(0.05)
        self.phone.start()
        while not stopping.is_set():
            await self.round()
            await asyncio.sleep(self.dice.uniform(0.05, 0.5))
            following = self._place.following(self.phone)
            if following is not self.phone:
                self.phone = following
                self.phone.start()

    async def round(self) -> None:
        """One purchase, from the catalogue to "paid", or to a cancelled order."""
        last = self.phone.last
        self._since = last.id if last else 0
        self._wants, self._added = self.dice.randint(1, 3) if self.whims else 1, 0
        until = time.monotonic() + NEVER
        try:
            async with asyncio.timeout(NEVER):
                await self.do(self.say(CATALOG))
                while (act := self._next()) is not None:
                    if time.monotonic() > until:
                        # Whoever waits for an answer at the very moment may take the end of the round for the end of
                        # his waiting, and nobody calls a second time.
                        raise TimeoutError
                    await self.do(act)
                    if self._fancies(0.04):
                        await self.do(self.say(f"А из чего это сделано, {self.dice.randint(1, 999)}?"))
                    if self._fancies(0.01):
                        self.deeds["photos"] += 1
                        self.phone.send_photo(_snapshot(self.dice))
        except TimeoutError:
            self.deeds["rounds given up"] += 1
            self.gave_up.append(str(self.screen()[0][-2:]))
        else:
            self.deeds["rounds"] += 1
            await self._pay_too_late()

    def _next(self) -> Act | None:
        fresh = [each for each in self.phone.from_bot if each.id > self._since]
        if any(self._is_end(each) for each in fresh):
            return None
        if CONTACT in self.phone.keys:
            return self._share
        for message in reversed(fresh):
            act = self._answer_to(message)
            if act is not None:
                return act
        return self.say(CATALOG)

    def _is_end(self, message: Shown) -> bool:
        """Paid, cancelled, or ordered with the money due later: the buyer has what he came for."""
        labels = message.labels
        paid_later = REPEAT in labels and not any(label.startswith(PAY) for label in labels)
        return "оплачен" in message.text or "отменён" in message.text or paid_later

    def _answer_to(self, message: Shown) -> Act | None:
        return self._at_the_till(message) or self._at_checkout(message) or self._at_the_shelf(message)

    def _at_the_till(self, message: Shown) -> Act | None:
        link = next((each.url for each in message.buttons if f"{self._place.address}/p/" in each.url), "")
        if link and not self._kept:
            if self._fancies(0.06):
                return lambda: self._keep_page(link)
            return lambda: self._pay(link)
        if REPEAT in message.labels:
            if CANCEL in message.labels and (self._kept or self._fancies(0.1)):
                return self.press(CANCEL, message)
            if self._kept:
                # He may not cancel any more: then he pays on the page that he has.
                return self._pay_too_late
            return self.press(PAY, message)
        if any(label == words("buyer.order.keep") for label in message.labels):
            return self.press(words("buyer.reason.changed_mind"), message)
        return None

    def _at_checkout(self, message: Shown) -> Act | None:
        for label in message.labels:
            if label.startswith(CONFIRM):
                return self._twice(label, message) if self._fancies(0.2) else self.press(label, message)
        if ASKS_ADDRESS in message.text:
            return self._known(message) or self.say(f"Казань, Лесная, {self.dice.randint(1, 90)}")
        if ASKS_NAME in message.text:
            return self._known(message) or self.say("Анна Смирнова")
        if ASKS_PHONE in message.text:
            # Where no contact can be sent it is typed.
            return self._known(message) or self.say(TYPED_PHONE)
        if ASKS_PAYMENT in message.text:
            return self.press(LATER if self._fancies(0.1) else ONLINE, message)
        if ASKS_DELIVERY in message.text:
            return self._known(message)
        return self.press(NO_COMMENT, message) if NO_COMMENT in message.labels else None

    def _at_the_shelf(self, message: Shown) -> Act | None:
        labels = message.labels
        checkout = next((label for label in labels if label.startswith(CHECKOUT)), None)
        if checkout is not None:
            return self.press(checkout, message)
        to_cart = next((label for label in labels if label.startswith(CART)), None)
        if to_cart is not None and self._added >= self._wants:
            return self.press(to_cart, message)
        for more in (ADD, "+"):
            if more in labels:
                return self._add(more, message)
        if shelf := [label for label in labels if label.endswith(f": {OPENS}")]:
            return self.press(self.dice.choice(shelf), message)
        if message.text == FURTHER:
            # The products stand as one thing in the message above.
            return None
        if ALL in labels:
            offers = [label for label in labels if " · " in label and not label.endswith(GONE)]
            return self.press(self.dice.choice(offers or [ALL]), message)
        if IN_CART in labels:
            return self.press(self.dice.choice([label for label in labels if label != IN_CART]), message)
        if SOLD_OUT in labels or labels == [CATALOG]:
            return self.say(CATALOG)
        return None

    def _add(self, label: str, message: Shown) -> Act:
        async def act() -> None:
            self._added += 1
            await self.press(label, message)()

        return act

    def _twice(self, label: str, message: Shown) -> Act:
        async def act() -> None:
            self.deeds["double presses"] += 1
            await self.press(label, message)()
            await self.press(label, message)()

        return act

    def _known(self, message: Shown) -> Act | None:
        """One of the answers that the question offers."""
        offered = [label for label in message.labels if label not in (BACK, LEAVE)]
        return self.press(self.dice.choice(offered), message) if offered else None

    async def _share(self) -> None:
        self.deeds["messages"] += 1
        self.phone.tap(CONTACT)

    async def _keep_page(self, link: str) -> None:
        """Leave the bank's page open in another tab, and change one's mind."""
        try:
            async with self._http.get(link, allow_redirects=False) as answer:
                bank = answer.headers.get("Location", "")
        except (aiohttp.ClientError, TimeoutError):
            return
        if "/checkout/" in bank and bank not in self._paid:
            self._kept = bank

    async def _pay_too_late(self) -> None:
        """Pay on the page that was kept, whatever became of the order."""
        bank, self._kept = self._kept, ""
        if bank:
            self._paid.add(bank)
            self.deeds["paid late"] += 1
            async with self._http.post(bank, data={"act": "bank_card"}, allow_redirects=False) as answer:
                await answer.read()

    async def _pay(self, link: str) -> None:
        """Open the link as a browser does, and pay where it leads to; once paid, only look how it stands."""
        try:
            async with self._http.get(link, allow_redirects=False) as answer:
                bank = answer.headers.get("Location", "")
            if "/checkout/" not in bank or bank in self._paid:
                return
            async with self._http.post(bank, data={"act": "bank_card"}, allow_redirects=False) as answer:
                back = answer.headers.get("Location", "")
            self._paid.add(bank)
            self.deeds["paid"] += 1
            if back:
                async with self._http.get(back) as answer:
                    await answer.read()
        except (aiohttp.ClientError, TimeoutError):
            # The hub is dead: the screen will not change either, and he comes back to the link.
            self.deeds["pages that did not open"] += 1


def _snapshot(dice: random.Random) -> bytes:
    """A small picture, no two alike."""
    out = io.BytesIO()
    Image.new("RGB", (24, 24), (dice.randrange(256), dice.randrange(256), dice.randrange(256))).save(out, "PNG")
    return out.getvalue()
