"""Marks in a text of WhatsApp as the phone page shows them.

*bold*, _italic_, ~struck~, `code`, ```as it stands``` and "> " at the beginning of a line. A mark opens at the
beginning of a word and closes at the end of one, in the same line.

Source: https://faq.whatsapp.com/539178204879377
"""

from __future__ import annotations

import re

from emulators.telegram.world import Json

STYLES = {"*": "bold", "_": "italic", "~": "strikethrough"}

UNSEEN = ("\u2060", "\u200b", "\u200d")
"""Characters that a phone shows nothing of; a mark before one marks nothing."""

_WHOLE = re.compile(r"```(.+?)```", re.DOTALL)
_PART = re.compile(
    rf"`(?![{''.join(UNSEEN)}])([^`\n]+)`|(?<!\w)([*_~])(?![\s{''.join(UNSEEN)}])([^\n]+?)(?<!\s)\2(?!\w)"
)
_QUOTE = re.compile(r"^> (.+)$", re.MULTILINE)


def shown(text: str) -> tuple[str, list[Json]]:
    """The text without its marks, and what they mean, in UTF-16 units as the page counts."""
    out = _Out()
    start = 0
    for whole in _WHOLE.finditer(text):
        _lines(text[start : whole.start()], out)
        out.styled("pre", lambda words=whole[1]: out.add(words))
        start = whole.end()
    _lines(text[start:], out)
    return out.text, out.entities


class _Out:
    def __init__(self) -> None:
        self.text = ""
        self.entities: list[Json] = []

    def add(self, words: str) -> None:
        self.text += "".join(char for char in words if char not in UNSEEN)

    def styled(self, kind: str, inside: object) -> None:
        assert callable(inside)
        before, place = self._units(), len(self.entities)
        inside()
        if length := self._units() - before:
            self.entities.insert(place, {"type": kind, "offset": before, "length": length})

    def _units(self) -> int:
        return len(self.text.encode("utf-16-le")) // 2


def _lines(text: str, out: _Out) -> None:
    start = 0
    for line in _QUOTE.finditer(text):
        _parts(text[start : line.start()], out)
        out.styled("blockquote", lambda words=line[1]: _parts(words, out))
        start = line.end()
    _parts(text[start:], out)


def _parts(text: str, out: _Out) -> None:
    start = 0
    for part in _PART.finditer(text):
        out.add(text[start : part.start()])
        if part[1]:
            out.styled("code", lambda words=part[1]: out.add(words))
        else:
            out.styled(STYLES[part[2]], lambda words=part[3]: _parts(words, out))
        start = part.end()
    out.add(text[start:])
