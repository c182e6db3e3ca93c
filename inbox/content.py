"""The vocabulary of talk: what buyers say, what the shop says, and what a channel can carry.

Flows, the console and the adapters share these values; no messenger's own words appear above the adapters.
"""

from __future__ import annotations

import html
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from functools import lru_cache
from html.parser import HTMLParser
from typing import Any

from pydantic import TypeAdapter, ValidationError


class Style(StrEnum):
    BOLD = "bold"
    ITALIC = "italic"
    UNDERLINE = "underline"
    STRIKE = "strike"
    CODE = "code"
    PRE = "pre"
    QUOTE = "quote"
    SPOILER = "spoiler"
    LINK = "link"


@dataclass(frozen=True, slots=True)
class Span:
    """Formatting of `length` code points from `offset`; `url` only for a link."""

    style: Style
    offset: int
    length: int
    url: str = ""


class MediaKind(StrEnum):
    PHOTO = "photo"
    DOCUMENT = "document"
    VIDEO = "video"
    VOICE = "voice"
    AUDIO = "audio"
    STICKER = "sticker"


@dataclass(frozen=True, slots=True)
class Media:
    """One attachment. `file_id` is our stored file; `remote` is the channel's own handle until it is fetched."""

    kind: MediaKind
    file_id: int | None = None
    remote: str = ""
    name: str = ""
    mime: str = ""
    size: int = 0
    duration: int = 0
    """Seconds, for what is played."""
    emoji: str = ""
    """What a sticker stands for."""


@dataclass(frozen=True, slots=True)
class Contact:
    phone: str
    name: str = ""
    own: bool = False
    """The sender's own contact, vouched for by the channel."""


@dataclass(frozen=True, slots=True)
class Location:
    latitude: float
    longitude: float
    title: str = ""


@dataclass(frozen=True, slots=True)
class Action:
    """What a button does: `name` is a key of the flow's ACTIONS, `args` its ids."""

    name: str
    args: Mapping[str, int | str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Press:
    """A button was pressed: which message, which button, of which version of the message; `ack` answers the press.

    `place` is the channel's own id of the message that was pressed, where the channel tells it.
    """

    message_id: int
    index: int
    version: int
    ack: str = ""
    place: str = ""


@dataclass(frozen=True, slots=True)
class Profile:
    """Who speaks, as the channel tells it."""

    external_id: str
    name: str = ""
    username: str = ""
    locale: str = ""
    phone: str = ""
    email: str = ""
    """Where the channel's own messages reach him."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """One line of an order that was put together in the messenger's own catalogue, as it calls the goods."""

    sku: str
    quantity: int
    price: float = 0.0
    """For one, as the messenger showed it."""
    currency: str = ""


class Fate(StrEnum):
    """What a channel tells of a message of ours."""

    SENT = "sent"
    DELIVERED = "delivered"
    READ = "read"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Receipt:
    """What became of a message of the shop: told by the channel, or by whatever names the message, so that it did go
    out. `place` is the channel's id of it, `key` our own that went with it."""

    place: str
    fate: Fate
    key: str = ""
    reason: str = ""
    """Why it failed."""
    closed: bool = False
    """It failed because the channel takes free words no more until the buyer writes."""
    gone: bool = False
    """It failed because nothing will ever reach the buyer."""


@dataclass(frozen=True, slots=True)
class Incoming:
    """One thing that a buyer said or did. `external_id` is the message's id within its chat."""

    external_id: str
    profile: Profile
    text: str = ""
    spans: tuple[Span, ...] = ()
    media: tuple[Media, ...] = ()
    press: Press | None = None
    contact: Contact | None = None
    location: Location | None = None
    start: str | None = None
    """The buyer opened the bot; the deep link's parameter, or ""."""
    reply_to: str = ""
    """external_id of the message that is answered."""
    edited: bool = False
    unsupported: str = ""
    """The channel's name for a kind we do not know; the raw event is kept."""
    left: bool = False
    """The buyer stopped the bot or blocked the shop."""
    album: str = ""
    """Parts of one album carry the same key."""
    context: Mapping[str, str] = field(default_factory=dict)
    """Page, referrer, utm_* of a web visitor; what an answer by letter must name."""
    by_machine: bool = False
    """Written by a program on somebody's behalf: kept, and never answered by one."""
    sent_at: float = 0.0
    """Seconds since 1970 by the channel's clock."""
    signs: tuple[str, ...] | None = None
    """What he has put on the message in `reply_to`, all of it; () when he has taken it off. None for anything else."""
    removed: bool = False
    """He has taken away the message of this external_id."""
    wanted: tuple[Wanted, ...] = ()
    """An order from the messenger's own catalogue."""
    receipt: Receipt | None = None
    """Not what the buyer says: a message of ours is told of, and nothing else."""


@dataclass(frozen=True, slots=True)
class Button:
    """`action` comes back as a Press; `url` opens a page; `ask` asks for the buyer's contact."""

    label: str
    action: Action | None = None
    url: str = ""
    ask_contact: bool = False


@dataclass(frozen=True, slots=True)
class Card:
    """What a message is about, for channels and pages that can show more than text.

    `kind` is product, cart, order or payment; `id` is the product's, customer's, order's or payment's.
    """

    kind: str
    id: int
    title: str = ""
    price: str = ""
    note: str = ""
    sku: str = ""
    """Of a product, where it may be shown out of the messenger's own catalogue."""


@dataclass(frozen=True, slots=True)
class Offer:
    """One product of several. `button` is what it is in a list of buttons; the rest is for what shows products."""

    button: Button
    title: str = ""
    note: str = ""
    """Its price, or that there is none of it."""
    opens: str = ""
    """On its button, where its name stands above."""
    photo: Media | None = None
    sku: str = ""


@dataclass(frozen=True, slots=True)
class Offers:
    """Several products that are shown as one thing where the channel can; elsewhere each is a button of the message."""

    each: tuple[Offer, ...]
    title: str = ""
    """What they are, in a word or two."""
    below: int = 0
    """How many of the message's rows stand above them where they are buttons."""
    after: str = ""
    """What stands above the rows where these have a message of their own."""


@dataclass(frozen=True, slots=True)
class Template:
    """Words that the channel has approved before, with what is filled into their gaps, in order."""

    name: str
    language: str
    header: tuple[str, ...] = ()
    body: tuple[str, ...] = ()
    link: str = ""
    """What ends the address of the template's button, where that has a gap."""
    names: tuple[str, ...] = ()
    """Of the gaps in the body, where they have names."""


@dataclass(frozen=True, slots=True)
class Occasion:
    """Why the shop writes of itself, and what may be said of it: for a template, where free words are not taken."""

    name: str
    facts: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Outgoing:
    """One message of the shop. `rows` of buttons stand under it; `keyboard` rows replace the buyer's keyboard.

    The text is enough by itself: cards and buttons only make it nicer where the channel can. The text of a `template`
    is what the buyer sees of it.
    """

    text: str = ""
    spans: tuple[Span, ...] = ()
    media: tuple[Media, ...] = ()
    rows: tuple[tuple[Button, ...], ...] = ()
    keyboard: tuple[tuple[Button, ...], ...] = ()
    drop_keyboard: bool = False
    card: Card | None = None
    offers: Offers | None = None
    reply_to: str = ""
    template: Template | None = None
    occasion: Occasion | None = None
    """Never kept: it only chooses a template."""

    def buttons(self) -> list[Button]:
        """In the order in which a press counts them. Products that stand as one thing have no rows beside them."""
        shown = self.offers.each if self.offers is not None else ()
        return [*(button for row in self.rows for button in row), *(offer.button for offer in shown)]


_INCOMING: TypeAdapter[Incoming] = TypeAdapter(Incoming)
_OUTGOING: TypeAdapter[Outgoing] = TypeAdapter(Outgoing)


def dump(content: Incoming | Outgoing) -> dict[str, Any]:
    """JSON-ready form for Message.content; defaults are left out."""
    adapter: TypeAdapter[Any] = _INCOMING if isinstance(content, Incoming) else _OUTGOING
    form: dict[str, Any] = adapter.dump_python(content, mode="json", exclude_defaults=True)
    form.pop("occasion", None)
    return form


def load_incoming(form: Mapping[str, Any]) -> Incoming:
    """What was kept of a buyer's message. Where a channel sent something that makes no sense, only what can be read."""
    try:
        return _INCOMING.validate_python(form)
    except ValidationError as failure:
        wrong = {error["loc"][0] for error in failure.errors(include_url=False, include_input=False)}
        known = {name: value for name, value in form.items() if name not in wrong}
        who = known.get("profile", {"external_id": ""})
        return _INCOMING.validate_python({"external_id": "", "unsupported": "unreadable", **known, "profile": who})


def load_outgoing(form: Mapping[str, Any]) -> Outgoing:
    return _OUTGOING.validate_python(form)


_TAGS = {
    "b": Style.BOLD,
    "strong": Style.BOLD,
    "i": Style.ITALIC,
    "em": Style.ITALIC,
    "u": Style.UNDERLINE,
    "s": Style.STRIKE,
    "code": Style.CODE,
    "pre": Style.PRE,
    "blockquote": Style.QUOTE,
    "a": Style.LINK,
}


class _Markup(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.text = ""
        self.spans: list[Span] = []
        self._open: list[tuple[str, Style, int, str]] = []

    def handle_data(self, data: str) -> None:
        self.text += data

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if style := _TAGS.get(tag):
            self._open.append((tag, style, len(self.text), dict(attrs).get("href") or ""))

    def handle_endtag(self, tag: str) -> None:
        for i in range(len(self._open) - 1, -1, -1):
            if self._open[i][0] == tag:
                _, style, start, url = self._open.pop(i)
                if len(self.text) > start:
                    self.spans.append(Span(style, start, len(self.text) - start, url))
                return


@lru_cache(maxsize=512)
def styled(text: str) -> tuple[str, tuple[Span, ...]]:
    """Text with <b>, <i>, <u>, <s>, <code>, <pre>, <blockquote>, <a href> as plain text and spans.

    Facts put into such a text must be escaped first: see `escape`.
    """
    parser = _Markup()
    parser.feed(text)
    parser.close()
    return parser.text, tuple(sorted(parser.spans, key=lambda s: (s.offset, -s.length)))


def escape(fact: object) -> str:
    return html.escape(str(fact), quote=False)
