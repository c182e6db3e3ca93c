"""The part of one hub that looks after the rest: everything of this package, put together."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence

from aiohttp import web
from sqlalchemy.orm import Session

from bot import alarm_notices
from bot.channels.base import Accept, Channel
from company.texts import Texts
from kit.clock import utc_now
from operation import jobs, pulse, rounds
from operation.metrics import Exposition
from operation.pulse import Pulse
from storage.database import Database
from storage.jobs import Handler, Handlers
from storage.live import LiveBus
from storage.meters import Meters


class Attendant:
    def __init__(self, db: Database, live: LiveBus, meters: Meters, *, allow: Sequence[str] = ()) -> None:
        self._db = db
        self._meters = meters
        self._pulse = Pulse(db)
        self._flushing: asyncio.Task[None] | None = None
        self._exposition = Exposition(db, live, meters, allow=allow)

    def accepting(self, accept: Accept) -> Accept:
        """What channels hand their events to."""
        return self._pulse.accepting(accept)

    def watched(self, handlers: Handlers) -> dict[str, Handler]:
        # A process that runs no jobs has no use for all that this imports.
        from operation.watching import Watch

        return Watch(self._meters, self._pulse).over(handlers)

    def handlers(self, channel_of: Callable[[int], Channel], texts: Texts, public_url: str) -> dict[str, Handler]:
        return {**jobs.handlers(channel_of), **alarm_notices.handlers(texts, public_url)}

    def routes(self) -> list[web.RouteDef]:
        return self._exposition.routes()

    def start(self) -> None:
        """Every process writes down its own signs of life."""
        self._flushing = asyncio.create_task(self._keep_flushing())

    async def close(self) -> None:
        """Write down the last signs of life. Before the database closes."""
        if self._flushing is not None:
            self._flushing.cancel()
            await asyncio.gather(self._flushing, return_exceptions=True)
        await self._pulse.flush()

    async def _keep_flushing(self) -> None:
        while True:
            await asyncio.sleep(pulse.EVERY.total_seconds())
            await self._pulse.flush()


def look_round(session: Session) -> None:
    """Bring the alarms to how things are, and have the ways from outside looked at."""
    now = utc_now()
    rounds.go(session, now)
    jobs.put_checks(session, now)
    pulse.prune(session, now)
