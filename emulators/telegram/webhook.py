"""Delivery of updates to a bot's own address, as persistent as the real server.

Any 2xx takes the update. Otherwise the first repeat comes at once and the next ones after 2, 4, ... seconds up to a
random one or two minutes; Retry-After is obeyed; after a day (150 seconds for button presses) the update is dropped.
Updates of one lane follow each other, so one that is not taken holds up its chat and no other.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
import time
from collections import deque
from dataclasses import dataclass, field

import aiohttp
import orjson

from emulators.telegram.faults import Faults
from emulators.telegram.updates import Update, UpdateQueue
from emulators.telegram.world import Json

SECRET_HEADER = "X-Telegram-Bot-Api-Secret-Token"  # noqa: S105 - the name of a header
LONGEST_PAUSE = 60.0
LONGEST_RETRY_AFTER = 3600.0
EXPIRY = {"callback_query": 150.0}
USUAL_EXPIRY = 24 * 3600.0
GONE_FOR = 23 * 3600.0
"""Seconds of nothing but 410 after which the webhook is removed."""
ANSWER_LIMIT = 60.0


@dataclass(slots=True)
class Webhook:
    """Where and how a bot wants its updates; the last trouble is what getWebhookInfo tells."""

    url: str
    secret_token: str = field(default="", repr=False)
    max_connections: int = 40
    last_error_date: int = 0
    last_error_message: str = ""
    gone_since: float = 0.0

    def headers(self) -> dict[str, str]:
        headers = {"Content-Type": "application/json"}
        if self.secret_token:
            headers[SECRET_HEADER] = self.secret_token
        return headers


@dataclass(frozen=True, slots=True)
class _Reply:
    """What came back: `trouble` is empty when the update was taken."""

    trouble: str = ""
    status: int = 0
    retry_after: float = 0.0


class Postman:
    """Carries one bot's updates to its webhook. `pace` scales every pause and expiry: 0.01 makes a second ten ms."""

    def __init__(self, queue: UpdateQueue, *, faults: Faults, pace: float) -> None:
        self.webhook: Webhook | None = None
        self._queue = queue
        self._faults = faults
        self._pace = pace
        self._lanes: dict[str, deque[Update]] = {}
        self._walks: set[asyncio.Task[None]] = set()
        self._session: aiohttp.ClientSession | None = None
        self._connections = asyncio.Semaphore(40)

    async def begin(self, webhook: Webhook) -> None:
        """Deliver to this address from now on, what waits already included."""
        await self.pause()
        self.webhook = webhook
        self.resume()

    async def end(self) -> None:
        """Forget the webhook; what was not taken stays in the queue."""
        await self.pause()
        self.webhook = None

    def resume(self) -> None:
        """Go on delivering after a pause; nothing happens without a webhook."""
        if self.webhook is None:
            return
        self._connections = asyncio.Semaphore(self.webhook.max_connections)
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=0), timeout=aiohttp.ClientTimeout(total=ANSWER_LIMIT)
        )
        self._queue.on_push = self.post
        for update in [*self._queue.pending.values()]:
            self.post(update)

    async def pause(self) -> None:
        """Stop delivering, as when the server goes down; the webhook is remembered."""
        self._queue.on_push = None
        self._lanes.clear()
        walks = [*self._walks]
        for walk in walks:
            walk.cancel()
        await asyncio.gather(*walks, return_exceptions=True)
        if self._session is not None:
            await self._session.close()
            self._session = None

    def post(self, update: Update) -> None:
        lane = self._lanes.get(update.lane)
        if lane is not None:
            lane.append(update)
            if self._faults.disordered() and len(lane) > 1:
                lane[-1], lane[-2] = lane[-2], lane[-1]
            return
        self._lanes[update.lane] = deque([update])
        walk = asyncio.create_task(self._walk(update.lane))
        self._walks.add(walk)
        walk.add_done_callback(self._walks.discard)

    async def _walk(self, name: str) -> None:
        """Deliver the updates of one lane one after another until it is empty."""
        lane = self._lanes[name]
        while lane:
            update = lane.popleft()
            if update.id in self._queue.pending:
                await self._deliver(update)
        if self._lanes.get(name) is lane:
            del self._lanes[name]

    async def _deliver(self, update: Update) -> None:
        body = orjson.dumps(update.wire())
        expires = time.monotonic() + EXPIRY.get(update.kind, USUAL_EXPIRY) * self._pace
        failures = 0
        while self.webhook is not None:
            reply = await self._offer(update, body)
            if not reply.trouble:
                self._queue.done(update.id, "delivered")
                if self._faults.doubled():
                    await self._offer(update, body)
                return
            failures += 1
            self._remember_trouble(reply)
            pause = self._pause(failures, reply)
            if time.monotonic() + pause > expires:
                self._queue.done(update.id, "dropped")
                return
            await asyncio.sleep(pause)

    async def _offer(self, update: Update, body: bytes) -> _Reply:
        async with self._connections:
            copies = await asyncio.gather(*(self._send(body) for _ in range(max(self._faults.copies, 1))))
        reply = next((copy for copy in copies if not copy.trouble), copies[0])
        self._queue.note(update, "offered", status=reply.status)
        return reply

    async def _send(self, body: bytes) -> _Reply:
        webhook, session = self.webhook, self._session
        if webhook is None or session is None:
            return _Reply("Webhook is gone")
        try:
            async with session.post(
                webhook.url, data=body, headers=webhook.headers(), allow_redirects=False
            ) as response:
                await response.read()
        except TimeoutError:
            return _Reply("Read timeout expired")
        except aiohttp.ClientConnectorError:
            return _Reply("Connection refused")
        except aiohttp.ClientError:
            return _Reply("Connection reset by peer")
        if 200 <= response.status < 300:
            return _Reply(status=response.status)
        retry_after = 0.0
        with contextlib.suppress(ValueError):
            retry_after = min(float(response.headers.get("Retry-After", 0)), LONGEST_RETRY_AFTER)
        return _Reply(
            f"Wrong response from the webhook: {response.status} {response.reason}", response.status, retry_after
        )

    def _pause(self, failures: int, reply: _Reply) -> float:
        if reply.retry_after > 0:
            return reply.retry_after * self._pace
        if failures == 1:
            return 0.0
        longest = LONGEST_PAUSE * (1 + random.random())  # noqa: S311 - chance, not secrecy
        return float(min(2 ** (failures - 1), longest)) * self._pace

    def _remember_trouble(self, reply: _Reply) -> None:
        webhook = self.webhook
        if webhook is None:
            return
        webhook.last_error_date, webhook.last_error_message = int(time.time()), reply.trouble
        if reply.status != 410:
            webhook.gone_since = 0.0
        elif not webhook.gone_since:
            webhook.gone_since = time.monotonic()
        elif time.monotonic() - webhook.gone_since > GONE_FOR * self._pace:
            self.webhook = self._queue.on_push = None

    def info(self) -> Json:
        """What getWebhookInfo answers."""
        webhook = self.webhook
        shown: Json = {
            "url": webhook.url if webhook else "",
            "has_custom_certificate": False,
            "pending_update_count": len(self._queue.pending),
        }
        if webhook is not None:
            shown["max_connections"] = webhook.max_connections
            if webhook.last_error_message:
                shown["last_error_date"] = webhook.last_error_date
                shown["last_error_message"] = webhook.last_error_message
        if self._queue.allowed is not None:
            shown["allowed_updates"] = sorted(self._queue.allowed)
        return shown
