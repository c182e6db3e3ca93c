"""Working together in a real browser: a task by keys, a colleague called in a note, the bell that tells him."""

from __future__ import annotations

import asyncio

import pytest
from axe_playwright_python.async_playwright import Axe
from playwright.async_api import Browser, expect

from automation import notifications
from automation.notifications import About
from automation.tables import Told
from tests.browser.test_console_inbox import console
from tests.browser.test_console_inbox import desk as desk
from tests.browser.test_webchat import browser as browser
from tests.console.desk import Desk

pytestmark = [pytest.mark.browser, pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)]


async def test_a_task_a_call_and_the_bell(browser: Browser, desk: Desk) -> None:
    marina = await console(browser, desk, desk.ours.operator)
    sofya = await console(browser, desk, desk.ours.colleague)
    await sofya.page.goto(f"{desk.address}/tasks")
    await marina.open(desk.ours.anna)

    # A task for a colleague, without the mouse, appears on both screens by itself.
    await marina.page.keyboard.press("t")
    dialog = marina.page.locator("#new-task")
    await expect(dialog.get_by_label("Что сделать")).to_be_focused()
    await marina.page.keyboard.type("Сфотографировать синюю")
    await dialog.get_by_label("Кто делает").select_option(label="Софья Белова")
    await dialog.get_by_label("Срок").select_option("hour")
    await marina.page.keyboard.press("Tab")
    await dialog.get_by_label("Что сделать").press("Enter")
    await expect(dialog).not_to_be_visible()
    beside = marina.page.locator("#tasks-box")
    await expect(beside.get_by_text("Сфотографировать синюю")).to_be_visible()
    row = sofya.page.locator("#tasks [data-task]")
    await expect(row).to_contain_text("Анна Ветрова")
    await expect(sofya.page.locator("#nav-tasks")).to_have_text("1")

    # What is being edited stays under the hands while another task comes.
    await sofya.page.keyboard.press("j")
    await sofya.page.keyboard.press("Enter")
    title = sofya.page.locator("[data-task-form]").get_by_label("Что сделать")
    await title.fill("Сфотографировать синюю и серую")
    await beside.locator("[data-new-task]").click()
    await dialog.get_by_label("Что сделать").fill("Позвонить Анне")
    await dialog.get_by_label("Что сделать").press("Enter")
    await expect(beside.get_by_text("Позвонить Анне")).to_be_visible()
    await expect(title).to_have_value("Сфотографировать синюю и серую")
    assert [v["id"] for v in (await Axe().run(sofya.page)).response["violations"]] == []
    await title.press("Enter")
    await expect(beside.get_by_text("Сфотографировать синюю и серую")).to_be_visible()
    await sofya.page.get_by_role("button", name="Готово: Сфотографировать синюю и серую").click()
    await expect(row).to_have_count(0)
    await expect(beside.get_by_text("Сфотографировать")).to_have_count(0)

    # A colleague called in a note by a few letters.
    await marina.page.locator("#feed").focus()
    await marina.page.keyboard.press("m")
    await marina.page.keyboard.type("Спасибо, @соф")
    await expect(marina.page.locator("#mention-place [role=option]")).to_have_count(1)
    await marina.page.keyboard.press("Enter")
    await marina.page.keyboard.type("быстро!")
    await marina.page.keyboard.press("Control+Enter")
    await expect(marina.page.locator("#feed .mention")).to_have_text("@Софья Белова")
    note = (await desk.thread(desk.ours.anna))[-1]
    assert note.text == "Спасибо, @Софья Белова быстро!"

    # The bell tells her and leads to the note.
    about = About(conversation_id=desk.ours.anna, message_id=note.id, facts={"who": "Марина Ким", "name": "Анна"})
    told = (desk.ours.shop_id, desk.ours.colleague.id, Told.MENTIONED, about)
    await desk.db.write(notifications.tell, *told, key="event:1")
    await sofya.is_told("Марина Ким зовёт вас: Анна")
    await expect(sofya.page).to_have_title("(1) Задачи — Прилавок")
    await sofya.page.locator(".side [data-bell]").click()
    await expect(sofya.page.locator("#notifications [data-told]")).to_be_visible()
    assert [v["id"] for v in (await Axe().run(sofya.page)).response["violations"]] == []
    await sofya.page.keyboard.press("Tab")
    await sofya.page.locator("#notifications [data-told]").click()
    await expect(sofya.page.locator(f"#message-{note.id}")).to_be_in_viewport()
    await expect(sofya.page.locator("#nav-bell")).to_have_text("")
    await expect(marina.page.locator("#nav-bell")).to_have_text("")
    assert marina.wrongs == sofya.wrongs == []


HIDDEN = """
Object.defineProperty(document, "visibilityState", { get: () => window.seen ? "visible" : "hidden" });
window.Notification = class {
  static permission = "granted";
  constructor(title, { body }) {
    const shown = JSON.parse(localStorage.getItem("shown") ?? "[]");
    localStorage.setItem("shown", JSON.stringify([...shown, [title, body]]));
  }
};
"""
"""Tabs that nobody sees, and a browser that writes down what it would show."""


async def test_the_browser_shows_it_once_and_only_while_no_tab_is_seen(browser: Browser, desk: Desk) -> None:
    sofya = desk.ours.colleague
    everything = [str(kind) for kind in Told]
    await desk.db.write(notifications.choose, sofya.id, wanted=everything, sound=False, browser=True)
    first = await console(browser, desk, sofya)
    await first.page.context.add_init_script(HIDDEN)
    tabs = [first.page, await first.page.context.new_page()]
    for tab in tabs:
        await tab.goto(f"{desk.address}/orders")
        await expect(tab.locator("#nav-bell")).to_be_attached()

    async def tell(text: str) -> None:
        about = About(task_id=1, facts={"text": text})
        await desk.db.write(notifications.tell, desk.ours.shop_id, sofya.id, Told.TASK_DUE, about, key=text)

    async def shown() -> list[list[str]]:
        found: list[list[str]] = await tabs[0].evaluate("JSON.parse(localStorage.getItem('shown') ?? '[]')")
        return found

    await tell("Позвонить")
    async with asyncio.timeout(10):
        while not await shown():
            await asyncio.sleep(0.1)
    await tabs[1].evaluate("window.seen = true")
    await tell("Написать")
    await expect(tabs[1].locator("[data-toasts]").get_by_text("Пора: Написать")).to_be_visible()
    await tabs[1].wait_for_timeout(1000)
    assert await shown() == [["Пора", "Позвонить"]]
    await expect(tabs[0]).to_have_title("(2) Заказы — Прилавок")
