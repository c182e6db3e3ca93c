"""One run: people trade while processes and the bell are killed, paused and begun again; then everything is counted."""

from __future__ import annotations

import asyncio
import contextlib
import random
import signal
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import aiohttp
import sqlalchemy as sa

from inbox.tables import Delivery, Message
from kit.clock import now_ms
from storage.tables import Job
from tests.faults.invariants import Reckoning, reckon
from tests.faults.owner import Owner
from tests.faults.people import Buyer
from tests.faults.place import Place, opened
from tests.faults.report import commit, spread
from tests.processes.balancer import Balancer
from tests.processes.fleet import DRAINS_WITHIN, Member, Nursery
from tests.processes.watcher import Watcher, newest, sign_in
from tests.storage import brokers

LATENCY = 0.03
"""Seconds that Telegram takes for a call."""

PAUSED = 16.0
"""Seconds of SIGSTOP: longer than a lease, so that the sleeper wakes up as one who has lost his lanes."""

REST = 180.0
"""Seconds within which everything must come to rest after the last trouble."""

FLEET: Mapping[str, int] = {"web": 2, "worker": 4, "poll": 2}

EMAIL = "ilya@clay.example"


@dataclass(slots=True)
class Report:
    """What a run found. `passed` is all that a build asks."""

    bell: str
    seed: int
    buyers: int
    fleet: Mapping[str, int]
    troubles: Counter[str]
    deeds: Counter[str]
    reckoning: Reckoning
    watchers: list[Watcher]
    recoveries: list[float]
    drains: list[float]
    ticks: int
    ticks_twice: int
    conflicts: int
    in_window: int
    unknown_by_rolling: int
    tracebacks: int
    memory: Mapping[str, float] = field(default_factory=dict)
    missed: int = 0
    events: int = 0
    seconds: float = 0.0

    @property
    def passed(self) -> bool:
        """A buyer who gives up waiting on a slow machine is no fault; one who never gets anywhere is."""
        return (
            not self.reckoning.wrong
            and self.deeds["rounds"] > self.deeds["rounds given up"]
            and not self.missed
            and not self.ticks_twice
            and not self.unknown_by_rolling
            and all(seconds <= DRAINS_WITHIN for seconds in self.drains)
        )

    def facts(self) -> dict[str, Any]:
        return {
            "passed": self.passed,
            "bell": self.bell,
            "fleet": dict(self.fleet),
            "buyers": self.buyers,
            "troubles": dict(sorted(self.troubles.items())),
            "counts": dict(sorted(self.reckoning.counts.items())),
            "deeds": dict(sorted(self.deeds.items())),
            "wrong": dict(self.reckoning.wrong),
            "sending when trouble came": self.in_window,
            "unknown after rolling restarts": self.unknown_by_rolling,
            "pages": [{"breaks": it.breaks, "resyncs": it.resyncs, "heard": len(it.heard)} for it in self.watchers],
            "events missed by pages": f"{self.missed}/{self.events}",
            "event_to_page_s": spread([delay for it in self.watchers for delay in it.delays_kept]),
            "ticks": self.ticks,
            "ticks run twice": self.ticks_twice,
            "polls refused as a second poller": self.conflicts,
            "tracebacks in the logs": self.tracebacks,
            "recovery_s": spread(self.recoveries),
            "sigterm_s": spread(self.drains),
            "private_mb": dict(self.memory),
            "seed": self.seed,
            "commit": commit(),
            "wall_s": round(self.seconds),
        }

    def words(self) -> str:
        """The same in one line."""
        counts, wrong = self.reckoning.counts, self.reckoning.wrong
        recovery, drain = spread(self.recoveries), spread(self.drains)
        lost, doubled = len(wrong.get("acknowledged, not stored", ())), len(wrong.get("doubled outside the window", ()))
        parts = (
            f"{'PASSED' if self.passed else 'FAILED'}: {self.bell} bell, {sum(self.troubles.values())} troubles "
            f"({', '.join(f'{kind} {times}' for kind, times in sorted(self.troubles.items()))})",
            f"updates {counts['updates']}, lost {lost}/{counts['acknowledged']}",
            f"messages {counts['messages sent']}, unknown {counts['unknown']}, of these by rolling restarts"
            f" {self.unknown_by_rolling}",
            f"doubled {counts['doubled inside the window']} inside the window,"
            f" {doubled}/{counts['messages arrived']} outside",
            f"orders {counts['orders']}, charged twice {len(wrong.get('charged twice', ()))}/{counts['paid']}",
            f"events missed by pages {self.missed}/{self.events}",
            f"ticks run twice {self.ticks_twice}/{self.ticks}",
            f"recovery p50 {recovery['p50']} s, max {recovery['max']} s; SIGTERM max {drain['max']} s",
            f"seed {self.seed}, {round(self.seconds)} s" + (f"; WRONG: {', '.join(wrong)}" if wrong else ""),
        )
        return "; ".join(parts)


async def run(
    *,
    bell: str,
    database: str,
    troubles: int,
    seed: int,
    nursery: Nursery,
    buyers: int = 4,
    fleet: Mapping[str, int] = FLEET,
    rolling: int = 1,
    pauses: bool = True,
) -> Report:
    """Trade, make trouble, restart everything in turn, count. `bell` is "notify", "redis", "nats" or "rabbitmq"."""
    began = time.monotonic()
    async with opened(database, buyers=buyers, others=1, latency=LATENCY) as place, _broker(bell) as broker:
        _tell(place, broker)
        trial = _Trial(place, broker, nursery, seed=seed, fleet=fleet)
        try:
            report = await trial.go(troubles=troubles, rolling=rolling, pauses=pauses, bell=bell)
        finally:
            await trial.end()
    report.seconds = time.monotonic() - began
    return report


@contextlib.asynccontextmanager
async def _broker(bell: str) -> AsyncIterator[brokers.Broker | None]:
    if bell == "notify":
        yield None
        return
    async with brokers.opened(bell) as broker:
        yield broker


def _tell(place: Place, broker: brokers.Broker | None) -> None:
    """The bell's address into the configuration, before its sections."""
    if broker is not None:
        told = place.configuration.read_text(encoding="utf-8")
        place.configuration.write_text(f'bell = "{broker.url}"\n{told}', encoding="utf-8")


class Stuck(Exception):
    """Everything runs, and nothing happens any more."""


class _Trial:
    def __init__(
        self,
        place: Place,
        broker: brokers.Broker | None,
        nursery: Nursery,
        *,
        seed: int,
        fleet: Mapping[str, int],
    ) -> None:
        self.place = place
        self._broker = broker
        self._seed, self._fleet = seed, fleet
        self._dice = random.Random(seed)
        self.members = [
            Member(role, n, place.configuration, nursery)
            for role, number in fleet.items()
            for n in range(1, number + 1)
        ]
        self._window: set[int] = set()
        self._troubles: Counter[str] = Counter()
        self._recoveries: list[float] = []
        self._drains: list[float] = []
        self._busy_people: list[asyncio.Task[None]] = []

    async def go(self, *, troubles: int, rolling: int, pauses: bool, bell: str) -> Report:
        webs = [member for member in self.members if member.role == "web"]
        token, since = sign_in(self.place, EMAIL), newest(self.place)
        watchers = [Watcher(self.place, token, since) for _ in range(2)]
        for member in self.members:
            member.start()
        stopping, closing = asyncio.Event(), asyncio.Event()
        async with (
            Balancer(self.place.port, webs),
            aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(10)) as http,
        ):
            await asyncio.gather(*(member.ready() for member in self.members))
            people = [
                Buyer(self.place, phone, random.Random(self._seed * 100 + n), http)
                for n, phone in enumerate(self.place.phones)
            ]
            owner = Owner(self.place.owners_phone, random.Random(self._seed))
            watching = [asyncio.create_task(watcher.watch()) for watcher in watchers]
            trading = [asyncio.create_task(person.live(stopping)) for person in people]
            selling = asyncio.create_task(owner.live(closing))
            self._busy_people = [*trading, selling]
            try:
                for _ in range(troubles):
                    await asyncio.sleep(self._dice.uniform(0.2, 2.0))
                    await self._trouble(pauses)
                await self._until(lambda: not self._lanes_held_by_the_dead(), within=60)
                unknown = self._unknown()
                for _ in range(rolling):
                    await self._roll()
                unknown = self._unknown() - unknown
                stopping.set()
                await asyncio.gather(*trading)
                closing.set()
                await selling
                await self._rest(watchers)
            finally:
                for task in (*watching, *self._busy_people):
                    task.cancel()
                await asyncio.gather(*watching, *self._busy_people, return_exceptions=True)
            memory = {member.name: round(member.resident()) for member in self.members}
            self._drains += await asyncio.gather(*(member.stop() for member in self.members))
        reckoning = reckon(self.place, self._window)
        ticks, twice = self._ticks()
        return Report(
            bell=bell,
            seed=self._seed,
            buyers=len(self.place.phones),
            fleet=self._fleet,
            troubles=self._troubles,
            deeds=sum((person.deeds for person in people), owner.deeds),
            reckoning=reckoning,
            watchers=watchers,
            recoveries=self._recoveries,
            drains=self._drains,
            ticks=ticks,
            ticks_twice=twice,
            conflicts=sum(member.log.count("terminated by other getUpdates") for member in self.members),
            in_window=len(self._window),
            unknown_by_rolling=unknown,
            tracebacks=sum(member.log.count("Traceback (most recent call last)") for member in self.members),
            memory=memory,
            missed=sum(len(watcher.missed()) for watcher in watchers),
            events=sum(len(watcher.heard) for watcher in watchers),
        )

    async def end(self) -> None:
        for member in self.members:
            await member.kill()

    # Troubles

    async def _trouble(self, pauses: bool) -> None:
        kinds = ["kill worker", "kill worker", "kill web", "kill poll", "stop worker"]
        kinds += ["pause worker", "pause poll"] if pauses else []
        kinds += ["bell"] if self._broker is not None else []
        kind = self._dice.choice(kinds)
        self._troubles[kind] += 1
        self._note_window()
        before, began = self.place.answers(), time.monotonic()
        if kind == "bell":
            await self._kill_bell()
        else:
            deed, role = kind.split()
            victim = self._dice.choice([member for member in self.members if member.role == role])
            await self._harm(victim, deed)
        await self._until(lambda: self.place.answers() > before, within=90)
        self._recoveries.append(time.monotonic() - began)

    async def _harm(self, victim: Member, deed: str) -> None:
        if deed == "kill":
            await victim.kill()
            self._note_window()
            victim.start()
            await victim.ready()
        elif deed == "stop":
            self._drains.append(await victim.stop())
            victim.start()
            await victim.ready()
        else:
            victim.signal(signal.SIGSTOP)
            self._note_window()
            await asyncio.sleep(PAUSED)
            victim.signal(signal.SIGCONT)
            await victim.ready()

    async def _kill_bell(self) -> None:
        assert self._broker is not None
        await self._broker.kill()
        await asyncio.sleep(self._dice.uniform(0.5, 4.0))
        states = await asyncio.gather(*(member.status("ready") for member in self.members))
        assert all(state == 200 for state in states), "a dead bell only slows things down"
        await self._broker.start()

    async def _roll(self) -> None:
        """Each process in turn: ended in good order, begun again, and only then the next."""
        for member in self.members:
            self._troubles["rolled"] += 1
            self._drains.append(await member.stop())
            member.start()
            await member.ready()

    # What is seen

    def _note_window(self) -> None:
        with self.place.session() as session:
            self._window |= set(session.scalars(sa.select(Message.id).where(Message.delivery == Delivery.SENDING)))

    def _unknown(self) -> int:
        with self.place.session() as session:
            query = sa.select(sa.func.count()).where(Message.delivery == Delivery.UNKNOWN)
            return session.scalar(query) or 0

    def _lanes_held_by_the_dead(self) -> bool:
        """Messages that are in the window and are still neither sent nor given up."""
        with self.place.session() as session:
            query = sa.select(Message.id).where(Message.id.in_(self._window), Message.delivery == Delivery.SENDING)
            return session.scalar(query.limit(1)) is not None

    def _ticks(self) -> tuple[int, int]:
        """How many ticks were put, and how many did not run exactly once."""
        with self.place.session() as session:
            rows = session.execute(sa.select(Job.state, Job.attempts).where(Job.kind.startswith("tick."))).all()
        return len(rows), sum((state, attempts) != ("done", 1) for state, attempts in rows)

    async def _rest(self, watchers: list[Watcher]) -> None:
        await self.place.yookassa.settled()
        await self._until(lambda: not self._busy(), within=REST)
        with contextlib.suppress(Stuck):
            await self._until(lambda: not any(watcher.missed() for watcher in watchers), within=20)
        for watcher in watchers:
            watcher.delays_kept = watcher.delays()

    async def _until(self, what: Callable[[], bool], *, within: float) -> None:
        try:
            async with asyncio.timeout(within):
                while not what():
                    for task in self._busy_people:
                        if task.done() and (failure := task.exception()):
                            raise failure
                    await asyncio.sleep(0.1)
        except TimeoutError:
            logs = [f"--- {member.name}\n{member.log[-1500:]}" for member in self.members]
            raise Stuck("\n".join(logs)) from None

    def _busy(self) -> bool:
        if not self.place.told_all():
            return True
        with self.place.session() as session:
            due = sa.select(Job.id).where(Job.state == "ready", Job.run_at <= now_ms() + 5000).limit(1)
            return session.scalar(due) is not None
