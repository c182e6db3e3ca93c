"""The part of one hub that looks after the rest: everything of this package, put together."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime

from aiohttp import web
from apscheduler.schedulers.asyncio import AsyncIOScheduler
from sqlalchemy.orm import Session

from bot import alarm_notices
from bot.channels.base import Accept, Channel
from company.texts import Texts
from kit.clock import utc_now
from operation import jobs, pulse, rounds
from operation.metrics import Exposition
from operation.pulse import Pulse
from operation.watching import Watch
from storage.database import Database
from storage.jobs import Handler, Handlers
from storage.live import LiveBus
from storage.meters import Meters


class Attendant:
    def __init__(self, db: Database, live: LiveBus, meters: Meters, *, allow: Sequence[str] = ()) -> None:
        self._db = db
        self._pulse = Pulse(db)
        self._watch = Watch(meters, self._pulse)
        self._exposition = Exposition(db, live, meters, allow=allow)

    def accepting(self, accept: Accept) -> Accept:
        """What channels hand their events to."""
        return self._pulse.accepting(accept)

    def watched(self, handlers: Handlers) -> dict[str, Handler]:
        return self._watch.over(handlers)

    def handlers(self, channel_of: Callable[[int], Channel], texts: Texts, public_url: str) -> dict[str, Handler]:
        return {**jobs.handlers(channel_of), **alarm_notices.handlers(texts, public_url)}

    def routes(self) -> list[web.RouteDef]:
        return self._exposition.routes()

    def schedule(self, ticks: AsyncIOScheduler) -> None:
        """Every process writes down its own signs of life; rounds of several processes do no harm."""
        for tick, every in ((self._pulse.flush, pulse.EVERY), (self.round, rounds.EVERY)):
            ticks.add_job(
                tick, "interval", seconds=every.total_seconds(), max_instances=1, coalesce=True, misfire_grace_time=None
            )

    async def round(self) -> None:
        await self._db.write(_round, utc_now())

    async def close(self) -> None:
        """Write down the last signs of life. Before the database closes."""
        await self._pulse.flush()


def _round(session: Session, now: datetime) -> None:
    rounds.go(session, now)
    jobs.put_checks(session, now)
    pulse.prune(session, now)
