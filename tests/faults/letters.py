"""Buyers who write letters, and their mail service.

A mailbox is written to sixty times an hour at most by a shop that no person speaks for; so whoever has bought makes
room for somebody who was never here.
"""

from __future__ import annotations

import random
import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bot.channels import email_read
from bot.channels.base import button_name
from emulators.mail import Account, MailEmulator, Program, Trouble, program
from emulators.mail.world import Letter
from emulators.telegram.phones import Button, NoSuchThing, Shown
from tests.faults.messengers import Messenger, Talk, Told

if TYPE_CHECKING:
    from tests.faults.people import Device
    from tests.faults.weather import Weather

SHOP = "shop@clay.example"
PASSWORD = "clay-and-linen-by-letter"

WRITERS = 3
"""People who write letters, for each at another messenger: a letter is slower than a message."""

_OURS = re.compile(r"<prilavok\.([0-9a-f]+)\.([0-9a-f]+)\.")


class Press:
    """A choice that went out as a letter; nothing flashes."""

    answer: Mapping[str, Any] | None = None


class Correspondent:
    """One person with a mailbox, as a device. Letters of his arrive twice by `chance`; `doubled` of them did."""

    def __init__(self, program: Program, dice: random.Random, chance: float) -> None:
        self.program = program
        self._dice, self._chance = dice, chance
        self._seen: dict[int, Shown] = {}
        self.doubled = 0

    def meets(self, dice: random.Random, chance: float) -> None:
        self._dice, self._chance = dice, chance

    @property
    def address(self) -> str:
        return self.program.mailbox.account.address

    @property
    def messages(self) -> list[Shown]:
        return [self._shown(letter) for letter in self.program.mailbox.letters]

    @property
    def from_bot(self) -> Sequence[Shown]:
        return [self._shown(letter) for letter in self.program.mailbox.inbox]

    @property
    def last(self) -> Shown | None:
        return next(iter(reversed(self.from_bot)), None)

    @property
    def keys(self) -> Sequence[str]:
        return []

    def start(self) -> object:
        return self.program.write("Здравствуйте!", subject="start", copies=self._copies())

    def say(self, text: str) -> object:
        """In answer to the newest letter, as people do; it stands quoted below."""
        if (last := self.last) is not None:
            return self.program.answer(last.id, text, copies=self._copies())
        return self.program.write(text, copies=self._copies())

    def tap(self, label: str) -> object:
        return self.say(label)

    def press(self, label: str, *, message_id: int) -> Press:
        choices = {each.label: each.number for each in self.program.letter(message_id).choices if each.number}
        number = choices.get(label) or next((number for words, number in choices.items() if label in words), 0)
        if not number:
            raise NoSuchThing(f"no choice {label!r} in letter {message_id}")
        self.program.answer(message_id, str(number), copies=self._copies())
        return Press()

    def send_photo(self, content: bytes) -> object:
        return self.program.write("", files=[program.Upload("photo.png", "image/png", content)])

    async def wait_for(self, seen: Callable[[Any], Any], *, timeout: float) -> Any:  # noqa: ASYNC109
        return await self.program.wait_for(lambda: seen(self), seconds=timeout)

    def _copies(self) -> int:
        twice = self._dice.random() < self._chance
        self.doubled += twice
        return 2 if twice else 1

    def _shown(self, letter: Letter) -> Shown:
        if (known := self._seen.get(letter.uid)) is None:
            known = self._seen[letter.uid] = _shown(program.shown(letter))
        return known


def _shown(letter: program.Shown) -> Shown:
    """A letter in the words of the phones; its buttons are named as the hub would name them elsewhere."""
    ours = _OURS.match(str(letter.message.get("Message-ID", "")))
    message_id, version = (int(ours[1], 16), int(ours[2], 16)) if ours is not None else (0, 0)
    rows = tuple(
        (Button(each.label, button_name(message_id, version, n) if each.number else "", each.address),)
        for n, each in enumerate(letter.choices)
    )
    raw = {"message": message_id, "name": f"m{message_id:x}.{version:x}"}
    return Shown(letter.uid, not letter.sent, "text", letter.text, rows, edited=False, raw=raw)


class Email(Messenger):
    """A letter that went out without an answer can neither be looked for nor taken back: what is in doubt stays so."""

    channel = "email"
    clears_doubts = False
    patience = 12.0
    calm = 0.25

    def __init__(self, work: Path, buyers: int) -> None:
        self.mail = MailEmulator([Account(SHOP, "Глина и лён", PASSWORD)], [])
        self.world = self.mail.world
        self._box = self.world.mailboxes[SHOP]
        # An account begins with what comes once it is first read: that it was is seen by what it asks for then.
        self._first = self._box.add(b"From: post@mail.example\r\nMessage-ID: <0@mail.example>\r\n\r\nWelcome").uid
        self._dice, self._doubled = random.Random(1), 0.0
        self._people: list[Correspondent] = []
        self._devices = [self._somebody() for _ in range(buyers * WRITERS)]

    @property
    def devices(self) -> Sequence[Device]:
        return self._devices

    def following(self, device: Device) -> Device:
        return self._somebody() if isinstance(device, Correspondent) else device

    async def start(self, latency: float) -> None:
        await self.mail.start()
        self.world.chances.latency = latency / 4

    async def stop(self) -> None:
        await self.mail.stop()

    def addresses(self) -> Mapping[str, str]:
        imap, smtp = self.mail.ports
        return {"imap": f"imap://127.0.0.1:{imap}", "smtp": f"smtp://127.0.0.1:{smtp}"}

    def section(self, at: Mapping[str, str]) -> str:
        servers = f'imap = "{at["imap"]}"\nsmtp = "{at["smtp"]}"\nper_second = 20\n'
        return f'[[email]]\naddress = "{SHOP}"\npassword = "{PASSWORD}"\n{servers}'

    def meets(self, weather: Weather, dice: random.Random) -> None:
        chances = self.world.chances
        chances.dice = dice
        chances.letters = {
            # Who is refused for haste waits for half a minute.
            Trouble.TOO_FAST: weather.refused / 10,
            Trouble.FOR_NOW: weather.refused * 0.9 + weather.failed / 2,
            Trouble.NONSENSE: weather.failed / 2,
            Trouble.SILENT: weather.lost,
            Trouble.CUT: weather.reset / 2,
        }
        chances.cut, chances.silent, chances.hang = weather.reset / 2, weather.lost / 4, weather.hang
        self._dice, self._doubled = random.Random(dice.random()), weather.doubled
        for device in self._people:
            device.meets(self._dice, self._doubled)

    def met(self) -> Counter[str]:
        return self.world.chances.met + Counter({"doubled": sum(each.doubled for each in self._people)})

    def talks(self) -> Iterable[Talk]:
        for each in self._people:
            numbers: dict[str, int] = {}
            for letter, message in zip(each.program.mailbox.letters, each.messages, strict=True):
                # Of two copies of ours the last is the one that the hub knows of.
                numbers[_name_of(letter, message)] = letter.uid
            yield Talk(each.address, each.program.account_name, each.messages, numbers)

    def answers(self) -> int:
        return self.world.taken

    def waiting(self) -> bool:
        return self._box.fetched < max(letter.uid for letter in self._box.inbox)

    def told(self) -> Told:
        letters = [letter for letter in self._box.inbox if letter.uid > self._first]
        named = [
            (letter.uid, email_read.name_of(email_read.parsed(letter.source), letter.source)) for letter in letters
        ]
        made = frozenset(name for _, name in named)
        confirmed = frozenset(name for uid, name in named if uid <= self._box.fetched)
        return Told(made, confirmed, frozenset(self.world.unheard))

    def reaches(self, device: object) -> bool:
        return isinstance(device, Correspondent)

    def connected(self) -> bool:
        return self._box.fetched >= self._first

    def owner_of(self, message: Shown) -> int:
        return int(message.raw["message"])

    def _somebody(self) -> Correspondent:
        """Somebody who has never written before."""
        n = len(self._people)
        account = Account(f"buyer{n}@mail.example", f"Лида{n}")
        self.world.settle_in(account)
        person = Correspondent(self.mail.program(account.address), self._dice, self._doubled)
        self._people.append(person)
        return person


def _name_of(letter: Letter, message: Shown) -> str:
    """What the hub calls a letter within its chat."""
    if letter.sent:
        return email_read.name_of(email_read.parsed(letter.source), letter.source)
    return str(message.raw["name"])
