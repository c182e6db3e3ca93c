"""Telegram's side of the contract."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import orjson

from bot.channels.base import Accept, Connection, Report
from emulators.telegram import AlbumPicture, Bot, Person, Phone, TelegramEmulator
from emulators.telegram import Trouble as Weather
from inbox.content import Heard
from tests.contract.sides import PHONE, WORDS, Trouble
from tests.stories.buyers import PhoneBuyer, Seen
from tests.stories.goods import picture
from tests.stories.street import Street

SECRET_HEADER = "X-Telegram-Bot-Api-Secret-Token"
HOOK_SECRET = "secret-of-the-contract"

TOKEN = "4200078:AAF-token-of-the-contract-never-seen"
VERA = Person(700_074, "Вера", "Лунина", "vera_lun", PHONE)


def _own(phone: Phone) -> int:
    """His newest message."""
    return [message.id for message in phone.messages if not message.by_bot][-1]


ACTS: dict[Heard, Callable[[Phone], Any]] = {
    Heard.TEXT: lambda phone: phone.say(WORDS),
    Heard.PHOTO: lambda phone: phone.send_photo(picture(10), WORDS),
    Heard.DOCUMENT: lambda phone: phone.send_document(b"%PDF-1.4", "чек.pdf", mime_type="application/pdf"),
    Heard.VIDEO: lambda phone: phone.send_video(b"\x00\x00\x00\x18ftypmp42", WORDS),
    Heard.VOICE: lambda phone: phone.send_voice(b"OggS"),
    Heard.AUDIO: lambda phone: phone.send_audio(b"ID3", "song.mp3"),
    Heard.STICKER: lambda phone: phone.send_sticker(picture(50), "👍"),
    Heard.CONTACT: lambda phone: phone.share_contact(),
    Heard.LOCATION: lambda phone: phone.send_location(55.7963, 49.1064),
    Heard.ALBUM: lambda phone: phone.send_album([AlbumPicture(picture(20), WORDS), AlbumPicture(picture(90))]),
    Heard.REPLY: lambda phone: phone.say(WORDS, reply_to=phone.from_bot[-1].id),
    Heard.FORWARD: lambda phone: phone.forward(WORDS, "Том"),
    Heard.EDIT: lambda phone: phone.edit(_own(phone), f"{WORDS}, точнее"),
    Heard.START: lambda phone: phone.start("spring"),
    Heard.LEAVE: lambda phone: phone.block(),
}


class TelegramHand(PhoneBuyer):
    def __init__(self, telegram: TelegramEmulator, person_id: int) -> None:
        super().__init__(telegram, person_id)
        self._telegram = telegram

    async def does(self, what: Heard) -> None:
        ACTS[what](self.phone)

    async def press_again(self, seen: Seen, label: str) -> None:
        [name] = [name for text, name in seen.names.items() if label in text]
        await self.phone.wait_for_answer(self.phone.press_data(name, message_id=seen.id))

    async def says_twice(self, text: str) -> None:
        self._telegram.faults.duplicates = 1.0
        self.phone.say(text)


class TelegramSide:
    channel = "telegram"
    part_of_street = True

    def __init__(self) -> None:
        self._emulator = TelegramEmulator([Bot(TOKEN)], [VERA])

    async def start(self) -> None:
        await self._emulator.start()
        self._phone.start()

    async def stop(self) -> None:
        await self._emulator.stop()

    def sections(self) -> dict[str, Any]:
        return {}

    def connection(self, accept: Accept, report: Report, **settings: Any) -> Connection:
        return Connection(
            account_id=1,
            external_id=TOKEN.partition(":")[0],
            secret=self.sealed(),
            settings={"api": self._emulator.base_url, **settings},
            public_url="http://127.0.0.1:9",
            accept=accept,
            report=report,
        )

    @property
    def chat(self) -> str:
        return str(VERA.id)

    async def meets(self, trouble: Trouble) -> None:
        if trouble is Trouble.UNREACHABLE:
            await self._emulator.stop()
        elif trouble is Trouble.BLOCKED:
            self._phone.block()
        elif trouble is Trouble.REVOKED:
            self._emulator.cloud.accounts.clear()
        elif trouble is Trouble.TOO_FAST:
            self._emulator.plan(Weather.TOO_MANY_REQUESTS, retry_after=7)
        elif trouble is Trouble.SILENT:
            self._emulator.plan(Weather.RESET, after=True)
        elif trouble is Trouble.OWN_ERROR:
            self._emulator.plan(Weather.SERVER_ERROR)

    def shown(self) -> list[tuple[str, list[str]]]:
        return [(message.text, message.labels) for message in self._phone.from_bot]

    def answers(self) -> list[str]:
        account = self._emulator.cloud.account(int(TOKEN.partition(":")[0]))
        return [press.answer["text"] for press in account.presses.values() if press.answer is not None]

    def is_typing(self) -> bool:
        return bool(self._phone.chat.typing)

    def says(self, text: str) -> None:
        self._phone.say(text)

    def presses(self, index: int) -> None:
        newest = self._phone.from_bot[-1]
        self._phone.press_data(newest.buttons[index].data, message_id=newest.id)

    nobody = "987654321"
    secret = TOKEN

    def sealed(self, **parts: str) -> str:
        return orjson.dumps({"token": TOKEN, "webhook_secret": HOOK_SECRET, **parts}).decode()

    def event(self, text: str) -> tuple[dict[str, str], bytes]:
        user = VERA.user()
        message = {"message_id": 7, "from": user, "chat": VERA.private_chat(), "date": 1_790_000_000, "text": text}
        return {SECRET_HEADER: HOOK_SECRET}, orjson.dumps({"update_id": 100, "message": message})

    def strangers(self, headers: dict[str, str], body: bytes) -> list[tuple[dict[str, str], bytes]]:
        return [({SECRET_HEADER: given}, body) for given in ("", HOOK_SECRET[:-1], f"{HOOK_SECRET}x", "ключ", "\udcff")]

    def unknown(self) -> dict[str, Any]:
        message = {"message_id": 8, "from": VERA.user(), "chat": VERA.private_chat(), "date": 1, "hologram": {}}
        return {"update_id": 101, "message": message}

    def untold(self) -> bool:
        return False

    @asynccontextmanager
    async def hand(self, street: Street) -> AsyncIterator[TelegramHand]:
        street.telegram.add_person(VERA)
        yield TelegramHand(street.telegram, VERA.id)

    @property
    def _phone(self) -> Phone:
        return self._emulator.phone(VERA.id)
