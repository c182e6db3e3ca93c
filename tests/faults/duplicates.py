"""Updates that come many times, late, and over eight connections at once: `python -m tests.faults.duplicates`.

The messenger posts to the hub's own webhook. A chat's next update first comes when the one before was acknowledged, as
the messenger's queue has it; copies of old ones come at any time.
"""

from __future__ import annotations

import argparse
import asyncio
import logging
import random
import sys
import tempfile
import time
from collections import Counter
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import aiohttp
import orjson
import sqlalchemy as sa
from aiohttp import web

from bot.channels.base import Connection, Parcel
from bot.channels.telegram import Telegram
from bot.channels.telegram_receive import TelegramReceiver
from bot.delivery import Courier
from bot.incoming import Intake
from bot.web import Hooks
from prilavok.hub import SUBSCRIBERS
from storage.database import Database
from storage.files import FileStore
from storage.worker import Worker
from tests.faults.house import TEXTS, Databases
from tests.faults.outside import Gate, Messenger

SECRET = "hook-secret-of-the-duplicates"
HEADERS = {"X-Telegram-Bot-Api-Secret-Token": SECRET}
CONNECTIONS = 8

AGAIN = 0.3
"""The share of posts that are copies of something old."""


class Deaf(Telegram):
    """Telegram as it speaks, but that what it says arrives at a messenger in this process."""

    def __init__(self, connection: Connection, messenger: Messenger) -> None:
        super().__init__(connection)
        self._messenger = messenger

    async def send(self, parcel: Parcel) -> str:
        return await self._messenger.send(parcel)

    async def edit(self, parcel: Parcel) -> str:
        return await self._messenger.edit(parcel)

    async def acknowledge(self, ack: str, text: str, *, alert: bool) -> None:
        await self._messenger.acknowledge(ack, text, alert=alert)


@dataclass
class Door:
    """A hub's webhook, and what is behind it."""

    db: Database
    worker: Worker
    intake: Intake
    messenger: Messenger
    address: str
    http: aiohttp.ClientSession

    async def post(self, update: Mapping[str, Any]) -> int:
        async with self.http.post(self.address, json=update, headers=HEADERS) as answer:
            return answer.status


@asynccontextmanager
async def door(url: str, folder: Path) -> AsyncIterator[Door]:
    messenger = Messenger(Gate(), lambda: datetime.now(UTC))
    db = Database(url, subscribers=SUBSCRIBERS)
    await db.start()
    channels: dict[int, Deaf] = {}
    intake = Intake(db, channels.__getitem__, TEXTS, "https://counter.example")
    secret = orjson.dumps({"token": "77:of-nobody", "webhook_secret": SECRET}).decode()
    connection = Connection(1, "", secret, {"receive": "webhook"}, "", intake.accept, _report)
    channels[1] = Deaf(connection, messenger)
    files = FileStore(folder / "files")
    worker = Worker(db, {**intake.handlers, **Courier(channels.__getitem__, files).handlers})
    intake.go_on_with(worker)
    app = web.Application()
    receiver = TelegramReceiver(connection)
    app.add_routes(Hooks(db, files, lambda account_id: receiver).routes())
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    await worker.start()
    limit = aiohttp.TCPConnector(limit=CONNECTIONS)
    try:
        async with aiohttp.ClientSession(connector=limit) as http:
            address = f"http://127.0.0.1:{runner.addresses[0][1]}/hooks/telegram/1"
            yield Door(db, worker, intake, messenger, address, http)
    finally:
        await worker.stop()
        await runner.cleanup()
        await channels[1].stop()
        await db.close()


async def _report(account_id: int, health: str, text: str) -> None:
    return


@dataclass(slots=True)
class Report:
    database: str
    seed: int
    updates: int = 0
    posts: int = 0
    refused: int = 0
    presses: int = 0
    seconds: float = 0.0
    wrong: dict[str, int] = field(default_factory=dict)

    @property
    def passed(self) -> bool:
        return not self.wrong

    def words(self) -> str:
        def zero(name: str, of: int) -> str:
            return f"{name} {self.wrong.get(name, 0)}/{of}"

        return (
            f"{'PASSED' if self.passed else 'FAILED'}: "
            f"{self.posts} posts of {self.updates} updates on {self.database}; "
            f"{zero('lost', self.updates)}, {zero('stored twice', self.updates)}, "
            f"{zero('not answered once', self.updates)}, {zero('presses not answered once', self.presses)}, "
            f"{zero('out of order', self.updates)}; seed {self.seed}, {round(self.seconds)} s"
            + (f"; WRONG: {', '.join(self.wrong)}" if self.wrong else "")
        )


async def run(databases: Databases, folder: Path, *, size: int, chats: int, seed: int, database: str) -> Report:
    """So many updates in so many chats, each posted at least twice at the same time."""
    began = time.monotonic()
    report = Report(database, seed)
    url = databases.fresh()
    async with door(url, folder) as open_door:
        crowd = [_Sender(open_door, str(1000 + n), random.Random(seed * 1000 + n), report) for n in range(chats)]
        await asyncio.gather(*(sender.send(size // chats) for sender in crowd))
        await open_door.worker.idle(within=600)
        _count(url, open_door.messenger, report)
    report.seconds = time.monotonic() - began
    return report


class _Sender:
    """One chat: half words that are answered by one message, half presses that are."""

    def __init__(self, open_door: Door, chat: str, dice: random.Random, report: Report) -> None:
        self._door, self._chat, self._dice, self._report = open_door, chat, dice, report
        self._sent: list[dict[str, Any]] = []

    async def send(self, many: int) -> None:
        late: list[asyncio.Task[int]] = []
        for n in range(many):
            update = self._next(n)
            copies = self._dice.randint(2, CONNECTIONS)
            self._report.updates += 1
            answers = await asyncio.gather(*(self._post(update) for _ in range(copies)))
            self._report.refused += sum(status != 200 for status in answers)
            self._sent.append(update)
            if self._dice.random() < AGAIN:
                late.append(asyncio.create_task(self._post(self._dice.choice(self._sent))))
        await asyncio.gather(*late)

    def _next(self, n: int) -> dict[str, Any]:
        messenger = self._door.messenger
        if n % 2 == 0:
            messenger.says(self._chat, "/help")
        else:
            self._report.presses += 1
            messenger.presses_nothing(self._chat)
        return messenger.updates[-1]

    async def _post(self, update: Mapping[str, Any]) -> int:
        self._report.posts += 1
        return await self._door.post(update)


def _count(url: str, messenger: Messenger, report: Report) -> None:
    """Compare what is stored and what arrived with what was sent."""
    engine = sa.create_engine(url)
    with engine.connect() as connection:
        keys = Counter(connection.scalars(sa.text("SELECT dedup_key FROM job WHERE kind = 'incoming.handle'")))
        rows = connection.execute(
            sa.text("SELECT conversation_id, external_id FROM message WHERE author = 'buyer' ORDER BY id")
        ).all()
        said = connection.execute(
            sa.text(
                "SELECT c.chat, COUNT(*) FROM message m JOIN conversation c ON c.id = m.conversation_id"
                " WHERE m.author = 'bot' GROUP BY c.chat"
            )
        ).all()
    engine.dispose()
    wanted = {f"in:1:{update['update_id']}" for update in messenger.updates}
    sent = Counter(
        str((update.get("message") or update["callback_query"]["message"])["chat"]["id"])
        for update in messenger.updates
    )
    answered = {str(chat): int(count) for chat, count in said}
    arrived = {chat: len({shown.message_id for shown in phone}) for chat, phone in messenger.phones.items()}
    presses = [u["callback_query"]["id"] for u in messenger.updates if "callback_query" in u]
    last: dict[int, int] = {}
    disorder = 0
    for conversation, external in rows:
        number = int(external.rpartition(":")[2])
        disorder += number <= last.get(conversation, 0)
        last[conversation] = number
    found = {
        "lost": len(wanted - keys.keys()) + report.refused,
        "stored twice": keys.total() - len(wanted),
        "not answered once": sum(
            abs(answered.get(chat, 0) - times) + abs(arrived.get(chat, 0) - times) for chat, times in sent.items()
        ),
        "presses not answered once": sum(messenger.answers[press] != 1 for press in presses),
        "out of order": disorder,
    }
    report.wrong = {name: count for name, count in found.items() if count}


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.faults.duplicates", description=__doc__)
    parser.add_argument("--size", type=int, default=1000, help="how many updates")
    parser.add_argument("--chats", type=int, default=20)
    parser.add_argument("--seed", type=int, default=0, help="repeats a run's choices; a random one by default")
    parser.add_argument("--database", default="", help="a PostgreSQL address; SQLite files by default")
    options = parser.parse_args()
    logging.basicConfig(level=logging.ERROR)
    with tempfile.TemporaryDirectory(prefix="prilavok-duplicates-") as name:
        databases = Databases(Path(name), options.database)
        try:
            report = asyncio.run(
                run(
                    databases,
                    Path(name),
                    size=options.size,
                    chats=options.chats,
                    seed=options.seed or random.randrange(1, 10**6),
                    database="postgresql" if options.database else "sqlite",
                )
            )
        finally:
            databases.close()
    print(report.words())
    return 0 if report.passed else 1


if __name__ == "__main__":
    sys.exit(main())
