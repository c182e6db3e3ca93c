"""The console speaks both languages, whole sentences and all."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from babel.messages.catalog import Catalog, Message
from babel.messages.extract import extract_from_dir
from babel.messages.pofile import read_po
from markupsafe import Markup

import operator_console
from operator_console.texts import LOCALES, Reader, gettext, ngettext, reading

CONSOLE = Path(operator_console.__file__).parent
KEYWORDS = {"_": None, "gettext": None, "ngettext": (1, 2), "plural_forms": (1, 2)}
METHODS = [("**.py", "python"), ("**.html", "jinja2")]
OPTIONS = {"**.html": {"trim_blocks": "true", "lstrip_blocks": "true", "silent": "false"}}

Key = str | tuple[str, ...]


def said() -> Iterator[Key]:
    """Every text that templates and handlers say, in English."""
    for _file, _line, text, _comments, _context in extract_from_dir(CONSOLE, METHODS, OPTIONS, KEYWORDS):
        yield text


def russian() -> Catalog:
    with (LOCALES / "ru.po").open("rb") as source:
        return read_po(source, locale="ru")


def key_of(message: Message) -> Key:
    return message.id if isinstance(message.id, str) else tuple(message.id)


def forms_of(message: Message) -> list[str]:
    return [message.string] if isinstance(message.string, str) else list(message.string or ())


def reader(language: str) -> Reader:
    return Reader(language, ZoneInfo("Europe/Moscow"), "light", datetime(2026, 11, 22, 7, 35, tzinfo=UTC))


def test_everything_said_has_russian_words_and_nothing_else_is_in_the_catalogue() -> None:
    translated = {key_of(m) for m in russian() if m.id and all(forms_of(m))}
    assert translated == set(said())


def test_a_translation_keeps_the_facts_of_its_original() -> None:
    facts = re.compile(r"\{\w+\}")
    for message in russian():
        if not message.id:
            continue
        originals = [message.id] if isinstance(message.id, str) else list(message.id)
        wanted = set(facts.findall(originals[-1]))
        for form in forms_of(message):
            assert set(facts.findall(form)) == wanted, message.id


@pytest.mark.parametrize(
    ("n", "words"),
    [(1, "1 новое сообщение"), (3, "3 новых сообщения"), (11, "11 новых сообщений"), (21, "21 новое сообщение")],
)
def test_russian_counts_with_three_plural_forms(n: int, words: str) -> None:
    with reading(reader("ru")):
        assert ngettext("{n} new message", "{n} new messages", n) == words


def test_english_needs_no_catalogue() -> None:
    with reading(reader("en")):
        assert gettext("Order No. {number}", number=7) == "Order No. 7"
        assert ngettext("{n} new message", "{n} new messages", 1) == "1 new message"


def test_a_fact_of_html_leaves_the_others_escaped() -> None:
    with reading(reader("en")):
        text = gettext("{who} made {link}", who="<b>Eve</b>", link=Markup('<a href="/orders/7">order 7</a>'))
    assert text == '&lt;b&gt;Eve&lt;/b&gt; made <a href="/orders/7">order 7</a>'
