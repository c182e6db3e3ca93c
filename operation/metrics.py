"""Metrics in Prometheus' text form: what this process counted, and how the database stands at this moment."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa
from aiohttp import web
from prometheus_client import CollectorRegistry, Metric
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest
from prometheus_client.registry import Collector
from sqlalchemy.orm import Session

from company.tables import ChannelAccount
from inbox.tables import Delivery, Message
from kit import http
from kit.clock import utc_now
from operation import pulse, queues
from operation.tables import Alarm, Side
from storage.database import Database
from storage.live import LiveBus
from storage.meters import Meters

OUTGOING = "out"
"""The lanes in which messages wait to be delivered."""

PASSED_ON = ("X-Forwarded-For", "X-Forwarded-Host", "X-Forwarded-Proto", "X-Real-IP", "Forwarded", "Via")
"""What a proxy adds: then the nearest address is the proxy's and not the asker's."""


@dataclass(frozen=True, slots=True)
class Account:
    side: Side
    id: int
    name: str
    channel: str = ""
    health: str = ""
    heard_at: datetime | None = None
    failing_since: datetime | None = None


@dataclass(frozen=True, slots=True)
class Standing:
    """The database's part, read in one go."""

    queues: Sequence[queues.Queue]
    dead: dict[str, int]
    unsettled: dict[str, int]
    accounts: Sequence[Account]
    alarms: dict[str, int]


class Exposition:
    """The address /metrics of one hub."""

    def __init__(self, db: Database, live: LiveBus, meters: Meters, *, allow: Sequence[str] = ()) -> None:
        self._db = db
        self._live = live
        self._meters = meters
        self._allow = allow

    def routes(self) -> list[web.RouteDef]:
        return [web.get("/metrics", self.show, allow_head=False)]

    async def show(self, request: web.Request) -> web.Response:
        """For this machine and for whom the settings allow; for anyone else there is no such page."""
        if not may_see(request, self._allow):
            raise web.HTTPNotFound
        standing = await self._db.read(stand, utc_now())
        moment = CollectorRegistry()
        moment.register(_Gauges(standing, self._db, self._live))
        body = generate_latest(self._meters.registry) + generate_latest(moment)
        return web.Response(body=body, headers={"Content-Type": CONTENT_TYPE_LATEST})


def may_see(request: web.Request, allow: Sequence[str]) -> bool:
    """Whether the asker is this machine, asking for itself, or one whose address is allowed.

    Behind a proxy every asker comes from the proxy's address, which often is this machine's. So what was passed on
    counts as local only by the address that a trusted proxy vouches for, and then needs to be allowed by name.
    """
    address = http.client_address(request, request.app.get(http.TRUSTED, ()))
    if http.is_in(address, allow):
        return not _is_passed_on(request) or address != (request.remote or "")
    return _is_loopback(address) and not _is_passed_on(request) and _is_asked_locally(request)


def _is_passed_on(request: web.Request) -> bool:
    return any(name in request.headers for name in PASSED_ON)


def _is_loopback(address: str) -> bool:
    try:
        return ipaddress.ip_address(address).is_loopback
    except ValueError:
        return False


def _is_asked_locally(request: web.Request) -> bool:
    """By a name of this machine: a proxy that adds nothing to a request still carries the public name in it."""
    host = (request.host or "").rpartition(":")[0] if not request.host.endswith("]") else request.host
    host = (host or request.host).strip("[]")
    return host == "localhost" or _is_loopback(host)


def stand(session: Session, now: datetime) -> Standing:
    unsettled = sa.select(Message.delivery, sa.func.count()).where(
        Message.delivery.in_((Delivery.FAILED, Delivery.UNKNOWN))
    )
    alarms = sa.select(Alarm.kind, sa.func.count()).where(Alarm.cleared_at.is_(None)).group_by(Alarm.kind)
    return Standing(
        queues=queues.queues(session),
        dead=dict(queues.dead_by_kind(session)),
        unsettled={str(state): count for state, count in session.execute(unsettled.group_by(Message.delivery)).all()},
        accounts=_accounts(session),
        alarms={str(kind): count for kind, count in session.execute(alarms).all()},
    )


def _accounts(session: Session) -> list[Account]:
    signs = pulse.of(session, Side.CHANNEL)
    channels = []
    for row in session.scalars(sa.select(ChannelAccount).where(ChannelAccount.active).order_by(ChannelAccount.id)):
        sign = signs.get(row.id)
        channels.append(
            Account(
                Side.CHANNEL,
                row.id,
                row.name,
                row.channel,
                row.health,
                sign.heard_at if sign else None,
                sign.failing_since if sign else None,
            )
        )
    providers = [
        Account(Side.PROVIDER, account_id, "", failing_since=sign.failing_since)
        for account_id, sign in pulse.of(session, Side.PROVIDER).items()
    ]
    return channels + providers


class _Gauges(Collector):
    def __init__(self, standing: Standing, db: Database, live: LiveBus) -> None:
        self._standing = standing
        self._db = db
        self._live = live

    def collect(self) -> Iterator[Metric]:
        yield from self._jobs()
        yield from self._outside()
        yield from self._process()

    def _jobs(self) -> Iterator[Metric]:
        now = self._standing
        due = GaugeMetricFamily("prilavok_jobs_due", "Jobs that are due and not running.", labels=["lane"])
        planned = GaugeMetricFamily("prilavok_jobs_planned", "Jobs that are due later.", labels=["lane"])
        running = GaugeMetricFamily("prilavok_lanes_running", "Lanes that a worker has in hand.", labels=["lane"])
        oldest = GaugeMetricFamily(
            "prilavok_jobs_oldest_due_seconds", "For how long the oldest due job has been due.", labels=["lane"]
        )
        for queue in now.queues:
            for family, value in (
                (due, queue.due),
                (planned, queue.planned),
                (running, queue.running),
                (oldest, queue.oldest),
            ):
                family.add_metric([queue.name], value)
        yield from (due, planned, running, oldest)
        outbox = next((queue.oldest for queue in now.queues if queue.name == OUTGOING), 0.0)
        yield GaugeMetricFamily(
            "prilavok_outbox_age_seconds", "For how long the oldest message that is due has waited.", value=outbox
        )
        dead = GaugeMetricFamily("prilavok_jobs_dead", "Jobs that wait for a person's decision.", labels=["kind"])
        for kind, count in now.dead.items():
            dead.add_metric([kind], count)
        yield dead
        unsettled = GaugeMetricFamily(
            "prilavok_messages_unsettled", "Messages that failed, or of which nobody knows.", labels=["state"]
        )
        for state in (Delivery.FAILED, Delivery.UNKNOWN):
            unsettled.add_metric([state], now.unsettled.get(state, 0))
        yield unsettled

    def _outside(self) -> Iterator[Metric]:
        now, moment = self._standing, utc_now()
        health = GaugeMetricFamily(
            "prilavok_channel_health", "1 for the health that the channel has.", labels=["account", "channel", "health"]
        )
        silence = GaugeMetricFamily(
            "prilavok_channel_silence_seconds", "Since the last event of the channel.", labels=["account", "channel"]
        )
        failing = GaugeMetricFamily(
            "prilavok_outside_failing_seconds",
            "For how long calls to the account have failed; 0 while they succeed.",
            labels=["side", "account"],
        )
        for account in now.accounts:
            name = str(account.id)
            if account.side is Side.CHANNEL:
                health.add_metric([name, account.channel, account.health], 1)
                if account.heard_at is not None:
                    silence.add_metric([name, account.channel], (moment - account.heard_at).total_seconds())
            since = account.failing_since
            failing.add_metric([account.side, name], (moment - since).total_seconds() if since else 0)
        yield from (health, silence, failing)
        alarms = GaugeMetricFamily("prilavok_alarms", "Open alarms.", labels=["kind"])
        for kind, count in now.alarms.items():
            alarms.add_metric([kind], count)
        yield alarms

    def _process(self) -> Iterator[Metric]:
        used, size = self._db.connections()
        pool = GaugeMetricFamily("prilavok_database_connections", "Connections of the pool.", labels=["state"])
        pool.add_metric(["used"], used)
        pool.add_metric(["most"], size)
        yield pool
        yield GaugeMetricFamily(
            "prilavok_writes_waiting", "Writes that wait for SQLite's only writer.", value=self._db.waiting()
        )
        yield GaugeMetricFamily("prilavok_sse_clients", "Open event streams.", value=self._live.readers)
