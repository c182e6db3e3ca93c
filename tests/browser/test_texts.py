"""The owner puts the bot's words into his own, in a real browser: found by name, previewed, kept, and back again."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from playwright.async_api import Browser, expect

from tests.browser.test_console_inbox import console
from tests.browser.test_webchat import browser as browser
from tests.console.desk import Desk

pytestmark = [pytest.mark.browser, pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)]


@pytest_asyncio.fixture
async def desk(tmp_path: Path, database_url: str) -> AsyncIterator[Desk]:
    async with Desk(database_url, tmp_path) as desk:
        yield desk


async def test_a_text_is_found_by_its_name_put_into_own_words_and_back(browser: Browser, desk: Desk) -> None:
    owner = await console(browser, desk, desk.ours.owner)
    page = owner.page
    await page.goto(f"{desk.address}/settings/texts?locale=ru")
    await page.get_by_label("Найти текст").fill("приветствие без имени")
    await page.get_by_label("Найти текст").press("Enter")
    row = page.locator("form.text-row")
    await expect(row).to_have_count(1)
    words = row.get_by_label("Приветствие без имени")
    await expect(words).to_have_value("Здравствуйте! Это «{shop}».\nЗаходите в каталог или просто напишите, что ищете.")
    await words.fill("<b>Добро пожаловать</b> в {shop}!")
    await expect(row.locator(".bubble b")).to_have_text("Добро пожаловать")
    await expect(row.locator(".bubble")).to_contain_text("в Глина и лён!")
    await row.get_by_role("button", name="Сохранить").click()
    await owner.is_told("Сохранено")
    await expect(row.get_by_text("ваш текст")).to_be_visible()
    await expect(words).to_have_value("<b>Добро пожаловать</b> в {shop}!")
    await page.reload()
    await expect(words).to_have_value("<b>Добро пожаловать</b> в {shop}!")
    await row.get_by_role("button", name="Вернуть обычные слова").click()
    await owner.is_told("Обычные слова вернулись")
    await expect(words).to_have_value("Здравствуйте! Это «{shop}».\nЗаходите в каталог или просто напишите, что ищете.")
    await expect(row.locator(".bubble")).to_contain_text("Это «Глина и лён»")
    await expect(row.get_by_text("ваш текст")).to_have_count(0)
    await words.fill("")
    await row.get_by_role("button", name="Сохранить").click()
    await expect(words).to_have_value("Здравствуйте! Это «{shop}».\nЗаходите в каталог или просто напишите, что ищете.")
    assert owner.wrongs == []
