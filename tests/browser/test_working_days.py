"""Whole working days at the console: people in browsers, buyers in their messengers, one hub between them."""

from __future__ import annotations

import asyncio
import re
from contextlib import AsyncExitStack

import pytest
from playwright.async_api import Browser, Page, Route, expect
from sqlalchemy.orm import Session

from inbox.tables import Author, Conversation, Message
from tests.browser.office import LINE_IS_CUT, PATIENCE, SOFYA_EMAIL, Office, Widget, Window, becomes, talk_in
from tests.browser.test_webchat import browser as browser
from tests.faults.proxy import Ill, Plan
from tests.stories import books, purchases
from tests.stories.buyers import PhoneBuyer
from tests.stories.conftest import _migrated_postgres as _migrated_postgres
from tests.stories.conftest import _migrated_sqlite as _migrated_sqlite
from tests.stories.conftest import story_database as story_database
from tests.stories.conftest import street as street
from tests.stories.purchases import Asked
from tests.stories.street import MARINA_EMAIL, OLGA, TOM, Street, person

pytestmark = [pytest.mark.browser, pytest.mark.timeout(120)]

OLGA_WANTS = Asked("Ольга Рябинина", OLGA.phone)


async def test_two_operators_and_three_buyers_through_a_whole_day(browser: Browser, street: Street) -> None:
    async with Office(street, browser) as office:
        marina, sofya, vera = await asyncio.gather(
            office.window(MARINA_EMAIL), office.window(SOFYA_EMAIL), office.widget()
        )
        olga, tom = PhoneBuyer(street.telegram, OLGA.id), PhoneBuyer(street.telegram, TOM.id)
        number, *_ = await asyncio.gather(purchases.orders_napkin(olga, OLGA_WANTS), _tom_asks(tom), _vera_asks(vera))
        with_tom, with_olga = [await street.ask(talk_in, "telegram", str(one.id)) for one in (TOM, OLGA)]
        with_vera = await street.ask(talk_in, "webchat")
        await asyncio.gather(marina.shows_what_is_stored(), sofya.shows_what_is_stored())

        first, second = await _race(street, with_tom, marina, sofya)
        await _hands_over(tom, first, second)
        await _order_is_changed_and_paid(street, office, olga, with_olga, number, marina, sofya)
        await _money_goes_back(street, olga, number, sofya)
        await _two_cards_become_one_and_two_again(street, with_olga, with_vera, marina, sofya)
        await _a_line_is_cut(street, tom, with_tom, first, second)
        await _an_answer_is_lost(street, tom, second)
        await _the_hub_starts_anew(street, tom, vera, (marina, sofya))
        await books.all_is_settled(street)
        await asyncio.gather(marina.shows_what_is_stored(), sofya.shows_what_is_stored())


async def test_one_by_keys_alone_and_one_with_a_phone_in_her_hand(browser: Browser, street: Street) -> None:
    async with Office(street, browser) as office:
        sofya, marina = await asyncio.gather(office.window(SOFYA_EMAIL), office.window(MARINA_EMAIL, phone=True))
        olga, tom = PhoneBuyer(street.telegram, OLGA.id), PhoneBuyer(street.telegram, TOM.id)
        number, _ = await asyncio.gather(purchases.orders_napkin(olga, OLGA_WANTS), _tom_asks(tom))
        await asyncio.gather(_by_keys(street, sofya, tom), _by_phone(street, office, marina, olga, number))
        await books.all_is_settled(street)
        await asyncio.gather(marina.shows_what_is_stored(), sofya.shows_what_is_stored())


async def _by_keys(street: Street, sofya: Window, tom: PhoneBuyer) -> None:
    """A question becomes an answer, an order with its link, a task; the conversation is closed and taken back."""
    page, keys = sofya.page, sofya.page.keyboard
    row = page.locator("[data-conversation]").filter(has_text="Tom Baker")
    await expect(row).to_contain_text("Передали оператору", timeout=PATIENCE)
    for _ in range(2):
        if not await row.evaluate("it => it === document.activeElement"):
            await keys.press("KeyJ")
    await keys.press("Enter")
    await sofya.sees("Можно ли кружку в духовку?")
    await keys.press("KeyA")
    await sofya.leads()
    await keys.press("KeyR")
    await keys.type("Можно.")
    await keys.press("Control+Enter")
    await tom.sees("Можно.")
    await expect(sofya.area).to_have_value("", timeout=PATIENCE)
    await page.locator("#feed").focus()
    await keys.press("KeyP")
    await expect(page.locator(".picker input")).to_be_focused(timeout=PATIENCE)
    await keys.type("салфетка")
    await expect(page.locator(".option")).to_have_count(1, timeout=PATIENCE)
    await keys.press("Shift+Enter")
    await expect(page.locator("#order-panel dd.total")).to_contain_text("600", timeout=PATIENCE)
    await keys.press("Escape")
    await expect(page.locator(".picker")).to_have_count(0)
    await sofya.shows_what_is_stored()
    await keys.press("KeyL")
    await expect(page.locator("dialog[open] [name=phone]")).to_be_focused(timeout=PATIENCE)
    await keys.type("8 916 123-45-67")
    await keys.press("Enter")
    await tom.sees("к оплате", "Оплатить")
    await keys.press("KeyT")
    title = page.locator("#new-task").get_by_label("Что сделать")
    await expect(title).to_be_focused(timeout=PATIENCE)
    await keys.type("Позвонить Тому")
    await keys.press("Enter")
    await expect(page.locator("#tasks-box").get_by_text("Позвонить Тому")).to_be_visible(timeout=PATIENCE)
    await sofya.shows_what_is_stored()
    await sofya.shot("keys-order")
    await keys.press("KeyE")
    await sofya.sees("диалог закрыт")
    await sofya.shows_what_is_stored()
    await keys.press("KeyU")
    await expect(page.locator("[data-conversation]").filter(has_text="Tom Baker")).to_be_visible(timeout=PATIENCE)
    await sofya.shows_what_is_stored()


async def _by_phone(street: Street, office: Office, marina: Window, olga: PhoneBuyer, number: int) -> None:
    page = marina.page
    await marina.shows_what_is_stored()
    await marina.shot("phone-list")
    await page.locator("[data-conversation]").filter(has_text="Ольга").tap()
    await marina.sees(f"Заказ № {number}")
    await page.locator("#thread-menu > summary").tap()
    await page.locator("#thread-menu").get_by_role("button", name="Взять").tap()
    await marina.leads()
    await marina.area.fill("Ольга, добавлю вам ещё одну?")
    await page.get_by_role("button", name="Отправить", exact=True).tap()
    await olga.sees("Ольга, добавлю вам ещё одну?")
    await olga.say("Да, спасибо!")
    await marina.sees("Да, спасибо!")
    await marina.shows_what_is_stored()
    await marina.shot("phone-thread")
    await page.get_by_role("button", name=f"№ {number}").tap()
    panel = page.locator("#order-panel")
    await panel.get_by_role("button", name="Больше").tap()
    await expect(panel.locator("dd.total")).to_contain_text(_number("1 200"), timeout=PATIENCE)
    await marina.shows_what_is_stored()
    await marina.shot("phone-order")
    await page.locator("#context").get_by_role("button", name="Выставить ссылку").tap()
    await olga.sees(f"Заказ № {number}: к оплате 1\u00a0200")
    await page.mouse.click(195, 30)
    await expect(page.locator("body")).to_have_attribute("data-pane", "thread")
    await marina.sees("Ждёт оплаты")
    await _pays(await office.buyers_page(), await purchases.payment_link(olga, number))
    await marina.sees(f"Заказ № {number} оплачен")
    await marina.shows_what_is_stored()
    await page.get_by_role("link", name="К списку").tap()
    await page.wait_for_url(re.compile("/inbox$"))
    await marina.shows_what_is_stored()
    await page.locator(".tab-bar").get_by_role("link", name="Заказы").tap()
    await page.wait_for_url(re.compile("/orders$"))
    await marina.shot("phone-board")
    await page.locator(".board-card").filter(has_text=str(number)).tap()
    await page.wait_for_url(re.compile(r"/orders/\d+$"))
    await marina.shows_what_is_stored()
    await page.locator("[data-key=stage-next]").tap()
    await olga.sees(f"Заказ № {number} собираем")
    await marina.shows_what_is_stored()
    await marina.shot("phone-order-page")


async def _tom_asks(tom: PhoneBuyer) -> None:
    await tom.start()
    await tom.sees("Здравствуйте")
    await tom.tap("Вопрос оператору")
    await tom.sees("Напишите вопрос")
    await tom.say("Можно ли кружку в духовку?")
    await tom.sees("Передали оператору")


async def _vera_asks(vera: Widget) -> None:
    await vera.say("Вы открыты в субботу?")
    await vera.sees("Передали оператору")


async def _race(street: Street, here: int, marina: Window, sofya: Window) -> tuple[Window, Window]:
    """Both press «Взять» before either has heard of the other. Who won and who did not."""
    pressed = asyncio.Event()

    async def later(route: Route) -> None:
        await pressed.wait()
        await route.continue_()

    rivals = (marina, sofya)
    for one in rivals:
        await one.open(f"/inbox/{here}")
        await one.page.route("**/inbox/*/head*", later)
    async with AsyncExitStack() as stack:
        for one in rivals:
            await stack.enter_async_context(one.wrongs.expected("^409: POST .*/(take|messages)$", "status of 409"))
        await asyncio.gather(*(one.page.get_by_role("button", name="Взять").click() for one in rivals))
        pressed.set()
        leader = await _leader(street, here)
        first, second = rivals if leader == MARINA_EMAIL else rivals[::-1]
        await second.is_told("Этот разговор уже ведёт " + ("Марина Ким" if first is marina else "Софья Белова"))
        # Who writes without having heard of it is told the same, and keeps what he wrote.
        said = second.page.expect_console_message(lambda line: "409" in line.text)
        async with said, second.page.expect_response("**/messages"):
            await second.writes("Я тоже отвечу")
        await expect(second.area).to_have_value("Я тоже отвечу")
        await second.area.fill("")
    for one in rivals:
        await one.page.unroute("**/inbox/*/head*")
    await first.leads()
    await expect(second.page.get_by_role("button", name="Взять себе")).to_be_visible(timeout=PATIENCE)
    await asyncio.gather(first.shows_what_is_stored(), second.shows_what_is_stored())
    return first, second


async def _leader(street: Street, here: int) -> str:
    async def is_led() -> bool:
        return await street.ask(_led_by, here) != ""

    assert await becomes(is_led)
    return await street.ask(_led_by, here)


def _led_by(session: Session, here: int) -> str:
    talk = session.get_one(Conversation, here)
    emails = {person(session, email).id: email for email in (MARINA_EMAIL, SOFYA_EMAIL)}
    return emails.get(talk.assignee_id or 0, "")


async def _hands_over(tom: PhoneBuyer, first: Window, second: Window) -> None:
    """An answer, a note that only the staff see, and the conversation changes hands."""
    await first.writes("Можно, до 200 градусов.")
    await tom.sees("Можно, до 200 градусов.")
    await second.sees("Можно, до 200 градусов.")
    await first.page.get_by_role("tab", name="Заметка").click()
    await first.writes("Обещала ему скидку на вторую.")
    await second.sees("Обещала ему скидку на вторую.")
    await first.page.locator("#thread-menu > summary").click()
    await first.page.get_by_role("button", name="Передать:").filter(has_text=_name(second)).click()
    await second.leads()
    await expect(first.page.get_by_role("button", name="Взять себе")).to_be_visible(timeout=PATIENCE)
    await second.writes("Теперь с вами я.")
    await tom.sees("Теперь с вами я.")
    assert "скидку" not in " ".join(seen.text for seen in tom.screen())
    await asyncio.gather(first.shows_what_is_stored(), second.shows_what_is_stored())


def _name(window: Window) -> str:
    return "Марина" if window.email == MARINA_EMAIL else "Софья"


async def _order_is_changed_and_paid(
    street: Street, office: Office, olga: PhoneBuyer, here: int, number: int, marina: Window, sofya: Window
) -> None:
    """Three napkins instead of one in the open thread; the old link is off, the new one is paid."""
    old = await purchases.payment_link(olga, number)
    for one in (marina, sofya):
        await one.open(f"/inbox/{here}")
    more = marina.page.locator("#order-panel").get_by_role("button", name="Больше")
    for total in ("1 200", "1 800"):
        await more.click()
        await expect(marina.page.locator("#order-panel dd.total")).to_contain_text(_number(total), timeout=PATIENCE)
    await expect(sofya.page.locator("#order-panel dd.total")).to_contain_text(_number("1 800"), timeout=PATIENCE)
    await marina.page.get_by_role("button", name="Отправить новую").click()
    await olga.sees(f"Заказ № {number}: к оплате 1\u00a0800")
    await asyncio.gather(marina.shows_what_is_stored(), sofya.shows_what_is_stored())

    page = await office.buyers_page()
    await page.goto(old)
    await expect(page.get_by_role("heading")).to_have_text("Заказ изменился", timeout=PATIENCE)
    await _pays(page, await purchases.payment_link(olga, number))
    await olga.sees(f"Заказ № {number} оплачен")
    for one in (marina, sofya):
        await expect(one.page.locator("#order-panel [aria-current=step]")).to_have_text("Оплачен", timeout=PATIENCE)
    await marina.page.locator("#feed").focus()
    await marina.page.keyboard.press("KeyS")
    await olga.sees(f"Заказ № {number} собираем")
    await asyncio.gather(marina.shows_what_is_stored(), sofya.shows_what_is_stored())


def _number(text: str) -> str:
    return text.replace(" ", "\u00a0")


async def _pays(page: Page, link: str) -> None:
    await page.goto(link)
    await page.get_by_role("button", name="Оплатить картой").click()
    await expect(page.get_by_role("heading")).to_have_text("Оплачено", timeout=PATIENCE)


async def _money_goes_back(street: Street, olga: PhoneBuyer, number: int, sofya: Window) -> None:
    order = (await street.ask(books.order, number)).id
    payment = await street.ask(books.paid_payment, number)
    await sofya.open(f"/orders/{order}")
    await sofya.page.locator(f"#payment-{payment} .button-danger").click()
    dialog = sofya.page.locator("dialog[open]")
    await dialog.locator("[name=amount]").fill("600")
    await dialog.locator("[name=reason]").fill("одна салфетка с зацепкой")
    await dialog.locator("[type=submit]").click()
    assert await street.ask(books.ledger, number) == 1800_00, "nothing goes before he has said that he checked"
    await dialog.locator("[type=checkbox]").check()
    await dialog.locator("[type=submit]").click()
    await expect(sofya.page.locator(f"#payment-{payment}")).to_contain_text("возвращён", timeout=PATIENCE)
    await olga.sees("600")
    await sofya.shows_what_is_stored()
    assert await street.ask(books.ledger, number) == 1200_00


async def _two_cards_become_one_and_two_again(
    street: Street, with_olga: int, with_vera: int, marina: Window, sofya: Window
) -> None:
    """Who wrote from Telegram and from the site is one person, and then is not, beside an open thread."""
    olga, vera = await street.ask(_customer, with_olga), await street.ask(_customer, with_vera)
    await marina.open(f"/inbox/{with_olga}")
    beside = marina.page.locator("#context").get_by_role("link", name="Веб-чат")
    await sofya.open(f"/customers/{olga}/merge?with={vera}")
    await sofya.page.get_by_role("button", name="Объединить").click()
    await sofya.page.wait_for_url(re.compile(rf"/customers/{olga}$"))
    assert await street.ask(_customer, with_vera) == olga
    await expect(marina.page.locator(f'#context a[href*="/inbox/{with_vera}"]')).to_be_visible(timeout=PATIENCE)
    await sofya.page.get_by_role("button", name="Отменить объединение").click()
    await sofya.page.locator("dialog[open]").get_by_role("button", name="Отменить объединение").click()
    await expect(sofya.page.locator("#timeline")).to_contain_text("отменено", timeout=PATIENCE)
    assert await street.ask(_customer, with_vera) == vera
    await expect(beside).to_have_count(0, timeout=PATIENCE)
    await marina.shows_what_is_stored()


def _customer(session: Session, here: int) -> int | None:
    return session.get_one(Conversation, here).customer_id


async def _a_line_is_cut(street: Street, tom: PhoneBuyer, here: int, first: Window, second: Window) -> None:
    """Everything that was said meanwhile is there once; what was written without a connection waits and goes once."""
    for one in (first, second):
        await one.open(f"/inbox/{here}")
    await second.leads()
    async with second.cut_off():
        for n in range(3):
            await tom.say(f"А если поставить холодной, {n}?")
        await first.sees("А если поставить холодной, 2?")
        await second.writes("Лучше ставить в холодную духовку.")
        await second.is_told("Нет связи с сервером")
        await expect(second.area).to_have_value("Лучше ставить в холодную духовку.")
    await second.sees("А если поставить холодной, 2?")
    await second.shows_what_is_stored()
    await second.area.press("Control+Enter")
    await tom.sees("Лучше ставить в холодную духовку.")
    # Connections torn while it is being talked: nothing is missed between two of them, and nothing comes twice.
    async with second.wrongs.expected(*LINE_IS_CUT):
        for n in range(3):
            async with second.torn():
                await tom.say(f"Понял, {n}.")
                await first.sees(f"Понял, {n}.")
        await second.sees("Понял, 2.")
        await second.shows_what_is_stored()
    assert await street.ask(_how_often, "Лучше ставить в холодную духовку.") == 1


async def _an_answer_is_lost(street: Street, tom: PhoneBuyer, window: Window) -> None:
    """The message arrives, the hub's answer does not: pressing again is the same message."""
    words = "И масло не лейте."
    async with window.wrongs.expected(*LINE_IS_CUT):
        await window.line.plan(Plan(Ill.LOST_ANSWER, words=b"/messages HTTP", times=1))
        await window.writes(words)
        await window.is_told("Нет связи с сервером")
        await tom.sees(words)
        await window.line.plan()
        await window.area.press("Control+Enter")
        await expect(window.area).to_have_value("", timeout=PATIENCE)
        await window.shows_what_is_stored()
    assert await street.ask(_how_often, words) == 1


def _how_often(session: Session, text: str) -> int:
    return len([m for m in session.query(Message).filter(Message.text == text) if m.author == Author.STAFF])


async def _the_hub_starts_anew(street: Street, tom: PhoneBuyer, vera: Widget, windows: tuple[Window, ...]) -> None:
    async with AsyncExitStack() as stack:
        for one in windows:
            await stack.enter_async_context(one.wrongs.expected(*LINE_IS_CUT))
        await stack.enter_async_context(vera.wrongs.expected(*LINE_IS_CUT))
        await street.restart()
        await tom.say("Спасибо!")
        for one in windows:
            await one.sees("Спасибо!")
            await expect(one.offline()).to_be_hidden(timeout=PATIENCE)
