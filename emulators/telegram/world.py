"""The people, the bots and what they have written to each other.

Messages are kept as the JSON objects that the Bot API shows, because that is what every reader asks for.
"""

from __future__ import annotations

import asyncio
import secrets
import time
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, NamedTuple

Json = dict[str, Any]

TYPING_LASTS = 5.0
"""Seconds that a chat action stays on the screen. Source: https://core.telegram.org/bots/api#sendchataction"""


@dataclass(slots=True)
class Person:
    """Somebody with a phone. `phone` is in the international form, with or without the plus.

    Who is not `listed` can be written to, but has no tab on the phone page.
    """

    id: int
    first_name: str
    last_name: str = ""
    username: str = ""
    phone: str = ""
    language_code: str = "ru"
    listed: bool = True
    portrait: bytes = field(default=b"", repr=False)
    """The picture that he shows of himself."""

    @property
    def name(self) -> str:
        return f"{self.first_name} {self.last_name}".rstrip()

    def user(self) -> Json:
        shown: Json = {"id": self.id, "is_bot": False, "first_name": self.first_name}
        for key in ("last_name", "username", "language_code"):
            if value := getattr(self, key):
                shown[key] = value
        return shown

    def private_chat(self) -> Json:
        shown: Json = {"id": self.id, "type": "private", "first_name": self.first_name}
        for key in ("last_name", "username"):
            if value := getattr(self, key):
                shown[key] = value
        return shown


@dataclass(slots=True)
class Bot:
    """A registered bot. `about` is what an empty chat shows above its Start button."""

    token: str = field(repr=False)
    name: str = ""
    username: str = ""
    about: str = ""
    commands: list[Json] = field(default_factory=list)
    id: int = field(init=False)

    def __post_init__(self) -> None:
        self.id = int(self.token.partition(":")[0])
        self.name = self.name or f"Bot {self.id}"
        self.username = self.username or f"bot{self.id}_bot"

    def user(self) -> Json:
        return {"id": self.id, "is_bot": True, "first_name": self.name, "username": self.username}


class Happening(NamedTuple):
    """Something that a person's screen shows. `details` are what cannot be read from the chat itself."""

    number: int
    kind: str
    bot_id: int
    message_id: int
    details: Json | None


class Feed:
    """What happened on one person's phone, numbered, so that a screen that lost its connection can catch up.

    `epoch` tells numbers of this run from those of an earlier one.
    """

    KEPT = 1000

    def __init__(self) -> None:
        self.epoch = secrets.token_hex(4)
        self.number = 0
        self.happenings: deque[Happening] = deque(maxlen=self.KEPT)
        self.screens: set[asyncio.Event] = set()

    def note(self, kind: str, bot_id: int, message_id: int, details: Json | None) -> None:
        self.number += 1
        self.happenings.append(Happening(self.number, kind, bot_id, message_id, details))
        self.wake()

    def wake(self) -> None:
        """Ring every screen that waits."""
        for screen in self.screens:
            screen.set()

    def since(self, number: int) -> list[Happening] | None:
        """Everything after this number; None if some of it is no longer kept."""
        if number > self.number or number < self.number - len(self.happenings):
            return None
        return [happening for happening in self.happenings if happening.number > number]


class Chat:
    """One person's private conversation with one bot.

    `started` turns true at the person's first act: until then the bot does not know the chat. `keyboard` is the
    reply keyboard (or force reply) that the person's phone shows now; `unread` counts the bot's messages that the
    person has not looked at; `watchers` are called after each change.
    """

    def __init__(self, bot: Bot, person: Person, feed: Feed) -> None:
        self.bot = bot
        self.feed = feed
        self.person = person
        self.wire = person.private_chat()
        self.bot_user = bot.user()
        self.person_user = person.user()
        self.messages: dict[int, Json] = {}
        self.signs: dict[int, str] = {}
        """What the person has put on messages, where it is no part of the message."""
        self.next_message_id = 1
        self.started = False
        self.blocked = False
        self.keyboard: Json | None = None
        self.keyboard_from: int | None = None
        self.action = ""
        self.action_until = 0.0
        self.unread = 0
        self.watchers: list[Callable[[], None]] = []

    @property
    def typing(self) -> str:
        """The chat action that the person sees now, or an empty string."""
        return self.action if self.action_until > time.monotonic() else ""

    @property
    def last_message(self) -> Json | None:
        return self.messages[next(reversed(self.messages))] if self.messages else None

    def add(self, *, by_bot: bool, content: Json) -> Json:
        """Put a message at the end and give it back as the Bot API shows it."""
        message_id = self.next_message_id
        self.next_message_id += 1
        message: Json = {
            "message_id": message_id,
            "from": self.bot_user if by_bot else self.person_user,
            "chat": self.wire,
            "date": int(time.time()),
            **content,
        }
        self.messages[message_id] = message
        if by_bot:
            self.unread += 1
            self.action_until = 0.0
        self.changed("message", message_id)
        return message

    def replace(self, message: Json) -> None:
        """Put an edited message in the place of its former look."""
        self.messages[message["message_id"]] = message
        self.changed("edited", message["message_id"])

    def remove(self, message_id: int) -> None:
        del self.messages[message_id]
        self.changed("deleted", message_id)

    def show_keyboard(self, keyboard: Json | None, message_id: int) -> None:
        """Put a reply keyboard on the phone, or take it away with None."""
        self.keyboard, self.keyboard_from = keyboard, message_id if keyboard else None
        self.changed("keyboard", message_id)

    def show_action(self, action: str) -> None:
        self.action, self.action_until = action, time.monotonic() + TYPING_LASTS
        self.changed("typing")

    def read(self) -> None:
        """The person has looked at everything."""
        if self.unread:
            self.unread = 0
            self.changed("read")

    def changed(self, kind: str, message_id: int = 0, details: Json | None = None) -> None:
        self.feed.note(kind, self.bot.id, message_id, details)
        for watcher in tuple(self.watchers):
            watcher()


def is_by_bot(message: Json) -> bool:
    return bool(message["from"]["is_bot"])


def quoted(message: Json) -> Json:
    """A message as it looks inside a reply to it: without what it replies to itself."""
    return {key: value for key, value in message.items() if key != "reply_to_message"}


class World:
    """All bots, people and chats of one emulator."""

    def __init__(self) -> None:
        self.bots: dict[int, Bot] = {}
        self.people: dict[int, Person] = {}
        self.chats: dict[tuple[int, int], Chat] = {}
        self.feeds: dict[int, Feed] = {}

    def add_person(self, person: Person) -> None:
        """Add a person, or change how a known one is called."""
        self.people[person.id] = person
        self.feeds.setdefault(person.id, Feed())
        for (_, person_id), chat in self.chats.items():
            if person_id == person.id:
                chat.person, chat.wire, chat.person_user = person, person.private_chat(), person.user()

    def chat(self, bot_id: int, person_id: int) -> Chat:
        """The chat of these two, opened if they never met."""
        chat = self.chats.get((bot_id, person_id))
        if chat is None:
            chat = Chat(self.bots[bot_id], self.people[person_id], self.feeds[person_id])
            self.chats[bot_id, person_id] = chat
        return chat

    def chats_of(self, person_id: int) -> Iterator[Chat]:
        """A chat with every bot there is, the untouched ones too: a phone lists them all."""
        return (self.chat(bot_id, person_id) for bot_id in self.bots)
