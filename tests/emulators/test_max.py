"""MAX's stand-in: by MAX's own schema, by a client that we did not write, and in its way with webhooks."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import aiohttp
import orjson
import pytest
import pytest_asyncio
from aiohttp import web

from emulators.max import MaxBot, MaxEmulator, Settings
from emulators.telegram import AlbumPicture, Person
from tests.emulators.max_spec import needs_spec, problems
from tests.stories.goods import picture

TOKEN = "f9LHodD0cOI-token-of-the-stand-in"
BOT = MaxBot(600_001, TOKEN, name="Глина и лён", username="clay_bot")
NADYA = Person(500_022, "Надежда", "Ветрова", "nadya", "+79000000022")
CHAT = BOT.id ^ NADYA.id


@pytest_asyncio.fixture
async def max_(tmp_path: Path) -> AsyncIterator[MaxEmulator]:
    emulator = MaxEmulator([BOT], [NADYA], settings=Settings(webhook_pace=0.0001, journal=tmp_path / "journal"))
    await emulator.start()
    emulator.phone(NADYA.id).start("spring")
    yield emulator
    await emulator.stop()


@pytest_asyncio.fixture
async def http() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession(headers={"Authorization": TOKEN}) as session:
        yield session


async def call(
    http: aiohttp.ClientSession, emulator: MaxEmulator, method: str, path: str, body: Any = None, **query: Any
) -> Any:
    async with http.request(method, f"{emulator.address}{path}", params=query, json=body) as answer:
        return orjson.loads(await answer.read()) | {"status": answer.status}


def said(told: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in told.items() if key != "status"}


KEYBOARD = {
    "type": "inline_keyboard",
    "payload": {
        "buttons": [
            [{"type": "callback", "text": "В корзину", "payload": "1.1.0"}],
            [{"type": "link", "text": "Оплатить", "url": "https://pay.example/1"}],
            [{"type": "request_contact", "text": "Мой номер"}, {"type": "message", "text": "Каталог"}],
        ]
    },
}


async def test_every_answer_and_every_update_is_what_the_schema_says(
    max_: MaxEmulator, http: aiohttp.ClientSession
) -> None:
    needs_spec()
    phone = max_.phone(NADYA.id)
    assert problems(said(await call(http, max_, "GET", "/me")), "BotInfo") == []
    body = {"text": "<b>Кружка</b> <a href='https://shop.example'>тут</a>", "format": "html", "attachments": [KEYBOARD]}
    assert problems(body, "NewMessageBody") == []
    sent = await call(http, max_, "POST", "/messages", body, user_id=NADYA.id)
    assert problems(said(sent), "SendMessageResult") == []
    mid = sent["message"]["body"]["mid"]
    await phone.wait_for_text("Кружка тут")
    phone.say("Здравствуйте", reply_to=phone.from_bot[-1].id)
    phone.send_photo(picture(10), "вот")
    phone.send_album([AlbumPicture(picture(1)), AlbumPicture(picture(2))])
    phone.send_video(b"video")
    phone.send_voice(b"OggS")
    phone.send_document(b"%PDF", "чек.pdf")
    phone.send_sticker(picture(3))
    phone.send_location(55.8, 49.1)
    phone.share_contact()
    phone.share("https://shop.example", "Лавка")
    phone.forward("это не моё", "Том")
    phone.edit(phone.say("опечатко")["message_id"], "опечатка")
    phone.remove(phone.say("лишнее")["message_id"])
    phone.press("В корзину")
    phone.press("Каталог")
    phone.block()
    phone.unblock()
    told = await call(http, max_, "GET", "/updates", marker=0, limit=1000, timeout=0)
    assert problems(said(told), "UpdateList") == []
    kinds = [update["update_type"] for update in told["updates"]]
    assert set(kinds) == {
        "bot_started",
        "bot_stopped",
        "message_created",
        "message_edited",
        "message_removed",
        "message_callback",
    }
    assert kinds.count("message_created") == 14
    assert problems(said(await call(http, max_, "GET", "/messages", chat_id=CHAT)), "MessageList") == []
    assert problems(said(await call(http, max_, "GET", f"/messages/{mid}")), "Message") == []
    for shown in (b"", picture(60)):
        phone.chat.person = replace(phone.chat.person, portrait=shown)
        # The answer's own status stands in the place of the chat's.
        dialog = await call(http, max_, "GET", f"/chats/{CHAT}") | {"status": "active"}
        assert problems(dialog, "Chat") == []
        assert ("avatar_url" in dialog["dialog_with_user"]) is bool(shown)
    for kind in ("image", "video", "audio", "file"):
        assert problems(said(await call(http, max_, "POST", "/uploads", type=kind)), "UploadEndpoint") == []
    subscription = {"url": "https://a.example/hook", "secret": "abcde", "update_types": ["bot_started"]}
    assert problems(subscription, "SubscriptionRequestBody") == []
    assert problems(said(await call(http, max_, "POST", "/subscriptions", subscription)), "SimpleQueryResult") == []
    assert problems(said(await call(http, max_, "GET", "/subscriptions")), "GetSubscriptionsResult") == []
    refused = await call(http, max_, "GET", "/updates")
    assert (refused["status"], problems(said(refused), "Error")) == (405, [])


def test_the_check_against_the_schema_does_find_what_is_wrong() -> None:
    needs_spec()
    wrong = {"update_type": "message_removed", "timestamp": "now", "message_id": 1, "chat_id": 2, "extra": 3}
    assert len(problems(wrong, "Update")) == 4
    assert problems({"update_type": "buyer_waved", "timestamp": 1}, "Update")


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"text": "x" * 4001}, 400),
        ({}, 400),
        ({"text": "x", "attachments": [{"type": "image", "payload": {"token": "nobody's"}}]}, 400),
        ({"text": "x", "attachments": [{"type": "inline_keyboard", "payload": {"buttons": []}}]}, 400),
        ({"text": "x", "link": {"type": "reply", "mid": "mid.nothing"}}, 404),
        ({"text": "x", "attachments": [{"type": "hologram"}]}, 400),
    ],
)
async def test_what_max_would_refuse_is_refused(
    max_: MaxEmulator, http: aiohttp.ClientSession, body: dict[str, Any], status: int
) -> None:
    assert (await call(http, max_, "POST", "/messages", body, chat_id=CHAT))["status"] == status
    assert not max_.phone(NADYA.id).from_bot


async def test_a_bot_is_known_by_its_header_alone(max_: MaxEmulator) -> None:
    async with aiohttp.ClientSession() as stranger:
        assert (await call(stranger, max_, "GET", "/me", access_token=TOKEN))["status"] == 401


async def test_a_file_is_not_ready_before_it_is_digested(max_: MaxEmulator, http: aiohttp.ClientSession) -> None:
    max_.cloud.digests = 0.3
    place = await call(http, max_, "POST", "/uploads", type="file")
    form = aiohttp.FormData()
    form.add_field("data", b"%PDF", filename="чек.pdf")
    async with http.post(place["url"], data=form) as answer:
        token = (await answer.json())["token"]
    body = {"text": "Чек", "attachments": [{"type": "file", "payload": {"token": token}}]}
    early = await call(http, max_, "POST", "/messages", body, chat_id=CHAT)
    assert (early["status"], early["code"]) == (400, "attachment.not.ready")
    await asyncio.sleep(0.35)
    assert (await call(http, max_, "POST", "/messages", body, chat_id=CHAT))["status"] == 200
    assert max_.phone(NADYA.id).from_bot[-1].kind == "document"


class Hook:
    """An address of a bot, which may be out of order."""

    def __init__(self) -> None:
        self.status = 200
        self.heard: list[tuple[str, str]] = []

    async def take(self, request: web.Request) -> web.Response:
        update = orjson.loads(await request.read())
        self.heard.append((update["update_type"], request.headers.get("X-Max-Bot-Api-Secret", "")))
        return web.Response(status=self.status)


async def test_an_address_hears_everything_again_until_it_answers_and_is_taken_off_in_the_end(
    max_: MaxEmulator, http: aiohttp.ClientSession
) -> None:
    hook = Hook()
    app = web.Application()
    app.router.add_post("/hook", hook.take)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    url = f"http://127.0.0.1:{runner.addresses[0][1]}/hook"
    phone = max_.phone(NADYA.id)
    try:
        wanted = {"url": url, "secret": "secret-of-the-hook", "update_types": ["message_created"]}
        await call(http, max_, "POST", "/subscriptions", wanted)
        hook.status = 503
        phone.say("раз")
        await _until(lambda: len(hook.heard) >= 2)
        hook.status = 200
        await _until(lambda: max_.counters.get("updates_delivered") == 1)
        assert set(hook.heard) == {("message_created", "secret-of-the-hook")}
        hook.status = 500
        phone.say("два")
        await _until(lambda: max_.counters.get("unsubscribed") == 1, within=40)
        assert (await call(http, max_, "GET", "/subscriptions"))["subscriptions"] == []
    finally:
        await runner.cleanup()


async def test_a_poll_without_a_marker_gets_the_newest_alone(max_: MaxEmulator, http: aiohttp.ClientSession) -> None:
    for text in ("раз", "два", "три"):
        max_.phone(NADYA.id).say(text)
    told = await call(http, max_, "GET", "/updates", timeout=0)
    assert [update["message"]["body"]["text"] for update in told["updates"]] == ["три"]
    max_.phone(NADYA.id).say("четыре")
    told = await call(http, max_, "GET", "/updates", timeout=0, marker=told["marker"])
    assert [update["message"]["body"]["text"] for update in told["updates"]] == ["четыре"]


async def test_a_marker_from_before_a_restart_is_good_after_it(http: aiohttp.ClientSession) -> None:
    marker = 0
    for _ in range(2):
        again = MaxEmulator([BOT], [NADYA])
        await again.start()
        try:
            again.phone(NADYA.id).say("Слышно?")
            told = await call(http, again, "GET", "/updates", timeout=0, marker=marker)
            assert [update["message"]["body"]["text"] for update in told["updates"]] == ["Слышно?"]
            marker = told["marker"]
        finally:
            await again.stop()
        await asyncio.sleep(1.1)


async def test_the_phone_page_is_maxs_and_its_buttons_speak_for_the_person(
    max_: MaxEmulator, http: aiohttp.ClientSession
) -> None:
    await call(http, max_, "POST", "/messages", {"text": "Выбирайте", "attachments": [KEYBOARD]}, chat_id=CHAT)
    async with http.get(f"{max_.address}/phone/{NADYA.id}/{BOT.id}") as page:
        text = await page.text()
    assert "look-max" in text
    assert "Мой номер" in text
    number = max_.phone(NADYA.id).from_bot[-1].id
    form = {"message": number, "data": "say:Каталог"}
    async with http.post(
        f"{max_.address}/phone/{NADYA.id}/{BOT.id}/press", data=form, headers={"X-Phone": "1"}
    ) as done:
        assert done.status == 200
    assert max_.phone(NADYA.id).messages[-1].text == "Каталог"


async def test_an_independent_client_talks_with_it(max_: MaxEmulator) -> None:
    """maxapi: what it sends is understood, and what it is told it can read."""
    maxapi = pytest.importorskip("maxapi", reason="the client is in the development requirements")
    bot = maxapi.Bot(TOKEN, auto_requests=False)
    bot.set_api_url(max_.address)
    phone = max_.phone(NADYA.id)
    try:
        me = await bot.get_me()
        assert (me.user_id, me.username) == (BOT.id, BOT.username)
        sent = await bot.send_message(user_id=NADYA.id, text="Здравствуйте")
        assert phone.from_bot[-1].text == "Здравствуйте"
        assert sent.message.body.text == "Здравствуйте"
        await bot.edit_message(message_id=sent.message.body.mid, text="Добрый день")
        assert phone.from_bot[-1].text == "Добрый день"
        phone.say("Есть кружки?")
        history = await bot.get_messages(chat_id=CHAT)
        assert [message.body.text for message in history.messages] == ["Есть кружки?", "Добрый день"]
        await bot.delete_message(message_id=sent.message.body.mid)
        assert not phone.from_bot
    finally:
        await bot.close_session()


async def _until(true: Any, *, within: float = 15.0) -> None:
    async with asyncio.timeout(within):
        while not true():
            await asyncio.sleep(0.02)
