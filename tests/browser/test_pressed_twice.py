"""A button that is pressed twice means what it says once; pressed again later, it means it again."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
import sqlalchemy as sa
from playwright.async_api import Browser, FilePayload, expect

from catalog.tables import Category
from customers.tables import CardImport
from tests.browser.test_console_inbox import console
from tests.browser.test_webchat import browser as browser
from tests.console.desk import Desk

pytestmark = [pytest.mark.browser, pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)]


@pytest_asyncio.fixture
async def desk(tmp_path: Path, database_url: str) -> AsyncIterator[Desk]:
    async with Desk(database_url, tmp_path) as desk:
        yield desk


async def count(desk: Desk, of: type[Category | CardImport]) -> int:
    return await desk.db.read(lambda session: session.scalar(sa.select(sa.func.count()).select_from(of)) or 0)


async def test_a_category_is_added_once_and_another_of_the_name_when_it_is_meant(browser: Browser, desk: Desk) -> None:
    page = (await console(browser, desk, desk.ours.owner)).page
    for n in (1, 2):
        await page.goto(f"{desk.address}/categories")
        form = page.locator('form[hx-post="/categories"]')
        await form.get_by_label("Название").first.fill("Кружки")
        await form.get_by_role("button").dblclick()
        await expect(page.locator('form[hx-post^="/categories/"]')).to_have_count(n)
        await page.wait_for_load_state("networkidle")
        assert await count(desk, Category) == n


async def test_a_file_of_customers_is_sent_once_and_its_numbers_are_of_the_one_time(
    browser: Browser, desk: Desk
) -> None:
    page = (await console(browser, desk, desk.ours.owner)).page
    await page.goto(f"{desk.address}/customers/import")
    file = FilePayload(name="клиенты.csv", mimeType="text/csv", buffer="Имя;Телефон\nВера;89001234567\n".encode())
    await page.set_input_files("main [type=file]", file)
    await page.get_by_role("button", name="Загрузить").dblclick()
    await expect(page.locator("#imported")).to_contain_text("1 новый покупатель")
    await page.wait_for_load_state("networkidle")
    assert await count(desk, CardImport) == 1
    await page.get_by_role("button", name="Загрузить").click()
    await expect(page.locator("#imported")).to_contain_text("1 уже был")
