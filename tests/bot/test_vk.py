"""A VK community: events in our words, what VK refuses, keys of messages, what an outage hid, who may call."""

from __future__ import annotations

import asyncio
import io
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import orjson
import pytest
import pytest_asyncio
from aiohttp import web
from PIL import Image

from bot.channels import vk_calls, vk_connect, vk_read, vk_server
from bot.channels.base import (
    Attachment,
    Broken,
    Connection,
    Envelope,
    NotSent,
    Parcel,
    Rejected,
    Stranger,
    Throttled,
    Unconfirmed,
    Unreadable,
)
from bot.channels.connecting import BadToken
from bot.channels.vk import Vk, key_of
from bot.channels.vk_receive import VkReceiver
from emulators.telegram.phones import AlbumPicture
from emulators.vk import Community, Person, Settings, Trouble, VkEmulator
from inbox.content import Button, Incoming, Media, MediaKind, Outgoing, Span, Style

GROUP = 700_091
TOKEN = "vk1.a.token-of-the-tests"
SECRET = "secret-of-the-callback-server"
OLGA = Person(700_092, "Ольга", "Рябинина", "olga_ryab")
EMMA = Person(700_093, "Emma", "Stone", language_code="en")


def picture(kind: str = "JPEG") -> bytes:
    drawn = io.BytesIO()
    Image.new("RGB", (60, 40), "teal").save(drawn, kind)
    return drawn.getvalue()


class Hub:
    """What stands behind the shop's community: it remembers what it was brought, and how far it was read."""

    def __init__(self, vk: VkEmulator, *, receive: str = "polling", public_url: str = "http://127.0.0.1:9") -> None:
        self.envelopes: dict[str, Envelope] = {}
        self.reports: list[tuple[str, str]] = []
        self.place = ""
        self.link = Connection(
            account_id=1,
            external_id=str(GROUP),
            secret=orjson.dumps({"token": TOKEN, "webhook_secret": SECRET}).decode(),
            settings={"receive": receive, "api": vk.address},
            public_url=public_url,
            accept=self._accept,
            report=self._report,
            place=self,
        )
        self.receiver = VkReceiver(self.link)
        self.channel = Vk(self.link)

    async def get(self, account_id: int) -> str:
        return self.place

    async def keep(self, account_id: int, place: str) -> None:
        self.place = place

    @property
    def heard(self) -> list[Incoming]:
        return [said for envelope in self.envelopes.values() for said in vk_read.read(envelope.raw)]

    @property
    def texts(self) -> list[str]:
        return [said.text for said in self.heard if said.press is None and not said.left]

    @asynccontextmanager
    async def listening(self) -> AsyncIterator[None]:
        receiving = asyncio.create_task(self.receiver.receive(_always))
        await until(lambda: self.reports)
        try:
            yield
        finally:
            receiving.cancel()
            await asyncio.gather(receiving, return_exceptions=True)

    async def _accept(self, account_id: int, envelopes: Sequence[Envelope]) -> int:
        self.envelopes |= {each.external_id: each for each in envelopes if each.external_id not in self.envelopes}
        return len(envelopes)

    async def _report(self, account_id: int, health: str, words: str) -> None:
        self.reports.append((health, words))


async def _always() -> bool:
    return True


async def until(seen: Callable[[], object]) -> None:
    async with asyncio.timeout(10):
        while not seen():
            await asyncio.sleep(0.01)


@pytest_asyncio.fixture(name="vk")
async def vk_fixture() -> AsyncIterator[VkEmulator]:
    emulator = VkEmulator(
        [Community(GROUP, TOKEN, "Глина и лён", "clay_linen")], [OLGA, EMMA], settings=Settings(webhook_pace=0.001)
    )
    await emulator.start()
    yield emulator
    await emulator.stop()


@pytest_asyncio.fixture(name="hub")
async def hub_fixture(vk: VkEmulator) -> AsyncIterator[Hub]:
    hub = Hub(vk)
    yield hub
    await hub.channel.stop()


def parcel(outgoing: Outgoing, *, message_id: int = 41, **parts: Any) -> Parcel:
    return Parcel(**{"message_id": message_id, "version": 1, "chat": str(OLGA.id), "outgoing": outgoing, **parts})


# Reading


async def test_everything_that_buyers_do_is_read_as_what_it_is(vk: VkEmulator, hub: Hub) -> None:
    phone = vk.phone(OLGA.id)
    async with hub.listening():
        phone.start("autumn")
        phone.send_photo(picture(), "Такую?")
        phone.send_album([AlbumPicture(picture(), "Обе"), AlbumPicture(picture("PNG"))])
        phone.send_document(b"%PDF", "Размеры.pdf")
        phone.send_voice(b"OggS", seconds=4)
        phone.send_sticker(picture("PNG"), "👍")
        phone.send_location(55.79, 49.1)
        phone.send_video(b"mp4")
        phone.forward("Берите синюю", "Том")
        phone.say("Ответ", reply_to=2)
        phone.send_gift()
        phone.edit(10, "Ответ!")
        phone.block()
        await until(lambda: len(hub.envelopes) == 13)
    (start, photo, album, doc, voice, sticker, place, video, forwarded, reply, gift, edit, left) = hub.heard
    assert (start.start, start.profile.name, start.profile.username) == ("autumn", "Ольга Рябинина", "olga_ryab")
    assert (photo.text, [media.kind for media in photo.media]) == ("Такую?", [MediaKind.PHOTO])
    assert len(album.media) == 2
    assert (doc.media[0].kind, doc.media[0].name) == (MediaKind.DOCUMENT, "Размеры.pdf")
    assert (voice.media[0].kind, voice.media[0].duration) == (MediaKind.VOICE, 4)
    assert sticker.media[0].kind == MediaKind.STICKER
    assert place.location is not None
    assert (place.location.latitude, place.location.longitude) == (55.79, 49.1)
    assert video.text.startswith(f"https://vk.com/video{OLGA.id}_")
    assert (forwarded.text, forwarded.spans) == ("Берите синюю", (Span(Style.QUOTE, 0, 12),))
    assert reply.reply_to == "2"
    assert (gift.unsupported, gift.text) == ("gift", "")
    assert (edit.edited, edit.text, edit.external_id) == (True, "Ответ!", reply.external_id)
    assert (left.left, left.profile.external_id) == (True, str(OLGA.id))


async def test_the_language_of_the_buyers_client_is_known(vk: VkEmulator, hub: Hub) -> None:
    async with hub.listening():
        vk.phone(EMMA.id).say("Hello")
        vk.phone(OLGA.id).say("Здравствуйте")
        await until(lambda: len(hub.heard) == 2)
    assert [said.profile.locale for said in hub.heard] == ["en", "ru"]


@pytest.mark.parametrize(
    ("attachment", "address"),
    [
        ({"type": "wall", "wall": {"id": 5, "owner_id": -1}}, "https://vk.com/wall-1_5"),
        ({"type": "market", "market": {"id": 9, "owner_id": -1}}, "https://vk.com/product-1_9"),
        ({"type": "link", "link": {"url": "https://example.org/mug"}}, "https://example.org/mug"),
    ],
)
def test_what_can_only_be_seen_in_vk_is_an_address(attachment: dict[str, Any], address: str) -> None:
    [said] = vk_read.read(_new(text="Вот", attachments=[attachment]))
    assert (said.text, said.unsupported) == (f"Вот\n{address}", "")


def test_a_talk_of_many_and_what_we_said_ourselves_are_nobodys_words() -> None:
    assert vk_read.read(_new(peer_id=2_000_000_001)) == ()
    assert vk_read.read(_new(out=1, from_id=-GROUP)) == ()
    assert vk_read.read({"type": "wall_post_new", "object": {"id": 1}, "event_id": "e"}) == ()


@pytest.mark.parametrize(
    "event",
    [
        {},
        {"type": "message_new"},
        {"type": "message_new", "object": []},
        {"type": "message_new", "object": {"message": "words"}},
        {"type": "message_edit", "object": {"peer_id": "7"}},
        {"type": "message_event", "object": {"event_id": 1}},
    ],
)
def test_an_event_of_another_shape_holds_nothing_up(event: dict[str, Any]) -> None:
    assert vk_read.chat_of(event) == ""
    assert isinstance(vk_read.name_of(event), str)
    assert vk_read.speaker_of(event) == 0
    assert vk_read.read(event) == ()


def test_a_message_without_its_number_has_the_name_of_its_event() -> None:
    event = _new()
    del event["object"]["message"]["conversation_message_id"]
    assert (vk_read.chat_of(event), vk_read.name_of(event)) == ("7", "e")


def test_an_old_client_says_a_buttons_label_and_it_is_a_press() -> None:
    [said] = vk_read.read(_new(text="В корзину", payload='{"button": "29.3.1"}'))
    assert said.press is not None
    assert (said.press.message_id, said.press.version, said.press.index) == (41, 3, 1)


@pytest.mark.parametrize("payload", ["", "[]", "не JSON", '{"button": "9.9"}', None])
def test_a_payload_that_is_not_ours_presses_nothing(payload: str | None) -> None:
    told = {"user_id": 7, "peer_id": 7, "event_id": "a", "payload": payload, "conversation_message_id": 3}
    [said] = vk_read.read({"type": "message_event", "object": told, "event_id": "e"})
    assert said.press is not None
    assert said.press.message_id == 0


def test_formatting_is_counted_in_utf16_units_both_ways() -> None:
    text, spans = "😀 да и нет", (Span(Style.BOLD, 2, 2), Span(Style.LINK, 7, 3, "https://example.org"))
    told = vk_read.write_spans(text, (*spans, Span(Style.SPOILER, 0, 1)))
    assert told is not None
    assert told["items"][0] == {"type": "bold", "offset": 3, "length": 2}
    assert tuple(vk_read.read_spans(text, told["items"])) == spans


def _new(**facts: Any) -> dict[str, Any]:
    message = {
        "id": 1,
        "date": 1,
        "peer_id": 7,
        "from_id": 7,
        "text": "",
        "conversation_message_id": 1,
        "attachments": [],
        **facts,
    }
    return {"type": "message_new", "object": {"message": message}, "event_id": "e"}


# Sending


@pytest.mark.parametrize(
    ("code", "means"),
    [
        (5, Broken), (6, Throttled), (7, Rejected), (9, Throttled), (10, Unconfirmed), (15, Rejected), (29, Throttled),
        (100, Rejected), (900, Rejected), (901, Rejected), (902, Rejected), (914, Rejected), (925, Rejected),
    ],
)  # fmt: skip
async def test_each_of_vks_codes_means_something(
    vk: VkEmulator, hub: Hub, monkeypatch: pytest.MonkeyPatch, code: int, means: type[Exception]
) -> None:
    monkeypatch.setattr(vk_calls, "BREATHS", (0.0, 0.0))
    vk.phone(OLGA.id).say("Здравствуйте")
    vk.refuse(code, times=3)
    with pytest.raises(means) as caught:
        await hub.channel.send(parcel(Outgoing(text="да")))
    assert TOKEN not in str(caught.value)
    if isinstance(caught.value, Rejected):
        assert caught.value.blocked is (code in (900, 901, 902))


async def test_too_fast_once_is_not_worth_a_word(vk: VkEmulator, hub: Hub) -> None:
    phone = vk.phone(OLGA.id)
    phone.say("Здравствуйте")
    vk.refuse(6)
    await hub.channel.send(parcel(Outgoing(text="да")))
    assert [each.text for each in phone.from_bot] == ["да"]


async def test_a_message_that_was_not_answered_is_sent_again_and_arrives_once(vk: VkEmulator, hub: Hub) -> None:
    phone = vk.phone(OLGA.id)
    phone.say("Здравствуйте")
    vk.plan(Trouble.RESET, after=True)
    with pytest.raises(Unconfirmed):
        await hub.channel.send(parcel(Outgoing(text="Заказ принят")))
    sent = await hub.channel.send(parcel(Outgoing(text="Заказ принят"), version=2))
    assert [(each.id, each.text) for each in phone.from_bot] == [(int(sent), "Заказ принят")]


def test_a_key_is_a_small_number_of_one_message_whatever_its_version() -> None:
    said = Outgoing(text="Заказ принят")
    first = parcel(said, made_ms=1)
    assert key_of(first) == key_of(parcel(said, made_ms=1, version=2))
    others = [parcel(said, made_ms=2), parcel(said, made_ms=1, message_id=42)]
    assert len({key_of(each) for each in (first, *others)} | {key_of(first, anew=True)}) == 4
    assert all(0 < key_of(parcel(said, message_id=n)) < 2**31 for n in range(1, 500))


async def test_a_restored_shop_is_not_taken_for_the_one_before(vk: VkEmulator, hub: Hub) -> None:
    """Its messages have numbers that VK has seen within the hour."""
    phone = vk.phone(OLGA.id)
    phone.say("Здравствуйте")
    await hub.channel.send(parcel(Outgoing(text="Заказ принят"), made_ms=1))
    await hub.channel.send(parcel(Outgoing(text="Заказ собран"), made_ms=2))
    assert [each.text for each in phone.from_bot] == ["Заказ принят", "Заказ собран"]


async def test_what_is_too_old_to_be_edited_is_sent_anew(vk: VkEmulator, hub: Hub) -> None:
    phone = vk.phone(OLGA.id)
    phone.say("Здравствуйте")
    sent = await hub.channel.send(parcel(Outgoing(text="Собираем")))
    vk.refuse(909, methods=["messages.edit"])
    moved = await hub.channel.edit(parcel(Outgoing(text="В пути"), version=2, external_id=sent))
    assert moved != sent
    assert [(str(each.id), each.text) for each in phone.from_bot] == [(moved, "В пути")]


async def test_an_answer_goes_without_its_quote_when_that_is_gone(vk: VkEmulator, hub: Hub) -> None:
    phone = vk.phone(OLGA.id)
    phone.say("Есть чайник?")
    await hub.channel.send(parcel(Outgoing(text="Есть"), reply_to="1"))
    await hub.channel.send(parcel(Outgoing(text="Последний"), message_id=42, reply_to="99"))
    shown = phone.from_bot
    assert [(each.text, "reply_to_message" in each.raw) for each in shown] == [("Есть", True), ("Последний", False)]


@pytest.mark.parametrize(("kind", "mime"), [("JPEG", "image/jpeg"), ("WEBP", "image/webp")])
async def test_a_photo_is_uploaded_once_and_in_a_form_that_vk_takes(
    vk: VkEmulator, hub: Hub, tmp_path: Path, kind: str, mime: str
) -> None:
    phone = vk.phone(OLGA.id)
    phone.say("Здравствуйте")
    path = tmp_path / "mug"
    path.write_bytes(picture(kind))
    photo = Attachment(Media(MediaKind.PHOTO, file_id=1), path, f"sha-{kind}", mime, "mug")
    for message_id in (41, 42):
        await hub.channel.send(parcel(Outgoing(text="Кружка"), message_id=message_id, attachments=(photo,)))
    assert [(each.kind, each.text) for each in phone.from_bot] == [("photo", "Кружка")] * 2
    assert vk.counters["calls_photos.saveMessagesPhoto"] == 1


async def test_a_file_that_could_not_be_brought_was_certainly_not_sent(
    vk: VkEmulator, hub: Hub, tmp_path: Path
) -> None:
    vk.phone(OLGA.id).say("Здравствуйте")
    path = tmp_path / "bill.pdf"
    path.write_bytes(b"%PDF")
    bill = Attachment(Media(MediaKind.DOCUMENT, file_id=1), path, "sha", "application/pdf", "bill.pdf")
    vk.plan(Trouble.RESET, methods=["docs.save"], after=True)
    with pytest.raises(NotSent):
        await hub.channel.send(parcel(Outgoing(), attachments=(bill,)))
    await hub.channel.send(parcel(Outgoing(), attachments=(bill,)))
    assert vk.phone(OLGA.id).from_bot[-1].raw["document"]["file_name"] == "bill.pdf"


@pytest.mark.parametrize(("told", "lacks"), [({"carousel": True}, ""), ({"carousel": False}, "goods"), ({}, None)])
def test_a_program_that_shows_no_carousel_is_known_by_what_it_tells(told: dict[str, Any], lacks: str | None) -> None:
    message = {"id": 1, "date": 1, "peer_id": 5, "from_id": 5, "text": "Каталог", "conversation_message_id": 1}
    event = {"type": "message_new", "object": {"message": message, "client_info": told}}
    [said] = vk_read.read(event)
    assert said.context.get("lacks") == lacks


@pytest.mark.parametrize(
    "address",
    [
        "http://sun9-1.userapi.com/a.jpg",
        "https://userapi.com.example/a",
        "https://127.0.0.1/a",
        "file:///etc/passwd",
        "",
    ],
)
async def test_nothing_is_fetched_from_elsewhere(hub: Hub, address: str) -> None:
    with pytest.raises(Rejected):
        await anext(hub.channel.fetch(Media(MediaKind.PHOTO, remote=address)))


async def test_buttons_that_open_pages_do_and_long_words_to_a_press_are_cut(vk: VkEmulator, hub: Hub) -> None:
    phone = vk.phone(OLGA.id)
    phone.say("Здравствуйте")
    rows = ((Button("Оплатить", url="https://pay.example/1"), Button("Отменить")),)
    await hub.channel.send(parcel(Outgoing(text="Заказ", rows=rows)))
    assert [button.url for button in phone.from_bot[-1].buttons] == ["https://pay.example/1", ""]
    press = phone.press("Отменить")
    await hub.channel.acknowledge(f"{press.id}:{OLGA.id}:{OLGA.id}", "ы" * 200, alert=True)
    assert (await phone.wait_for_answer(press))["text"] == "ы" * 89 + "…"


# Receiving


async def test_events_of_an_outage_come_in_order_and_once(vk: VkEmulator, hub: Hub) -> None:
    phone = vk.phone(OLGA.id)
    async with hub.listening():
        phone.say("раз")
        await until(lambda: hub.texts == ["раз"])
    phone.say("два")
    phone.say("три")
    again = Hub(vk)
    again.place, again.envelopes = hub.place, hub.envelopes
    async with again.listening():
        await until(lambda: len(again.texts) == 3)
    assert again.texts == ["раз", "два", "три"]


async def test_what_the_long_poll_forgot_is_found_in_the_dialogs(vk: VkEmulator, hub: Hub) -> None:
    phone = vk.phone(OLGA.id)
    async with hub.listening():
        phone.say("раз")
        await until(lambda: hub.texts == ["раз"])
    phone.say("два")
    vk.phone(EMMA.id).say("hello")
    vk.cloud.community(GROUP).log.kept.clear()
    again = Hub(vk)
    again.place, again.envelopes = hub.place, hub.envelopes
    async with again.listening():
        phone.say("три")
        await until(lambda: len(again.texts) == 4)
    assert [text for text in again.texts if text != "hello"] == ["раз", "два", "три"]


async def test_what_was_said_long_before_a_community_was_connected_is_not_answered(vk: VkEmulator, hub: Hub) -> None:
    phone = vk.phone(OLGA.id)
    told = phone.say("Год назад")
    told["vk"]["date"] -= 3600
    async with hub.listening():
        phone.say("Здравствуйте")
        await until(lambda: hub.texts)
    assert hub.texts == ["Здравствуйте"]


async def test_a_name_that_vk_does_not_tell_costs_no_message(vk: VkEmulator, hub: Hub) -> None:
    async with hub.listening():
        vk.plan(Trouble.SERVER_ERROR, methods=["users.get"])
        vk.phone(OLGA.id).say("Здравствуйте")
        await until(lambda: hub.texts)
    assert [said.profile.name for said in hub.heard] == [""]


async def test_a_token_that_was_revoked_is_told_of(vk: VkEmulator, hub: Hub) -> None:
    vk.cloud.communities.clear()
    async with hub.listening():
        assert hub.reports == [("broken", vk_calls.GONE)]


@asynccontextmanager
async def served(vk: VkEmulator) -> AsyncIterator[Hub]:
    """A hub that VK can call."""
    app = web.Application()
    runner = web.AppRunner(app)
    hubs: list[Hub] = []

    async def called(request: web.Request) -> web.Response:
        try:
            return web.Response(text=await hubs[0].receiver.called(request.headers, await request.read()))
        except Stranger as stranger:
            return web.Response(status=stranger.status)

    app.router.add_post("/hooks/vk/1", called)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    hubs.append(Hub(vk, receive="webhook", public_url=f"http://127.0.0.1:{runner.addresses[0][1]}"))
    try:
        yield hubs[0]
    finally:
        await hubs[0].channel.stop()
        await runner.cleanup()


async def test_a_callback_server_is_set_up_by_itself_and_brings_what_is_said(vk: VkEmulator) -> None:
    async with served(vk) as hub, hub.listening():
        assert hub.reports == [("ok", "")]
        vk.phone(OLGA.id).say("Здравствуйте")
        vk.phone(OLGA.id).type()
        await until(lambda: hub.texts)
        assert hub.texts == ["Здравствуйте"]
        assert "secret" not in next(iter(hub.envelopes.values())).raw
        [server] = vk.cloud.community(GROUP).servers.values()
        assert (server.secret_key, server.title) == (SECRET, vk_server.TITLE)
        assert server.kinds == frozenset(vk_server.KINDS)


async def test_a_callback_server_that_is_gone_or_failed_is_noticed_and_mended(vk: VkEmulator) -> None:
    async with served(vk) as hub, hub.listening():
        servers = vk.cloud.community(GROUP).servers
        assert (await hub.channel.check()).trouble == ""
        servers.clear()
        assert "no callback server" in (await hub.channel.check()).trouble
        [server] = servers.values()
        server.status = "failed"
        assert "could not reach" in (await hub.channel.check()).trouble
        assert server.status == "ok"


async def test_an_address_that_vk_cannot_reach_is_told_of(vk: VkEmulator) -> None:
    hub = Hub(vk, receive="webhook")
    async with hub.listening():
        assert hub.reports[0][0] == "broken"
        assert "could not confirm our address" in hub.reports[0][1]


async def test_the_code_is_said_for_our_own_community_alone(vk: VkEmulator) -> None:
    hub = Hub(vk, receive="webhook")
    code = vk.cloud.community(GROUP).code
    asked = {"type": "confirmation", "group_id": GROUP}
    for told in (asked, {**asked, "secret": SECRET}):
        assert await hub.receiver.called({}, orjson.dumps(told)) == code
    for wrong in ({**asked, "group_id": GROUP + 1}, {**asked, "secret": "x" * 20}, {**asked, "group_id": None}):
        with pytest.raises(Stranger) as refused:
            await hub.receiver.called({}, orjson.dumps(wrong))
        assert refused.value.status == 403
    with pytest.raises(Unreadable):
        await hub.receiver.called({}, orjson.dumps({**asked, "type": "message_new", "secret": SECRET}))


async def test_polling_takes_our_callback_server_away_and_no_other(vk: VkEmulator, hub: Hub) -> None:
    calls = vk_calls.Calls(TOKEN, vk.address)
    for url in (vk_server.address(hub.link), "http://127.0.0.1:9/another"):
        await calls.call("groups.addCallbackServer", {"group_id": GROUP, "url": url, "title": "Shop"})
    await calls.close()
    async with hub.listening():
        assert [server.url for server in vk.cloud.community(GROUP).servers.values()] == ["http://127.0.0.1:9/another"]


async def test_a_key_with_too_few_rights_says_which_are_missing(vk: VkEmulator) -> None:
    vk.cloud.add_community(Community(GROUP + 1, "vk1.a.poor-token", rights=frozenset({"messages", "photos"})))
    with pytest.raises(vk_connect.TooFewRights, match="manage, docs"):
        await vk_connect.whose("vk1.a.poor-token", vk.address)
    with pytest.raises(BadToken):
        await vk_connect.whose("vk1.a.nobodys-token", vk.address)
    found = await vk_connect.whose(TOKEN, vk.address)
    assert (found.external_id, found.name, found.username) == (str(GROUP), "Глина и лён", "clay_linen")
