"""A bot whose updates somebody else takes or turns away: noticed, told, and mended where we can."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass

import aiohttp
import orjson
import pytest_asyncio

from bot.channels.base import Broken, Connection, Envelope
from bot.channels.telegram import Telegram
from bot.channels.telegram_receive import TelegramReceiver
from emulators.telegram import Bot, Person, Phone, TelegramEmulator
from emulators.telegram.webhook import Webhook

TOKEN = "4200091:AAF-token-of-the-watched-bot-1"
SECRET = "secret-of-the-watched-bot"
OLGA = Person(700_091, "Ольга", "Рябинина", "olga_ryab", "+79000000091")
HOOK = "http://127.0.0.1:9/hooks/telegram/1"


class Listener:
    """What stands behind one program's bot."""

    def __init__(self, api: str, *, receive: str = "polling", token: str = TOKEN) -> None:
        self.reports: list[tuple[str, str]] = []
        self.heard: list[str] = []
        link = Connection(
            account_id=1,
            external_id="4200091",
            secret=orjson.dumps({"token": token, "webhook_secret": SECRET}).decode(),
            settings={"receive": receive, "api": api},
            public_url="http://127.0.0.1:9",
            accept=self._accept,
            report=self._report,
        )
        self.channel, self._receiver = Telegram(link), TelegramReceiver(link)
        self._receiving: asyncio.Task[None] | None = None

    async def listens(self) -> None:
        """Begins; by webhook it returns when Telegram knows of it."""
        self._receiving = asyncio.create_task(self._receiver.receive(_always))
        if self._receiver.by_webhook:
            await until(lambda: self.reports)

    async def stop(self) -> None:
        if self._receiving is not None:
            self._receiving.cancel()
            await asyncio.gather(self._receiving, return_exceptions=True)
        await self.channel.stop()

    async def _accept(self, account_id: int, envelopes: Sequence[Envelope]) -> int:
        self.heard += [envelope.external_id for envelope in envelopes]
        return len(envelopes)

    async def _report(self, account_id: int, health: str, words: str) -> None:
        self.reports.append((health, words))


@dataclass(frozen=True, slots=True)
class Server:
    emulator: TelegramEmulator
    url: str

    @property
    def olga(self) -> Phone:
        return self.emulator.phone(OLGA.id)

    @property
    def webhook(self) -> Webhook:
        found = self.emulator.cloud.account(4200091).postman.webhook
        assert found is not None
        return found


@pytest_asyncio.fixture
async def telegram() -> AsyncIterator[Server]:
    emulator = TelegramEmulator([Bot(TOKEN, name="Глина и лён", username="clay_linen_bot")], [OLGA])
    server = Server(emulator, await emulator.start())
    yield server
    await emulator.stop()


async def _always() -> bool:
    return True


async def until(true: Callable[[], object], seconds: float = 60) -> None:
    async with asyncio.timeout(seconds):
        while not true():
            await asyncio.sleep(0.02)


async def call(telegram: Server, method: str, **parameters: str) -> None:
    async with (
        aiohttp.ClientSession() as http,
        http.post(f"{telegram.url}/bot{TOKEN}/{method}", json=parameters) as answer,
    ):
        assert answer.status == 200


async def test_of_two_pollers_the_one_that_is_cut_off_steps_aside(telegram: Server) -> None:
    ours, other = Listener(telegram.url), Listener(telegram.url)
    telegram.olga.start()
    try:
        await ours.listens()
        telegram.olga.say("раз")
        await until(lambda: len(ours.heard) == 2)
        await other.listens()
        await until(lambda: any(health == "conflict" for health, _ in ours.reports))
        telegram.olga.say("два")
        await until(lambda: other.heard)
        words = next(words for health, words in ours.reports if health == "conflict")
        assert "terminated by other getUpdates request" in words
        conflicts = [health for health, _ in ours.reports + other.reports if health == "conflict"]
        assert len(conflicts) < 8, "they do not fight"
        assert len({*ours.heard, *other.heard}) == 3, "nothing was lost between them"
    finally:
        await ours.stop()
        await other.stop()


async def test_a_webhook_that_was_taken_away_is_set_again(telegram: Server) -> None:
    ours = Listener(telegram.url, receive="webhook")
    try:
        await ours.listens()
        assert (await ours.channel.check()).trouble == ""
        await call(telegram, "deleteWebhook")
        assert (await ours.channel.check()).trouble == "the webhook was gone"
        assert (await ours.channel.check()).trouble == ""
        await call(telegram, "setWebhook", url="http://127.0.0.1:9/somebody-elses-secret-path")
        moved = (await ours.channel.check()).trouble
        assert moved == "the webhook led elsewhere"
        assert (telegram.webhook.url, telegram.webhook.secret_token) == (HOOK, SECRET)
    finally:
        await ours.stop()


async def test_telegrams_own_trouble_with_our_address_is_told(telegram: Server) -> None:
    ours = Listener(telegram.url, receive="webhook")
    try:
        await ours.listens()
        telegram.olga.start()  # nobody listens at HOOK
        await until(lambda: telegram.webhook.last_error_message)
        assert (await ours.channel.check()).trouble == "Telegram cannot bring updates: Connection refused"
    finally:
        await ours.stop()


async def test_a_revoked_token_is_no_trouble_of_the_webhook_but_of_the_account(telegram: Server) -> None:
    ours = Listener(telegram.url, receive="webhook", token="4200099:AAF-nobody-knows-this-token")
    try:
        with contextlib.suppress(Broken):
            await ours.channel.check()
            raise AssertionError("a dead token was not noticed")
    finally:
        await ours.stop()
