"""A channel's card in words, for the documents: what buyers can send, what the shop can, and what is known of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import timedelta

from inbox.capabilities import Capabilities, Doubt, Heard
from inbox.content import MediaKind, Style

_DOUBTS = {
    Doubt.STAYS: "a person decides",
    Doubt.KEY: "sent again under the same key",
    Doubt.LOOK: "looked up in the chat",
    Doubt.TOLD: "told by the channel itself",
}


def _yes(fact: bool) -> str:
    return "yes" if fact else "no"


def _names(kinds: object, of: type[Heard] | type[Style]) -> str:
    assert isinstance(kinds, frozenset)
    missing = [kind.value for kind in of if kind not in kinds]
    return f"all but {', '.join(missing)}" if missing else "all"


def _span(time: timedelta | None) -> str:
    if time is None:
        return "for ever"
    hours = time / timedelta(hours=1)
    return f"{time.days} days" if time.days else f"{hours:g} h"


def _together(card: Capabilities) -> str:
    if not card.together:
        return "none"
    groups = [", ".join(kind.value for kind in MediaKind if kind in group) for group in card.together]
    return "all kinds" if any(len(group) == len(MediaKind) for group in card.together) else "; ".join(groups)


def _goods(card: Capabilities) -> str:
    if card.goods is None:
        return "none"
    return f"{card.goods.most}" + (" out of its catalogue" if card.goods.own_catalogue else "")


ROWS: Mapping[str, Callable[[Capabilities], str]] = {
    "what buyers send": lambda card: _names(card.hears, Heard),
    "characters in a text": lambda card: f"{card.text:,}",
    "characters under files": lambda card: f"{card.caption:,}",
    "files in one message": lambda card: str(card.media),
    "kinds that go together": _together,
    "largest file in, out": lambda card: f"{card.file_in // 1_000_000} MB, {card.file_out // 1_000_000} MB",
    "buttons: in all, in a row": lambda card: f"{card.buttons}, {card.per_row}",
    "buttons that need no list": lambda card: (
        "all" if card.short is None else f"{card.short.buttons} of {card.short.label} characters"
    ),
    "characters on a button": lambda card: str(card.label),
    "products shown as one thing": _goods,
    "formatting": lambda card: _names(card.styles, Style),
    "menu and contact by a press": lambda card: f"{_yes(card.keyboard)}, {_yes(card.keyboard and card.ask_contact)}",
    "proves whose a telephone number is": lambda card: _yes(card.vouches),
    "edited in place": lambda card: _yes(card.edit) if card.edit_for is None else f"yes, {_span(card.edit_for)}",
    "a press is answered": lambda card: _yes(card.answers),
    "the shop may write": lambda card: _span(card.window),
    "by the bot to one buyer, an hour": lambda card: str(card.by_itself_an_hour or "any number"),
    "tells of delivery, of reading": lambda card: f"{_yes(card.delivered)}, {_yes(card.read)}",
    "shows that somebody writes, that he was read": lambda card: f"{_yes(card.typing)}, {_yes(card.marks_read)}",
    "shows who a person is, by his picture": lambda card: _yes(card.portraits),
    "messages a second": lambda card: f"{card.per_second:g}" if card.per_second else "any number",
    "sent and not answered": lambda card: _DOUBTS[card.doubt],
}
"""What docs/channels.md says of each channel, row by row."""


def table(cards: Mapping[str, Capabilities]) -> str:
    """The cards side by side, in Markdown."""
    lines = [f"| | {' | '.join(f'`{channel}`' for channel in cards)} |", f"| --- |{' --- |' * len(cards)}"]
    lines += [f"| {name} | {' | '.join(of(card) for card in cards.values())} |" for name, of in ROWS.items()]
    return "\n".join(lines)
