"""How events reach a shop: at its own address, signed with the app's secret, for up to seven days.

Taken is what was answered with 200. Otherwise it comes again, each time later. Events of one chat follow each other,
unless there is disorder or a status overtakes what waits; those that wait come together, as Meta batches them.

Source: https://developers.facebook.com/docs/graph-api/webhooks/getting-started
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import secrets
from collections import deque
from collections.abc import Callable
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import aiohttp
import orjson

from emulators.telegram.faults import Faults
from emulators.telegram.world import Json

if TYPE_CHECKING:
    from emulators.whatsapp.cloud import Account, Cloud

SIGNATURE = "X-Hub-Signature-256"
FIRST_PAUSE, LONGER, LONGEST = 2.0, 2.0, 6 * 3600.0
GIVES_UP = 7 * 24 * 3600.0
ANSWER_LIMIT = 20.0


class Postman:
    """Carries one number's events to its address. `pace` scales every pause."""

    def __init__(self, app_secret: str, *, faults: Faults, pace: float, cloud: Cloud) -> None:
        self.url = ""
        self.account: Account | None = None
        self.sent: list[Json] = []
        """Bodies of all calls, oldest first."""
        self.on_taken: Callable[[Json], None] | None = None
        """Hears each of them that was answered with 200."""
        self.by_way_of = ""
        """host:port of what stands between the servers and the shop's address."""
        self._secret = app_secret.encode()
        self._faults = faults
        self._pace = pace
        self._cloud = cloud
        self._lanes: dict[int, deque[Json]] = {}
        self._walks: set[asyncio.Task[None]] = set()
        self._http: aiohttp.ClientSession | None = None
        self._going = True

    @property
    def idle(self) -> bool:
        return not self._lanes

    async def verify(self, url: str, proof: str) -> bool:
        """Ask the address for the challenge."""
        challenge = str(secrets.randbelow(10**9))
        query = {"hub.mode": "subscribe", "hub.challenge": challenge, "hub.verify_token": proof}
        try:
            async with self._line.get(self._way_to(url), params=query, allow_redirects=False) as answer:
                return answer.status == 200 and await answer.text() == challenge
        except (aiohttp.ClientError, OSError, TimeoutError):
            return False

    def post(self, value: Json, *, lane: int) -> None:
        self._cloud.counters["events"] += 1
        if "statuses" in value and self._faults.overtaken():
            # What becomes of messages is told by other servers than what people say.
            lane = -1 - lane
        waiting = self._lanes.get(lane)
        if waiting is not None:
            waiting.append(value)
            if self._faults.disordered() and len(waiting) > 1:
                waiting[-1], waiting[-2] = waiting[-2], waiting[-1]
            return
        self._lanes[lane] = deque([value])
        self._walk(lane)

    def resume(self) -> None:
        self._going = True
        for lane in self._lanes:
            self._walk(lane)

    async def stop(self) -> None:
        self._going = False
        walks = [*self._walks]
        for walk in walks:
            walk.cancel()
        await asyncio.gather(*walks, return_exceptions=True)
        if self._http is not None:
            await self._http.close()
            self._http = None

    @property
    def _line(self) -> aiohttp.ClientSession:
        if self._http is None:
            self._http = aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=ANSWER_LIMIT))
        return self._http

    def _walk(self, lane: int) -> None:
        if not self._going:
            return
        walk = asyncio.create_task(self._carry(lane))
        self._walks.add(walk)
        walk.add_done_callback(self._walks.discard)

    async def _carry(self, lane: int) -> None:
        waiting = self._lanes[lane]
        while waiting:
            together = [*waiting][: self._cloud.together]
            await self._deliver(together)
            for _ in together:
                waiting.popleft()
        del self._lanes[lane]

    async def _deliver(self, values: list[Json]) -> None:
        pause, spent = FIRST_PAUSE, 0.0
        while spent < GIVES_UP:
            if self.url and await self._offer(values) == 200:
                self._cloud.counters["events_delivered"] += len(values)
                for message in (message for value in values for message in value.get("messages", ())):
                    self._cloud.taken(message["id"])
                return
            await asyncio.sleep(pause * self._pace)
            spent += pause
            pause = min(LONGEST, pause * LONGER)
        self._cloud.counters["events_dropped"] += len(values)

    async def _offer(self, values: list[Json]) -> int:
        assert self.account is not None
        around = {"messaging_product": "whatsapp", "metadata": self.account.metadata}
        changes = [{"value": {**around, **value}, "field": "messages"} for value in values]
        event = {
            "object": "whatsapp_business_account",
            "entry": [{"id": str(self.account.number.business), "changes": changes}],
        }
        self.sent.append(event)
        body = orjson.dumps(event)
        copies = max(1 + self._faults.doubled(), self._faults.copies)
        statuses = await asyncio.gather(*(self._send(body) for _ in range(copies)))
        if 200 in statuses and self.on_taken is not None:
            self.on_taken(event)
        return 200 if 200 in statuses else statuses[0]

    def _way_to(self, url: str) -> str:
        return urlsplit(url)._replace(netloc=self.by_way_of).geturl() if self.by_way_of else url

    async def _send(self, body: bytes) -> int:
        signature = f"sha256={hmac.new(self._secret, body, hashlib.sha256).hexdigest()}"
        headers = {"Content-Type": "application/json", SIGNATURE: signature}
        try:
            async with self._line.post(
                self._way_to(self.url), data=body, headers=headers, allow_redirects=False
            ) as answer:
                await answer.read()
                return answer.status
        except (aiohttp.ClientError, OSError, TimeoutError):
            return 0
