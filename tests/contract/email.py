"""E-mail's side of the contract: a mail service, and a buyer with a mail program."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import orjson

from bot.channels.base import Accept, Connection, Report
from emulators.mail import Account, MailEmulator
from emulators.mail import Trouble as Weather
from emulators.mail.program import Shown, Upload
from inbox.capabilities import Heard
from tests.contract.phones import HOOK_SECRET, Kept
from tests.contract.sides import NAME, WORDS, AskedSide, Trouble
from tests.stories.buyers import PATIENCE, Seen
from tests.stories.goods import picture
from tests.stories.street import Street

SHOP, BUYER = "shop@clay.example", "vera.lunina@mail.example"
PASSWORD = "пароль-of-the-contract-never-seen"

FILES: dict[Heard, Upload] = {
    Heard.PHOTO: Upload("кружка.jpg", "image/jpeg", picture(10)),
    Heard.DOCUMENT: Upload("чек.pdf", "application/pdf", b"%PDF-1.4"),
    Heard.VIDEO: Upload("v.mp4", "video/mp4", b"\x00\x00\x00\x18ftypmp42"),
    Heard.AUDIO: Upload("song.mp3", "audio/mpeg", b"ID3"),
}

WEATHER = {
    Trouble.TOO_FAST: Weather.TOO_FAST,
    Trouble.BLOCKED: Weather.BLOCKED,
    Trouble.SILENT: Weather.SILENT,
    Trouble.OWN_ERROR: Weather.NONSENSE,
}


def seen(letter: Shown) -> Seen:
    return Seen(
        id=letter.uid,
        text=letter.text,
        labels=tuple(letter.labels),
        links={choice.label: choice.address for choice in letter.choices if not choice.number},
        pictures=letter.pictures,
        names={choice.label: str(choice.number) for choice in letter.choices if choice.number},
    )


class EmailHand:
    """Who reads letters and answers them."""

    in_place = False

    copies = 1
    """How often each of his letters arrives."""

    def __init__(self, mail: MailEmulator) -> None:
        self._mail = mail
        self.program = mail.program(BUYER)
        self.name = self.program.account_name

    async def start(self) -> None:
        self.program.write("Здравствуйте!", subject="start")

    async def say(self, text: str) -> None:
        """In answer to the newest letter, as people do; it stands quoted below."""
        if received := self.program.received:
            self.program.answer(received[-1].uid, text, copies=self.copies)
        else:
            self.program.write(text)

    async def tap(self, label: str) -> None:
        """The menu is words."""
        await self.say(label)

    async def press(self, label: str) -> str:
        before = len(self.program.mailbox.inbox)
        for letter in reversed(self.program.received):
            if any(label in choice.label and choice.number for choice in letter.choices):
                self.program.choose(letter.uid, label, copies=self.copies)
                await self.program.wait_for(lambda: len(self.program.mailbox.inbox) > before, seconds=PATIENCE)
                return ""
        raise LookupError(f"no choice {label!r}")

    async def share_phone(self, number: str) -> None:
        await self.say(number)

    async def sees(self, text: str, button: str = "") -> Seen:
        found = await self.program.wait_for(lambda: self._newest(text, button), seconds=PATIENCE)
        assert isinstance(found, Seen)
        return found

    def screen(self) -> list[Seen]:
        return [seen(letter) for letter in self.program.received]

    async def does(self, what: Heard) -> None:
        newest = self.program.received[-1].uid if self.program.received else 0
        if what in FILES:
            self.program.write(WORDS, files=[FILES[what]])
        elif what is Heard.ALBUM:
            self.program.write(WORDS, files=[Upload(f"{n}.jpg", "image/jpeg", picture(n)) for n in (20, 90)])
        elif what is Heard.REPLY:
            self.program.answer(newest, WORDS)
        elif what is Heard.FORWARD:
            self.program.forward(WORDS, "Том <tom@mail.example>")
        elif what is Heard.START:
            self.program.write("", subject="start spring")
        else:
            assert what is Heard.TEXT, what
            self.program.write(WORDS)

    async def press_again(self, before: Seen, label: str) -> None:
        self.program.choose(before.id, label)

    async def says_twice(self, text: str) -> None:
        self.program.answer(self.program.received[-1].uid, text, copies=2)

    def _newest(self, text: str, button: str) -> Seen | None:
        for letter in reversed(self.screen()):
            if text in letter.text and (not button or any(button in label for label in letter.labels)):
                return letter
        return None


class EmailSide(AskedSide):
    channel = "email"
    part_of_street = False
    nobody = "nobody@mail.example"
    secret = PASSWORD

    def __init__(self) -> None:
        self.mail = MailEmulator([Account(SHOP, "Глина и лён", PASSWORD)], [Account(BUYER, NAME)])
        self._kept = Kept()

    async def start(self) -> None:
        await self.mail.start()
        box = self.mail.world.mailboxes[SHOP]
        self._kept.at = f"{box.validity} 0 {0:.0f}"

    async def stop(self) -> None:
        await self.mail.stop()

    def sections(self) -> dict[str, Any]:
        imap, smtp = self.mail.ports
        box = {"address": SHOP, "password": PASSWORD, "imap": f"imap://127.0.0.1:{imap}", "per_second": 0}
        return {"email": [{**box, "smtp": f"smtp://127.0.0.1:{smtp}"}]}

    def untold(self) -> bool:
        """Letters that nobody has fetched yet."""
        box = self.mail.world.mailboxes[SHOP]
        return box.fetched < max((letter.uid for letter in box.inbox), default=0)

    @asynccontextmanager
    async def hand(self, street: Street) -> AsyncIterator[EmailHand]:
        yield EmailHand(self.mail)

    def connection(self, accept: Accept, report: Report, **settings: Any) -> Connection:
        return Connection(
            account_id=1,
            external_id=SHOP,
            secret=self.sealed(),
            settings={"api": self.mail.servers_of(SHOP), "sender": "Глина и лён", **settings},
            public_url="http://127.0.0.1:9",
            accept=accept,
            report=report,
            place=self._kept,
        )

    @property
    def chat(self) -> str:
        return BUYER

    async def meets(self, trouble: Trouble) -> None:
        if trouble is Trouble.UNREACHABLE:
            await self.mail.stop()
        elif trouble is Trouble.REVOKED:
            box = self.mail.world.mailboxes[SHOP]
            box.account = Account(SHOP, box.account.name, "another")
        elif trouble in WEATHER:
            self.mail.plan(WEATHER[trouble])

    def shown(self) -> list[tuple[str, list[str]]]:
        return [(letter.text, letter.labels) for letter in self.mail.program(BUYER).received]

    def answers(self) -> list[str]:
        return []

    def is_typing(self) -> bool:
        return False

    def has_portrait(self) -> bytes:
        raise NotImplementedError("a letter shows nobody")

    def goods(self) -> list[str]:
        raise NotImplementedError("in a letter products are choices")

    def read_up_to(self) -> str:
        return ""

    def says(self, text: str) -> None:
        self.mail.program(BUYER).write(text)

    def presses(self, index: int) -> None:
        program = self.mail.program(BUYER)
        program.answer(program.received[-1].uid, str(index + 1))

    def sealed(self, **parts: str) -> str:
        return orjson.dumps({"token": PASSWORD, "webhook_secret": HOOK_SECRET, **parts}).decode()

    def event(self, text: str) -> tuple[dict[str, str], bytes]:
        return {}, orjson.dumps({"text": text})

    def strangers(self, headers: dict[str, str], body: bytes) -> list[tuple[dict[str, str], bytes]]:
        return [(headers, body)]

    def unknown(self) -> dict[str, Any]:
        letter = f"From: {BUYER}\r\nContent-Type: application/pkcs7-mime; smime-type=enveloped-data\r\n\r\nAAAA"
        return {"letter": letter, "uid": 1, "validity": 1, "size": len(letter), "at": 0}
