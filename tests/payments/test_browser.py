"""A buyer with a phone pays: link, provider, back; declined and again. In a real browser, with its policies."""

from __future__ import annotations

import os
import shutil
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from axe_playwright_python.async_playwright import Axe
from playwright.async_api import Page, async_playwright, expect

from tests.payments.till import Till

pytestmark = pytest.mark.browser

CHROMIUM = os.environ.get("PRILAVOK_TEST_CHROMIUM") or shutil.which("chromium") or "/usr/bin/chromium"


@pytest_asyncio.fixture
async def phone() -> AsyncIterator[Page]:
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        page = await browser.new_page(viewport={"width": 390, "height": 844})
        problems: list[str] = []
        page.on("console", lambda message: problems.append(message.text) if message.type == "error" else None)
        yield page
        await browser.close()
        assert problems == []


async def nothing_in_the_way(page: Page) -> None:
    assert await page.evaluate("document.documentElement.scrollWidth") <= 390
    result = await Axe().run(page)
    assert result.violations_count == 0, result.generate_report()


async def test_a_buyer_is_declined_tries_again_and_pays(till: Till, phone: Page) -> None:
    order = await till.order()
    payment = await till.link(order)
    await phone.goto(f"{till.url}/p/{payment.token}")
    await phone.get_by_role("button", name="Отказаться").click()
    await expect(phone.get_by_role("heading")).to_have_text("Оплата не прошла")
    await nothing_in_the_way(phone)
    await phone.get_by_role("button", name="Оплатить 1 450").click()
    await phone.get_by_role("button", name="Оплатить картой").click()
    await expect(phone.get_by_role("heading")).to_have_text("Оплачено")
    await nothing_in_the_way(phone)
    await phone.get_by_role("link", name="English").click()
    await expect(phone.get_by_role("heading")).to_have_text("Paid")
    assert (await till.now(order)).stage.code == "paid"


async def test_a_page_that_waits_for_the_bank_turns_into_paid_by_itself(till: Till, phone: Page) -> None:
    order = await till.order()
    payment = await till.link(order)
    assert payment.provider_id is not None
    await phone.goto(f"{till.url}/p/{payment.token}/back")
    await expect(phone.get_by_role("heading")).to_have_text("Ждём ответа банка")
    await nothing_in_the_way(phone)
    till.bank.pay(payment.provider_id)
    await expect(phone.get_by_role("heading")).to_have_text("Оплачено", timeout=15_000)


async def test_the_old_link_of_a_changed_order_leads_to_the_new_sum(till: Till, phone: Page) -> None:
    order = await till.order()
    old = await till.link(order)
    await till.discount(order, 45000)
    await phone.goto(f"{till.url}/p/{old.token}")
    await expect(phone.get_by_role("heading")).to_have_text("Заказ изменился")
    await nothing_in_the_way(phone)
    await phone.get_by_role("button", name="Оплатить 1 000").click()
    await expect(phone.get_by_role("heading")).to_contain_text("1 000")
    await phone.get_by_role("button", name="Оплатить картой").click()
    await expect(phone.get_by_role("heading")).to_have_text("Оплачено")
    assert (await till.now(order)).stage.code == "paid"
