"""One run: people trade while something keeps going wrong; then everything comes to rest and is counted."""

from __future__ import annotations

import asyncio
import contextlib
import random
import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import aiohttp
import orjson
import sqlalchemy as sa

from company.tables import ChannelAccount
from inbox.tables import Delivery, Message
from kit.clock import now_ms
from storage.tables import Job
from tests.faults import weather
from tests.faults.desk import Desk
from tests.faults.homeward import Stuck, sent_home
from tests.faults.hub import HubProcess, Nursery
from tests.faults.invariants import broken, reckon
from tests.faults.owner import Owner
from tests.faults.people import NEVER, Buyer, Device
from tests.faults.place import PHONES, Place, opened
from tests.faults.report import Report
from tests.faults.visitor import Window
from tests.faults.weather import ROUGH, Weather

LATENCY = 0.03
"""Seconds that a messenger takes for a call: as in life, and room for a kill in the middle of one."""

LONGEST_LIFE = 3.0
"""Seconds that a hub serves at most before something happens to it."""

IN_START = 0.15
"""The share of kills that hit a hub while it starts."""

REST = 180.0
"""Seconds within which everything must come to rest after the last trouble."""

DOUBTS_LAST = 10.0
"""Seconds between two looks whether people wait for nothing but a message in doubt."""

LOOK = 1.0
"""Seconds between two looks at what must always hold."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What a run is made of."""

    name: str
    seed: int
    nursery: Nursery | None
    database: str = ""
    buyers: int = 3
    others: int = 1
    """Buyers at each messenger beside Telegram."""
    channels: Sequence[str] = PHONES
    """These messengers."""
    visitors: int = 1
    desk: bool = True
    weather: Weather = ROUGH
    proxied: bool = False
    root: Path | None = None
    latency: float = LATENCY
    golden: bool = False
    """One story by the shortest way: each order is paid, shipped, and its money given back."""
    sure: bool = True
    """Whether messengers that clear doubts up are held to it: not where the hub's clock is wrong."""
    patient: bool = False
    """Buyers wait half a minute before they do the same thing again."""


Disturb = Callable[["Trial"], Awaitable[None]]
"""Lets one thing go wrong, and waits until it is over and the hub serves again."""


async def trade(
    plan: Plan, disturb: Disturb | None, times: int, *, crash_at: Sequence[str] = (), begin: Disturb | None = None
) -> Report:
    """Trade while `disturb` happens so many times; then rest and count.

    With `crash_at` hub after hub dies by itself at these points of kit.crash, before anything else happens.
    """
    began = time.monotonic()
    async with opened(
        plan.database,
        buyers=plan.buyers,
        others=plan.others,
        channels=plan.channels,
        latency=plan.latency,
        weather=plan.weather,
        seed=plan.seed,
        proxied=plan.proxied,
        root=plan.root,
    ) as place:
        trial = Trial(place, plan)
        try:
            report = await trial.go(disturb, times, crash_at, begin)
        finally:
            await trial.end()
    report.seconds = time.monotonic() - began
    return report


async def run(
    *,
    kills: int,
    seed: int,
    nursery: Nursery | None,
    database: str = "",
    buyers: int = 3,
    others: int = 1,
    crash_at: Sequence[str] = (),
) -> Report:
    """Trade, kill, count."""
    plan = Plan("kills", seed, nursery, database, buyers, others)
    return await trade(plan, kill, kills, crash_at=crash_at)


async def kill(trial: Trial) -> None:
    """kill -9 at a random moment of serving; one in a few hits the next hub while it starts."""
    await trial.serve_a_while()
    died = time.monotonic()
    await trial.kill()
    while trial.dice.random() < IN_START:
        await trial.hub.start()
        await asyncio.sleep(trial.dice.uniform(0.0, 1.0 if trial.warm else 9.0))
        await trial.kill()
    await trial.revive(died)


class Trial:
    """A run in progress: what disturbances work with."""

    def __init__(self, place: Place, plan: Plan) -> None:
        self.place = place
        self.plan = plan
        self.hub = HubProcess(place, plan.nursery)
        self.dice = random.Random(plan.seed)
        self.warm, people = plan.nursery is not None, len(place.devices) + plan.visitors
        self.report = Report(plan.name, plan.seed, self.warm, people, "sqlite" if place.on_sqlite else "postgresql")
        self._window: set[int] = set()
        self.windows: list[Window] = []
        self.after_death: asyncio.Task[None] | None = None
        self.resting = False
        self.errors_before = 0
        self.excused: dict[str, int] = {}
        """What an experiment itself has made wrong, and how many of it."""
        self._tasks: list[asyncio.Task[None]] = []

    async def go(
        self, disturb: Disturb | None, times: int, crash_at: Sequence[str], begin: Disturb | None = None
    ) -> Report:
        """`begin` starts the first hub in a way of its own."""
        began = time.monotonic()
        async with self._people() as (trading, closing):
            if begin is not None:
                await begin(self)
            elif crash_at:
                for point in crash_at:
                    await self.hub.start(crash_at=point)
                    await self._die_by_itself(point)
                await self.revive(time.monotonic())
            else:
                await self.hub.start()
                await self.ready()
            for _ in range(times):
                assert disturb is not None
                await disturb(self)
            await trading()
            # Money that came late is told to the owner, and refunds are under way: his hands stay on the counter.
            await self._rest()
            await closing()
        await self._rest()
        self.resting = True
        if self.after_death is not None and self.after_death.done():
            await self.after_death
        with self.stuck_is_told():
            async with asyncio.timeout(REST):
                self.report.stop_seconds = await self.hub.stop()
        self._look()
        self._count()
        self.report.seconds = time.monotonic() - began
        return self.report

    async def end(self) -> None:
        """Leave no hub behind, however far it went: one that is being born would take its number with it."""
        self.resting = True
        await self.hub.kill()
        if self.after_death is not None:
            await asyncio.wait({self.after_death})
            await self.hub.kill()

    async def _die_by_itself(self, point: str) -> None:
        with self.stuck_is_told():
            async with asyncio.timeout(240):
                if point.startswith("stop."):
                    await self.ready()
                    await self.serve_a_while()
                    self.hub.ask_to_stop()
                await self.hub.gone()
        self.note_death()

    # What disturbances do

    async def serve_a_while(self, longest: float = LONGEST_LIFE) -> None:
        await asyncio.sleep(self.dice.uniform(0.02, longest))
        self.fail_early()

    async def ready(self) -> None:
        began = time.monotonic()
        await self.hub.ready()
        self.report.start_ups.append(time.monotonic() - began)

    async def kill(self) -> None:
        await self.hub.kill()
        self.note_death()

    def note_death(self) -> None:
        self.report.kills += 1
        self.note_window()

    def note_window(self, channel: str = "") -> None:
        """Remember what is being sent this moment, by this channel if one is named: nobody knows what becomes of it."""
        self._window |= self.sending(channel)

    def note_window_if_possible(self) -> None:
        """The same while the database may be away."""
        with contextlib.suppress(sa.exc.DBAPIError):
            self.note_window()

    def sending(self, channel: str = "") -> set[int]:
        """Messages that are marked as being sent."""
        accounts = sa.select(ChannelAccount.id).where(ChannelAccount.channel.startswith(channel))
        marked = sa.select(Message.id).where(Message.delivery == Delivery.SENDING, Message.account_id.in_(accounts))
        with self.place.session() as session:
            return set(session.scalars(marked))

    def cut_off(self) -> set[int]:
        """Those of them whose call is under way: the others had no answer, and wait for what is done then."""
        put_off = sa.select(Job.payload).where(
            Job.kind == "message.deliver", Job.state == "ready", Job.closed_at.is_not(None)
        )
        with self.place.session() as session:
            waiting = {orjson.loads(payload)["message_id"] for payload in session.scalars(put_off)}
        return self.sending() - waiting

    async def revive(self, died: float) -> None:
        """Start anew, and wait for the first sign of life that a person sees."""
        await self.hub.start()
        await self.ready()
        await self.sign_of_life(died)

    async def sign_of_life(self, since: float) -> None:
        before = self.place.answers()
        await self.until(lambda: self.place.answers() > before, within=90)
        self.report.recoveries.append(time.monotonic() - since)

    async def is_ready(self) -> bool:
        with contextlib.suppress(aiohttp.ClientError, TimeoutError):
            async with (
                aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(5)) as http,
                http.get(f"{self.place.address}/ready") as answer,
            ):
                return answer.status == 200
        return False

    def demand(self, holds: bool, otherwise: str) -> None:
        """What an experiment asks for besides the invariants."""
        if not holds:
            self.report.failures.append(otherwise)

    async def turns_red(self, *, within: float) -> bool:
        """Whether /ready says that the hub is not, in so many seconds."""
        until = time.monotonic() + within
        while await self.is_ready():
            if time.monotonic() > until:
                return False
            self.note_window()
            await asyncio.sleep(0.1)
        return True

    async def until(self, what: Callable[[], bool], *, within: float) -> None:
        """Raises Stuck, with what the people and the hub say, if it does not come true in time."""
        with self.stuck_is_told():
            async with asyncio.timeout(within):
                while not what():
                    self.fail_early()
                    await asyncio.sleep(0.02)

    def fail_early(self) -> None:
        """Raise what one of the people raised."""
        for task in self._tasks:
            if task.done() and not task.cancelled() and (failure := task.exception()):
                raise failure

    @contextlib.contextmanager
    def stuck_is_told(self) -> Iterator[None]:
        try:
            yield
        except TimeoutError:
            talks = [talk for messenger in self.place.messengers for talk in messenger.talks()]
            chats = [f"{talk.person}: " + " | ".join(each.text[:40] for each in talk.messages[-3:]) for talk in talks]
            raise Stuck("\n".join([*chats, *self._due(), self.hub.log[-4000:]])) from None

    # The people

    @contextlib.asynccontextmanager
    async def _people(self) -> AsyncIterator[tuple[Callable[[], Awaitable[None]], Callable[[], Awaitable[None]]]]:
        """They trade; gives what ends the buying, and what ends the selling."""
        stopping, closing = asyncio.Event(), asyncio.Event()
        seed, place = self.plan.seed, self.place
        async with (
            aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(10)) as http,
            aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(10), cookie_jar=aiohttp.DummyCookieJar()) as console,
        ):
            self.windows = [Window(place, http, random.Random(seed * 100 - n)) for n in range(self.plan.visitors)]
            devices: list[Device] = [*place.devices, *self.windows]
            buyers = [Buyer(place, device, random.Random(seed * 100 + n), http) for n, device in enumerate(devices)]
            owner = Owner(place.owners_phone, random.Random(seed))
            desk = Desk(place, console, random.Random(seed + 7), golden=self.plan.golden)
            if self.plan.golden:
                owner.whims = 0.0
                for buyer in buyers:
                    buyer.whims = 0.0
            if self.plan.patient:
                for buyer in buyers:
                    buyer.patience = 30.0
            buying = [asyncio.create_task(buyer.live(stopping)) for buyer in buyers]
            selling = [asyncio.create_task(owner.live(closing))]
            if self.plan.desk:
                selling.append(asyncio.create_task(desk.live(closing)))
            background = [asyncio.create_task(window.live()) for window in self.windows]
            background.append(asyncio.create_task(self._keep_looking()))
            self._tasks = [*buying, *selling, *background]

            async def trading() -> None:
                stopping.set()
                await self._until_home(buying, within=NEVER + REST)
                await self.until(lambda: all(window.idle for window in self.windows), within=60)
                if self.plan.golden:
                    await self.until(lambda: desk.deeds["golden stories told"] >= len(place.devices), within=120)

            async def ended() -> None:
                closing.set()
                await self._until_home(selling, within=REST)

            try:
                yield trading, ended
            finally:
                await sent_home(self._tasks)
                self._tasks = []
                self.report.gave_up += [words for buyer in buyers for words in buyer.gave_up]
                for deeds in (*(buyer.deeds for buyer in buyers), owner.deeds, desk.deeds):
                    self.report.deeds += deeds

    async def _until_home(self, people: Sequence[asyncio.Task[None]], *, within: float) -> None:
        """They end what they have begun. Whoever waits for a message in doubt waits no longer than the hub has anything
        to do: then the messenger's time to tell of it is over.

        Raises what anybody raised, also those behind a page, and Stuck for those who do not come home.
        """
        looked = 0.0

        def home() -> bool:
            nonlocal looked
            if all(task.done() for task in people):
                return True
            if time.monotonic() - looked > DOUBTS_LAST:
                looked = time.monotonic()
                with contextlib.suppress(sa.exc.DBAPIError):
                    if not self._busy():
                        self.place.doubts_end()
            return False

        await self.until(home, within=within)
        self.fail_early()

    async def _keep_looking(self) -> None:
        """See again and again whether what must always hold does."""
        while True:
            await asyncio.sleep(LOOK)
            with contextlib.suppress(sa.exc.DBAPIError):
                self._found(await asyncio.to_thread(broken, self.place))

    def _look(self) -> None:
        self._found(broken(self.place))

    def _found(self, wrong: dict[str, list[str]]) -> None:
        self.report.looks += 1
        self.report.broken += Counter(dict.fromkeys(wrong, 1))

    # The end

    async def _rest(self) -> None:
        """Wait until nothing is due any more; what a messenger tells of messages in doubt, it has told by then."""
        with self.stuck_is_told():
            async with asyncio.timeout(REST):
                await self.place.yookassa.settled()
        await self.until(lambda: not self._busy(), within=REST)
        while await asyncio.to_thread(self.place.doubts_end):
            await self.until(lambda: not self._busy(), within=REST)

    def _busy(self) -> bool:
        """Whether anything is to be done still; a database that is away has something to do."""
        return not self.place.told_all() or bool(self._due())

    def _due(self) -> list[str]:
        """Jobs that are due now or in a few seconds, and messages that wait for the messenger's leave."""
        with self.place.session() as session:
            soon = sa.or_(Job.run_at <= now_ms() + 5000, Job.kind == "message.deliver")
            due = session.scalars(sa.select(Job).where(Job.state == "ready", soon).limit(10))
            return [f"{job.kind} in {job.lane}, attempt {job.attempts}: {job.error}" for job in due]

    def _count(self) -> None:
        report = self.report
        report.reckoning = reckon(self.place, self._window, self.windows, sure=self.plan.sure)
        for name, number in self.excused.items():
            if len(report.reckoning.wrong.get(name, ())) == number:
                del report.reckoning.wrong[name]
        report.faults += weather.met(self.place.messengers, self.place.yookassa)
        for name, proxy in self.place.wires.items():
            report.faults += Counter({f"{name} {ill}": number for ill, number in proxy.met.items()})
        report.in_window = len(self._window)
        report.tracebacks = self.hub.log.count("Traceback (most recent call last)")
