"""A library that we did not write plays the stand-in as it would play WhatsApp."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
from collections.abc import AsyncIterator
from typing import Any

import pytest_asyncio
import pywa_async
from aiohttp import web
from pywa_async import types as pywa_types

from emulators.whatsapp import Settings
from tests.emulators.test_whatsapp import ANNA, APP_SECRET, BUSINESS, NUMBER, SHOP, TO, TOKEN, CheckedWhatsApp
from tests.stories.goods import picture

whatsapp: Any = pywa_async
types: Any = pywa_types
"""Its types are not such as a checker could read."""

PROOF = "verify-token-of-the-library"


class Library:
    """pywa behind an address that Meta knows. It keeps what it understood; of each call it reads the first event."""

    def __init__(self, emulator: CheckedWhatsApp) -> None:
        self.client = whatsapp.WhatsApp(
            phone_id=NUMBER,
            token=TOKEN,
            waba_id=BUSINESS,
            server=None,
            app_secret=APP_SECRET,
            verify_token=PROOF,
            api_version="23.0",
            skip_duplicate_updates=False,
        )
        self.client.api._session.base_url = f"{emulator.address}/v23.0"
        self.messages: list[Any] = []
        self.presses: list[str] = []
        self.statuses: list[Any] = []
        self.client.on_message()(self._message)
        self.client.on_message_status()(self._status)
        self.client.on_callback_button()(self._press)
        self.client.on_callback_selection()(self._press)

    async def _message(self, _client: Any, message: Any) -> None:
        self.messages.append(message)

    async def _press(self, _client: Any, press: Any) -> None:
        self.presses.append(str(press.title))

    async def _status(self, _client: Any, status: Any) -> None:
        self.statuses.append(status)

    async def hook(self, request: web.Request) -> web.Response:
        if request.method == "GET":
            query = request.query
            said, code = await self.client.webhook_challenge_handler(query["hub.verify_token"], query["hub.challenge"])
            return web.Response(text=str(said), status=code)
        body = await request.read()
        signature = request.headers["X-Hub-Signature-256"]
        assert signature == f"sha256={hmac.new(APP_SECRET.encode(), body, hashlib.sha256).hexdigest()}"
        said, code = await self.client.webhook_update_handler(body)
        return web.Response(text=str(said), status=code)

    async def until(self, seen: Any) -> None:
        async with asyncio.timeout(5):
            while not seen():
                await asyncio.sleep(0.01)


@pytest_asyncio.fixture
async def library() -> AsyncIterator[tuple[CheckedWhatsApp, Library]]:
    emulator = CheckedWhatsApp([SHOP], [ANNA], settings=Settings(webhook_pace=0.001, together=1))
    await emulator.start()
    library = Library(emulator)
    app = web.Application()
    app.add_routes([web.route("*", "/", library.hook)])
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    emulator.account(NUMBER).postman.url = f"http://127.0.0.1:{runner.addresses[0][1]}/"
    yield emulator, library
    await library.client.api._session.aclose()
    await runner.cleanup()
    await emulator.stop()


async def test_it_understands_what_people_do(library: tuple[CheckedWhatsApp, Library]) -> None:
    emulator, program = library
    phone = emulator.phone(ANNA.id)
    phone.say("Здравствуйте")
    phone.send_photo(picture(10), "Вот такая")
    phone.send_document(b"%PDF-1.4", "чек.pdf", mime_type="application/pdf")
    phone.send_voice(b"OggS")
    phone.send_location(55.79, 49.1)
    phone.share_contact()
    phone.order([("TUM-300", 2, 1450.0, "RUB")])
    phone.send_unsupported()
    await program.until(lambda: len(program.messages) == 8)
    said = program.messages
    assert [each.text for each in said[:2]] == ["Здравствуйте", None]
    assert said[1].caption == "Вот такая"
    assert said[0].from_user.name == "Анна Ветрова"
    assert said[2].document is not None
    assert said[2].document.filename == "чек.pdf"
    assert said[6].order is not None
    assert said[6].order.products[0].sku == "TUM-300"
    assert said[7].type == types.MessageType.UNSUPPORTED
    photo = said[1].image
    assert photo is not None
    assert await photo.get_bytes() == picture(10)


async def test_it_sends_buttons_lists_pages_and_files(library: tuple[CheckedWhatsApp, Library]) -> None:
    emulator, program = library
    client, phone = program.client, emulator.phone(ANNA.id)
    phone.say("Здравствуйте")
    buttons = [types.Button(title="Да", callback_data="yes"), types.Button(title="Нет", callback_data="no")]
    await client.send_message(TO, "Берёте *эту*?", buttons=buttons, tracker="k1")
    assert (phone.from_bot[-1].text, phone.from_bot[-1].labels) == ("Берёте эту?", ["Да", "Нет"])
    phone.press("Да")
    rows = [types.SectionRow(title="Кружка", callback_data="mug", description="от 1 450 ₽")]
    shelf = types.SectionList(button_title="Выбрать", sections=[types.Section(title="Посуда", rows=rows)])
    await client.send_message(TO, "Что посмотрим?", buttons=shelf)
    phone.press("Кружка")
    await client.send_message(TO, "К оплате", buttons=types.URLButton(title="Оплатить", url="https://pay.example/1"))
    assert phone.from_bot[-1].buttons[0].url == "https://pay.example/1"
    await client.send_image(TO, picture(20), caption="Ваша кружка", mime_type="image/jpeg")
    assert (phone.from_bot[-1].kind, phone.from_bot[-1].text) == ("photo", "Ваша кружка")
    await program.until(lambda: program.presses == ["Да", "Кружка"] and len(program.statuses) >= 8)
    mine = [status for status in program.statuses if status.tracker == "k1"]
    assert {status.status.value for status in mine} >= {"sent", "delivered", "read"}
    found = [each async for each in _templates(client)]
    assert found == ["on_its_way", "link", "paused", "new"]


async def _templates(client: Any) -> AsyncIterator[str]:
    for each in await client.get_templates():
        yield each.name
