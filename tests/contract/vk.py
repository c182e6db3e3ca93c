"""VK's side of the contract."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import orjson

from bot.channels.base import Accept, Connection, Report
from emulators.telegram.phones import AlbumPicture
from emulators.vk import Community, Person, Phone, VkEmulator, wire
from emulators.vk import Trouble as Weather
from inbox.content import Heard
from tests.contract.sides import WORDS, Trouble
from tests.stories.buyers import PhoneBuyer, Seen
from tests.stories.goods import picture
from tests.stories.street import Street

GROUP = 700_076
TOKEN = "vk1.a.token-of-the-contract-never-seen"
HOOK_SECRET = "secret-of-the-contract"
VERA = Person(700_077, "Вера", "Лунина", "vera_lun")


def _own(phone: Phone) -> int:
    """His newest message."""
    return next(each.id for each in reversed(phone.messages) if not each.by_bot)


ACTS: dict[Heard, Callable[[Phone], Any]] = {
    Heard.TEXT: lambda phone: phone.say(WORDS),
    Heard.PHOTO: lambda phone: phone.send_photo(picture(10), WORDS),
    Heard.DOCUMENT: lambda phone: phone.send_document(b"%PDF-1.4", "чек.pdf", mime_type="application/pdf"),
    Heard.VOICE: lambda phone: phone.send_voice(b"OggS"),
    Heard.AUDIO: lambda phone: phone.send_audio(b"ID3", "song.mp3"),
    Heard.STICKER: lambda phone: phone.send_sticker(picture(50), "👍"),
    Heard.LOCATION: lambda phone: phone.send_location(55.7963, 49.1064),
    Heard.ALBUM: lambda phone: phone.send_album([AlbumPicture(picture(20), WORDS), AlbumPicture(picture(90))]),
    Heard.REPLY: lambda phone: phone.say(WORDS, reply_to=phone.from_bot[-1].id),
    Heard.FORWARD: lambda phone: phone.forward(WORDS, "Том"),
    Heard.EDIT: lambda phone: phone.edit(_own(phone), f"{WORDS}, точнее"),
    Heard.START: lambda phone: phone.start("spring"),
    Heard.LEAVE: lambda phone: phone.block(),
}


class Kept:
    """How far the account was read."""

    def __init__(self) -> None:
        self.at = ""

    async def get(self, account_id: int) -> str:
        return self.at

    async def keep(self, account_id: int, place: str) -> None:
        self.at = place


class VkHand(PhoneBuyer):
    phone: Phone

    def __init__(self, emulator: VkEmulator) -> None:
        self.phone = emulator.phone(VERA.id)
        self.name = self.phone.chat.person.name
        self._emulator = emulator

    async def share_phone(self, number: str) -> None:
        """Nobody shares a contact in VK: he types it."""
        await self.say(number)

    async def does(self, what: Heard) -> None:
        ACTS[what](self.phone)

    async def press_again(self, seen: Seen, label: str) -> None:
        [name] = [name for text, name in seen.names.items() if label in text]
        await self.phone.wait_for_answer(self.phone.press_data(name, message_id=seen.id))

    async def says_twice(self, text: str) -> None:
        self._emulator.faults.duplicates = 1.0
        self.phone.say(text)


class VkSide:
    channel = "vk"
    part_of_street = False

    def __init__(self) -> None:
        self._emulator = VkEmulator([Community(GROUP, TOKEN, "Глина и лён", "clay_linen")], [VERA])
        self._place = Kept()

    async def start(self) -> None:
        await self._emulator.start()
        self._phone.start()
        self._place.at = f"{time.time():.0f} {self._emulator.cloud.community(GROUP).log.number}"

    async def stop(self) -> None:
        await self._emulator.stop()

    def sections(self) -> dict[str, Any]:
        return {"vk": [{"group": GROUP, "token": TOKEN, "api": self._emulator.address, "username": "clay_linen"}]}

    def connection(self, accept: Accept, report: Report, **settings: Any) -> Connection:
        return Connection(
            account_id=1,
            external_id=str(GROUP),
            secret=self.sealed(),
            settings={"api": self._emulator.address, **settings},
            public_url="http://127.0.0.1:9",
            accept=accept,
            report=report,
            place=self._place,
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
            self._emulator.cloud.communities.clear()
        elif trouble is Trouble.TOO_FAST:
            self._emulator.refuse(9)
        elif trouble is Trouble.SILENT:
            self._emulator.plan(Weather.RESET, after=True)
        elif trouble is Trouble.OWN_ERROR:
            self._emulator.plan(Weather.SERVER_ERROR)

    def shown(self) -> list[tuple[str, list[str]]]:
        return [(message.text, message.labels) for message in self._phone.from_bot]

    def answers(self) -> list[str]:
        return [str(each.details["text"]) for each in self._phone.chat.feed.happenings if each.details is not None]

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
        told = wire.message(self._emulator.cloud, self._phone.chat, by_community=False, text=text)
        event = {"type": "message_new", "object": {"message": told}, "group_id": GROUP, "event_id": "e1", "v": "5.199"}
        return {}, orjson.dumps({**event, "secret": HOOK_SECRET})

    def strangers(self, headers: dict[str, str], body: bytes) -> list[tuple[dict[str, str], bytes]]:
        event = orjson.loads(body)
        forged = [{**event, "secret": given} for given in ("", HOOK_SECRET[:-1], f"{HOOK_SECRET}x", "ключ", 7, None)]
        forged += [{**event, "group_id": GROUP + 1}, {k: v for k, v in event.items() if k != "secret"}]
        return [(headers, orjson.dumps(each)) for each in forged]

    def unknown(self) -> dict[str, Any]:
        hologram = {"type": "hologram", "hologram": {"id": 1}}
        told = wire.message(self._emulator.cloud, self._phone.chat, by_community=False, attachments=[hologram])
        return {"type": "message_new", "object": {"message": told}, "group_id": GROUP, "event_id": "e2", "v": "5.199"}

    def untold(self) -> bool:
        log = self._emulator.cloud.community(GROUP).log
        return log.asked_from < log.number

    @asynccontextmanager
    async def hand(self, street: Street) -> AsyncIterator[VkHand]:
        yield VkHand(self._emulator)

    @property
    def _phone(self) -> Phone:
        return self._emulator.phone(VERA.id)
