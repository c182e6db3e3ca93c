"""The emulator as one object: start it, let the product call it, and play the buyer, the bank and the bad network."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Iterable
from datetime import datetime
from pathlib import Path

import orjson
from aiohttp import web

from emulators.yookassa.api import Api
from emulators.yookassa.bank import Bank, NotPossible, RefundOutcome, Terms
from emulators.yookassa.checkout import Checkout
from emulators.yookassa.control import Control
from emulators.yookassa.faults import Call, Fault, Network
from emulators.yookassa.idempotence import Answers
from emulators.yookassa.journal import ORDER_KEY, Journal, LedgerRow
from emulators.yookassa.notifications import Notification, Notifier
from emulators.yookassa.records import JsonObject, Shop
from emulators.yookassa.shelf import Shelf
from kit.clock import utc_now
from kit.money import Money

EXPIRY_TICK = 0.5
"""Seconds between looks for payments whose time is over; calls and pages look as well."""


class YooKassaEmulator:
    """YooKassa for `shops`.

    journal       a file for what happened to the money; `durable_journal` forces each line to the disk
    snapshot      a folder that keeps the state over a restart
    public_url    what buyers' browsers see; without it, the address that `start` listens on
    pause_scale   multiplies the pauses between attempts to deliver a notification (0.001 in tests)
    order_key     the metadata key by which the ledger groups payments
    """

    def __init__(
        self,
        shops: Iterable[Shop],
        *,
        journal: Path | None = None,
        durable_journal: bool = False,
        snapshot: Path | None = None,
        public_url: str | None = None,
        pause_scale: float = 1.0,
        order_key: str = ORDER_KEY,
        terms: Terms | None = None,
        clock: Callable[[], datetime] = utc_now,
    ) -> None:
        self.network = Network()
        shops = list(shops)
        self.webhook_urls = {shop.id: shop.webhook_url for shop in shops}
        """Where each shop wants its notifications; may be changed while running."""
        shelf = Shelf(snapshot)
        self._journal = Journal(journal, durable=durable_journal, order_key=order_key)
        self._notifier = Notifier(pause_scale=pause_scale)
        self._public_url = public_url
        self._clock = clock
        self._base = ""
        self._runner: web.AppRunner | None = None
        self.bank = Bank(
            shops,
            journal=self._journal,
            shelf=shelf,
            clock=clock,
            terms=terms or Terms(),
            announce=self._announce,
            checkout_url=self.checkout_url,
        )
        self._api = Api(self.bank, Answers(shelf, clock))

    # ---- running

    def application(self) -> web.Application:
        """The whole service as an aiohttp application; `start` serves it."""
        app = web.Application(middlewares=[self.network.middleware()])
        app.add_routes(self._api.routes())
        app.add_routes(Checkout(self.bank).routes())
        app.add_routes(Control(self).routes())
        app.cleanup_ctx.append(self._background)
        return app

    async def start(self, host: str = "127.0.0.1", port: int = 0) -> str:
        """Listen, and return the base URL; the API is under its /v3. Port 0 takes a free one."""
        self._runner = web.AppRunner(self.application(), access_log=None, shutdown_timeout=1)
        await self._runner.setup()
        await web.TCPSite(self._runner, host, port).start()
        address = self._runner.addresses[0]
        self._base = f"http://{host}:{address[1]}"
        self._public_url = self._public_url or self._base
        return self._base

    async def stop(self) -> None:
        self.network.close()
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None
        self._journal.close()

    async def __aenter__(self) -> YooKassaEmulator:
        await self.start()
        return self

    async def __aexit__(self, *failure: object) -> None:
        await self.stop()

    @property
    def api_url(self) -> str:
        """What a client takes for https://api.yookassa.ru/v3, once started."""
        return f"{self._base}/v3"

    def checkout_url(self, payment_id: str) -> str:
        return f"{(self._public_url or '').rstrip('/')}/checkout/{payment_id}"

    # ---- the buyer and the bank

    def pay(self, payment_id: str, method: str | None = None) -> JsonObject:
        """The buyer pays. The Payment object after it; raises NotPossible if it is not pending."""
        return self.bank.show(self.bank.pay(payment_id, method))

    def hold(self, payment_id: str, method: str | None = None) -> JsonObject:
        """As `pay`, of a payment that the shop wants to capture itself; raises NotPossible for any other."""
        payment = self.bank.payments[payment_id]
        if payment.capture:
            raise NotPossible(payment, "hold")
        return self.pay(payment_id, method)

    def decline(self, payment_id: str, reason: str = "general_decline") -> JsonObject:
        return self.bank.show(self.bank.decline(payment_id, reason=reason))

    def expire(self, payment_id: str) -> JsonObject:
        return self.bank.show(self.bank.expire(payment_id))

    def plan_refunds(self, *outcomes: RefundOutcome) -> None:
        """What becomes of the coming refunds; without a plan they succeed."""
        self.bank.refund_outcomes.extend(outcomes)

    def finish_refund(self, refund_id: str, *, succeeds: bool = True) -> JsonObject:
        return self.bank.show_refund(self.bank.finish_refund(refund_id, succeeds=succeeds))

    # ---- the books

    def payment(self, payment_id: str) -> JsonObject:
        self.bank.expire_due()
        return self.bank.show(self.bank.payments[payment_id])

    def payments_of(self, order: str) -> list[JsonObject]:
        """All payments with this order in their metadata, the oldest first."""
        key = self._journal.order_key
        return [self.bank.show(p) for p in self.bank.payments.values() if p.metadata.get(key) == order]

    def ledger(self) -> list[LedgerRow]:
        return self._journal.ledger()

    def paid(self, payment_id: str) -> Money:
        return self._sum("paid", payment_id=payment_id)

    def refunded(self, payment_id: str) -> Money:
        return self._sum("refunded", payment_id=payment_id)

    def paid_for(self, order: str) -> Money:
        """All that buyers paid for this order, over all its payments."""
        return self._sum("paid", order=order)

    def refunded_for(self, order: str) -> Money:
        return self._sum("refunded", order=order)

    def _sum(self, column: str, *, payment_id: str | None = None, order: str | None = None) -> Money:
        rows = [r for r in self.ledger() if (r.payment_id == payment_id if payment_id else r.order == order)]
        amounts: list[Money] = [row.paid if column == "paid" else row.refunded for row in rows]
        return sum(amounts[1:], amounts[0]) if amounts else Money(0)

    @property
    def calls(self) -> list[Call]:
        """The API calls so far, the oldest first: what was asked and what was answered."""
        return list(self.network.calls)

    # ---- notifications

    @property
    def notifications(self) -> list[Notification]:
        """Every event so far, the oldest first, delivered or not."""
        return self._notifier.sent

    async def settled(self) -> None:
        """Wait until every notification was delivered or given up."""
        await self._notifier.settled()

    async def redeliver(self, payment_id: str, *, event: str | None = None, url: str | None = None) -> int:
        """Send a notification about this payment once more, as it was: the last one, or the first of that event.

        With an earlier event it is an older snapshot, out of order. Returns the HTTP status, 0 for none. Raises
        ValueError if there is no such notification or nowhere to send it.
        """
        about = [n for n in self.notifications if payment_id in (n.object["id"], n.object.get("payment_id"))]
        wanted = [n for n in about if n.event == event] if event is not None else about[-1:]
        if not wanted:
            raise ValueError(f"nothing was announced about {payment_id}" + (f" as {event}" if event else ""))
        chosen = wanted[0]
        target = url or chosen.url or self.webhook_urls[chosen.shop]
        if target is None:
            raise ValueError("the shop has no address for notifications")
        return await self._notifier.post(target, chosen.body())

    async def forge(self, url: str, event: str, content: JsonObject) -> int:
        """Send a notification that the service never made, as a thief would."""
        body = orjson.dumps({"type": "notification", "event": event, "object": content})
        return await self._notifier.post(url, body)

    def _announce(self, shop: Shop, event: str, content: JsonObject) -> None:
        self._notifier.announce(shop.id, event, content, self.webhook_urls[shop.id], self._clock())

    # ---- misbehaviour

    def fail_next(self, fault: Fault, *, count: int = 1, on: str = "") -> None:
        """Let the next `count` calls under /v3 suffer this; `on` narrows them, as `POST /v3/payments`."""
        self.network.plan(fault, count, on)

    async def _background(self, app: web.Application) -> AsyncIterator[None]:
        await self._notifier.start()
        ticks = asyncio.get_running_loop().create_task(self._expire_in_time())
        yield
        self.network.close()
        ticks.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await ticks
        await self._notifier.stop()

    async def _expire_in_time(self) -> None:
        while True:
            self.bank.expire_due()
            await asyncio.sleep(EXPIRY_TICK)
