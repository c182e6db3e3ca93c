"""What MAX's servers hold: the world of people and dialogs, files, and each bot with its updates."""

from __future__ import annotations

import secrets
import time
from dataclasses import dataclass, field

from emulators.max.errors import denied, not_found, too_many_requests
from emulators.max.updates import Log, Postman
from emulators.telegram import cloud as telegram
from emulators.telegram.cloud import Bucket
from emulators.telegram.world import Bot, Chat, Json


@dataclass(frozen=True, slots=True)
class Settings(telegram.Settings):
    """How the emulator behaves. `webhook_pace` scales the pauses between deliveries and the eight hours after which an
    address is taken off; `digests` is how many seconds an uploaded file is not ready."""

    press_lives: float = 60.0
    digests: float = 0.0


@dataclass(slots=True)
class MaxBot:
    """A registered bot. `about` is what an empty dialog shows above its start button."""

    id: int
    token: str = field(repr=False)
    name: str = ""
    username: str = ""
    about: str = ""

    def __post_init__(self) -> None:
        self.name = self.name or f"Bot {self.id}"
        self.username = self.username or f"id{self.id}_bot"

    def bot(self) -> Bot:
        """As the phone page knows it."""
        return Bot(f"{self.id}:{self.token}", name=self.name, username=self.username, about=self.about)


@dataclass(frozen=True, slots=True)
class Stored:
    """A file that was uploaded: its kind, which of ours it is, and from when on a message may name it."""

    kind: str
    file_id: str
    ready_at: float = 0.0


@dataclass(slots=True)
class Press:
    """A press of a button, as the phone's page and the API know it."""

    known: telegram.Press
    mid: str


class Account:
    """A bot as the servers know it."""

    def __init__(self, bot: MaxBot, cloud: Cloud) -> None:
        self.bot = bot
        self.log = Log(bot.id, faults=cloud.faults, counters=cloud.counters, journal=cloud.journal)
        self.postman = Postman(self.log, faults=cloud.faults, pace=cloud.settings.webhook_pace)
        self.log.on_push = self.postman.post
        self.presses: dict[str, Press] = {}
        self._settings = cloud.settings
        self._bucket = Bucket(cloud.settings.bot_rate, cloud.settings.bot_rate)

    def check_rate(self) -> None:
        """Raise 429 if the bot calls faster than 30 times a second. Source: POST /uploads of the documentation"""
        if self._settings.flood_limits and self._bucket.wait():
            raise too_many_requests()

    def press(self, chat: Chat, message_id: int, data: str) -> Press:
        """Remember a press and forget those that are long over."""
        now = time.monotonic()
        for old in [o for o in self.presses.values() if now - o.known.pressed_at > self._settings.press_lives]:
            self.presses.pop(old.known.id)
            old.known.answered.set()
        pressed = telegram.Press(f"f9LHodD0cOI{secrets.token_hex(12)}", chat, message_id, data)
        self.presses[pressed.id] = Press(pressed, chat.messages[message_id]["max"]["body"]["mid"])
        return self.presses[pressed.id]


class Cloud(telegram.Cloud):
    """The servers. What the phone page shows of them is what it shows of Telegram's."""

    look = "max"

    def __init__(self, settings: Settings) -> None:
        super().__init__(settings)
        self.digests = settings.digests
        self.bots: dict[str, Account] = {}
        self.uploads: dict[str, tuple[str, str]] = {}
        """Addresses that files may be put at: (kind, the token that was told beforehand)."""
        self.stored: dict[str, Stored] = {}
        self._clock = 0

    def register(self, bot: MaxBot) -> Account:
        """One that is known keeps its account."""
        account = self.bots.get(bot.token)
        if account is None:
            self.world.bots[bot.id] = bot.bot()
            account = self.bots[bot.token] = Account(bot, self)
        return account

    def of(self, bot_id: int) -> Account:
        return next(each for each in self.bots.values() if each.bot.id == bot_id)

    def now(self) -> int:
        """Milliseconds since 1970, no two alike."""
        self._clock = max(self._clock + 1, int(time.time() * 1000))
        return self._clock

    def dialog(self, bot_id: int, chat_id: int) -> Chat:
        """The dialog of this number. Raises what MAX says to a bot that may not write there."""
        chat = self.world.chats.get((bot_id, person_in(bot_id, chat_id)))
        if chat is None:
            raise not_found("chat")
        return chat

    def writable(self, bot_id: int, chat_id: int) -> Chat:
        chat = self.dialog(bot_id, chat_id)
        if not chat.started or chat.blocked:
            raise denied()
        return chat

    def message(self, bot_id: int, mid: str) -> tuple[Chat, Json]:
        """The message of this id, with its dialog."""
        for (owner, _person), chat in self.world.chats.items():
            if owner == bot_id:
                for message in chat.messages.values():
                    if message["max"]["body"]["mid"] == mid:
                        return chat, message
        raise not_found("message")


def chat_id_of(bot_id: int, person_id: int) -> int:
    """The number of a dialog: it is neither's own."""
    return bot_id ^ person_id


def person_in(bot_id: int, chat_id: int) -> int:
    return bot_id ^ chat_id
