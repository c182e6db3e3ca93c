"""Reads, writes and the commit that many writes share."""

from __future__ import annotations

import asyncio
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import pytest
import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session
from sqlalchemy.util import await_only

from kit.clock import utc_now
from storage.committed import Committed
from storage.database import Database, TakenDatabase
from storage.events import Event, publish
from storage.tables import EventRow, Job, StoredFile
from storage.writers import SHORT_WRITERS

on_postgres = pytest.mark.parametrize(
    "database_url", [pytest.param("postgres", marks=pytest.mark.postgres)], indirect=True
)
"""SQLite has one writer, whose writes all share their transactions."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TeaMade(Event):
    kind: ClassVar[str] = "tea_made"

    cups: int


def keep(session: Session, name: str) -> int:
    row = StoredFile(sha256="0" * 64, size=1, mime="text/plain", name=name, token=name, created_at=utc_now())
    session.add(row)
    session.flush()
    return row.id


def names(session: Session) -> list[str]:
    return list(session.scalars(sa.select(StoredFile.name).order_by(StoredFile.name)))


async def test_a_write_is_seen_by_the_next_read(db: Database) -> None:
    await db.write(keep, "tea")
    assert await db.read(names) == ["tea"]


@pytest.mark.parametrize("how", ["write", "write_short"])
async def test_a_write_that_raises_changes_nothing_and_spares_its_neighbours(db: Database, how: str) -> None:
    write = getattr(db, how)

    def spoil(session: Session) -> None:
        keep(session, "broken cup")
        raise ValueError("it fell")

    results = await asyncio.gather(
        write(keep, "a"), write(spoil), write(keep, "b"), write(spoil), return_exceptions=True
    )
    assert [type(r) for r in results] == [int, ValueError, int, ValueError]
    assert await db.read(names) == ["a", "b"]


@pytest.mark.parametrize("how", ["write", "write_short"])
async def test_a_broken_constraint_is_told_to_its_own_caller_only(db: Database, how: str) -> None:
    write = getattr(db, how)
    results = await asyncio.gather(*(write(keep, n) for n in ("a", "same", "same", "b")), return_exceptions=True)
    assert sum(isinstance(r, DBAPIError) for r in results) == 1
    assert await db.read(names) == ["a", "b", "same"]


@on_postgres
async def test_short_writes_that_wait_at_once_share_a_transaction(db: Database) -> None:
    def number(session: Session, seconds: float = 0) -> int:
        session.execute(sa.select(sa.func.pg_sleep(seconds)))
        found: int = session.scalars(sa.select(sa.func.txid_current())).one()
        return found

    busy = [asyncio.create_task(db.write_short(number, 0.3)) for _ in range(SHORT_WRITERS)]
    await asyncio.sleep(0.1)
    rest = await asyncio.gather(*(db.write_short(number) for _ in range(20)))
    assert len(set(rest)) == SHORT_WRITERS
    assert not set(rest) & set(await asyncio.gather(*busy))


@on_postgres
async def test_a_row_that_another_holds_stops_only_those_who_want_it(db: Database) -> None:
    wanted = await db.write(keep, "wanted")

    def rename(session: Session, to: str) -> None:
        session.get_one(StoredFile, wanted).name = to

    held, let_go = asyncio.Event(), threading.Event()
    loop = asyncio.get_running_loop()

    def hold(session: Session) -> None:
        rename(session, "held")
        session.flush()
        loop.call_soon_threadsafe(held.set)
        assert let_go.wait(20)

    holder = asyncio.create_task(db.write(hold))
    await held.wait()
    waits = asyncio.create_task(db.write_short(rename, "after"))
    async with asyncio.timeout(10):
        await asyncio.gather(*(db.write_short(keep, f"other {n}") for n in range(5)))
    assert not waits.done()
    let_go.set()
    await asyncio.gather(holder, waits)
    assert await db.read(names) == ["after", *(f"other {n}" for n in range(5))]


@on_postgres
async def test_short_writes_whose_commit_is_in_doubt_are_not_done_again_by_the_database(
    db: Database,
) -> None:
    done = []

    def once(session: Session) -> None:
        done.append(keep(session, "tea"))
        # What fails in the commit itself.
        session.execute(sa.text("CREATE TEMP TABLE last (id int UNIQUE DEFERRABLE INITIALLY DEFERRED) ON COMMIT DROP"))
        session.execute(sa.text("INSERT INTO last VALUES (1), (1)"))

    with pytest.raises(DBAPIError):
        await db.write_short(once)
    assert len(done) == 1
    assert await db.read(names) == []


async def test_a_read_cannot_change_anything(db: Database) -> None:
    if db.is_sqlite:
        with pytest.raises(DBAPIError, match="readonly"):
            await db.read(keep, "smuggled")
    else:
        await db.read(keep, "smuggled")
    assert await db.read(names) == []


async def test_a_read_sees_one_moment_whatever_is_committed_meanwhile(db: Database) -> None:
    def read_twice(session: Session) -> tuple[list[str], list[str]]:
        before = names(session)
        await_only(db.write(keep, "milk"))
        return before, names(session)

    await db.write(keep, "tea")
    assert await db.read(read_twice) == (["tea"], ["tea"])
    assert await db.read(names) == ["milk", "tea"]


async def test_a_cancelled_caller_does_not_stop_its_write(db: Database) -> None:
    task = asyncio.create_task(db.write(keep, "tea"))
    await asyncio.sleep(0)
    await db.write(keep, "milk")
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    if db.is_sqlite:
        assert await db.read(names) == ["milk", "tea"]


async def test_listeners_hear_of_a_commit_and_of_nothing_that_was_rolled_back(db: Database) -> None:
    heard: list[Committed] = []
    db.on_commit(heard.append)

    def make(session: Session, cups: int) -> None:
        publish(session, TeaMade(shop_id=1, subject="pot:1", cups=cups))
        if cups > 10:
            raise ValueError("too much")

    await db.write(make, 2)
    with pytest.raises(ValueError, match="too much"):
        await db.write(make, 11)
    notes = [note for committed in heard for note in committed.notes]
    assert [(n.kind, n.payload) for n in notes] == [("tea_made", {"cups": 2})]
    assert {lane for committed in heard for lane in committed.rings} == {"drink:pot:1"}


async def test_an_event_and_its_subscribers_job_are_one_act(db: Database) -> None:
    def make(session: Session) -> None:
        publish(session, TeaMade(shop_id=7, subject="pot:1", actor="staff:3", cups=2))

    await db.write(make)

    def look(session: Session) -> tuple[EventRow, Job]:
        return session.scalars(sa.select(EventRow)).one(), session.scalars(sa.select(Job)).one()

    event, job = await db.read(look)
    assert (event.kind, event.shop_id, event.actor, event.payload) == ("tea_made", 7, "staff:3", {"cups": 2})
    assert (job.kind, job.lane, job.dedup_key) == ("drink", "drink:pot:1", f"drink:{event.id}")


async def test_sqlite_keeps_every_acknowledged_commit(tmp_path: Path) -> None:
    db = Database(f"sqlite:///{tmp_path}/promise.db")
    await db.start()

    def pragmas(session: Session) -> tuple[str, int, int]:
        ask = session.connection().exec_driver_sql
        return (
            ask("PRAGMA journal_mode").scalar_one(),
            ask("PRAGMA synchronous").scalar_one(),
            ask("PRAGMA foreign_keys").scalar_one(),
        )

    assert await db.write(pragmas) == ("wal", 2, 1)
    await db.close()


async def test_a_second_hub_on_one_sqlite_file_is_refused_until_the_first_is_gone(tmp_path: Path) -> None:
    first, second = (Database(f"sqlite:///{tmp_path}/shop.db") for _ in range(2))
    first.claim()
    with pytest.raises(TakenDatabase, match=r"shop\.db"):
        second.claim()
    await first.close()
    second.claim()
    await second.close()
