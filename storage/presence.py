"""Who lives on the same database, and who holds what only one may hold.

On PostgreSQL each worker holds a shared advisory lock for as long as its connection lives, and the server lets go of
it when the process dies. Whoever gets the same lock for itself alone is the only one, and need not wait for the leases
of a dead one. A seat is such a lock too: one process at a time has it, such as the one that polls a bot.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from typing import Protocol

import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError, PendingRollbackError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

logger = logging.getLogger(__name__)

SPACE = 7_414
"""Tells our advisory locks from those of other programs; the schema is the lock's other half."""

TRIES = 5
PAUSE = 0.1
"""The server needs a moment to see that a killed process is gone."""


SILENCE = 15
"""Seconds after which the server ends the session of a holder that says nothing: it may be paused, or cut off in a way
that neither side notices. It must look after its seats more often than that."""

PATIENCE = 5
"""Seconds that the server may take to answer a holder."""


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


class Seats(Protocol):
    """Names, each of which one process at a time holds."""

    async def take(self, name: str) -> bool:
        """Have it from now on, if nobody else has."""

    async def holds(self, name: str) -> bool:
        """Whether it is still ours. True is true at the moment when the database answered."""

    async def release(self, name: str) -> None: ...

    async def close(self) -> None:
        """Give up all of them."""


class OwnSeats:
    """On SQLite there is nobody else."""

    async def take(self, name: str) -> bool:
        return True

    async def holds(self, name: str) -> bool:
        return True

    async def release(self, name: str) -> None:
        return

    async def close(self) -> None:
        return


class SharedSeats:
    """On PostgreSQL: advisory locks on a connection of their own. With the connection all are lost at once."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine
        self._connection: AsyncConnection | None = None
        self._held: set[str] = set()
        self._turn = asyncio.Lock()
        self._asking: set[asyncio.Task[object]] = set()

    async def take(self, name: str) -> bool:
        return bool(await self._ask(_TAKE_SEAT, name))

    async def holds(self, name: str) -> bool:
        return name in self._held and await self._ask(_STILL_THERE) is not None and name in self._held

    async def release(self, name: str) -> None:
        if name in self._held:
            self._held.discard(name)
            await self._ask(_LEAVE_SEAT, name)

    async def close(self) -> None:
        # The server takes a moment to see that a connection has ended; whoever stands by need not wait for it.
        if self._held or self._asking:
            await self._ask(_LEAVE_ALL)
        async with self._turn:
            await self._lose()

    async def _ask(self, statement: sa.TextClause, name: str | None = None) -> object:
        """The server's answer; None when there is no connection, and then no seat is ours.

        A question that has begun is asked to its end, also when whoever wanted to know is cancelled: an account that is
        closed ends its receiver so, at any moment. A connection that is cancelled half-way is of no use any more, and
        the seats of all other accounts would go with it.
        """
        asking = asyncio.create_task(self._answer(statement, name))
        self._asking.add(asking)
        asking.add_done_callback(self._asking.discard)
        return await asyncio.shield(asking)

    async def _answer(self, statement: sa.TextClause, name: str | None) -> object:
        async with self._turn:
            try:
                async with asyncio.timeout(PATIENCE):
                    if self._connection is None:
                        plain = await self._engine.connect()
                        self._connection = await plain.execution_options(isolation_level="AUTOCOMMIT")
                        await self._connection.execute(sa.text(f"SET idle_session_timeout = '{SILENCE}s'"))
                    answer = await self._connection.scalar(statement, {"name": name} if name is not None else {})
            # A program that ends at once cancels everything: PendingRollbackError.
            except (DBAPIError, PendingRollbackError, OSError, TimeoutError) as failure:
                if self._held:
                    logger.warning("the seats %s are lost: %s", ", ".join(sorted(self._held)), type(failure).__name__)
                await self._lose()
                return None
            if statement is _TAKE_SEAT and name is not None and answer:
                self._held.add(name)
            return answer

    async def _lose(self) -> None:
        self._held.clear()
        connection, self._connection = self._connection, None
        if connection is not None:
            # The pool must not hand the connection, and with it the locks, to somebody else.
            with contextlib.suppress(DBAPIError, OSError):
                await connection.invalidate()
                await connection.close()


_SEAT = "(hashtextextended('prilavok seat ' || current_schema() || ' ' || :name, 0))"
_TAKE_SEAT = sa.text(f"SELECT pg_try_advisory_lock{_SEAT}")
_LEAVE_SEAT = sa.text(f"SELECT pg_advisory_unlock{_SEAT}")
_LEAVE_ALL = sa.text("SELECT pg_advisory_unlock_all()")
_STILL_THERE = sa.text("SELECT 1")


def _lock(function: str) -> sa.TextClause:
    return sa.text(f"SELECT {function}({SPACE}, hashtext(current_schema()))")
