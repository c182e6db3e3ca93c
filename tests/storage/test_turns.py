"""Jobs that are worked in the transaction that puts them: order, doubles, and what a savepoint takes back."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import sqlalchemy as sa
from sqlalchemy.orm import Session

from kit.clock import now_ms
from storage import jobs
from storage.database import Database
from storage.jobs import Effect, Job, New, Step
from storage.tables import Job as JobRow
from storage.turns import Turns

LANE = "in:1:gleb"


class Counter:
    """Serves at once, and sends out what is to be carried."""

    def __init__(self) -> None:
        self.served: list[int] = []
        self.before: Callable[[Session, Job], None] = lambda session, job: None
        self.turns = Turns(
            {"serve": Step(self.serve, prompt=True), "carry": Effect(self.carry, self.out, self.home, prompt=True)},
            30_000,
        )

    def serve(self, session: Session, job: Job) -> None:
        self.before(session, job)
        self.served.append(job.payload["n"])

    def carry(self, session: Session, job: Job) -> Job:
        return job

    async def out(self, job: Job) -> None:
        raise AssertionError("no call is made inside a transaction")

    def home(self, session: Session, job: Job, memo: Job, result: None) -> None:
        raise AssertionError("nothing was carried")

    async def take(self, db: Database, *numbers: int, lane: str = LANE) -> list[tuple[str, int]]:
        """Take these in, in one transaction. Gives what was begun in it: kind and number."""
        begun: list[tuple[str, int]] = []

        def work(session: Session) -> None:
            self.turns.take_in(session, [new(n, lane) for n in numbers])
            begun.extend((each.job.kind, each.job.payload["n"]) for each in session.info.get("started", ()))

        await db.write(work)
        return begun


def new(n: int, lane: str = LANE) -> New:
    return New("serve", {"n": n}, lane=lane, dedup_key=f"update:{n}")


async def rows(db: Database) -> list[tuple[str, str, int]]:
    def look(session: Session) -> list[tuple[str, str, int]]:
        found = session.scalars(sa.select(JobRow).order_by(JobRow.id))
        return [(row.kind, row.state, row.attempts) for row in found]

    return await db.read(look)


async def test_what_comes_in_is_done_and_known_when_it_comes_again(db: Database) -> None:
    counter = Counter()
    await counter.take(db, 1, 2)
    await counter.take(db, 2, 3)
    assert counter.served == [1, 2, 3]
    assert await rows(db) == [("serve", "done", 1)] * 3


async def test_what_comes_in_waits_its_turn_behind_what_was_left_there(db: Database) -> None:
    counter = Counter()
    await db.write(jobs.put_all, [new(1)])
    await counter.take(db, 2, 3)
    assert counter.served == [1, 2, 3]


async def test_nothing_is_done_in_a_lane_that_somebody_else_holds(db: Database) -> None:
    counter, other = Counter(), Counter()
    await db.write(other.turns._take, LANE, 0, now_ms() + 30_000)
    await counter.take(db, 1)
    assert counter.served == []
    assert await rows(db) == [("serve", "ready", 0)]


async def test_a_call_that_is_put_on_the_way_is_begun_and_not_made(db: Database) -> None:
    counter = Counter()
    counter.before = lambda session, job: put_carry(session, job.payload["n"])
    assert await counter.take(db, 7) == [("carry", 7)]
    assert await rows(db) == [("serve", "done", 1), ("carry", "ready", 0)]


async def test_what_a_job_puts_behind_itself_is_done_once(db: Database) -> None:
    counter = Counter()

    def one_more(session: Session, job: Job) -> None:
        if job.payload["n"] == 1:
            jobs.put(session, "serve", {"n": 2}, lane=LANE)

    counter.before = one_more
    await db.write(jobs.put_all, [new(1)])
    await db.write(counter.turns.turn, LANE, None, careful=False)
    assert counter.served == [1, 2]


async def test_of_two_calls_in_one_lane_the_first_is_begun(db: Database) -> None:
    counter = Counter()

    def both(session: Session, job: Job) -> None:
        put_carry(session, 1)
        put_carry(session, 2)

    counter.before = both
    assert await counter.take(db, 7) == [("carry", 1)]


@pytest.mark.parametrize("undo", ["savepoint", "cancelled"])
async def test_a_call_that_was_taken_back_is_not_begun(db: Database, undo: str) -> None:
    counter = Counter()

    def put_and_undo(session: Session, job: Job) -> None:
        if undo == "cancelled":
            jobs.put(session, "carry", {"n": 1}, lane="out", dedup_key="parcel")
            assert jobs.cancel(session, "parcel")
            return
        savepoint = session.begin_nested()
        put_carry(session, 1)
        savepoint.rollback()

    counter.before = put_and_undo
    assert await counter.take(db, 7) == []
    assert counter.served == [7]


async def test_a_failure_takes_all_of_it_back(db: Database) -> None:
    counter = Counter()

    def spoil(session: Session, job: Job) -> None:
        if job.payload["n"] == 2:
            raise ValueError("it fell")

    counter.before = spoil
    with pytest.raises(ValueError, match="it fell"):
        await counter.take(db, 1, 2)
    assert await rows(db) == []


def put_carry(session: Session, n: int) -> None:
    jobs.put(session, "carry", {"n": n}, lane="out")
