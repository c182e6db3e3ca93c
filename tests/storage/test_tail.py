"""The end of the event log, written by transactions that commit in another order than their numbers say."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from typing import ClassVar

import pytest
import pytest_asyncio
import sqlalchemy as sa
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy.orm import Session

from storage import tail
from storage.database import Database
from storage.events import Event, Note, publish
from storage.live import LiveBus, Subscription
from storage.tail import MOST_MISSING, Numbers
from tests.conftest import open_engine

on_postgres = pytest.mark.parametrize(
    "database_url", [pytest.param("postgres", marks=pytest.mark.postgres)], indirect=True
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Poured(Event):
    kind: ClassVar[str] = "poured"


@given(st.permutations(range(1, 30)))
def test_each_number_is_seen_once_and_the_settled_ones_have_no_hole(order: list[int]) -> None:
    numbers = Numbers()
    seen: set[int] = set()
    for number in order:
        assert numbers.see(number, 0.0)
        assert not numbers.see(number, 0.0)
        seen.add(number)
        assert set(range(1, numbers.settled + 1)) <= seen
        assert numbers.settled + 1 not in seen
        assert set(numbers.missing) == set(range(1, max(seen))) - seen
    assert numbers.settled == 29


def test_a_number_is_given_up_only_when_no_transaction_can_bring_it_any_more() -> None:
    numbers = Numbers()
    numbers.see(2, now=0.0)
    numbers.bury(now=1.0, oldest_running=100, next_one=100)
    assert numbers.missing == [1], "its transaction may not be seen to run yet"
    numbers.bury(now=tail.GRACE, oldest_running=90, next_one=105)
    numbers.bury(now=tail.GRACE + 9999, oldest_running=104, next_one=2000)
    assert numbers.missing == [1], "104 still runs"
    assert numbers.settled == 0
    numbers.bury(now=tail.GRACE + 9999, oldest_running=105, next_one=2000)
    assert numbers.missing == []
    assert numbers.settled == 2


def test_a_hole_too_wide_to_be_true_is_stepped_over() -> None:
    numbers = Numbers()
    numbers.see(1, 0.0)
    numbers.see(10**9, 0.0)
    assert len(numbers.missing) < MOST_MISSING


class Reader:
    """A console of one process, and the process's bus."""

    def __init__(self, url: str) -> None:
        self.db = Database(url)
        self.bus = LiveBus(self.db)
        self.heard: list[int] = []

    async def open(self) -> None:
        await self.bus.start()
        self._following = asyncio.create_task(self._follow())
        await asyncio.sleep(0)

    async def _follow(self) -> None:
        with self.bus.subscribe(lambda note: True) as subscription:
            while not self.bus.closing:
                self.heard += [note.event_id for note in await subscription.get() or ()]

    async def hears(self, *events: int) -> None:
        async with asyncio.timeout(20):
            while not set(events) <= set(self.heard):
                await asyncio.sleep(0.02)

    async def close(self) -> None:
        await self.bus.stop()
        await self._following
        await self.db.close()


@pytest_asyncio.fixture
async def reader(database_url: str) -> AsyncIterator[Reader]:
    reader = Reader(database_url)
    await reader.open()
    yield reader
    await reader.close()


@pytest.fixture
def elsewhere(database_url: str) -> Iterator[sa.Engine]:
    """Another process's way to the database."""
    engine = open_engine(database_url)
    yield engine
    engine.dispose()


def pour(session: Session) -> int:
    publish(session, Poured(shop_id=1, subject="cup:1"))
    event_id: int = session.info["notes"][-1].event_id
    return event_id


@on_postgres
async def test_what_another_process_commits_is_heard_without_any_bell(reader: Reader, elsewhere: sa.Engine) -> None:
    with Session(elsewhere) as session:
        event = pour(session)
        session.commit()
    await reader.hears(event)
    assert reader.heard == [event]
    assert reader.bus.settled == event


@on_postgres
async def test_a_transaction_that_commits_late_is_heard_and_nothing_twice(
    reader: Reader, elsewhere: sa.Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tail, "GRACE", 0.0)
    with Session(elsewhere) as slow, Session(elsewhere) as quick, Session(elsewhere) as vain:
        late, dropped = pour(slow), pour(vain)
        vain.rollback()
        prompt = [pour(quick) for _ in range(3)]
        quick.commit()
        await reader.hears(*prompt)
        # Several looks pass, and the number whose transaction was rolled back is held as long as the slow one runs.
        await asyncio.sleep(3 * tail.CATCH_UP)
        settled = reader.bus.settled
        assert settled is not None
        assert settled < late
        slow.commit()
    await reader.hears(late)
    assert sorted(reader.heard) == sorted([late, *prompt])
    async with asyncio.timeout(20):
        while reader.bus.settled != max(prompt):
            await asyncio.sleep(0.05)
    assert dropped not in reader.heard


@on_postgres
async def test_what_this_process_commits_is_heard_at_once_and_once(reader: Reader) -> None:
    events = [await reader.db.write(pour) for _ in range(5)]
    await reader.hears(*events)
    await asyncio.sleep(2 * tail.CATCH_UP)
    assert reader.heard == events


@on_postgres
async def test_a_bus_that_opens_beside_a_running_transaction_still_hears_it(
    database_url: str, elsewhere: sa.Engine
) -> None:
    with Session(elsewhere) as slow, Session(elsewhere) as quick:
        late = pour(slow)
        old = pour(quick)
        quick.commit()
        reader = Reader(database_url)
        await reader.open()
        slow.commit()
        await reader.hears(late)
        assert old not in reader.heard, "it was there before the bus"
        await reader.close()


@on_postgres
async def test_a_reader_that_goes_on_from_its_position_in_another_process_misses_nothing(
    reader: Reader, database_url: str, elsewhere: sa.Engine
) -> None:
    """Transactions of random length; the reader's line breaks at random moments."""
    dice = random.Random(5)
    poured: list[int] = []

    def shop(number: int) -> None:
        rng = random.Random(number)
        for _ in range(25):
            with Session(elsewhere) as session:
                event = pour(session)
                session.execute(sa.text("SELECT pg_sleep(:s)"), {"s": rng.choice([0, 0, 0.01, 0.2])})
                session.commit()
                poured.append(event)

    other = Reader(database_url)
    await other.open()
    heard: set[int] = set()
    position = 0
    shops = asyncio.gather(*(asyncio.to_thread(shop, n) for n in range(4)))
    breaks = 0
    while not shops.done() or not set(poured) <= heard:
        bus = dice.choice([reader, other]).bus
        with bus.subscribe(lambda note: True) as subscription:
            settled = subscription.position
            assert settled is not None
            heard |= set(await reader.db.read(since, position))
            position = max(position, settled)
            position = max(position, await follow(subscription, heard, dice.uniform(0.05, 0.4)))
            breaks += 1
        assert breaks < 500
    await shops
    await other.close()
    assert set(await reader.db.read(since, 0)) == heard == set(poured)
    assert breaks > 3


def since(session: Session, position: int) -> list[int]:
    return list(session.scalars(sa.text("SELECT id FROM event WHERE id > :position"), {"position": position}))


async def follow(subscription: Subscription, heard: set[int], seconds: float) -> int:
    """Listen for a while; each time the line may break before what was heard last is acknowledged."""
    position = 0
    try:
        async with asyncio.timeout(seconds):
            while True:
                notes: list[Note] = await subscription.get() or []
                heard |= {note.event_id for note in notes}
                position = subscription.position or 0
    except TimeoutError:
        return position
