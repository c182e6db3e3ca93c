"""One run: people trade while the hub is killed again and again; then everything comes to rest and is counted."""

from __future__ import annotations

import asyncio
import random
import statistics
import subprocess
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import aiohttp
import sqlalchemy as sa

from emulators.telegram.phones import shown
from inbox.tables import Delivery, Message
from kit.clock import now_ms
from storage.tables import Job
from tests.faults.hub import HubProcess, Nursery
from tests.faults.invariants import Reckoning, reckon
from tests.faults.people import Buyer, Owner
from tests.faults.place import FIRST_BUYER, OWNER, Place, opened

LATENCY = 0.03
"""Seconds that Telegram takes for a call: about what it takes in life, and room for a kill in the middle of one."""

LONGEST_LIFE = 3.0
"""Seconds that a hub serves at most before it is killed."""

IN_START = 0.15
"""The share of kills that hit a hub while it starts."""

REST = 120.0
"""Seconds within which everything must come to rest after the last kill."""


@dataclass(slots=True)
class Report:
    """What a run found. `passed` is all that a build asks."""

    seed: int
    kills: int
    warm: bool
    buyers: int
    database: str
    deeds: Counter[str]
    reckoning: Reckoning
    recoveries: list[float] = field(default_factory=list)
    start_ups: list[float] = field(default_factory=list)
    in_window: int = 0
    stop_seconds: float = 0.0
    tracebacks: int = 0
    seconds: float = 0.0

    @property
    def passed(self) -> bool:
        return not self.reckoning.wrong and not self.deeds["rounds given up"] and self.stop_seconds <= 20

    def facts(self) -> dict[str, Any]:
        counts = self.reckoning.counts
        return {
            "passed": self.passed,
            "kills": self.kills,
            "start": "warm" if self.warm else "cold",
            "buyers": self.buyers,
            "counts": dict(sorted(counts.items())),
            "deeds": dict(sorted(self.deeds.items())),
            "wrong": self.reckoning.wrong,
            "sending when killed": self.in_window,
            "tracebacks in the log": self.tracebacks,
            "recovery_s": spread(self.recoveries),
            "start_up_s": spread(self.start_ups),
            "sigterm_s": round(self.stop_seconds, 2),
            "seed": self.seed,
            "commit": commit(),
            "database": self.database,
            "wall_s": round(self.seconds),
        }

    def words(self) -> str:
        """The same in one line."""
        counts, wrong = self.reckoning.counts, self.reckoning.wrong
        recovery = spread(self.recoveries)
        return (
            f"{'PASSED' if self.passed else 'FAILED'}: {self.kills} kills on {self.database}; "
            f"updates {counts['updates']}, acknowledged {counts['acknowledged']}, "
            f"lost {len(wrong.get('acknowledged, not stored', ()))}/{counts['acknowledged']}; "
            f"messages sent {counts['messages sent']}, unknown {counts['unknown']}, "
            f"doubled {counts['doubled inside the window']} inside the window, "
            f"{len(wrong.get('doubled outside the window', ()))}/{counts['messages arrived']} outside; "
            f"orders {counts['orders']}, paid {counts['paid']}, "
            f"charged twice {len(wrong.get('charged twice', ()))}/{counts['paid']}; "
            f"recovery p50 {recovery['p50']} s, p95 {recovery['p95']} s, max {recovery['max']} s "
            f"({'warm' if self.warm else 'cold'} start); seed {self.seed}, {round(self.seconds)} s"
            + (f"; WRONG: {', '.join(wrong)}" if wrong else "")
        )


async def run(
    *,
    kills: int,
    seed: int,
    nursery: Nursery | None,
    database: str = "",
    buyers: int = 3,
    crash_at: str = "",
) -> Report:
    """Trade, kill, count. With `crash_at` the first hub dies by itself at that point, before any other kill."""
    began = time.monotonic()
    async with opened(database, buyers=buyers, latency=LATENCY) as place:
        trial = _Trial(place, nursery, kills=kills, seed=seed, buyers=buyers)
        try:
            report = await trial.go(crash_at)
        finally:
            await trial.hub.kill()
    report.seconds = time.monotonic() - began
    return report


class Stuck(Exception):
    """The hub runs, and nothing happens any more."""


class _Trial:
    def __init__(self, place: Place, nursery: Nursery | None, *, kills: int, seed: int, buyers: int) -> None:
        self.place = place
        self.hub = HubProcess(place, nursery)
        self._kills = kills
        self._seed = seed
        self._buyers = buyers
        self._warm = nursery is not None
        self._dice = random.Random(seed)
        self._window: set[int] = set()
        self._recoveries: list[float] = []
        self._start_ups: list[float] = []
        self._trading: list[asyncio.Task[None]] = []

    async def go(self, crash_at: str) -> Report:

        stopping, closing = asyncio.Event(), asyncio.Event()
        async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(10)) as http:
            people = [
                Buyer(self.place, FIRST_BUYER + n, random.Random(self._seed * 100 + n), http)
                for n in range(self._buyers)
            ]
            owner = Owner(self.place.telegram.phone(OWNER.id), random.Random(self._seed))
            await self.hub.start(crash_at=crash_at)
            self._trading = [asyncio.create_task(person.live(stopping)) for person in people]
            selling = asyncio.create_task(owner.live(closing))
            if crash_at:
                async with asyncio.timeout(60):
                    await self.hub.gone()
                await self._after_death(time.monotonic())
            else:
                await self.hub.ready()
            for _ in range(self._kills):
                await self._kill()
            stopping.set()
            await asyncio.gather(*self._trading)
            closing.set()
            await selling
        await self._rest()
        stopped = await self.hub.stop()
        return Report(
            seed=self._seed,
            kills=self._kills + bool(crash_at),
            warm=self._warm,
            buyers=self._buyers,
            database=sa.make_url(self.place.database).get_backend_name(),
            deeds=sum((person.deeds for person in (*people, owner)), Counter[str]()),
            reckoning=reckon(self.place, self._window),
            recoveries=self._recoveries,
            start_ups=self._start_ups,
            in_window=len(self._window),
            stop_seconds=stopped,
            tracebacks=self.hub.log.count("Traceback (most recent call last)"),
        )

    async def _kill(self) -> None:
        await asyncio.sleep(self._dice.uniform(0.02, LONGEST_LIFE))
        died = time.monotonic()
        await self.hub.kill()
        while self._dice.random() < IN_START:
            await self.hub.start()
            await asyncio.sleep(self._dice.uniform(0.0, 1.0 if self._warm else 9.0))
            await self.hub.kill()
        await self._after_death(died)

    async def _after_death(self, died: float) -> None:
        """Note what was under way, start anew, and wait for the first sign of life that a person sees."""
        with self.place.session() as session:
            self._window |= set(session.scalars(sa.select(Message.id).where(Message.delivery == Delivery.SENDING)))
        before = self._answers()
        started = time.monotonic()
        await self.hub.start()
        await self.hub.ready()
        self._start_ups.append(time.monotonic() - started)
        await self._until(lambda: self._answers() > before, within=60)
        self._recoveries.append(time.monotonic() - died)

    def _answers(self) -> int:
        """How many calls that a person notices Telegram has had."""
        counters = self.place.telegram.counters
        return sum(number for name, number in counters.items() if name.startswith(("calls_send", "calls_edit")))

    async def _rest(self) -> None:
        """Wait until nothing is due any more."""
        await self.place.yookassa.settled()
        await self._until(lambda: not self._busy(), within=REST)

    async def _until(self, what: Callable[[], bool], *, within: float) -> None:
        """Raises Stuck, with what the people and the hub say, if it does not come true in time."""
        try:
            async with asyncio.timeout(within):
                while not what():
                    for task in self._trading:
                        if task.done() and (failure := task.exception()):
                            raise failure
                    await asyncio.sleep(0.02)
        except TimeoutError:
            chats = [
                f"{chat.person.name}: " + " | ".join(shown(each).text[:40] for each in [*chat.messages.values()][-3:])
                for chat in self.place.telegram.cloud.world.chats.values()
            ]
            raise Stuck("\n".join([*chats, self.hub.log[-4000:]])) from None

    def _busy(self) -> bool:
        if any(account.queue.pending for account in self.place.telegram.cloud.accounts.values()):
            return True
        with self.place.session() as session:
            due = sa.select(Job.id).where(Job.state == "ready", Job.run_at <= now_ms() + 5000).limit(1)
            return session.scalar(due) is not None


def spread(seconds: list[float]) -> dict[str, float]:
    """p50, p95 and the longest, in seconds."""
    if not seconds:
        return {"p50": 0.0, "p95": 0.0, "max": 0.0}
    ordered = sorted(seconds)
    return {
        "p50": round(statistics.median(ordered), 2),
        "p95": round(ordered[min(len(ordered) - 1, int(len(ordered) * 0.95))], 2),
        "max": round(ordered[-1], 2),
    }


def commit() -> str:
    """The commit that was tried; "" where there is no repository."""
    found = subprocess.run(["git", "describe", "--always", "--dirty"], capture_output=True, text=True, check=False)
    return found.stdout.strip()
