"""Memory at rest and per chat, starting, and what imports cost: `python -m benchmarks.memory`.

    bare        aiohttp, uvloop and orjson: the floor of the pipeline
    nothing     `prilavok run` with no channel at all
    webchat     with a web chat
    telegram    with a Telegram bot
    with talk   the same after 1,000 buyers and after 2,000 wrote twice each: what a thousand active chats take

All on SQLite. Memory is the resident set, a while after the start. Starting is from the start of the process until it
is ready, and until the first answer to a buyer who writes at once (to a buyer in Telegram, where there is one).
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import os
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import aiohttp
import uvloop

from benchmarks import pipeline, place, rounds
from benchmarks.buyers import SAID, SECRET, TOKEN, Street
from benchmarks.place import Template
from tests.faults.hub import COMMAND, resident
from tests.ports import free_port

AT_REST = 5.0
"""Seconds from ready until memory is looked at."""

THOUSAND = 1000

TELEGRAM = "telegram"

CHANNELS: Mapping[str, str] = {
    "nothing": "",
    "webchat": '[[webchat]]\nsite = "benchmark-site"\norigins = []\n',
    TELEGRAM: place.TELEGRAM,
}

IMPORTS: Mapping[str, str] = {
    "prilavok run without Telegram": "import prilavok.cli, prilavok.installation, prilavok.hub",
    "bot.channels.telegram on top": "import prilavok.hub; import bot.channels.telegram",
    "aiogram": "import aiogram",
    "aiohttp.web": "import aiohttp.web",
}


async def starting(name: str, template: Template | None) -> dict[str, float]:
    """One process: seconds to ready and to the first answer, megabytes at rest."""
    with tempfile.TemporaryDirectory(prefix="prilavok-bench-") as folder_name, contextlib.ExitStack() as stack:
        folder, street, port = Path(folder_name), Street(1), free_port()
        await street.open()
        if template is None:
            command = [sys.executable, "-m", "benchmarks.bots.floor", "--port", str(port)]
            command += ["--api", f"http://127.0.0.1:{street.port}", "--token", TOKEN, "--secret", SECRET]
            path = "/hook"
        else:
            url = stack.enter_context(template.copied(folder))
            told = place.configuration(
                folder, url, api=f"http://127.0.0.1:{street.port}", port=port, channels=CHANNELS[name]
            )
            command = [sys.executable, "-c", COMMAND, "run", "--config", str(told)]
            path = pipeline.HUB_PATH
        began = time.perf_counter()
        process = stack.enter_context(pipeline.running(command, folder / "log"))
        found: dict[str, float] = {}
        try:
            await _ready(port, process, folder / "log")
            found["ready, s"] = time.perf_counter() - began
            if name in (TELEGRAM, "bare"):
                await street.connect(port, path)
                await street.first(SAID[0])
                found["first answer, s"] = time.perf_counter() - began
            await asyncio.sleep(AT_REST)
            found["at rest, MB"] = resident(process.pid)
        finally:
            await street.close()
    return found


async def talking(template: Template, chats: int) -> dict[str, float]:
    """Memory of a hub with a Telegram bot after so many buyers wrote, and after as many more."""
    with tempfile.TemporaryDirectory(prefix="prilavok-bench-") as name, template.copied(Path(name)) as url:
        folder, street = Path(name), Street(2 * chats)
        await street.open()
        try:
            async with pipeline.hub_on(url, folder, street) as started:
                await street.connect(started.port, started.path)
                await street.meet(10)
                found = {"after 10 chats, MB": resident(started.pids[0])}
                for few in (street.chats[:chats], street.chats[chats:]):
                    await _all_write_twice(street, few)
                    found[f"after {street.chats.index(few[-1]) + 1:,} chats, MB"] = resident(started.pids[0])
        finally:
            await street.close()
    if not street.counts.clean:
        raise RuntimeError(f"not clean: {street.counts}")
    return found


async def _all_write_twice(street: Street, chats: Sequence[Any]) -> None:
    waiting = iter(chats)

    async def some() -> None:
        for chat in waiting:
            await street.ask(chat)
            await street.ask(chat)

    await asyncio.gather(*(some() for _ in range(20)))


async def _ready(port: int, process: subprocess.Popen[bytes], log: Path) -> None:
    """The bare bot has no /ready: any answer will do."""
    end = time.monotonic() + pipeline.STARTS_WITHIN
    async with aiohttp.ClientSession() as http:
        while time.monotonic() < end and process.poll() is None:
            with contextlib.suppress(aiohttp.ClientError):
                async with http.get(f"http://127.0.0.1:{port}/ready") as answer:
                    if answer.status in (200, 404):
                        return
            await asyncio.sleep(0.01)
    raise TimeoutError(f"it does not serve; its log ends with:\n{pipeline.end_of(log)}")


def imports(statement: str) -> tuple[float, float, list[tuple[str, float]]]:
    """Seconds of processor and megabytes of an import, and its heaviest packages with their own milliseconds.

    Taking the times makes the import dearer, so the seconds are of another process than the packages.
    """
    measured = (
        f"import os, time; before = time.process_time(); {statement}; used = time.process_time() - before; "
        "status = open('/proc/self/status').read(); "
        "print(used, next(int(l.split()[1]) for l in status.splitlines() if l.startswith('VmRSS')) / 1024)"
    )
    seconds, megabytes = map(float, _python("-c", measured).stdout.split())
    taken = _python("-X", "importtime", "-c", statement)
    packages: Counter[str] = Counter()
    for line in taken.stderr.splitlines():
        own, _, rest = line.removeprefix("import time:").partition("|")
        if own.strip().isdecimal():
            packages[rest.rpartition("|")[2].strip().split(".")[0]] += int(own)
    return seconds, megabytes, [(name, us / 1000) for name, us in packages.most_common(10)]


def _python(*arguments: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHONPATH": os.getcwd()}
    return subprocess.run([sys.executable, *arguments], check=True, capture_output=True, text=True, env=environment)


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.memory", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--chats", type=int, default=THOUSAND, help="how many write, and then as many more")
    told = parser.parse_args()
    facts = rounds.machine()
    rounds.alone()
    names = ["bare", *CHANNELS]
    starts: dict[str, list[dict[str, float]]] = {name: [] for name in names}
    with tempfile.TemporaryDirectory(prefix="prilavok-bench-") as folder, contextlib.ExitStack() as stack:
        templates: dict[str, Template | None] = {"bare": None}
        for name, channels in CHANNELS.items():
            own = Path(folder) / name
            own.mkdir()
            templates[name] = stack.enter_context(place.template("", own, channels=channels))
        for n, name in rounds.order(names, told.rounds):
            starts[name].append(uvloop.run(starting(name, templates[name])))
            rounds.progress(f"round {n + 1} of {told.rounds}: {name}: {starts[name][-1]}")
        telegram = templates[TELEGRAM]
        assert telegram is not None
        talk = uvloop.run(talking(telegram, told.chats))
    heavy = {name: imports(statement) for name, statement in IMPORTS.items()}
    print(rounds.told(facts))
    print(tables(starts, talk, heavy))
    kept = {"machine": facts, "starts": starts, "talk": talk, "imports": heavy}
    rounds.progress(f"kept in {rounds.keep('memory', kept)}")


def tables(
    starts: Mapping[str, Sequence[Mapping[str, float]]],
    talk: Mapping[str, float],
    heavy: Mapping[str, tuple[float, float, Sequence[tuple[str, float]]]],
) -> str:
    columns = ("ready, s", "first answer, s", "at rest, MB")
    rows = [
        [
            name,
            *(rounds.middle([each[c] for each in found if c in each], 0 if "MB" in c else 2) for c in columns),
            *(rounds.ratio([e[c] for e in found], [e[c] for e in starts["bare"]], 1) for c in (columns[0], columns[2])),
        ]
        for name, found in starts.items()
    ]
    parts = [rounds.table(["", *columns, "ready x bare", "MB x bare"], rows)]
    parts.append(rounds.table(list(talk), [[f"{megabytes:.1f}" for megabytes in talk.values()]]))
    rows = [
        [name, f"{seconds:.2f}", f"{megabytes:.0f}", ", ".join(f"{package} {ms:.0f}" for package, ms in packages)]
        for name, (seconds, megabytes, packages) in heavy.items()
    ]
    parts.append(rounds.table(["import", "processor, s", "MB", "the ten heaviest, ms of their own"], rows))
    return "\n\n".join(parts)


if __name__ == "__main__":
    main()
