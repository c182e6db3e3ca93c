"""What the sides of messengers on a phone share: the stand-in's person and what he does with it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, ClassVar

import orjson

from bot.channels.base import Accept, Connection, Nowhere, Place, Report
from emulators.telegram import AlbumPicture, Phone
from emulators.telegram import Trouble as Weather
from emulators.telegram.served import Served
from inbox.capabilities import Heard
from tests.contract.sides import WORDS, AskedSide, Trouble
from tests.stories.buyers import PhoneBuyer, Seen
from tests.stories.goods import picture

HOOK_SECRET = "secret-of-the-contract"


def _own(phone: Phone) -> int:
    """His newest message."""
    return [message.id for message in phone.messages if not message.by_bot][-1]


ACTS: Mapping[Heard, Callable[[Phone], Any]] = {
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
    Heard.SIGN: lambda phone: phone.react(phone.from_bot[-1].id, "👍"),
    Heard.REMOVAL: lambda phone: phone.remove(_own(phone)),
    Heard.START: lambda phone: phone.start("spring"),
    Heard.LEAVE: lambda phone: phone.block(),
}


class PhoneHand(PhoneBuyer):
    """Who holds the phone."""

    def __init__(self, emulator: Served[Any, Any], person_id: int) -> None:
        self.phone = emulator.phone(person_id)
        self.name = self.phone.chat.person.name
        self._emulator = emulator

    async def does(self, what: Heard) -> None:
        ACTS[what](self.phone)

    def takes_off_sign(self) -> None:
        """What Heard.SIGN has put there."""
        self.phone.react(self.phone.from_bot[-1].id, "")

    async def press_again(self, seen: Seen, label: str) -> None:
        await self.phone.wait_for_answer(self._press(seen, label))

    async def says_twice(self, text: str) -> None:
        self._emulator.faults.duplicates = 1.0
        self.phone.say(text)

    def _press(self, seen: Seen, label: str) -> Any:
        [name] = [name for text, name in seen.names.items() if label in text]
        return self.phone.press_data(name, message_id=seen.id)


class PhoneSide(AskedSide):
    """One messenger on a phone. What its service alone has stands in the class that is made of this one."""

    part_of_street = False
    nobody = "987654321"
    secret: ClassVar[str]
    """The account's token."""

    external_id: ClassVar[str]
    """Of the account."""

    place: Place = Nowhere()

    def __init__(self, emulator: Served[Any, Any], buyer_id: int) -> None:
        self._emulator = emulator
        self._buyer_id = buyer_id

    async def start(self) -> None:
        await self._emulator.start()
        self._phone.start()

    async def stop(self) -> None:
        await self._emulator.stop()

    def connection(self, accept: Accept, report: Report, **settings: Any) -> Connection:
        return Connection(
            account_id=1,
            external_id=self.external_id,
            secret=self.sealed(),
            settings={"api": self._emulator.address, **settings},
            public_url="http://127.0.0.1:9",
            accept=accept,
            report=report,
            place=self.place,
        )

    @property
    def chat(self) -> str:
        return str(self._buyer_id)

    async def meets(self, trouble: Trouble) -> None:
        if trouble is Trouble.UNREACHABLE:
            await self._emulator.stop()
        elif trouble is Trouble.BLOCKED:
            self._phone.block()
        elif trouble is Trouble.REVOKED:
            self.revoke()
        elif trouble is Trouble.TOO_FAST:
            self.hold_back()
        elif trouble is Trouble.SILENT:
            self._emulator.plan(Weather.RESET, after=True)
        elif trouble is Trouble.OWN_ERROR:
            self._emulator.plan(Weather.SERVER_ERROR)

    def revoke(self) -> None:
        """The token is no good any more."""
        raise NotImplementedError

    def hold_back(self) -> None:
        """The next call is refused for its haste."""
        self._emulator.plan(Weather.TOO_MANY_REQUESTS, retry_after=7)

    def shown(self) -> list[tuple[str, list[str]]]:
        return [(message.text, message.labels) for message in self._phone.from_bot]

    def goods(self) -> list[str]:
        newest = self._phone.from_bot[-1].raw
        return [str(each["title"]) for each in newest.get("carousel") or newest.get("goods") or ()]

    def has_portrait(self) -> bytes:
        return shows_himself(self._phone)

    def is_typing(self) -> bool:
        return bool(self._phone.chat.typing)

    def read_up_to(self) -> str:
        read = [each for each in self._phone.messages if not each.by_bot and each.raw.get("ticks") == "read"]
        return read[-1].text if read else ""

    def says(self, text: str) -> None:
        self._phone.say(text)

    def presses(self, index: int) -> None:
        newest = self._phone.from_bot[-1]
        self._phone.press_data(newest.buttons[index].data, message_id=newest.id)

    def sealed(self, **parts: str) -> str:
        return orjson.dumps({"token": self.secret, "webhook_secret": HOOK_SECRET, **parts}).decode()

    @property
    def _phone(self) -> Phone:
        phone: Phone = self._emulator.phone(self._buyer_id)
        return phone


def shows_himself(phone: Phone) -> bytes:
    """By a picture, from now on: this one."""
    shown = replace(phone.chat.person, portrait=picture(60))
    phone._cloud.world.people[shown.id] = phone.chat.person = shown
    return shown.portrait


def wrong_headers(name: str, body: bytes) -> list[tuple[dict[str, str], bytes]]:
    """A call by those who do not know the secret that this header carries."""
    wrong = ("", HOOK_SECRET[:-1], f"{HOOK_SECRET}x", "ключ", "\udcff")
    return [({name: given}, body) for given in wrong]


class Kept:
    """How far an account was read."""

    def __init__(self) -> None:
        self.at = ""

    async def get(self, account_id: int) -> str:
        return self.at

    async def keep(self, account_id: int, place: str) -> None:
        self.at = place
