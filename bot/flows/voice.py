"""The shop's voice: texts in the reader's language and the owner's words, made into messages."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from company.settings import ShopSettings
from company.texts import Texts
from inbox.content import Action, Button, Media, MediaKind, Outgoing, escape, styled
from kit.errors import Problem
from kit.money import Money

Row = tuple[Button, ...]


@dataclass(frozen=True, slots=True)
class Voice:
    """Says texts to one reader. `plain` is for labels and toasts, `marked` for text that is styled afterwards."""

    texts: Texts
    locale: str
    overrides: Mapping[str, Mapping[str, str]] = field(default_factory=dict)

    @classmethod
    def of(cls, texts: Texts, locale: str, settings: ShopSettings) -> Voice:
        return cls(texts, locale, settings.texts)

    def plain(self, key: str, **facts: object) -> str:
        if not facts:
            return self.texts.say(key, self.locale, self.overrides)
        return self.texts.say(key, self.locale, self.overrides, **{n: self._word(f) for n, f in facts.items()})

    def marked(self, key: str, **facts: object) -> str:
        """With its <b> and the like; what comes from people and goods is escaped."""
        return self.texts.say(key, self.locale, self.overrides, **{n: escape(self._word(f)) for n, f in facts.items()})

    def count(self, key: str, n: int, **facts: object) -> str:
        """«1 товар», «2 товара»: the plural form that fits."""
        return self.texts.plural(key, n, self.locale, **facts)

    def problem(self, problem: Problem) -> str:
        return self.texts.problem(problem, self.locale)

    def button(self, key: str, action: Action, **facts: object) -> Button:
        """A button with a text of ours."""
        return Button(self.plain(key, **facts), action)

    def _word(self, fact: object) -> object:
        return fact.format(self.locale) if isinstance(fact, Money) else fact


def written(marked: str, *, rows: Sequence[Row] = (), **parts: Any) -> Outgoing:
    """A message from marked text; `parts` are the other fields of Outgoing. Empty rows are left out."""
    text, spans = styled(marked)
    return Outgoing(text=text, spans=spans, rows=tuple(row for row in rows if row), **parts)


def paragraphs(*parts: str) -> str:
    """The parts that say anything, an empty line between them."""
    return "\n\n".join(part for part in parts if part)


def lines(*parts: str) -> str:
    return "\n".join(part for part in parts if part)


def clipped(text: str, limit: int) -> str:
    """At most `limit` characters, cut at a word."""
    text = text.strip()
    if len(text) <= limit:
        return text
    cut = text[: limit - 1]
    return (cut[: cut.rfind(" ")] if " " in cut[limit // 2 :] else cut).rstrip(" ,.;:—") + "…"


def photo(file_id: int | None) -> tuple[Media, ...]:
    return (Media(MediaKind.PHOTO, file_id=file_id),) if file_id is not None else ()


def rows_of(buttons: Sequence[Button], width: int) -> tuple[Row, ...]:
    return tuple(tuple(buttons[i : i + width]) for i in range(0, len(buttons), width))
