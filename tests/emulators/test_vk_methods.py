"""What the VK stand-in answers to the methods of a community."""

from __future__ import annotations

import asyncio
import io
import time
from dataclasses import replace
from typing import Any

import aiohttp
import orjson
import pytest
from PIL import Image

from emulators.vk import Community, Settings, Trouble
from tests.emulators.vk_world import ANNA, GROUP, RUSLAN, CheckedVk, Wire


def picture(colour: str = "teal") -> bytes:
    drawn = io.BytesIO()
    Image.new("RGB", (900, 600), colour).save(drawn, "JPEG")
    return drawn.getvalue()


def callback(label: str, payload: str = "{}") -> dict[str, Any]:
    return {"action": {"type": "callback", "label": label, "payload": payload}, "color": "secondary"}


def inline(*rows: list[dict[str, Any]]) -> dict[str, Any]:
    return {"inline": True, "buttons": list(rows)}


async def test_a_community_knows_itself_and_what_its_token_may(vk: CheckedVk, vk_wire: Wire) -> None:
    told = await vk_wire("groups.getById")
    assert (told["groups"][0]["id"], told["groups"][0]["name"]) == (GROUP, "Глина и лён")
    rights = {each["name"] for each in (await vk_wire("groups.getTokenPermissions"))["permissions"]}
    assert rights >= {"messages", "manage", "photos", "docs"}


@pytest.mark.parametrize(
    ("changes", "code"),
    [({"access_token": "vk1.a.nobodys"}, "5"), ({"v": ""}, "8"), ({"random_id": ""}, "100"), ({"peer_ids": ""}, "100")],
)
async def test_a_call_that_is_not_right_is_refused_with_vks_code(
    vk: CheckedVk, vk_wire: Wire, changes: dict[str, str], code: str
) -> None:
    vk.phone(ANNA.id).say("Здравствуйте")
    fields = {"peer_ids": str(ANNA.id), "random_id": "1", "message": "да", **changes}
    fields = {name: value for name, value in fields.items() if name == "v" or value}
    assert str(await vk_wire("messages.send", **fields)).split()[0] == code


async def test_a_method_that_there_is_not_is_unknown(vk_wire: Wire) -> None:
    assert (await vk_wire("messages.unheardOf")).startswith("3 ")


async def test_nobody_is_written_to_before_they_wrote_or_after_they_said_no(vk: CheckedVk, vk_wire: Wire) -> None:
    assert await vk_wire.send("Ку-ку") == 901
    phone = vk.phone(ANNA.id)
    phone.say("Здравствуйте")
    assert await vk_wire.send("И вам") == 2
    phone.block()
    assert await vk_wire.send("Вернитесь") == 901
    assert await vk_wire.send("Кто вы?", to=1) == 936
    assert await vk_wire.send("Всем", to=2_000_000_001) == 917


async def test_the_same_random_id_is_one_message_for_an_hour(vk: CheckedVk, vk_wire: Wire) -> None:
    phone = vk.phone(ANNA.id)
    phone.say("Здравствуйте")
    first = await vk_wire.send("Заказ принят", key=77)
    assert await vk_wire.send("Заказ принят", key=77) == first
    assert [each.text for each in phone.from_bot] == ["Заказ принят"]
    phone.chat.messages[first]["vk"]["date"] -= 3601
    assert await vk_wire.send("Заказ принят", key=77) != first
    assert await vk_wire.send("Без ключа") != await vk_wire.send("Без ключа")


async def test_a_long_text_and_an_empty_one_are_refused(vk: CheckedVk, vk_wire: Wire) -> None:
    vk.phone(ANNA.id).say("Здравствуйте")
    assert (await vk_wire.send("ы" * 4097)).startswith("914 ")
    assert await vk_wire.send("ы" * 4096) == 2
    assert (await vk_wire.send("")).startswith("100 ")


@pytest.mark.parametrize(
    "keyboard",
    [
        inline(*([callback("да")] for _ in range(7))),
        inline(*([callback("да")] * 5 for _ in range(3))),
        inline([callback("да")] * 6),
        inline([callback("ы" * 41)]),
        inline([callback("")]),
        inline([callback("да", "не JSON")]),
        inline([callback("да", orjson.dumps({"x": "y" * 255}).decode())]),
        inline([{"action": {"type": "open_link", "label": "да", "link": "javascript:alert(1)"}}]),
        inline([{"action": {"type": "open_link", "label": "да", "link": "https://vk.com"}, "color": "primary"}]),
        {"one_time": True, "inline": True, "buttons": []},
        {"buttons": [[callback("да")] for _ in range(11)]},
        {"buttons": "нет"},
    ],
)
async def test_a_keyboard_beyond_vks_limits_is_refused(vk: CheckedVk, vk_wire: Wire, keyboard: dict[str, Any]) -> None:
    vk.phone(ANNA.id).say("Здравствуйте")
    assert (await vk_wire.send("Выбирайте", keyboard=keyboard)).startswith("911 ")


async def test_a_pressed_button_waits_for_its_answer(vk: CheckedVk, vk_wire: Wire) -> None:
    phone = vk.phone(ANNA.id)
    phone.say("Здравствуйте")
    await vk_wire.send("Взять?", keyboard=inline([callback("В корзину", '{"button": "1.1.0"}')]))
    press = phone.press("В корзину")
    heard = vk.events[-1]
    assert (heard["type"], heard["object"]["payload"]) == ("message_event", {"button": "1.1.0"})
    assert heard["object"]["conversation_message_id"] == 2
    answer = {"event_id": press.id, "user_id": ANNA.id, "peer_id": ANNA.id}
    long = {"type": "show_snackbar", "text": "ы" * 91}
    assert (await vk_wire("messages.sendMessageEventAnswer", **answer, event_data=long)).startswith("100 ")
    said = {"type": "show_snackbar", "text": "В корзине"}
    assert await vk_wire("messages.sendMessageEventAnswer", **answer, event_data=said) == 1
    assert (await phone.wait_for_answer(press))["text"] == "В корзине"
    gone = {**answer, "event_id": "of-nobody"}
    assert (await vk_wire("messages.sendMessageEventAnswer", **gone)).startswith("100 ")


async def test_a_keyboard_that_stays_says_its_label(vk: CheckedVk, vk_wire: Wire) -> None:
    phone = vk.phone(ANNA.id)
    phone.start()
    key = {"action": {"type": "text", "label": "Каталог", "payload": '{"k": 1}'}, "color": "primary"}
    await vk_wire.send("Здравствуйте", keyboard={"one_time": False, "buttons": [[key]]})
    assert phone.keys == ["Каталог"]
    phone.tap("Каталог")
    heard = vk.events[-1]["object"]["message"]
    assert (heard["text"], heard["payload"]) == ("Каталог", '{"k": 1}')
    await vk_wire.send("Убираем", keyboard={"one_time": True, "buttons": []})
    assert phone.keys == []


async def test_formatting_counts_utf16_units_and_must_lie_in_the_text(vk: CheckedVk, vk_wire: Wire) -> None:
    phone = vk.phone(ANNA.id)
    phone.say("Здравствуйте")
    bold = {"version": "1", "items": [{"type": "bold", "offset": 3, "length": 2}]}
    assert await vk_wire.send("😀 да", format_data=bold) == 2
    assert phone.from_bot[-1].raw["entities"] == [{"type": "bold", "offset": 3, "length": 2}]
    bold["items"] = [{"type": "bold", "offset": 3, "length": 3}]
    assert (await vk_wire.send("😀 да", format_data=bold)).startswith("100 ")


async def uploaded(vk_wire: Wire, *, name: str = "mug.jpg", content: bytes | None = None) -> str:
    """A photo in three steps, as messages.send names it."""
    server = await vk_wire("photos.getMessagesUploadServer", peer_id=ANNA.id)
    form = aiohttp.FormData()
    form.add_field("photo", content or picture(), filename=name)
    async with vk_wire.session.post(server["upload_url"], data=form) as answer:
        told = orjson.loads(await answer.read())
    saved = (await vk_wire("photos.saveMessagesPhoto", **told))[0]
    return f"photo{saved['owner_id']}_{saved['id']}_{saved['access_key']}"


async def test_a_photo_goes_in_three_steps(vk: CheckedVk, vk_wire: Wire) -> None:
    phone = vk.phone(ANNA.id)
    phone.say("Здравствуйте")
    name = await uploaded(vk_wire)
    assert await vk_wire.send("Кружка", attachment=name) == 2
    shown = phone.from_bot[-1]
    assert (shown.kind, shown.text) == ("photo", "Кружка")
    address = vk.events[-1]["object"]["attachments"][0]["photo"]["sizes"][-1]["url"]
    async with vk_wire.session.get(address) as answer:
        assert await answer.read() == picture()
    assert (await vk_wire.send("Чужая", attachment="photo1_1")).startswith("100 ")
    forged = {"photo": '[{"photo": "x"}]', "server": 1, "hash": "no"}
    assert (await vk_wire("photos.saveMessagesPhoto", **forged)).startswith("121 ")


async def test_a_file_goes_in_three_steps_unless_vk_takes_no_such_files(vk: CheckedVk, vk_wire: Wire) -> None:
    phone = vk.phone(ANNA.id)
    phone.say("Здравствуйте")

    async def brought(name: str) -> dict[str, Any]:
        server = await vk_wire("docs.getMessagesUploadServer", type="doc", peer_id=ANNA.id)
        form = aiohttp.FormData()
        form.add_field("file", b"%PDF", filename=name)
        async with vk_wire.session.post(server["upload_url"], data=form) as answer:
            told: dict[str, Any] = orjson.loads(await answer.read())
        return told

    assert "error" in await brought("song.mp3")
    saved = await vk_wire("docs.save", **await brought("Счёт.pdf"), title="Счёт.pdf")
    assert saved["type"] == "doc"
    await vk_wire.send("", attachment=f"doc{saved['doc']['owner_id']}_{saved['doc']['id']}")
    assert phone.from_bot[-1].raw["document"]["file_name"] == "Счёт.pdf"


async def test_a_message_is_edited_by_its_number_for_a_day_and_deleted_for_all(vk: CheckedVk, vk_wire: Wire) -> None:
    phone = vk.phone(ANNA.id)
    phone.say("Здравствуйте")
    sent = await vk_wire.send("Собираем", keyboard=inline([callback("Отменить")]))
    assert await vk_wire("messages.edit", peer_id=ANNA.id, cmid=sent, message="Собрали") == 1
    assert (phone.message(sent).text, phone.message(sent).labels) == ("Собрали", [])
    assert (await vk_wire("messages.edit", peer_id=ANNA.id, cmid=1, message="Чужое")).startswith("15 ")
    phone.chat.messages[sent]["vk"]["date"] = time.time() - 25 * 3600
    assert (await vk_wire("messages.edit", peer_id=ANNA.id, cmid=sent, message="Поздно")).startswith("909 ")
    fresh = await vk_wire.send("Не туда")
    gone = await vk_wire("messages.delete", peer_id=ANNA.id, cmids=f"{sent},{fresh}", delete_for_all=1)
    assert [each.get("response", 0) for each in gone] == [0, 1]
    assert [each.text for each in phone.from_bot] == ["Собрали"]


async def test_answers_and_forwards_show_what_they_are_about(vk: CheckedVk, vk_wire: Wire) -> None:
    phone = vk.phone(ANNA.id)
    asked = phone.say("Есть чайник?")["message_id"]
    answered = {"peer_id": ANNA.id, "conversation_message_ids": [asked], "is_reply": 1}
    sent = await vk_wire.send("Есть", forward=answered)
    assert phone.message(sent).raw["reply_to_message"]["text"] == "Есть чайник?"
    gone = {**answered, "conversation_message_ids": [99]}
    assert (await vk_wire.send("Есть", forward=gone)).startswith("100 ")


async def test_a_carousel_has_elements_alike(vk: CheckedVk, vk_wire: Wire) -> None:
    phone = vk.phone(ANNA.id)
    phone.say("Здравствуйте")
    mug = {"title": "Кружка", "description": "1 450 ₽", "buttons": [callback("Смотреть", '{"n": 1}')]}
    cards = {"type": "carousel", "elements": [mug, {**mug, "title": "Тарелка"}]}
    sent = await vk_wire.send("Вот что есть", template=cards)
    assert [each["title"] for each in phone.message(sent).raw["carousel"]] == ["Кружка", "Тарелка"]
    phone.press_data('{"n": 1}', message_id=sent)
    assert vk.events[-1]["object"]["payload"] == {"n": 1}
    uneven = {**cards, "elements": [mug, {**mug, "buttons": mug["buttons"] * 2}]}  # type: ignore[operator]
    assert (await vk_wire.send("Вот", template=uneven)).startswith("100 ")
    assert (await vk_wire.send("Вот", template={**cards, "elements": [mug] * 11})).startswith("100 ")
    assert (await vk_wire.send("", template=cards)).startswith("100 ")
    assert (await vk_wire.send("Вот", template=cards, keyboard=inline([callback("да")]))).startswith("100 ")
    assert isinstance(await vk_wire.send("Вот", template=cards, keyboard={"buttons": [[callback("да")]]}), int)
    titled = {**cards, "elements": [mug, {"title": "Тарелка", "description": "1 ₽", "buttons": []}]}
    assert (await vk_wire.send("Вот", template=titled)).startswith("100 ")
    unseen = {**cards, "elements": [{**mug, "action": {"type": "open_photo"}}]}
    assert (await vk_wire.send("Вот", template=unseen)).startswith("100 ")
    unknown = {**cards, "elements": [{**mug, "photo_id": "-1_404"}]}
    assert (await vk_wire.send("Вот", template=unknown)).startswith("100 ")


async def test_a_carousel_takes_pictures_of_its_own_shape(vk: CheckedVk, vk_wire: Wire) -> None:
    vk.phone(ANNA.id).say("Здравствуйте")
    mug = {"title": "Кружка", "description": "1 450 ₽", "buttons": [callback("Смотреть")]}
    for size, taken in (((1040, 640), True), ((221, 136), True), ((208, 128), False), ((900, 600), False)):
        drawn = io.BytesIO()
        Image.new("RGB", size, "teal").save(drawn, "JPEG")
        photo_id = "_".join((await uploaded(vk_wire, content=drawn.getvalue())).removeprefix("photo").split("_")[:2])
        cards = {"type": "carousel", "elements": [{**mug, "photo_id": photo_id, "action": {"type": "open_photo"}}]}
        assert isinstance(await vk_wire.send("Вот", template=cards), int) is taken, size


async def test_dialogs_and_their_history_can_be_read(vk: CheckedVk, vk_wire: Wire) -> None:
    vk.phone(RUSLAN.id).say("Hello")
    vk.phone(ANNA.id).say("Здравствуйте")
    await vk_wire.send("И вам", key=5)
    told = await vk_wire("messages.getConversations", count=1, extended=1)
    assert told["count"] == 2
    assert told["items"][0]["last_message"]["random_id"] == 5
    unread = await vk_wire("messages.getConversations", filter="unread")
    assert [each["conversation"]["peer"]["id"] for each in unread["items"]] == [RUSLAN.id]
    assert await vk_wire("messages.markAsRead", peer_id=RUSLAN.id) == 1
    assert (await vk_wire("messages.getConversations", filter="unread"))["count"] == 0
    assert await vk_wire("messages.markAsRead", peer_id=ANNA.id, up_to_cmid=1) == 1
    history = await vk_wire("messages.getHistory", peer_id=ANNA.id)
    assert [each["text"] for each in history["items"]] == ["И вам", "Здравствуйте"]
    by_number = await vk_wire("messages.getById", peer_id=ANNA.id, cmids="1")
    assert by_number["items"][0]["text"] == "Здравствуйте"


async def test_people_are_named_and_shown_to_whoever_asks(vk: CheckedVk, vk_wire: Wire) -> None:
    told = await vk_wire("users.get", user_ids=f"{ANNA.id},{RUSLAN.id},1", fields="screen_name")
    assert [(each["first_name"], each.get("screen_name")) for each in told] == [("Анна", "anna_v"), ("Руслан", None)]
    vk.cloud.world.people[ANNA.id] = replace(ANNA, portrait=picture())
    told = await vk_wire("users.get", user_ids=f"{ANNA.id},{RUSLAN.id}", fields="photo_200,has_photo")
    assert [each["has_photo"] for each in told] == [1, 0]
    async with vk_wire.session.get(told[0]["photo_200"]) as answer:
        assert (answer.status, answer.content_type) == (200, "image/jpeg")


async def test_that_somebody_writes_is_shown(vk: CheckedVk, vk_wire: Wire) -> None:
    phone = vk.phone(ANNA.id)
    phone.say("Здравствуйте")
    assert await vk_wire("messages.setActivity", peer_id=ANNA.id, type="typing") == 1
    assert phone.chat.typing == "typing"


async def test_a_token_without_a_right_is_told_so(vk: CheckedVk, vk_wire: Wire) -> None:
    vk.cloud.add_community(Community(4243, "vk1.a.poor", rights=frozenset({"photos"})))
    told = await vk_wire("messages.send", access_token="vk1.a.poor", peer_ids=7, random_id=1, message="да")
    assert told.startswith("15 ")


@pytest.mark.parametrize(("trouble", "code"), [(Trouble.TOO_MANY_REQUESTS, "6"), (Trouble.SERVER_ERROR, "10")])
async def test_trouble_comes_when_ordered(vk: CheckedVk, vk_wire: Wire, trouble: Trouble, code: str) -> None:
    phone = vk.phone(ANNA.id)
    phone.say("Здравствуйте")
    vk.plan(trouble, methods=["messages.send"])
    assert (await vk_wire.send("Раз")).startswith(f"{code} ")
    vk.plan(trouble, methods=["messages.send"], after=True)
    assert (await vk_wire.send("Два")).startswith(f"{code} ")
    vk.refuse(9, methods=["messages.send"])
    assert (await vk_wire.send("Три")).startswith("9 ")
    assert [each.text for each in phone.from_bot] == ["Два"]


@pytest.mark.parametrize("vk_settings", [Settings(flood_limits=True)])
async def test_more_than_twenty_calls_a_second_are_refused(vk_wire: Wire) -> None:
    told = await asyncio.gather(*(vk_wire("groups.getById") for _ in range(30)))
    refused = [each for each in told if isinstance(each, str)]
    assert len(refused) >= 5
    assert {each.split()[0] for each in refused} == {"6"}
