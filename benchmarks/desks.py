"""What operators wait for: `python -m benchmarks.desks`.

A hub in a process of its own, Telegram and the buyers in this one. *Reply*: from an operator's POST to sendMessage at
Telegram. *Screens*: so many consoles have the inbox open, each another person's and on an event stream of its own; when
a buyer writes, the row comes with the event, and the message counts as shown when it is there. What does not come with
an event each fetches as the page's script does, and while it is fetching it does not fetch again.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import os
import re
import tempfile
import time
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp
import orjson
import sqlalchemy as sa
import uvloop
from sqlalchemy.orm import Session

from benchmarks import bigshop, pipeline, place, rounds
from benchmarks.buyers import Street
from benchmarks.console import PACKED, processor_seconds, signed_in
from company import shops, signin, staff
from company.tables import Role
from inbox.tables import Conversation
from prilavok import installation
from tests.faults.hub import resident

PATIENCE = 30.0


@dataclass(slots=True)
class Console:
    """One open inbox. `shown` are the words that stood in its list at its last look, and when each first did."""

    browser: aiohttp.ClientSession
    shown: dict[str, float] = field(default_factory=dict)
    fetched: int = 0
    counted: int = 0
    _look: asyncio.Event = field(default_factory=asyncio.Event)
    _tasks: list[asyncio.Task[None]] = field(default_factory=list)

    async def open(self) -> None:
        answer = await self.browser.get("/live/events", timeout=aiohttp.ClientTimeout(total=None))
        answer.raise_for_status()
        await answer.content.readline()
        self._tasks = [asyncio.create_task(work) for work in (self._listen(answer), self._fetch())]

    async def close(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _listen(self, answer: aiohttp.ClientResponse) -> None:
        async with contextlib.aclosing(_events(answer)) as events:
            async for event in events:
                if "html" in event:
                    self._see(event["html"])
                elif "sections" in event:
                    self.counted += 1
                elif not event.get("drawn") and any(topic == "conversation" for topic, _ in event["topics"]):
                    self._look.set()

    async def _fetch(self) -> None:
        while True:
            await self._look.wait()
            self._look.clear()
            async with self.browser.get("/inbox/list", headers=PACKED) as answer:
                answer.raise_for_status()
                self._see(await answer.text())
            self.fetched += 1

    def _see(self, html: str) -> None:
        at = time.perf_counter()
        for words in re.findall(r"Сообщение \d+ для всех", html):
            self.shown.setdefault(words, at)


async def _events(answer: aiohttp.ClientResponse) -> AsyncGenerator[dict[str, Any]]:
    async for line in answer.content:
        if line.startswith(b'data: {"'):
            yield orjson.loads(line[6:])


async def replies(browser: aiohttp.ClientSession, street: Street, talks: Sequence[int], times: int) -> list[float]:
    """Milliseconds from an operator's POST to Telegram, one after another."""
    took = []
    async with browser.get(f"/inbox/{talks[0]}") as answer:
        page = await answer.text()
    token = re.search(r'name="csrf-token" content="([^"]+)"', page)
    assert token is not None
    for n in range(times):
        seat = n % len(talks)
        chat = street.chats[seat]
        chat.changed.clear()
        words = f"Ответ {n}"
        began = time.perf_counter()
        form = {"text": words, "key": f"bench-{n}"}
        headers = {"X-CSRF-Token": token[1], "HX-Request": "true"}
        post = asyncio.create_task(_post(browser, f"/inbox/{talks[seat]}/messages", form, headers))
        async with asyncio.timeout(PATIENCE):
            while chat.reply != words:
                await chat.changed.wait()
                chat.changed.clear()
        took.append(1000 * (time.perf_counter() - began))
        await post
        await asyncio.sleep(0.05)
    return took


async def _post(browser: aiohttp.ClientSession, path: str, form: dict[str, str], headers: dict[str, str]) -> None:
    async with browser.post(path, data=form, headers=headers) as answer:
        if answer.status >= 300:
            raise SystemExit(f"{path} gave {answer.status}: {(await answer.text())[:300]}")


async def screens(consoles: Sequence[Console], street: Street, times: int, pause: float) -> list[list[float]]:
    """For each message the milliseconds until it stood on each of the consoles."""
    began: list[float] = []
    for n in range(times):
        began.append(time.perf_counter())
        street.write(street.chats[n % len(street.chats)], f"Сообщение {n} для всех")
        await asyncio.sleep(pause)
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end and any(len(one.shown) < times for one in consoles):
        await asyncio.sleep(0.1)
    return [
        [1000 * (one.shown[words] - at) for one in consoles if (words := f"Сообщение {n} для всех") in one.shown]
        for n, at in enumerate(began)
    ]


@contextlib.contextmanager
def shop(server: str, folder: Path, people: int) -> Iterator[tuple[str, Sequence[str]]]:
    """A filled database with an owner who can sign in, and the cookies of so many operators who have done so."""
    with place.template(server, folder) as made:
        yield made.url, installation.within(made.url, lambda session: _hire(session, people))


def _hire(session: Session, people: int) -> list[str]:
    known = shops.get(session, 1)
    staff.add(session, known, email=bigshop.OWNER, name="Илья Дорохов", password=bigshop.PASSWORD, role=Role.OWNER)
    signed_in = []
    for n in range(people):
        email = f"operator-{n}@clay.example"
        staff.add(session, known, email=email, name=f"Оператор {n}", password=None, role=Role.OPERATOR)
        signed_in.append(signin.sign_in(session, email, verified=True) or "")
    return signed_in


async def measure(
    url: str, folder: Path, tokens: Sequence[str], *, buyers: int, times: int, pause: float
) -> dict[str, Any]:
    consoles = len(tokens)
    street = Street(buyers)
    await street.open()
    try:
        async with pipeline.hub_on(url, folder, street) as started:
            address = f"http://127.0.0.1:{started.port}"
            await street.connect(started.port, started.path)
            for chat in street.chats:
                chat.changed.clear()
                street.write(chat, "вопрос")
                await asyncio.wait_for(chat.changed.wait(), PATIENCE)
            async with signed_in(address, connections=0) as browser:
                took = await replies(browser, street, _talks(url), times)
                at_rest = resident(started.pids[0])
                async with _consoles(address, tokens) as open_:
                    with_them = resident(started.pids[0])
                    await asyncio.sleep(pause)
                    began = processor_seconds(started.pids[0])
                    shown = await screens(open_, street, times, pause)
                    processor = processor_seconds(started.pids[0]) - began
                    after = resident(started.pids[0])
    finally:
        await street.close()
    every = [ms for one in shown for ms in one]
    last = [max(one) for one in shown if one]
    return {
        "reply p50, ms": rounds.quantile(took, 0.5),
        "reply p95, ms": rounds.quantile(took, 0.95),
        "shown": f"{len(every)}/{times * consoles}",
        "shown p50, ms": rounds.quantile(every, 0.5),
        "shown p95, ms": rounds.quantile(every, 0.95),
        "the last console p50, ms": rounds.quantile(last, 0.5),
        "the last console p95, ms": rounds.quantile(last, 0.95),
        "the last console max, ms": max(last, default=float("nan")),
        "processor, ms a message": 1000 * processor / times,
        "fetched, a message and console": sum(one.fetched for one in open_) / times / consoles,
        "menus told": f"{sum(one.counted > 0 for one in open_)}/{consoles}",
        "MB before": at_rest,
        "KB a console, opened": 1024 * (with_them - at_rest) / max(1, consoles),
        "KB a console, after all": 1024 * (after - at_rest) / max(1, consoles),
    }


@contextlib.asynccontextmanager
async def _consoles(address: str, tokens: Sequence[str]) -> AsyncIterator[list[Console]]:
    """Open consoles, each with the cookie of another person."""
    async with contextlib.AsyncExitStack() as stack:
        browsers = [
            await stack.enter_async_context(
                aiohttp.ClientSession(
                    address,
                    cookies={"prilavok": token},
                    cookie_jar=aiohttp.CookieJar(unsafe=True),
                    connector=aiohttp.TCPConnector(limit=0),
                )
            )
            for token in tokens
        ]
        consoles = [Console(browser) for browser in browsers]
        await asyncio.gather(*(one.open() for one in consoles))
        yield consoles
        await asyncio.gather(*(one.close() for one in consoles))


def _talks(url: str) -> list[int]:
    engine = place.opened(url)
    with engine.connect() as connection:
        found = list(connection.scalars(sa.select(Conversation.id).order_by(Conversation.id)))
    engine.dispose()
    return found


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.desks", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--consoles", type=int, default=200)
    parser.add_argument("--buyers", type=int, default=20)
    parser.add_argument("--times", type=int, default=40, help="replies, and then messages")
    parser.add_argument("--pause", type=float, default=2.0, help="seconds between the messages")
    parser.add_argument(
        "--postgres", default="", help="a server, like postgresql://postgres@127.0.0.1:5432; else SQLite"
    )
    told = parser.parse_args()
    with (
        tempfile.TemporaryDirectory(prefix="prilavok-bench-") as name,
        shop(told.postgres, Path(name), told.consoles) as (url, tokens),
    ):
        found = uvloop.run(measure(url, Path(name), tokens, buyers=told.buyers, times=told.times, pause=told.pause))
    print(f"load {os.getloadavg()[0]:.1f}, {len(rounds.PROCESSORS)} processors")
    shown: Callable[[Any], str] = lambda value: f"{value:.0f}" if isinstance(value, float) else str(value)  # noqa: E731
    print(rounds.table(["", ""], [[name, shown(value)] for name, value in found.items()]))


if __name__ == "__main__":
    main()
