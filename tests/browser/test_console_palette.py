"""The palette in a real browser: opened, moved in and followed by keys alone."""

from __future__ import annotations

import asyncio
import re

import pytest
from axe_playwright_python.async_playwright import Axe
from playwright.async_api import Browser, Route, expect

from inbox import searching
from tests.browser.test_console_inbox import console
from tests.browser.test_console_inbox import desk as desk
from tests.browser.test_webchat import browser as browser
from tests.console.desk import Desk

pytestmark = [pytest.mark.browser, pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)]


async def test_from_any_page_some_letters_lead_to_a_page_and_to_what_was_said(browser: Browser, desk: Desk) -> None:
    await desk.db.write(searching.catch_up)
    marina = await console(browser, desk, desk.ours.operator)
    page, palette = marina.page, marina.page.locator("#palette")
    await page.goto(f"{desk.address}/products")

    await page.keyboard.press("Control+KeyK")
    await expect(palette.get_by_role("combobox")).to_be_focused()
    await page.keyboard.type("заказ")
    chosen = palette.locator('a.option[aria-selected="true"]')
    await expect(chosen).to_contain_text("Новый заказ")
    await page.keyboard.press("ArrowDown")
    await expect(chosen).to_contain_text("Доска заказов")
    assert [one["id"] for one in (await Axe().run(page)).response["violations"]] == []
    await page.keyboard.press("Enter")
    await expect(page).to_have_url(re.compile("/orders$"))

    # The address is the new one before anything of its page has come.
    await palette.wait_for(state="attached")
    await page.keyboard.press("Control+KeyK")
    await page.keyboard.type("есть кружку")
    said = palette.get_by_role("group", name="Сказано").get_by_role("option")
    await expect(said).to_contain_text("Есть кружка?")
    await expect(said).to_have_attribute("aria-selected", "true")
    await page.keyboard.press("Enter")
    await expect(page.locator(":target")).to_contain_text("Есть кружка?")

    await page.keyboard.press("Control+KeyK")
    await page.keyboard.press("Escape")
    await expect(palette).to_be_hidden()


async def test_it_opens_and_takes_letters_before_the_other_scripts_have_come(browser: Browser, desk: Desk) -> None:
    await desk.db.write(searching.catch_up)
    marina = await console(browser, desk, desk.ours.operator)
    page, palette = marina.page, marina.page.locator("#palette")
    may_come = asyncio.Event()

    async def late(route: Route) -> None:
        await may_come.wait()
        await route.continue_()

    await page.route("**/palette.js*", late)
    await page.goto(f"{desk.address}/orders", wait_until="commit")
    await palette.wait_for(state="attached")
    await page.keyboard.press("Control+KeyK")
    await page.keyboard.type("есть кружку")
    await expect(palette.get_by_role("combobox")).to_have_value("есть кружку")
    may_come.set()
    said = palette.get_by_role("group", name="Сказано").get_by_role("option")
    await expect(said).to_contain_text("Есть кружка?")
    await page.keyboard.press("Enter")
    await expect(page.locator(":target")).to_contain_text("Есть кружка?")
    assert marina.wrongs == []
