"""What the servers hold: the world, the files, and each bot's account."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from emulators.telegram.errors import too_many_requests
from emulators.telegram.faults import Faults
from emulators.telegram.files import FileStore, StoredFile
from emulators.telegram.journal import Journal
from emulators.telegram.updates import UpdateQueue
from emulators.telegram.webhook import Postman
from emulators.telegram.world import Bot, Chat, Json, Person, World


@dataclass(frozen=True, slots=True)
class Settings:
    """How the emulator behaves.

    `webhook_pace` scales the pauses between webhook attempts; `press_lives` is how many seconds a button press waits
    for its answer; `flood_limits` turns on the real limits: one message a second to a chat (bursts of `chat_burst`)
    and 30 a second over all.
    """

    journal: Path | None = None
    journal_fsync: bool = False
    snapshot: Path | None = None
    webhook_pace: float = 1.0
    press_lives: float = 30.0
    flood_limits: bool = False
    chat_burst: int = 20
    bot_rate: int = 30


@dataclass(slots=True)
class Press:
    """A press of an inline button. `answer` is set when the bot answers or time runs out."""

    id: str
    chat: Chat
    message_id: int
    data: str
    pressed_at: float = field(default_factory=time.monotonic)
    answered: asyncio.Event = field(default_factory=asyncio.Event)
    answer: Json | None = None


class Bucket:
    """A rate with a burst: each call takes a drop, drops come back with time."""

    def __init__(self, rate: float, burst: int) -> None:
        self._rate, self._burst = rate, burst
        self._drops, self._at = float(burst), time.monotonic()

    def wait(self) -> float:
        """Take a drop; how many seconds until there is one, 0 if it was taken."""
        now = time.monotonic()
        self._drops = min(self._burst, self._drops + (now - self._at) * self._rate)
        self._at = now
        if self._drops >= 1:
            self._drops -= 1
            return 0.0
        return (1 - self._drops) / self._rate


class Account:
    """A bot as the servers know it: its updates, its webhook, the presses that wait for an answer."""

    def __init__(self, bot: Bot, cloud: Cloud) -> None:
        self.bot = bot
        self.queue = UpdateQueue(bot.id, faults=cloud.faults, counters=cloud.counters, journal=cloud.journal)
        self.postman = Postman(self.queue, faults=cloud.faults, pace=cloud.settings.webhook_pace)
        self.presses: dict[str, Press] = {}
        self._bucket = Bucket(cloud.settings.bot_rate, cloud.settings.bot_rate)
        self._chat_buckets: dict[int, Bucket] = {}
        self._settings = cloud.settings
        self._counters = cloud.counters

    def check_flood(self, chat: Chat) -> None:
        """Raise 429 if the bot writes faster than it may. Source: https://core.telegram.org/bots/faq"""
        if not self._settings.flood_limits:
            return
        bucket = self._chat_buckets.setdefault(chat.person.id, Bucket(1.0, self._settings.chat_burst))
        wait = bucket.wait() or self._bucket.wait()
        if wait:
            self._counters["refused_too_fast"] += 1
            raise too_many_requests(max(1, round(wait + 0.5)))

    def press(self, chat: Chat, message_id: int, data: str) -> Press:
        """Remember a press and forget those that were never answered."""
        now = time.monotonic()
        for old in [old for old in self.presses.values() if now - old.pressed_at > self._settings.press_lives]:
            self.presses.pop(old.id)
            old.answered.set()
        press = Press(str(self.bot.id * 10**10 + self.queue.next_id), chat, message_id, data)
        self.presses[press.id] = press
        return press

    def open_press(self, query_id: str) -> Press | None:
        press = self.presses.get(query_id)
        if press is None or time.monotonic() - press.pressed_at > self._settings.press_lives:
            return None
        return press


class Cloud:
    look = "telegram"
    """Which messenger the phone page looks like."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.world = World()
        self.files = FileStore()
        self.faults = Faults()
        self.counters: Counter[str] = Counter()
        self.journal = Journal(settings.journal, fsync=settings.journal_fsync) if settings.journal else None
        self.accounts: dict[str, Account] = {}
        self.stopping = asyncio.Event()
        self.origin = ""
        """Where the emulator listens."""
        self._portraits: dict[int, str] = {}
        self.files_take = 0.0
        """Seconds that a file is on its way, where files are brought before the messages that they go with."""

    def add_bot(self, bot: Bot) -> Account:
        """Register a bot; one that is known keeps its account."""
        account = self.accounts.get(bot.token)
        if account is None:
            self.world.bots[bot.id] = bot
            account = self.accounts[bot.token] = Account(bot, self)
        return account

    def portrait_of(self, person: Person) -> StoredFile | None:
        """What a person shows of himself, as a file; the same each time."""
        if not person.portrait:
            return None
        if person.id not in self._portraits:
            self._portraits[person.id] = self.files.add("photo", person.portrait).file_id
        return self.files.get(self._portraits[person.id])

    def goods_of(self, chat: Chat) -> Sequence[tuple[str, str, float, str]]:
        """What the messenger's own catalogue of this bot shows: (id, title, price, currency)."""
        return ()

    def add_person(self, person: Person) -> None:
        self.world.add_person(person)

    def account(self, bot_id: int) -> Account:
        return self.accounts[self.world.bots[bot_id].token]
