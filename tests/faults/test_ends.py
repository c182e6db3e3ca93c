"""A run of the fault programme ends, whatever its people wait for: none of these waits is without an end."""

from __future__ import annotations

import asyncio
import contextlib
import random
import time
from collections.abc import Callable, Sequence
from typing import Any, cast

import aiohttp
import pytest

from emulators.telegram.phones import Shown
from tests.faults import people
from tests.faults.homeward import Stuck, sent_home
from tests.faults.people import Buyer
from tests.faults.place import Place
from tests.faults.run import Trial
from tests.faults.visitor import Said, Window


class Wall:
    """A device on which nothing ever happens. `deaf`: who waits before it takes a call to stop for the end of that."""

    from_bot: Sequence[Shown] = ()
    last: Shown | None = None
    keys: Sequence[str] = ()

    def __init__(self, *, deaf: bool = False) -> None:
        self.started = 0
        self._deaf = deaf

    def start(self) -> object:
        self.started += 1
        return None

    def say(self, text: str) -> object:
        return None

    tap = send_photo = say

    def press(self, label: str, *, message_id: int) -> Any:
        raise AssertionError("nothing stands there")

    async def wait_for(self, seen: Callable[[Any], Any], *, timeout: float) -> Any:  # noqa: ASYNC109
        try:
            await asyncio.sleep(timeout)
        except asyncio.CancelledError:
            if not self._deaf:
                raise
        raise TimeoutError


class Street:
    """Where nobody listens."""

    address = "http://127.0.0.1:9"

    def is_connected(self, device: object) -> bool:
        return False

    def messenger_of(self, device: object) -> None:
        return None


def buyer(device: Any) -> Buyer:
    somebody = Buyer(cast(Place, Street()), device, random.Random(1), cast(aiohttp.ClientSession, None))
    somebody.patience = 0.2
    somebody.whims = 0.0
    return somebody


@pytest.mark.parametrize("deaf", [False, True])
async def test_a_round_that_goes_nowhere_is_given_up_also_if_its_end_was_missed(
    monkeypatch: pytest.MonkeyPatch, deaf: bool
) -> None:
    monkeypatch.setattr(people, "NEVER", 0.5)
    somebody = buyer(Wall(deaf=deaf))
    async with asyncio.timeout(5):
        await somebody.round()
    assert somebody.deeds["rounds given up"] == 1


async def test_who_was_never_connected_goes_home_when_the_shop_closes() -> None:
    wall, stopping = Wall(), asyncio.Event()
    stopping.set()
    async with asyncio.timeout(5):
        await buyer(wall).live(stopping)
    assert wall.started == 0


async def test_whoever_waits_for_a_page_that_is_gone_gives_the_round_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(people, "NEVER", 0.5)
    window = Window(cast(Place, Street()), cast(aiohttp.ClientSession, None), random.Random(1))
    window.said.append(Said("message", "key", {}))
    somebody = buyer(window)
    async with asyncio.timeout(5):
        await somebody.round()
    assert somebody.deeds["rounds given up"] == 1


def trial_of(*tasks: asyncio.Task[None]) -> Trial:
    """As far as it waits for its people."""
    trial = Trial.__new__(Trial)
    trial._tasks = [*tasks]
    trial._busy = lambda: False  # type: ignore[method-assign]
    return trial


class Doubtful:
    """Where somebody waits for a message in doubt."""

    def __init__(self) -> None:
        self.over = asyncio.Event()
        self.messengers: Sequence[object] = ()

    def doubts_end(self) -> int:
        self.over.set()
        return 1


async def test_nobody_waits_ten_minutes_for_a_message_in_doubt() -> None:
    place = Doubtful()

    async def waits() -> None:
        await place.over.wait()

    buying = asyncio.create_task(waits())
    trial = trial_of(buying)
    trial.place = cast(Place, place)
    await trial._until_home([buying], within=5)
    assert buying.done()


async def test_what_breaks_behind_somebodys_back_ends_the_waiting_for_him() -> None:
    async def breaks() -> None:
        await asyncio.sleep(0.1)
        raise AssertionError("message: 410")

    waiting, page = asyncio.create_task(asyncio.Event().wait()), asyncio.create_task(breaks())
    trial = trial_of(cast("asyncio.Task[None]", waiting), page)
    trial.place = cast(Place, Doubtful())
    with pytest.raises(AssertionError, match="410"):
        await trial._until_home([cast("asyncio.Task[None]", waiting)], within=5)
    await sent_home([cast("asyncio.Task[None]", waiting)])


async def test_who_misses_the_call_to_go_home_is_called_again() -> None:
    calls = 0

    async def deaf() -> None:
        nonlocal calls
        while calls < 2:
            with contextlib.suppress(asyncio.CancelledError):
                await asyncio.sleep(3600)
            calls += 1

    task = asyncio.create_task(deaf())
    await asyncio.sleep(0)
    began = time.monotonic()
    await sent_home([task])
    assert (task.done(), calls) == (True, 2)
    assert time.monotonic() - began < 5


async def test_who_never_goes_is_told_of(monkeypatch: pytest.MonkeyPatch) -> None:
    let_go = False

    async def stays() -> None:
        while not let_go:
            with contextlib.suppress(asyncio.CancelledError):
                await asyncio.sleep(3600)

    monkeypatch.setattr(asyncio, "wait", _at_once)
    task = asyncio.create_task(stays())
    await asyncio.sleep(0)
    with pytest.raises(Stuck, match="cannot be called off"):
        await sent_home([task])
    let_go = True
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def _at_once(tasks: Sequence[asyncio.Task[None]], *, timeout: float) -> None:  # noqa: ASYNC109
    for _ in range(3):
        await asyncio.sleep(0)
