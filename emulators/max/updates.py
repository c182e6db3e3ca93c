"""How updates reach a bot: by long polling with a marker, or at its own address, as persistent as the real service.

A poll without a marker gets the newest update alone. An address that does not answer 200 hears it again after 60
seconds and then each time 2.5 times as late, ten times; after eight hours without one success it is taken off.

Source: https://dev.max.ru/docs-api/methods/GET/updates, https://dev.max.ru/docs-api/methods/POST/subscriptions
"""

from __future__ import annotations

import asyncio
import time
from collections import Counter, deque
from collections.abc import Callable
from dataclasses import dataclass, field

import aiohttp
import orjson

from emulators.telegram.faults import Faults
from emulators.telegram.journal import Journal
from emulators.telegram.world import Json

SECRET_HEADER = "X-Max-Bot-Api-Secret"  # noqa: S105 - the name of a header
FIRST_PAUSE, LONGER, TRIES = 60.0, 2.5, 10
GIVES_UP = 8 * 3600.0
ANSWER_LIMIT = 30.0
KEPT = 10_000
"""Updates that can still be polled for."""


@dataclass(frozen=True, slots=True)
class Update:
    """`lane` is the dialog, whose updates follow each other."""

    number: int
    lane: int
    wire: Json

    @property
    def kind(self) -> str:
        return str(self.wire["update_type"])


class Log:
    """The updates of one bot, numbered. `on_push` hands a new one to the addresses that subscribed."""

    def __init__(self, bot_id: int, *, faults: Faults, counters: Counter[str], journal: Journal | None) -> None:
        self.bot_id = bot_id
        self.number = int(time.time())
        """Of the newest update: after a restart whoever polls goes on with the marker that he has."""
        self.updates: deque[Update] = deque(maxlen=KEPT)
        self.on_push: Callable[[Update], None] | None = None
        self.bells: set[asyncio.Event] = set()
        self.stopping = False
        self.confirmed, self.wanted = 0, frozenset[str]()
        self.counters = counters
        self._faults = faults
        self._journal = journal

    def push(self, wire: Json, *, lane: int) -> Update:
        self.number += 1
        update = Update(self.number, lane, wire)
        self.updates.append(update)
        self.counters["updates"] += 1
        self.note(update, "created")
        if self.on_push is not None:
            self.on_push(update)
        self.wake()
        return update

    async def poll(
        self, marker: int | None, *, kinds: frozenset[str], limit: int, hold: float
    ) -> tuple[list[Json], int]:
        """(updates, the marker to go on with). Waits for the first one for as long as `hold`."""
        reached = self.number - 1 if marker is None else marker
        self.counters["polls_with_a_marker"] += marker is not None
        self.confirmed, self.wanted = max(self.confirmed, reached), kinds
        bell = asyncio.Event()
        self.bells.add(bell)
        try:
            async with asyncio.timeout(hold):
                while not self._after(reached, kinds) and not self.stopping:
                    bell.clear()
                    await bell.wait()
        except TimeoutError:
            return [], max(reached, 0)
        finally:
            self.bells.discard(bell)
        found = self._after(reached, kinds)[:limit]
        if not found:
            return [], max(reached, 0)
        for update in found:
            self.note(update, "fetched")
        told = [update.wire for update in found for _ in range(2 if self._faults.doubled() else 1)]
        if self._faults.disordered():
            told.reverse()
        return told, found[-1].number

    def unread(self) -> list[Update]:
        """What the bot has not polled past yet."""
        return self._after(self.confirmed, self.wanted)

    def _after(self, reached: int, kinds: frozenset[str]) -> list[Update]:
        return [each for each in self.updates if each.number > reached and (not kinds or each.kind in kinds)]

    def note(self, update: Update, state: str, **facts: object) -> None:
        if self._journal is not None:
            facts |= {"bot": self.bot_id, "update_id": update.number, "type": update.kind, "state": state}
            self._journal.write("update", **facts)

    def wake(self) -> None:
        for bell in self.bells:
            bell.set()


@dataclass(slots=True)
class Subscription:
    """An address that a bot wants its updates at; `failing_since` is 0 while it answers."""

    url: str
    kinds: frozenset[str]
    secret: str = field(default="", repr=False)
    time: int = 0
    failing_since: float = 0.0

    def shown(self) -> Json:
        return {"url": self.url, "time": self.time, "update_types": sorted(self.kinds) or None}


class Postman:
    """Carries one bot's updates to the addresses that subscribed. `pace` scales every pause."""

    def __init__(self, log: Log, *, faults: Faults, pace: float) -> None:
        self.subscriptions: dict[str, Subscription] = {}
        self._log = log
        self._faults = faults
        self._pace = pace
        self._lanes: dict[tuple[str, int], deque[Update]] = {}
        self._walks: set[asyncio.Task[None]] = set()
        self._http: aiohttp.ClientSession | None = None

    def post(self, update: Update) -> None:
        for subscription in self.subscriptions.values():
            if not subscription.kinds or update.kind in subscription.kinds:
                self._enqueue(subscription, update)

    async def stop(self) -> None:
        walks = [*self._walks]
        for walk in walks:
            walk.cancel()
        await asyncio.gather(*walks, return_exceptions=True)
        self._lanes.clear()
        if self._http is not None:
            await self._http.close()
            self._http = None

    def _enqueue(self, subscription: Subscription, update: Update) -> None:
        name = (subscription.url, update.lane)
        if (lane := self._lanes.get(name)) is not None:
            lane.append(update)
            if self._faults.disordered() and len(lane) > 1:
                lane[-1], lane[-2] = lane[-2], lane[-1]
            return
        self._lanes[name] = deque([update])
        walk = asyncio.create_task(self._walk(subscription, name))
        self._walks.add(walk)
        walk.add_done_callback(self._walks.discard)

    async def _walk(self, subscription: Subscription, name: tuple[str, int]) -> None:
        lane = self._lanes[name]
        while lane:
            await self._deliver(subscription, lane.popleft())
        if self._lanes.get(name) is lane:
            del self._lanes[name]

    async def _deliver(self, subscription: Subscription, update: Update) -> None:
        for attempt in range(TRIES + 1):
            if self.subscriptions.get(subscription.url) is not subscription:
                return
            status = await self._offer(subscription, update)
            if status == 200:
                subscription.failing_since = 0.0
                self._log.counters["updates_delivered"] += 1
                if self._faults.doubled():
                    await self._offer(subscription, update)
                return
            now = time.monotonic()
            subscription.failing_since = subscription.failing_since or now
            if now - subscription.failing_since > GIVES_UP * self._pace:
                self.subscriptions.pop(subscription.url, None)
                self._log.counters["unsubscribed"] += 1
                return
            await asyncio.sleep(FIRST_PAUSE * LONGER**attempt * self._pace)
        self._log.counters["updates_dropped"] += 1
        self._log.note(update, "dropped")

    async def _offer(self, subscription: Subscription, update: Update) -> int:
        copies = max(1, self._faults.copies)
        statuses = await asyncio.gather(*(self._send(subscription, update) for _ in range(copies)))
        status = 200 if 200 in statuses else statuses[0]
        self._log.note(update, "offered", status=status)
        return status

    async def _send(self, subscription: Subscription, update: Update) -> int:
        if self._http is None:
            self._http = aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=ANSWER_LIMIT))
        headers = {"Content-Type": "application/json"}
        if subscription.secret:
            headers[SECRET_HEADER] = subscription.secret
        try:
            async with self._http.post(
                subscription.url, data=orjson.dumps(update.wire), headers=headers, allow_redirects=False
            ) as answer:
                await answer.read()
                return answer.status
        except (aiohttp.ClientError, OSError, TimeoutError):
            return 0
