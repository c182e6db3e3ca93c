"""A library that we did not write plays the stand-in as it would play VK."""

from __future__ import annotations

import asyncio
import io
from collections.abc import Callable
from typing import Any

import pytest
import requests
import vk_api
from PIL import Image
from requests.adapters import HTTPAdapter
from vk_api.bot_longpoll import VkBotEventType, VkBotLongPoll
from vk_api.keyboard import VkKeyboard, VkKeyboardColor

from tests.emulators.vk_world import ANNA, GROUP, TOKEN, CheckedVk

REAL = "https://api.vk.ru"
"""Where the library means to call."""


class Local(HTTPAdapter):
    """Takes what is meant for VK to the stand-in."""

    def __init__(self, address: str) -> None:
        super().__init__()
        self.address = address

    def send(self, request: requests.PreparedRequest, *args: Any, **kwargs: Any) -> requests.Response:
        assert request.url is not None
        request.url = request.url.replace(REAL, self.address, 1)
        return super().send(request, *args, **kwargs)


class Library:
    """vk_api, which waits for each answer, in a thread."""

    def __init__(self, address: str) -> None:
        http = requests.Session()
        http.mount(REAL, Local(address))
        self.session = vk_api.VkApi(token=TOKEN, api_version="5.199", session=http)
        self.api = self.session.get_api()

    async def __call__(self, act: Callable[..., Any], *args: Any, **fields: Any) -> Any:
        return await asyncio.to_thread(act, *args, **fields)


@pytest.fixture(name="library")
def library_fixture(vk: CheckedVk) -> Library:
    return Library(vk.address)


async def test_it_sends_edits_and_reads(vk: CheckedVk, library: Library) -> None:
    phone = vk.phone(ANNA.id)
    phone.say("Здравствуйте")
    keyboard = VkKeyboard(inline=True)
    keyboard.add_callback_button("Беру", color=VkKeyboardColor.POSITIVE, payload={"take": 1})
    keyboard.add_openlink_button("Сайт", link="https://example.org")
    sent = await library(
        library.api.messages.send, peer_id=ANNA.id, random_id=9, message="Кружка", keyboard=keyboard.get_keyboard()
    )
    assert phone.from_bot[-1].labels == ["Беру", "Сайт"]
    again = await library(library.api.messages.send, peer_id=ANNA.id, random_id=9, message="Кружка")
    assert again == sent
    await library(library.api.messages.edit, peer_id=ANNA.id, message_id=sent, message="Кружка «Туман»")
    history = await library(library.api.messages.getHistory, peer_id=ANNA.id)
    assert [each["text"] for each in history["items"]] == ["Кружка «Туман»", "Здравствуйте"]


async def test_it_understands_a_refusal(vk: CheckedVk, library: Library) -> None:
    with pytest.raises(vk_api.ApiError) as caught:
        await library(library.api.messages.send, peer_id=ANNA.id, random_id=1, message="Ку-ку")
    assert caught.value.code == 901


async def test_it_brings_photos(vk: CheckedVk, library: Library) -> None:
    phone = vk.phone(ANNA.id)
    phone.say("Здравствуйте")
    drawn = io.BytesIO()
    Image.new("RGB", (640, 480), "teal").save(drawn, "JPEG")
    drawn.seek(0)
    saved = (await library(vk_api.VkUpload(library.session).photo_messages, drawn, peer_id=ANNA.id))[0]
    name = f"photo{saved['owner_id']}_{saved['id']}_{saved['access_key']}"
    await library(library.api.messages.send, peer_id=ANNA.id, random_id=2, attachment=name)
    assert phone.from_bot[-1].kind == "photo"


async def test_its_long_poll_hears_words_and_presses(vk: CheckedVk, library: Library) -> None:
    phone = vk.phone(ANNA.id)
    poll = await library(VkBotLongPoll, library.session, GROUP, wait=1)
    phone.say("Здравствуйте")
    heard = await library(poll.check)
    assert [event.type for event in heard] == [VkBotEventType.MESSAGE_NEW]
    assert heard[0].message.text == "Здравствуйте"
    assert heard[0].from_user
    keyboard = VkKeyboard(inline=True)
    keyboard.add_callback_button("Беру", payload={"take": 1})
    fields = {"peer_id": ANNA.id, "random_id": 3, "message": "Кружка", "keyboard": keyboard.get_keyboard()}
    await library(library.api.messages.send, **fields)
    press = phone.press("Беру")
    events = await library(poll.check)
    pressed = next(event for event in events if event.type == VkBotEventType.MESSAGE_EVENT)
    assert pressed.object.payload == {"take": 1}
    answer = {"event_id": pressed.object.event_id, "user_id": pressed.object.user_id, "peer_id": pressed.object.peer_id}
    await library(library.api.messages.sendMessageEventAnswer, **answer)
    assert (await phone.wait_for_answer(press))["text"] == ""


async def test_its_long_poll_gets_over_an_old_key(vk: CheckedVk, library: Library) -> None:
    poll = await library(VkBotLongPoll, library.session, GROUP, wait=1)
    vk.cloud.community(GROUP).log.key = "another"
    assert await library(poll.check) == []
    vk.phone(ANNA.id).say("Здравствуйте")
    assert [event.type for event in await library(poll.check)] == [VkBotEventType.MESSAGE_NEW]
