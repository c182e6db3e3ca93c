"""procrastinate on PostgreSQL, deferred on the connection of the business transaction; `lock` keeps the order.

The job's row is written before the job is marked as done, in another transaction: a crash may write it twice.
"""

from __future__ import annotations

import argparse
import asyncio
import time
from typing import Any

from procrastinate import App, PsycopgConnector
from psycopg_pool import AsyncConnectionPool

from benchmarks.queues import trial


class Procrastinated:
    def __init__(self, database: str, variant: str) -> None:
        self._app = App(connector=PsycopgConnector(conninfo=database, min_size=4, max_size=trial.WORKERS + 4))
        self._pool = AsyncConnectionPool(database, min_size=4, max_size=trial.CALLERS, open=False)
        self._locked = variant == "lock"
        self._task = self._app.task(name="work")(self._work)
        self._running: asyncio.Task[None] | None = None

    async def _work(self, n: int) -> None:
        trial.started[n] = time.perf_counter()
        async with self._pool.connection() as connection:
            await connection.execute(trial.EFFECT, {"n": n, "at": time.time()})

    async def open(self) -> None:
        await self._pool.open(wait=True)
        await self._app.open_async()
        await self._app.schema_manager.apply_schema_async()

    async def put(self, n: int) -> None:
        lock = f"lane:{n % trial.LANES}" if self._locked else None
        async with self._pool.connection() as connection:
            await connection.execute(trial.CAUSE, {"n": n, "at": time.time()})
            await self._task.configure(lock=lock, connection=connection).defer_async(n=n)

    async def work(self) -> None:
        self._running = asyncio.create_task(
            self._app.run_worker_async(concurrency=trial.WORKERS, install_signal_handlers=False)
        )

    async def rest(self) -> None:
        if self._running is not None:
            self._running.cancel()
            await asyncio.gather(self._running, return_exceptions=True)

    async def close(self) -> None:
        await self._app.close_async()
        await self._pool.close()


def _make(told: argparse.Namespace) -> Any:
    return Procrastinated(told.database, told.variant)


if __name__ == "__main__":
    trial.main(_make)
