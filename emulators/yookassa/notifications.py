"""Notifications to the shop: POSTed until the shop answers 200, with growing pauses, for 24 hours.

They carry no signature, may come twice and out of order; a shop that trusts their content can be robbed, and these
ones can be forged on purpose.
"""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import aiohttp
import orjson

from emulators.yookassa.records import JsonObject

logger = logging.getLogger(__name__)

PAUSES = (10, 30, 60, 300, 900, 3600)
"""Seconds before the second, third … attempt; the last is repeated. The service publishes only that they grow."""
GIVE_UP = timedelta(hours=24)
ANSWER_WITHIN = aiohttp.ClientTimeout(total=10)


@dataclass(slots=True)
class Notification:
    """One event of one shop, as it was at the time of the event."""

    number: int
    shop: str
    event: str
    object: JsonObject
    url: str | None
    at: datetime
    answers: list[int] = field(default_factory=list)
    """HTTP statuses of the attempts so far; 0 is no answer."""

    @property
    def delivered(self) -> bool:
        return bool(self.answers) and self.answers[-1] == 200

    def body(self) -> bytes:
        return orjson.dumps({"type": "notification", "event": self.event, "object": self.object})


class Notifier:
    """Delivers each notification in a task of its own, so that a shop that hangs delays nobody else."""

    def __init__(self, *, pause_scale: float) -> None:
        self.sent: list[Notification] = []
        self._pause_scale = pause_scale
        self._http: aiohttp.ClientSession | None = None
        self._tasks: dict[asyncio.Task[None], Notification] = {}
        self._waiting: list[Notification] = []

    async def start(self) -> None:
        self._http = aiohttp.ClientSession(timeout=ANSWER_WITHIN)
        for notification in self._waiting:
            self._deliver_later(notification)
        self._waiting.clear()

    async def stop(self) -> None:
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        if self._http is not None:
            await self._http.close()
            self._http = None

    def announce(self, shop: str, event: str, content: JsonObject, url: str | None, at: datetime) -> Notification:
        """Remember the event, and begin to deliver it if the shop has an address."""
        notification = Notification(len(self.sent) + 1, shop, event, content, url, at)
        self.sent.append(notification)
        if url is not None:
            if self._http is None:
                self._waiting.append(notification)
            else:
                self._deliver_later(notification)
        return notification

    async def settled(self) -> None:
        """Wait until nothing is under way: all was delivered or given up."""
        while self._tasks:
            await asyncio.wait(list(self._tasks))

    async def post(self, url: str, body: bytes) -> int:
        """One attempt: the status of the answer, 0 if there was none."""
        assert self._http is not None, "the emulator is not running"
        headers = {"Content-Type": "application/json"}
        try:
            async with self._http.post(url, data=body, headers=headers, allow_redirects=False) as response:
                await response.read()
                return response.status
        except (aiohttp.ClientError, TimeoutError) as error:
            logger.info("the shop does not answer notifications: %s", type(error).__name__)
            return 0

    def _deliver_later(self, notification: Notification) -> None:
        task = asyncio.get_running_loop().create_task(self._deliver(notification))
        self._tasks[task] = notification
        task.add_done_callback(self._tasks.pop)

    async def _deliver(self, notification: Notification) -> None:
        assert notification.url is not None, "only notifications with an address are delivered"
        waited = 0.0
        for attempt in range(1_000):
            notification.answers.append(await self.post(notification.url, notification.body()))
            if notification.delivered:
                return
            pause = PAUSES[min(attempt, len(PAUSES) - 1)]
            waited += pause
            if waited > GIVE_UP.total_seconds():
                logger.info("notification %s is given up", notification.number)
                return
            await asyncio.sleep(pause * self._pause_scale)
