"""PostgreSQL's LISTEN and NOTIFY: nothing to install.

Two connections of our own, so that no commit of the shop ever waits for the queue of notifications, and none of the
pool is taken.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from typing import Any

import psycopg
import sqlalchemy as sa
from psycopg import sql

KEEPALIVE = {"keepalives_idle": 10, "keepalives_interval": 5, "keepalives_count": 3, "connect_timeout": 5}


class PostgresLine:
    def __init__(self, url: str) -> None:
        address = sa.make_url(url)
        named = address.translate_connect_args(username="user", database="dbname")
        self._options: dict[str, Any] = {**named, **address.query, **KEEPALIVE}
        self._ear: psycopg.AsyncConnection[Any] | None = None
        self._mouth: psycopg.AsyncConnection[Any] | None = None

    async def open(self, topics: Sequence[str]) -> None:
        self._ear = await psycopg.AsyncConnection.connect(**self._options, autocommit=True)
        self._mouth = await psycopg.AsyncConnection.connect(**self._options, autocommit=True)
        # A notification is written to the log like a row; nobody misses one that a power cut took.
        await self._mouth.execute("SET synchronous_commit = off")
        for topic in topics:
            await self._ear.execute(sql.SQL("LISTEN {}").format(sql.Identifier(topic)))

    async def say(self, topic: str, payload: bytes) -> None:
        assert self._mouth is not None
        await self._mouth.execute("SELECT pg_notify(%s, %s)", (topic, payload.decode()))

    async def heard(self) -> AsyncIterator[tuple[str, bytes]]:
        assert self._ear is not None
        async for notification in self._ear.notifies():
            yield notification.channel, notification.payload.encode()

    async def close(self) -> None:
        for connection in (self._ear, self._mouth):
            if connection is not None:
                await connection.close()
