"""Whether other workers live on the same database, so that a lone one need not wait for a dead one's leases.

On PostgreSQL each worker holds a shared advisory lock for as long as its connection lives, and the server lets go of
it when the process dies. Whoever gets the same lock for itself alone is the only one.
"""

from __future__ import annotations

import asyncio
import logging
from typing import Protocol

import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

logger = logging.getLogger(__name__)

SPACE = 7_414
"""Tells our advisory locks from those of other programs; the schema is the lock's other half."""

TRIES = 5
PAUSE = 0.1
"""The server needs a moment to see that a killed process is gone."""


class Presence(Protocol):
    async def announce(self) -> bool:
        """Say that this worker lives. True if no other does; then nobody else can announce until `share`."""

    async def share(self) -> None:
        """Let others in."""

    async def renew(self) -> None:
        """Make sure that it still holds."""

    async def leave(self) -> None: ...


class Alone:
    """On SQLite one process is the only worker, by the nature of the thing."""

    async def announce(self) -> bool:
        return True

    async def share(self) -> None:
        return

    async def renew(self) -> None:
        return

    async def leave(self) -> None:
        return


class AmongOthers:
    """On PostgreSQL."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine
        self._connection: AsyncConnection | None = None

    async def announce(self) -> bool:
        connection = await self._open()
        for _ in range(TRIES):
            if await connection.scalar(_lock("pg_try_advisory_lock")):
                return True
            await asyncio.sleep(PAUSE)
        await connection.execute(_lock("pg_advisory_lock_shared"))
        return False

    async def share(self) -> None:
        assert self._connection is not None
        await self._connection.execute(_lock("pg_advisory_lock_shared"))
        await self._connection.execute(_lock("pg_advisory_unlock"))

    async def renew(self) -> None:
        """A lost connection lost the lock: take it anew. Until then a starting worker may take our lanes over; the
        lanes' epochs keep that safe."""
        try:
            if self._connection is None:
                await (await self._open()).execute(_lock("pg_advisory_lock_shared"))
            else:
                await self._connection.execute(sa.text("SELECT 1"))
        except (DBAPIError, OSError) as failure:
            logger.warning("the worker's sign of life was lost: %s", type(failure).__name__)
            await self.leave()

    async def leave(self) -> None:
        if self._connection is not None:
            # The pool must not hand the connection, and with it the lock, to somebody else.
            await self._connection.invalidate()
            await self._connection.close()
            self._connection = None

    async def _open(self) -> AsyncConnection:
        plain = await self._engine.connect()
        self._connection = await plain.execution_options(isolation_level="AUTOCOMMIT")
        return self._connection


def _lock(function: str) -> sa.TextClause:
    return sa.text(f"SELECT {function}({SPACE}, hashtext(current_schema()))")
