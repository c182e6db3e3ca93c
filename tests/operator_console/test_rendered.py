"""What is rendered once for all who look at the same moment, and what must not be."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path
from re import findall
from typing import Any
from zoneinfo import ZoneInfo

from markupsafe import Markup

import operator_console
from kit.money import Money
from operator_console.rendered import SECONDS, Rendered
from operator_console.texts import Reader, reading

NOON = datetime(2026, 3, 1, 12, 0, 1, tzinfo=UTC)


class Scribe:
    """Counts what it is asked to write."""

    name = "row"

    def __init__(self) -> None:
        self.wrote = 0

    def __call__(self, *shapes: object) -> str:
        self.wrote += 1
        return f"{shapes!r} {self.wrote}"


def reader(language: str = "ru", zone: str = "Europe/Moscow", now: datetime = NOON) -> Reader:
    return Reader(language, ZoneInfo(zone), now=now)


def written(once: Rendered, scribe: Scribe, who: Reader, *shapes: Any) -> int:
    """How many were written by then."""
    with reading(who):
        once(scribe, *shapes)
    return scribe.wrote


def row(**changed: object) -> dict[str, object]:
    shape = {"id": 1, "last_at": NOON, "sum": Money(1450_00), "leader": None, "tags": ("a", "b"), "last": "<b>"}
    return shape | changed


def test_the_same_row_is_rendered_once_for_all_who_read_alike() -> None:
    once, scribe = Rendered(), Scribe()
    assert written(once, scribe, reader(), row()) == 1
    assert written(once, scribe, reader(now=NOON + timedelta(seconds=2)), row()) == 1


def test_whatever_differs_is_rendered_anew() -> None:
    once, scribe = Rendered(), Scribe()
    written(once, scribe, reader(), row())
    for n, (who, shape) in enumerate(
        [
            (reader("en"), row()),
            (reader(zone="Asia/Vladivostok"), row()),
            (reader(), row(id=2)),
            (reader(), row(sum=Money(1450_00, "KZT"))),
            (reader(), row(last_at=NOON + timedelta(microseconds=1))),
            (reader(), row(last=Markup("<b>"))),
            (reader(), row(leader="")),
        ]
    ):
        assert written(once, scribe, who, shape) == n + 2


def test_a_clock_that_goes_on_is_looked_at_again() -> None:
    once, scribe = Rendered(), Scribe()
    written(once, scribe, reader(), row())
    assert written(once, scribe, reader(now=NOON + timedelta(seconds=SECONDS)), row()) == 2


def test_no_two_macros_share_a_name() -> None:
    """A part is known by the name of its macro."""
    folder = Path(operator_console.__file__).parent / "templates"
    names = Counter(name for file in folder.rglob("*.html") for name in findall(r"{%-? macro (\w+)", file.read_text()))
    kept = {name for file in folder.rglob("*.html") for name in findall(r"\bonce\((\w+)", file.read_text())}
    assert kept
    assert {name: n for name, n in names.items() if n > 1 and name in kept} == {}
