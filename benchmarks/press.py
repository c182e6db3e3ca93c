"""From a button press to the reply on the phone: `python -m benchmarks.press`.

The hub runs in a process of its own, started as `prilavok run`; the buyers and Telegram run in this one. Each buyer
presses as soon as he sees the reply to his last press, which no crowd of people does: fifty of them show what happens
when the hub has more to do than it can. Where there are two processors, each process has one.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import platform
import random
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import aiohttp
import orjson
import sqlalchemy as sa

from tests.faults.hub import COMMAND, HubProcess, resident
from tests.faults.people import ADD, ALL, CART, CATALOG, IN_CART, Person
from tests.faults.place import Place, opened
from tests.faults.report import commit
from tests.ports import free_port

ROUNDS = 3

PATIENCE = 30.0
"""Seconds after which a reply counts as lost; the measurement fails then."""


@dataclass(frozen=True, slots=True)
class Load:
    """What one round of pressing cost."""

    seconds: list[float]
    wall: float
    cpu: float

    @property
    def per_second(self) -> float:
        return len(self.seconds) / self.wall


class Shopper(Person):
    """Presses through the catalogue to the cart, over and over."""

    async def stroll(self, times: int) -> list[float]:
        """So many rounds of six acts: catalogue, category, product, add, one more, cart. Gives each one's seconds."""
        seconds = []
        for _ in range(times):
            seconds.append(await self.timed(lambda: self.phone.say(CATALOG)))
            seconds.append(await self._press(lambda labels: self.dice.choice([x for x in labels if x != IN_CART])))
            seconds.append(await self._press(lambda labels: self.dice.choice([x for x in labels if x != ALL])))
            seconds.append(await self._press(lambda labels: ADD if ADD in labels else "+"))
            seconds.append(await self._press(lambda labels: "+"))
            seconds.append(await self._press(lambda labels: next(x for x in labels if x.startswith(CART))))
        return seconds

    async def _press(self, choose: Any) -> float:
        message = next(each for each in reversed(self.phone.from_bot) if each.buttons)
        label = choose(message.labels)
        return await self.timed(lambda: self.phone.press(label, message_id=message.id))

    async def timed(self, act: Any) -> float:
        """Do it; the seconds until the shop's next message, or change of one, is on the phone."""
        chat = self.phone.chat
        seen = asyncio.get_running_loop().create_future()
        began = 0.0

        def look() -> None:
            happened = chat.feed.happenings[-1]
            from_bot = happened.kind == "edited" or (
                happened.kind == "message" and chat.messages[happened.message_id]["from"]["is_bot"]
            )
            if from_bot and not seen.done():
                seen.set_result(time.perf_counter() - began)

        chat.watchers.append(look)
        try:
            began = time.perf_counter()
            act()
            async with asyncio.timeout(PATIENCE):
                return float(await seen)
        finally:
            chat.watchers.remove(look)


async def load(place: Place, hub: HubProcess, shoppers: Sequence[Shopper], times: int) -> Load:
    cpu, began = hub.cpu(), time.perf_counter()
    seconds = [one for many in await asyncio.gather(*(each.stroll(times) for each in shoppers)) for one in many]
    return Load(seconds, time.perf_counter() - began, hub.cpu() - cpu)


async def presses(database: str, *, buyers: int, times: int) -> dict[str, Any]:
    """Pressing by one buyer and then by all of them, in three rounds each; and the hub's start and memory."""
    async with opened(database, buyers=buyers, pieces=100_000) as place:
        hub = HubProcess(place, None)
        shoppers = [Shopper(phone, random.Random(n)) for n, phone in enumerate(place.phones)]
        try:
            starts = [await _start_up(hub, shoppers[0]) for _ in range(ROUNDS)]
            _apart(hub.pid)
            idle = hub.resident()
            await asyncio.gather(*(each.stroll(1) for each in shoppers))
            alone = [await load(place, hub, shoppers[:1], times * 4) for _ in range(ROUNDS)]
            crowd = [await load(place, hub, shoppers, times) for _ in range(ROUNDS)]
            after = hub.resident()
        except TimeoutError:
            sys.stderr.write(hub.log[-3000:])
            raise
        finally:
            await hub.kill()
    return {
        "database": sa.make_url(place.database).get_backend_name(),
        "first answer after start, s": _middle(starts, 2),
        "hub idle, MB": round(idle),
        "hub after the load, MB": round(after),
        "1 buyer": _told(alone),
        f"{buyers} buyers": _told(crowd),
    }


async def _start_up(hub: HubProcess, first: Shopper) -> float:
    """Seconds from the start of the process to the answer to what was written before it."""
    await hub.kill()
    first.phone.say(CATALOG)
    await asyncio.sleep(0.1)
    seen = len(first.phone.from_bot)
    began = time.perf_counter()
    await hub.start()
    await first.phone.wait_for(lambda phone: len(phone.from_bot) > seen, timeout=60)
    return time.perf_counter() - began


async def demo() -> dict[str, Any]:
    """The demo's first and second start, and its memory when nobody does anything."""
    with tempfile.TemporaryDirectory(prefix="prilavok-bench-") as folder:
        first = await _demo_start(Path(folder) / "demo")
        second = await _demo_start(Path(folder) / "demo")
    return {
        "first start, s": round(first[0], 1),
        "second start, s": round(second[0], 1),
        "idle after the first start, MB": round(first[1]),
        "idle after the second start, MB": round(second[1]),
    }


async def _demo_start(folder: Path) -> tuple[float, float]:
    port = free_port()
    began = time.perf_counter()
    command = [sys.executable, "-c", COMMAND, "demo", "--folder", str(folder), "--port", str(port)]
    process = await asyncio.to_thread(
        subprocess.Popen, command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True
    )
    try:
        async with asyncio.timeout(180), aiohttp.ClientSession() as http:
            while True:
                try:
                    async with http.get(f"http://127.0.0.1:{port}/ready") as answer:
                        if answer.status == 200:
                            break
                except aiohttp.ClientError:
                    pass
                await asyncio.sleep(0.05)
        seconds = time.perf_counter() - began
        await asyncio.sleep(5)
        return seconds, resident(process.pid)
    finally:
        process.terminate()
        await asyncio.to_thread(process.wait)


def _apart(pid: int) -> None:
    """A processor for the hub and another for everything else, where there are two."""
    processors = sorted(os.sched_getaffinity(0))
    if len(processors) > 1:
        for task in Path(f"/proc/{pid}/task").iterdir():
            os.sched_setaffinity(int(task.name), {processors[0]})
        os.sched_setaffinity(0, set(processors[1:]))


def _told(rounds: Sequence[Load]) -> dict[str, Any]:
    return {
        "presses a round": len(rounds[0].seconds),
        "p50, ms": _middle([1000 * statistics.median(each.seconds) for each in rounds]),
        "p99, ms": _middle([1000 * _quantile(each.seconds, 0.99) for each in rounds]),
        "presses/s": _middle([each.per_second for each in rounds]),
        "hub's processor per press, ms": _middle([1000 * each.cpu / len(each.seconds) for each in rounds], 2),
    }


def _quantile(values: Sequence[float], part: float) -> float:
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * part))]


def _middle(values: Sequence[float], digits: int = 1) -> str:
    """Median [least..most] of the rounds."""
    ordered = sorted(values)
    return f"{statistics.median(ordered):.{digits}f} [{ordered[0]:.{digits}f}..{ordered[-1]:.{digits}f}]"


def machine() -> dict[str, Any]:
    model = next(
        (line.split(":")[1].strip() for line in Path("/proc/cpuinfo").read_text().splitlines() if "model name" in line),
        platform.processor(),
    )
    return {
        "processor": f"{os.cpu_count()} x {model}",
        "load before": os.getloadavg()[0],
        "python": platform.python_version(),
        "sqlite": sqlite3.sqlite_version,
        "versions": {name: version(name) for name in ("aiogram", "aiohttp", "sqlalchemy")},
        "commit": commit(),
    }


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.press", description=__doc__)
    parser.add_argument("--buyers", type=int, default=50)
    parser.add_argument("--times", type=int, default=5, help="rounds of six presses of each buyer in the crowd")
    parser.add_argument("--database", default="", help="a PostgreSQL address; an SQLite file by default")
    parser.add_argument("--no-demo", action="store_true", help="leave out the demo's starts")
    told = parser.parse_args()
    results: dict[str, Any] = {"machine": machine()}
    if not told.no_demo:
        results["demo"] = asyncio.run(demo())
    results["presses"] = asyncio.run(presses(told.database, buyers=told.buyers, times=told.times))
    results["load after"] = os.getloadavg()[0]
    print(orjson.dumps(results, option=orjson.OPT_INDENT_2).decode())


if __name__ == "__main__":
    main()
