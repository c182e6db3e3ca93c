"""The inbox in a real browser: by keys, put off, sent later, many at once."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Page, Route, expect
from sqlalchemy.orm import Session

from company.tables import Staff
from inbox import canned, conversations
from inbox.tables import Conversation
from tests.browser.test_webchat import browser as browser
from tests.console.desk import PASSWORD, Desk

pytestmark = pytest.mark.browser


@pytest_asyncio.fixture
async def desk(tmp_path: Path, database_url: str) -> AsyncIterator[Desk]:
    async with Desk(database_url, tmp_path) as desk:
        yield desk


class Console:
    """One person's browser with the console open. `wrongs` is all that its own console complains about."""

    def __init__(self, page: Page, address: str) -> None:
        self.page, self.address = page, address
        self.wrongs: list[str] = []
        page.on("pageerror", lambda error: self.wrongs.append(str(error)))
        page.on("console", lambda said: self.wrongs.append(said.text) if said.type in ("error", "warning") else None)

    async def sign_in(self, person: Staff) -> None:
        await self.page.goto(f"{self.address}/login")
        await self.page.fill("[name=email]", person.email)
        await self.page.fill("[name=password]", PASSWORD)
        await self.page.keyboard.press("Enter")
        await self.page.wait_for_url(f"{self.address}/")

    async def open(self, conversation_id: int) -> None:
        await self.page.goto(f"{self.address}/inbox/{conversation_id}")

    async def write(self, text: str) -> None:
        await self.page.get_by_label("Сообщение", exact=True).fill(text)
        await self.page.keyboard.press("Control+Enter")

    async def sees(self, text: str) -> None:
        await expect(self.page.locator("#feed").get_by_text(text)).to_be_visible(timeout=10_000)

    async def is_told(self, text: str) -> None:
        await expect(self.page.locator("[data-toasts]").get_by_text(text)).to_be_visible(timeout=10_000)


async def console(browser: Browser, desk: Desk, person: Staff) -> Console:
    context = await browser.new_context(viewport={"width": 1440, "height": 900}, locale="ru-RU")
    console = Console(await context.new_page(), desk.address)
    await console.sign_in(person)
    return console


async def test_a_product_is_picked_by_keys_and_becomes_an_order(browser: Browser, desk: Desk) -> None:
    marina = await console(browser, desk, desk.ours.operator)
    await marina.open(desk.ours.anna)
    await marina.page.locator("#feed").click()
    await marina.page.keyboard.press("KeyP")
    # The browser is given Cyrillic letters without key presses, so they need the field to be there.
    await expect(marina.page.locator(".picker input")).to_be_focused()
    await marina.page.keyboard.type("туман")
    await expect(marina.page.locator(".option")).to_have_count(1)
    await marina.page.keyboard.press("Shift+Enter")
    await marina.is_told("Заказ № 1001 создан")
    await expect(marina.page.locator("#order-panel")).to_contain_text("1 450 ₽")
    await marina.page.keyboard.press("Escape")
    area = marina.page.get_by_label("Сообщение", exact=True)
    await area.press_sequentially("Вот она: #")
    await marina.page.locator(".picker input").press("Escape")
    await expect(area).to_have_value("Вот она: #")
    await area.press_sequentially(" и #")
    await marina.page.locator(".picker input").fill("чайник")
    await marina.page.keyboard.press("Enter")
    await expect(marina.page.locator("#picker-list")).to_contain_text("По запросу «чайник»")
    await marina.page.locator(".picker input").fill("туман")
    await marina.page.keyboard.press("Enter")
    await expect(marina.page.locator("#feed .message-out")).to_contain_text("Кружка «Туман»")
    await expect(area).to_have_value("Вот она: # и ")
    await expect(area).to_be_focused()
    assert marina.wrongs == []


async def test_a_ready_answer_is_put_in_by_keys_changed_and_sent(browser: Browser, desk: Desk) -> None:
    await desk.db.write(canned.add, desk.ours.shop_id, name="привет", text="Здравствуйте, {name}!")
    await desk.db.write(canned.add, desk.ours.shop_id, name="сроки", text="Заказ № {order} соберём завтра.")
    marina = await console(browser, desk, desk.ours.operator)
    await marina.open(desk.ours.anna)
    area = marina.page.get_by_label("Сообщение", exact=True)
    await area.press_sequentially("Минуту. /")
    await expect(marina.page.locator("#canned-list .option")).to_have_count(2, timeout=10_000)
    await area.press_sequentially("при")
    await area.press("Enter")
    await expect(area).to_have_value("Минуту. Здравствуйте, Анна!")
    await expect(marina.page.locator("#canned-list")).to_have_count(0)
    await area.press_sequentially(" Чем помочь?")
    await area.press("Control+Enter")
    await marina.sees("Минуту. Здравствуйте, Анна! Чем помочь?")
    await marina.page.get_by_label("Готовый ответ", exact=True).click()
    await expect(marina.page.locator("#canned-list .option")).to_have_count(2, timeout=10_000)
    await area.press("Escape")
    await expect(marina.page.locator("#canned-list")).to_have_count(0)
    await area.fill("км/ч")
    await marina.page.wait_for_timeout(300)
    await expect(marina.page.locator("#canned-list")).to_have_count(0)
    assert marina.wrongs == []


async def test_a_conversation_is_put_off_by_keys_and_taken_back(browser: Browser, desk: Desk) -> None:
    marina = await console(browser, desk, desk.ours.operator)
    await marina.open(desk.ours.anna)
    await marina.page.locator("#feed").click()
    await marina.page.keyboard.press("KeyZ")
    await marina.page.keyboard.press("ArrowDown")
    await marina.page.keyboard.press("Enter")
    await marina.is_told("Отложено до")
    await expect(marina.page.locator("#conversations")).not_to_contain_text("Анна")
    await expect(marina.page.locator("#view-snoozed")).to_have_text("1")
    await marina.page.keyboard.press("KeyU")
    await expect(marina.page.locator("#conversations")).to_contain_text("Анна")
    await expect(marina.page.locator("#view-snoozed")).to_have_text("")
    assert marina.wrongs == []


async def test_a_draft_is_in_the_other_window_and_an_answer_is_sent_later_and_taken_back(
    browser: Browser, desk: Desk
) -> None:
    timur = await desk.hears("Тимур Маликов", "Можно серую?")
    marina = await console(browser, desk, desk.ours.operator)
    await marina.open(desk.ours.anna)
    area = marina.page.get_by_label("Сообщение", exact=True)
    await area.fill("Есть четыре")
    await marina.open(timur)
    row = marina.page.locator(f"#conversation-{desk.ours.anna}")
    await expect(row).to_contain_text("Черновик: Есть четыре", timeout=10_000)
    await marina.open(desk.ours.anna)
    await expect(area).to_have_value("Есть четыре")
    other = await marina.page.context.new_page()
    await other.goto(f"{desk.address}/inbox/{desk.ours.anna}")
    await expect(other.get_by_label("Сообщение", exact=True)).to_have_value("Есть четыре")
    await marina.page.locator("#send-menu > summary").click()
    await marina.page.get_by_text("Отправить позже").click()
    await marina.page.locator('[data-send="later"][data-when="tomorrow"]').click()
    card = marina.page.locator(".planned")
    await expect(card).to_contain_text("Есть четыре")
    await expect(area).to_have_value("")
    await expect(other.locator(".planned")).to_contain_text("Есть четыре")
    await card.get_by_role("button", name="Изменить").click()
    await expect(area).to_have_value("Есть четыре")
    await expect(card).to_have_count(0)
    await area.press("Control+Shift+Enter")
    await marina.sees("Марина: диалог закрыт")
    assert marina.wrongs == []


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
async def test_what_the_server_knew_before_a_draft_was_saved_does_not_wipe_it(browser: Browser, desk: Desk) -> None:
    marina = await console(browser, desk, desk.ours.operator)
    await marina.open(desk.ours.anna)
    asked, saved = asyncio.Event(), asyncio.Event()

    async def late(route: Route) -> None:
        if route.request.method == "POST":
            await route.continue_()
            return
        answer = await route.fetch()
        asked.set()
        await saved.wait()
        await route.fulfill(response=answer)

    drafts = await marina.page.locator("#composer").get_attribute("data-draft-url")
    await marina.page.route(f"**{drafts}", late)
    await desk.hears("Анна Ветрова", "Вы тут?")
    await asyncio.wait_for(asked.wait(), 10)
    area = marina.page.get_by_label("Сообщение", exact=True)
    async with marina.page.expect_response(lambda answer: answer.request.method == "POST"):
        await area.fill("Есть четыре")
    async with marina.page.expect_event("requestfinished", lambda request: (drafts or "-") in request.url):
        saved.set()
    await marina.page.wait_for_timeout(100)
    await expect(area).to_have_value("Есть четыре")


async def test_many_are_ticked_closed_at_once_and_taken_back(browser: Browser, desk: Desk) -> None:
    for name in ("Тимур", "Ольга"):
        await desk.hears(name, "Здравствуйте!")
    marina = await console(browser, desk, desk.ours.operator)
    rows = marina.page.locator("#conversations [data-conversation]")
    await expect(rows).to_have_count(3)
    await marina.page.keyboard.press("KeyJ")
    await marina.page.keyboard.press("KeyX")
    await expect(marina.page.locator("#bulk")).to_contain_text("выбран 1")
    await marina.page.get_by_label("все показанные").check()
    await expect(marina.page.locator("#bulk")).to_contain_text("выбрано 3")
    await marina.page.get_by_label("Выбрать: Ольга").uncheck()
    await marina.page.locator('[data-bulk="close"]').click()
    await marina.is_told("Закрыто 2 диалога")
    await expect(rows).to_have_count(1)
    await expect(marina.page.locator("#bulk")).to_be_hidden()
    await marina.page.keyboard.press("KeyU")
    await expect(rows).to_have_count(3)
    assert marina.wrongs == []


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
async def test_one_reads_on_where_the_unread_begins_and_hands_over_with_a_note(browser: Browser, desk: Desk) -> None:
    marina = await console(browser, desk, desk.ours.operator)
    for n in range(20):
        await desk.hears("Анна Ветрова", f"Вопрос {n}: успеете к пятнице, если заказать две кружки сегодня вечером?")
    await marina.open(desk.ours.anna)
    page, feed = marina.page, marina.page.locator("#feed")
    await expect(page.locator("#unread")).to_be_in_viewport()
    await expect(feed.get_by_text("Вопрос 19")).not_to_be_in_viewport()
    await page.locator("[data-news=feed]").click()
    await expect(feed.get_by_text("Вопрос 19")).to_be_in_viewport()
    await page.get_by_label("Ещё действия").click()
    await page.get_by_role("button", name="Передать с запиской").click()
    dialog = page.get_by_role("dialog", name="Передать с запиской")
    await dialog.get_by_label("Кому").select_option(str(desk.ours.colleague.id))
    await dialog.get_by_label("Заметка").fill("Ждёт ответа о пятнице")
    key = await page.locator("#hand-over [name=key]").input_value()
    await dialog.get_by_role("button", name="Передать").click()
    await expect(page.locator("#thread-head")).to_contain_text("ведёт Софья", timeout=10_000)
    await expect(feed.locator(".note")).to_contain_text("Ждёт ответа о пятнице")
    await expect(dialog).to_be_hidden()
    assert await page.locator("#hand-over [name=key]").input_value() != key, "the next note is another one"
    assert marina.wrongs == []


async def test_a_row_rises_by_itself_and_nothing_moves_under_the_hand(browser: Browser, desk: Desk) -> None:
    talks = [await desk.hears(name, "Здравствуйте!") for name in ("Тимур", "Ольга", "Борис")]
    timur, olga, boris = talks
    marina = await console(browser, desk, desk.ours.operator)
    page = marina.page
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url.removeprefix(desk.address)))
    rows = page.locator("#conversations [data-conversation]")
    news = page.locator("[data-news=list]")

    async def stand(*ids: int) -> None:
        names = [f"conversation-{id_}" for id_ in (*ids, desk.ours.anna)]
        await expect(rows).to_have_count(len(names))
        for n, name in enumerate(names):
            await expect(rows.nth(n)).to_have_id(name, timeout=10_000)

    def close(session: Session) -> None:
        person = session.get_one(Staff, desk.ours.colleague.id)
        conversations.close(session, session.get_one(Conversation, boris), by=person)

    await stand(boris, olga, timur)
    await desk.hears("Тимур", "Можно серую?")
    await stand(timur, boris, olga)
    await expect(rows.first).to_contain_text("Можно серую?")
    await expect(rows.first.locator(".count")).to_contain_text("2")
    await expect(page.locator("#view-open")).to_have_text("4")
    pavel = await desk.hears("Павел", "Добрый день!")
    await stand(pavel, timur, boris, olga)
    await expect(page.locator("#view-open")).to_have_text("5")
    assert [url for url in asked if url.startswith(("/inbox/list", "/nav"))] == []

    await rows.nth(1).hover()
    await desk.hears("Ольга", "А синюю?")
    await expect(rows.nth(3)).to_contain_text("А синюю?")
    await expect(news).to_have_text("Показать 1 новый")
    await stand(pavel, timur, boris, olga)
    await news.click()
    await stand(olga, pavel, timur, boris)
    await expect(news).to_be_hidden()

    await page.mouse.move(900, 450)
    await desk.db.write(close)
    await stand(olga, pavel, timur)
    await rows.filter(has_text="Ольга").click()
    await page.wait_for_url("**/inbox/*")
    await page.mouse.move(900, 450)
    await page.locator("#feed").click()
    await desk.hears("Ольга", "И зелёную")
    await expect(page.locator("#conversations [aria-current]")).to_contain_text("И зелёную")
    assert marina.wrongs == []


async def test_a_row_that_came_by_itself_keeps_to_the_view_and_to_its_address(browser: Browser, desk: Desk) -> None:
    timur = await desk.hears("Тимур", "Здравствуйте!")
    marina = await console(browser, desk, desk.ours.operator)
    page = marina.page

    def take(session: Session) -> None:
        person = session.get_one(Staff, desk.ours.operator.id)
        conversations.take(session, session.get_one(Conversation, timur), person)

    await page.goto(f"{desk.address}/inbox?view=mine")
    rows = page.locator("#conversations [data-conversation]")
    await desk.hears("Анна Ветрова", "Это никому")
    await desk.db.write(take)
    await expect(rows).to_have_count(1)
    await expect(rows.first).to_have_attribute("href", f"/inbox/{timur}?view=mine")
    await desk.hears("Анна Ветрова", "И это")
    await desk.hears("Тимур", "А мне?")
    await expect(rows.first).to_contain_text("А мне?")
    await expect(rows).to_have_count(1)
    await page.goto(f"{desk.address}/inbox")
    await page.get_by_label("Поиск по диалогам").fill("Анна")
    await expect(rows).to_have_count(1)
    await expect(rows.first).to_contain_text("Анна")
    await desk.hears("Анна Ветрова", "Нашлась")
    await expect(rows.first).to_contain_text("Нашлась")
    await desk.hears("Тимур", "Не про то")
    await expect(page.locator("#conversations")).not_to_contain_text("Тимур")
    assert marina.wrongs == []


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
async def test_a_product_page_follows_a_colleague_and_keeps_what_is_typed(browser: Browser, desk: Desk) -> None:
    ours, other = await console(browser, desk, desk.ours.owner), await console(browser, desk, desk.ours.owner)
    for one in (ours, other):
        await one.page.goto(f"{one.address}/products/{desk.ours.product_id}")
    await other.page.get_by_label("Описание", exact=True).fill("Печатаю своё")
    await ours.page.get_by_label("Название", exact=True).fill("Кружка «Дождь»")
    text = ours.page.locator("#product-text")
    await text.get_by_role("button", name="Сохранить").click()
    for one in (ours, other):
        await expect(one.page.locator("#product-head h1")).to_have_text("Кружка «Дождь»", timeout=10_000)
    await expect(other.page.get_by_label("Описание", exact=True)).to_have_value("Печатаю своё")
    await other.page.locator("#product-text").get_by_role("button", name="Сохранить").click()
    await other.is_told("это изменил коллега")
    await text.get_by_label("Описание", exact=True).fill("Ещё раз")
    await text.get_by_role("button", name="Сохранить").click()
    await expect(ours.page.locator("[data-toasts]").get_by_text("Сохранено")).to_have_count(2)
    assert ours.wrongs == []
