"""Every page of the console is shown in docs/gallery.md, in four looks."""

from __future__ import annotations

import importlib.util
import sys
from importlib.machinery import SourceFileLoader
from pathlib import Path
from types import ModuleType

import pytest

from operator_console.app import ROUTES
from tests.console.desk import Desk
from tests.console.test_query_counts import STREAMS
from tests.console.test_rights import addresses

DOCS = Path(__file__).parents[2] / "docs"

SHOWCASE = "/components"
"""For who builds pages, not for who works with them."""

BESIDES = {"/login", "/offline"}
"""Pages that stand outside the console's own routes."""

HEAVIEST = 6_000_000
"""Bytes of all pictures."""


@pytest.fixture(scope="module")
def gallery() -> ModuleType:
    loader = SourceFileLoader("gallery", str(DOCS.parent / "scripts" / "gallery"))
    spec = importlib.util.spec_from_loader("gallery", loader)
    assert spec is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["gallery"] = module
    loader.exec_module(module)
    return module


async def test_no_page_of_the_console_was_forgotten(desk: Desk, gallery: ModuleType) -> None:
    routes = [route for route in ROUTES if route.method == "GET" and route.path not in STREAMS]
    owner = await desk.signed_in(desk.ours.owner)
    pages = set()
    for route, path in await addresses(desk, desk.ours, routes):
        answer = await owner.get(path)
        if answer.status == 200 and "<html" in answer.text:
            pages.add(route.path)
    taken = {shot.route for shot in gallery.SHOTS}
    # The first page leads to the inbox; a merge and a change of many products ask for more than an address.
    assert pages - {SHOWCASE, "/"} <= taken
    assert taken <= {route.path for route in ROUTES} | BESIDES


def test_each_picture_is_there_and_shown_and_none_is_left_over(gallery: ModuleType) -> None:
    expected = {gallery.file_of(shot, look) for shot in gallery.SHOTS for look in gallery.LOOKS}
    there = {path.name: path.stat().st_size for path in (DOCS / "screenshots").glob("*.webp")}
    assert set(there) == expected
    shown = (DOCS / "gallery.md").read_text(encoding="utf-8")
    assert [name for name in sorted(expected) if f"(screenshots/{name})" not in shown] == []
    assert sum(there.values()) < HEAVIEST
