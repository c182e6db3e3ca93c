"""The bell over every broker: who hears what, and that a dead broker harms nobody."""

from __future__ import annotations

import asyncio
import gc
import logging
import time
from collections.abc import AsyncIterator, Callable, Sequence

import orjson
import pytest
import pytest_asyncio
import sqlalchemy as sa

from storage.bells import Bell, Broadcast, Silent, line_of
from storage.bells import bell as bells
from storage.database import Database
from storage.live import LiveBus
from storage.worker import Worker
from tests.storage.brokers import Broker, lacking, opened
from tests.storage.test_worker import Kitchen, put

# aiormq leaves a stream that the other end broke to the garbage collector.
pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")

BROKERS = [pytest.param("postgresql", marks=pytest.mark.postgres), "redis", "nats", "rabbitmq"]


@pytest_asyncio.fixture(params=BROKERS)
async def broker(request: pytest.FixtureRequest) -> AsyncIterator[Broker]:
    if missing := lacking(request.param):
        pytest.skip(missing)
    async with opened(request.param) as broker:
        yield broker
    gc.collect()


class Ear:
    """A process on the bell that writes down what it hears."""

    def __init__(self, broker: Broker, space: str = "here") -> None:
        self.lanes: list[str] = []
        self.events: list[int] = []
        self.answers: list[tuple[str, str, bool]] = []
        self.looks = 0
        self.bell = Broadcast(
            lambda: line_of(broker.url, sa.make_url("postgresql://")),
            space=space,
            lanes=self._ring,
            events=self._tell,
            answers=lambda *answer: self.answers.append(answer),
        )

    def _ring(self, lanes: Sequence[str] | None) -> None:
        self.looks += lanes is None
        self.lanes += lanes or ()

    def _tell(self, events: Sequence[int] | None) -> None:
        self.events += events or ()


async def until(what: Callable[[], bool], *, within: float = 30.0) -> None:
    async with asyncio.timeout(within):
        while not what():
            await asyncio.sleep(0.02)


@pytest_asyncio.fixture
async def ears(broker: Broker) -> AsyncIterator[list[Ear]]:
    """Three workers that know of one another."""
    ears = [Ear(broker) for _ in range(3)]
    for ear in ears:
        await ear.bell.start()
    for ear in ears:
        await ear.bell.connected(within=30)
    names = {ear.bell.name for ear in ears}
    await until(lambda: all(names <= ear.bell._living.keys() for ear in ears))
    yield ears
    for ear in ears:
        await ear.bell.stop()


async def test_each_lane_is_rung_at_one_worker_and_none_is_left_out(ears: list[Ear]) -> None:
    lanes = [f"in:1:{n}" for n in range(1500)]
    ears[0].bell.ring(lanes)
    await until(lambda: sum(len(ear.lanes) for ear in ears) >= 1500)
    heard = [lane for ear in ears for lane in ear.lanes]
    assert sorted(heard) == sorted(lanes)
    assert all(ear.lanes for ear in ears)


async def test_events_and_answers_are_heard_by_the_others(ears: list[Ear]) -> None:
    ears[0].bell.tell(range(1000, 3000))
    ears[0].bell.answer("chat:key", "Положили в корзину", False)
    await until(lambda: all(ear.answers and len(ear.events) >= 2000 for ear in ears[1:]))
    assert ears[1].events == ears[2].events == list(range(1000, 3000))
    assert ears[1].answers == [("chat:key", "Положили в корзину", False)]
    assert ears[0].events == []


async def test_another_installation_on_the_same_broker_is_not_heard(broker: Broker, ears: list[Ear]) -> None:
    foreign = Ear(broker, space="there")
    await foreign.bell.start()
    await foreign.bell.connected(within=30)
    foreign.bell.ring(["theirs"])
    ears[0].bell.ring(["ours"])
    await until(lambda: bool(foreign.lanes) and any(ear.lanes for ear in ears))
    await foreign.bell.stop()
    assert foreign.lanes == ["theirs"]
    assert [lane for ear in ears for lane in ear.lanes] == ["ours"]


async def test_a_worker_that_leaves_gets_no_more_rings(ears: list[Ear]) -> None:
    leaver = ears.pop()
    await leaver.bell.stop()
    await until(lambda: all(leaver.bell.name not in ear.bell._living for ear in ears))
    ears[0].bell.ring(f"in:1:{n}" for n in range(100))
    await until(lambda: sum(len(ear.lanes) for ear in ears) == 100)
    assert leaver.lanes == []


async def test_a_broker_that_dies_and_comes_back_is_found_again_and_complained_of_once(
    broker: Broker, ears: list[Ear], caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bells, "LONGEST_PAUSE", 0.5)
    caplog.set_level(logging.WARNING, "storage.bells")
    looks = [ear.looks for ear in ears]
    await broker.kill()
    await until(lambda: not any(ear.bell.works for ear in ears))
    for _ in range(200):
        began = time.monotonic()
        ears[0].bell.ring(f"in:1:{n}" for n in range(50))
        ears[0].bell.tell(range(50))
        # Whoever rings is the one who has just committed: he must not wait for anything.
        assert time.monotonic() - began < 1
        await asyncio.sleep(0)
    await until(lambda: caplog.text.count("the bell is dead") == 3)
    await asyncio.sleep(1)
    assert caplog.text.count("the bell is dead") == 3
    await broker.start()
    await until(lambda: all(ear.bell.works for ear in ears), within=60)
    assert all(ear.looks > before for ear, before in zip(ears, looks, strict=True)), "what was missed is looked for"
    names = {ear.bell.name for ear in ears}
    await until(lambda: all(names <= ear.bell._living.keys() for ear in ears))
    ears[1].bell.ring(["after"])
    await until(lambda: any("after" in ear.lanes for ear in ears))


@pytest.mark.parametrize("database_url", [pytest.param("postgres", marks=pytest.mark.postgres)], indirect=True)
async def test_work_put_by_one_process_is_done_by_another_long_before_its_sweep(
    broker: Broker, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("storage.lanes.SWEEP", 600.0)
    kitchen = Kitchen()
    db, elsewhere = Database(database_url), Database(database_url)
    quiet = Broadcast(lambda: line_of(broker.url, db.url), space="one")
    worker = Worker(db, kitchen.handlers)
    heard = Broadcast(lambda: line_of(broker.url, db.url), space="one", lanes=worker.heard)
    try:
        await worker.start()
        for each in (heard, quiet):
            await each.start()
            await each.connected(within=30)
        elsewhere.on_commit(lambda committed: quiet.ring(committed.rings))
        await put(elsewhere, "step", "lane", 7)
        await until(lambda: bool(kitchen.steps))
        assert kitchen.steps == [("lane", 7)]
    finally:
        for each in (quiet, heard):
            await each.stop()
        await worker.stop()
        await db.close()
        await elsewhere.close()


def test_too_much_to_say_is_dropped_and_not_hoarded() -> None:
    bell = Broadcast(lambda: line_of("redis://127.0.0.1:1", sa.make_url("postgresql://")), space="x")
    bell.ring(f"in:1:{n}" for n in range(100_000))
    bell.tell(range(100_000))
    for n in range(1000):
        bell.answer(f"{n}", "", False)
    words = list(bell._words())
    assert len(words) < 1000
    assert all(len(orjson.dumps(word)) < 8000 for _, word in words)


async def test_one_process_alone_needs_no_bell(db: Database) -> None:
    bell: Bell = Silent()
    assert bell.concerns("any")
    live = LiveBus(db)
    assert live.settled is None


class Fragile:
    """A line that breaks in the very moment in which its listener is called off."""

    async def open(self, topics: Sequence[str]) -> None:
        return

    async def say(self, topic: str, payload: bytes) -> None:
        return

    async def heard(self) -> AsyncIterator[tuple[str, bytes]]:
        try:
            await asyncio.sleep(3600)
            yield "", b""
        except asyncio.CancelledError:
            raise ConnectionError("the broker closed the connection") from None

    async def close(self) -> None:
        return


async def test_a_bell_whose_line_breaks_as_it_stops_does_stop() -> None:
    bell = Broadcast(Fragile, space="here", lanes=lambda lanes: None)
    await bell.start()
    await bell.connected()
    await asyncio.sleep(0)
    async with asyncio.timeout(5):
        await bell.stop()
