"""Whether a message costs the same in a shop with a long past: `python -m benchmarks.growth`.

The pipeline's text scenario, ten messages at a time, dealt out among all chats, on databases with 10^4, 10^5 and 10^6
stored messages (each with its event and its finished job) in 1,000 chats, and with 10^5 in 10, 1,000 and 10,000 chats.
Each chat also has a job planned for later in a lane of its own. Then what runs beside the messages, by the clock: the
sweep for due lanes, pruning, and the console's list of conversations.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import itertools
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

import sqlalchemy as sa
import uvloop
from sqlalchemy.orm import Session

from benchmarks import filling, pipeline, place, rounds
from benchmarks.buyers import Street
from company.tables import Shop
from inbox import listing, messages
from inbox.tables import Conversation
from storage import jobs, lanes

AT_ONCE = 10

SIZES = ((10**4, 1000), (10**5, 1000), (10**6, 1000), (10**5, 10), (10**5, 10_000))
"""(messages, chats). The second is the base of both series."""

REPEATS = 20


def name_of(size: tuple[int, int]) -> str:
    return f"{size[0]:,} messages, {size[1]:,} chats"


@contextlib.contextmanager
def shops(server: str, sizes: Sequence[tuple[int, int]]) -> Iterator[Mapping[tuple[int, int], str]]:
    """A filled database of each size, by its address."""
    with contextlib.ExitStack() as stack:
        empty = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="prilavok-bench-")))
        template = stack.enter_context(place.template(server, empty))
        urls = {}
        for messages, chats in sizes:
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="prilavok-bench-")))
            url = stack.enter_context(template.copied(folder))
            began = time.monotonic()
            engine = place.opened(url)
            with Session(engine) as session, session.begin():
                filling.fill(session, messages=messages, chats=chats)
            filling.settle(engine)
            engine.dispose()
            rounds.progress(f"filled {messages:,} messages in {chats:,} chats, {time.monotonic() - began:.0f} s")
            urls[messages, chats] = url
        yield urls


async def measure(url: str, chats: int, seconds: float) -> dict[str, float]:
    """A fresh hub on that database."""
    with tempfile.TemporaryDirectory(prefix="prilavok-bench-") as name:
        folder, street = Path(name), Street(chats)
        await street.open()
        try:
            async with pipeline.hub_on(url, folder, street) as started:
                await street.connect(started.port, started.path)
                await street.meet(AT_ONCE)
                await _among_all(street, pipeline.RUN_UP)
                phase = await pipeline.counted(street, started.pids, lambda: _among_all(street, seconds))
        finally:
            await street.close()
    if not street.counts.clean:
        raise RuntimeError(f"not clean: {street.counts}")
    return phase.figures()


async def _among_all(street: Street, seconds: float) -> float:
    began = time.perf_counter()
    chats = itertools.cycle(street.chats)

    async def one() -> None:
        while time.perf_counter() - began < seconds:
            chat = next(chats)
            if not chat.waits:
                await street.ask(chat)

    await asyncio.gather(*(one() for _ in range(AT_ONCE)))
    return time.perf_counter() - began


def beside(url: str) -> dict[str, float]:
    """Milliseconds of what runs beside the messages, the median of some."""
    engine = place.opened(url)
    with Session(engine) as session:
        shop = session.scalars(sa.select(Shop.id)).one()
        conversation = session.scalars(sa.select(Conversation.id).limit(1)).one()
        acts: dict[str, Callable[[], object]] = {
            "sweep": lambda: lanes.due_lanes(session),
            "prune, nothing old": lambda: jobs.prune(session, older_than=timedelta(days=7)),
            "list of conversations": lambda: listing.rows(session, shop),
            "list, waiting": lambda: listing.rows(session, shop, view=listing.View.WAITING),
            "list, by name": lambda: listing.rows(session, shop, text="Ольга"),
            "counts over the list": lambda: listing.counts(session, shop, 1),
            "a thread": lambda: messages.thread(session, conversation),
        }
        found = {name: _timed(act, session) for name, act in acts.items()}
    engine.dispose()
    return found


def _timed(act: Callable[[], object], session: Session) -> float:
    seconds = []
    for _ in range(REPEATS):
        began = time.perf_counter()
        act()
        seconds.append(time.perf_counter() - began)
        session.rollback()
    return 1000 * rounds.quantile(seconds, 0.5)


def tables(
    figures: Mapping[tuple[int, int], Sequence[Mapping[str, float]]], aside: Mapping[tuple[int, int], Any]
) -> str:
    base = next((size for size in figures if size == SIZES[1]), next(iter(figures)))
    rows = []
    for size, found in figures.items():
        row = [name_of(size)]
        row += [
            rounds.middle([each[what] for each in found], 0) for what in ("per second", "p50 ms", "p99 ms", "cpu us")
        ]
        row.append(rounds.ratio([each["cpu us"] for each in found], [each["cpu us"] for each in figures[base]]))
        rows.append(row)
    pipeline_table = rounds.table(["", "messages/s", "p50 ms", "p99 ms", "cpu us", f"cpu x {name_of(base)}"], rows)
    names = list(next(iter(aside.values())))
    beside_table = rounds.table(
        ["ms", *(name_of(size) for size in aside)],
        [[name, *(f"{found[name]:.2f}" for found in aside.values())] for name in names],
    )
    return f"{pipeline_table}\n\n{beside_table}"


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.growth", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--on-postgres", action="store_true", help="SQLite otherwise")
    parser.add_argument("--sizes", default="", help="messages:chats, separated by commas")
    rounds.common(parser, rounds=3, seconds=5)
    told = parser.parse_args()
    sizes = [(int(a), int(b)) for a, _, b in (each.partition(":") for each in told.sizes.split(",") if each)] or SIZES
    facts = rounds.machine()
    rounds.alone()
    figures: dict[tuple[int, int], list[dict[str, float]]] = {size: [] for size in sizes}
    by_name = {name_of(size): size for size in sizes}
    with shops(told.postgres if told.on_postgres else "", sizes) as urls:
        for n, name in rounds.order(list(by_name), told.rounds):
            found = uvloop.run(measure(urls[by_name[name]], by_name[name][1], told.seconds))
            figures[by_name[name]].append(found)
            rounds.progress(f"round {n + 1}: {name}: " + ", ".join(f"{k} {v:.1f}" for k, v in found.items()))
        aside = {size: beside(urls[size]) for size in sizes}
    print(rounds.told(facts))
    print(tables(figures, aside))
    kept = {name_of(size): {"rounds": figures[size], "beside, ms": aside[size]} for size in sizes}
    rounds.progress(f"kept in {rounds.keep('growth', {'machine': facts, 'figures': kept})}")


if __name__ == "__main__":
    main()
