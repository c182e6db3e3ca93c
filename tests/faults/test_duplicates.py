"""Each update once, however often it comes, and again until it is stored."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path

import aiohttp
import orjson
import pytest
from aiohttp import web

from bot.channels.base import Connection, Envelope
from bot.channels.telegram_receive import TelegramReceiver
from bot.web import Hooks
from emulators.telegram import Bot, Person, TelegramEmulator
from storage.database import Database
from storage.files import FileStore
from tests.faults.duplicates import HEADERS, SECRET, run
from tests.faults.house import Databases
from tests.faults.servers import SERVERS

TOKEN = "7007:of-the-duplicates"
ANNA = Person(1, "Анна", "", "anna", "+79001234567")


class Full(Exception):
    """The disk is full."""


class Shelf:
    """Stores what comes, but for the first so many times."""

    def __init__(self, fails: int) -> None:
        self.fails, self.stored = fails, list[str]()

    async def accept(self, account_id: int, envelopes: Sequence[Envelope]) -> int:
        if envelopes and self.fails:
            self.fails -= 1
            raise Full
        self.stored += [envelope.external_id for envelope in envelopes]
        return len(envelopes)


@pytest.mark.parametrize("server", SERVERS, indirect=True)
async def test_every_update_is_stored_and_answered_once_and_chats_keep_their_order(server: str, tmp_path: Path) -> None:
    databases = Databases(tmp_path, server)
    try:
        report = await run(databases, tmp_path, size=60, chats=6, seed=1, database=server)
    finally:
        databases.close()
    assert report.passed, report.words()
    assert report.posts > 2 * report.updates > 100


async def test_what_could_not_be_stored_comes_again() -> None:
    """The offset moves only past what is stored."""
    shelf = Shelf(fails=1)
    async with _telegram(shelf) as telegram:
        telegram.phone(ANNA.id).say("Здравствуйте")
        async with asyncio.timeout(20):
            while not shelf.stored:
                await asyncio.sleep(0.02)
    assert (shelf.fails, len(shelf.stored)) == (0, 1)


async def test_a_webhook_is_not_answered_well_when_its_update_is_not_stored(tmp_path: Path) -> None:
    shelf = Shelf(fails=1)
    receiver = TelegramReceiver(_connection(shelf, {"receive": "webhook"}))
    db = Database(f"sqlite:///{tmp_path}/empty.db")
    app = web.Application()
    app.add_routes(Hooks(db, FileStore(tmp_path), lambda account_id: receiver).routes())
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    address = f"http://127.0.0.1:{runner.addresses[0][1]}/hooks/telegram/1"
    update = {"update_id": 7, "message": {"message_id": 1, "chat": {"id": 1, "type": "private"}, "text": "Да"}}
    try:
        async with aiohttp.ClientSession() as http:
            for status, stored in ((500, 0), (200, 1)):
                async with http.post(address, json=update, headers=HEADERS) as answer:
                    assert (answer.status, len(shelf.stored)) == (status, stored)
    finally:
        await runner.cleanup()
        await db.close()


class _telegram:  # noqa: N801  reads as what it opens
    """The stand-in of Telegram, and our adapter polling it."""

    def __init__(self, shelf: Shelf) -> None:
        self._shelf = shelf

    async def __aenter__(self) -> TelegramEmulator:
        self._emulator = TelegramEmulator([Bot(TOKEN, name="Глина и лён")], [ANNA])
        await self._emulator.start()
        self._emulator.phone(ANNA.id).chat.started = True
        receiver = TelegramReceiver(_connection(self._shelf, {"api": self._emulator.base_url}))
        self._receiving = asyncio.create_task(receiver.receive(_always))
        return self._emulator

    async def __aexit__(self, *failure: object) -> None:
        self._receiving.cancel()
        await asyncio.gather(self._receiving, return_exceptions=True)
        await self._emulator.stop()


async def _always() -> bool:
    return True


def _connection(shelf: Shelf, settings: dict[str, str]) -> Connection:
    async def report(account_id: int, health: str, words: str) -> None:
        return

    secret = orjson.dumps({"token": TOKEN, "webhook_secret": SECRET}).decode()
    return Connection(1, "", secret, settings, "", shelf.accept, report)
