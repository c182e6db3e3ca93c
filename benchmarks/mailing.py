"""A mailing to many while others talk: `python -m benchmarks.mailing`.

The messages wait in the database when the hub starts, as a mailing leaves them. Telegram's emulator refuses a bot that
sends more than it may: 30 a second in all, with the burst that the real one grants. Meanwhile some buyers go on asking
and waiting for their answers. Good is: as fast as allowed, no refusal, and nobody who waits notices.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import orjson
from sqlalchemy.orm import Session

from benchmarks import place
from benchmarks.buyers import TOKEN
from benchmarks.rounds import machine, quantile, table
from company.tables import ChannelAccount
from customers import identities
from emulators.telegram import Bot, Person, Phone, Settings, TelegramEmulator
from inbox import conversations, messages
from inbox.content import Outgoing
from inbox.tables import Author
from prilavok import installation
from tests.faults.hub import COMMAND
from tests.ports import free_port

ALLOWED = 30.0
"""Messages a second that Telegram lets a bot send. Source: https://core.telegram.org/bots/faq"""

FIRST, FIRST_TALKER = 100_000, 10

CHANNEL = f'''[[telegram]]
token = "{TOKEN}"
api = "{{api}}"
'''

PAUSE = 5.0
"""Seconds between what one buyer gets and what he says next."""


async def measure(server: str, *, size: int, talkers: int) -> dict[str, Any]:
    people = [Person(FIRST + n, f"Читатель{n}") for n in range(size)]
    people += [Person(FIRST_TALKER + n, f"Покупатель{n}") for n in range(talkers)]
    telegram = TelegramEmulator(
        [Bot(TOKEN, name="Глина и лён")], people, settings=Settings(flood_limits=True, bot_rate=int(ALLOWED))
    )
    await telegram.start()
    try:
        with tempfile.TemporaryDirectory(prefix="prilavok-mailing-") as name:
            folder = Path(name)
            with place.template(server, folder, channels=CHANNEL) as made:
                port = free_port()
                path = place.configuration(folder, made.url, api=telegram.base_url, port=port, channels=CHANNEL)
                await asyncio.to_thread(installation.within, made.url, lambda session: _write(session, size))
                for person in people:
                    telegram.phone(person.id).chat.started = True
                return await _send(path, telegram, size, talkers)
    finally:
        await telegram.stop()


def _write(session: Session, size: int) -> None:
    account = session.get_one(ChannelAccount, 1)
    for n in range(size):
        person = str(FIRST + n)
        identity = identities.recognise(session, account, external_id=person, name=f"Читатель{n}", locale="ru")
        chat = conversations.open_for(session, account, person, customer_id=identity.customer_id, locale="ru")
        words = Outgoing(text="Новая глазурь цвета утра: десять кружек, вторая в подарок до воскресенья.")
        messages.say(session, chat, words, author=Author.BOT, mail=True)
        if n % 500 == 0:
            session.flush()


async def _send(path: Path, telegram: TelegramEmulator, size: int, talkers: int) -> dict[str, Any]:
    hub = await asyncio.create_subprocess_exec(
        sys.executable, "-c", COMMAND, "run", "--config", str(path), stdout=asyncio.subprocess.DEVNULL
    )
    waits: list[float] = []
    talking: list[asyncio.Task[None]] = []
    try:
        async with asyncio.timeout(120 + 2 * size / ALLOWED):
            # A start is measured elsewhere.
            await _until(telegram, 1)
            before, began = _sent(telegram), time.perf_counter()
            talking = [
                asyncio.create_task(_talk(telegram.phone(FIRST_TALKER + n), n * PAUSE / talkers, waits))
                for n in range(talkers)
            ]
            while (arrived := _arrived(telegram, size)) < size:
                await asyncio.sleep(1)
            took = time.perf_counter() - began
            sent = _sent(telegram) - before
    finally:
        for task in talking:
            task.cancel()
        await asyncio.gather(*talking, return_exceptions=True)
        hub.terminate()
        await hub.wait()
    return {
        "mailing": arrived,
        "doubled": sum(len(telegram.phone(FIRST + n).from_bot) > 1 for n in range(size)),
        "seconds": took,
        "messages in all": sent,
        "a second": sent / took,
        "of the allowed": sent / took / ALLOWED,
        "refused (429)": telegram.counters.get("refused_too_fast", 0),
        "answers waited for": len(waits),
        "wait p50, ms": 1000 * quantile(waits, 0.5),
        "wait p95, ms": 1000 * quantile(waits, 0.95),
        "wait max, ms": 1000 * max(waits, default=0.0),
    }


async def _talk(phone: Phone, after: float, waits: list[float]) -> None:
    await asyncio.sleep(after)
    while True:
        seen, began = len(phone.from_bot), time.perf_counter()
        phone.say("помощь")
        await phone.wait_for(lambda phone: len(phone.from_bot) > seen, timeout=60)  # noqa: B023
        waits.append(time.perf_counter() - began)
        await asyncio.sleep(PAUSE)


def _sent(telegram: TelegramEmulator) -> int:
    return telegram.counters.get("calls_sendmessage", 0) - telegram.counters.get("refused_too_fast", 0)


def _arrived(telegram: TelegramEmulator, size: int) -> int:
    return sum(bool(telegram.phone(FIRST + n).from_bot) for n in range(size))


async def _until(telegram: TelegramEmulator, sent: int) -> None:
    while _sent(telegram) < sent:
        await asyncio.sleep(0.05)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.mailing", description=__doc__)
    parser.add_argument("--size", type=int, default=10_000)
    parser.add_argument("--talkers", type=int, default=10)
    parser.add_argument("--database", default="", help="a PostgreSQL server; an SQLite file by default")
    told = parser.parse_args()
    found = asyncio.run(measure(told.database, size=told.size, talkers=told.talkers))
    rows = [[name, f"{value:.3g}" if isinstance(value, float) else str(value)] for name, value in found.items()]
    print(table(["mailing", "PostgreSQL" if told.database else "SQLite"], rows))
    print(orjson.dumps({**found, "machine": machine()}).decode())
    wrong = found["doubled"] or found["refused (429)"] or found["of the allowed"] < 0.95
    sys.exit(1 if wrong or found["wait p95, ms"] > 1000 else 0)


if __name__ == "__main__":
    main()
