"""The web chat's interface, over HTTP with the worker and the flows behind it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from io import BytesIO
from pathlib import Path

import pytest
import pytest_asyncio
from PIL import Image

from bot.channels.base import button_name
from bot.channels.webchat import events, routes
from bot.channels.webchat.limits import Allowance, Limits, TooFast
from inbox import typing
from inbox.content import MediaKind
from tests.bot.webchat_site import SHOP_PAGE, SITE, Counter, Visitor, new_key


@pytest_asyncio.fixture
async def counter(database_url: str, tmp_path: Path) -> AsyncIterator[Counter]:
    async with Counter(database_url, tmp_path) as counter:
        yield counter


@pytest_asyncio.fixture
async def anna(counter: Counter) -> AsyncIterator[Visitor]:
    async with Visitor.of(counter) as visitor:
        yield visitor


# What the visitor says


async def test_a_first_word_opens_a_conversation_that_knows_where_the_visitor_came_from(
    counter: Counter, anna: Visitor
) -> None:
    context = {"page": f"{SHOP_PAGE}/mugs", "referrer": "https://vk.example", "utm_source": "vk", "cookie": "x"}
    await anna.say("Здравствуйте!", context=context)
    conversation = await counter.conversation()
    assert conversation.context == {
        "page": f"{SHOP_PAGE}/mugs",
        "referrer": "https://vk.example",
        "utm_source": "vk",
    }
    assert anna.key not in conversation.chat


async def test_a_visitor_who_only_looks_leaves_nothing_behind(counter: Counter, anna: Visitor) -> None:
    assert await anna.thread() == []
    await anna.say("Привет")
    assert [m["text"] for m in await anna.thread() if m["author"] == "buyer"] == ["Привет"]


async def test_the_same_words_posted_again_are_one_message(counter: Counter, anna: Visitor) -> None:
    key = new_key()
    for _ in range(3):
        await anna.say("Есть кружки на подарок?", key=key)
    said = [m for m in await anna.thread() if m["author"] == "buyer"]
    assert [(m["key"], m["text"]) for m in said] == [(key, "Есть кружки на подарок?")]


async def test_a_press_is_answered_and_changes_its_message_in_place(counter: Counter, anna: Visitor) -> None:
    await anna.say("Каталог")
    before = await anna.thread()
    await anna.press("Кружки")
    await anna.press("Туман")
    answer = await anna.press("корзину")
    after = await anna.thread()
    assert answer == {"text": "В корзине", "alert": False}
    assert after[-1]["card"]["title"] == "Кружка «Туман»"
    assert any("корзин" in key["label"] for row in after[-1]["rows"] for key in row)
    assert [m["id"] for m in before] == [m["id"] for m in after]


async def test_a_button_of_another_visitors_message_does_nothing_there(counter: Counter, anna: Visitor) -> None:
    await anna.say("Каталог")
    menu = (await anna.thread())[-1]
    async with Visitor.of(counter) as stranger:
        await stranger.post("press", {"key": new_key(), "button": menu["rows"][0][0]["name"]})
        await counter.worker.idle()
        assert "Кружка" not in str(await stranger.thread())
    assert (await anna.thread())[-1] == menu


async def test_a_typed_phone_is_shown_as_the_visitors_word(counter: Counter, anna: Visitor) -> None:
    await anna.post("contact", {"key": new_key(), "phone": "+7 900 123-45-67"})
    await counter.worker.idle()
    assert (await anna.thread())[0]["contact"] == "+7 900 123-45-67"


async def test_a_link_to_a_product_shows_it(counter: Counter, anna: Visitor) -> None:
    await anna.post("start", {"key": new_key(), "start": "p_1"})
    await counter.worker.idle()
    thread = await anna.thread()
    assert all(m["author"] != "buyer" for m in thread)
    assert "Туман" in thread[-1]["text"]


# What the visitor sees


async def test_notes_and_lines_of_the_staff_never_reach_a_visitor(counter: Counter, anna: Visitor) -> None:
    await anna.say("Здравствуйте!")
    await counter.note("Постоянный покупатель, скидка 5 %")
    async with anna.following(0) as news:
        page = await news()
    assert "скидка" not in str(await anna.thread()) + str(page)
    assert "taken" not in str(page)


async def test_visitors_do_not_see_each_other(counter: Counter, anna: Visitor) -> None:
    await anna.say("Мой адрес: Полевая, 5")
    async with Visitor.of(counter) as stranger:
        assert await stranger.thread() == []
        await stranger.say("Добрый день")
        assert "Полевая" not in str(await stranger.thread())


async def test_an_operators_answer_comes_live_with_her_name(counter: Counter, anna: Visitor) -> None:
    await anna.say("Можно гравировку?")
    await anna.thread()
    async with anna.following(anna.cursor) as news:
        await news()
        await counter.reply("Да, до 12 знаков")
        page = await news()
        while not any(m["author"] == "staff" for m in page["messages"]):
            page = await news()
    answer = next(m for m in page["messages"] if m["author"] == "staff")
    assert (answer["text"], answer["name"], page["leader"]) == ("Да, до 12 знаков", "Марина Ким", "Марина Ким")


async def test_the_leader_leaves_the_page_when_the_bot_talks_again(counter: Counter, anna: Visitor) -> None:
    await anna.say("Вопрос")
    await counter.reply("Слушаю вас")
    async with anna.following(0) as news:
        assert (await news())["leader"] == "Марина Ким"
        await counter.release()
        assert (await news())["leader"] == ""


async def test_a_stream_that_resumes_brings_all_that_was_missed(counter: Counter, anna: Visitor) -> None:
    await anna.say("Вы открыты?")
    await anna.thread()
    left_at = anna.cursor
    for n in range(3):
        await counter.reply(f"Ответ {n}")
    async with anna.following(left_at) as news:
        page = await news()
    assert [m["text"] for m in page["messages"] if m["author"] == "staff"] == ["Ответ 0", "Ответ 1", "Ответ 2"]
    assert page["cursor"] > left_at


async def test_a_stream_opened_before_the_first_word_hears_the_answer_to_it(counter: Counter, anna: Visitor) -> None:
    async with anna.following(0) as news:
        assert (await news())["messages"] == []
        await anna.say("Каталог")
        page = await news()
        while not any(m["author"] == "bot" for m in page["messages"]):
            page = await news()
    assert any(m["rows"] for m in page["messages"])


async def test_older_pages_and_what_came_since_join_without_a_gap(counter: Counter, anna: Visitor) -> None:
    await anna.say("Здравствуйте!")
    for n in range(60):
        await counter.reply(f"Строка {n}")
    newest = await anna.thread()
    older = await anna.get("messages", before=newest[0]["id"])
    since = await anna.get("messages", after=newest[-3]["id"])
    texts = [m["text"] for m in older["messages"] + newest if m["author"] == "staff"]
    assert texts == [f"Строка {n}" for n in range(60)]
    assert not older["more"]
    assert [m["id"] for m in since["messages"]] == [m["id"] for m in newest[-2:]]


async def test_a_message_becomes_delivered_and_then_read_and_never_less(counter: Counter, anna: Visitor) -> None:
    await anna.say("Вы открыты?")
    await counter.reply("Да, до восьми")
    last = (await anna.thread())[-1]["id"]
    states = [await counter.deliveries()]
    for read in (False, True, False):
        await anna.post("seen", {"up_to": last, "read": read})
        states.append(await counter.deliveries())
    assert [set(state) for state in states] == [{"sent"}, {"delivered"}, {"read"}, {"read"}]


# Files


async def test_a_photo_goes_with_the_message_and_comes_back_as_a_picture(counter: Counter, anna: Visitor) -> None:
    status, stored = await anna.upload(_picture(), "%D1%81%D0%BA%D0%BE%D0%BB.jpg", "application/octet-stream")
    assert (status, stored["kind"]) == (200, "photo")
    await anna.say("Пришла со сколом", files=[stored["file"]])
    media = (await anna.thread())[0]["media"]
    assert [(m["kind"], m["name"], m["width"]) for m in media] == [("photo", "скол.jpg", 40)]
    _, answer = await anna.fetch(media[0]["url"])
    assert (answer.status, answer.content_type) == (200, "image/jpeg")


async def test_a_page_that_says_it_is_a_picture_is_only_ever_downloaded(counter: Counter, anna: Visitor) -> None:
    _, stored = await anna.upload(b"<script>alert(1)</script>", "cat.png", "image/png")
    assert stored["kind"] == "document"
    _, answer = await anna.fetch(stored["url"])
    assert answer.content_type == "application/octet-stream"
    assert answer.headers["Content-Disposition"] == "attachment"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"


async def test_an_unknown_file_is_refused_and_nothing_is_said(counter: Counter, anna: Visitor) -> None:
    status, body = await anna.ask("message", {"key": new_key(), "files": ["A" * 24]})
    assert (status, body["error"]) == (400, "no_such_file")
    assert await anna.thread() == []


async def test_a_file_that_is_too_large_is_refused(counter: Counter, anna: Visitor) -> None:
    status, body = await anna.upload(b"x" * 20_000_001, "film.mp4", "video/mp4")
    assert (status, body["error"]) == (413, "too_large")


async def test_one_address_cannot_fill_the_disk(
    counter: Counter, anna: Visitor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(routes, "PER_ADDRESS", {**routes.PER_ADDRESS, "megabytes": Allowance(2, 20)})
    assert (await anna.upload(b"x" * 1_500_000, "film.mp4", "video/mp4"))[0] == 200
    async with Visitor.of(counter) as another:
        status, body = await another.upload(b"x" * 1_500_000, "film.mp4", "video/mp4")
        assert (status, body["error"]) == (429, "too_fast")
        assert (await another.upload(b"x" * 400_000, "page.pdf", "application/pdf"))[0] == 200


# Who is let in


@pytest.mark.parametrize(
    "headers", [{"Sec-Fetch-Site": "cross-site"}, {"Origin": "https://evil.example"}, {"Origin": "http://["}]
)
async def test_a_foreign_page_may_not_act_for_a_visitor(
    counter: Counter, anna: Visitor, headers: dict[str, str]
) -> None:
    status, body = await anna.ask("message", {"key": new_key(), "text": "Пришлите всё"}, **headers)
    assert (status, body["error"]) == (403, "foreign_page")
    assert await anna.thread() == []


async def test_an_unknown_site_and_a_missing_key_are_told_apart(counter: Counter, anna: Visitor) -> None:
    form = {"key": new_key(), "text": "Привет"}
    unknown = await anna.ask("message", form, **{"X-Webchat-Site": "nobody-here"})
    keyless = await anna.ask("message", form, **{"X-Webchat-Visitor": "short"})
    assert [(status, body["error"]) for status, body in (unknown, keyless)] == [
        (404, "unknown_site"),
        (401, "no_visitor"),
    ]


@pytest.mark.parametrize(
    ("path", "form"),
    [
        ("message", {"key": "1234", "text": "x"}),
        ("message", {"key": "k" * 20, "text": "x" * 4001}),
        ("message", {"key": "k" * 20, "text": "  "}),
        ("message", {"key": "k" * 20, "text": "x", "admin": True}),
        ("press", {"key": "k" * 20, "button": "<script>"}),
        ("contact", {"key": "k" * 20, "phone": "позвоните"}),
        ("seen", {"up_to": -1, "read": True}),
    ],
)
async def test_a_form_of_the_wrong_shape_is_refused(
    counter: Counter, anna: Visitor, path: str, form: dict[str, object]
) -> None:
    assert (await anna.ask(path, form))[0] == 400


async def test_words_that_no_database_keeps_are_kept_as_far_as_one_does(counter: Counter, anna: Visitor) -> None:
    """A zero character, and an emoji that was cut in two where the field was full."""
    context: dict[str, object] = {"page": "https://clay.example/\x00", "title": "Кружки\x00"}
    await anna.say("Есть\x00 кружка \ud83d", context=context)
    await anna.post("start", {"key": new_key(), "start": "", "locale": "ru\x00"})
    assert [m["text"] for m in await anna.thread() if m["author"] == "buyer"] == ["Есть кружка \ufffd"]
    assert (await counter.conversation()).context == {"page": "https://clay.example/", "title": "Кружки"}
    _, stored = await anna.upload(b"%PDF-1.7", "bill%00%0A.pdf", "application/pdf")
    await anna.say("Счёт", files=[stored["file"]])
    assert (await anna.thread())[-1]["media"][0]["name"] == "bill.pdf"


async def test_a_site_key_that_no_database_could_hold_is_of_no_site(counter: Counter, anna: Visitor) -> None:
    for key in ("%00", "a%00b", "%ED%A0%80", "%FF"):
        assert (await anna.fetch(f"/webchat/frame?site={key}"))[1].status == 404
    status, body = await anna.ask("session", {}, **{"X-Webchat-Site": "clay\xff"})
    assert (status, body["error"]) == (404, "unknown_site")


async def test_someone_who_floods_is_slowed_down_and_told_when_to_come_back(counter: Counter, anna: Visitor) -> None:
    answers = [await anna.ask("message", {"key": new_key(), "text": f"{n}"}) for n in range(14)]
    await counter.worker.idle()
    refused = [body for status, body in answers if status == 429]
    assert refused
    assert all(body["error"] == "too_fast" for body in refused)
    async with Visitor.of(counter) as other:
        await other.say("А мне можно?")


def test_a_bucket_fills_up_again_with_time() -> None:
    now = 0.0
    limits = Limits(clock=lambda: now)
    allowance = Allowance(burst=2, every=5)
    limits.take("say", "anna", allowance)
    limits.take("say", "anna", allowance)
    with pytest.raises(TooFast) as told:
        limits.take("say", "anna", allowance)
    now = told.value.wait
    limits.take("say", "anna", allowance)


# The pages


async def test_only_the_sites_own_pages_may_hold_the_chat(counter: Counter, anna: Visitor) -> None:
    page, answer = await anna.fetch(f"/webchat/frame?site={SITE}&lang=en")
    policy = answer.headers["Content-Security-Policy"]
    assert policy.endswith(f"frame-ancestors 'self' {SHOP_PAGE}")
    assert "unsafe" not in policy
    assert 'lang="en"' in page.decode()


async def test_a_wrong_site_key_is_explained(counter: Counter, anna: Visitor) -> None:
    page, answer = await anna.fetch("/webchat/frame?site=clay-and-linnen")
    assert answer.status == 404
    assert "data-site" in page.decode()


async def test_the_script_may_be_loaded_by_any_page_and_the_rest_kept_for_good(counter: Counter, anna: Visitor) -> None:
    _, widget = await anna.fetch("/webchat/widget.js")
    page, _ = await anna.fetch(f"/webchat/frame?site={SITE}")
    style = page.decode().split('rel="stylesheet" href="')[1].split('"')[0]
    _, css = await anna.fetch(style)
    assert widget.headers["Cross-Origin-Resource-Policy"] == "cross-origin"
    assert "immutable" in css.headers["Cache-Control"]


async def test_an_origin_that_would_change_the_policy_is_left_out(database_url: str, tmp_path: Path) -> None:
    origins = ("https://clay.example/", "https://evil.example; script-src *", "*")
    async with Counter(database_url, tmp_path, origins=origins) as counter, Visitor.of(counter) as visitor:
        _, answer = await visitor.fetch(f"/webchat/frame?site={SITE}")
    assert answer.headers["Content-Security-Policy"].endswith("frame-ancestors 'self' https://clay.example")


# Reading raw events


def test_what_was_stored_reads_as_what_was_done() -> None:
    chat, key = "c" * 64, "k" * 24
    file = {"file_id": 7, "kind": "photo", "name": "a.jpg", "mime": "image/jpeg", "size": 10}
    facts = {"locale": "ru", "context": {"page": SHOP_PAGE}, "at": 1.5}
    message = events.envelope("message", chat, key, text="Привет", files=[file], reply_to="12", **facts)
    press = events.envelope("press", chat, key, button=button_name(12, 3, 1), **facts)
    (said,), (pressed,) = events.read(message.raw), events.read(press.raw)
    assert (said.text, said.reply_to, said.context, said.sent_at) == ("Привет", "12", {"page": SHOP_PAGE}, 1.5)
    assert [(m.kind, m.file_id, m.remote) for m in said.media] == [(MediaKind.PHOTO, 7, "")]
    assert pressed.press is not None
    assert (pressed.press.message_id, pressed.press.version, pressed.press.index) == (12, 3, 1)
    assert message.external_id == f"{chat}:{key}"


def test_a_kind_that_nobody_knows_is_kept_as_unsupported() -> None:
    (incoming,) = events.read({"kind": "wave", "chat": "c" * 64, "key": "k" * 24})
    assert incoming.unsupported == "wave"


def _picture() -> bytes:
    out = BytesIO()
    Image.new("RGB", (40, 30), "teal").save(out, "JPEG")
    return out.getvalue()


# Who is writing


async def test_each_side_sees_that_the_other_writes_and_no_note(counter: Counter, anna: Visitor) -> None:
    await anna.post("typing")
    await anna.say("Есть кружки?")
    talk = await counter.conversation()
    await anna.post("typing")
    assert await counter.db.read(typing.now, talk) == {None}
    since = (await anna.get("messages"))["cursor"]
    async with anna.following(since) as news:
        await news()
        await counter.types()
        assert await news() == {"typing": "Марина Ким"}
        await counter.reply("Есть, две.")
        assert (await news())["messages"][-1]["text"] == "Есть, две."
