"""No page of the console stands in anybody's way: axe's rules on each, in both themes; and each id is there once."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from axe_playwright_python.async_playwright import Axe
from playwright.async_api import Browser, Page, expect

from inbox import searching
from operator_console.app import ROUTES
from tests.browser.test_console_inbox import console
from tests.browser.test_webchat import browser as browser
from tests.console.desk import Desk
from tests.console.test_query_counts import STREAMS, trade
from tests.console.test_rights import addresses

pytestmark = [
    pytest.mark.browser,
    pytest.mark.timeout(240),
    pytest.mark.parametrize("database_url", ["sqlite"], indirect=True),
]

RULES = {"resultTypes": ["violations"]}
COLOURS = {**RULES, "runOnly": {"type": "rule", "values": ["color-contrast"]}}
"""All that the dark theme can make worse."""

SHOWCASE = "/components"
"""Shows each part several times over, with landmarks that are one of a kind elsewhere."""

UNSOUND = """() => {
  const ids = [...document.querySelectorAll("[id]")].map((one) => one.id);
  const twice = new Set(ids.filter((id, place) => ids.indexOf(id) !== place));
  const leads = ["for", "aria-describedby", "aria-labelledby"].flatMap((name) => {
    const leading = [...document.querySelectorAll(`[${name}]:not(dialog:not([open]))`)];
    return leading.flatMap((one) => one.getAttribute(name).split(" "));
  });
  const lost = leads.filter((id) => !ids.includes(id));
  return [...[...twice].map((id) => `twice: ${id}`), ...lost.map((id) => `leads nowhere: ${id}`)];
}"""
"""Ids that are on the page more than once, which axe minds only in some places, and labels of what is not there."""

OPEN_MENUS = "() => document.querySelectorAll('.pane-head details.with-menu').forEach((menu) => (menu.open = true))"
BESIDE_THE_SCREEN = """() => {
  const offered = document.querySelectorAll(".pane-head :is(a, button, summary, .menu)");
  const lost = [...offered].filter((one) => one.checkVisibility() && !one.matches(".visually-hidden")).filter((one) => {
    const { left, right } = one.getBoundingClientRect();
    return left < 0 || right > innerWidth;
  });
  return lost.map((one) => (one.getAttribute("aria-label") ?? one.textContent).trim().slice(0, 40));
}"""
"""Buttons and menus of a page's head of which a part lies outside."""

BESIDES = ("/login", "/offline?lang=ru", "/orders?layout=table", "/inbox?view=closed", "/customers?q=nobody")


@pytest_asyncio.fixture
async def desk(tmp_path: Path, database_url: str) -> AsyncIterator[Desk]:
    async with Desk(database_url, tmp_path) as desk:
        yield desk


async def test_every_page_is_accessible_in_both_themes(browser: Browser, desk: Desk) -> None:
    await desk.db.write(trade, desk.ours, 3, "А")
    await desk.db.write(searching.catch_up)
    http = await desk.signed_in(desk.ours.owner)
    routes = [route for route in ROUTES if route.method == "GET" and route.path not in STREAMS]
    found = [path for _route, path in await addresses(desk, desk.ours, routes)] + [*BESIDES]
    found.remove(SHOWCASE)
    paths = [path for path in found if "<html" in (await http.get(path)).text or path == "/login"]
    assert len(paths) > 30, "every page is looked at"
    owner = await console(browser, desk, desk.ours.owner)
    await owner.page.emulate_media(reduced_motion="reduce")
    wrong: dict[str, list[str]] = {}
    for path in paths:
        await owner.page.goto(desk.address + path)
        if violations := await _violations(owner.page):
            wrong[path] = violations
    assert wrong == {}
    assert [wrong for wrong in owner.wrongs if "404" not in wrong and "409" not in wrong] == []


async def test_what_a_pages_head_offers_is_on_a_phones_screen(browser: Browser, desk: Desk) -> None:
    """Its buttons, and what their menus open: a head that is too full hides its end, and nobody can scroll it."""
    await desk.db.write(trade, desk.ours, 3, "А")
    routes = [route for route in ROUTES if route.method == "GET" and route.path not in STREAMS]
    found = [path for _route, path in await addresses(desk, desk.ours, routes)] + [*BESIDES]
    http = await desk.signed_in(desk.ours.owner)
    paths = [path for path in found if "pane-head" in (await http.get(path)).text and path != SHOWCASE]
    owner = await console(browser, desk, desk.ours.owner)
    await owner.page.set_viewport_size({"width": 390, "height": 844})
    wrong: dict[str, list[str]] = {}
    for language in ("en", "ru"):
        await http.post("/me/language", {"language": language})
        for path in paths:
            await owner.page.goto(desk.address + path)
            await owner.page.evaluate(OPEN_MENUS)
            if beside := await owner.page.evaluate(BESIDE_THE_SCREEN):
                wrong[f"{language} {path}"] = beside
    assert len(paths) > 20
    assert wrong == {}


async def _violations(page: Page) -> list[str]:
    await expect(page.locator(".htmx-request")).to_have_count(0)
    unsound: list[str] = await page.evaluate(UNSOUND)
    found = (await Axe().run(page, options=RULES)).response["violations"]
    await page.emulate_media(color_scheme="dark", reduced_motion="reduce")
    await expect(page.locator("html")).to_have_attribute("data-bs-theme", "dark")
    found += (await Axe().run(page, options=COLOURS)).response["violations"]
    await page.emulate_media(color_scheme="light", reduced_motion="reduce")
    return unsound + [f"{one['id']}: {node['html'][:200]}" for one in found for node in one["nodes"]]
