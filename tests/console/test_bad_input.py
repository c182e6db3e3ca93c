"""Whatever is typed into any form, or left in an address, is taken or refused in words: nothing breaks."""

from __future__ import annotations

import re
from collections.abc import Iterable
from html.parser import HTMLParser
from urllib.parse import parse_qsl, urlencode

import pytest

from inbox import searching
from operator_console.app import ROUTES
from tests.console.desk import Browser, Desk
from tests.console.test_query_counts import STREAMS, trade
from tests.console.test_rights import addresses

pytestmark = [pytest.mark.timeout(300), pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)]

TYPED = (
    "",
    "-1",
    "1e400",
    "99999999999999999999",
    "9" * 400,
    "²",
    "2026-02-30",
    "9999-12-31T23:59",
    "<script>alert(1)</script>",
    "👩‍👩‍👧😀" * 40,
    "\u202eидаз\u0000\u0007",
    "ж" * 2_500,
    "[1,2",
)

ALONE = frozenset({"9" * 400, "²"})
"""What is typed into each field alone too, with sense in the others."""

NOT_ASKED = re.compile(r"^/(logout|me/browsers|me/shop|me/password)")
"""Forms after which nobody is signed in any more."""

Fields = dict[str, str]


class Forms(HTMLParser):
    """The forms of a page, and its buttons that send something by themselves: where to, and what with."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[tuple[str, Fields]] = []
        self.links: set[str] = set()
        self._open: Fields | None = None

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        told = {name: value or "" for name, value in attrs}
        if tag == "a" and "?" in told.get("href", "") and told["href"].startswith("/"):
            self.links.add(told["href"])
        if tag == "form":
            self._open = {}
            if to := told.get("hx-post") or (told.get("action") if told.get("method", "").lower() == "post" else ""):
                self.found.append((to, self._open))
        elif "hx-post" in told:
            self.found.append((told["hx-post"], self._open if self._open is not None else {}))
        if (name := told.get("name")) and self._open is not None and told.get("type") != "file":
            self._open.setdefault(name, told.get("value", ""))

    def handle_endtag(self, tag: str) -> None:
        if tag == "form":
            self._open = None


async def forms_of(desk: Desk, browser: Browser) -> tuple[dict[str, Fields], set[str]]:
    """Every form of every page by where it goes, and every address with a question in it."""
    routes = [route for route in ROUTES if route.method == "GET" and route.path not in STREAMS]
    found: dict[str, Fields] = {}
    links: set[str] = set()
    for _route, path in await addresses(desk, desk.ours, routes):
        page = await browser.get(path)
        reader = Forms()
        reader.feed(page.text)
        for to, fields in reader.found:
            found.setdefault(to, {}).update(fields)
        links |= reader.links
    return {to: fields for to, fields in found.items() if not NOT_ASKED.match(to)}, links


def one_by_one(fields: Fields, typed: str) -> Iterable[Fields]:
    """All fields with this in them, and each with it and the others as they came."""
    yield dict.fromkeys(fields, typed)
    for name in fields if typed in ALONE else ():
        yield {**fields, name: typed}


async def test_nothing_that_is_typed_breaks_a_form(desk: Desk) -> None:
    await desk.db.write(trade, desk.ours, 3, "А")
    await desk.db.write(searching.catch_up)
    owner = await desk.signed_in(desk.ours.owner)
    found, _links = await forms_of(desk, owner)
    assert len(found) > 60
    broken: dict[str, str] = {}
    for to, fields in sorted(found.items()):
        for typed in TYPED:
            for form in one_by_one(fields, typed):
                answer = await owner.post(to, form)
                if answer.status >= 500 or "Traceback" in answer.text:
                    changed = ", ".join(name for name in fields if form[name] != fields[name])
                    broken.setdefault(f"{to}: {changed}", f"{answer.status} {typed[:30]!r}")
                elif answer.status >= 400:
                    assert answer.text.strip(), f"{to} refuses {form} without a word"
    assert broken == {}


async def test_nothing_that_is_left_in_an_address_breaks_a_page(desk: Desk) -> None:
    await desk.db.write(trade, desk.ours, 3, "А")
    await desk.db.write(searching.catch_up)
    owner = await desk.signed_in(desk.ours.owner)
    _found, links = await forms_of(desk, owner)
    seen: dict[str, set[str]] = {}
    for link in links:
        path, _, query = link.partition("?")
        seen.setdefault(re.sub(r"\d+", "1", path), set()).update(name for name, _value in parse_qsl(query, True))
    broken: dict[str, str] = {}
    for path, names in sorted(seen.items()):
        for name in sorted(names):
            for typed in TYPED:
                answer = await owner.get(f"{path}?{urlencode({name: typed[:3000]})}")
                if answer.status >= 500:
                    broken.setdefault(f"{path}?{name}", f"{answer.status} {typed[:30]!r}")
    assert len(seen) > 5
    assert broken == {}
