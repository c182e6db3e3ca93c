"""Delivery of events to a community's callback servers, as persistent as the real one.

Taken is what was answered with 200 and `ok`. Otherwise it comes again after 10 seconds, 3, 10, 30 minutes and an hour,
with X-Retry-Counter and the same event_id; Retry-After of a 410, 429 or 503 is obeyed; `remove` takes the server away.
Events of one dialog follow each other.

Source: https://dev.vk.com/api/callback/getting-started
"""

from __future__ import annotations

import asyncio
import contextlib
from collections import deque
from dataclasses import dataclass, field

import aiohttp
import orjson

from emulators.telegram.faults import Faults
from emulators.telegram.world import Json
from emulators.vk.events import VERSION, Event, EventLog

PAUSES = (10.0, 180.0, 600.0, 1800.0, 3600.0)
"""Seconds before each repetition."""

LONGEST_RETRY_AFTER = 3 * 3600.0
ANSWER_LIMIT = 10.0


@dataclass(slots=True)
class Server:
    """Where a community wants its events, and which."""

    id: int
    url: str
    title: str
    secret_key: str = field(default="", repr=False)
    status: str = "unconfigured"
    version: str = VERSION
    kinds: frozenset[str] = frozenset()

    def shown(self, creator: int) -> Json:
        return {
            "id": self.id,
            "title": self.title,
            "creator_id": creator,
            "url": self.url,
            "secret_key": self.secret_key,
            "status": self.status,
        }


class Postman:
    """Carries one community's events. `pace` scales every pause."""

    def __init__(self, log: EventLog, *, faults: Faults, pace: float, code: str) -> None:
        self.servers: dict[int, Server] = {}
        self._log = log
        self._faults = faults
        self._pace = pace
        self._code = code
        self._lanes: dict[tuple[int, int], deque[Event]] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._http: aiohttp.ClientSession | None = None

    def confirm(self, server: Server) -> None:
        """Ask the server for the community's code; then its status is ok or failed."""
        server.status = "wait"
        self._spawn(self._confirm(server))

    def post(self, event: Event) -> None:
        for server in self.servers.values():
            if server.status == "ok" and event.kind in server.kinds:
                self._enqueue(server, event)

    async def stop(self) -> None:
        for task in [*self._tasks]:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._lanes.clear()
        if self._http is not None:
            await self._http.close()
            self._http = None

    def _spawn(self, walk: object) -> None:
        assert asyncio.iscoroutine(walk)
        task = asyncio.create_task(walk)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _enqueue(self, server: Server, event: Event) -> None:
        name = (server.id, event.lane)
        lane = self._lanes.get(name)
        if lane is not None:
            lane.append(event)
            if self._faults.disordered() and len(lane) > 1:
                lane[-1], lane[-2] = lane[-2], lane[-1]
            return
        self._lanes[name] = deque([event])
        self._spawn(self._walk(server, name))

    async def _walk(self, server: Server, name: tuple[int, int]) -> None:
        lane = self._lanes[name]
        while lane:
            await self._deliver(server, lane.popleft())
        if self._lanes.get(name) is lane:
            del self._lanes[name]

    async def _confirm(self, server: Server) -> None:
        status, said, _ = await self._send(server, {"type": "confirmation", "group_id": self._log.group_id}, 0)
        server.status = "ok" if status == 200 and said.strip() == self._code else "failed"

    async def _deliver(self, server: Server, event: Event) -> None:
        for count, pause in enumerate((*PAUSES, 0.0)):
            if server.id not in self.servers:
                return
            copies = 1 + self._faults.doubled() if self._faults.copies <= 1 else self._faults.copies
            answers = await asyncio.gather(*(self._send(server, event.wire, count) for _ in range(copies)))
            status, said, retry_after = next((each for each in answers if each[0] == 200), answers[0])
            self._log.note(event, "offered", status=status, server=server.id)
            if status == 200 and said.strip().lower() == "remove":
                self.servers.pop(server.id, None)
                return
            if status == 200 and said.strip().lower() == "ok":
                self._log.counters["events_delivered"] += 1
                return
            await asyncio.sleep((retry_after or pause) * self._pace)
        self._log.counters["events_dropped"] += 1
        self._log.note(event, "dropped", server=server.id)

    async def _send(self, server: Server, wire: Json, count: int) -> tuple[int, str, float]:
        """The status, what was said, and the pause that was asked for; status 0 for no answer."""
        if self._http is None:
            self._http = aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=ANSWER_LIMIT))
        secret = {"secret": server.secret_key} if server.secret_key else {}
        headers = {"Content-Type": "application/json"} | ({"X-Retry-Counter": str(count)} if count else {})
        body = orjson.dumps({**wire, **secret})
        try:
            async with self._http.post(server.url, data=body, headers=headers, allow_redirects=False) as answer:
                said = await answer.text()
                retry_after = 0.0
                if answer.status in (410, 429, 503):
                    with contextlib.suppress(ValueError):
                        retry_after = min(float(answer.headers.get("Retry-After", 0)), LONGEST_RETRY_AFTER)
                return answer.status, said, retry_after
        except (aiohttp.ClientError, OSError, TimeoutError):
            return 0, "", 0.0
