"""Words of the console, in the reader's language.

Templates and handlers write English; `locales/<language>.po` has the other languages. A text that a catalogue lacks is
shown in English. Facts stand in braces: _("Order No. {number}", number=1284).
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from datetime import datetime
from functools import cache
from gettext import GNUTranslations, NullTranslations
from io import BytesIO
from pathlib import Path
from zoneinfo import ZoneInfo

from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from markupsafe import Markup

from kit.clock import utc_now

LOCALES = Path(__file__).parent / "locales"
LANGUAGES = ("ru", "en")


@dataclass(frozen=True, slots=True)
class Reader:
    """Who looks at the page: what they read in, where their clock stands, and how bright they like it."""

    language: str
    zone: ZoneInfo
    theme: str = "auto"
    now: datetime = field(default_factory=utc_now)

    @classmethod
    def stranger(cls, language: str) -> Reader:
        """Somebody who has not signed in."""
        return cls(language, ZoneInfo("UTC"))

    def local(self, moment: datetime) -> datetime:
        return moment.astimezone(self.zone)


_reader: ContextVar[Reader] = ContextVar("reader")


def reader() -> Reader:
    return _reader.get()


@contextmanager
def reading(who: Reader) -> Iterator[None]:
    """Inside, `_` and the filters speak to this reader."""
    token = _reader.set(who)
    try:
        yield
    finally:
        _reader.reset(token)


@cache
def catalogue(language: str) -> NullTranslations:
    path = LOCALES / f"{language}.po"
    if not path.exists():
        return NullTranslations()
    with path.open("rb") as source:
        texts = read_po(source, locale=language)
    compiled = BytesIO()
    write_mo(compiled, texts)
    compiled.seek(0)
    return GNUTranslations(compiled)


def gettext(text: str, **facts: object) -> str:
    return _fill(catalogue(reader().language).gettext(text), facts)


def ngettext(one: str, many: str, n: int, **facts: object) -> str:
    """The form for `n`; {n} in the text is the number."""
    return _fill(catalogue(reader().language).ngettext(one, many, n), {"n": n, **facts})


def plural_forms(one: str, many: str) -> dict[str, str]:
    """All forms by the names of CLDR's categories, unfilled, for scripts that choose by themselves."""
    words = catalogue(reader().language)
    return {name: words.ngettext(one, many, n) for name, n in (("one", 1), ("few", 2), ("many", 5), ("other", 5))}


def _fill(pattern: str, facts: dict[str, object]) -> str:
    """The pattern with its facts. When a fact is HTML the result is too, and everything else in it is escaped."""
    if any(hasattr(fact, "__html__") for fact in facts.values()):
        return Markup(pattern).format(**facts)  # noqa: S704 - patterns are our own catalogues'
    return pattern.format(**facts) if facts else pattern
