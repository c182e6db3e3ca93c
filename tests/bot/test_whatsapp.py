"""A WhatsApp number: events in our words, Meta's own samples, marks and buttons, what is refused, files, connecting."""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import orjson
import pytest
import pytest_asyncio

from bot.channels import whatsapp_connect, whatsapp_read, whatsapp_webhook
from bot.channels.base import (
    Attachment,
    Broken,
    ChannelError,
    Closed,
    Connection,
    Envelope,
    Faltered,
    NotSent,
    Parcel,
    Rejected,
    Stranger,
    Throttled,
    Unconfirmed,
)
from bot.channels.connecting import BadToken, WrongValue
from bot.channels.whatsapp import WhatsApp
from bot.channels.whatsapp_calls import Calls, refusal
from bot.channels.whatsapp_receive import WhatsAppReceiver
from bot.channels.whatsapp_write import marked
from emulators.whatsapp import Trouble
from emulators.whatsapp.formatting import shown
from inbox.channels import CAPABILITIES
from inbox.content import (
    Action,
    Button,
    Card,
    Fate,
    Incoming,
    Media,
    MediaKind,
    Offer,
    Offers,
    Outgoing,
    Template,
    Wanted,
    styled,
)
from inbox.fitting import fit
from inbox.reading import key_of
from tests.emulators import whatsapp_spec as spec
from tests.emulators.test_whatsapp import ANNA, APP_SECRET, BUSINESS, CATALOG, NUMBER, SHOP, TO, TOKEN, CheckedWhatsApp
from tests.stories.goods import picture

PROOF = "verify-token-of-the-tests"
VALUES = {"number": str(NUMBER), "business": str(BUSINESS), "app_secret": APP_SECRET, "catalog": str(CATALOG)}


@pytest_asyncio.fixture
async def emulator() -> AsyncIterator[CheckedWhatsApp]:
    """Anna has written, so free words are taken; every call is checked against Meta's document."""
    emulator = CheckedWhatsApp([SHOP], [ANNA])
    await emulator.start()
    emulator.phone(ANNA.id).say("Здравствуйте")
    yield emulator
    await emulator.stop()
    assert not emulator.problems, "\n".join(emulator.problems)


def link(emulator: CheckedWhatsApp, **settings: Any) -> Connection:
    async def accept(_account_id: int, envelopes: Any) -> int:
        return len(envelopes)

    async def report(*_told: Any) -> None:
        """Nobody asks."""

    return Connection(
        account_id=1,
        external_id=str(NUMBER),
        secret=orjson.dumps({"token": TOKEN, "app_secret": APP_SECRET, "webhook_secret": PROOF}).decode(),
        settings={"api": emulator.address, "business": str(BUSINESS), **settings},
        public_url="http://127.0.0.1:9",
        accept=accept,
        report=report,
    )


@pytest_asyncio.fixture
async def number(emulator: CheckedWhatsApp) -> AsyncIterator[WhatsApp]:
    adapter = WhatsApp(link(emulator, catalog=str(CATALOG)))
    yield adapter
    await adapter.stop()


def parcel(outgoing: Outgoing, *attachments: Attachment, **parts: Any) -> Parcel:
    whole: dict[str, Any] = {
        "message_id": 41,
        "version": 1,
        "chat": TO,
        "outgoing": outgoing,
        "attachments": attachments,
    }
    return Parcel(**whole | parts)


def kept(folder: Path, content: bytes, mime: str, kind: MediaKind, name: str = "") -> Attachment:
    path = folder / hashlib.sha256(content).hexdigest()
    path.write_bytes(content)
    return Attachment(Media(kind), path, path.name, mime, name)


# Reading


def heard(title: str) -> list[Incoming]:
    """One of Meta's own samples, as it is kept and read."""
    body = spec.samples()[title]
    number = body["entry"][0]["changes"][0]["value"]["metadata"]["phone_number_id"]
    return [said for envelope in whatsapp_read.apart(body, number) for said in whatsapp_read.read(envelope.raw)]


READ: dict[str, dict[str, Any]] = {
    "Text Message": {"text": "Does it come in another color?"},
    "Text Message with Context (Product Inquiry)": {"text": "Is this still available?"},
    "Text Message from Click to WhatsApp Ad": {"context": {"referrer": "https://fb.me/3cr4Wqqkv"}},
    "Reaction Message": {"signs": ("👍",)},
    "Image Message": {"text": "Taj Mahal"},
    "Unsupported Message": {"unsupported": "Message type is currently not supported."},
    "Button Message": {"text": "Unsubscribe"},
    "Interactive List Reply Message": {"text": "Priority Mail Express"},
    "Interactive Button Reply Message": {"text": "Cancel"},
    "Order Message": {"wanted": (Wanted("di9ozbzfi4", 2, 30.0, "USD"), Wanted("nqryix03ez", 1, 25.0, "USD"))},
    "System Message": {"unsupported": "system"},
}


@pytest.mark.parametrize("title", READ)
def test_metas_own_samples_are_read(title: str) -> None:
    spec.needs_spec()
    [said] = heard(title)
    assert {name: getattr(said, name) for name in READ[title]} == READ[title]
    assert said.profile.external_id == "16505551234"
    assert said.profile.phone == "+16505551234"
    assert said.sent_at > 1_700_000_000


def test_files_places_and_cards_of_the_samples() -> None:
    spec.needs_spec()
    [image], [place], [card] = heard("Image Message"), heard("Location Message"), heard("Contact Sharing Message")
    assert (image.media[0].kind, image.media[0].remote) == (MediaKind.PHOTO, "1003383421387256")
    assert place.location is not None
    assert (round(place.location.latitude, 2), place.location.title[:11]) == (37.44, "Philz Coffe")
    assert card.contact is not None
    assert (card.contact.name, card.contact.phone, card.contact.own) == ("Lucía Gómez", "+1 (983) 555-2319", False)
    for title in spec.samples():
        if title.startswith("Group"):
            assert heard(title) == []


def test_one_call_is_many_events_of_this_number_each_with_a_name_of_its_own() -> None:
    message = {"from": TO, "id": "wamid.1", "timestamp": "1750000000", "type": "text", "text": {"body": "Раз"}}
    hidden = {**message, "id": "wamid.2", "from_user_id": "RU.1234"} | {"from": ""}
    status = {"id": "wamid.9", "status": "delivered", "timestamp": "1750000001", "recipient_id": TO}
    mine = {"phone_number_id": str(NUMBER), "display_phone_number": "1"}
    value = {
        "metadata": mine,
        "contacts": [],
        "messages": [message, hidden],
        "statuses": [status, {**status, "status": "read"}],
    }
    other = {**value, "metadata": {"phone_number_id": "1"}}
    changes = [{"field": "messages", "value": value}, {"field": "messages", "value": other}]
    changes += [{"field": "account_update", "value": value}]
    envelopes = list(whatsapp_read.apart({"entry": [{"changes": changes}]}, str(NUMBER)))
    assert [(each.chat, each.external_id) for each in envelopes] == [
        (TO, "in-wamid.1"),
        ("RU.1234", "in-wamid.2"),
        (TO, "delivered-wamid.9"),
        (TO, "read-wamid.9"),
    ]
    [nobody] = whatsapp_read.read(envelopes[1].raw)
    assert (nobody.profile.external_id, nobody.profile.phone, nobody.text) == ("RU.1234", "", "Раз")


@pytest.mark.parametrize("raw", [{}, {"value": {"messages": [{"from": TO, "id": "w", "type": "image", "image": {}}]}}])
def test_half_an_event_breaks_nothing(raw: dict[str, Any]) -> None:
    assert [said.unsupported for said in whatsapp_read.read(raw)] in ([], ["image"])


# Writing


@pytest.mark.parametrize(
    "text",
    [
        "<b>Сумма</b>: <i>две строки\nодна за другой</i> и <s>старая</s>",
        "<b><i>и то и другое</i> вместе</b> <code>КОД-1</code>",
        "2*3*4, snake_case и *не жирно*, _не косо_, `не код`",
        "<blockquote>Сказано раньше\nв две строки</blockquote>\n> не цитата",
        "<pre>как\n  есть</pre>",
    ],
)
def test_marks_mean_what_was_meant_and_nothing_else(text: str) -> None:
    plain, spans = styled(text)
    read, entities = shown(marked(plain, spans))
    assert read == plain
    names = {"strikethrough": "strike", "blockquote": "quote"}
    lines = {(names.get(each["type"], each["type"]), plain[each["offset"] :][: each["length"]]) for each in entities}
    meant = {
        (span.style.value, part)
        for span in spans
        for whole in [plain[span.offset : span.offset + span.length]]
        for part in ([whole] if span.style == "pre" else whole.split("\n"))
    }
    assert lines == meant


async def test_few_short_buttons_stand_below_with_the_picture_above_and_others_open(
    emulator: CheckedWhatsApp, number: WhatsApp, tmp_path: Path
) -> None:
    photo = kept(tmp_path, picture(10), "image/jpeg", MediaKind.PHOTO)
    few = Outgoing(text="Кружка", rows=((Button("В корзину", Action("buy")),), (Button("Назад", Action("back")),)))
    await number.send(parcel(few, photo))
    phone = emulator.phone(ANNA.id)
    assert (phone.from_bot[-1].kind, phone.from_bot[-1].labels) == ("photo", ["В корзину", "Назад"])
    long = Outgoing(text="Что посмотрим?", rows=((Button("Кружка «Туман» · от 1 450 ₽", Action("product")),),))
    await number.send(parcel(long, message_id=42))
    raw = phone.from_bot[-1].raw
    assert raw["wa"]["buttons"]["2a.1.0"] == {
        "kind": "list_reply",
        "title": "Кружка «Туман»",
        "description": "от 1 450 ₽",
    }
    link_alone = Outgoing(text="К оплате", rows=((Button("Оплатить 1 123 450,00 ₽", url="https://pay.example/1"),),))
    await number.send(parcel(link_alone, message_id=43))
    assert [(each.text, each.url) for each in phone.from_bot[-1].buttons] == [
        ("Оплатить 1 123", "https://pay.example/1")
    ]


def test_a_long_text_above_buttons_is_cut_where_the_buttons_begin() -> None:
    rows = ((Button("Да", Action("yes")),), (Button("Страница", url="https://shop.example"),))
    parts = fit(Outgoing(text="слово " * 400, rows=rows), CAPABILITIES["whatsapp"]).parts
    assert [len(part.text) <= limit for part, limit in zip(parts, (4096, 1024, 1024), strict=False)] == [True] * len(
        parts
    )
    assert [len(part.rows) for part in parts] == [0] * (len(parts) - 1) + [1]
    assert "https://shop.example" in parts[-1].text


async def test_a_template_goes_filled_and_a_product_out_of_the_catalogue(
    emulator: CheckedWhatsApp, number: WhatsApp
) -> None:
    emulator.let_time_pass(ANNA.id, 24 * 3600 + 5)
    template = Template("on_its_way", "ru", body=("Анна", "1042"))
    await number.send(parcel(Outgoing(text="Анна, заказ № 1042 в пути", template=template)))
    phone = emulator.phone(ANNA.id)
    assert phone.from_bot[-1].text.startswith("Анна, заказ № 1042 в пути")
    pay = Template("link", "ru", link="k7x")
    await number.send(parcel(Outgoing(text="Заказ ждёт оплаты", template=pay)))
    assert phone.from_bot[-1].buttons[0].url == "https://shop.example/pay/k7x"
    phone.press("Спасибо", message_id=phone.from_bot[0].id)
    shelf = Outgoing(text="Кружка", card=Card("product", 1, sku="TUM-300"))
    await number.send(parcel(shelf))
    assert phone.from_bot[-1].raw["goods"][0]["retailer"] == "TUM-300"
    await number.send(parcel(Outgoing(text="Плед", card=Card("product", 2, sku="PLD-1"))))
    assert (phone.from_bot[-1].text, "goods" in phone.from_bot[-1].raw) == ("Плед", False)


async def test_several_products_go_out_of_the_catalogue_with_their_words_above(
    emulator: CheckedWhatsApp, number: WhatsApp
) -> None:
    mug = Offer(Button("Кружка · 1 450 ₽", Action("product", {"id": 1})), "Кружка", "1 450 ₽", sku="TUM-300")
    text, spans = styled("<b>Кружки из фарфора</b>\n10 товаров")
    shelf = Outgoing(text=text, spans=spans, offers=Offers((mug,), "Кружки из фарфора"))
    await number.send(parcel(shelf))
    raw = emulator.phone(ANNA.id).from_bot[-1].raw
    assert ([each["retailer"] for each in raw["goods"]], raw["text"]) == (
        ["TUM-300"],
        "Кружки из фарфора\n\n10 товаров",
    )
    await number.send(parcel(replace(shelf, offers=Offers((replace(mug, sku="NOT-THERE"),), "Кружки"))))
    newest = emulator.phone(ANNA.id).from_bot[-1]
    assert (newest.text, newest.labels, "goods" in newest.raw) == (text, ["Кружка · 1 450 ₽"], False)
    emulator.let_time_pass(ANNA.id, 24 * 3600 + 5)
    emulator.cloud.refuses_at_once = True
    with pytest.raises(Closed):
        await number.send(parcel(shelf))


async def test_what_is_answered_and_gone_costs_the_quote_and_not_the_words(
    emulator: CheckedWhatsApp, number: WhatsApp
) -> None:
    first = await number.send(parcel(Outgoing(text="Первое")))
    await number.send(parcel(Outgoing(text="Второе"), message_id=42, reply_to=first))
    await number.send(parcel(Outgoing(text="Третье"), message_id=43, reply_to="wamid.gone"))
    phone = emulator.phone(ANNA.id)
    assert [("reply_to_message" in each.raw, each.text) for each in phone.from_bot] == [
        (False, "Первое"),
        (True, "Второе"),
        (False, "Третье"),
    ]


# Refusals


@pytest.mark.parametrize(
    ("code", "means"),
    [
        (190, Broken),
        (0, Broken),
        (10, Broken),
        (200, Broken),
        (33, Broken),
        (368, Broken),
        (131031, Broken),
        (130429, Throttled),
        (131056, Throttled),
        (80007, Throttled),
        (4, Throttled),
        (131000, Faltered),
        (1, Unconfirmed),
        (2, Unconfirmed),
        (131047, Closed),
        (131026, Rejected),
        (132001, Rejected),
        (100, Rejected),
        (999999, Rejected),
    ],
)
def test_each_code_is_permanent_or_passes(code: int, means: type[ChannelError]) -> None:
    told = refusal({"code": code, "message": "(#1) words"})
    assert type(told) in (means, *means.__subclasses__())
    assert TOKEN not in str(told)
    if isinstance(told, Throttled):
        assert 0 < told.retry_after <= 60


async def test_what_was_told_of_a_message_leads_to_it(emulator: CheckedWhatsApp, number: WhatsApp) -> None:
    emulator.let_time_pass(ANNA.id, 24 * 3600 + 5)
    wamid = await number.send(parcel(Outgoing(text="Поздно"), made_ms=1_700_000_000_123))
    value = {"metadata": {}, "statuses": [{"id": wamid, "status": "failed", "recipient_id": TO, "timestamp": "1"}]}
    lane = emulator.account(NUMBER).postman._lanes[ANNA.id]
    told = [status for each in lane for status in each.get("statuses", ())]
    [failed] = number.parse({"value": {**value, "statuses": told}})
    assert failed.receipt is not None
    assert (failed.receipt.place, failed.receipt.fate, failed.receipt.closed) == (wamid, Fate.FAILED, True)
    assert failed.receipt.key == key_of(41, 1_700_000_000_123)


# Files


async def test_a_file_that_came_is_fetched_in_two_steps_and_only_from_meta(
    emulator: CheckedWhatsApp, number: WhatsApp
) -> None:
    emulator.phone(ANNA.id).send_photo(picture(10))
    [media_id] = emulator.cloud.media
    got = b"".join([chunk async for chunk in number.fetch(Media(MediaKind.PHOTO, remote=media_id))])
    assert got == picture(10)
    with pytest.raises(Broken):
        await _fetched(number, "404")
    with pytest.raises(Rejected):
        await _fetched(number, "../me")
    emulator.cloud.origin = "http://metadata.internal"
    with pytest.raises(Rejected, match="not Meta's"):
        await _fetched(number, media_id)
    calls = Calls(TOKEN, "https://graph.facebook.com")
    hosts = ("https://lookaside.fbsbx.com/x", "https://mmg.whatsapp.net/x")
    assert all(map(calls.is_metas, hosts))
    assert not any(map(calls.is_metas, ("http://lookaside.fbsbx.com/x", "https://evil-fbsbx.com/x")))


async def _fetched(number: WhatsApp, media_id: str) -> None:
    async for _chunk in number.fetch(Media(MediaKind.PHOTO, remote=media_id)):
        pass


async def test_a_file_goes_as_what_whatsapp_takes_it_for_and_is_brought_there_once(
    emulator: CheckedWhatsApp, number: WhatsApp, tmp_path: Path
) -> None:
    pdf = kept(tmp_path, b"%PDF-1.4", "application/pdf", MediaKind.DOCUMENT, "чек.pdf")
    large = kept(tmp_path, picture(10) + bytes(5_100_000), "image/jpeg", MediaKind.PHOTO, "большое.jpg")
    voice = kept(tmp_path, b"OggS", "audio/ogg", MediaKind.VOICE)
    for n, (attachment, text) in enumerate([(pdf, "Чек"), (pdf, ""), (large, ""), (voice, "")]):
        await number.send(parcel(Outgoing(text=text), attachment, message_id=50 + n))
    phone = emulator.phone(ANNA.id)
    assert [each.kind for each in phone.from_bot] == ["document", "document", "photo", "voice"]
    assert phone.from_bot[0].raw["document"]["file_name"] == "чек.pdf"
    assert emulator.counters["calls_media"] == 3
    emulator.plan(Trouble.RESET, methods=["media"], after=True)
    with pytest.raises(NotSent):
        await number.send(parcel(Outgoing(), kept(tmp_path, b"%PDF-1.5", "application/pdf", MediaKind.DOCUMENT)))


# Webhook and connecting


async def test_only_who_knows_the_verify_token_hears_the_challenge(emulator: CheckedWhatsApp) -> None:
    receiver = WhatsAppReceiver(link(emulator))
    query = {"hub.mode": "subscribe", "hub.verify_token": PROOF, "hub.challenge": "1158201444"}
    assert await receiver.asked(query) == "1158201444"
    for wrong in ({"hub.verify_token": PROOF[:-1]}, {"hub.verify_token": ""}, {"hub.mode": "unsubscribe"}):
        with pytest.raises(Stranger) as stranger:
            await receiver.asked({**query, **wrong})
        assert stranger.value.status == 403


async def test_an_address_that_meta_cannot_confirm_is_told_of(emulator: CheckedWhatsApp, number: WhatsApp) -> None:
    calls = Calls(TOKEN, emulator.address)
    with pytest.raises(Broken, match="reachable from the internet"):
        await whatsapp_webhook.keep(calls, link(emulator))
    await calls.close()
    emulator.account(NUMBER).postman.url = "http://127.0.0.1:9/hooks/whatsapp/1"
    assert not (await number.check()).trouble


@pytest.mark.parametrize(
    ("name", "wrong"),
    [
        ("number", "105002"),
        ("number", "+79000000101"),
        ("business", "205002"),
        ("app_secret", "0" * 32),
        ("app_secret", "short"),
        ("catalog", "305002"),
    ],
)
async def test_each_value_that_does_not_fit_is_named(emulator: CheckedWhatsApp, name: str, wrong: str) -> None:
    with pytest.raises(WrongValue) as told:
        await whatsapp_connect.whose(TOKEN, emulator.address, {**VALUES, name: wrong})
    assert told.value.value == name
    assert TOKEN not in str(told.value)
    assert wrong not in str(told.value)


async def test_a_number_is_known_by_its_values_and_its_templates_by_their_gaps(emulator: CheckedWhatsApp) -> None:
    found = await whatsapp_connect.whose(TOKEN, emulator.address, VALUES)
    assert (found.external_id, found.name, found.username) == (str(NUMBER), "Глина и лён", "79000000101")
    assert found.settings == {"business": str(BUSINESS), "catalog": str(CATALOG)}
    with pytest.raises(BadToken):
        await whatsapp_connect.whose("EAAG-token-of-nobody-at-all", emulator.address, VALUES)
    listed = await whatsapp_connect.templates(TOKEN, emulator.address, found.settings)
    assert [(each.name, each.gaps()) for each in listed] == [("link", ["1"]), ("on_its_way", ["1", "2"])]


@pytest.mark.parametrize(
    "component",
    [
        {"type": "HEADER", "format": "VIDEO"},
        {"type": "CAROUSEL", "cards": []},
        {"type": "BUTTONS", "buttons": [{"type": "OTP", "text": "Код"}]},
        {
            "type": "BUTTONS",
            "buttons": [{"type": "URL", "url": "https://a"}, {"type": "URL", "url": "https://b/{{1}}"}],
        },
    ],
)
def test_a_template_that_we_cannot_fill_is_not_offered(component: dict[str, Any]) -> None:
    told = {"name": "x", "language": "ru", "components": [{"type": "BODY", "text": "Слова"}, component]}
    assert whatsapp_connect.read_template(told) is None


def test_an_envelope_holds_one_thing_and_who_says_it() -> None:
    people = [{"wa_id": TO, "profile": {"name": "Анна"}}, {"wa_id": "7999", "profile": {"name": "Чужой"}}]
    message = {"from": TO, "id": "wamid.1", "timestamp": "1", "type": "text", "text": {"body": "Раз"}}
    value = {
        "metadata": {"phone_number_id": str(NUMBER)},
        "contacts": people,
        "messages": [message, {**message, "id": "2"}],
    }
    first: Envelope = next(
        whatsapp_read.apart({"entry": [{"changes": [{"field": "messages", "value": value}]}]}, str(NUMBER))
    )
    assert first.raw["value"]["messages"] == [message]
    assert first.raw["value"]["contacts"] == [people[0]]


@pytest.mark.parametrize(
    ("told", "wanted"),
    [
        ({"quantity": 2, "item_price": 5.5}, (2, 5.5)),
        ({"quantity": "2", "item_price": "5.50"}, (2, 5.5)),
        ({"quantity": "many", "item_price": None}, (1, 0.0)),
        ({"quantity": [2], "item_price": "nan"}, (1, 0.0)),
    ],
)
def test_numbers_of_a_basket_count_with_and_without_quotes(told: dict[str, Any], wanted: tuple[int, float]) -> None:
    item = {"product_retailer_id": "MUG-MIST", "currency": "RUB", **told}
    message = {"from": "79161112233", "id": "wamid.1", "type": "order", "order": {"product_items": [item]}}
    [said] = whatsapp_read.read({"value": {"messages": [message]}})
    assert [(one.quantity, one.price) for one in said.wanted] == [wanted]
