"""A MAX bot whose webhook was taken off the list: noticed, told, and put back."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from pathlib import Path

import orjson
import pytest
import pytest_asyncio

from bot.channels.base import Attachment, Broken, Connection, Envelope, Parcel, Rejected
from bot.channels.max import Max
from bot.channels.max_calls import Calls
from bot.channels.max_receive import MaxReceiver, subscribe
from emulators.max import MaxBot, MaxEmulator
from emulators.telegram import Person
from inbox.content import Media, MediaKind, Outgoing
from tests.contract.phones import Kept

TOKEN = "f9LHodD0cOI-token-of-the-watched"
BOT = MaxBot(600_091, TOKEN, username="watched_bot")
NADYA = Person(500_091, "Надежда", phone="+79000000091")
HOOK = "http://127.0.0.1:9/hooks/max/1"


@pytest_asyncio.fixture
async def max_() -> AsyncIterator[MaxEmulator]:
    emulator = MaxEmulator([BOT], [NADYA])
    await emulator.start()
    emulator.phone(NADYA.id).start()
    yield emulator
    await emulator.stop()


async def _accept(_account_id: int, envelopes: Sequence[Envelope]) -> int:
    return len(envelopes)


async def _report(_account_id: int, _health: str, _words: str) -> None:
    """Nobody asks here."""


def link(emulator: MaxEmulator, secret: str = "secret-of-the-watched-bot", receive: str = "webhook") -> Connection:
    return Connection(
        account_id=1,
        external_id=BOT.username,
        secret=orjson.dumps({"token": TOKEN, "webhook_secret": secret}).decode(),
        settings={"api": emulator.address, "receive": receive},
        public_url="http://127.0.0.1:9",
        accept=_accept,
        report=_report,
    )


async def test_a_webhook_that_max_has_taken_off_is_put_back_and_told_of(max_: MaxEmulator) -> None:
    subscriptions = max_.cloud.of(BOT.id).postman.subscriptions
    adapter = Max(link(max_))
    assert (await adapter.check()).trouble == "the webhook was gone"
    assert [(each.url, each.secret) for each in subscriptions.values()] == [(HOOK, "secret-of-the-watched-bot")]
    assert not (await adapter.check()).trouble
    subscriptions.clear()
    assert not (await Max(link(max_, receive="polling")).check()).trouble
    assert not subscriptions
    assert (await adapter.check()).trouble
    await adapter.stop()


async def test_a_webhook_with_a_secret_that_can_be_guessed_is_not_opened(max_: MaxEmulator) -> None:
    calls = Calls(TOKEN, max_.address)
    with pytest.raises(Broken, match="at least 16"):
        await subscribe(calls, link(max_, secret="12345"))
    assert not max_.cloud.of(BOT.id).postman.subscriptions
    await calls.close()


async def test_a_file_travels_once_and_waits_until_max_has_digested_it(max_: MaxEmulator, tmp_path: Path) -> None:
    max_.cloud.digests = 0.5
    paper = tmp_path / "paper"
    paper.write_bytes(b"%PDF-1.4")
    media = Media(MediaKind.DOCUMENT, file_id=1)
    attachment = Attachment(media, paper, "0" * 64, "application/pdf", "чек.pdf")
    adapter = Max(link(max_))
    parcel = Parcel(1, 1, str(BOT.id ^ NADYA.id), Outgoing(text="Чек", media=(media,)), attachments=(attachment,))
    for n in range(2):
        await adapter.send(replace(parcel, message_id=n + 1))
    assert [message.kind for message in max_.phone(NADYA.id).from_bot] == ["document", "document"]
    assert max_.counters["uploads"] == 1
    await adapter.stop()


@pytest.mark.parametrize("remote", ["file:///etc/passwd", "ftp://a.example/x", ""])
async def test_a_file_is_fetched_from_nowhere_else(max_: MaxEmulator, remote: str) -> None:
    adapter = Max(link(max_))
    chunks = adapter.fetch(Media(MediaKind.DOCUMENT, remote=remote))
    with pytest.raises(Rejected):
        await anext(chunks)
    await adapter.stop()


async def test_the_place_of_a_new_bot_is_known_at_once() -> None:
    """A bot that is stopped before its first poll ends would begin anew, and later than it listened."""
    emulator, kept = MaxEmulator([BOT], [NADYA]), Kept()
    await emulator.start()
    receiver = MaxReceiver(replace(link(emulator, receive="polling"), place=kept))

    async def holds() -> bool:
        return not kept.at

    async with asyncio.timeout(5):
        await receiver.receive(holds)
    assert kept.at == str(emulator.cloud.of(BOT.id).log.number - 1)
    await emulator.stop()
