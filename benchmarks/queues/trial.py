"""What is done to a queue: fill it, empty it, both at once, and a slow steady stream; says the figures as JSON."""

from __future__ import annotations

import argparse
import asyncio
import time
from collections.abc import Callable
from typing import Protocol

import orjson
import psycopg
import uvloop
from psycopg.conninfo import conninfo_to_dict

from benchmarks import rounds

CALLERS = 16
"""How many put jobs at a time."""

WORKERS = 16
"""How many jobs run at a time."""

LANES = 64
"""Among so many lanes, or locks, the jobs are dealt out."""

PATIENCE = 180.0

TABLES = (
    "CREATE TABLE cause (n bigint NOT NULL, at double precision NOT NULL)",
    "CREATE TABLE effect (n bigint NOT NULL, at double precision NOT NULL)",
)

CAUSE = "INSERT INTO cause (n, at) VALUES (%(n)s, %(at)s)"

EFFECT = "INSERT INTO effect (n, at) VALUES (%(n)s, %(at)s)"

started: dict[int, float] = {}
"""When each job began to run, by time.perf_counter()."""


class Queue(Protocol):
    """One library on one database."""

    async def open(self) -> None:
        """Connect, and make what the library needs."""

    async def put(self, n: int) -> None:
        """One business row and its job."""

    async def work(self) -> None:
        """Begin to run jobs."""

    async def rest(self) -> None:
        """Run no more jobs."""

    async def close(self) -> None: ...


class Trial:
    def __init__(self, queue: Queue, database: str) -> None:
        self._queue = queue
        self._database = database
        self._n = 0

    async def run(self, jobs: int, rate: float, seconds: float) -> dict[str, float]:
        queue = self._queue
        await queue.open()
        await queue.work()
        await self._both(jobs // 4)
        await queue.rest()
        began = rounds.own_cpu()
        enqueue = await self._fill(jobs)
        before = time.perf_counter()
        await queue.work()
        await self._emptied()
        complete = time.perf_counter() - before
        both = await self._both(jobs)
        cpu = rounds.own_cpu() - began
        late = await self._stream(rate, seconds)
        await queue.rest()
        await queue.close()
        return {
            "enqueue/s": jobs / enqueue,
            "complete/s": jobs / complete,
            "one after the other/s": jobs / (enqueue + complete),
            "both at once/s": jobs / both,
            "cpu us": 1e6 * cpu / (2 * jobs),
            "p50 ms": 1000 * rounds.quantile(late, 0.5),
            "p99 ms": 1000 * rounds.quantile(late, 0.99),
            **await asyncio.to_thread(self._wrong),
        }

    async def _fill(self, jobs: int) -> float:
        began = time.perf_counter()
        numbers = iter(range(self._n, self._n + jobs))
        self._n += jobs

        async def caller() -> None:
            for n in numbers:
                await self._queue.put(n)

        await asyncio.gather(*(caller() for _ in range(CALLERS)))
        return time.perf_counter() - began

    async def _both(self, jobs: int) -> float:
        began = time.perf_counter()
        await self._fill(jobs)
        await self._emptied()
        return time.perf_counter() - began

    async def _stream(self, rate: float, seconds: float) -> list[float]:
        """`rate` jobs a second; how long after its due time each began to run."""
        began = time.perf_counter()
        due = {self._n + k: began + k / rate for k in range(int(rate * seconds))}
        self._n += len(due)
        async with asyncio.TaskGroup() as puts:
            for n, at in due.items():
                if (wait := at - time.perf_counter()) > 0:
                    await asyncio.sleep(wait)
                puts.create_task(self._queue.put(n))
        await self._emptied()
        return [started[n] - at for n, at in due.items()]

    async def _emptied(self) -> None:
        async with asyncio.timeout(PATIENCE):
            while len(started) < self._n:
                await asyncio.sleep(0.005)
            # A job that began is done when its row is there.
            while await asyncio.to_thread(self._effects) < self._n:
                await asyncio.sleep(0.01)

    def _effects(self) -> int:
        with psycopg.connect(self._database) as connection:
            row = connection.execute("SELECT count(*) FROM effect").fetchone()
            assert row is not None
            return int(row[0])

    def _wrong(self) -> dict[str, float]:
        with psycopg.connect(self._database) as connection:
            row = connection.execute("SELECT count(*), count(DISTINCT n) FROM effect").fetchone()
            assert row is not None
            return {"lost": self._n - row[1], "doubled": row[0] - row[1]}


def main(make: Callable[[argparse.Namespace], Queue]) -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--database", required=True, help="address for psycopg")
    parser.add_argument("--redis", default="redis://127.0.0.1:6379/0")
    parser.add_argument("--variant", default="")
    parser.add_argument("--jobs", type=int, default=1000)
    parser.add_argument("--rate", type=float, default=50.0)
    parser.add_argument("--seconds", type=float, default=6.0)
    told = parser.parse_args()
    conninfo_to_dict(told.database)
    with psycopg.connect(told.database, autocommit=True) as connection:
        for statement in TABLES:
            connection.execute(statement)
    print(orjson.dumps(uvloop.run(Trial(make(told), told.database).run(told.jobs, told.rate, told.seconds))).decode())
