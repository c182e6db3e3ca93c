"""Whether a process lives and is ready, for those that start, stop and choose processes."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping, Sequence

from aiohttp import web

from storage.database import Database
from storage.durable import Durability

logger = logging.getLogger(__name__)

STALLED = 60.0
"""Seconds after which a round of work that has not come about means that the process is stuck."""


class Health:
    """`/ready`: send work here. `/live`: no need to kill me; a database that is down is no reason to."""

    def __init__(self, db: Database) -> None:
        self._durability = Durability(db)
        self.ready = False
        self._rounds: dict[str, Callable[[], float]] = {}
        self._runner: web.AppRunner | None = None

    def watch(self, what: str, last_round: Callable[[], float]) -> None:
        """`last_round` gives when `what` last came about, by time.monotonic."""
        self._rounds[what] = last_round

    def routes(self) -> list[web.RouteDef]:
        return [web.get("/live", self.is_alive), web.get("/ready", self.is_ready)]

    async def listen(self, address: str, *, also: Sequence[web.RouteDef] = ()) -> None:
        """Answer at an address of our own, from before anything else is opened until the end."""
        app = web.Application()
        app.add_routes([*self.routes(), *also])
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=1)
        await self._runner.setup()
        host, _, port = address.rpartition(":")
        await web.TCPSite(self._runner, host, int(port)).start()

    async def close(self) -> None:
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None

    async def is_alive(self, request: web.Request) -> web.Response:
        """That this is answered at all says that the loop turns."""
        stuck = self.stuck()
        if stuck:
            logger.error("no round for more than %d s: %s", STALLED, ", ".join(stuck))
        return web.Response(text=f"stuck: {', '.join(stuck)}" if stuck else "ok", status=503 if stuck else 200)

    async def is_ready(self, request: web.Request) -> web.Response:
        """Red as well while nothing can be stored: a full disk, a database that is away."""
        stores = self.ready and await self._durability.holds()
        return web.Response(text="ok" if stores else "not ready", status=200 if stores else 503)

    def stuck(self) -> Mapping[str, float]:
        """What has not come about for too long, and for how many seconds."""
        ages = {what: time.monotonic() - last_round() for what, last_round in self._rounds.items()}
        return {what: age for what, age in ages.items() if age > STALLED}
