"""How much goes over the wire, and that its length tells nothing. --log-cli-level=INFO shows each page's weight."""

from __future__ import annotations

import gzip
import logging
import re
from urllib.parse import urljoin

import aiohttp
import pytest

from operator_console.app import ROUTES
from tests.console.desk import Browser, Desk
from tests.console.test_query_counts import STREAMS, trade
from tests.console.test_rights import addresses

logger = logging.getLogger(__name__)

HEAVIEST = 200_000
"""Bytes of a page at the first visit, with all its styles and scripts but without the shop's own pictures."""

MANY = 50
"""Conversations, orders and products: as many as fill the first page of any list."""

AS_BROWSERS_ASK = {"Accept-Encoding": "gzip, deflate, br, zstd", "Sec-Fetch-Site": "same-origin"}

_LOADED = re.compile(r'(?:<link rel="(?:stylesheet|icon|manifest)"|<script|<use)[^>]*?(?:href|src)="(/[^"#]+)')
_IMPORTED = re.compile(r'(?:from|import)\s*\(?\s*"(\./[^"]+)"|url\("?([^)"]+)"?\)')


class Scales:
    """A browser with an empty cache that counts bytes as they come, heads included."""

    def __init__(self, browser: Browser) -> None:
        self._http = aiohttp.ClientSession(cookie_jar=browser.http.cookie_jar, auto_decompress=False)
        self._address = browser.address
        self._files: dict[str, tuple[int, frozenset[str]]] = {}

    async def __aenter__(self) -> Scales:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._http.close()

    async def page(self, path: str) -> int | None:
        """Bytes of the page and of all that it loads; None for what is no page."""
        size, text, kind = await self._get(path)
        if kind != "text/html" or "<html" not in text:
            return None
        wanted, seen = set(_LOADED.findall(text)), set[str]()
        while wanted - seen:
            for file in wanted - seen:
                seen.add(file)
                if file not in self._files:
                    self._files[file] = await self._file(file)
                wanted |= self._files[file][1]
        return size + sum(self._files[file][0] for file in seen)

    async def _file(self, path: str) -> tuple[int, frozenset[str]]:
        size, text, kind = await self._get(path)
        code = kind in ("text/css", "text/javascript")
        found = (one or other for one, other in _IMPORTED.findall(text)) if code else ()
        return size, frozenset(urljoin(path, it) for it in found if not it.startswith(("#", "data:")))

    async def _get(self, path: str) -> tuple[int, str, str]:
        async with self._http.get(self._address + path, headers=AS_BROWSERS_ASK) as answer:
            body = await answer.read()
            head = sum(len(name) + len(value) + 4 for name, value in answer.raw_headers)
            packed = answer.headers.get("Content-Encoding") == "gzip"
            text = (gzip.decompress(body) if packed else body).decode(errors="replace")
            return len(body) + head, text, answer.content_type


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
async def test_no_page_is_heavier_at_the_first_visit_than_a_photograph(desk: Desk) -> None:
    await desk.db.write(trade, desk.ours, MANY, "А")
    pages = [route for route in ROUTES if route.method == "GET" and route.path not in STREAMS]
    weights: dict[str, int] = {}
    async with Scales(await desk.signed_in(desk.ours.owner)) as scales:
        for _route, path in await addresses(desk, desk.ours, pages):
            if (weight := await scales.page(path)) is not None:
                weights[path] = weight
    async with Scales(desk.stranger()) as scales:
        weights["/login"] = await scales.page("/login") or 0
    for path, weight in weights.items():
        logger.info("%d bytes: %s", weight, path)
    assert len(weights) > 25, "every page is weighed"
    assert not {path: weight for path, weight in weights.items() if weight > HEAVIEST}


async def test_a_page_is_packed_only_for_who_comes_from_here(desk: Desk) -> None:
    browser = await desk.signed_in(desk.ours.operator)

    async def coding(**headers: str) -> str:
        answer = await browser.get("/inbox?q=anna", **{"Accept-Encoding": "gzip"} | headers)
        assert "Анна" in answer.text or "anna" in answer.text
        assert answer.headers["Vary"] == "Accept-Encoding, Sec-Fetch-Site"
        return str(answer.headers.get("Content-Encoding", ""))

    for site in ("same-origin", "none"):
        assert await coding(**{"Sec-Fetch-Site": site}) == "gzip"
    assert await coding(**{"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate"}) == ""
    assert await coding(**{"Sec-Fetch-Site": "same-site", "Sec-Fetch-Mode": "navigate"}) == ""
    assert await coding() == "", "a browser that does not say who asks"
    assert await coding(**{"Sec-Fetch-Site": "none", "Accept-Encoding": "gzip;q=0, identity"}) == ""


async def test_the_length_of_a_packed_page_is_partly_chance(desk: Desk) -> None:
    browser = await desk.signed_in(desk.ours.operator)
    lengths = {(await browser.get("/inbox", **AS_BROWSERS_ASK)).headers["Content-Length"] for _ in range(10)}
    assert len(lengths) > 3


async def test_a_stream_is_never_packed(desk: Desk) -> None:
    browser = await desk.signed_in(desk.ours.operator)
    async with browser.http.get(f"{desk.address}/live/events", headers=AS_BROWSERS_ASK) as stream:
        assert "Content-Encoding" not in stream.headers
        assert await stream.content.readany() == b": here\n\n"


async def test_files_are_kept_for_ever_and_come_packed(desk: Desk) -> None:
    browser = desk.stranger()
    page = (await browser.get("/login")).text
    for path in [it for it in _LOADED.findall(page) if it.startswith("/static/")]:
        answer = await browser.get(path, **AS_BROWSERS_ASK)
        assert answer.headers["Cache-Control"] == "public, max-age=31536000, immutable", path
        if path.endswith((".css", ".js")):
            assert answer.headers["Content-Encoding"] == "gzip", path
            unpacked = await browser.get(path, **{"Accept-Encoding": "identity"})
            assert "Content-Encoding" not in unpacked.headers
            assert unpacked.text == answer.text
