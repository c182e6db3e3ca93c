"""How what people do reaches a community: its long poll server and its callback servers."""

from __future__ import annotations

import asyncio
import io
from collections.abc import AsyncIterator
from typing import Any

import orjson
import pytest
from aiohttp import web
from PIL import Image

from emulators.telegram.phones import AlbumPicture
from tests.emulators.vk_world import ANNA, GROUP, RUSLAN, CheckedVk, Wire

SECRET = "a-secret-of-the-callback-server"
KINDS = ("message_new", "message_event", "message_deny", "message_edit")


def picture() -> bytes:
    drawn = io.BytesIO()
    Image.new("RGB", (300, 200), "teal").save(drawn, "PNG")
    return drawn.getvalue()


class Hook:
    """Somebody's callback server: `answers` are given in turn, then `ok`."""

    def __init__(self, code: str) -> None:
        self.code = code
        self.heard: list[dict[str, Any]] = []
        self.counters: list[str] = []
        self.answers: list[web.Response] = []
        self.address = ""

    async def take(self, request: web.Request) -> web.Response:
        event = orjson.loads(await request.read())
        if event["type"] == "confirmation":
            return web.Response(text=self.code)
        self.heard.append(event)
        self.counters.append(request.headers.get("X-Retry-Counter", ""))
        return self.answers.pop(0) if self.answers else web.Response(text="ok")

    async def wait_for(self, count: int) -> list[dict[str, Any]]:
        async with asyncio.timeout(5):
            while len(self.heard) < count:
                await asyncio.sleep(0.01)
        return self.heard


@pytest.fixture(name="hook")
async def hook_fixture(vk: CheckedVk, vk_wire: Wire) -> AsyncIterator[Hook]:
    hook = Hook((await vk_wire("groups.getCallbackConfirmationCode", group_id=GROUP))["code"])
    app = web.Application()
    app.router.add_post("/vk", hook.take)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    hook.address = f"http://127.0.0.1:{runner.addresses[0][1]}/vk"
    yield hook
    await runner.cleanup()


async def joined(vk_wire: Wire, hook: Hook) -> int:
    """Add the server, choose its events, wait until VK believes it."""
    fields = {"group_id": GROUP, "url": hook.address, "title": "Shop", "secret_key": SECRET}
    server_id = (await vk_wire("groups.addCallbackServer", **fields))["server_id"]
    wanted = dict.fromkeys(KINDS, 1)
    await vk_wire("groups.setCallbackSettings", group_id=GROUP, server_id=server_id, **wanted)
    async with asyncio.timeout(5):
        while await state(vk_wire) in ("wait", "unconfigured"):
            await asyncio.sleep(0.01)
    return int(server_id)


async def state(vk_wire: Wire) -> str:
    told = await vk_wire("groups.getCallbackServers", group_id=GROUP)
    return str(told["items"][0]["status"]) if told["items"] else "gone"


async def test_a_callback_server_is_believed_when_it_knows_the_code(vk_wire: Wire, hook: Hook) -> None:
    await joined(vk_wire, hook)
    assert await state(vk_wire) == "ok"


async def test_a_callback_server_that_does_not_know_the_code_hears_nothing(
    vk: CheckedVk, vk_wire: Wire, hook: Hook
) -> None:
    hook.code = "wrong"
    await joined(vk_wire, hook)
    assert await state(vk_wire) == "failed"
    vk.phone(ANNA.id).say("Слышно?")
    await asyncio.sleep(0.05)
    assert hook.heard == []


async def test_an_event_comes_with_its_secret_until_it_is_taken(vk: CheckedVk, vk_wire: Wire, hook: Hook) -> None:
    await joined(vk_wire, hook)
    hook.answers = [web.Response(status=500), web.Response(text="okay"), web.Response(status=503)]
    vk.phone(ANNA.id).say("Здравствуйте")
    heard = await hook.wait_for(4)
    assert {event["secret"] for event in heard} == {SECRET}
    assert len({event["event_id"] for event in heard}) == 1
    assert hook.counters == ["", "1", "2", "3"]


async def test_events_of_one_dialog_follow_each_other_and_hold_up_no_other(
    vk: CheckedVk, vk_wire: Wire, hook: Hook
) -> None:
    await joined(vk_wire, hook)
    hook.answers = [web.Response(status=500)]
    for text in ("раз", "два", "три"):
        vk.phone(ANNA.id).say(text)
    vk.phone(RUSLAN.id).say("hello")
    heard = await hook.wait_for(5)
    annas = [event["object"]["message"]["text"] for event in heard if event["object"]["message"]["peer_id"] == ANNA.id]
    assert annas == ["раз", "раз", "два", "три"]


async def test_a_reaction_is_told_by_its_number_and_without_one_when_it_is_taken_off(vk: CheckedVk) -> None:
    phone = vk.phone(ANNA.id)
    said = phone.say("Здравствуйте")["message_id"]
    phone.react(said, "👍")
    phone.react(said, "")
    told = [event["object"] for event in vk.events if event["type"] == "message_reaction_event"]
    around = {"reacted_id": ANNA.id, "peer_id": ANNA.id, "cmid": said}
    assert told == [{**around, "reaction_id": 4}, around]


async def test_after_an_hours_try_an_event_is_dropped(vk: CheckedVk, vk_wire: Wire, hook: Hook) -> None:
    await joined(vk_wire, hook)
    vk.cloud.community(GROUP).postman._pace = 0.00001
    hook.answers = [web.Response(status=500) for _ in range(6)]
    vk.phone(ANNA.id).say("Здравствуйте")
    await hook.wait_for(6)
    async with asyncio.timeout(5):
        while not vk.counters.get("events_dropped"):
            await asyncio.sleep(0.01)
    assert hook.counters == ["", "1", "2", "3", "4", "5"]


async def test_a_server_that_says_remove_is_taken_away(vk: CheckedVk, vk_wire: Wire, hook: Hook) -> None:
    await joined(vk_wire, hook)
    hook.answers = [web.Response(text="remove")]
    vk.phone(ANNA.id).say("Здравствуйте")
    await hook.wait_for(1)
    async with asyncio.timeout(5):
        while await state(vk_wire) != "gone":
            await asyncio.sleep(0.01)


async def test_only_chosen_events_come(vk: CheckedVk, vk_wire: Wire, hook: Hook) -> None:
    await joined(vk_wire, hook)
    phone = vk.phone(ANNA.id)
    phone.type()
    phone.say("Здравствуйте")
    assert [event["type"] for event in await hook.wait_for(1)] == ["message_new"]


async def test_no_more_than_ten_servers_and_no_foreign_community(vk_wire: Wire) -> None:
    fields = {"url": "http://127.0.0.1:9/vk", "title": "Shop"}
    assert (await vk_wire("groups.addCallbackServer", group_id=1, **fields)).startswith("15 ")
    for _ in range(10):
        await vk_wire("groups.addCallbackServer", group_id=GROUP, **fields)
    assert (await vk_wire("groups.addCallbackServer", group_id=GROUP, **fields)).startswith("2000 ")


async def ask(vk_wire: Wire, server: dict[str, str], **changes: str) -> dict[str, Any]:
    query = {"act": "a_check", "wait": "1", **server, **changes}
    async with vk_wire.session.get(query.pop("server"), params=query) as answer:
        told: dict[str, Any] = await answer.json()
    return told


async def test_the_long_poll_server_gives_what_happened_since(vk: CheckedVk, vk_wire: Wire) -> None:
    server = await vk_wire("groups.getLongPollServer", group_id=GROUP)
    waiting = asyncio.create_task(ask(vk_wire, server))
    await asyncio.sleep(0.05)
    vk.phone(ANNA.id).say("Здравствуйте")
    told = await waiting
    assert [event["object"]["message"]["text"] for event in told["updates"]] == ["Здравствуйте"]
    assert (await ask(vk_wire, server))["updates"] == told["updates"]
    assert (await ask(vk_wire, server | {"ts": told["ts"]}, wait="0"))["updates"] == []


async def test_the_long_poll_server_says_why_it_does_not_go_on(vk: CheckedVk, vk_wire: Wire) -> None:
    server = await vk_wire("groups.getLongPollServer", group_id=GROUP)
    assert (await ask(vk_wire, server, key="old"))["failed"] == 2
    assert (await ask(vk_wire, server, ts="none"))["failed"] == 3
    gone = await ask(vk_wire, server, ts="999")
    assert (gone["failed"], gone["ts"]) == (1, vk.cloud.community(GROUP).log.number)


async def test_everything_that_people_do_is_told_in_vks_words(vk: CheckedVk, vk_wire: Wire) -> None:
    phone = vk.phone(ANNA.id)
    phone.start("autumn")
    phone.send_photo(picture(), "Такую?")
    phone.send_album([AlbumPicture(picture(), "Обе"), AlbumPicture(picture())])
    phone.send_document(b"%PDF", "Размеры.pdf")
    phone.send_voice(b"OggS", seconds=4)
    phone.send_audio(b"ID3", "song.mp3")
    phone.send_video(b"mp4")
    phone.send_sticker(picture(), "👍")
    phone.send_location(55.79, 49.1)
    phone.send_gift()
    phone.forward_own(1, 2, text="Вот")
    said = phone.say("Ответ", reply_to=2)["message_id"]
    phone.edit(said, "Ответ!")
    phone.type()
    await vk_wire.send("И вам")
    phone.read()
    phone.block()
    phone.unblock()
    kinds = [event["type"] for event in vk.events]
    assert kinds[12:] == [
        "message_edit",
        "message_typing_state",
        "message_reply",
        "message_read",
        "message_deny",
        "message_allow",
    ]
    told = [event["object"]["message"] for event in vk.events if event["type"] == "message_new"]
    assert (told[0]["ref"], told[0]["payload"]) == ("autumn", '{"command":"start"}')
    assert [[each["type"] for each in message["attachments"]] for message in told[1:11]] == [
        ["photo"],
        ["photo", "photo"],
        ["doc"],
        ["audio_message"],
        ["audio"],
        ["video"],
        ["sticker"],
        [],
        ["gift"],
        [],
    ]
    assert told[8]["geo"]["coordinates"] == {"latitude": 55.79, "longitude": 49.1}
    assert [each["text"] for each in told[10]["fwd_messages"]] == ["Начать", "Такую?"]
    assert told[11]["reply_message"]["text"] == "Такую?"
