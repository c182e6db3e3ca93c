"""What the contract asks of a messenger's side: a stand-in of its service, and people who hold it in their hands.

A new channel is one file here that satisfies Side, and one line in SIDES or WIRED: every test then plays on it. Those
whose buyers hold a phone of the stand-ins make it of phones.PhoneSide.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from enum import StrEnum
from typing import Any, Protocol

from bot.channels.base import Accept, Connection, Receiver, Report
from inbox.capabilities import Heard
from tests.stories.buyers import Buyer, Seen
from tests.stories.street import Street


class Trouble(StrEnum):
    """What may happen to one call, whatever the service calls it."""

    UNREACHABLE = "unreachable"
    TOO_FAST = "too fast"
    REFUSED = "refused"
    BLOCKED = "blocked"
    SILENT = "done and not answered"
    OWN_ERROR = "an error of its own"
    REVOKED = "revoked"


class Hand(Buyer, Protocol):
    """A buyer who does everything that his messenger lets him do."""

    async def does(self, what: Heard) -> None:
        """Something of this kind; words, where there are any, are those of WORDS."""

    async def press_again(self, seen: Seen, label: str) -> None:
        """A button that stood under a message as it was seen once, whatever stands there now."""

    async def says_twice(self, text: str) -> None:
        """The service brings the same event two times."""


class Side(Protocol):
    """One messenger. A `part_of_street` stands on every street anyway."""

    channel: str
    part_of_street: bool

    async def start(self) -> None:
        """Open the stand-in with an account and a buyer who has begun to talk with it."""

    async def stop(self) -> None: ...

    def sections(self) -> dict[str, Any]:
        """The configuration that connects the account."""

    def untold(self) -> bool:
        """Whether the hub has not heard everything yet, as far as the street does not see that itself."""

    def hand(self, street: Street) -> AbstractAsyncContextManager[Hand]:
        """The buyer on a street where the account is connected."""


class WiredSide(Side, Protocol):
    """One whose messages go over a wire, which may break."""

    def connection(self, accept: Accept, report: Report, **settings: Any) -> Connection:
        """What the adapters of the account are made with."""

    @property
    def chat(self) -> str:
        """The buyer's chat, as the channel calls it."""

    async def meets(self, trouble: Trouble) -> None:
        """The next call meets this."""

    def shown(self) -> list[tuple[str, list[str]]]:
        """(text, labels) of the account's messages on the buyer's screen, oldest first."""

    def goods(self) -> list[str]:
        """The names of the products that stand as one thing in the newest message of the account."""

    def has_portrait(self) -> bytes:
        """The buyer shows a picture of himself from now on: this one."""

    def answers(self) -> list[str]:
        """The words that answered his presses."""

    def is_typing(self) -> bool:
        """Whether he sees that somebody writes to him."""

    def read_up_to(self) -> str:
        """The last of his messages that he sees as read."""

    def says(self, text: str) -> None:
        """The buyer writes."""

    def presses(self, index: int) -> None:
        """He presses this button of the newest message."""

    @property
    def nobody(self) -> str:
        """A chat that does not exist."""

    @property
    def secret(self) -> str:
        """The token, which must be seen nowhere."""

    def values(self) -> dict[str, str]:
        """What is entered beside the token when the account is connected."""

    def calling(self, receiver: Receiver) -> AbstractAsyncContextManager[None]:
        """The service calls this receiver, where it cannot be asked."""

    def sealed(self, **parts: str) -> str:
        """What is kept sealed of the account, with these parts of it changed."""

    def event(self, text: str) -> tuple[dict[str, str], bytes]:
        """A call of the service that brings these words: headers and body."""

    def strangers(self, headers: dict[str, str], body: bytes) -> list[tuple[dict[str, str], bytes]]:
        """The same call by those who do not know the secret."""

    def unknown(self) -> dict[str, Any]:
        """An event of the buyer's of a kind that was not there when the adapter was written."""


class AskedSide:
    """The service is asked for what is new, and its token is all that is entered."""

    def values(self) -> dict[str, str]:
        return {}

    @asynccontextmanager
    async def calling(self, receiver: Receiver) -> AsyncIterator[None]:
        yield


WORDS = "Это от покупателя"
"""What a buyer says with everything that can carry words."""

NAME, PHONE = "Вера Лунина", "+79000000074"
"""The buyer."""


def _telegram() -> WiredSide:
    from tests.contract.telegram import TelegramSide

    return TelegramSide()


def _max() -> WiredSide:
    from tests.contract.max import MaxSide

    return MaxSide()


def _vk() -> WiredSide:
    from tests.contract.vk import VkSide

    return VkSide()


def _whatsapp() -> WiredSide:
    from tests.contract.whatsapp import WhatsAppSide

    return WhatsAppSide()


def _email() -> WiredSide:
    from tests.contract.email import EmailSide

    return EmailSide()


def _webchat() -> Side:
    from tests.contract.webchat import WebChatSide

    return WebChatSide()


WIRED: Mapping[str, Callable[[], WiredSide]] = {
    "telegram": _telegram,
    "max": _max,
    "vk": _vk,
    "whatsapp": _whatsapp,
    "email": _email,
}
SIDES: Mapping[str, Callable[[], Side]] = {**WIRED, "webchat": _webchat}
