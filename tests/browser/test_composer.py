"""What helps while an answer is written, in a real browser."""

from __future__ import annotations

import asyncio

import pytest
import sqlalchemy as sa
from axe_playwright_python.async_playwright import Axe
from playwright.async_api import Browser, Route, expect

from inbox.tables import Draft
from tests.browser.test_console_inbox import console
from tests.browser.test_console_inbox import desk as desk
from tests.browser.test_webchat import browser as browser
from tests.console.desk import Desk

pytestmark = pytest.mark.browser


async def test_emoji_are_loaded_when_wanted_and_put_in_by_keys(browser: Browser, desk: Desk) -> None:
    marina = await console(browser, desk, desk.ours.operator)
    asked: list[str] = []
    marina.page.on("request", lambda request: asked.append(request.url.rpartition("/")[2]))
    await marina.open(desk.ours.anna)
    area, keys = marina.page.get_by_label("Сообщение", exact=True), marina.page.keyboard
    await area.fill("Спасибо!")
    assert [name for name in asked if "emoji" in name] == []
    await marina.page.get_by_label("Эмодзи", exact=True).click()
    chosen = marina.page.locator(".emoji[aria-selected=true]")
    await expect(chosen).to_have_attribute("id", "emoji-0")
    assert [name for name in asked if "emoji" in name] == ["emoji.js", "emoji.ru.json"]
    found = await Axe().run(marina.page)
    assert [violation["id"] for violation in found.response["violations"]] == []
    top = "one => one.getBoundingClientRect().top"
    tops = await marina.page.locator(".emoji").evaluate_all(f"all => all.slice(0, 60).map({top})")
    row = tops.count(tops[0])
    for key, place in (("ArrowDown", row), ("ArrowRight", row + 1), ("ArrowUp", 1), ("ArrowLeft", 0)):
        await keys.press(key)
        await expect(chosen).to_have_attribute("id", f"emoji-{place}")
    await keys.type("алое сердце")
    await expect(chosen).to_have_text("❤️")
    await keys.press("Shift+Enter")
    await marina.page.get_by_label("Эмодзи по слову").fill("thank")
    await keys.press("Enter")
    await expect(area).to_have_value("Спасибо!❤️🙏")
    await expect(area).to_be_focused()
    await marina.page.get_by_label("Эмодзи", exact=True).click()
    await expect(marina.page.locator(".emoji-group").first).to_have_text("Недавние")
    await expect(chosen).to_have_text("🙏")
    await marina.page.get_by_label("Эмодзи по слову").fill("нетникакого")
    await expect(marina.page.locator(".emoji-none")).to_have_text("Ничего с таким названием")
    await keys.press("Escape")
    await expect(marina.page.locator("#emoji-place > *")).to_have_count(0)
    assert marina.wrongs == []


async def test_an_answer_and_a_note_that_were_both_begun_are_both_there_in_another_browser(
    browser: Browser, desk: Desk
) -> None:
    marina = await console(browser, desk, desk.ours.operator)
    await marina.open(desk.ours.anna)
    for tab, text in (("reply", "Есть четыре, отложить?"), ("note", "Спросить на складе")):
        await marina.page.locator(f"#composer [data-mode={tab}]").click()
        await marina.page.locator("#composer textarea").fill(text)
    await marina.page.goto("about:blank")
    # What a page sends on leaving is on its way for a moment still.
    async with asyncio.timeout(10):
        while await desk.db.read(lambda session: session.scalar(sa.select(sa.func.count(Draft.text)))) != 2:
            await asyncio.sleep(0.05)
    elsewhere = await console(browser, desk, desk.ours.operator)
    await elsewhere.open(desk.ours.anna)
    area = elsewhere.page.locator("#composer textarea")
    await expect(area).to_have_value("Есть четыре, отложить?", timeout=10_000)
    await elsewhere.page.locator("#composer [data-mode=note]").click()
    await expect(area).to_have_value("Спросить на складе", timeout=10_000)
    assert elsewhere.wrongs == []


async def test_what_is_answered_stays_with_the_draft_and_leads_back(browser: Browser, desk: Desk) -> None:
    await desk.hears("Анна Ветрова", "А синяя?")
    marina = await console(browser, desk, desk.ours.operator)
    await marina.open(desk.ours.anna)
    area, asked = marina.page.get_by_label("Сообщение", exact=True), marina.page.locator(".composer-reply")
    await expect(asked).to_be_hidden()
    async with marina.page.expect_response("**/draft") as _kept:
        await marina.page.locator("#feed [data-message]").last.get_by_label("Ответить на это сообщение").click()
    await expect(asked).to_contain_text("А синяя?")
    await expect(area).to_be_focused()
    await marina.page.reload()
    await expect(asked).to_contain_text("А синяя?")
    await area.fill("Есть")
    await area.press("Control+Enter")
    quoted = marina.page.locator("#feed .message-out .quote")
    await expect(quoted).to_contain_text("А синяя?")
    await expect(asked).to_be_hidden()
    await quoted.click()
    await expect(marina.page.locator("[data-message]:target")).to_contain_text("А синяя?")
    assert marina.wrongs == []


async def test_a_colleague_sees_who_answers_until_it_is_said(browser: Browser, desk: Desk) -> None:
    marina = await console(browser, desk, desk.ours.operator)
    sofya = await console(browser, desk, desk.ours.colleague)
    await sofya.open(desk.ours.anna)
    await marina.open(desk.ours.anna)
    told = sofya.page.locator("#typing")
    await marina.page.get_by_role("tab", name="Заметка").click()
    await marina.page.keyboard.type("для своих")
    await marina.page.get_by_role("tab", name="Ответ").click()
    await expect(told).to_be_empty()
    await marina.page.keyboard.type("Есть")
    await expect(told).to_have_text("Марина отвечает…")
    await expect(marina.page.locator("#typing")).to_be_empty()
    await marina.page.keyboard.press("Control+Enter")
    await sofya.sees("Есть")
    await expect(told).to_be_empty()
    assert marina.wrongs == sofya.wrongs == []


async def test_what_is_typed_before_the_page_has_come_is_not_lost(browser: Browser, desk: Desk) -> None:
    marina = await console(browser, desk, desk.ours.operator)
    may_come = asyncio.Event()

    async def late(route: Route) -> None:
        await may_come.wait()
        await route.continue_()

    await marina.page.route("**/composer.js*", late)
    address = f"{marina.address}/inbox/{desk.ours.anna}"
    await marina.page.goto(address, wait_until="commit")
    area = marina.page.get_by_label("Сообщение", exact=True)
    await area.fill("Да, есть")
    async with marina.page.expect_response("**/draft"):
        may_come.set()
    await expect(area).to_have_value("Да, есть")
    await marina.page.keyboard.press("Control+Enter")
    await marina.sees("Да, есть")
    assert marina.wrongs == []
