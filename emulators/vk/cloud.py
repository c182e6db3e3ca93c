"""What VK's servers hold: the world of people and chats, files, and each community with its events."""

from __future__ import annotations

import secrets
import time
from collections.abc import Iterable
from dataclasses import dataclass, field

from emulators.telegram import cloud as telegram
from emulators.telegram.cloud import Bucket
from emulators.telegram.world import Bot, Chat, Json
from emulators.vk.callback import Postman, Server
from emulators.vk.errors import ApiError
from emulators.vk.events import EventLog

RIGHTS = {"photos": 4, "messages": 4096, "docs": 131072, "manage": 262144}
"""What a community's token may be allowed. Source: https://dev.vk.com/reference/access-rights"""


@dataclass(frozen=True, slots=True)
class Settings(telegram.Settings):
    """How the emulator behaves. `webhook_pace` scales the pauses between deliveries to a callback server, `bot_rate`
    is how many calls a second a community may make when `flood_limits` are on."""

    press_lives: float = 60.0
    bot_rate: int = 20


@dataclass(slots=True)
class Community:
    """A community whose messages a program answers. `about` is what an empty chat shows."""

    id: int
    token: str = field(repr=False)
    name: str = ""
    screen_name: str = ""
    about: str = ""
    rights: frozenset[str] = frozenset(RIGHTS)

    def bot(self) -> Bot:
        """As the phone page knows it."""
        return Bot(
            f"{self.id}:{self.token}",
            name=self.name or f"Community {self.id}",
            username=self.screen_name or f"club{self.id}",
            about=self.about,
        )

    def group(self) -> Json:
        return {
            "id": self.id,
            "name": self.name or f"Community {self.id}",
            "screen_name": self.screen_name or f"club{self.id}",
            "is_closed": 0,
            "type": "group",
        }


@dataclass(frozen=True, slots=True)
class Stored:
    """An attachment that was uploaded: what VK says of it, and which of our files it is."""

    kind: str
    file_id: str
    shown: Json


class Account:
    """A community as the servers know it."""

    def __init__(self, community: Community, cloud: Cloud) -> None:
        self.community = community
        self.code = secrets.token_hex(4)
        self.log = EventLog(community.id, counters=cloud.counters, journal=cloud.journal)
        self.postman = Postman(self.log, faults=cloud.faults, pace=cloud.settings.webhook_pace, code=self.code)
        self.log.on_event = self.postman.post
        self.presses: dict[str, telegram.Press] = {}
        self._settings = cloud.settings
        self._bucket = Bucket(cloud.settings.bot_rate, cloud.settings.bot_rate)

    @property
    def servers(self) -> dict[int, Server]:
        return self.postman.servers

    def remember(self, press: telegram.Press) -> None:
        """Keep a press for as long as it may be answered."""
        oldest = time.monotonic() - self._settings.press_lives
        self.presses = {each.id: each for each in self.presses.values() if each.pressed_at > oldest} | {press.id: press}

    def check_rate(self) -> None:
        """Raise error 6 if the community calls faster than it may. Source: https://dev.vk.com/api/api-requests"""
        if self._settings.flood_limits and self._bucket.wait():
            raise ApiError(6)


class Cloud(telegram.Cloud):
    """The servers. What the phone page shows of them is what it shows of Telegram's."""

    look = "vk"

    def __init__(self, settings: Settings) -> None:
        super().__init__(settings)
        self.communities: dict[str, Account] = {}
        self.stored: dict[str, Stored] = {}
        self.refusals: list[Refusal] = []
        self.read_up_to: dict[tuple[int, int], int] = {}
        self.last_id = 0

    def add_community(self, community: Community) -> Account:
        """Register a community; one that is known keeps its account."""
        known = self.communities.get(community.token)
        if known is not None:
            return known
        self.world.bots[community.id] = community.bot()
        account = self.communities[community.token] = Account(community, self)
        return account

    def community(self, community_id: int) -> Account:
        return next(each for each in self.communities.values() if each.community.id == community_id)

    def next_id(self) -> int:
        """A number for a message, an attachment: it only grows, over restarts too."""
        self.last_id = (self.last_id or max(self._ids())) + 1
        return self.last_id

    def _ids(self) -> Iterable[int]:
        yield 1000
        for chat in self.world.chats.values():
            for message in chat.messages.values():
                yield message["vk"]["id"]

    def chat_of(self, account: Account, peer_id: int) -> Chat:
        """The dialog with this person. Raises what VK says to a community that may not write there."""
        if peer_id >= 2_000_000_000:
            raise ApiError(917)
        if peer_id <= 0 or peer_id not in self.world.people:
            raise ApiError(936)
        chat = self.world.chats.get((account.community.id, peer_id))
        if chat is None or not chat.started or chat.blocked:
            raise ApiError(901)
        return chat


@dataclass(slots=True)
class Refusal:
    """The next `times` fitting calls are refused with this code."""

    code: int
    times: int = 1
    methods: frozenset[str] = frozenset()
    peer_id: int | None = None
