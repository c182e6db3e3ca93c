"""Lanes: order, one at a time, nothing lost, nothing done by a worker that lost its lease."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import sqlite3
from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa
import time_machine
from sqlalchemy.orm import Session

from kit.clock import now_ms, utc_now
from storage import jobs
from storage.database import Database
from storage.jobs import Again, Effect, Job, New, Step
from storage.lanes import renew
from storage.tables import EventRow, Lane
from storage.tables import Job as JobRow
from storage.turns import Outcome, Taken, Turns
from storage.worker import Worker


class Kitchen:
    """Handlers that write down what they did."""

    def __init__(self) -> None:
        self.steps: list[tuple[str, int]] = []
        self.calls: list[tuple[str, int]] = []
        self.recorded: list[int] = []
        self.running: dict[str, int] = {}
        self.overlaps = 0
        self.fail_times = 0
        self.again_times = 0
        self.waited: list[timedelta] = []
        self.gate: asyncio.Event | None = None

    @property
    def handlers(self) -> dict[str, jobs.Handler]:
        return {
            "step": Step(self.step),
            "bad": Step(self.bad),
            "effect": Effect(self.remember, self.call, self.record),
        }

    def step(self, session: Session, job: Job) -> None:
        self.steps.append((job.lane, job.payload["n"]))

    def bad(self, session: Session, job: Job) -> None:
        jobs.put(session, "step", {"n": -1}, lane="must not exist")
        raise ValueError("burnt")

    def remember(self, session: Session, job: Job) -> Job | None:
        self.waited.append(job.waited)
        return None if job.payload.get("skip") else job

    async def call(self, job: Job) -> int:
        self.running[job.lane] = self.running.get(job.lane, 0) + 1
        self.overlaps += self.running[job.lane] > 1
        try:
            self.calls.append((job.lane, job.payload["n"]))
            if self.gate is not None:
                await self.gate.wait()
            if self.fail_times:
                self.fail_times -= 1
                raise ConnectionError("no answer")
            await asyncio.sleep(0)
            return int(job.payload["n"])
        finally:
            self.running[job.lane] -= 1

    def record(self, session: Session, job: Job, memo: Job, result: int) -> Again | None:
        if self.again_times:
            self.again_times -= 1
            return Again(timedelta(milliseconds=20))
        self.recorded.append(result)
        return None


async def put(db: Database, kind: str, lane: str, n: int, **extra: Any) -> bool:
    def work(session: Session) -> bool:
        return jobs.put(session, kind, {"n": n, **extra}, lane=lane)

    return await db.write(work)


async def states(db: Database) -> list[tuple[str, int]]:
    def look(session: Session) -> list[tuple[str, int]]:
        return [(row.state, row.attempts) for row in session.scalars(sa.select(JobRow).order_by(JobRow.id))]

    return await db.read(look)


async def test_jobs_of_a_lane_run_in_order_one_at_a_time_while_lanes_run_side_by_side(db: Database) -> None:
    kitchen = Kitchen()
    worker = Worker(db, kitchen.handlers)
    await worker.start()
    await asyncio.gather(*(put(db, "effect", f"lane{n % 5}", n) for n in range(100)))
    await worker.idle()
    await worker.stop()
    assert kitchen.overlaps == 0
    assert sorted(kitchen.recorded) == list(range(100))
    for lane in range(5):
        ran = [n for name, n in kitchen.calls if name == f"lane{lane}"]
        assert ran == sorted(ran, key=lambda n: ran.index(n))
        assert len(ran) == 20


async def test_the_order_of_a_lane_is_the_order_of_putting(db: Database) -> None:
    kitchen = Kitchen()
    for n in range(30):
        await put(db, "step" if n % 3 else "effect", "lane", n)
    worker = Worker(db, kitchen.handlers)
    await worker.start()
    await worker.idle()
    await worker.stop()
    assert [n for _, n in kitchen.steps] == [n for n in range(30) if n % 3]
    assert kitchen.recorded == [n for n in range(30) if not n % 3]


async def test_a_dedup_key_makes_a_job_once(db: Database) -> None:
    def work(session: Session) -> list[bool]:
        return [jobs.put(session, "step", {"n": 1}, lane="a", dedup_key="same") for _ in range(3)]

    assert await db.write(work) == [True, False, False]
    assert await db.write(work) == [False, False, False]
    assert len(await states(db)) == 1


async def test_a_step_that_fails_leaves_no_trace_and_is_tried_again_then_dead_while_the_lane_goes_on(
    db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("storage.lanes.BACKOFF_MS", 1)
    kitchen = Kitchen()
    worker = Worker(db, kitchen.handlers)
    await worker.start()
    await put(db, "bad", "lane", 0)
    await put(db, "step", "lane", 1)

    async with asyncio.timeout(20):
        while not kitchen.steps:
            await asyncio.sleep(0.05)
    await worker.idle()
    await worker.stop()
    assert kitchen.steps == [("lane", 1)]
    assert await states(db) == [("dead", 5), ("done", 1)]

    def told(session: Session) -> list[str]:
        return list(session.scalars(sa.select(EventRow.kind)))

    assert await db.read(told) == ["job_died"]


async def test_what_a_failure_says_does_not_keep_it_from_being_counted(
    db: Database, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """It may quote what came from outside, with characters that no database keeps."""
    # What is logged of it goes from one process of pytest to another, which cannot write them either.
    caplog.set_level(logging.CRITICAL)
    monkeypatch.setattr("storage.lanes.BACKOFF_MS", 1)

    def fail(session: Session, job: Job) -> None:
        raise LookupError("a\x00b\ud83d")

    worker = Worker(db, {"step": Step(fail)})
    await worker.start()
    await put(db, "step", "lane", 0)
    async with asyncio.timeout(20):
        while await states(db) != [("dead", 5)]:
            await asyncio.sleep(0.05)
    await worker.stop()
    assert await db.read(lambda session: session.scalar(sa.select(JobRow.error))) == "LookupError: a\\x00b?"


async def test_an_effect_that_raises_is_called_again(db: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("storage.lanes.BACKOFF_MS", 1)
    kitchen = Kitchen()
    kitchen.fail_times = 2
    worker = Worker(db, kitchen.handlers)
    await worker.start()
    await put(db, "effect", "lane", 7)
    async with asyncio.timeout(20):
        while not kitchen.recorded:
            await asyncio.sleep(0.05)
    await worker.stop()
    assert kitchen.calls == [("lane", 7)] * 3
    assert await states(db) == [("done", 3)]


async def test_again_keeps_the_job_without_counting_an_attempt(db: Database) -> None:
    kitchen = Kitchen()
    kitchen.again_times = 3
    worker = Worker(db, kitchen.handlers)
    await worker.start()
    await put(db, "effect", "lane", 7)
    async with asyncio.timeout(20):
        while not kitchen.recorded:
            await asyncio.sleep(0.05)
    await worker.idle()
    await worker.stop()
    assert len(kitchen.calls) == 4
    assert await states(db) == [("done", 1)]


async def test_an_effect_with_nothing_left_to_do_closes_without_a_call(db: Database) -> None:
    kitchen = Kitchen()
    worker = Worker(db, kitchen.handlers)
    await worker.start()
    await put(db, "effect", "lane", 7, skip=True)
    await worker.idle()
    await worker.stop()
    assert kitchen.calls == []
    assert await states(db) == [("done", 1)]


async def test_a_job_for_later_waits(db: Database) -> None:
    kitchen = Kitchen()
    worker = Worker(db, kitchen.handlers)
    await worker.start()

    def work(session: Session) -> None:
        jobs.put(session, "step", {"n": 1}, lane="later", run_at=utc_now() + timedelta(seconds=1))

    await db.write(work)
    await asyncio.sleep(0.3)
    assert kitchen.steps == []
    async with asyncio.timeout(10):
        while not kitchen.steps:
            await asyncio.sleep(0.05)
    await worker.stop()


async def test_a_worker_that_lost_its_lane_cannot_commit(db: Database) -> None:
    kitchen = Kitchen()
    kitchen.gate = asyncio.Event()
    worker = Worker(db, kitchen.handlers)
    await worker.start()
    await put(db, "effect", "lane", 7)
    async with asyncio.timeout(10):
        while not kitchen.calls:
            await asyncio.sleep(0.01)

    def take_over(session: Session) -> None:
        session.execute(sa.update(Lane).where(Lane.lane == "lane").values(epoch=Lane.epoch + 1))

    await db.write(take_over)
    kitchen.gate.set()
    await asyncio.sleep(0.2)
    await worker.stop()
    assert kitchen.recorded == []
    assert await states(db) == [("ready", 0)]


async def test_what_a_dead_process_left_is_found_by_the_next(db: Database) -> None:
    kitchen = Kitchen()
    await put(db, "effect", "lane", 7)

    def held_by_the_dead(session: Session) -> None:
        session.add(Lane(lane="lane", lease_until=now_ms() + 30_000, epoch=3))

    await db.write(held_by_the_dead)
    worker = Worker(db, kitchen.handlers)
    await worker.start()
    async with asyncio.timeout(10):
        while not kitchen.recorded:
            await asyncio.sleep(0.05)
    await worker.stop()
    assert kitchen.recorded == [7]


@pytest.mark.parametrize("database_url", [pytest.param("postgres", marks=pytest.mark.postgres)], indirect=True)
async def test_what_a_living_worker_holds_is_not_taken_by_one_that_starts(db: Database) -> None:
    """On PostgreSQL, where there may be several; an SQLite file has one hub."""
    kitchen = Kitchen()
    kitchen.gate = asyncio.Event()
    first, second = Worker(db, kitchen.handlers), Worker(db, kitchen.handlers)
    await first.start()
    await put(db, "effect", "lane", 1)
    async with asyncio.timeout(5):
        while not kitchen.calls:
            await asyncio.sleep(0.01)
    await second.start()
    await asyncio.sleep(1.0)
    kitchen.gate.set()
    await first.idle()
    await asyncio.gather(first.stop(), second.stop())
    assert kitchen.calls == [("lane", 1)]
    assert kitchen.recorded == [1]


async def test_two_workers_share_the_lanes_and_never_one_lane(db: Database) -> None:
    kitchen = Kitchen()
    first, second = Worker(db, kitchen.handlers), Worker(db, kitchen.handlers)
    await first.start()
    await second.start()
    await asyncio.gather(*(put(db, "effect", f"lane{n % 7}", n) for n in range(140)))
    await first.idle()
    await second.idle()
    await asyncio.gather(first.stop(), second.stop())
    assert kitchen.overlaps == 0
    assert sorted(kitchen.recorded) == list(range(140))


async def test_arenewal_that_comes_late_does_not_hold_a_lane_that_was_let_go(db: Database) -> None:
    kitchen = Kitchen()
    worker = Worker(db, kitchen.handlers)
    await worker.start()
    await put(db, "effect", "lane", 1)
    await worker.idle()
    epoch = await db.read(lambda session: session.get_one(Lane, "lane").epoch)
    await db.write(renew, {"lane": epoch}, 30_000)
    await put(db, "effect", "lane", 2)
    await worker.idle(within=5)
    await worker.stop()
    assert kitchen.recorded == [1, 2]


async def test_a_short_pause_is_kept_to_the_moment_and_a_long_one_by_the_sweep(db: Database) -> None:
    told: list[dict[str, float]] = []
    db.on_commit(lambda committed: told.append(committed.later))

    def work(session: Session) -> None:
        jobs.put(session, "step", {"n": 1}, lane="soon", after=timedelta(milliseconds=50))
        jobs.put(session, "step", {"n": 2}, lane="tomorrow", after=timedelta(days=1))

    await db.write(work)
    assert told == [{"soon": 0.05}]


async def test_a_job_knows_how_long_it_was_put_off_whatever_the_clock_says(db: Database) -> None:
    kitchen = Kitchen()
    kitchen.again_times = 3
    await put(db, "effect", "lane", 1)
    day = 86_400_000
    await db.write(lambda session: session.execute(sa.update(JobRow).values(created_at=JobRow.created_at - day)))
    worker = Worker(db, kitchen.handlers)
    await worker.start()
    await worker.idle()
    await worker.stop()
    assert kitchen.recorded == [1]
    assert kitchen.waited == [timedelta(milliseconds=n) for n in (0, 20, 40, 60)]


async def test_pruning_takes_old_done_jobs_and_leaves_dead_ones(db: Database) -> None:
    kitchen = Kitchen()
    worker = Worker(db, kitchen.handlers)
    await worker.start()
    await put(db, "step", "a", 1)
    await worker.idle()
    await worker.stop()
    await put(db, "step", "b", 2)

    def prune(session: Session) -> int:
        return jobs.prune(session, older_than=timedelta(seconds=-1))

    assert await db.write(prune) == 1
    assert await states(db) == [("ready", 0)]


async def test_pruning_takes_the_lanes_in_which_nothing_waits(db: Database) -> None:
    kitchen = Kitchen()
    worker = Worker(db, kitchen.handlers)
    await worker.start()
    await put(db, "step", "quiet", 1)
    await worker.idle()
    await put(db, "step", "busy", 2)
    await worker.idle()
    await worker.stop()
    await put(db, "step", "busy", 3)
    await db.write(lambda session: jobs.prune(session, older_than=timedelta(days=1)))
    lanes = await db.read(lambda session: session.scalars(sa.select(Lane.lane)).all())
    assert lanes == ["busy"]


async def test_pruning_goes_on_in_portions_until_all_is_gone(db: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jobs, "PORTION", 2)
    kitchen = Kitchen()
    worker = Worker(db, kitchen.handlers)
    await worker.start()
    for n in range(5):
        await put(db, "step", f"lane {n}", n)
    await worker.idle()
    await worker.stop()
    gone = [await db.write(lambda session: jobs.prune(session, older_than=timedelta(seconds=-1))) for _ in range(3)]
    assert gone == [2, 2, 1]
    assert await states(db) == []


async def test_a_job_whose_lane_was_pruned_under_it_still_runs(db: Database) -> None:
    kitchen = Kitchen()
    await put(db, "effect", "lane", 7)
    await db.write(lambda session: session.execute(sa.delete(Lane)) and None)
    worker = Worker(db, kitchen.handlers)
    await worker.start()
    async with asyncio.timeout(10):
        while not kitchen.recorded:
            await asyncio.sleep(0.05)
    await worker.stop()
    assert kitchen.recorded == [7]


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
async def test_what_a_call_has_done_waits_for_a_database_that_cannot_take_it(db: Database) -> None:
    """A foreign lock that outlives SQLite's patience, such as a careless backup's."""
    kitchen = Kitchen()
    kitchen.gate = asyncio.Event()
    worker = Worker(db, kitchen.handlers)
    await worker.start()
    await put(db, "effect", "lane", 7)
    async with asyncio.timeout(20):
        while not kitchen.calls:
            await asyncio.sleep(0.01)
    assert db.url.database is not None
    with contextlib.closing(sqlite3.connect(db.url.database, isolation_level=None)) as stranger:
        stranger.execute("BEGIN IMMEDIATE")
        kitchen.gate.set()
        await asyncio.sleep(6)
        stranger.execute("ROLLBACK")
    async with asyncio.timeout(20):
        while not kitchen.recorded:
            await asyncio.sleep(0.05)
    await worker.stop()
    assert (kitchen.calls, kitchen.recorded) == ([("lane", 7)], [7])


async def test_a_clock_that_is_set_back_keeps_no_lane_waiting(db: Database) -> None:
    kitchen = Kitchen()
    with time_machine.travel(utc_now() + timedelta(hours=1)):
        await put(db, "step", "lane", 1)
    worker = Worker(db, kitchen.handlers)
    await worker.start()
    async with asyncio.timeout(20):
        while not kitchen.steps:
            await asyncio.sleep(0.05)
    await worker.stop()
    assert kitchen.steps == [("lane", 1)]


async def test_what_was_put_off_before_the_clock_was_set_back_is_tried_again(db: Database) -> None:
    """A failed call's pause lies an hour ahead then, and so does the lease of a worker that died meanwhile."""
    kitchen = Kitchen()
    kitchen.fail_times = 1
    worker = Worker(db, kitchen.handlers, lease=timedelta(seconds=0.5))
    with time_machine.travel(utc_now() + timedelta(hours=1)):
        await worker.start()
        await put(db, "effect", "lane", 7)
        async with asyncio.timeout(20):
            while await states(db) != [("ready", 1)]:
                await asyncio.sleep(0.01)
        await db.write(_hold, "other")
        await put(db, "step", "other", 8)
    async with asyncio.timeout(20):
        while not (kitchen.recorded and kitchen.steps):
            await asyncio.sleep(0.05)
    await worker.stop()
    assert (kitchen.recorded, kitchen.steps) == ([7], [("other", 8)])


async def test_what_was_put_to_run_a_while_later_does_not_wait_out_a_clock_that_is_set_back(db: Database) -> None:
    """A mailing's letters; what was promised for a moment of the calendar still waits for it."""
    kitchen = Kitchen()

    def put_both(session: Session) -> None:
        jobs.put(session, "step", {"n": 1}, lane="mail", after=timedelta(minutes=5))
        jobs.put(session, "step", {"n": 2}, lane="reminder", run_at=utc_now() + timedelta(minutes=5))

    worker = Worker(db, kitchen.handlers)
    await worker.start()
    await db.write(put_both)
    await asyncio.sleep(1)
    assert kitchen.steps == []
    await worker.stop()
    with time_machine.travel(utc_now() - timedelta(days=1)):
        worker = Worker(db, kitchen.handlers)
        await worker.start()
        async with asyncio.timeout(20):
            while not kitchen.steps:
                await asyncio.sleep(0.05)
        await asyncio.sleep(0.6)
        await worker.stop()
    assert kitchen.steps == [("mail", 1)]


def _hold(session: Session, lane: str) -> None:
    session.add(Lane(lane=lane, lease_until=now_ms() + 10_000, epoch=1))


async def test_a_lane_whose_worker_lives_stays_his_when_the_clock_is_set_back(db: Database) -> None:
    kitchen = Kitchen()
    kitchen.gate = asyncio.Event()
    worker = Worker(db, kitchen.handlers, lease=timedelta(seconds=0.5))
    with time_machine.travel(utc_now() + timedelta(hours=1)):
        await worker.start()
        await put(db, "effect", "lane", 7)
        async with asyncio.timeout(20):
            while not kitchen.calls:
                await asyncio.sleep(0.01)
    rival = Turns({}, 500)
    for _ in range(3):
        assert await db.write(rival._take, "lane", now_ms(), now_ms() + 500) is None
        await asyncio.sleep(0.5)
    kitchen.gate.set()
    async with asyncio.timeout(20):
        while not kitchen.recorded:
            await asyncio.sleep(0.01)
    await worker.stop()
    assert kitchen.recorded == [7]


async def test_what_a_call_has_brought_is_recorded_before_the_lane_goes_on_though_the_clock_jumps_ahead(
    db: Database,
) -> None:
    """The lease seems over by then, and only this process knows that it is not."""
    kitchen = Kitchen()
    worker = Worker(db, {**kitchen.handlers, "step": Step(kitchen.step, prompt=True)})
    ended, goes_on, real = asyncio.Event(), asyncio.Event(), worker._advance_once

    async def later(lane: str, outcome: Outcome | None) -> Taken | None:
        if outcome is not None:
            ended.set()
            await goes_on.wait()
        return await real(lane, outcome)

    vars(worker)["_advance_once"] = later
    await worker.start()
    await put(db, "effect", "lane", 7)
    await ended.wait()
    with time_machine.travel(utc_now() + timedelta(hours=1)):
        await db.write(worker.take_in, [New("step", {"n": 8}, lane="lane")])
        assert kitchen.steps == []
    goes_on.set()
    async with asyncio.timeout(20):
        while not kitchen.steps:
            await asyncio.sleep(0.01)
    await worker.stop()
    assert (kitchen.calls, kitchen.recorded, kitchen.steps) == ([("lane", 7)], [7], [("lane", 8)])
