"""A price list in a real browser: chosen, its columns named, looked at, applied."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from playwright.async_api import Browser, expect

from tests.browser.test_console_inbox import console
from tests.browser.test_customers import is_accessible
from tests.browser.test_webchat import browser as browser
from tests.console.desk import Desk
from tests.console.test_import import variant, work

pytestmark = [pytest.mark.browser, pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)]


@pytest_asyncio.fixture
async def desk(tmp_path: Path, database_url: str) -> AsyncIterator[Desk]:
    async with Desk(database_url, tmp_path) as desk:
        yield desk


async def test_an_owner_sends_a_price_list_looks_and_applies(browser: Browser, desk: Desk, tmp_path: Path) -> None:
    file = tmp_path / "прайс.csv"
    file.write_text("Артикул;Название;Почём\nTUM-300;;1500\nVASE;Ваза;3900\nBAD;Миска;даром", "cp1251")
    owner = await console(browser, desk, desk.ours.owner)
    page = owner.page
    await page.goto(f"{desk.address}/products")
    await page.get_by_role("link", name="Из файла").click()
    await is_accessible(page)
    await page.get_by_label("Файл", exact=True).set_input_files(file)
    await page.get_by_role("button", name="Посмотреть").click()
    await page.get_by_label("Почём").select_option(label="Цена")
    await is_accessible(page)
    await page.get_by_role("button", name="Показать, что изменится").click()
    await expect(page.get_by_text("Строки проверяются")).to_be_visible()
    await work(desk)
    # The page learns by itself that the check is over.
    await expect(page.get_by_text("Пока ничего не изменено")).to_be_visible()
    await expect(page.locator("tr", has_text="BAD")).to_contain_text("даром")
    await is_accessible(page)
    await page.get_by_role("link", name="Изменится 1").click()
    await expect(page.locator("tr", has_text="TUM-300")).to_contain_text("1 500 ₽")
    await page.get_by_role("button", name="Применить").click()
    await expect(page.get_by_role("progressbar")).to_be_visible()
    await is_accessible(page)
    await work(desk)
    await expect(page.get_by_text("Файл загружен в каталог")).to_be_visible()
    assert (await variant(desk, "VASE")).price == 390000
