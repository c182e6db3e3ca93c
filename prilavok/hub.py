"""The composition root: a configuration becomes a running process.

On SQLite one process does everything. On PostgreSQL any number of them may share the work by role: pages and hooks
(web), jobs and sending (worker), receiving (poll). What a role does not need is not even imported.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import logging
import time
from collections.abc import Mapping, Sequence
from datetime import timedelta
from enum import StrEnum

from aiohttp import web

import bot.doubts
import bot.joined
import bot.notices
import bot.passports
import inbox.jobs
import operation.jobs
import orders.jobs
from automation import assignment, delivery_notices, reminding, task_notices, telling
from automation.holders import HOLDERS
from bot.channels.base import Channel, Connection
from bot.channels.webchat.answers import ANSWERS
from bot.connected import Connected
from bot.delivery import Courier
from bot.incoming import Intake
from bot.letters import Letters
from bot.portraits import Portraits
from bot.reception import Reception
from bot.web import Hooks
from catalog import import_undo, importing
from company import accounts
from company.tables import ChannelAccount
from company.texts import Texts
from kit import crash, http
from kit.access import access_log
from kit.config import Config
from kit.errors import Refused
from kit.patience import Doorkeeper
from kit.secrets import SecretBox
from operation.attendant import Attendant
from prilavok.health import Health
from storage import erasing
from storage.bells import Bell, Broadcast, Silent, line_of
from storage.committed import Committed
from storage.database import Database
from storage.files import FileStore
from storage.jobs import Handler
from storage.live import LiveBus
from storage.meters import Meters
from storage.presence import OwnSeats, SharedSeats
from storage.worker import Worker

logger = logging.getLogger(__name__)

SUBSCRIBERS: Mapping[str, tuple[str, ...]] = {
    "order_placed": (bot.notices.NOTICE, orders.jobs.AUTO_CONFIRM),
    "order_paid": (bot.notices.NOTICE, orders.jobs.AUTO_CONFIRM, telling.NOTIFY),
    "courier_given": (delivery_notices.NOTICE, telling.NOTIFY),
    "stage_moved": (bot.notices.NOTICE, telling.NOTIFY),
    "payment_changed": (bot.notices.NOTICE,),
    "refund_changed": (bot.notices.NOTICE,),
    "money_question": (bot.notices.NOTICE,),
    "job_died": (operation.jobs.DIED,),
    "task_added": (task_notices.NOTICE, telling.NOTIFY),
    "task_changed": (task_notices.NOTICE, telling.NOTIFY),
    "task_due": (task_notices.NOTICE, telling.NOTIFY),
    "staff_mentioned": (telling.NOTIFY,),
    "conversation_assigned": (telling.NOTIFY,),
    "conversation_waits": (assignment.ASSIGN,),
    "message_failed": (telling.NOTIFY,),
    "message_held": (telling.NOTIFY,),
}
"""Event kind → the jobs that follow from it. This is all of it; nothing subscribes elsewhere."""

REFRESH = 1.0
"""Seconds between looks at which accounts are connected."""

LEASE = timedelta(seconds=12)
"""Where other workers live, a dead one's lanes wait for so long."""


class Role(StrEnum):
    WEB = "web"
    WORKER = "worker"
    POLL = "poll"


ALL = frozenset(Role)


class OneProcessOnly(Refused):
    """An SQLite file serves one process."""

    code = "one_process_only"

    def __init__(self, role: Role) -> None:
        super().__init__(
            f"`prilavok {role}` needs PostgreSQL: an SQLite file serves one process, which is started with"
            " `prilavok run`. Set `database` to a PostgreSQL address to share the work.",
            role=str(role),
        )


class Hub:
    """One process, with all roles or some."""

    def __init__(self, config: Config, roles: frozenset[Role] = ALL) -> None:
        self.config = config
        self.roles = roles
        self.box = SecretBox(config.secret_key.get_secret_value())
        self.meters = Meters()
        self.db = Database(config.database, subscribers=SUBSCRIBERS, meters=self.meters)
        self.files = FileStore(config.files)
        self.texts = Texts()
        self.live = LiveBus(self.db)
        self.attendant = Attendant(self.db, self.live, self.meters, allow=config.metrics.allow)
        self.health = Health(self.db)
        self.bell: Bell = self._bell()
        self.intake = Intake(self.db, self.channel, self.texts, config.public_url, task_notices.ACTIONS)
        self.accept = self.attendant.accepting(self.intake.accept)
        self.connected = Connected(
            self.db,
            self._connection,
            sends=Role.WORKER in roles,
            receives=bool(roles & {Role.WEB, Role.POLL}),
        )
        seats = OwnSeats() if self.db.is_sqlite else SharedSeats(self.db.engine)
        self.reception = Reception(seats, lambda: self.connected.receivers)
        self._work = None if Role.WORKER not in roles else _Work(self)
        self._refreshing: asyncio.Task[None] | None = None
        self._refreshed_at = time.monotonic()
        self._runner: web.AppRunner | None = None
        self._doorkeeper = Doorkeeper()
        self.port = config.port
        self.db.on_commit(self._committed)

    @staticmethod
    def check(config: Config, roles: frozenset[Role]) -> None:
        """Raises OneProcessOnly for some of the roles on SQLite."""
        if config.database.startswith("sqlite") and roles != ALL:
            raise OneProcessOnly(min(roles))

    @property
    def worker(self) -> Worker:
        """Of a process that has that role."""
        assert self._work is not None
        return self._work.worker

    def channel(self, account_id: int) -> Channel:
        """The account's open channel. Raises Broken if it is not connected."""
        return self.connected.channel(account_id)

    async def start(self) -> None:
        """Open everything; the web server listens when this returns."""
        if self.config.health:
            await self.health.listen(self.config.health, also=self.attendant.routes())
        self.db.claim()
        await self.db.start()
        # Before the worker: what a dead one left behind is handled at once, and needs its channel.
        await self.connected.refresh()
        crash.point("start.opened")
        if self._work is not None:
            await self._work.start()
            crash.point("start.working")
        if Role.WEB in self.roles:
            await self.live.start()
            self.health.watch("live pages", lambda: self.live.looked_at)
            await self._listen()
            crash.point("start.listening")
        await self.bell.start()
        self.attendant.start()
        self._refreshing = asyncio.create_task(self._refresh())
        self.health.watch("accounts", lambda: self._refreshed_at)
        if Role.POLL in self.roles:
            await self.reception.start()
            self.health.watch("reception", lambda: self.reception.looked_at)
        self.health.ready = True

    async def stop(self) -> None:
        """Drain: take nothing new, let what runs end, close. Within 20 seconds."""
        self.health.ready = False
        crash.point("stop.begun")
        if self._refreshing is not None:
            self._refreshing.cancel()
            await asyncio.gather(self._refreshing, return_exceptions=True)
        await self.reception.stop()
        await asyncio.gather(self._close_pages(), self._work.stop() if self._work is not None else asyncio.sleep(0))
        crash.point("stop.drained")
        await self.attendant.close()
        await self.bell.stop()
        await self.connected.close()
        await self.health.close()
        await self.db.close()

    async def _close_pages(self) -> None:
        await self.live.stop()
        await self._doorkeeper.stop()
        if self._runner is not None:
            await self._runner.cleanup()

    def _bell(self) -> Bell:
        """Processes of one installation have its key in common, and no other installation has."""
        told = self.config.bell.get_secret_value() if self.config.bell is not None else ""
        if self.db.is_sqlite or told == "none":
            return Silent()
        space = hashlib.sha256(b"bell " + self.config.secret_key.get_secret_value().encode()).hexdigest()[:12]
        bell = Broadcast(
            lambda: line_of(told, self.db.url),
            space=space,
            lanes=self._lanes_ring if Role.WORKER in self.roles else None,
            events=self.live.heard if Role.WEB in self.roles else None,
            answers=ANSWERS.heard if Role.WEB in self.roles else None,
        )
        ANSWERS.elsewhere = bell.answer
        return bell

    def _lanes_ring(self, lanes: Sequence[str] | None) -> None:
        self.worker.heard(lanes)

    def _committed(self, committed: Committed) -> None:
        """Tell the others. A process that works begins what it put by itself, and says when it has no hand free."""
        if self._work is None:
            self.bell.ring(committed.rings)
        if committed.notes:
            self.bell.tell(note.event_id for note in committed.notes)

    def application(self) -> web.Application:
        """Every address of the hub."""
        # A process without pages has no use for all that they import.
        import operator_console.app
        import payments.web
        from bot.channels.webchat import routes

        app = web.Application(client_max_size=25_000_000, middlewares=[access_log])
        self._doorkeeper.watch(app)
        app[http.TRUSTED] = self.config.trusted_proxies
        app.on_response_prepare.append(http.guard_headers)
        app.add_routes(self.health.routes())
        app.add_routes(self.attendant.routes())
        app.add_routes(Hooks(self.db, self.files, self.connected.receiver).routes())
        app.add_routes(Letters(self.db, self.connected.receiver).routes())
        payments.web.setup(app, db=self.db, texts=self.texts, public_url=self.config.public_url)
        routes.setup(
            app,
            db=self.db,
            files=self.files,
            live=self.live,
            accept=self.accept,
            public_url=self.config.public_url,
        )
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

    async def _refresh(self) -> None:
        while True:
            await asyncio.sleep(REFRESH)
            with contextlib.suppress(Exception):
                # A database that does not answer is complained of by those who need it more.
                await self.connected.refresh()
            self._refreshed_at = time.monotonic()

    def _connection(self, account: ChannelAccount) -> Connection:
        return Connection(
            account_id=account.id,
            external_id=account.external_id,
            secret=accounts.secret_of(self.box, account),
            settings=account.settings,
            public_url=self.config.public_url,
            accept=self.accept,
            report=self._report,
            place=Places(self.db),
        )

    async def _report(self, account_id: int, health: str, words: str) -> None:
        await self.db.write(accounts.report_health, account_id, health, words)

    async def _listen(self) -> None:
        self._runner = web.AppRunner(self.application(), access_log=None, shutdown_timeout=5)
        await self._runner.setup()
        site = web.TCPSite(self._runner, self.config.host, self.config.port)
        await site.start()
        assert self._runner.server is not None
        self._doorkeeper.start(self._runner.server)
        self.port = site._server.sockets[0].getsockname()[1] if site._server else self.config.port  # type: ignore[attr-defined]


class Places:
    """Where accounts are read up to, kept with them."""

    def __init__(self, db: Database) -> None:
        self._db = db

    async def get(self, account_id: int) -> str:
        return await self._db.read(accounts.place_of, account_id)

    async def keep(self, account_id: int, place: str) -> None:
        await self._db.write(accounts.keep_place, account_id, place)


class _Work:
    """What the worker's role brings: jobs, their handlers, and the clock."""

    def __init__(self, hub: Hub) -> None:
        # A process that does not work needs neither providers nor ticks.
        import payments.jobs
        from payments.accounts import Providers
        from prilavok import ticks

        self._hub = hub
        self._providers = Providers(hub.db, hub.box)
        self._clock = ticks.Clock(hub.db)
        public_url = hub.config.public_url
        handlers: dict[str, Handler] = {}
        handlers |= hub.intake.handlers
        handlers |= Courier(hub.channel, hub.files).handlers
        handlers |= erasing.handlers(hub.files)
        handlers |= Portraits(hub.channel, hub.files).handlers
        handlers |= bot.doubts.JOBS
        handlers |= inbox.jobs.JOBS
        handlers |= orders.jobs.JOBS
        handlers |= importing.handlers(hub.db)
        handlers |= import_undo.handlers()
        handlers |= payments.jobs.handlers(self._providers, public_url)
        handlers |= bot.notices.handlers(hub.texts, public_url)
        handlers |= bot.passports.handlers(hub.texts, HOLDERS)
        handlers |= bot.joined.handlers(hub.texts, HOLDERS)
        handlers |= reminding.JOBS
        handlers |= telling.JOBS
        handlers |= assignment.JOBS
        handlers |= task_notices.handlers(hub.texts, public_url)
        handlers |= delivery_notices.handlers(hub.texts, public_url)
        handlers |= ticks.handlers()
        handlers |= hub.attendant.handlers(hub.channel, hub.texts, public_url)
        handlers = hub.attendant.watched(handlers)
        if hub.db.is_sqlite:
            self.worker = Worker(hub.db, handlers)
        else:
            self.worker = Worker(hub.db, handlers, lease=LEASE, bell=hub.bell)
        hub.intake.go_on_with(self.worker)

    async def start(self) -> None:
        await self.worker.start()
        self._hub.health.watch("the sweep", lambda: self.worker.swept_at)
        await self._clock.start()

    async def stop(self) -> None:
        self._clock.stop()
        await self.worker.stop(within=14)
        await self._providers.close()
