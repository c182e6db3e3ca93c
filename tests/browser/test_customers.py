"""One customer's card in a real browser: contacts, own fields, a merge and its undoing."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from axe_playwright_python.async_playwright import Axe
from playwright.async_api import Browser, FilePayload, Page, expect

from tests.browser.test_console_inbox import console
from tests.browser.test_webchat import browser as browser
from tests.console.desk import Desk

pytestmark = pytest.mark.browser


@pytest_asyncio.fixture
async def desk(tmp_path: Path, database_url: str) -> AsyncIterator[Desk]:
    async with Desk(database_url, tmp_path) as desk:
        yield desk


async def is_accessible(page: Page) -> None:
    """A colour that is still turning has no contrast, nor has a button whose request is under way."""
    await expect(page.locator(".htmx-request")).to_have_count(0)
    for scheme in ("light", "dark"):
        await page.emulate_media(color_scheme="dark" if scheme == "dark" else "light", reduced_motion="reduce")
        found = await Axe().run(page)
        assert [(one["id"], [node["html"] for node in one["nodes"]]) for one in found.response["violations"]] == []


async def test_an_owner_asks_and_two_cards_become_one_and_two_again(browser: Browser, desk: Desk) -> None:
    talk = await desk.conversation(desk.ours.anna)
    anya = (await desk.conversation(await desk.hears("Аня", "А доставка есть?"))).customer_id
    owner = await console(browser, desk, desk.ours.owner)
    page = owner.page

    await page.goto(f"{desk.address}/settings/fields")
    form = page.locator("#new-field")
    await form.get_by_label("Название").fill("Откуда узнал")
    await expect(form.get_by_label("Варианты")).to_be_hidden()
    await form.get_by_label("Что в нём").select_option(label="выбор из списка")
    await form.get_by_label("Варианты").fill("ВКонтакте\nДрузья")
    await form.get_by_role("button", name="Добавить").click()
    await expect(page.get_by_label("Вариант «Друзья»")).to_be_visible()
    await is_accessible(page)

    sofya = await console(browser, desk, desk.ours.colleague)
    for one in (owner, sofya):
        await one.page.goto(f"{desk.address}/customers/{talk.customer_id}")
    reached = page.locator("#contacts")
    await reached.get_by_label("Ещё телефон или почта").fill("123")
    await reached.get_by_label("Ещё телефон или почта").press("Enter")
    await owner.is_told("не похоже на номер телефона")
    await expect(reached.get_by_label("Ещё телефон или почта")).to_have_value("123")
    await reached.get_by_label("Ещё телефон или почта").fill("8 900 123-45-67")
    await reached.get_by_role("button", name="Добавить").click()
    await expect(reached.get_by_label("Телефон +7 900 123-45-67")).to_be_visible()
    await expect(sofya.page.locator("#contacts").get_by_label("Телефон +7 900 123-45-67")).to_be_visible()
    await page.get_by_label("Откуда узнал").select_option(label="Друзья")
    await page.locator("#own-fields").get_by_role("button", name="Сохранить").click()
    await owner.is_told("Сохранено")
    await is_accessible(page)

    await sofya.open(desk.ours.anna)
    beside = sofya.page.locator("#own-fields")
    await expect(beside).to_contain_text("Друзья")
    await beside.get_by_text("Изменить").click()
    await beside.get_by_label("Откуда узнал").select_option(label="ВКонтакте")
    await desk.hears("Анна Ветрова", "Вы тут?")
    await sofya.sees("Вы тут?")
    await expect(beside.get_by_label("Откуда узнал")).to_have_value("1")
    await beside.get_by_role("button", name="Сохранить").click()
    await expect(beside.locator(".own-line")).to_contain_text("ВКонтакте")
    await expect(beside.get_by_label("Откуда узнал")).to_be_hidden()

    await page.goto(f"{desk.address}/customers/{talk.customer_id}/merge?with={anya}")
    await is_accessible(page)
    await page.get_by_label("Аня", exact=True).check()
    await page.get_by_role("button", name="Объединить").click()
    await expect(page.get_by_role("heading", level=1)).to_have_text("Аня")
    await page.goto(f"{desk.address}/customers/{anya}")
    await expect(page).to_have_url(re.compile(rf"/customers/{talk.customer_id}$"))
    await page.get_by_role("button", name="Отменить объединение").click()
    await page.locator("dialog[open]").get_by_role("button", name="Отменить объединение").click()
    await expect(page.get_by_role("heading", level=1)).to_have_text("Анна Ветрова")
    await expect(page.locator("#timeline")).to_contain_text("Объединение с карточкой «Аня» отменено")
    await page.locator("#timeline").get_by_role("button", name="Сообщения").click()
    await expect(page.locator("#timeline")).not_to_contain_text("отменено")

    await page.goto(f"{desk.address}/customers")
    await page.locator(".with-menu summary[aria-label=Скачать]").click()
    async with page.expect_download() as file:
        await page.locator("a[data-export]").last.click()
    assert (await file.value).suggested_filename.startswith("customers-")
    await page.get_by_label("Найти покупателя").fill("45-67")
    await expect(page.locator("#customers tbody tr")).to_have_count(1)
    await page.get_by_text("Покупки и свои поля").click()
    await page.get_by_label("Откуда узнал").select_option(label="Друзья")
    await expect(page.locator("#customers")).to_contain_text("Никого не нашлось")
    await is_accessible(page)
    # The refused number is the only thing that the browser itself complains about.
    assert [wrong for wrong in owner.wrongs if "409" not in wrong] == sofya.wrongs == []


async def test_two_fill_in_one_card_and_a_consent_comes_to_the_other_by_itself(browser: Browser, desk: Desk) -> None:
    card = f"{desk.address}/customers/{(await desk.conversation(desk.ours.anna)).customer_id}"
    marina = await console(browser, desk, desk.ours.operator)
    sofya = await console(browser, desk, desk.ours.colleague)
    for one in (marina, sofya):
        await one.page.goto(card)
    mine, theirs = marina.page.locator("#card"), sofya.page.locator("#card")
    await mine.get_by_label("Город").fill("Тула")
    await theirs.get_by_label("Город").fill("Москва")
    await theirs.get_by_label("Заметка для своих").fill("Звонить утром")
    await theirs.get_by_role("button", name="Сохранить").click()
    await sofya.is_told("Сохранено")
    await expect(mine.get_by_label("Город")).to_have_value("Тула")
    await mine.get_by_role("button", name="Сохранить").click()
    await expect(mine.locator(".field-error")).to_contain_text("Софья Белова: «Москва»")
    await expect(mine.get_by_label("Город")).to_have_value("Тула")
    await expect(mine.get_by_label("Заметка для своих")).to_have_value("Звонить утром")
    await is_accessible(marina.page)
    await mine.get_by_role("button", name="Сохранить").click()
    await marina.is_told("Сохранено")
    await expect(mine.locator(".field-error")).to_have_count(0)
    await expect(theirs.get_by_label("Город")).to_have_value("Тула")

    said = sofya.page.locator("#consents")
    await said.get_by_text("Записать: Рассылки").click()
    await said.get_by_label("Откуда известно").last.fill("Просила присылать новинки")
    await said.get_by_role("button", name="Согласие дано").last.click()
    await expect(said).to_contain_text("Можно писать первыми")
    await is_accessible(sofya.page)
    await expect(marina.page.locator("#consents")).to_contain_text("Просила присылать новинки")
    # The form that was answered with a question is the only thing that the browser itself complains about.
    assert [wrong for wrong in marina.wrongs if "422" not in wrong] == sofya.wrongs == []


async def test_of_several_who_are_found_for_a_new_order_nobody_is_chosen_by_himself(
    browser: Browser, desk: Desk
) -> None:
    await desk.hears("Анна Лисина", "А доставка есть?")
    marina = await console(browser, desk, desk.ours.operator)
    page = marina.page
    await page.goto(f"{desk.address}/orders/new")
    who, found = page.get_by_label("Найти покупателя"), page.locator("#new-customers")
    await who.fill("Лисина")
    await expect(found.get_by_role("radio", name="Анна Лисина")).to_be_checked()
    await who.fill("Анна")
    await expect(found.get_by_role("radio")).to_have_count(2)
    await expect(page.locator("input[name=customer]:checked")).to_have_count(0)
    await page.get_by_label("Найти товар").fill("туман")
    await page.locator("#new-goods button").first.click()
    await expect(page.locator(f"[name='quantity-{desk.ours.mug.id}']")).to_be_visible()
    await page.get_by_role("button", name="Оформить заказ").click()
    await expect(page.locator("input[name=customer]:invalid").first).to_be_visible()
    await expect(page).to_have_url(f"{desk.address}/orders/new")
    await found.get_by_role("radio", name="Анна Ветрова").check()
    await page.get_by_label("Оплата").select_option("on_receipt")
    await page.get_by_role("button", name="Оформить заказ").click()
    await expect(page.locator("main")).to_contain_text("Анна Ветрова")
    await expect(page.locator("#order-panel")).to_contain_text("1001")
    assert marina.wrongs == []


async def test_long_names_stay_on_a_phones_screen(browser: Browser, desk: Desk) -> None:
    one = (await desk.conversation(desk.ours.anna)).customer_id
    other = (await desk.conversation(await desk.hears("Аня", "А доставка есть?"))).customer_id
    owner = await console(browser, desk, desk.ours.owner)
    page, http = owner.page, await desk.signed_in(desk.ours.owner)
    await http.post(f"/customers/{one}", {"name": "Константинопольская" * 8})
    await page.set_viewport_size({"width": 390, "height": 844})
    await page.goto(f"{desk.address}/customers/import")
    content = "Имя;Телефон\nВера;89001234567\n".encode()
    file = FilePayload(name="длинноеимябезпробелов" * 6 + ".csv", mimeType="text/csv", buffer=content)
    await page.set_input_files("main [type=file]", file)
    await page.get_by_role("button", name="Загрузить").click()
    await expect(page.locator("#imported")).to_contain_text("1 новый покупатель")
    for path, within in (
        ("/customers/import", ".import-last > *"),
        (f"/customers/{one}/merge?with={other}", ".merge-side *"),
    ):
        await page.goto(desk.address + path)
        rights = await page.locator(within).evaluate_all("found => found.map(one => one.getBoundingClientRect().right)")
        assert len(rights) > 2
        assert max(rights) <= 390, path
    name, state = page.locator(".import-last > a"), page.locator(".import-last > .badge")
    await page.goto(f"{desk.address}/customers/import")
    places = [await one.bounding_box() for one in (name, state)]
    assert places[0] is not None
    assert places[1] is not None
    beside = places[0]["x"] + places[0]["width"] <= places[1]["x"]
    assert beside or places[0]["y"] + places[0]["height"] <= places[1]["y"], "one does not lie on the other"
