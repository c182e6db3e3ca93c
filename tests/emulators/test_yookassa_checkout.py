"""The payment page, over HTTP and in a real browser."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from axe_playwright_python.async_playwright import Axe
from playwright.async_api import Page, async_playwright, expect

from emulators.yookassa import Shop, YooKassaEmulator
from emulators.yookassa.records import Payment
from emulators.yookassa.requests import new_payment

CHROMIUM = Path("/usr/bin/chromium")
SHOP = Shop("100500", "clay_secret", title="Глина и лён")


@pytest.fixture
async def yookassa() -> AsyncIterator[YooKassaEmulator]:
    async with YooKassaEmulator([SHOP]) as emulator:
        yield emulator


@pytest.fixture
async def shop_page() -> AsyncIterator[str]:
    """The address of the shop's own page, where the buyer comes back to."""

    async def thanks(request: web.Request) -> web.Response:
        return web.Response(text='<link rel="icon" href="data:,"><h1>Спасибо</h1>', content_type="text/html")

    app = web.Application()
    app.router.add_get("/thanks", thanks)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    yield f"http://127.0.0.1:{runner.addresses[0][1]}/thanks"
    await runner.cleanup()


@pytest.fixture
async def page() -> AsyncIterator[Page]:
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        page = await browser.new_page(viewport={"width": 390, "height": 844})
        yield page
        await browser.close()


@pytest.fixture
async def http() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession() as session:
        yield session


def link(yookassa: YooKassaEmulator, return_url: str = "https://clay.example/thanks", **more: Any) -> Payment:
    """A payment of 1 450,50 ₽ as the API would have created it."""
    body = {
        "amount": {"value": "1450.50", "currency": "RUB"},
        "capture": True,
        "confirmation": {"type": "redirect", "return_url": return_url},
        "description": "Заказ 72 <b>срочно</b>",
        **more,
    }
    return yookassa.bank.create(SHOP, new_payment(body, SHOP))


async def test_the_page_speaks_two_languages_and_escapes(
    yookassa: YooKassaEmulator, http: aiohttp.ClientSession
) -> None:
    url = yookassa.checkout_url(link(yookassa).id)
    async with http.get(url) as answer:
        russian = await answer.text()
        policy = answer.headers["Content-Security-Policy"]
    async with http.get(url, params={"lang": "en"}) as answer:
        english = await answer.text()
    assert "Оплатить картой" in russian
    assert "1\xa0450,50\xa0₽" in russian
    assert "Pay by card" in english
    assert "&lt;b&gt;срочно" in russian
    assert "unsafe" not in policy
    assert "default-src 'none'" in policy
    assert "<script" not in russian
    assert "style=" not in russian


async def test_a_late_press_shows_the_payment_as_it_is(yookassa: YooKassaEmulator, http: aiohttp.ClientSession) -> None:
    payment = link(yookassa)
    url = yookassa.checkout_url(payment.id)
    yookassa.expire(payment.id)
    async with http.post(url, data={"act": "bank_card"}) as answer:
        assert answer.status == 409
        assert "Время на оплату вышло" in await answer.text()
    async with http.post(url, data={"act": "odd"}) as answer:
        assert answer.status == 400
    async with http.get(yookassa.checkout_url("nothing")) as answer:
        assert answer.status == 404


@pytest.mark.browser
@pytest.mark.skipif(not CHROMIUM.exists(), reason="no Chromium on this machine")
async def test_a_buyer_pays_on_a_phone_and_comes_back(yookassa: YooKassaEmulator, page: Page, shop_page: str) -> None:
    payment = link(yookassa, shop_page)
    problems: list[str] = []
    page.on("console", lambda message: problems.append(message.text) if message.type == "error" else None)
    await page.goto(yookassa.checkout_url(payment.id))
    await expect(page.get_by_role("heading")).to_contain_text("1 450,50 ₽")
    assert await page.evaluate("document.documentElement.scrollWidth") <= 390
    assert (result := await Axe().run(page)).violations_count == 0, result.generate_report()
    await page.get_by_role("button", name="Оплатить через СБП").click()
    await page.wait_for_url(shop_page)
    await page.goto(yookassa.checkout_url(payment.id))
    await expect(page.get_by_role("heading")).to_have_text("Оплачено")
    await page.get_by_role("link", name="Вернуться в магазин").click()
    await page.wait_for_url(shop_page)
    assert yookassa.payment(payment.id)["payment_method"]["type"] == "sbp"
    assert problems == []


@pytest.mark.browser
@pytest.mark.skipif(not CHROMIUM.exists(), reason="no Chromium on this machine")
async def test_a_buyer_declines_in_english(yookassa: YooKassaEmulator, page: Page, shop_page: str) -> None:
    payment = link(yookassa, shop_page, capture=False)
    await page.goto(yookassa.checkout_url(payment.id))
    await page.get_by_role("link", name="English").click()
    await expect(page.get_by_text("the sum is held and charged once")).to_be_visible()
    await expect(page.get_by_role("button", name="Pay with SBP")).to_have_count(0)
    await page.get_by_role("button", name="Decline").click()
    await page.wait_for_url(shop_page)
    assert yookassa.payment(payment.id)["status"] == "canceled"
    await page.goto(f"{yookassa.checkout_url(payment.id)}?lang=en")
    await expect(page.get_by_role("heading")).to_have_text("The payment is cancelled")
    assert (result := await Axe().run(page)).violations_count == 0, result.generate_report()
