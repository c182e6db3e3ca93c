"""The web chat in a real browser: the shop's site on one address, the counter on another."""

from __future__ import annotations

import asyncio
import os
import shutil
import socket
from collections.abc import AsyncIterator
from io import BytesIO
from pathlib import Path

import pytest
import pytest_asyncio
from axe_playwright_python.async_playwright import Axe
from PIL import Image
from playwright.async_api import Browser, FilePayload, FrameLocator, Page, async_playwright, expect

from emulators.shopsite import ShopSite
from tests.bot.webchat_site import SITE, Counter

pytestmark = pytest.mark.browser

CHROMIUM = os.environ.get("PRILAVOK_TEST_CHROMIUM") or shutil.which("chromium") or shutil.which("google-chrome")
PHONE = {"width": 390, "height": 844}
TROUBLE = "<img src=x onerror=\"document.title='owned'\"> & <b>жирно</b>"


@pytest_asyncio.fixture
async def browser() -> AsyncIterator[Browser]:
    if CHROMIUM is None:
        pytest.skip("no Chromium: put one on the PATH, or name it in PRILAVOK_TEST_CHROMIUM")
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield browser
        await browser.close()


class Street:
    """The counter, the shop's site and a visitor before it."""

    def __init__(self, counter: Counter, shop: str, page: Page) -> None:
        self.counter, self.shop, self.page = counter, shop, page
        self.wrongs: list[str] = []
        page.on("pageerror", lambda error: self.wrongs.append(str(error)))
        page.on("console", lambda message: self._hear(message.type, message.text))

    @property
    def chat(self) -> FrameLocator:
        return self.page.frame_locator("iframe")

    async def visit(self, query: str = "") -> None:
        await self.page.goto(f"{self.shop}/{query}")

    async def open(self) -> None:
        await self.page.get_by_role("button", name="Открыть чат").click()
        await self.chat.locator("body[data-ready]").wait_for()

    async def say(self, text: str) -> None:
        await self.chat.get_by_label("Сообщение", exact=True).fill(text)
        await self.chat.get_by_label("Сообщение", exact=True).press("Enter")

    async def tap(self, label: str) -> None:
        await self.chat.get_by_role("button", name=label).last.click()

    async def sees(self, text: str) -> None:
        await expect(self.chat.locator("#messages").get_by_text(text).last).to_be_visible(timeout=10_000)

    async def texts(self, kind: str) -> list[str]:
        return await self.chat.locator(f".message.{kind} .words").all_inner_texts()

    async def delivery_becomes(self, state: str) -> None:
        """The state of the shop's last message, which the page tells a moment later."""
        async with asyncio.timeout(5):
            while (await self.counter.deliveries())[-1] != state:
                await asyncio.sleep(0.05)

    def _hear(self, kind: str, text: str) -> None:
        if kind == "error" and "net::ERR" not in text:
            self.wrongs.append(text)


@pytest_asyncio.fixture
async def street(browser: Browser, _empty_sqlite: Path, tmp_path: Path) -> AsyncIterator[Street]:
    shutil.copyfile(_empty_sqlite, tmp_path / "test.db")
    shop = f"http://127.0.0.1:{_free_port()}"
    async with Counter(f"sqlite:///{tmp_path / 'test.db'}", tmp_path, origins=(shop,)) as counter:
        site = ShopSite(counter=counter.address, site=SITE)
        await site.start(port=int(shop.rsplit(":", 1)[1]))
        page = await browser.new_page(locale="ru-RU", has_touch=True)
        street = Street(counter, shop, page)
        yield street
        await page.close()
        await site.stop()
    assert street.wrongs == []


def _free_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port: int = taken.getsockname()[1]
        return port


async def test_a_visitor_takes_a_mug_into_the_cart_and_finds_it_again_after_a_reload(street: Street) -> None:
    await street.visit("?utm_source=vk&session=private")
    await street.open()
    for label in ("Каталог", "Кружки", "Кружка «Туман»", "В корзину"):
        await street.tap(label)
    await expect(street.chat.get_by_role("button", name="1 в корзине")).to_be_visible()
    await expect(street.chat.locator(".card-title")).to_have_text("Кружка «Туман»")
    before = await street.chat.locator(".message").count()
    await street.page.reload()
    await street.open()
    await expect(street.chat.get_by_role("button", name="1 в корзине")).to_be_visible()
    assert await street.chat.locator(".message").count() == before - 1, "the greeting alone is not kept"
    context = (await street.counter.conversation()).context
    assert context["utm_source"] == "vk"
    assert context["page"] == f"{street.shop}/"
    assert "private" not in str(context)


async def test_an_answer_to_a_closed_chat_is_counted_on_its_button_until_it_is_read(street: Street) -> None:
    await street.visit()
    await street.open()
    await street.say("Можно гравировку?")
    await street.sees("Передали оператору")
    await street.chat.get_by_role("button", name="Закрыть чат").click()
    await street.counter.reply("Можно, до 12 знаков")
    button = street.page.get_by_role("button", name="Открыть чат (непрочитанных: 1)")
    await expect(button).to_be_visible()
    await street.delivery_becomes("delivered")
    await button.click()
    await street.sees("Можно, до 12 знаков")
    await expect(street.chat.locator("#status")).to_have_text("Вам отвечает Марина Ким")
    await expect(street.page.get_by_role("button", name="Закрыть чат").first).to_be_visible()
    await street.delivery_becomes("read")


async def test_what_is_said_without_a_connection_goes_once_when_it_is_back(street: Street) -> None:
    await street.visit()
    await street.open()
    await street.say("Первое")
    await street.sees("Передали оператору")
    await street.counter.close_door()
    await street.say("Второе")
    await street.say("Третье")
    await expect(street.chat.get_by_text("Нет связи")).to_be_visible(timeout=10_000)
    await street.counter.listen(street.counter.port)
    await expect(street.chat.get_by_text("Нет связи")).to_be_hidden(timeout=20_000)
    await expect(street.chat.locator(".message.mine .state[aria-label='отправлено']")).to_have_count(3, timeout=20_000)
    assert await street.texts("mine") == ["Первое", "Второе", "Третье"]
    await street.counter.reply("Слышу вас")
    await street.sees("Слышу вас")


async def test_words_are_never_markup(street: Street) -> None:
    await street.visit()
    await street.open()
    await street.say(TROUBLE)
    await street.sees("Передали оператору")
    await street.counter.reply(f"{TROUBLE} https://clay.example/a?b=1.")
    await street.sees("clay.example")
    assert TROUBLE in (await street.texts("mine"))[0]
    assert await street.chat.locator("#messages img, #messages .words b").count() == 0
    link = street.chat.locator(".words a")
    assert await link.get_attribute("href") == "https://clay.example/a?b=1"
    assert await link.get_attribute("rel") == "noopener noreferrer"


async def test_a_photo_and_a_quote_go_with_the_words(street: Street) -> None:
    await street.visit()
    await street.open()
    await street.say("Здравствуйте")
    await street.sees("Передали оператору")
    picture = BytesIO()
    Image.new("RGB", (300, 200), "sienna").save(picture, "PNG")
    await street.chat.locator("#picker").set_input_files(
        FilePayload(name="скол.png", mimeType="image/png", buffer=picture.getvalue())
    )
    await expect(street.chat.locator(".file-chip:not(.waiting)")).to_have_count(1)
    await street.chat.locator(".message.theirs .reply").last.click()
    await street.say("Вот такой скол")
    await expect(street.chat.locator(".message.mine .state[aria-label='отправлено']")).to_have_count(2)
    await expect(street.chat.locator(".message.mine .quote")).to_contain_text("Передали оператору")
    picture_shown = street.chat.locator(".message.mine .photo img")
    await expect(picture_shown).to_be_visible()
    assert await picture_shown.evaluate("image => image.decode().then(() => image.naturalWidth > 0)")


async def test_the_page_opens_the_chat_with_a_question_begun(street: Street) -> None:
    await street.visit()
    await street.page.get_by_role("button", name="Спросить: Тарелка «Берег»").click()
    box = street.chat.get_by_label("Сообщение", exact=True)
    await expect(box).to_have_value("Здравствуйте! Есть ли в наличии Тарелка «Берег»?")
    await expect(box).to_be_focused()
    await box.press("Escape")
    await expect(street.page.get_by_role("button", name="Открыть чат")).to_be_focused()


async def test_a_phone_number_is_asked_for_and_checked(street: Street) -> None:
    await street.visit()
    await street.open()
    for label in ("Каталог", "Кружки", "Кружка «Туман»", "В корзину", "1 в корзине", "Оформить"):
        await street.tap(label)
    await street.sees("имя")
    await street.say("Ольга Рябинина")
    await street.tap("Отправить мой номер")
    number = street.chat.get_by_label("Ваш телефон")
    await number.fill("900 12")
    await number.press("Enter")
    await expect(street.chat.get_by_role("alert")).to_contain_text("Проверьте номер")
    await number.fill("+7 900 123-45-67")
    await number.press("Enter")
    await street.sees("+7 900 123-45-67")
    await expect(street.chat.locator("#phone")).to_be_hidden()


async def test_on_a_phone_the_chat_fills_the_screen_and_nothing_sticks_out(street: Street) -> None:
    await street.page.set_viewport_size({"width": 390, "height": 844})
    await street.visit()
    await street.open()
    box = await street.page.locator("iframe").bounding_box()
    assert box is not None
    assert (box["x"], box["y"], box["width"], box["height"]) == (0, 0, PHONE["width"], PHONE["height"])
    await street.say("Оченьдлинноесловобезпробелов" * 8)
    await street.sees("Оченьдлинное")
    wide = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
    assert await street.chat.locator("body").evaluate(f"() => {wide}") == 0
    await expect(street.page.get_by_role("button", name="Закрыть чат")).to_have_count(0)


async def test_nothing_stands_in_the_way_of_a_screen_reader(street: Street) -> None:
    await street.page.goto(f"{street.counter.address}/webchat/frame?site={SITE}&lang=ru")
    await street.page.locator("body[data-ready]").wait_for()
    await street.page.get_by_role("button", name="Каталог").click()
    await street.page.get_by_role("button", name="Кружки").click()
    await street.page.get_by_role("button", name="Кружка «Туман»").click()
    await expect(street.page.locator(".card-title")).to_be_visible()
    await street.page.wait_for_timeout(400)
    for scheme in ("light", "dark"):
        await street.page.emulate_media(color_scheme=scheme)
        found = await Axe().run(street.page)
        wrong = [(one["id"], [node["html"] for node in one["nodes"]]) for one in found.response["violations"]]
        assert wrong == [], scheme


async def test_a_page_that_is_not_listed_cannot_hold_the_chat(street: Street) -> None:
    stranger = ShopSite(counter=street.counter.address, site=SITE)
    address = await stranger.start()
    try:
        await street.page.goto(address)
        await street.page.get_by_role("button", name="Открыть чат").click()
        await street.page.wait_for_timeout(1000)
        assert await street.chat.locator("#messages").count() == 0
    finally:
        await stranger.stop()
    assert any("frame-ancestors" in wrong for wrong in street.wrongs)
    street.wrongs.clear()
