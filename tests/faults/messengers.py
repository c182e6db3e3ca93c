"""The messengers of a run: each one's stand-in, how the hub is told of it, and what it saw.

What it saw is asked of the stand-in, which no crash of the hub can have falsified. A messenger that knows our own key
of a message, lets us read the chat, or tells by itself what it has, clears every doubt up: there nothing may come
twice, whenever a hub dies.
"""

from __future__ import annotations

import random
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import orjson

from bot.channels import max_read, vk_read
from bot.channels.base import read_button
from emulators import max as maxes
from emulators import telegram, vk
from emulators.max import wire as max_wire
from emulators.telegram import Person, Trouble
from emulators.telegram.phones import Phone, Shown, shown
from emulators.telegram.served import Served
from emulators.telegram.world import Chat, Json

if TYPE_CHECKING:
    from tests.faults.people import Device
    from tests.faults.weather import Weather

OWNER = Person(900, "Илья", "Дорохов", "ilya_dorokhov", "+79000000900")
FIRST_BUYER = 1000
APART = 1000
"""Between the numbers of buyers of two messengers."""

TOKEN = "7007:faults-bot-of-clay-and-linen"
MAX_TOKEN = "f9LHodD0cOI-faults-of-clay-and-linen"
VK_TOKEN = "vk1.a.faults-of-clay-and-linen"
VK_GROUP = 700_700

PATIENCE = 2.5
"""Seconds without a change after which a person tries again."""


@dataclass(frozen=True, slots=True)
class Told:
    """Names of events, as the hub keeps them: all there were, and those that it has confirmed. `unheard` are messages,
    by talk and number in it, that arrived while the answer to their call was lost."""

    made: frozenset[str]
    confirmed: frozenset[str]
    unheard: frozenset[tuple[str, int]] = field(default=frozenset())


@dataclass(frozen=True, slots=True)
class Talk:
    """One person's chat as it stands before him. `name` is what the hub calls it, `numbers` are its messages by what
    the hub calls them."""

    name: str
    person: str
    messages: Sequence[Shown]
    numbers: Mapping[str, int]


class Messenger(ABC):
    """One account at one messenger, with people who buy there."""

    channel: ClassVar[str]
    clears_doubts: ClassVar[bool]

    patience: ClassVar[float] = PATIENCE
    """Seconds for which its people wait."""

    calm: ClassVar[float] = 0.0
    """Seconds without anything new after which they go on, where nothing changes in its place."""

    @property
    @abstractmethod
    def devices(self) -> Sequence[Device]:
        """What its buyers hold in their hands."""

    def following(self, device: Device) -> Device:
        """Who takes the place of somebody who has bought; himself, where nothing speaks against it."""
        return device

    @abstractmethod
    async def start(self, latency: float) -> None:
        """Open the stand-in, which takes so many seconds for each call."""

    @abstractmethod
    async def stop(self) -> None: ...

    @abstractmethod
    def addresses(self) -> Mapping[str, str]:
        """Where the hub finds it, by the names of the wires."""

    @abstractmethod
    def section(self, at: Mapping[str, str]) -> str:
        """Its part of config.toml, with these addresses."""

    def calls_by_way_of(self, port: int) -> None:
        """What it calls the hub for comes over this port. Who never calls has nothing to do."""
        return

    @abstractmethod
    def meets(self, weather: Weather, dice: random.Random) -> None:
        """Let it behave so from now on."""

    @abstractmethod
    def met(self) -> Counter[str]:
        """How many calls met which trouble so far."""

    @abstractmethod
    def talks(self) -> Iterable[Talk]:
        """Every chat there is."""

    @abstractmethod
    def answers(self) -> int:
        """How many calls that a person notices there were."""

    @abstractmethod
    def waiting(self) -> bool:
        """Whether it has events that the hub has not confirmed."""

    @abstractmethod
    def told(self) -> Told:
        """What it has told the hub so far."""

    @abstractmethod
    def reaches(self, device: object) -> bool:
        """Whether it is a buyer's device with this messenger."""

    def connected(self) -> bool:
        """Whether what is said now reaches the hub, be it later."""
        return True

    def off_screen(self, external: str) -> bool:
        """Whether a buyer's message is of those that do not stand on his phone."""
        return False

    def owner_of(self, message: Shown) -> int:
        """Which message of the hub's this is or is a copy of; 0 where it does not say."""
        return next((id_ for each in message.buttons if (id_ := read_button(each.data)[0])), 0)


class ByPhone(Messenger):
    """One whose people have it on their phones."""

    def __init__(self, emulator: Served[Any, Any], people: Sequence[Person], buyers: int) -> None:
        self.emulator = emulator
        self._buyers = [person.id for person in people][:buyers]

    @property
    def phones(self) -> list[Phone]:
        """Those of the buyers."""
        return [self.emulator.phone(person_id) for person_id in self._buyers]

    @property
    def devices(self) -> Sequence[Device]:
        return self.phones

    async def start(self, latency: float) -> None:
        await self.emulator.start()
        self.emulator.faults.latency = latency

    async def stop(self) -> None:
        await self.emulator.stop()

    def addresses(self) -> Mapping[str, str]:
        return {self.channel: self.emulator.address}

    def meets(self, weather: Weather, dice: random.Random) -> None:
        faults = self.emulator.faults
        faults.dice = dice
        faults.duplicates, faults.overtakes, faults.hang = weather.doubled, weather.overtaken, weather.hang
        faults.rates = {
            Trouble.TOO_MANY_REQUESTS: weather.refused,
            Trouble.SERVER_ERROR: weather.failed,
            Trouble.RESET: weather.reset / 2,
        }
        faults.late_rates = {Trouble.HANG: weather.lost, Trouble.RESET: weather.reset / 2}

    def met(self) -> Counter[str]:
        struck = {name: number for name, number in self.emulator.counters.items() if name.startswith("faults_")}
        return (
            Counter({name.removeprefix("faults_"): number for name, number in struck.items()})
            + self.emulator.faults.met
        )

    def talks(self) -> Iterable[Talk]:
        chats: Mapping[Any, Chat] = self.emulator.cloud.world.chats
        for chat in chats.values():
            messages = [shown(each) for each in chat.messages.values() if self._is_said(each)]
            yield Talk(self._name_of(chat), chat.person.name, messages, self._numbers(chat))

    def answers(self) -> int:
        return sum(number for name, number in self.emulator.counters.items() if name.startswith(self._noticed))

    _noticed: ClassVar[tuple[str, ...]] = ("calls_send", "calls_edit")

    def reaches(self, device: object) -> bool:
        return isinstance(device, Phone) and device.chat.person.id in self._buyers

    def _name_of(self, chat: Chat) -> str:
        """The chat in the hub's words."""
        return str(chat.person.id)

    def _numbers(self, chat: Chat) -> Mapping[str, int]:
        """Messages on the phone by what the hub calls them."""
        return {str(number): number for number in chat.messages}

    def _is_said(self, message: Json) -> bool:
        """Whether it is a message, and not what a press looks like."""
        return True


class Telegram(ByPhone):
    """Has neither a key for sending nor a history to read: what is in doubt stays in doubt."""

    channel = "telegram"
    clears_doubts = False

    def __init__(self, work: Path, buyers: int) -> None:
        self._journal = work / "telegram.jsonl"
        people = [*people_called("Покупатель", FIRST_BUYER, buyers), OWNER]
        settings = telegram.Settings(journal=self._journal, journal_fsync=True, press_lives=600)
        bots = [telegram.Bot(TOKEN, name="Глина и лён")]
        self.served = telegram.TelegramEmulator(bots, people, settings=settings)
        super().__init__(self.served, people, buyers)

    def section(self, at: Mapping[str, str]) -> str:
        return f'[[telegram]]\ntoken = "{TOKEN}"\napi = "{at["telegram"]}"\n'

    def waiting(self) -> bool:
        return any(account.queue.pending for account in self.served.cloud.accounts.values())

    def told(self) -> Told:
        made: set[str] = set()
        confirmed: set[str] = set()
        unheard: set[tuple[str, int]] = set()
        for line in self._journal.read_bytes().splitlines():
            fact = orjson.loads(line)
            if fact["kind"] == "update":
                (confirmed if fact["state"] == "confirmed" else made).add(str(fact["update_id"]))
            elif fact.get("trouble") and "message_id" in fact:
                unheard.add((str(fact["chat"]), fact["message_id"]))
        return Told(frozenset(made), frozenset(confirmed), frozenset(unheard))


class _Ear:
    """Hears every event of a log that forgets the old ones; `carry_on` is who heard of them before."""

    def __init__(self, carry_on: Callable[[Any], None] | None) -> None:
        self._carry_on = carry_on
        self._events: list[tuple[int, Json]] = []

    def __call__(self, event: Any) -> None:
        self._events.append((event.number, event.wire))
        if self._carry_on is not None:
            self._carry_on(event)

    def told(self, name_of: Callable[[Json], str], chat_of: Callable[[Json], str], *, up_to: int) -> Told:
        named = [(number, name_of(event)) for number, event in self._events if chat_of(event)]
        return Told(frozenset(name for _, name in named), frozenset(name for number, name in named if number <= up_to))


class Max(ByPhone):
    """Lets us read the chat: a message in doubt is looked up there."""

    channel = "max"
    clears_doubts = True

    def __init__(self, work: Path, buyers: int) -> None:
        people = people_called("Максим", FIRST_BUYER + APART, buyers)
        settings = maxes.Settings(journal=work / "max.jsonl", journal_fsync=True, press_lives=600)
        bot = maxes.MaxBot(700_701, MAX_TOKEN, name="Глина и лён", username="clay_linen_bot")
        self.served = maxes.MaxEmulator([bot], people, settings=settings)
        self._log = self.served.cloud.of(bot.id).log
        self._ear = self._log.on_push = _Ear(self._log.on_push)
        super().__init__(self.served, people, buyers)

    def section(self, at: Mapping[str, str]) -> str:
        return f'[[max]]\nbot = "clay_linen_bot"\ntoken = "{MAX_TOKEN}"\napi = "{at["max"]}"\n'

    def waiting(self) -> bool:
        return bool(self._log.unread())

    def told(self) -> Told:
        return self._ear.told(max_read.id_of, max_read.chat_of, up_to=self._log.confirmed)

    def connected(self) -> bool:
        """A first poll finds the place out; who names it has kept it."""
        return self.served.counters.get("polls_with_a_marker", 0) > 0

    def _name_of(self, chat: Chat) -> str:
        return str(max_wire.chat_id(chat))

    def _numbers(self, chat: Chat) -> Mapping[str, int]:
        return {message["max"]["body"]["mid"]: number for number, message in chat.messages.items()}

    def off_screen(self, external: str) -> bool:
        """The press on Start."""
        return external.startswith("bot_started:")


class Vk(ByPhone):
    """Knows our key of a message: the same one again is the same message."""

    channel = "vk"
    clears_doubts = True
    _noticed = ("calls_messages.send", "calls_messages.edit")

    def __init__(self, work: Path, buyers: int) -> None:
        people = people_called("Вика", FIRST_BUYER + 2 * APART, buyers)
        settings = vk.Settings(journal=work / "vk.jsonl", journal_fsync=True, press_lives=600)
        community = vk.Community(VK_GROUP, VK_TOKEN, "Глина и лён", "clay_linen")
        self.served = vk.VkEmulator([community], people, settings=settings)
        self._log = self.served.cloud.community(VK_GROUP).log
        self._ear = self._log.on_event = _Ear(self._log.on_event)
        super().__init__(self.served, people, buyers)

    def section(self, at: Mapping[str, str]) -> str:
        return f'[[vk]]\ngroup = {VK_GROUP}\ntoken = "{VK_TOKEN}"\napi = "{at["vk"]}"\nusername = "clay_linen"\n'

    def connected(self) -> bool:
        """Its place is kept before it is asked for anything."""
        return self._log.asked_from > 0

    def waiting(self) -> bool:
        return self._log.asked_from < self._log.number

    def told(self) -> Told:
        return self._ear.told(vk_read.name_of, vk_read.chat_of, up_to=self._log.asked_from)


def people_called(name: str, first: int, how_many: int) -> list[Person]:
    return [
        Person(first + n, f"{name}{n}", "", f"buyer_{first + n}", f"+7900{1000000 + first + n}")
        for n in range(how_many)
    ]
