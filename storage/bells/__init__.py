"""The bell between processes: who has put work rings, and whoever listens looks into the database.

Nothing rests on it. What it says may be lost, doubled or late: the workers' sweep finds the work, and live pages read
the event log. A dead broker makes things slower and nothing else.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from urllib.parse import urlsplit

import sqlalchemy as sa

from storage.bells.bell import Bell, Broadcast, Line, Silent

__all__ = ["BROKERS", "Bell", "Broadcast", "Line", "Silent", "line_of"]


def _postgres(url: str) -> Line:
    from storage.bells.postgres import PostgresLine

    return PostgresLine(url)


def _redis(url: str) -> Line:
    from storage.bells.redis import RedisLine

    return RedisLine(url)


def _nats(url: str) -> Line:
    from storage.bells.nats import NatsLine

    return NatsLine(url)


def _rabbitmq(url: str) -> Line:
    from storage.bells.rabbitmq import RabbitLine

    return RabbitLine(url)


BROKERS: Mapping[str, Callable[[str], Line]] = {
    "postgresql": _postgres,
    "redis": _redis,
    "rediss": _redis,
    "nats": _nats,
    "tls": _nats,
    "amqp": _rabbitmq,
    "amqps": _rabbitmq,
}
"""By the scheme of the bell's address. A client is imported by the installation that uses it."""


def line_of(address: str, database: sa.URL) -> Line:
    """The line to a broker; without an address, the database's own NOTIFY."""
    url = address or database.set(drivername="postgresql").render_as_string(hide_password=False)
    return BROKERS[urlsplit(url).scheme](url)
