"""The console as an app in a real browser: what makes it one, without a connection, after an upgrade, signed out."""

from __future__ import annotations

import json
import os
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from axe_playwright_python.async_playwright import Axe
from playwright.async_api import BrowserContext, Page, Response, async_playwright, expect

from operator_console import rendering
from tests.browser.office import becomes
from tests.browser.test_console_inbox import Console
from tests.browser.test_webchat import CHROMIUM
from tests.console.desk import Desk
from tests.faults.proxy import Ill, Plan, Proxy

pytestmark = [pytest.mark.browser, pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)]

CACHED = """async () => {
  const kept = {};
  for (const name of await caches.keys()) {
    kept[name] = (await (await caches.open(name)).keys()).map((it) => new URL(it.url).pathname);
  }
  return kept;
}"""


@pytest_asyncio.fixture
async def desk(tmp_path: Path, database_url: str) -> AsyncIterator[Desk]:
    async with Desk(database_url, tmp_path) as desk:
        yield desk


@pytest_asyncio.fixture
async def own_window(tmp_path: Path) -> AsyncIterator[BrowserContext]:
    """A browser with a profile: a private window installs nothing."""
    if CHROMIUM is None:
        pytest.skip("no Chromium: put one on the PATH, or name it in PRILAVOK_TEST_CHROMIUM")
    async with async_playwright() as playwright:
        context = await playwright.chromium.launch_persistent_context(
            tmp_path / "profile",
            executable_path=CHROMIUM,
            args=["--no-sandbox"],
            locale="ru-RU",
            viewport={"width": 390, "height": 844},
        )
        yield context
        await context.close()


def version() -> str:
    return rendering.Templates().version


async def cached(page: Page) -> dict[str, list[str]]:
    found: dict[str, list[str]] = await page.evaluate(CACHED)
    return found


def coding(answer: Response | None) -> str:
    assert answer is not None
    return answer.headers.get("content-encoding", "")


async def shot(page: Page, name: str) -> None:
    """A screenshot into the folder that PRILAVOK_SCREENSHOTS names, if it names one."""
    if folder := os.environ.get("PRILAVOK_SCREENSHOTS"):
        await page.screenshot(path=Path(folder) / f"{name}.png", animations="disabled")


async def test_it_is_installed_says_when_there_is_no_connection_and_keeps_nothing_personal(
    own_window: BrowserContext, desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    line = Proxy("127.0.0.1", int(desk.address.rpartition(":")[2]))
    await line.start()
    page = await own_window.new_page()
    marina = Console(page, f"http://127.0.0.1:{line.port}")
    await marina.sign_in(desk.ours.operator)

    # What Chromium asks of an app, by its own word.
    tools = await own_window.new_cdp_session(page)
    manifest = await tools.send("Page.getAppManifest")
    assert manifest["errors"] == []
    assert json.loads(manifest["data"])["name"] == "Прилавок"
    assert (await tools.send("Page.getInstallabilityErrors"))["installabilityErrors"] == []

    # The worker keeps one page and its files, and no page of the console that was looked at.
    await page.evaluate("navigator.serviceWorker.ready.then(() => true)")
    for path in ("/inbox", f"/inbox/{desk.ours.anna}", "/customers"):
        await page.goto(marina.address + path)
    kept = await cached(page)
    assert list(kept) == [f"prilavok-{version()}"]
    assert all(path == "/offline" or path.startswith("/static/") for path in kept[f"prilavok-{version()}"])

    # No line: a page that says so, in both themes, and the console again when the line is there.
    await line.plan(Plan(Ill.REFUSE))
    await page.goto(f"{marina.address}/orders")
    await expect(page.get_by_role("heading")).to_have_text("Нет связи")
    await expect(page.get_by_role("button", name="Повторить")).to_be_visible()
    for scheme in ("light", "dark"):
        await page.emulate_media(color_scheme="dark" if scheme == "dark" else "light")
        await shot(page, f"offline-{scheme}")
        assert [one["id"] for one in (await Axe().run(page)).response["violations"]] == []
    await line.heal()
    await page.evaluate("window.dispatchEvent(new Event('online'))")
    await expect(page.locator("main h1")).to_have_text("Заказы")
    await page.emulate_media(color_scheme="light")

    # Another version of the console: its pages at once, and what the old worker kept is thrown away.
    before = version()
    monkeypatch.setattr(rendering, "_digest", lambda _folder: "0123456789ab")
    await desk.restart()
    await page.goto(f"{marina.address}/orders")
    sheets = await page.locator("link[rel=stylesheet]").evaluate_all("all => all.map((it) => it.href)")
    assert all("/static/0123456789ab/" in sheet for sheet in sheets)

    async def old_is_gone() -> bool:
        return list(await cached(page)) == ["prilavok-0123456789ab"]

    assert await becomes(old_is_gone), f"still there: {await cached(page)}, {before} before"

    # Another site leads here through the worker: the server still hears who asks, and does not pack what it says.
    assert coding(await page.goto(f"{marina.address}/inbox?q=anna")) == "gzip"
    await page.goto(f"{marina.address.replace('127.0.0.1', 'localhost')}/login")
    async with page.expect_navigation() as led:
        await page.evaluate("address => { location.href = address; }", f"{marina.address}/inbox?q=anna")
    assert coding(await led.value) == ""

    # Signed out: nothing is left in the browser, and the way back leads to the door.
    await page.evaluate("localStorage.setItem('draft:1:1:reply', 'не отправлено')")
    await page.goto(f"{marina.address}/me")
    await page.get_by_role("button", name="Выйти", exact=True).click()
    await page.wait_for_url("**/login")
    assert await cached(page) == {}
    assert await page.evaluate("localStorage.length") == 0
    assert await page.evaluate("navigator.serviceWorker.getRegistrations().then((all) => all.length)") == 0
    await page.go_back()
    await expect(page.get_by_label("Пароль")).to_be_visible()
    await line.stop()
    assert [wrong for wrong in marina.wrongs if "net::ERR_" not in wrong] == []
