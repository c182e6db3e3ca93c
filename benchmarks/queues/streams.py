"""taskiq over Redis Streams, acknowledged when the task has run.

The job is put after the business transaction: Redis cannot take part in it, and a crash in between loses the job.
Redis writes as it is set up to; with appendfsync everysec a power cut loses a second of jobs. No order is kept.
"""

from __future__ import annotations

import argparse
import asyncio
import secrets
import time
from typing import Any

from psycopg_pool import AsyncConnectionPool
from redis.asyncio import Redis
from taskiq.acks import AcknowledgeType
from taskiq.api import run_receiver_task
from taskiq_redis import RedisStreamBroker

from benchmarks.queues import trial


class Streams:
    def __init__(self, database: str, redis: str) -> None:
        self._redis = redis
        self._name = f"bench-{secrets.token_hex(4)}"
        # From the beginning: what is put before the first worker listens counts too.
        self._broker = RedisStreamBroker(redis, queue_name=self._name, consumer_group_name=self._name, consumer_id="0")
        self._pool = AsyncConnectionPool(database, min_size=4, max_size=trial.CALLERS, open=False)
        self._running: asyncio.Task[None] | None = None

        async def work(n: int) -> None:
            trial.started[n] = time.perf_counter()
            async with self._pool.connection() as connection:
                await connection.execute(trial.EFFECT, {"n": n, "at": time.time()})

        self._task: Any = self._broker.task(task_name="work")(work)

    async def open(self) -> None:
        await self._pool.open(wait=True)
        self._broker.is_worker_process = True
        await self._broker.startup()

    async def put(self, n: int) -> None:
        async with self._pool.connection() as connection:
            await connection.execute(trial.CAUSE, {"n": n, "at": time.time()})
        await self._task.kiq(n)

    async def work(self) -> None:
        self._running = asyncio.create_task(
            run_receiver_task(self._broker, max_async_tasks=trial.WORKERS, ack_time=AcknowledgeType.WHEN_EXECUTED)
        )

    async def rest(self) -> None:
        if self._running is not None:
            self._running.cancel()
            await asyncio.gather(self._running, return_exceptions=True)

    async def close(self) -> None:
        await self._broker.shutdown()
        await self._pool.close()
        async with Redis.from_url(self._redis) as redis:
            await redis.delete(self._name)


def _make(told: argparse.Namespace) -> Any:
    return Streams(told.database, told.redis)


if __name__ == "__main__":
    trial.main(_make)
