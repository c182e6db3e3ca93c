"""What a messenger's adapter is asked to do, and how it says that it failed.

ChannelError
├── NotSent        certainly not sent, worth another try (connection refused)
│   └── Faltered   the channel says that it failed to send, and not why: it may pass, or never
├── Throttled      certainly not sent, the channel says when to try again
├── Rejected       refused for good; `blocked` when the buyer stopped us
│   └── Closed     free words are taken no more until the buyer writes
├── Unconfirmed    the request went out and no answer came: it may have been sent
└── Broken         the account itself does not work (token revoked): nothing can be sent or received
    └── NotOpen    this process has not opened it yet, so it is NotSent as well
"""

from __future__ import annotations

import hashlib
import hmac
import json
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

import orjson

from inbox.content import Incoming, Media, Outgoing
from kit.http import address_parts

logger = logging.getLogger(__name__)


class ChannelError(Exception):
    """The channel did not do what it was asked."""


class NotSent(ChannelError):
    """Nothing reached the channel."""


class Faltered(NotSent):
    """The channel failed to send it and does not say why. Worth another try after a while, in which it would tell that
    it did send it after all, and not for ever."""


class Throttled(ChannelError):
    """Too fast: try again after `retry_after` seconds."""

    def __init__(self, retry_after: float) -> None:
        self.retry_after = retry_after
        super().__init__(f"retry after {retry_after} s")


class Rejected(ChannelError):
    """The channel refused the message; trying again is no use."""

    def __init__(self, reason: str, *, blocked: bool = False) -> None:
        self.blocked = blocked
        super().__init__(reason)


class Closed(Rejected):
    """Too long since the buyer's last words: only a template would be taken."""


class Unconfirmed(ChannelError):
    """No answer came: the message may or may not be there."""


class Broken(ChannelError):
    """The account's token or address is no good."""


class NotOpen(Broken, NotSent):
    """The account has not been opened in this process yet: it will be in a moment."""


class Stranger(Exception):
    """Whoever calls did not show the secret of the account."""

    status = 401
    """Of the answer."""


class Unreadable(Exception):
    """What was brought is no event of this channel."""


@dataclass(frozen=True, slots=True)
class Envelope:
    """One raw event, as it came. `external_id` is unique within the account; `chat` names its lane."""

    chat: str
    external_id: str
    raw: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Attachment:
    """A stored file that goes with a message."""

    media: Media
    path: Path
    sha256: str
    mime: str
    name: str


@dataclass(frozen=True, slots=True)
class Parcel:
    """One message to send or to show in place of another. Its buttons are named by message, version and index."""

    message_id: int
    version: int
    chat: str
    outgoing: Outgoing
    attachments: Sequence[Attachment] = ()
    pictures: Mapping[int, Attachment] = field(default_factory=dict)
    """Of the products that stand in it as one thing, by the number of the file."""
    reply_to: str = ""
    """The channel's id of the message that is answered."""
    external_id: str = ""
    """The channel's id of this message, when it was sent before."""
    by_machine: bool = False
    """Nobody of the staff wrote it."""
    locale: str = "ru"
    """The buyer's language, for the few words that a channel adds of its own."""
    context: Mapping[str, str] = field(default_factory=dict)
    """What was learned of the conversation from what came: Incoming.context."""
    made_ms: int = 0
    """When the message was made, in ms since 1970: tells it from one of the same number in a database restored."""


Accept = Callable[[int, Sequence[Envelope]], Awaitable[int]]
"""Store envelopes durably; returns how many were new. What it took may be acknowledged to the channel."""

Holds = Callable[[], Awaitable[bool]]
"""Whether this process is still the one that receives for the account."""

Report = Callable[[int, str, str], Awaitable[None]]
"""Tell how an account is: (account id, "ok" | "broken" | "conflict", words)."""


class Place(Protocol):
    """How far an account's events were fetched, for channels that do not remember it for us."""

    async def get(self, account_id: int) -> str:
        """ "" when nothing was fetched yet."""

    async def keep(self, account_id: int, place: str) -> None:
        """What comes before this place is stored."""


class Nowhere:
    """For what does not fetch, and for what may begin anew each time."""

    async def get(self, account_id: int) -> str:
        return ""

    async def keep(self, account_id: int, place: str) -> None:
        """It is forgotten."""


@dataclass(frozen=True, slots=True)
class Connection:
    """One account and what its adapter needs; secrets are open here and nowhere else."""

    account_id: int
    external_id: str
    secret: str
    settings: Mapping[str, Any]
    public_url: str
    accept: Accept
    report: Report
    place: Place = field(default_factory=Nowhere)


class Receiver(Protocol):
    """How one account's events come in, on channels that are asked for them or that call us.

    It stands apart from Channel, which sends: the two live in different processes, and receiving needs no library.
    """

    channel: str
    """The channel's name, which stands in the address that it calls: /hooks/<channel>/<account>."""

    async def called(self, headers: Mapping[str, str], body: bytes) -> str:
        """Somebody calls the account's address: see that it is the channel, store what it brings, and give the words
        that it wants to hear. What returns is stored.

        Raises Stranger and Unreadable; then nothing is. `headers` are found whatever their letter case.
        """

    async def receive(self, holds: Holds) -> None:
        """Fetch, or have the channel call us, for as long as `holds`. One process at a time does this."""


@runtime_checkable
class Verifiable(Protocol):
    """A receiver whose channel asks the address for a proof before it brings anything there."""

    async def asked(self, query: Mapping[str, str]) -> str:
        """The words that the channel wants to hear. Raises Stranger."""


class Channel(Protocol):
    """One account on one messenger."""

    def parse(self, raw: Mapping[str, Any]) -> Sequence[Incoming]:
        """A raw event in our words; empty when it is nothing that a buyer says to us. Pure."""

    async def start(self) -> None:
        """Report how the account is, where that is known without receiving."""

    async def stop(self) -> None:
        """Close connections."""

    async def send(self, parcel: Parcel) -> str:
        """Send and return the channel's id of the message. Raises ChannelError."""

    async def edit(self, parcel: Parcel) -> str:
        """Show the parcel in place of `external_id`; returns the id that it has now. Raises ChannelError."""

    async def acknowledge(self, ack: str, text: str, *, alert: bool) -> None:
        """Answer a button press, with a short text or without. Raises ChannelError."""

    async def typing(self, chat: str, said: str) -> None:
        """Show the buyer, for some seconds, that somebody writes to him. `said` is the channel's id of his newest
        message, "" if there is none. Raises ChannelError."""

    async def seen(self, chat: str, said: str) -> None:
        """Show the buyer that he was read, up to this message of his. Raises ChannelError."""

    def fetch(self, media: Media) -> AsyncIterator[bytes]:
        """The bytes of an attachment that came in. Raises ChannelError."""


@dataclass(frozen=True, slots=True)
class Checkup:
    """How the way from the channel to us was found: `trouble` says what was wrong, also if it is mended by now."""

    trouble: str = ""


@runtime_checkable
class Checkable(Protocol):
    """A channel that others may quietly have turned away from us, so that nothing comes and nothing fails."""

    async def check(self) -> Checkup:
        """Look whether events still come our way, and mend it if not. Raises ChannelError."""


@runtime_checkable
class Preparing(Protocol):
    """A channel to which the files of a message are brought before it is sent."""

    async def prepare(self, parcel: Parcel) -> None:
        """Bring there what goes with the message and is not there yet, so that sending is one call. What the channel
        refuses is left to `send`. Raises ChannelError."""


@runtime_checkable
class Portraying(Protocol):
    """A channel that gives the picture that a person shows of himself."""

    async def portrait(self, chat: str, person: str) -> str:
        """What `fetch` takes for it, as Media.remote; "" if he shows none. Raises ChannelError."""


@runtime_checkable
class Searchable(Protocol):
    """A channel whose chats can be read: what became of a message without an answer can be looked up there."""

    async def find(self, parcel: Parcel, *, since: float, taken: Collection[str]) -> str | None:
        """The channel's id of the message that this parcel has become, None if it never arrived. Raises ChannelError.

        `since`, in seconds since 1970, is before the first try; `taken` are ids that are other messages' already.
        """


@runtime_checkable
class Pressable(Protocol):
    """A receiver of a channel whose buttons are links to our own page: a press comes from a browser."""

    def button(self, token: str) -> tuple[int, int]:
        """(message, index) of the button that a link names. Raises Stranger for a link that we never made."""

    async def pressed(self, token: str, once: str) -> None:
        """Store a press; the same `once` again is the same press. Raises Stranger."""


def check_secret(given: str, expected: str) -> None:
    """Raises Stranger unless the caller showed what we expect; an account without a secret may be called by nobody."""
    # A header may hold any bytes, which Python keeps as lone surrogates.
    if not expected or not hmac.compare_digest(given.encode(errors="surrogateescape"), expected.encode()):
        raise Stranger("wrong secret")


UNKNOWN_CHAT = "unreadable"
"""Where events lie of which cannot be told whose they are: they are kept, and nobody can be answered."""


def envelopes(
    events: Sequence[Mapping[str, Any]],
    chat_of: Callable[[Mapping[str, Any]], str],
    name_of: Callable[[Mapping[str, Any]], str],
) -> list[Envelope]:
    """Those of private chats. One whose shape nobody foresaw is kept too, and stops none of the others."""
    found = []
    for event in events:
        try:
            if chat := chat_of(event):
                found.append(Envelope(chat, name_of(event), event))
        except (LookupError, TypeError, AttributeError, ValueError):
            logger.warning("an event came in a shape that nobody foresaw; it is kept as it is")
            digest = hashlib.sha256(orjson.dumps(event, option=orjson.OPT_SORT_KEYS)).hexdigest()
            found.append(Envelope(UNKNOWN_CHAT, f"unreadable:{digest}", event))
    return found


def is_at(address: str, hosts: Collection[str]) -> bool:
    """Whether an address, by https, leads to one of these hosts or to one below them."""
    parts = address_parts(address)
    host = parts.hostname or ""
    return parts.scheme == "https" and any(host == each or host.endswith(f".{each}") for each in hosts)


def readable(said: bytes) -> Any:
    """JSON as a messenger said it, without the characters that no database keeps. Raises Unreadable.

    A zero character is left out, and half of a surrogate pair, which names cut off in the middle of an emoji end with,
    becomes "\ufffd": for such a character nothing that comes with it may be lost.
    """
    try:
        found = orjson.loads(said)
    except orjson.JSONDecodeError:
        try:
            return _mended(json.loads(said.decode("utf-8", "replace"), strict=False, parse_constant=lambda _: None))
        except (ValueError, RecursionError):
            raise Unreadable("not JSON") from None
    return _mended(found) if b"\\u0000" in said else found


def _mended(value: Any) -> Any:
    if isinstance(value, str):
        whole = value if value.isascii() else value.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
        return whole.replace("\x00", "")
    if isinstance(value, dict):
        return {_mended(name): _mended(each) for name, each in value.items()}
    return [_mended(each) for each in value] if isinstance(value, list) else value


def event_in(body: bytes) -> dict[str, Any]:
    """One event as JSON. Raises Unreadable."""
    event = readable(body)
    if not isinstance(event, dict):
        raise Unreadable("not an object")
    return event


def button_name(message_id: int, version: int, index: int) -> str:
    """A button's short opaque name: at most 40 ASCII characters."""
    return f"{message_id:x}.{version:x}.{index:x}"


def read_button(name: str) -> tuple[int, int, int]:
    """(message id, version, index), or zeros for a name that we never gave."""
    parts = name.split(".")
    if len(parts) != 3 or len(name) > 40:
        return 0, 0, 0
    try:
        message_id, version, index = (int(part, 16) for part in parts)
    except ValueError:
        return 0, 0, 0
    return (message_id, version, index) if 0 < message_id < 2**63 and version > 0 and index >= 0 else (0, 0, 0)
