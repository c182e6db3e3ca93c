"""What people read, in their language: catalogues company/locales/<language>*.po, loaded once.

A text is found by a key such as "buyer.greeting", not by its English wording, because owners put their own words in
its place. Only {name} is filled in: no attribute is reached, nothing is called, and a placeholder that nobody knows
stays as it is, so an owner's text can do no harm.
"""

from __future__ import annotations

import gettext
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Protocol, runtime_checkable

from babel.messages.pofile import read_po

from kit.errors import Problem
from kit.money import Money

LOCALES = ("ru", "en")
"""The languages that everything is written in; the first is for readers of any other."""


@runtime_checkable
class Sayable(Protocol):
    """A fact that has its own words in each language, such as the title of a product."""

    def said(self, locale: str) -> str: ...


Overrides = Mapping[str, Mapping[str, str]]
"""An owner's own words: language -> key -> text (company.settings keeps them)."""

_FOLDER = Path(__file__).with_name("locales")
_PLACEHOLDER = re.compile(r"\{(\w+)\}")


@dataclass(slots=True)
class _Catalogue:
    texts: dict[str, str] = field(default_factory=dict)
    plurals: dict[str, tuple[str, ...]] = field(default_factory=dict)
    form: Callable[[int], int] = field(default=lambda n: int(n != 1))


class Texts:
    """The catalogues of every language. Make one for a process and hand it to whoever speaks to people."""

    def __init__(self, folder: Path = _FOLDER) -> None:
        self._catalogues = {locale: _read(folder, locale) for locale in LOCALES}

    def say(self, key: str, locale: str, overrides: Overrides | None = None, /, **facts: object) -> str:
        """The text with its facts, in the owner's words if he gave any. An unknown key comes back as it is.

        Money is written as people of the language write it, and what is Sayable says itself; text that is styled
        afterwards wants escaped facts.
        """
        locale = nearest(locale)
        own = (overrides or {}).get(locale, {}).get(key)
        return _filled(own or self._catalogues[locale].texts.get(key, key), locale, facts)

    def plural(self, key: str, n: int, locale: str, /, **facts: object) -> str:
        """«1 товар», «2 товара», «5 товаров»: the form of the key that fits n, which is also the fact {n}."""
        locale = nearest(locale)
        catalogue = self._catalogues[locale]
        forms = catalogue.plurals.get(key)
        if forms is None:
            return key
        return _filled(forms[catalogue.form(abs(n))], locale, {"n": n, **facts})

    def problem(self, problem: Problem, locale: str) -> str:
        """What went wrong, for the one who caused it."""
        key = f"errors.{problem.code}"
        if key not in self._catalogues[nearest(locale)].texts:
            key = "errors.problem"
        return self.say(key, locale, None, **problem.facts)

    def keys(self, locale: str) -> dict[str, tuple[str, ...]]:
        """Every key with its text, or its plural forms: what the settings page offers to reword."""
        catalogue = self._catalogues[nearest(locale)]
        return {key: (text,) for key, text in catalogue.texts.items()} | catalogue.plurals


@lru_cache(maxsize=256)
def nearest(locale: str) -> str:
    """The language of ours to answer "en-GB" or "kk" in."""
    language = locale.replace("_", "-").split("-")[0].lower()
    return language if language in LOCALES else LOCALES[0]


def _filled(text: str, locale: str, facts: Mapping[str, object]) -> str:
    def fact(match: re.Match[str]) -> str:
        if match[1] not in facts:
            return match[0]
        value = facts[match[1]]
        if isinstance(value, str | int):
            return str(value)
        if isinstance(value, Money):
            return value.format(locale)
        return value.said(locale) if isinstance(value, Sayable) else str(value)

    return _PLACEHOLDER.sub(fact, text) if "{" in text else text


def _read(folder: Path, locale: str) -> _Catalogue:
    """All of a language's files: <language>.po and <language>.<topic>.po."""
    catalogue = _Catalogue()
    for path in sorted(folder.glob(f"{locale}*.po")):
        with path.open("rb") as file:
            messages = read_po(file, locale=locale, abort_invalid=True)
        for message in messages:
            if not message.id:
                continue
            if isinstance(message.id, str):
                _put_once(catalogue.texts, message.id, str(message.string), path)
            else:
                _put_once(catalogue.plurals, message.id[0], tuple(message.string or ()), path)
        catalogue.form = gettext.c2py(messages.plural_expr)
    return catalogue


def _put_once(into: dict[str, str] | dict[str, tuple[str, ...]], key: str, text: object, path: Path) -> None:
    if key in into:
        raise ValueError(f"{path.name}: {key} is there already")
    into[key] = text  # type: ignore[assignment]
