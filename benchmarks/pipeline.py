"""What a buyer writes, to the shop's answer at Telegram: `python -m benchmarks.pipeline`.

Updates come over a webhook on 40 connections, as Telegram's do; replies go to a Bot API in the process of the buyers.
What is measured has one processor, the buyers and Telegram the other. Closed loop: each of 32 chats says the next thing
when it sees the answer to the last one. Open loop: so many a second, whatever comes of it.

    floor      aiohttp, uvloop, orjson: the two HTTP hops, nothing stored
    aiogram    aiogram's webhook handler with one answer, nothing stored
    orm        aiogram with SQLAlchemy's asynchronous ORM in its handlers, on SQLite
    orm-pg     the same on PostgreSQL
    sqlite     `prilavok run` on SQLite, synchronous=FULL
    postgres   `prilavok run` on PostgreSQL
    workers-1  `prilavok web`, `poll` and so many `worker` on PostgreSQL: the processor's time is that of all, and
    workers-2  on a small machine they share the one processor, so what more of them cost is seen, not what they bring
    workers-4
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import dataclasses
import itertools
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp
import sqlalchemy as sa
import uvloop

from benchmarks import place, rounds
from benchmarks.buyers import SECRET, TOKEN, Chat, Counts, Street
from benchmarks.place import Template
from tests.faults.hub import COMMAND, resident
from tests.ports import free_port

STARTS_WITHIN = 90.0

RUN_UP = 1.0
"""Seconds of the same load before what counts."""

HUB_PATH = "/hooks/telegram/1"


@dataclass(frozen=True, slots=True)
class Started:
    """Processes under test, listening."""

    pids: Sequence[int]
    port: int
    path: str


@dataclass(slots=True)
class Phase:
    """One kind of load on one process."""

    seconds: Sequence[float]
    wall: float
    cpu: float

    def figures(self) -> dict[str, float]:
        n = len(self.seconds)
        return {
            "messages": n,
            "per second": n / self.wall,
            "p50 ms": 1000 * rounds.quantile(self.seconds, 0.5),
            "p99 ms": 1000 * rounds.quantile(self.seconds, 0.99),
            "cpu us": 1e6 * self.cpu / max(1, n),
        }


@dataclass(slots=True)
class Plan:
    """What to do to each process."""

    scenarios: Sequence[str]
    rates: Sequence[float]
    seconds: float
    chats: int
    server: str
    profile: str = ""
    templates: dict[str, Template] = field(default_factory=dict)


@contextlib.contextmanager
def running(command: Sequence[str], log: Path) -> Any:
    process = rounds.spawn(command, log)
    try:
        yield process
    finally:
        process.terminate()
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


# The variants: each starts its processes and gives where they listen


@contextlib.asynccontextmanager
async def bot(module: str, folder: Path, street: Street, url: str = "") -> AsyncIterator[Started]:
    port = free_port()
    command = [sys.executable, "-m", f"benchmarks.bots.{module}", "--port", str(port)]
    command += ["--api", f"http://127.0.0.1:{street.port}", "--token", TOKEN, "--secret", SECRET]
    command += ["--database", url] if url else []
    with running(command, folder / "log") as process:
        await _listens(port, process, folder / "log")
        yield Started([process.pid], port, "/hook")


@contextlib.asynccontextmanager
async def hub(plan: Plan, database: str, folder: Path, street: Street) -> AsyncIterator[Started]:
    with plan.templates[database].copied(folder) as url:
        async with hub_on(url, folder, street) as started:
            yield started


@contextlib.asynccontextmanager
async def hub_on(url: str, folder: Path, street: Street) -> AsyncIterator[Started]:
    """`prilavok run` on a database that is filled."""
    port = free_port()
    path = place.configuration(folder, url, api=f"http://127.0.0.1:{street.port}", port=port)
    command = [sys.executable, "-c", COMMAND, "run", "--config", str(path)]
    with running(command, folder / "log") as process:
        await _listens(port, process, folder / "log")
        await _hooked(street, folder / "log")
        yield Started([process.pid], port, HUB_PATH)


@contextlib.asynccontextmanager
async def fleet(plan: Plan, workers: int, folder: Path, street: Street) -> AsyncIterator[Started]:
    """One web process, one that keeps the webhook set, and so many workers on one PostgreSQL database."""
    port = free_port()
    with contextlib.ExitStack() as stack:
        url = stack.enter_context(plan.templates["postgres"].copied(folder))
        path = place.configuration(folder, url, api=f"http://127.0.0.1:{street.port}", port=port)
        pids = []
        for role in ("web", "poll", *["worker"] * workers):
            command = [sys.executable, "-c", COMMAND, role, "--config", str(path)]
            process = stack.enter_context(running(command, folder / "log"))
            pids.append(process.pid)
            if role == "web":
                await _listens(port, process, folder / "log")
        await _hooked(street, folder / "log")
        yield Started(pids, port, HUB_PATH)


Variant = Callable[[Plan, Path, Street], contextlib.AbstractAsyncContextManager[Started]]


@contextlib.asynccontextmanager
async def _orm_sqlite(plan: Plan, folder: Path, street: Street) -> AsyncIterator[Started]:
    async with bot("stored", folder, street, f"sqlite+aiosqlite:///{folder}/bot.db") as started:
        yield started


@contextlib.asynccontextmanager
async def _orm_postgres(plan: Plan, folder: Path, street: Street) -> AsyncIterator[Started]:
    with place.fresh(plan.server) as url:
        address = sa.make_url(url).set(drivername="postgresql+psycopg").render_as_string(hide_password=False)
        async with bot("stored", folder, street, address) as started:
            yield started


VARIANTS: Mapping[str, Variant] = {
    "floor": lambda plan, folder, street: bot("floor", folder, street),
    "aiogram": lambda plan, folder, street: bot("plain", folder, street),
    "orm": _orm_sqlite,
    "orm-pg": _orm_postgres,
    "sqlite": lambda plan, folder, street: hub(plan, "sqlite", folder, street),
    "postgres": lambda plan, folder, street: hub(plan, "postgres", folder, street),
    "workers-1": lambda plan, folder, street: fleet(plan, 1, folder, street),
    "workers-2": lambda plan, folder, street: fleet(plan, 2, folder, street),
    "workers-4": lambda plan, folder, street: fleet(plan, 4, folder, street),
}

ALWAYS = ("floor", "aiogram", "orm", "orm-pg", "sqlite", "postgres")
"""What is measured unless told otherwise."""


async def _listens(port: int, process: subprocess.Popen[bytes], log: Path) -> None:
    end = time.monotonic() + STARTS_WITHIN
    async with aiohttp.ClientSession() as http:
        while time.monotonic() < end and process.poll() is None:
            try:
                async with http.get(f"http://127.0.0.1:{port}/ready") as answer:
                    if answer.status in (200, 404):
                        return
            except aiohttp.ClientError:
                pass
            await asyncio.sleep(0.02)
    raise TimeoutError(f"it does not serve; its log ends with:\n{end_of(log)}")


async def _hooked(street: Street, log: Path) -> None:
    try:
        async with asyncio.timeout(STARTS_WITHIN):
            await street.hooked.wait()
    except TimeoutError:
        raise TimeoutError(f"no webhook was set; the log ends with:\n{end_of(log)}") from None


# The loads


async def closed(street: Street, act: Callable[[Chat], Any], seconds: float) -> float:
    """All chats, each acting when it was answered. Gives the seconds it took."""
    began = time.perf_counter()

    async def one(chat: Chat) -> None:
        while time.perf_counter() - began < seconds:
            await act(chat)

    await asyncio.gather(*(one(chat) for chat in street.chats))
    return time.perf_counter() - began


async def paced(street: Street, act: Callable[[Chat, float], None], rate: float, seconds: float) -> float:
    """`rate` acts a second, each by the next chat that waits for nothing; counted from when it was due."""
    began = time.perf_counter()
    turn = itertools.cycle(street.chats)
    for n in range(int(rate * seconds)):
        due = began + n / rate
        if (wait := due - time.perf_counter()) > 0:
            await asyncio.sleep(wait)
        while (
            chat := next((each for each in itertools.islice(turn, len(street.chats)) if not each.waits), None)
        ) is None:
            await asyncio.sleep(0.001)
        act(chat, due)
    return time.perf_counter() - began


async def load(plan: Plan, scenario: str, street: Street, pids: Sequence[int]) -> dict[str, dict[str, float]]:
    """Every load of one scenario."""
    if scenario == "text":
        await street.meet()
        act, begin = street.ask, street.say_next
    else:
        await street.enter()
        act, begin = street.look, street.press_other
    await closed(street, act, RUN_UP)
    phases = {}
    with _profiled(plan, scenario, pids[0]):
        phases["closed"] = await counted(street, pids, lambda: closed(street, act, plan.seconds))
    for rate in plan.rates:
        phases[f"{rate:g}/s"] = await counted(street, pids, lambda rate=rate: paced(street, begin, rate, plan.seconds))  # type: ignore[misc]
    return {name: phase.figures() for name, phase in phases.items()}


@contextlib.contextmanager
def _profiled(plan: Plan, scenario: str, pid: int) -> Iterator[None]:
    """py-spy looks on, if it was asked for, from the processor of the buyers."""
    if not plan.profile:
        yield
        return
    command = ["py-spy", "record", "--pid", str(pid), "--duration", str(int(plan.seconds)), "--rate", "100"]
    command += ["--threads", "--nonblocking", "--format", "raw", "--output", f"{plan.profile}-{scenario}.txt"]
    watching = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        yield
    finally:
        watching.wait()


async def counted(street: Street, pids: Sequence[int], run: Callable[[], Any]) -> Phase:
    await street.quiet()
    street.seconds.clear()
    before = rounds.cpu(pids)
    wall = await run()
    cpu = rounds.cpu(pids) - before
    await street.quiet()
    return Phase(list(street.seconds), wall, cpu)


async def measure(plan: Plan, name: str) -> dict[str, Any]:
    """One fresh process of one variant under every load."""
    found: dict[str, Any] = {}
    with tempfile.TemporaryDirectory(prefix="prilavok-bench-") as folder_name:
        folder = Path(folder_name)
        street = Street(plan.chats)
        await street.open()
        try:
            async with VARIANTS[name](plan, folder, street) as started:
                await street.connect(started.port, started.path)
                for scenario in plan.scenarios:
                    try:
                        found[scenario] = await load(plan, scenario, street, started.pids)
                    except TimeoutError:
                        raise TimeoutError(f"{name}: no answer; its log ends with:\n{end_of(folder / 'log')}") from None
                found["MB"] = sum(resident(pid) for pid in started.pids)
                found["counts"] = dataclasses.asdict(street.counts)
                if not street.counts.clean or (folder / "log").stat().st_size:
                    found["log"] = end_of(folder / "log")
        finally:
            await street.close()
    return found


def end_of(log: Path) -> str:
    return log.read_text(encoding="utf-8", errors="replace")[-3000:]


async def run(plan: Plan, names: Sequence[str], many: int) -> dict[str, list[dict[str, Any]]]:
    """Figures of each variant, one entry for each round."""
    figures: dict[str, list[dict[str, Any]]] = {name: [] for name in names}
    for n, name in rounds.order(names, many):
        rounds.progress(f"round {n + 1} of {many}: {name}")
        found = await measure(plan, name)
        found["load"] = os.getloadavg()[0]
        figures[name].append(found)
        for scenario in plan.scenarios:
            rounds.progress(f"  {scenario}  " + "  ".join(map(_short, *zip(*found[scenario].items(), strict=True))))
        if not Counts(**found["counts"]).clean:
            rounds.progress(f"  NOT CLEAN: {found['counts']}\n{found.get('log', '')}")
    return figures


def _short(load: str, found: Mapping[str, float]) -> str:
    latency = f"p50 {found['p50 ms']:.1f} p99 {found['p99 ms']:.1f}"
    return f"{load}: {found['per second']:.0f}/s {latency} cpu {found['cpu us']:.0f}"


def tables(plan: Plan, figures: Mapping[str, Sequence[Mapping[str, Any]]]) -> str:
    """What a person reads: a table for each scenario, and what went wrong."""
    parts = []
    base = "floor" if "floor" in figures else next(iter(figures))
    for scenario in plan.scenarios:
        loads = list(figures[base][0][scenario])
        head = ["", "messages/s", f"x {base}", "p50/p99 ms", "cpu us", f"x {base}"]
        head += [f"{name}: p50/p99 ms" for name in loads[1:]] + [f"p50, p99 x {base}" for _ in loads[1:]]
        rows = []
        for name in figures:

            def of(load: str, what: str, who: str = name) -> list[float]:
                return [each[scenario][load][what] for each in figures[who]]  # noqa: B023

            row = [
                name,
                rounds.middle(of("closed", "per second"), 0),
                rounds.ratio(of("closed", "per second"), of("closed", "per second", base)),
                f"{rounds.middle(of('closed', 'p50 ms'), 0)} / {rounds.middle(of('closed', 'p99 ms'), 0)}",
                rounds.middle(of("closed", "cpu us"), 0),
                rounds.ratio(of("closed", "cpu us"), of("closed", "cpu us", base)),
            ]
            row += [f"{rounds.middle(of(each, 'p50 ms'))} / {rounds.middle(of(each, 'p99 ms'))}" for each in loads[1:]]
            row += [
                f"{rounds.ratio(of(each, 'p50 ms'), of(each, 'p50 ms', base), 1)}, "
                f"{rounds.ratio(of(each, 'p99 ms'), of(each, 'p99 ms', base), 1)}"
                for each in loads[1:]
            ]
            rows.append(row)
        parts.append(f"{scenario}\n\n{rounds.table(head, rows)}")
    parts.append(_wrongs(figures))
    return "\n\n".join(parts)


def _wrongs(figures: Mapping[str, Sequence[Mapping[str, Any]]]) -> str:
    lines = []
    for name, found in figures.items():
        asked = sum(int(each["messages"]) for one in found for part in one.values() if isinstance(part, dict)
                    for each in part.values() if isinstance(each, dict))  # fmt: skip
        counts = {key: sum(one["counts"][key] for one in found) for key in found[0]["counts"]}
        told = ", ".join(f"{n} {key.replace('_', ' ')}" for key, n in counts.items())
        lines.append(f"{name}: {asked} answers measured; {told}; {rounds.middle([one['MB'] for one in found], 0)} MB")
    return "\n".join(lines)


@contextlib.contextmanager
def prepared(plan: Plan, names: Sequence[str]) -> Any:
    """The plan with a filled database to copy for each kind that the variants need."""
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="prilavok-bench-")))
        if "sqlite" in names:
            plan.templates["sqlite"] = stack.enter_context(place.template("", folder))
        if any(name == "postgres" or name.startswith("workers") for name in names):
            plan.templates["postgres"] = stack.enter_context(place.template(plan.server, folder))
        yield plan


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.pipeline", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--variants", default=",".join(ALWAYS), help="which, separated by commas")
    parser.add_argument("--scenarios", default="text,press")
    parser.add_argument("--rates", default="30,50", help="open loops, a second")
    parser.add_argument("--chats", type=int, default=32)
    parser.add_argument("--profile", default="", help="have py-spy write stacks to files whose names begin so")
    rounds.common(parser, rounds=3, seconds=6)
    told = parser.parse_args()
    names = [name for name in told.variants.split(",") if name]
    plan = Plan(
        scenarios=[each for each in told.scenarios.split(",") if each],
        rates=[float(each) for each in told.rates.split(",") if each],
        seconds=told.seconds,
        chats=told.chats,
        server=told.postgres,
        profile=told.profile,
    )
    facts = rounds.machine()
    rounds.alone()
    with prepared(plan, names):
        figures = uvloop.run(run(plan, names, told.rounds))
    print(rounds.told(facts))
    print(tables(plan, figures))
    rounds.progress(f"kept in {rounds.keep('pipeline', {'machine': facts, 'figures': figures})}")
    if not all(Counts(**each["counts"]).clean for many in figures.values() for each in many):
        sys.exit("something was lost, doubled or out of order")


if __name__ == "__main__":
    main()
