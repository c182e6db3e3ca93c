"""Who is sent packed pages, and whether they come out as they went in."""

from __future__ import annotations

import gzip

import pytest
from aiohttp import web
from aiohttp.test_utils import make_mocked_request

from kit import packing

PAGE = "<p>Кружка «Туман»</p>" * 500


def answered(text: str = PAGE, kind: str = "text/html", **headers: str) -> web.Response:
    told = {"Accept-Encoding": "gzip", "Sec-Fetch-Site": "same-origin"}
    told |= {name.replace("_", "-"): value for name, value in headers.items()}
    answer = web.Response(text=text, content_type=kind)
    packing.pack_page(make_mocked_request("GET", "/", headers=told), answer)
    return answer


def test_a_packed_page_is_much_smaller_and_the_same() -> None:
    answer = answered()
    assert isinstance(answer.body, bytes)
    assert answer.headers["Content-Encoding"] == "gzip"
    assert len(answer.body) < len(PAGE.encode()) / 10
    assert gzip.decompress(answer.body).decode() == PAGE


@pytest.mark.parametrize(
    ("coding", "packs"),
    [("gzip", True), ("br, gzip;q=0.5", True), ("*", True), ("gzip;q=0", False), ("br", False), ("", False)],
)
def test_whoever_does_not_take_gzip_is_not_sent_it(coding: str, *, packs: bool) -> None:
    assert ("Content-Encoding" in answered(Accept_Encoding=coding).headers) is packs


def test_what_is_short_or_no_page_is_left_as_it_is() -> None:
    assert "Content-Encoding" not in answered("<p>Нет</p>").headers
    assert "Content-Encoding" not in answered(kind="text/csv").headers
