"""Ours: storage.jobs and storage.worker.

A `step` writes its row in the transaction that closes the job, so there is exactly one. An `effect` is remembered,
called outside of any transaction, and recorded in the transaction that closes it: what every message to a buyer is.
"""

from __future__ import annotations

import argparse
import time
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from benchmarks.queues import trial
from storage import jobs
from storage.database import Database
from storage.jobs import Effect, Handler, Job, Step
from storage.schema import Base
from storage.worker import Worker


class Ours:
    def __init__(self, database: str, variant: str) -> None:
        self._url = database
        self._db = Database(database)
        handlers: dict[str, Handler] = {
            "step": Step(_step),
            "effect": Effect(_remember, _call, _record),
        }
        self._handlers = {"work": handlers[variant]}
        self._worker: Worker | None = None

    async def open(self) -> None:
        engine = sa.create_engine(sa.make_url(self._url).set(drivername="postgresql+psycopg"))
        Base.metadata.create_all(engine)
        engine.dispose()
        await self._db.start()

    async def put(self, n: int) -> None:
        await self._db.write(_put, n)

    async def work(self) -> None:
        self._worker = Worker(self._db, self._handlers, slots=trial.WORKERS)
        await self._worker.start()

    async def rest(self) -> None:
        if self._worker is not None:
            await self._worker.stop()

    async def close(self) -> None:
        await self._db.close()


def _put(session: Session, n: int) -> None:
    session.connection().exec_driver_sql(trial.CAUSE, {"n": n, "at": time.time()})
    jobs.put(session, "work", {"n": n}, lane=f"lane:{n % trial.LANES}")


def _step(session: Session, job: Job) -> None:
    trial.started[job.payload["n"]] = time.perf_counter()
    session.connection().exec_driver_sql(trial.EFFECT, {"n": job.payload["n"], "at": time.time()})


def _remember(session: Session, job: Job) -> int:
    n: int = job.payload["n"]
    return n


async def _call(n: int) -> int:
    trial.started[n] = time.perf_counter()
    return n


def _record(session: Session, job: Job, memo: int, result: int) -> None:
    session.connection().exec_driver_sql(trial.EFFECT, {"n": result, "at": time.time()})


def _make(told: argparse.Namespace) -> Any:
    return Ours(told.database, told.variant)


if __name__ == "__main__":
    trial.main(_make)
