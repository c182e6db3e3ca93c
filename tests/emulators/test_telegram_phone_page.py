"""The phone page: what a person sees and does in the browser."""

from __future__ import annotations

import asyncio
import io
import json
import shutil
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest
from axe_playwright_python.async_playwright import Axe
from PIL import Image
from playwright.async_api import Page, async_playwright, expect

from emulators.telegram import Bot
from emulators.telegram.phone_page.rendering import rich_text
from tests.emulators.telegram_world import ANNA, RUSLAN, TOKEN, CheckedEmulator, Wire

QUIET_CHROMIUM = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
)
SHOP = int(TOKEN.partition(":")[0])
MUGS = {"inline_keyboard": [[{"text": "В корзину", "callback_data": "cart"}]]}


def picture(colour: str) -> bytes:
    drawn = io.BytesIO()
    Image.new("RGB", (600, 400), colour).save(drawn, "JPEG")
    return drawn.getvalue()


@pytest.mark.parametrize(
    ("text", "entities", "html"),
    [
        ("<b>& 'x'", [], "&lt;b&gt;&amp; &#39;x&#39;"),
        ("😀 да", [{"type": "bold", "offset": 3, "length": 2}], "😀 <b>да</b>"),
        (
            "abcd",
            [{"type": "bold", "offset": 0, "length": 4}, {"type": "italic", "offset": 1, "length": 2}],
            "<b>a<i>bc</i>d</b>",
        ),
        ("x", [{"type": "text_link", "offset": 0, "length": 1, "url": "javascript:alert(1)"}], "x"),
        ("a\nb", [{"type": "pre", "offset": 0, "length": 1}], "<pre>a</pre>b"),
    ],
)
def test_text_is_shown_with_its_entities_and_nothing_else_is_markup(
    text: str, entities: list[dict[str, Any]], html: str
) -> None:
    assert rich_text(text, entities) == html


def test_links_open_apart_and_tell_the_site_nothing() -> None:
    link = rich_text("сайт", [{"type": "text_link", "offset": 0, "length": 4, "url": 'https://a.example/?q="'}])
    assert link == '<a href="https://a.example/?q=&#34;" target="_blank" rel="noopener noreferrer">сайт</a>'


async def test_pages_run_no_foreign_or_inline_script(emulator: CheckedEmulator, wire: Wire) -> None:
    phone = emulator.phone(ANNA.id)
    phone.say("<script>alert(1)</script>")
    async with wire.session.get(f"{emulator.base_url}/phone/{ANNA.id}/{SHOP}") as response:
        html, policy = await response.text(), response.headers["Content-Security-Policy"]
    assert policy.startswith("default-src 'self'")
    assert "unsafe" not in policy
    assert "<script>alert" not in html
    assert "style=" not in html
    assert TOKEN not in html


async def test_a_sent_page_of_html_is_downloaded_and_not_run(emulator: CheckedEmulator, wire: Wire) -> None:
    sent = emulator.phone(ANNA.id).send_document(b"<script>1</script>", "page.html", mime_type="text/html")
    async with wire.session.get(f"{emulator.base_url}/phone/files/{sent['document']['file_id']}") as response:
        assert response.content_type == "application/octet-stream"
        assert response.headers["Content-Disposition"] == "attachment"


async def test_a_foreign_page_cannot_act_for_the_person(emulator: CheckedEmulator, wire: Wire) -> None:
    address = f"{emulator.base_url}/phone/{ANNA.id}/{SHOP}/say"
    async with wire.session.post(address, data={"text": "не я"}) as response:
        assert response.status == 403
    async with wire.session.post(address, data={"text": "я"}, headers={"X-Phone": "1"}) as response:
        assert response.status == 200
    assert [message.text for message in emulator.phone(ANNA.id).messages] == ["я"]


async def read_changes(response: aiohttp.ClientResponse, number: int) -> list[tuple[str, list[dict[str, Any]]]]:
    """So many events of a stream, each with its id."""
    events, event_id = list[tuple[str, list[dict[str, Any]]]](), ""
    async with asyncio.timeout(5):
        async for line in response.content:
            if line.startswith(b"id: "):
                event_id = line[4:].decode().strip()
            elif line.startswith(b"data: "):
                events.append((event_id, json.loads(line[6:])))
                if len(events) == number:
                    break
    return events


async def test_a_broken_stream_goes_on_where_it_stopped(emulator: CheckedEmulator, wire: Wire) -> None:
    phone = emulator.phone(ANNA.id)
    phone.start()
    address = f"{emulator.base_url}/phone/{ANNA.id}/events?bot={SHOP}"
    feed = phone.chat.feed
    async with wire.session.get(f"{address}&after={feed.epoch}-{feed.number}") as response:
        await wire("sendMessage", chat_id=ANNA.id, text="первое")
        [(last, changes)] = await read_changes(response, 1)
    assert "первое" in changes[0]["html"]
    sent = await wire("sendMessage", chat_id=ANNA.id, text="второе")
    await wire("editMessageText", chat_id=ANNA.id, message_id=sent["message_id"], text="второе, исправленное")
    async with wire.session.get(address, headers={"Last-Event-ID": last}) as response:
        await wire("sendMessage", chat_id=ANNA.id, text="третье")
        resumed = await read_changes(response, 2)
    shown = [change["html"] for _, changes in resumed for change in changes if change["type"] == "message"]
    assert ["второе, исправленное" in shown[0], "третье" in shown[1], len(shown)] == [True, True, 2]
    async with wire.session.get(address, headers={"Last-Event-ID": "gone-1"}) as response:
        assert (await read_changes(response, 1))[0][1] == [{"type": "reload"}]


@pytest.fixture
async def page(emulator: CheckedEmulator) -> AsyncIterator[Page]:
    """A browser tab that fails the test on any script error or policy violation; lost connections are no error."""
    chromium = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if chromium is None:
        pytest.skip("no Chromium on this machine")
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=chromium, args=QUIET_CHROMIUM)
        page = await browser.new_page(viewport={"width": 900, "height": 900})
        complaints: list[str] = []
        page.on("console", lambda message: complaints.extend([message.text] * (message.type == "error")))
        page.on("pageerror", lambda error: complaints.append(str(error)))
        yield page
        await browser.close()
        assert [each for each in complaints if "ERR_CONNECTION" not in each and "ERR_INCOMPLETE" not in each] == []


@pytest.mark.browser
async def test_a_person_taps_through_a_purchase(emulator: CheckedEmulator, wire: Wire, page: Page) -> None:
    phone = emulator.phone(ANNA.id)
    await page.goto(f"{emulator.base_url}/phone?person={ANNA.id}&start=promo")
    await page.get_by_role("button", name="Начать").click()
    await phone.wait_for(lambda phone: phone.messages)
    assert phone.messages[0].text == "/start promo"
    await wire("sendChatAction", chat_id=ANNA.id, action="typing")
    await expect(page.locator("#status")).to_have_text("печатает…")
    keys = {"keyboard": [[{"text": "Каталог"}, {"text": "Мой номер", "request_contact": True}]]}
    await wire("sendMessage", chat_id=ANNA.id, text="<b>Здравствуйте!</b>", parse_mode="HTML", reply_markup=keys)
    await page.get_by_role("button", name="Каталог").click()
    card = await wire("sendMessage", chat_id=ANNA.id, text="Кружка «Туман»", reply_markup=MUGS)
    button = page.get_by_role("button", name="В корзину")
    await button.click()
    await expect(button).to_have_attribute("aria-busy", "true")
    query = (await wire("getUpdates"))[-1]["callback_query"]
    await wire("answerCallbackQuery", callback_query_id=query["id"], text="Добавлено")
    await expect(page.locator("#toast")).to_have_text("Добавлено")
    await expect(button).not_to_have_attribute("aria-busy", "true")
    await wire("editMessageText", chat_id=ANNA.id, message_id=card["message_id"], text="Кружка «Туман», в корзине")
    await expect(page.locator(f"#message-{card['message_id']} .words")).to_have_text("Кружка «Туман», в корзине")
    await page.get_by_role("button", name="Мой номер").click()
    await page.get_by_role("button", name="Поделиться").click()
    await phone.wait_for(lambda phone: phone.messages[-1].kind == "contact")
    await page.get_by_label("Сообщение", exact=True).fill("Спасибо")
    await page.keyboard.press("Enter")
    await phone.wait_for(lambda phone: phone.messages[-1].text == "Спасибо")
    await expect(page.locator("article")).to_have_count(len(phone.messages))


@pytest.mark.browser
async def test_pictures_documents_replies_and_edits(emulator: CheckedEmulator, wire: Wire, page: Page) -> None:
    phone = emulator.phone(ANNA.id)
    phone.say("Есть такие?")
    await page.goto(f"{emulator.base_url}/phone/{ANNA.id}/{SHOP}")
    files = [
        {"name": f"{colour}.jpg", "mimeType": "image/jpeg", "buffer": picture(colour)} for colour in ("red", "blue")
    ]
    await page.locator("input[data-files]").first.set_input_files(files)  # type: ignore[arg-type]
    await page.get_by_label("Сообщение", exact=True).fill("Вот эти")
    await page.get_by_role("button", name="Отправить").click()
    await expect(page.locator(".grid img")).to_have_count(2)
    assert [message.text for message in phone.messages] == ["Есть такие?", "Вот эти", ""]
    await page.locator("article").first.hover()
    await page.locator("article").first.get_by_role("button", name="Ответить").click()
    await page.get_by_label("Сообщение", exact=True).fill("Это мне")
    await page.keyboard.press("Enter")
    await expect(page.locator(".quote span")).to_have_text("Есть такие?")
    await page.locator("article").last.hover()
    await page.locator("article").last.get_by_role("button", name="Изменить").click()
    await page.get_by_label("Сообщение", exact=True).fill("Это подарок")
    await page.keyboard.press("Enter")
    await expect(page.locator("article").last.locator(".meta span")).to_have_text("изменено")
    assert phone.messages[-1].text == "Это подарок"
    await page.locator("article").first.hover()
    await page.locator("article").first.get_by_role("button", name="Поставить реакцию").click()
    await page.get_by_role("button", name="👍").click()
    await expect(page.locator("article").first.locator(".sign")).to_have_text("👍")
    await page.locator("article").first.get_by_role("button", name="Поставить реакцию").click()
    await page.get_by_role("button", name="Убрать реакцию").click()
    await expect(page.locator(".sign")).to_have_count(0)


@pytest.mark.browser
async def test_an_alert_must_be_acknowledged_and_a_blocked_bot_is_silent(
    emulator: CheckedEmulator, wire: Wire, page: Page
) -> None:
    phone = emulator.phone(ANNA.id)
    phone.start()
    await wire("sendMessage", chat_id=ANNA.id, text="Кружка", reply_markup=MUGS)
    await page.goto(f"{emulator.base_url}/phone/{ANNA.id}/{SHOP}")
    await page.get_by_role("button", name="В корзину").click()
    press = await phone.wait_for(lambda phone: next(iter(emulator.cloud.account(SHOP).presses.values()), None))
    await wire("answerCallbackQuery", callback_query_id=press.id, text="Меню устарело", show_alert=True)
    await expect(page.get_by_role("dialog")).to_contain_text("Меню устарело")
    await page.get_by_role("button", name="Хорошо").click()
    await page.get_by_role("button", name="Ещё").click()
    await page.get_by_role("button", name="Остановить").click()
    await expect(page.get_by_role("button", name="Разблокировать")).to_be_visible()
    assert await wire.refusal("sendMessage", chat_id=ANNA.id, text="x") == "403 Forbidden: bot was blocked by the user"
    await page.get_by_role("button", name="Разблокировать").click()
    await expect(page.get_by_label("Сообщение", exact=True)).to_be_visible()


@pytest.mark.browser
async def test_each_tab_is_another_person_and_the_list_counts_what_is_unread(
    emulator: CheckedEmulator, wire: Wire, page: Page
) -> None:
    emulator.add_bot(Bot("43:OTHER", "Кофейня «Полдень»"))
    for person in (ANNA, RUSLAN):
        emulator.phone(person.id).start()
    await page.goto(f"{emulator.base_url}/phone/{ANNA.id}")
    await wire("sendMessage", chat_id=ANNA.id, text="Заказ готов")
    await expect(page.get_by_role("link", name="Глина и лён")).to_contain_text("Заказ готов")
    await expect(page.locator(f"#row-{SHOP} .badge")).to_have_text("1")
    await page.get_by_role("link", name="Глина и лён").click()
    await expect(page.locator("article")).to_have_count(2)
    assert emulator.phone(ANNA.id).chat.unread == 0
    await page.get_by_role("link", name="Руслан").click()
    await page.get_by_role("link", name="Глина и лён").click()
    await expect(page.locator("article")).to_have_count(1)


@pytest.mark.browser
async def test_nothing_is_lost_or_doubled_when_the_connection_comes_back(
    emulator: CheckedEmulator, wire: Wire, page: Page
) -> None:
    emulator.phone(ANNA.id).start()
    await page.goto(f"{emulator.base_url}/phone/{ANNA.id}/{SHOP}")
    await wire("sendMessage", chat_id=ANNA.id, text="1")
    await expect(page.locator("article.in")).to_have_count(1)
    await emulator.stop()
    await expect(page.get_by_text("Нет связи, переподключаемся…")).to_be_visible()
    emulator.phone(ANNA.id).say("2")
    await emulator.start(port=int(emulator.base_url.rpartition(":")[2]))
    for number in range(3, 6):
        await wire("sendMessage", chat_id=ANNA.id, text=str(number))
    await expect(page.get_by_text("Нет связи, переподключаемся…")).to_be_hidden()
    await expect(page.locator("article .words")).to_have_text(["/start", "1", "2", "3", "4", "5"])


@pytest.mark.browser
@pytest.mark.parametrize(("width", "scheme"), [(390, "dark"), (1200, "light")])
async def test_the_phone_fits_the_screen_and_is_accessible(
    width: int, scheme: str, emulator: CheckedEmulator, wire: Wire, page: Page
) -> None:
    phone = emulator.phone(ANNA.id)
    phone.start()
    phone.send_photo(picture("teal"), "слово" * 40)
    phone.share_contact()
    phone.send_location(55.79, 49.11)
    phone.send_voice(b"OggS")
    keys = {"keyboard": [[{"text": "Каталог"}]]}
    await wire(
        "sendMessage", chat_id=ANNA.id, text="<blockquote>x</blockquote> /help", parse_mode="HTML", reply_markup=keys
    )
    await wire("sendMessage", chat_id=ANNA.id, text="Кружка", reply_markup=MUGS)
    await page.set_viewport_size({"width": width, "height": 844})
    await page.emulate_media(color_scheme="dark" if scheme == "dark" else "light")
    for address in (f"/phone/{ANNA.id}/{SHOP}?lang=en", f"/phone/{ANNA.id}", f"/phone/{RUSLAN.id}/{SHOP}"):
        await page.goto(emulator.base_url + address)
        assert await page.evaluate("document.documentElement.scrollWidth") <= width
        found = await Axe().run(page)
        assert found.violations_count == 0, found.generate_report()
