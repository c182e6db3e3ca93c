"""The composition root: a configuration becomes a running hub."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Mapping
from datetime import timedelta

from aiohttp import web
from apscheduler.schedulers.asyncio import AsyncIOScheduler
from sqlalchemy.orm import Session

import bot.notices
import operation.jobs
import operator_console.app
import orders.jobs
import payments.jobs
import payments.web
from bot.channels import CHANNELS
from bot.channels.base import Broken, Channel, Connection
from bot.delivery import Courier
from bot.incoming import Intake
from bot.web import Hooks
from company import accounts, signin
from company.tables import ChannelAccount
from company.texts import Texts
from kit import http
from kit.access import access_log
from kit.config import Config
from kit.secrets import SecretBox
from operation.attendant import Attendant
from payments.accounts import Providers
from payments.polling import Poller
from storage import jobs
from storage.database import Database
from storage.files import FileStore
from storage.jobs import Handler
from storage.live import LiveBus
from storage.meters import Meters
from storage.worker import Worker

logger = logging.getLogger(__name__)

SUBSCRIBERS: Mapping[str, tuple[str, ...]] = {
    "order_placed": (bot.notices.NOTICE, orders.jobs.AUTO_CONFIRM),
    "order_paid": (bot.notices.NOTICE, orders.jobs.AUTO_CONFIRM),
    "stage_moved": (bot.notices.NOTICE,),
    "payment_changed": (bot.notices.NOTICE,),
    "refund_changed": (bot.notices.NOTICE,),
    "money_question": (bot.notices.NOTICE,),
    "job_died": (operation.jobs.DIED,),
}
"""Event kind → the jobs that follow from it. This is all of it; nothing subscribes elsewhere."""

KEEP_JOBS = timedelta(days=7)
"""How long done jobs stay: they are what makes a repeated event known."""


class Hub:
    """One process that does everything: pages, hooks, channels, worker, ticks."""

    def __init__(self, config: Config) -> None:
        self.config = config
        self.box = SecretBox(config.secret_key.get_secret_value())
        self.meters = Meters()
        self.db = Database(config.database, subscribers=SUBSCRIBERS, meters=self.meters)
        self.files = FileStore(config.files)
        self.texts = Texts()
        self.live = LiveBus(self.db)
        self.attendant = Attendant(self.db, self.live, self.meters, allow=config.metrics.allow)
        self.providers = Providers(self.db, self.box)
        self.intake = Intake(self.db, self.channel, self.texts, config.public_url)
        self.courier = Courier(self.channel, self.files)
        self.poller = Poller(self.db)
        self.hooks = Hooks(self.db, self.files, self.channel)
        self.accept = self.attendant.accepting(self.intake.accept)
        self.worker = Worker(self.db, self.attendant.watched(self._handlers()))
        self.intake.go_on_with(self.worker)
        self._channels: dict[int, Channel] = {}
        self._ticks = AsyncIOScheduler(timezone="UTC")
        self._runner: web.AppRunner | None = None
        self.port = config.port

    def channel(self, account_id: int) -> Channel:
        """The account's open channel. Raises Broken if it is not connected."""
        try:
            return self._channels[account_id]
        except KeyError:
            raise Broken("the channel is not connected") from None

    async def start(self) -> None:
        """Open everything; the web server listens when this returns."""
        self.db.claim()
        await self.db.start()
        # Before the worker: what a dead hub left behind is handled at once, and needs its channel.
        await self._open_channels()
        await self.worker.start()
        await self._listen()
        self._start_ticks()
        await asyncio.gather(*(self._start_channel(id_, channel) for id_, channel in self._channels.items()))
        self.hooks.ready = True

    async def stop(self) -> None:
        """Drain: take nothing new, let what runs end, close. Within 20 seconds."""
        self.hooks.ready = False
        if self._ticks.running:
            self._ticks.shutdown(wait=False)
        for channel in self._channels.values():
            with contextlib.suppress(Exception):
                await channel.stop()
        self.live.close()
        if self._runner is not None:
            await self._runner.cleanup()
        await self.worker.stop()
        await self.providers.close()
        await self.attendant.close()
        await self.db.close()

    def application(self) -> web.Application:
        """Every address of the hub."""
        app = web.Application(client_max_size=25_000_000, middlewares=[access_log])
        app[http.TRUSTED] = self.config.trusted_proxies
        app.on_response_prepare.append(http.guard_headers)
        app.add_routes(self.hooks.routes())
        app.add_routes(self.attendant.routes())
        payments.web.setup(app, db=self.db, texts=self.texts, public_url=self.config.public_url)
        self._add_webchat(app)
        operator_console.app.setup(
            app,
            db=self.db,
            files=self.files,
            live=self.live,
            box=self.box,
            texts=self.texts,
            public_url=self.config.public_url,
        )
        return app

    def _add_webchat(self, app: web.Application) -> None:
        from bot.channels.webchat import routes

        routes.setup(
            app,
            db=self.db,
            files=self.files,
            live=self.live,
            accept=self.accept,
            public_url=self.config.public_url,
        )

    def _handlers(self) -> dict[str, Handler]:
        handlers: dict[str, Handler] = {}
        handlers |= self.intake.handlers
        handlers |= self.courier.handlers
        handlers |= orders.jobs.JOBS
        handlers |= payments.jobs.handlers(self.providers, self.config.public_url)
        handlers |= bot.notices.handlers(self.texts, self.config.public_url)
        handlers |= self.attendant.handlers(self.channel, self.texts, self.config.public_url)
        return handlers

    async def _open_channels(self) -> None:
        for account in await self.db.read(_active_channels):
            try:
                self._channels[account.id] = CHANNELS[account.channel](self._connection(account))
            except Exception:
                # One account that cannot be opened must not keep the shop's other channels closed.
                logger.exception("account %d could not be opened", account.id)
                await self._report(account.id, "broken", "could not be opened")

    async def _start_channel(self, account_id: int, channel: Channel) -> None:
        try:
            await channel.start()
        except Broken as broken:
            logger.error("account %d: %s", account_id, broken)
            await self._report(account_id, "broken", str(broken))

    def _connection(self, account: ChannelAccount) -> Connection:
        return Connection(
            account_id=account.id,
            external_id=account.external_id,
            secret=accounts.secret_of(self.box, account),
            settings=account.settings,
            public_url=self.config.public_url,
            accept=self.accept,
            report=self._report,
        )

    async def _report(self, account_id: int, health: str, words: str) -> None:
        await self.db.write(accounts.report_health, account_id, health, words)

    async def _listen(self) -> None:
        self._runner = web.AppRunner(self.application(), access_log=None, shutdown_timeout=5)
        await self._runner.setup()
        site = web.TCPSite(self._runner, self.config.host, self.config.port)
        await site.start()
        self.port = site._server.sockets[0].getsockname()[1] if site._server else self.config.port  # type: ignore[attr-defined]

    def _start_ticks(self) -> None:
        """Ticks only put jobs or clear away; what must survive a crash is a row already."""
        self._ticks.add_job(self.poller.tick, "interval", seconds=30, max_instances=1, coalesce=True)
        self._ticks.add_job(self._prune, "interval", hours=1, max_instances=1, coalesce=True)
        self.attendant.schedule(self._ticks)
        self._ticks.start()
        asyncio.get_running_loop().create_task(self.poller.tick())

    async def _prune(self) -> None:
        await self.db.write(_prune)


def _active_channels(session: Session) -> list[ChannelAccount]:
    return [account for account in accounts.channels(session) if account.active]


def _prune(session: Session) -> int:
    return jobs.prune(session, older_than=KEEP_JOBS) + signin.prune(session)
