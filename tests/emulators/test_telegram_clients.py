"""Two independent libraries play one script against the emulator; it is honest only if both are content."""

from __future__ import annotations

import asyncio
import io
from collections.abc import AsyncIterator

import pytest
from PIL import Image

from emulators.telegram import Trouble
from tests.emulators.telegram_clients import (
    BAD,
    BROKEN,
    CLIENTS,
    CONFLICT,
    FLOOD,
    FORBIDDEN,
    UNAUTHORIZED,
    Client,
    Failure,
)
from tests.emulators.telegram_world import ANNA, RUSLAN, TOKEN, CheckedEmulator


def picture(colour: str) -> bytes:
    drawn = io.BytesIO()
    Image.new("RGB", (900, 600), colour).save(drawn, "JPEG")
    return drawn.getvalue()


@pytest.fixture(params=CLIENTS)
async def client(
    request: pytest.FixtureRequest, emulator: CheckedEmulator, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Client]:
    monkeypatch.setenv("PTB_TIMEDELTA", "1")  # python-telegram-bot warns about the former type of retry_after
    client = CLIENTS[request.param](emulator.base_url, TOKEN)
    yield client
    await client.close()


async def refused(client: Client, attempt: object) -> Failure:
    """The failure that the library raises out of this attempt."""
    with pytest.raises(CLIENTS["aiogram"].ERRORS + CLIENTS["python-telegram-bot"].ERRORS) as caught:
        await attempt  # type: ignore[misc]
    return client.failure(caught.value)


async def test_a_bot_reads_what_people_write_and_confirms_it_by_the_offset(
    client: Client, emulator: CheckedEmulator
) -> None:
    phone = emulator.phone(ANNA.id)
    phone.start("promo")
    phone.say("Есть кружки? https://clay.example/mugs")
    first, second = await client.updates()
    assert first["message"]["text"] == "/start promo"
    assert first["message"]["entities"][0]["type"] == "bot_command"
    assert second["update_id"] == first["update_id"] + 1
    assert second["message"]["from"]["first_name"] == "Анна"
    assert await client.updates(offset=second["update_id"]) == [second]
    assert await client.updates(offset=second["update_id"] + 1) == []


async def test_a_waiting_poll_returns_when_somebody_writes(client: Client, emulator: CheckedEmulator) -> None:
    poll = asyncio.create_task(client.updates(wait=10))
    await asyncio.sleep(0.2)
    emulator.phone(ANNA.id).start()
    updates = await asyncio.wait_for(poll, 3)
    assert [update["message"]["text"] for update in updates] == ["/start"]


async def test_a_second_poller_ends_the_first_with_a_conflict(client: Client, emulator: CheckedEmulator) -> None:
    first = asyncio.create_task(client.updates(wait=10))
    await asyncio.sleep(0.2)
    second = asyncio.create_task(client.updates(wait=10))
    failure = await refused(client, first)
    assert failure.kind == CONFLICT
    assert "terminated by other getUpdates request" in failure.words
    emulator.phone(ANNA.id).start()
    assert len(await second) == 1


async def test_text_buttons_press_answer_and_edit_go_round(client: Client, emulator: CheckedEmulator) -> None:
    phone = emulator.phone(ANNA.id)
    phone.start()
    sent = await client.send_text(ANNA.id, "Кружка <b>«Туман»</b> 😀 <i>новая</i>", rows=[[("В корзину", "cart:1")]])
    shown = phone.message(sent)
    assert shown.text == "Кружка «Туман» 😀 новая"
    assert shown.raw["entities"] == [
        {"type": "bold", "offset": 7, "length": 7},
        {"type": "italic", "offset": 18, "length": 5},
    ]
    press = phone.press("В корзину")
    query = (await client.updates())[-1]["callback_query"]
    assert (query["data"], query["message"]["message_id"]) == ("cart:1", sent)
    await client.answer_press(query["id"], "Добавлено", alert=True)
    assert await phone.wait_for_answer(press) == {"text": "Добавлено", "show_alert": True}
    await client.edit_text(ANNA.id, sent, "Кружка «Туман», 1 шт.", rows=[[("+", "more"), ("−", "less")]])
    edited = phone.message(sent)
    assert (edited.text, edited.labels, edited.edited) == ("Кружка «Туман», 1 шт.", ["+", "−"], True)
    failure = await refused(
        client, client.edit_text(ANNA.id, sent, "Кружка «Туман», 1 шт.", rows=[[("+", "more"), ("−", "less")]])
    )
    assert failure.kind == BAD
    assert "message is not modified" in failure.words.lower()


async def test_a_photo_goes_up_comes_down_and_is_sent_again_by_its_id(
    client: Client, emulator: CheckedEmulator
) -> None:
    phone = emulator.phone(ANNA.id)
    phone.start()
    original = picture("teal")
    first, file_id = await client.send_photo(ANNA.id, original, "Чайник")
    assert await client.download(file_id) == original
    second, same_id = await client.send_photo(ANNA.id, file_id)
    assert same_id == file_id
    assert [phone.message(each).kind for each in (first, second)] == ["photo", "photo"]
    assert phone.message(first).text == "Чайник"


async def test_an_album_and_a_document_with_a_russian_name(client: Client, emulator: CheckedEmulator) -> None:
    phone = emulator.phone(ANNA.id)
    phone.start()
    ids = await client.send_album(ANNA.id, [picture("red"), picture("blue"), picture("green")])
    groups = {phone.message(each).raw["media_group_id"] for each in ids}
    assert (len(ids), len(groups)) == (3, 1)
    assert await client.send_document(ANNA.id, "накладная.pdf", b"%PDF-1.4") == "накладная.pdf"


async def test_a_person_sends_every_kind_of_thing(client: Client, emulator: CheckedEmulator) -> None:
    phone = emulator.phone(ANNA.id)
    phone.start()
    await client.send_text(ANNA.id, "Ваш телефон?", keys=["Каталог", "Корзина"])
    assert phone.keys == ["Каталог", "Корзина"]
    phone.tap("Каталог")
    phone.send_photo(picture("navy"), "такая?")
    phone.send_document(b"text", "список.txt")
    phone.send_voice(b"OggS")
    phone.send_video(b"mp4")
    phone.send_audio(b"ID3", "song.mp3")
    phone.send_sticker(b"RIFF", "👍")
    phone.send_location(55.79, 49.11)
    phone.send_contact("79000000009", "Тимур")
    phone.share_contact()
    phone.edit(phone.say("дав кружки")["message_id"], "две кружки")
    phone.block()
    phone.unblock()
    updates = await client.updates()
    kinds = [kind for update in updates for kind in update if kind != "update_id"]
    assert kinds == ["message"] * 12 + ["edited_message", "my_chat_member", "my_chat_member"]
    assert updates[10]["message"]["contact"]["user_id"] == ANNA.id
    assert await client.download(updates[2]["message"]["photo"][-1]["file_id"]) == picture("navy")


async def test_refusals_become_the_right_exceptions(client: Client, emulator: CheckedEmulator) -> None:
    phone = emulator.phone(ANNA.id)
    phone.start()
    stranger = await refused(client, client.send_text(RUSLAN.id, "привет"))
    assert (stranger.kind, "chat not found" in stranger.words.lower()) == (BAD, True)
    bad_html = await refused(client, client.send_text(ANNA.id, "<b>не закрыто"))
    assert (bad_html.kind, "can't find end tag" in bad_html.words.lower()) == (BAD, True)
    long_data = await refused(client, client.send_text(ANNA.id, "x", rows=[[("кнопка", "ю" * 33)]]))
    assert "button_data_invalid" in long_data.words.lower()
    emulator.plan(Trouble.TOO_MANY_REQUESTS, retry_after=7)
    flood = await refused(client, client.send_text(ANNA.id, "x"))
    assert (flood.kind, flood.retry_after) == (FLOOD, 7)
    emulator.plan(Trouble.SERVER_ERROR)
    assert (await refused(client, client.send_text(ANNA.id, "x"))).kind == BROKEN
    phone.block()
    blocked = await refused(client, client.send_text(ANNA.id, "x"))
    assert (blocked.kind, "bot was blocked by the user" in blocked.words) == (FORBIDDEN, True)


async def test_an_unknown_token_is_not_let_in(client: Client, emulator: CheckedEmulator) -> None:
    other = type(client)(emulator.base_url, "43:WRONG")  # type: ignore[call-arg]
    failure = await refused(other, other.send_text(ANNA.id, "x"))
    await other.close()
    assert failure.kind == UNAUTHORIZED
