"""Back up while people trade, lose the machine, restore elsewhere, go on: `python -m tests.installation.recovery`."""

from __future__ import annotations

import argparse
import asyncio
import random
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import aiohttp
import sqlalchemy as sa

from inbox.tables import Delivery, Message
from kit import config
from kit.clock import now_ms
from prilavok import backup
from prilavok.restore import restore
from storage.files import FileStore
from storage.tables import Job, StoredFile
from tests.faults.hub import HubProcess, Nursery
from tests.faults.owner import Owner
from tests.faults.people import Buyer
from tests.faults.place import Place, opened
from tests.faults.queries import ALWAYS, AT_REST
from tests.installation.databases import bare_database
from tests.ports import free_port

QUERIES = ALWAYS | AT_REST

UNSETTLED = {"jobs left over", "messages stuck", "lanes still held"}
"""What is in order only when everything has come to rest."""


async def recover(
    server: str, nursery: Nursery, *, buyers: int, orders: int, seed: int, moves_to: str = ""
) -> Counter[str]:
    """One loss and its repair; raises AssertionError if anything is not as promised. Gives what was counted.

    A shop on SQLite goes on in PostgreSQL at `moves_to`, if that is given.
    """
    counts: Counter[str] = Counter()
    async with opened(server, buyers=buyers, latency=0.02) as place, aiohttp.ClientSession() as http:
        hub = HubProcess(place, nursery)
        copy = place.folder / "backups" / "one"
        try:
            await hub.start()
            await hub.ready()
            async with _trade(place, http, seed):
                await until(lambda: _count(place, "order") >= orders)
                before = _count(place, "message")
                began = time.monotonic()
                told = config.load(place.configuration)
                await asyncio.to_thread(backup.make, told.database, told.files, copy)
                counts["backup ms"] = int(1000 * (time.monotonic() - began))
                # Life goes on, and all of this will be lost.
                await until(lambda: _count(place, "message") > before + 10)
                counts["messages when lost"] = _count(place, "message")
        finally:
            await hub.kill()
        with _elsewhere(place, moves_to or server) as other:
            result = await asyncio.to_thread(restore, copy, config.load(other.configuration))
            counts["messages restored"] = _count(other, "message")
            counts["held"] = result.held
            assert result.key_fits
            assert not result.manifest.missing
            assert before <= counts["messages restored"] - _notes(other) <= counts["messages when lost"]
            _check(other, set(QUERIES) - UNSETTLED)
            await _go_on(other, nursery, http, buyers, seed, counts)
    return counts


async def _go_on(
    other: Place, nursery: Nursery, http: aiohttp.ClientSession, buyers: int, seed: int, counts: Counter[str]
) -> None:
    """Everybody buys once more from the restored shop, and it comes to rest with its books in order."""
    hub = HubProcess(other, nursery)
    orders = _count(other, "order")
    try:
        await hub.start()
        await hub.ready()
        # What was paid meanwhile is found out and told first; a buyer would take that for the end of his purchase.
        await until(lambda: _rested(other))
        people = [Buyer(other, phone, random.Random(seed + 50 + n), http) for n, phone in enumerate(other.phones)]
        await asyncio.gather(*(each.round() for each in people))
        assert not any(each.deeds["rounds given up"] for each in people), hub.log[-3000:]
        await other.yookassa.settled()
        await until(lambda: _rested(other))
        # Payments are asked about twice a minute, and the backup may know that this half was asked about already.
        await until(lambda: not _unlike_yookassa(other))
    finally:
        await hub.stop()
    counts["orders restored"], counts["orders after"] = orders, _count(other, "order")
    assert counts["orders after"] >= orders + buyers
    _check(other, set(QUERIES))
    with other.session() as session:
        held = sa.select(sa.func.count()).where(Message.error == "restored", Message.delivery == Delivery.UNKNOWN)
        arrived = sa.select(sa.func.count()).where(Message.error == "restored", Message.delivery != Delivery.UNKNOWN)
        assert session.scalar(held) == counts["held"]
        assert session.scalar(arrived) == 0


@contextmanager
def _elsewhere(place: Place, server: str) -> Iterator[Place]:
    """The same world around an empty place on another machine."""
    with tempfile.TemporaryDirectory(prefix="prilavok-elsewhere-") as name:
        folder = Path(name)
        if not server:
            yield _moved(place, folder, f"sqlite:///{folder}/shop.db")
            return
        schema = str(sa.make_url(place.database).query.get("options", "public"))
        with bare_database(server, schema.rpartition("=")[2]) as url:
            yield _moved(place, folder, url)


def _moved(place: Place, folder: Path, database: str) -> Place:
    other = replace(place, folder=folder, database=database, port=free_port())
    text = place.configuration.read_text(encoding="utf-8")
    for old, new in (
        (place.database, other.database),
        (f"{place.folder}/files", f"{folder}/files"),
        (place.address, other.address),
        (f"port = {place.port}\n", f"port = {other.port}\n"),
    ):
        text = text.replace(old, new)
    other.configuration.write_text(text, encoding="utf-8")
    hooks = place.yookassa.webhook_urls
    for merchant in hooks:
        hooks[merchant] = (hooks[merchant] or "").replace(place.address, other.address)
    return other


class _trade:  # noqa: N801
    """People who buy and an owner who accepts, until the block ends; what they were at is dropped there."""

    def __init__(self, place: Place, http: aiohttp.ClientSession, seed: int) -> None:
        self._people: list[Buyer | Owner] = [
            Buyer(place, phone, random.Random(seed + n), http) for n, phone in enumerate(place.phones)
        ]
        self._people.append(Owner(place.owners_phone, random.Random(seed)))
        self._tasks: list[asyncio.Task[None]] = []

    async def __aenter__(self) -> None:
        never = asyncio.Event()
        self._tasks = [asyncio.create_task(each.live(never)) for each in self._people]

    async def __aexit__(self, *_: object) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)


async def until(what: Callable[[], bool], *, within: float = 120.0) -> None:
    async with asyncio.timeout(within):
        while not what():
            await asyncio.sleep(0.05)


def _count(place: Place, table: str) -> int:
    with place.session() as session:
        return int(session.execute(sa.text(f'SELECT COUNT(*) FROM "{table}"')).scalar_one())


def _notes(place: Place) -> int:
    with place.session() as session:
        return session.scalar(sa.select(sa.func.count()).where(Message.author == "system")) or 0


def _rested(place: Place) -> bool:
    if not place.told_all():
        return False
    with place.session() as session:
        due = sa.select(Job.id).where(Job.state == "ready", Job.run_at <= now_ms() + 5000).limit(1)
        return session.scalar(due) is None


def _check(place: Place, names: set[str]) -> None:
    """The invariants of these names hold, and every row has its file."""
    with place.session() as session:
        for name in sorted(names):
            query = QUERIES[name]
            found = session.execute(sa.text(query), {"now": now_ms()} if ":now" in query else {}).all()
            assert not found, f"{name}: {found[:5]}"
        files = FileStore(place.folder / "files")
        for sha256 in session.scalars(sa.select(StoredFile.sha256)):
            assert backup.sum_of(files.path(sha256)) == sha256


def _unlike_yookassa(place: Place) -> list[str]:
    """Payments of which the restored shop knows something else than YooKassa holds."""
    theirs = {row.payment_id: row.paid.amount - row.refunded.amount for row in place.yookassa.ledger()}
    query = (
        "SELECT p.provider_id, COALESCE(SUM(e.amount), 0), COUNT(q.id) FROM payment p"
        " LEFT JOIN ledger_entry e ON p.id = e.payment_id LEFT JOIN money_question q ON q.payment_id = p.id"
        " WHERE p.provider_id IS NOT NULL GROUP BY p.provider_id"
    )
    with place.session() as session:
        return [
            provider_id
            for provider_id, amount, questions in session.execute(sa.text(query))
            if int(amount) != theirs.get(provider_id, 0) and not questions
        ]


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.installation.recovery", description=__doc__)
    parser.add_argument("--times", type=int, default=10)
    parser.add_argument("--buyers", type=int, default=3)
    parser.add_argument("--orders", type=int, default=5, help="before the backup is made")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--database", default="", help="the address of a PostgreSQL server; SQLite files by default")
    told = parser.parse_args()
    nursery = Nursery()
    for n in range(told.times):
        seed = told.seed + 1000 * n
        counts = asyncio.run(recover(told.database, nursery, buyers=told.buyers, orders=told.orders, seed=seed))
        print(f"{n + 1} of {told.times}, seed {seed}: {dict(counts)}", flush=True)
    nursery.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
