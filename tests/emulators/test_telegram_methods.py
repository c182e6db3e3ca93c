"""What the Bot API answers: formatting, limits and refusals in the words of the real server."""

from __future__ import annotations

import io
from dataclasses import replace
from typing import Any

import aiohttp
import pytest
from PIL import Image

from emulators.telegram import Bot, Person, Settings, TelegramEmulator
from emulators.telegram.files import DOWNLOAD_LIMIT
from emulators.telegram.formatting import units
from emulators.telegram.parameters import UPLOAD_LIMIT
from tests.emulators.telegram_world import ANNA, RUSLAN, TOKEN, CheckedEmulator, Wire


def picture(width: int = 1200, height: int = 900, kind: str = "JPEG") -> bytes:
    drawn = io.BytesIO()
    Image.new("RGB", (width, height), "peru").save(drawn, kind)
    return drawn.getvalue()


async def upload(wire: Wire, method: str, files: dict[str, bytes], **fields: str) -> dict[str, Any]:
    form = aiohttp.FormData(fields)
    for name, content in files.items():
        form.add_field(name, io.BytesIO(content), filename=f"{name}.bin")
    async with wire.session.post(f"{wire.base_url}/bot{TOKEN}/{method}", data=form) as response:
        answer: dict[str, Any] = await response.json()
    return answer


def stretches(message: dict[str, Any]) -> list[tuple[str, str]]:
    """Each entity as its kind and the words under it."""
    coded = message["text"].encode("utf-16-le")
    return [
        (each["type"], coded[each["offset"] * 2 : (each["offset"] + each["length"]) * 2].decode("utf-16-le"))
        for each in message.get("entities", [])
    ]


HTML_TEXTS = {
    "plain": ("просто текст", "просто текст", []),
    "nested": (
        "<b>жирный <i>и курсив</i></b>",
        "жирный и курсив",
        [("bold", "жирный и курсив"), ("italic", "и курсив")],
    ),
    "after emoji": ("😀🌿 <b>скидка</b>", "😀🌿 скидка", [("bold", "скидка")]),
    "names": (
        "<strong>a</strong> <em>b</em> <ins>c</ins> <del>d</del> <strike>e</strike>",
        "a b c d e",
        [("bold", "a"), ("italic", "b"), ("underline", "c"), ("strikethrough", "d"), ("strikethrough", "e")],
    ),
    "references": ("1 &lt; 2 &amp;&amp; 3 &gt; 2 &copy;", "1 < 2 && 3 > 2 &copy;", []),
    "link": ('<a href="https://clay.example/?a=1&amp;b=2">ссылка</a>', "ссылка", [("text_link", "ссылка")]),
    "code": (
        '<pre><code class="language-python">x = 1</code></pre> <code>y</code>',
        "x = 1 y",
        [("pre", "x = 1"), ("code", "y")],
    ),
    "hidden": (
        '<tg-spoiler>тайна</tg-spoiler> <span class="tg-spoiler">ещё</span>',
        "тайна ещё",
        [("spoiler", "тайна"), ("spoiler", "ещё")],
    ),
    "quote": ("<blockquote expandable>строка</blockquote>", "строка", [("expandable_blockquote", "строка")]),
    "found by itself": (
        "см. https://clay.example/a, /orders, @clay_bot, #посуда и a@b.ru",
        "см. https://clay.example/a, /orders, @clay_bot, #посуда и a@b.ru",
        [
            ("url", "https://clay.example/a"),
            ("bot_command", "/orders"),
            ("mention", "@clay_bot"),
            ("hashtag", "#посуда"),
            ("email", "a@b.ru"),
        ],
    ),
    "trimmed": ("  <b> край </b>\n", "край", [("bold", "край")]),
}


@pytest.mark.parametrize(("html", "text", "entities"), HTML_TEXTS.values(), ids=HTML_TEXTS)
async def test_html_becomes_text_with_entities(
    html: str, text: str, entities: list[tuple[str, str]], emulator: CheckedEmulator, wire: Wire
) -> None:
    emulator.phone(ANNA.id).start()
    message = await wire("sendMessage", chat_id=ANNA.id, text=html, parse_mode="HTML")
    assert (message["text"], stretches(message)) == (text, entities)


BAD_HTML = {
    "<b>нет конца": 'Can\'t find end tag corresponding to start tag "b"',
    "<b>чужой</i>": 'Unmatched end tag at byte offset 13, expected "</b>", found "</i>"',
    "конец</b>": "Unexpected end tag at byte offset 10",
    "<div>блок</div>": 'Unsupported start tag "div" at byte offset 0',
    "1 < 2": 'Unsupported start tag "" at byte offset 2',
}


@pytest.mark.parametrize("html", BAD_HTML)
async def test_bad_html_is_refused_with_its_place(html: str, emulator: CheckedEmulator, wire: Wire) -> None:
    emulator.phone(ANNA.id).start()
    refusal = await wire.refusal("sendMessage", chat_id=ANNA.id, text=html, parse_mode="HTML")
    assert refusal == f"400 Bad Request: can't parse entities: {BAD_HTML[html]}"


async def test_markdown_becomes_entities_and_unescaped_marks_are_refused(emulator: CheckedEmulator, wire: Wire) -> None:
    emulator.phone(ANNA.id).start()
    text = "*жирный* _курсив_ __черта__ ~нет~ ||тайна|| `код` [сайт](https://clay.example) 1\\.5"
    message = await wire("sendMessage", chat_id=ANNA.id, text=text, parse_mode="MarkdownV2")
    assert message["text"] == "жирный курсив черта нет тайна код сайт 1.5"
    assert [kind for kind, _ in stretches(message)] == [
        "bold",
        "italic",
        "underline",
        "strikethrough",
        "spoiler",
        "code",
        "text_link",
    ]
    refusal = await wire.refusal("sendMessage", chat_id=ANNA.id, text="цена 1.5", parse_mode="MarkdownV2")
    assert "Character '.' is reserved and must be escaped with the preceding '\\'" in refusal


async def test_given_entities_are_kept(emulator: CheckedEmulator, wire: Wire) -> None:
    emulator.phone(ANNA.id).start()
    entities = [{"type": "bold", "offset": 3, "length": 5}]
    message = await wire("sendMessage", chat_id=ANNA.id, text="😀 Кружка", entities=entities)
    assert stretches(message) == [("bold", "Кружк")]


REFUSED = {
    "no text": ("sendMessage", {}, "message text is empty"),
    "only spaces": ("sendMessage", {"text": " \n "}, "text must be non-empty"),
    "too long": ("sendMessage", {"text": "ю" * 4097}, "message is too long"),
    "no chat": ("sendMessage", {"text": "x", "chat_id": None}, "chat_id is empty"),
    "unknown chat": ("sendMessage", {"text": "x", "chat_id": RUSLAN.id}, "chat not found"),
    "answer to nothing": (
        "sendMessage",
        {"text": "x", "reply_parameters": {"message_id": 999}},
        "message to be replied not found",
    ),
    "no photo": ("sendPhoto", {}, "there is no photo in the request"),
    "unknown file": ("sendPhoto", {"photo": "AgAC"}, "wrong remote file identifier specified: Wrong string length"),
    "file by address": ("sendPhoto", {"photo": "https://clay.example/1.jpg"}, "failed to get HTTP URL content"),
    "unknown message": ("editMessageText", {"message_id": 999, "text": "x"}, "message to edit not found"),
    "person's message": ("editMessageText", {"message_id": 1, "text": "x"}, "message can't be edited"),
    "nothing to delete": ("deleteMessage", {"message_id": 999}, "message to delete not found"),
    "no file id": ("getFile", {}, "file_id not specified"),
    "wrong file id": ("getFile", {"file_id": "nope"}, "wrong file_id or the file is temporarily unavailable"),
    "unknown press": (
        "answerCallbackQuery",
        {"callback_query_id": "1"},
        "query is too old and response timeout expired or query ID is invalid",
    ),
    "action": ("sendChatAction", {"action": "dancing"}, "wrong parameter action in request"),
    "no place": ("sendLocation", {"longitude": 1}, "latitude is empty"),
    "parse mode": ("sendMessage", {"text": "x", "parse_mode": "BBCode"}, "unsupported parse_mode"),
    "one picture": (
        "sendMediaGroup",
        {"media": [{"type": "photo", "media": "x"}]},
        "there are not enough messages to send as an album",
    ),
    "insecure webhook": (
        "setWebhook",
        {"url": "http://shop.example/hook"},
        "bad webhook: An HTTPS URL must be provided for webhook",
    ),
    "secret": (
        "setWebhook",
        {"url": "https://shop.example/hook", "secret_token": "с русским"},
        "secret token contains unallowed characters",
    ),
    "command": ("setMyCommands", {"commands": [{"command": "Каталог", "description": "x"}]}, "BOT_COMMAND_INVALID"),
}


@pytest.mark.parametrize(("method", "parameters", "words"), REFUSED.values(), ids=REFUSED)
async def test_a_wrong_call_is_refused_in_the_servers_words(
    method: str, parameters: dict[str, Any], words: str, emulator: CheckedEmulator, wire: Wire
) -> None:
    emulator.phone(ANNA.id).start()
    assert await wire.refusal(method, **{"chat_id": ANNA.id, **parameters}) == f"400 Bad Request: {words}"


KEYBOARDS = {
    "no list": (
        {"inline_keyboard": 1},
        'can\'t parse inline keyboard markup JSON object: Field "inline_keyboard" must be an Array',
    ),
    "no action": (
        {"inline_keyboard": [[{"text": "x"}]]},
        "can't parse inline keyboard button: Text buttons are unallowed in the inline keyboard",
    ),
    "no text": (
        {"inline_keyboard": [[{"callback_data": "x"}]]},
        "can't parse inline keyboard button: Can't find field \"text\"",
    ),
    "long data": ({"inline_keyboard": [[{"text": "x", "callback_data": "ю" * 32 + "x"}]]}, "BUTTON_DATA_INVALID"),
    "empty data": ({"inline_keyboard": [[{"text": "x", "callback_data": ""}]]}, "BUTTON_DATA_INVALID"),
    "bad address": (
        {"inline_keyboard": [[{"text": "x", "url": "javascript:alert(1)"}]]},
        "inline keyboard button URL 'javascript:alert(1)' is invalid: Wrong HTTP URL",
    ),
    "not an object": ("[1]", "object expected as reply markup"),
    "not JSON": ("{", "can't parse reply markup JSON object"),
}


@pytest.mark.parametrize(("markup", "words"), KEYBOARDS.values(), ids=KEYBOARDS)
async def test_a_wrong_keyboard_is_refused(markup: object, words: str, emulator: CheckedEmulator, wire: Wire) -> None:
    emulator.phone(ANNA.id).start()
    refusal = await wire.refusal("sendMessage", chat_id=ANNA.id, text="x", reply_markup=markup)
    assert refusal == f"400 Bad Request: {words}"
    assert emulator.phone(ANNA.id).from_bot == []


async def test_the_longest_text_caption_and_data_are_taken(emulator: CheckedEmulator, wire: Wire) -> None:
    emulator.phone(ANNA.id).start()
    keyboard = {"inline_keyboard": [[{"text": "x", "callback_data": "ю" * 32}]]}
    message = await wire("sendMessage", chat_id=ANNA.id, text="😀" * 2048, reply_markup=keyboard)
    assert units(message["text"]) == 4096
    sent = await upload(wire, "sendPhoto", {"photo": picture()}, chat_id=str(ANNA.id), caption="ю" * 1024)
    assert len(sent["result"]["caption"]) == 1024
    too_long = await upload(wire, "sendPhoto", {"photo": picture()}, chat_id=str(ANNA.id), caption="ю" * 1025)
    assert too_long["description"] == "Bad Request: message caption is too long"


async def test_unknown_methods_and_tokens_are_told_apart(emulator: CheckedEmulator, wire: Wire) -> None:
    assert await wire.refusal("sendSmoke") == "404 Not Found: method not found"
    async with wire.session.get(f"{wire.base_url}/bot1:NO/getMe") as response:
        assert (response.status, (await response.json())["description"]) == (401, "Unauthorized")


async def test_method_names_ignore_letter_case_and_parameters_may_come_in_the_query(
    emulator: CheckedEmulator, wire: Wire
) -> None:
    emulator.phone(ANNA.id).start()
    address = f"{wire.base_url}/bot{TOKEN}/SENDMESSAGE"
    async with wire.session.get(address, params={"chat_id": str(ANNA.id), "text": "привет"}) as response:
        assert (await response.json())["result"]["text"] == "привет"
    async with wire.session.post(address, data={"chat_id": str(ANNA.id), "text": "a&b=ю"}) as response:
        assert (await response.json())["result"]["text"] == "a&b=ю"


async def test_a_photo_comes_in_several_sizes_that_can_all_be_downloaded(emulator: CheckedEmulator, wire: Wire) -> None:
    emulator.phone(ANNA.id).start()
    sizes = (await upload(wire, "sendPhoto", {"photo": picture()}, chat_id=str(ANNA.id)))["result"]["photo"]
    assert [(size["width"], size["height"]) for size in sizes] == [(90, 68), (320, 240), (800, 600), (1200, 900)]
    for size in sizes:
        file = await wire("getFile", file_id=size["file_id"])
        async with wire.session.get(f"{wire.base_url}/file/bot{TOKEN}/{file['file_path']}") as response:
            content = await response.read()
        with Image.open(io.BytesIO(content)) as loaded:
            assert loaded.size == (size["width"], size["height"])


async def test_what_is_no_picture_is_no_photo(emulator: CheckedEmulator, wire: Wire) -> None:
    emulator.phone(ANNA.id).start()
    for content, words in (
        (b"not a picture", "IMAGE_PROCESS_FAILED"),
        (picture(3000, 100), "PHOTO_INVALID_DIMENSIONS"),
        (b"", "file must be non-empty"),
    ):
        answer = await upload(wire, "sendPhoto", {"photo": content}, chat_id=str(ANNA.id))
        assert answer["description"] == f"Bad Request: {words}"


async def test_big_files_go_up_but_not_down_and_huge_ones_not_at_all(emulator: CheckedEmulator, wire: Wire) -> None:
    emulator.phone(ANNA.id).start()
    sent = await upload(wire, "sendDocument", {"document": bytes(21 * 1024 * 1024)}, chat_id=str(ANNA.id))
    refusal = await wire.refusal("getFile", file_id=sent["result"]["document"]["file_id"])
    assert refusal == "400 Bad Request: file is too big"
    sent = await upload(wire, "sendDocument", {"document": bytes(DOWNLOAD_LIMIT)}, chat_id=str(ANNA.id))
    file = await wire("getFile", file_id=sent["result"]["document"]["file_id"])
    async with wire.session.get(f"{wire.base_url}/file/bot{TOKEN}/{file['file_path']}") as response:
        assert len(await response.read()) == DOWNLOAD_LIMIT
    answer = await upload(wire, "sendDocument", {"document": bytes(UPLOAD_LIMIT + 1)}, chat_id=str(ANNA.id))
    assert (answer["error_code"], answer["description"]) == (413, "Request Entity Too Large")


async def test_every_kind_of_message_can_be_sent(emulator: CheckedEmulator, wire: Wire) -> None:
    phone = emulator.phone(ANNA.id)
    phone.start()
    for kind in ("Document", "Video", "Animation", "Audio", "Voice", "Sticker"):
        content = picture(kind="WEBP") if kind == "Sticker" else b"some bytes"
        answer = await upload(wire, f"send{kind}", {kind.lower(): content}, chat_id=str(ANNA.id))
        assert answer["ok"], answer
    await wire("sendLocation", chat_id=ANNA.id, latitude=55.79, longitude="49.11")
    await wire("sendContact", chat_id=ANNA.id, phone_number="+79000000009", first_name="Тимур")
    kinds = [message.kind for message in phone.from_bot]
    assert kinds == ["document", "video", "animation", "audio", "voice", "sticker", "location", "contact"]


async def test_edits_change_caption_media_and_buttons_in_place(emulator: CheckedEmulator, wire: Wire) -> None:
    phone = emulator.phone(ANNA.id)
    phone.start()
    sent = await upload(wire, "sendPhoto", {"photo": picture()}, chat_id=str(ANNA.id), caption="Кружка")
    number = sent["result"]["message_id"]
    keyboard = {"inline_keyboard": [[{"text": "Купить", "callback_data": "buy"}]]}
    await wire("editMessageCaption", chat_id=ANNA.id, message_id=number, caption="Чашка", reply_markup=keyboard)
    assert (phone.message(number).text, phone.message(number).labels) == ("Чашка", ["Купить"])
    await wire("editMessageReplyMarkup", chat_id=ANNA.id, message_id=number)
    assert (phone.message(number).text, phone.message(number).labels) == ("Чашка", [])
    media = '{"type":"photo","media":"attach://next","caption":"Ваза"}'
    await upload(
        wire, "editMessageMedia", {"next": picture(600, 600)}, chat_id=str(ANNA.id), message_id=str(number), media=media
    )
    message = phone.message(number)
    assert (message.text, message.raw["photo"][-1]["width"]) == ("Ваза", 600)
    assert "no text in the message" in await wire.refusal(
        "editMessageText", chat_id=ANNA.id, message_id=number, text="x"
    )
    again = await wire.refusal("editMessageReplyMarkup", chat_id=ANNA.id, message_id=number)
    assert again.startswith("400 Bad Request: message is not modified")
    assert len(phone.from_bot) == 1


async def test_a_deleted_message_is_gone_and_ids_are_not_used_again(emulator: CheckedEmulator, wire: Wire) -> None:
    phone = emulator.phone(ANNA.id)
    phone.start()
    first = await wire("sendMessage", chat_id=ANNA.id, text="раз")
    assert await wire("deleteMessage", chat_id=ANNA.id, message_id=first["message_id"]) is True
    second = await wire("sendMessage", chat_id=ANNA.id, text="два")
    assert [message.text for message in phone.from_bot] == ["два"]
    assert second["message_id"] == first["message_id"] + 1


async def test_copies_and_forwards_carry_the_content(emulator: CheckedEmulator, wire: Wire) -> None:
    phone = emulator.phone(ANNA.id)
    phone.start()
    emulator.phone(RUSLAN.id).start()
    own = phone.say("Хочу такую же")["message_id"]
    copied = await wire("copyMessage", chat_id=RUSLAN.id, from_chat_id=ANNA.id, message_id=own)
    forwarded = await wire("forwardMessage", chat_id=RUSLAN.id, from_chat_id=ANNA.id, message_id=own)
    assert emulator.phone(RUSLAN.id).message(copied["message_id"]).text == "Хочу такую же"
    assert forwarded["forward_origin"]["sender_user"]["id"] == ANNA.id


async def test_a_reply_shows_what_it_answers(emulator: CheckedEmulator, wire: Wire) -> None:
    phone = emulator.phone(ANNA.id)
    asked = phone.say("Сколько стоит?")["message_id"]
    answer = await wire("sendMessage", chat_id=ANNA.id, text="1 450 ₽", reply_parameters={"message_id": asked})
    assert answer["reply_to_message"]["text"] == "Сколько стоит?"
    free = {"message_id": 999, "allow_sending_without_reply": True}
    assert "reply_to_message" not in await wire("sendMessage", chat_id=ANNA.id, text="x", reply_parameters=free)


async def test_the_reply_keyboard_comes_works_and_goes(emulator: CheckedEmulator, wire: Wire) -> None:
    phone = emulator.phone(ANNA.id)
    phone.start()
    keys = [
        ["Каталог", {"text": "Мой номер", "request_contact": True}],
        [{"text": "Я здесь", "request_location": True}],
    ]
    await wire("sendMessage", chat_id=ANNA.id, text="x", reply_markup={"keyboard": keys})
    assert phone.keys == ["Каталог", "Мой номер", "Я здесь"]
    assert phone.tap("Каталог")["text"] == "Каталог"
    contact = phone.tap("Мой номер")
    assert contact["contact"] == {
        "phone_number": "79000000001",
        "first_name": "Анна",
        "last_name": "Ветрова",
        "user_id": ANNA.id,
    }
    assert "location" in phone.tap("Я здесь")
    await wire("sendMessage", chat_id=ANNA.id, text="x", reply_markup={"remove_keyboard": True})
    assert phone.keys == []


async def test_about_the_bot_and_the_chat(emulator: CheckedEmulator, wire: Wire) -> None:
    emulator.phone(ANNA.id).start()
    assert (await wire("getMe"))["username"] == "clay_linen_bot"
    chat = await wire("getChat", chat_id=ANNA.id)
    assert (chat["type"], chat["first_name"]) == ("private", "Анна")
    assert await wire("getUserProfilePhotos", user_id=ANNA.id) == {"total_count": 0, "photos": []}
    emulator.cloud.world.people[ANNA.id] = replace(ANNA, portrait=picture(900, 900))
    shown = await wire("getUserProfilePhotos", user_id=ANNA.id, limit=1)
    assert (shown["total_count"], [size["width"] for size in shown["photos"][0]][-1]) == (1, 900)
    assert (await wire("getFile", file_id=shown["photos"][0][0]["file_id"]))["file_path"]
    commands = [{"command": "orders", "description": "Мои заказы"}]
    await wire("setMyCommands", commands=commands)
    assert await wire("getMyCommands") == commands
    assert await wire("logOut") is True


async def test_a_chat_action_is_seen_until_the_next_message(emulator: CheckedEmulator, wire: Wire) -> None:
    phone = emulator.phone(ANNA.id)
    phone.start()
    await wire("sendChatAction", chat_id=ANNA.id, action="upload_photo")
    assert phone.chat.typing == "upload_photo"
    await wire("sendMessage", chat_id=ANNA.id, text="x")
    assert phone.chat.typing == ""


async def test_a_press_answered_too_late_is_refused() -> None:
    emulator = TelegramEmulator([Bot(TOKEN)], [Person(1, "Анна")], settings=Settings(press_lives=0.0))
    async with aiohttp.ClientSession() as session:
        wire = Wire(session, await emulator.start())
        phone = emulator.phone(1)
        phone.start()
        keyboard = {"inline_keyboard": [[{"text": "x", "callback_data": "x"}]]}
        await wire("sendMessage", chat_id=1, text="x", reply_markup=keyboard)
        press = phone.press("x")
        refusal = await wire.refusal("answerCallbackQuery", callback_query_id=press.id)
    await emulator.stop()
    assert "query is too old" in refusal


async def test_a_bot_that_writes_too_fast_is_told_to_wait() -> None:
    settings = Settings(flood_limits=True, chat_burst=3)
    emulator = TelegramEmulator([Bot(TOKEN)], [Person(1, "Анна")], settings=settings)
    async with aiohttp.ClientSession() as session:
        wire = Wire(session, await emulator.start())
        emulator.phone(1).start()
        answers = [await wire("sendMessage", chat_id=1, text=str(number)) for number in range(4)]
    await emulator.stop()
    assert [answer.get("error_code") for answer in answers] == [None, None, None, 429]
    assert answers[3]["parameters"]["retry_after"] >= 1
    assert emulator.counters["refused_too_fast"] == 1
