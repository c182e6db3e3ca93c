"""What a channel can carry: one card for each, which flows, the composer, the adapters and the documents read."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum

from inbox.content import MediaKind, Style


class Heard(StrEnum):
    """A kind of thing that buyers say or do."""

    TEXT = "text"
    PHOTO = "photo"
    DOCUMENT = "document"
    VIDEO = "video"
    VOICE = "voice"
    AUDIO = "audio"
    STICKER = "sticker"
    CONTACT = "contact"
    LOCATION = "location"
    ALBUM = "album"
    REPLY = "reply"
    FORWARD = "forward"
    EDIT = "edit"
    SIGN = "sign"
    """A reaction put on a message, or taken off."""
    REMOVAL = "removal"
    """Took away what he had said."""
    PRESS = "press"
    START = "start"
    """Opened by a link that carries a word of ours."""
    LEAVE = "leave"
    """Stopped the bot or wrote off the shop."""


class Doubt(StrEnum):
    """What can be done about a message that went out and was not answered."""

    STAYS = "stays"
    """Nobody can tell whether it arrived: a person decides, and what may stand there twice is sent once more."""
    KEY = "key"
    """The channel knows our key of a message and drops the copy, so it is just sent again."""
    LOOK = "look"
    """The chat can be read: it is looked up there, and sent again if it is not there."""
    TOLD = "told"
    """The channel tells by itself of each message that it has, under our key; what it is silent about is not there."""


@dataclass(frozen=True, slots=True)
class Short:
    """Buttons that stand under a message at once, with a file above. More of them, or longer ones, open as a list."""

    buttons: int
    label: int


@dataclass(frozen=True, slots=True)
class Goods:
    """How several products stand in a message as one thing. Lengths in characters."""

    most: int
    title: int
    note: int
    own_catalogue: bool = False
    """They are shown out of the messenger's catalogue, by SKU and with its own basket: there are no buttons of ours,
    and it can be done for an account that has such a catalogue alone."""


FEW_BUTTONS = 16
"""Where a message has room for fewer, flows offer less at a time."""


@dataclass(frozen=True, slots=True)
class Capabilities:
    """What a channel can carry. Lengths in characters as the channel counts them."""

    hears: frozenset[Heard] = frozenset(Heard)
    text: int = 4096
    caption: int = 1024
    buttons: int = 100
    per_row: int = 8
    label: int = 64
    """Longer labels are cut."""
    rows: int = 100
    media: int = 10
    together: tuple[frozenset[MediaKind], ...] = (frozenset(MediaKind),)
    """Kinds that may stand in one message; what is in none of these stands alone."""
    media_buttons: bool = True
    """Buttons may stand under media."""
    above_buttons: int = 0
    """Characters of the text above buttons, where it must be shorter than others; 0 where it need not."""
    short: Short | None = None
    """Where buttons are of two kinds. A button that opens a page is of the short one, and stands alone."""
    goods: Goods | None = None
    """Where several products can stand in a message as one thing; elsewhere each is a button."""
    styles: frozenset[Style] = frozenset(Style)
    edit: bool = True
    """A message can be changed in its place; elsewhere what it has become is said anew."""
    edit_for: timedelta | None = None
    """How long a message without buttons may be edited; None for ever."""
    answers: bool = True
    """A press can be answered with words that pass."""
    ask_contact: bool = True
    vouches: bool = False
    """The channel itself says that a buyer's number is his own: of his own contact, or of every message."""
    keyboard: bool = True
    """Choices may stand under the place where the buyer types, or be shown as if they did."""
    start_link: str = ""
    """The address that opens the shop's account, with {account} and {start}."""
    window: timedelta | None = None
    """How long after the buyer's last words the shop may write freely; None for ever. Afterwards: templates alone."""
    utf16: bool = False
    """The channel counts UTF-16 units."""
    file_in: int = 20_000_000
    file_out: int = 50_000_000
    delivered: bool = False
    read: bool = False
    """Whether the channel reports delivery and reading."""
    by_itself_an_hour: int = 0
    """How many messages the shop may send to one buyer in an hour without a person's doing; 0 for any number. Where
    programs answer programs, this ends it."""
    typing: bool = False
    """Whether the channel is to be asked to show that somebody writes."""
    typing_again: timedelta = timedelta(seconds=3)
    """How soon it is asked again, while the same person goes on writing: a little less than it shows it for."""
    typing_reads: bool = False
    """Whether showing it marks the buyer's words as read as well."""
    marks_read: bool = False
    """Whether the channel shows the buyer that a person has read his words."""
    portraits: bool = False
    """Whether the channel gives the picture that a person shows of himself."""
    per_second: float = 0.0
    """How many messages an account may send each second; 0 for any number."""
    doubt: Doubt = Doubt.STAYS
    sure_for: timedelta = timedelta()
    """How long after the first try a doubt can be cleared up."""

    @property
    def narrow(self) -> bool:
        """Only a few buttons can stand under a message."""
        return self.buttons < FEW_BUTTONS
