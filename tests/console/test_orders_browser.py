"""Orders in a real browser: cards dragged along the board, lines added, orders written down and ticked."""

from __future__ import annotations

import asyncio
import os
import re
import shutil
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack

import pytest
import pytest_asyncio
from playwright.async_api import Page, Route, async_playwright, expect

from company.tables import Staff
from tests.console import trade
from tests.console.desk import Desk

pytestmark = pytest.mark.browser

CHROMIUM = os.environ.get("PRILAVOK_TEST_CHROMIUM") or shutil.which("chromium") or shutil.which("google-chrome")

Open = Callable[[Staff, str], Awaitable[Page]]


@pytest_asyncio.fixture
async def opens(desk: Desk) -> AsyncIterator[Open]:
    """Somebody opens a page of the console in a window of his own. Nothing may be said on its console."""
    if CHROMIUM is None:
        pytest.skip("no Chromium")
    said: list[str] = []
    async with async_playwright() as playwright, AsyncExitStack() as windows:
        browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])

        async def open_(person: Staff, path: str) -> Page:
            signed_in = await desk.signed_in(person)
            context = await browser.new_context(viewport={"width": 1440, "height": 900}, locale="ru-RU")
            windows.push_async_callback(context.close)
            cookie = next(iter(signed_in.http.cookie_jar))
            await context.add_cookies([{"name": cookie.key, "value": cookie.value, "url": desk.address}])
            page = await context.new_page()
            page.on("pageerror", lambda error: said.append(str(error)))
            page.on("console", lambda line: said.append(line.text) if line.type in ("error", "warning") else None)
            await page.goto(desk.address + path)
            return page

        yield open_
        await windows.aclose()
        await browser.close()
    assert [line for line in said if "409" not in line] == []


async def drag(page: Page, card: str, column: str) -> None:
    """By small steps, as a hand does."""
    start, end = await page.locator(card).bounding_box(), await page.locator(column).bounding_box()
    assert start is not None
    assert end is not None
    await page.mouse.move(start["x"] + 60, start["y"] + 40)
    await page.mouse.down()
    await page.mouse.move(start["x"] + 80, start["y"] + 50, steps=4)
    await page.mouse.move(end["x"] + 90, end["y"] + 60, steps=12)
    await page.mouse.up()


async def test_a_card_dragged_to_the_next_stage_moves_in_every_open_window(desk: Desk, opens: Open) -> None:
    made = await trade.order(desk)
    assembling = await trade.stage_id(desk, made, "assembling")
    mine, colleagues = await opens(desk.ours.operator, "/orders"), await opens(desk.ours.colleague, "/orders")
    place = f"#column-{assembling} #order-{made.id}"
    await drag(mine, f"#order-{made.id}", f"#column-{assembling} .board-cards")
    await expect(mine.locator(place)).to_be_visible()
    await expect(colleagues.locator(place)).to_be_visible()
    assert (await trade.now(desk, made)).stage.code == "assembling"


async def test_a_card_that_may_not_go_there_returns_with_the_reason(desk: Desk, opens: Open) -> None:
    made = await trade.order(desk, trade.ONLINE)
    assembling = await trade.stage_id(desk, made, "assembling")
    page = await opens(desk.ours.operator, "/orders")
    await drag(page, f"#order-{made.id}", f"#column-{assembling} .board-cards")
    await expect(page.locator(".toast-bad")).to_contain_text(str(made.number))
    await expect(page.locator(f"#column-{made.stage_id} #order-{made.id}")).to_be_visible()
    assert (await trade.now(desk, made)).stage.code == "awaiting_payment"


async def test_a_card_is_moved_by_the_keyboard_too(desk: Desk, opens: Open) -> None:
    made = await trade.order(desk)
    assembling = await trade.stage_id(desk, made, "assembling")
    page = await opens(desk.ours.operator, "/orders")
    await page.locator(f"#order-{made.id}").focus()
    await page.keyboard.press("Control+ArrowLeft")
    await page.keyboard.press("Control+ArrowRight")
    await expect(page.locator(f"#column-{assembling} #order-{made.id}")).to_be_focused()
    assert (await trade.now(desk, made)).stage.code == "assembling"


async def test_a_product_is_added_on_the_orders_page_and_the_sum_follows(desk: Desk, opens: Open) -> None:
    made = await trade.order(desk)
    page = await opens(desk.ours.operator, f"/orders/{made.id}")

    async def slowly(route: Route) -> None:
        await asyncio.sleep(0.3)
        await route.continue_()

    await page.route("**/picker", slowly)
    await page.keyboard.press("KeyP")
    await page.keyboard.type("tuma")
    await page.keyboard.press("Backspace")
    field = page.locator(".picker input")
    await expect(field).to_be_focused()
    await expect(field).to_have_value("tum")
    async with page.expect_response("**/picker/goods?q=tum-"):
        await page.keyboard.type("-")
    await page.locator("#picker-place .option").first.click()
    await expect(page.locator("#order-panel .totals .total").last).to_have_text("4\xa0350\xa0₽")
    await page.locator("#order-panel .quantity button").last.click()
    await expect(page.locator("#order-panel .totals .total").last).to_have_text("5\xa0800\xa0₽")
    assert (await trade.now(desk, made)).total == trade.roubles(5800)


async def test_an_order_is_written_down_for_somebody_new(desk: Desk, opens: Open) -> None:
    page = await opens(desk.ours.operator, "/orders/new")
    await page.locator("[name=name]").fill("Вера Климова")
    await page.locator("[name=phone]").fill("8 900 765-43-21")
    await page.locator("[name=what]").press_sequentially("кру")
    await page.locator("#new-goods .option").first.click()
    await expect(page.locator("#new-lines")).to_contain_text("1\xa0450\xa0₽")
    await page.locator("[name=payment]").select_option("on_receipt")
    await page.locator("#new-order [type=submit]").click()
    await page.wait_for_url(re.compile(r"/orders/\d+$"))
    await expect(page.locator("h1")).to_contain_text("№")
    await expect(page.locator("main")).to_contain_text("Вера Климова")


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
async def test_ticked_orders_are_moved_and_one_that_is_left_says_why_and_stays_ticked(desk: Desk, opens: Open) -> None:
    ready, unpaid = await trade.order(desk), await trade.order(desk, trade.ONLINE)
    page = await opens(desk.ours.operator, "/orders?layout=table")
    await page.keyboard.press("j")
    await page.keyboard.press("x")
    assert await page.locator("#bulk [data-bulk=link]").is_visible()
    await page.locator("th [data-tick-all]").check()
    await page.locator("#bulk details:has([data-bulk=move]) summary").click()
    await page.locator("#bulk [data-stage=assembling]").click()
    await expect(page.locator("#bulk-left")).to_contain_text(f"№ {unpaid.number}")
    await page.locator("#bulk-left [data-close]").click()
    await expect(page.locator(f"#tick-{unpaid.id}")).to_be_checked()
    await expect(page.locator(f"#tick-{ready.id}")).not_to_be_checked()
    await expect(page.locator(f"#order-row-{ready.id}")).to_contain_text("Сборка")


async def test_a_note_that_two_write_at_once_keeps_the_words_of_both(desk: Desk, opens: Open) -> None:
    made = await trade.order(desk)
    here = f"/orders/{made.id}"
    marina, sofya = await opens(desk.ours.operator, here), await opens(desk.ours.colleague, here)
    mine, hers = (page.get_by_label("Заметка", exact=True) for page in (marina, sofya))
    await hers.press_sequentially("Звонить после шести")
    await mine.fill("Просила открытку")
    await mine.blur()
    await expect(marina.locator("#note-was")).to_have_value("Просила открытку")
    await mine.fill("Просила открытку без цены")
    await mine.blur()
    await expect(marina.locator("#note-was")).to_have_value("Просила открытку без цены")
    await hers.blur()
    await expect(sofya.locator("[data-toasts]").get_by_text("сохранены обе")).to_be_visible()
    for field in (mine, hers):
        await expect(field).to_have_value("Просила открытку без цены\n\nЗвонить после шести")


async def test_what_a_field_could_not_keep_without_a_line_is_kept_when_it_is_back(desk: Desk) -> None:
    """Its browser has an error on its console: there was no line."""
    if CHROMIUM is None:
        pytest.skip("no Chromium")
    made, marina = await trade.order(desk), await desk.signed_in(desk.ours.operator)
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        context = await browser.new_context(locale="ru-RU")
        cookie = next(iter(marina.http.cookie_jar))
        await context.add_cookies([{"name": cookie.key, "value": cookie.value, "url": desk.address}])
        page = await context.new_page()
        await page.goto(f"{desk.address}/orders/{made.id}")
        note = page.get_by_label("Заметка", exact=True)
        await context.set_offline(True)
        await note.fill("Просила открытку")
        await note.blur()
        await expect(page.locator("[data-toasts]").get_by_text("Нет связи с сервером")).to_be_visible()
        await context.set_offline(False)
        await expect(page.locator("[data-toasts]").get_by_text("Заметка сохранена")).to_be_visible()
        await page.reload()
        await expect(note).to_have_value("Просила открытку")
        await browser.close()


async def test_a_refusal_does_not_lie_on_the_button_to_press_again(desk: Desk, opens: Open) -> None:
    page = await opens(desk.ours.operator, "/orders/new")
    await page.set_viewport_size({"width": 1280, "height": 780})
    await page.get_by_label("Имя", exact=True).fill("Вера")
    await page.get_by_label("Телефон").fill("12")
    await page.locator("[name=what]").fill("туман")
    await page.locator(".option").first.click()
    await expect(page.get_by_label("Количество", exact=True)).to_have_value("1")
    press = page.get_by_role("button", name="Оформить заказ")
    await press.click()
    await expect(page.locator("[data-toasts]").get_by_text("не похоже на номер телефона")).to_be_visible()
    await page.get_by_label("Телефон").fill("+7 900 123-45-67")
    await press.click(timeout=5000)
    await page.wait_for_url(re.compile(r"/orders/\d+$"))
