"""MAX's side of the contract."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import orjson

from bot.channels.base import Accept, Connection, Report
from emulators.max import MaxBot, MaxEmulator, Phone, Settings
from emulators.max import wire as shapes
from emulators.telegram import AlbumPicture, Person
from emulators.telegram import Trouble as Weather
from inbox.content import Heard
from tests.contract.sides import PHONE, WORDS, Trouble
from tests.stories.buyers import PATIENCE, PhoneBuyer, Seen
from tests.stories.goods import picture
from tests.stories.street import Street

SECRET_HEADER = "X-Max-Bot-Api-Secret"
HOOK_SECRET = "secret-of-the-contract"
TOKEN = "f9LHodD0cOIcontract-of-max-never-seen"
BOT = MaxBot(600_078, TOKEN, name="Глина и лён", username="clay_linen_bot")
VERA = Person(700_075, "Вера", "Лунина", "vera_lun", PHONE)


def _own(phone: Phone) -> int:
    """His newest message."""
    return [message.id for message in phone.messages if not message.by_bot][-1]


ACTS: dict[Heard, Callable[[Phone], Any]] = {
    Heard.TEXT: lambda phone: phone.say(WORDS),
    Heard.PHOTO: lambda phone: phone.send_photo(picture(10), WORDS),
    Heard.DOCUMENT: lambda phone: phone.send_document(b"%PDF-1.4", "чек.pdf", mime_type="application/pdf"),
    Heard.VIDEO: lambda phone: phone.send_video(b"\x00\x00\x00\x18ftypmp42", WORDS),
    Heard.VOICE: lambda phone: phone.send_voice(b"OggS"),
    Heard.STICKER: lambda phone: phone.send_sticker(picture(50)),
    Heard.CONTACT: lambda phone: phone.share_contact(),
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


class MaxHand(PhoneBuyer):
    """MAX answers a press only when there is something to say: who presses waits for that, or for a change."""

    phone: Phone

    def __init__(self, emulator: MaxEmulator) -> None:
        self.phone = emulator.phone(VERA.id)
        self.name = self.phone.chat.person.name
        self._emulator = emulator

    async def press(self, label: str) -> str:
        return await self._answered(lambda: self.phone.press(label))

    async def press_again(self, seen: Seen, label: str) -> None:
        [name] = [name for text, name in seen.names.items() if label in text]
        await self._answered(lambda: self.phone.press_data(name, message_id=seen.id))

    async def share_phone(self, number: str) -> None:
        await self.tap("Отправить мой номер")

    async def tap(self, label: str) -> None:
        await self.phone.wait_for(lambda phone: label in phone.keys, timeout=PATIENCE)
        self.phone.press(label)

    async def does(self, what: Heard) -> None:
        ACTS[what](self.phone)

    async def says_twice(self, text: str) -> None:
        self._emulator.faults.duplicates = 1.0
        self.phone.say(text)

    async def _answered(self, press: Callable[[], Any]) -> str:
        pressed = press()
        before = self.phone.chat.feed.number

        def answered(phone: Any) -> bool:
            return bool(pressed.answered.is_set() or phone.chat.feed.number > before)

        await self.phone.wait_for(answered, timeout=PATIENCE)
        if not pressed.answered.is_set():
            # The words of an answer and the change of the message leave at once, in an order of their own.
            try:
                async with asyncio.timeout(1.0):
                    await pressed.answered.wait()
            except TimeoutError:
                return ""
        return str((pressed.answer or {}).get("text", ""))


class MaxSide:
    channel = "max"
    part_of_street = False

    def __init__(self) -> None:
        self._emulator = MaxEmulator([BOT], [VERA], settings=Settings(webhook_pace=0.005))
        self._place = Kept()

    async def start(self) -> None:
        await self._emulator.start()
        self._phone.start()

    async def stop(self) -> None:
        await self._emulator.stop()

    def sections(self) -> dict[str, Any]:
        section = {"name": "MAX", "bot": BOT.username, "token": TOKEN, "api": self._emulator.address}
        return {"max": [section]}

    def connection(self, accept: Accept, report: Report, **settings: Any) -> Connection:
        return Connection(
            account_id=1,
            external_id=BOT.username,
            secret=self.sealed(),
            settings={"api": self._emulator.address, **settings},
            public_url="http://127.0.0.1:9",
            accept=accept,
            report=report,
            place=self._place,
        )

    @property
    def chat(self) -> str:
        return str(shapes.chat_id(self._phone.chat))

    nobody = "987654321"
    secret = TOKEN

    async def meets(self, trouble: Trouble) -> None:
        if trouble is Trouble.UNREACHABLE:
            await self._emulator.stop()
        elif trouble is Trouble.BLOCKED:
            self._phone.block()
        elif trouble is Trouble.REVOKED:
            self._emulator.cloud.bots.clear()
        elif trouble is Trouble.TOO_FAST:
            self._emulator.plan(Weather.TOO_MANY_REQUESTS)
        elif trouble is Trouble.SILENT:
            self._emulator.plan(Weather.RESET, after=True)
        elif trouble is Trouble.OWN_ERROR:
            self._emulator.plan(Weather.SERVER_ERROR)

    def shown(self) -> list[tuple[str, list[str]]]:
        return [(message.text, message.labels) for message in self._phone.from_bot]

    def answers(self) -> list[str]:
        presses = self._emulator.cloud.of(BOT.id).presses.values()
        return [press.known.answer["text"] for press in presses if press.known.answer is not None]

    def is_typing(self) -> bool:
        return bool(self._phone.chat.typing)

    def says(self, text: str) -> None:
        self._phone.say(text)

    def presses(self, index: int) -> None:
        newest = self._phone.from_bot[-1]
        self._phone.press_data(newest.buttons[index].data, message_id=newest.id)

    def sealed(self, **parts: str) -> str:
        return orjson.dumps({"token": TOKEN, "webhook_secret": HOOK_SECRET, **parts}).decode()

    def event(self, text: str) -> tuple[dict[str, str], bytes]:
        told = shapes.message(self._emulator.cloud, self._phone.chat, by_bot=False, text=text)
        update = shapes.update(self._emulator.cloud, "message_created", message=told, user_locale="ru")
        return {SECRET_HEADER: HOOK_SECRET}, orjson.dumps(update)

    def strangers(self, headers: dict[str, str], body: bytes) -> list[tuple[dict[str, str], bytes]]:
        return [({SECRET_HEADER: given}, body) for given in ("", HOOK_SECRET[:-1], f"{HOOK_SECRET}x", "ключ", "\udcff")]

    def unknown(self) -> dict[str, Any]:
        user = shapes.user(VERA, 1)
        return {"update_type": "buyer_waved", "timestamp": 1, "chat_id": int(self.chat), "user": user}

    def untold(self) -> bool:
        return bool(self._emulator.cloud.of(BOT.id).log.unread())

    @asynccontextmanager
    async def hand(self, street: Street) -> AsyncIterator[MaxHand]:
        yield MaxHand(self._emulator)

    @property
    def _phone(self) -> Phone:
        return self._emulator.phone(VERA.id)
