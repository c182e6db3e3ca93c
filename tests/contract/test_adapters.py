"""What every adapter promises, played on its service's stand-in: our words for failures, buttons, edits, what comes."""

from __future__ import annotations

import asyncio
import io
import itertools
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from PIL import Image

from bot.channels import CHANNELS, CONNECTORS, RECEIVERS
from bot.channels.base import (
    Attachment,
    Broken,
    Channel,
    ChannelError,
    Envelope,
    NotSent,
    Parcel,
    Portraying,
    Rejected,
    Searchable,
    Stranger,
    Throttled,
    Unconfirmed,
    Unreadable,
    button_name,
)
from bot.channels.connecting import BadToken, ChannelSilent
from inbox.capabilities import Capabilities, Doubt, Heard
from inbox.channels import CAPABILITIES
from inbox.content import Action, Button, Fate, Media, MediaKind, Offer, Offers, Outgoing, Receipt, styled
from inbox.fitting import fit
from inbox.reading import key_of
from tests.contract.sides import WIRED, Trouble, WiredSide

MEANS: dict[Trouble, type[ChannelError]] = {
    Trouble.UNREACHABLE: NotSent,
    Trouble.TOO_FAST: Throttled,
    Trouble.REFUSED: Rejected,
    Trouble.BLOCKED: Rejected,
    Trouble.SILENT: Unconfirmed,
    Trouble.OWN_ERROR: Unconfirmed,
    Trouble.REVOKED: Broken,
}


@pytest_asyncio.fixture(params=sorted(WIRED))
async def side(request: pytest.FixtureRequest) -> AsyncIterator[WiredSide]:
    found = WIRED[request.param]()
    await found.start()
    yield found
    await found.stop()


class Heap:
    """What was stored, once for each name."""

    def __init__(self) -> None:
        self.envelopes: dict[str, Envelope] = {}
        self.reports: list[str] = []

    async def accept(self, _account_id: int, envelopes: Sequence[Envelope]) -> int:
        self.envelopes |= {envelope.external_id: envelope for envelope in envelopes}
        return len(envelopes)

    async def report(self, _account_id: int, health: str, _words: str) -> None:
        self.reports.append(health)


@asynccontextmanager
async def adapter_of(side: WiredSide) -> AsyncIterator[Channel]:
    heap = Heap()
    adapter = CHANNELS[side.channel](side.connection(heap.accept, heap.report))
    await adapter.start()
    try:
        yield adapter
    finally:
        await adapter.stop()


def which(promises: Callable[[Capabilities], bool]) -> pytest.MarkDecorator:
    """The test is about what some messengers promise on their cards."""
    return pytest.mark.parametrize("side", sorted(n for n in WIRED if promises(CAPABILITIES[n])), indirect=True)


called = pytest.mark.parametrize("side", sorted(n for n in WIRED if CONNECTORS[n].calls), indirect=True)
"""The test is about messengers that call us."""


def parcel(side: WiredSide, outgoing: Outgoing, **parts: Any) -> Parcel:
    return Parcel(**{"message_id": 41, "version": 1, "chat": side.chat, "outgoing": outgoing, **parts})


def meets(name: str, trouble: Trouble) -> bool:
    """Whether that can befall an account there: not everywhere does anybody learn that a buyer has left."""
    return trouble is not Trouble.BLOCKED or Heard.LEAVE in CAPABILITIES[name].hears


@pytest.mark.parametrize(
    ("side", "trouble"),
    [(name, trouble) for name in WIRED for trouble in Trouble if meets(name, trouble)],
    indirect=["side"],
)
async def test_each_failure_is_told_in_our_words(side: WiredSide, trouble: Trouble) -> None:
    async with adapter_of(side) as adapter:
        chat = side.nobody if trouble is Trouble.REFUSED else side.chat
        await side.meets(trouble)
        with pytest.raises(MEANS[trouble]) as failure:
            await adapter.send(parcel(side, Outgoing(text="Кружка есть"), chat=chat))
        told = failure.value
        if isinstance(told, Rejected):
            assert told.blocked is (trouble is Trouble.BLOCKED)
        if isinstance(told, Throttled):
            assert told.retry_after > 0
        assert side.secret not in f"{told!r} {told.__cause__!r}"


async def test_what_was_done_and_not_answered_stands_there_once(side: WiredSide) -> None:
    """Where the channel lets us look, or knows our key of the message; elsewhere a person decides."""
    card = CAPABILITIES[side.channel]
    async with adapter_of(side) as adapter:
        said = parcel(side, Outgoing(text="Одно и то же"))
        first = await adapter.send(replace(said, message_id=40))
        await side.meets(Trouble.SILENT)
        with pytest.raises(Unconfirmed):
            await adapter.send(said)
        assert len(side.shown()) == 2, "it did arrive"
        if card.doubt is Doubt.LOOK:
            assert isinstance(adapter, Searchable)
            there = await adapter.find(said, since=0.0, taken={first})
            assert there
            assert there != first
            assert await adapter.find(said, since=0.0, taken={first, there}) is None
            await side.meets(Trouble.SILENT)
            buttons = parcel(side, Outgoing(text="Кружка", rows=((Button("Купить", Action("buy")),),)), message_id=42)
            with pytest.raises(Unconfirmed):
                await adapter.send(buttons)
            changed = replace(buttons, version=2, outgoing=Outgoing(text="Нет в наличии", rows=buttons.outgoing.rows))
            assert await adapter.find(changed, since=0.0, taken=()), "whatever is to stand there by now"
            assert await adapter.find(replace(changed, message_id=43), since=0.0, taken=()) is None
        elif card.doubt is Doubt.KEY:
            await adapter.send(said)
        elif card.doubt is Doubt.TOLD:
            heap = Heap()
            await _received(side, heap, lambda: bool(_receipts(side, heap, key_of(41, said.made_ms))))
            assert {receipt.fate for receipt in _receipts(side, heap, key_of(41, said.made_ms))} <= {*Fate} - {
                Fate.FAILED
            }
        assert [text for text, _labels in side.shown()].count("Одно и то же") == 2
    assert (card.doubt is Doubt.STAYS) is (not card.sure_for)


async def test_every_button_that_the_card_allows_is_shown_and_named_by_its_message(side: WiredSide) -> None:
    card = CAPABILITIES[side.channel]
    count = min(card.buttons, card.per_row * card.rows)
    row = tuple(Button("Ж" * card.label, Action("product", {"id": n})) for n in range(count))
    rows = tuple(row[n : n + card.per_row] for n in range(0, count, card.per_row))
    [part] = fit(Outgoing(text="Выбирайте", rows=rows), card).parts
    async with adapter_of(side) as adapter:
        sent = await adapter.send(parcel(side, part, version=3))
        [(text, labels)] = side.shown()
        assert (text, labels) == ("Выбирайте", ["Ж" * card.label] * count)
        side.presses(count - 1)
        raw = await _heard(side)
        incoming, *_ = adapter.parse(raw)
    press = incoming.press
    assert press is not None
    assert (press.message_id, press.version, press.index) == (41, 3, count - 1)
    assert button_name(41, 3, count - 1) == f"29.3.{count - 1:x}"
    assert press.place in ("", sent)


async def test_of_more_buttons_than_that_the_first_are_a_list_of_numbers(side: WiredSide) -> None:
    card = CAPABILITIES[side.channel]
    names = [f"Кружка {n}" for n in range(card.buttons + 1)]
    rows = tuple((Button(name, Action("product", {"id": n})),) for n, name in enumerate(names))
    fitted = fit(Outgoing(text="Выбирайте", rows=rows), card)
    async with adapter_of(side) as adapter:
        for part in fitted.parts:
            await adapter.send(parcel(side, part))
    said = "\n".join(text for text, _labels in side.shown()).splitlines()
    listed = [name for n, name in enumerate(names, 1) if f"{n}. {name}" in said]
    assert [*listed, *side.shown()[-1][1]] == names
    assert len(fitted.offered) == len(listed) > 0


async def test_the_longest_text_goes_whole_and_a_longer_one_in_parts(side: WiredSide) -> None:
    card = CAPABILITIES[side.channel]
    async with adapter_of(side) as adapter:
        for length in (card.text, card.text + 1):
            before = len(side.shown())
            parts = fit(Outgoing(text="ж" * length), card).parts
            for n, part in enumerate(parts, before + 1):
                await adapter.send(parcel(side, part, message_id=n))
            said = [text for text, _labels in side.shown()[before:]]
            assert ("".join(said), len(said)) == ("ж" * length, 1 if length == card.text else 2)


async def test_formatting_that_looks_like_markup_stays_what_the_shop_wrote(side: WiredSide) -> None:
    text, spans = styled("<b>Сумма</b> 5 &lt; 6 &amp; *ничего* _не_ [теряется](так) <i>вот</i>")
    async with adapter_of(side) as adapter:
        await adapter.send(parcel(side, Outgoing(text=text, spans=spans)))
    assert side.shown()[-1][0] == text


def shelf(count: int, photos: Sequence[int] = ()) -> Outgoing:
    each = tuple(
        Offer(
            Button(f"Кружка {n} · 1 450 ₽", Action("product", {"id": n})),
            f"Кружка {n}",
            "1 450 ₽",
            "Подробнее",
            photo=Media(MediaKind.PHOTO, file_id=n) if n in photos else None,
            sku=f"MUG-{n}",
        )
        for n in range(count)
    )
    return Outgoing(text="Кружки", offers=Offers(each, "Кружки"))


WITH_GOODS = which(lambda card: card.goods is not None)


@WITH_GOODS
async def test_as_many_products_as_the_card_allows_stand_as_one_thing(side: WiredSide, tmp_path: Path) -> None:
    goods = CAPABILITIES[side.channel].goods
    assert goods is not None
    shapes = {0: (800, 800), 1: (300, 900), 2: (40, 30)}
    [part] = fit(shelf(goods.most, tuple(shapes)), CAPABILITIES[side.channel]).parts
    async with adapter_of(side) as adapter:
        await adapter.send(parcel(side, part, pictures={n: _drawn(tmp_path, n, size) for n, size in shapes.items()}))
        assert side.goods() == [f"Кружка {n}" for n in range(goods.most)]
        if not goods.own_catalogue:
            side.presses(goods.most - 1)
            press = adapter.parse(await _heard(side))[0].press
            assert press is not None
            assert (press.message_id, press.version, press.index) == (41, 1, goods.most - 1)


@WITH_GOODS
async def test_products_that_the_service_does_not_take_so_are_buttons(side: WiredSide) -> None:
    """None is lost: a press on any of them means the same."""
    goods = replace(shelf(10).offers or Offers(()), title="Посуда")
    strange = replace(goods, each=tuple(replace(offer, title="", sku=f"NO-{offer.sku}") for offer in goods.each))
    async with adapter_of(side) as adapter:
        await adapter.send(parcel(side, Outgoing(text="Кружки", offers=strange), version=2))
        [(text, labels)] = side.shown()
        assert (text, len(labels), side.goods()) == ("Кружки", 10, [])
        side.presses(9)
        press = adapter.parse(await _heard(side))[0].press
    assert press is not None
    assert (press.message_id, press.version, press.index) == (41, 2, 9)


@which(lambda card: card.goods is not None and card.doubt is Doubt.KEY)
async def test_products_that_went_out_without_an_answer_stand_there_once(side: WiredSide) -> None:
    async with adapter_of(side) as adapter:
        await side.meets(Trouble.SILENT)
        with pytest.raises(Unconfirmed):
            await adapter.send(parcel(side, shelf(2)))
        await adapter.send(parcel(side, shelf(2)))
    assert len(side.shown()) == 1


def _drawn(folder: Path, number: int, size: tuple[int, int]) -> Attachment:
    path = folder / f"{number}.png"
    Image.new("RGBA", size, (10, 120, 120, 0)).save(path)
    return Attachment(Media(MediaKind.PHOTO, file_id=number), path, f"sha-{number}", "image/png", path.name)


WITH_PORTRAITS = which(lambda card: card.portraits)


@WITH_PORTRAITS
async def test_the_picture_that_a_person_shows_of_himself_is_fetched(side: WiredSide) -> None:
    side.says("Здравствуйте")
    async with adapter_of(side) as adapter:
        [incoming] = adapter.parse(await _heard(side))
        person = incoming.profile.external_id
        assert isinstance(adapter, Portraying)
        assert await adapter.portrait(side.chat, person) == "", "who shows none has none"
        shown = side.has_portrait()
        media = Media(MediaKind.PHOTO, remote=await adapter.portrait(side.chat, person))
        fetched = b"".join([chunk async for chunk in adapter.fetch(media)])
        with Image.open(io.BytesIO(fetched)) as found, Image.open(io.BytesIO(shown)) as drawn:
            assert found.getpixel((5, 5)) == drawn.getpixel((5, 5))


@WITH_PORTRAITS
async def test_that_no_picture_can_be_had_is_told_in_our_words(side: WiredSide) -> None:
    async with adapter_of(side) as adapter:
        assert isinstance(adapter, Portraying)
        await side.meets(Trouble.UNREACHABLE)
        with pytest.raises(ChannelError):
            await adapter.portrait(side.chat, "1")


@which(lambda card: card.edit)
async def test_an_edit_changes_the_message_in_its_place(side: WiredSide) -> None:
    before = Outgoing(text="1 в корзине", rows=((Button("+", Action("more")),),))
    after = replace(before, text="2 в корзине", rows=((Button("+", Action("more")), Button("−", Action("fewer"))),))
    async with adapter_of(side) as adapter:
        sent = await adapter.send(parcel(side, before))
        again = await adapter.edit(parcel(side, after, version=2, external_id=sent))
        assert side.shown() == [("2 в корзине", ["+", "−"])]
        assert await adapter.edit(parcel(side, after, version=2, external_id=again)) == again, "a repeat does no harm"
        gone = replace(after, rows=())
        await adapter.edit(parcel(side, gone, version=3, external_id=again))
    assert side.shown() == [("2 в корзине", [])]


@which(lambda card: card.answers)
async def test_a_press_is_answered_with_words_or_without(side: WiredSide) -> None:
    async with adapter_of(side) as adapter:
        await adapter.send(parcel(side, Outgoing(text="Кружка", rows=((Button("Купить", Action("buy")),),))))
        side.presses(0)
        [incoming] = adapter.parse(await _heard(side))
        assert incoming.press is not None
        await adapter.acknowledge(incoming.press.ack, "В корзине", alert=False)
        assert side.answers() == ["В корзине"]
        await adapter.acknowledge(incoming.press.ack, "", alert=False)


@which(lambda card: card.typing)
async def test_that_somebody_writes_is_shown(side: WiredSide) -> None:
    side.says("Вы здесь?")
    async with adapter_of(side) as adapter:
        [incoming] = adapter.parse(await _heard(side))
        await adapter.typing(side.chat, incoming.external_id)
    assert side.is_typing()


@which(lambda card: card.marks_read)
async def test_that_the_buyer_was_read_is_shown_up_to_that_message_and_no_further(side: WiredSide) -> None:
    async with adapter_of(side) as adapter:
        side.says("Вы здесь?")
        [first] = adapter.parse(await _heard(side))
        side.says("Ау!")
        await adapter.seen(side.chat, first.external_id)
        assert side.read_up_to() == "Вы здесь?"
        [second] = adapter.parse(await _heard(side))
        await adapter.seen(side.chat, second.external_id)
        assert side.read_up_to() == "Ау!"


@which(lambda card: card.typing or card.marks_read)
@pytest.mark.parametrize("trouble", [Trouble.REFUSED, Trouble.OWN_ERROR, Trouble.UNREACHABLE, Trouble.TOO_FAST])
async def test_marks_that_fail_say_so_in_our_words_and_at_once(side: WiredSide, trouble: Trouble) -> None:
    card = CAPABILITIES[side.channel]
    side.says("Вы здесь?")
    async with adapter_of(side) as adapter:
        [incoming] = adapter.parse(await _heard(side))
        for mark in [adapter.typing] * card.typing + [adapter.seen] * card.marks_read:
            chat = side.nobody if trouble is Trouble.REFUSED else side.chat
            said = "404" if trouble is Trouble.REFUSED else incoming.external_id
            if trouble is not Trouble.REFUSED:
                await side.meets(trouble)
            with pytest.raises(ChannelError):
                async with asyncio.timeout(5):
                    await mark(chat, said)


async def test_what_was_said_while_nobody_listened_comes_once_and_in_order(side: WiredSide) -> None:
    heap = Heap()
    side.says("начало")
    await _received(side, heap, lambda: "начало" in _texts(side, heap))
    for round_ in range(2):
        words = [f"{round_}.{n}" for n in range(3)]
        for text in words:
            side.says(text)
        await _received(side, heap, lambda last=words[-1]: last in _texts(side, heap))  # type: ignore[misc]
    assert [text for text in _texts(side, heap) if "." in text] == [f"{r}.{n}" for r in range(2) for n in range(3)]
    assert heap.reports[-1] == "ok"


@called
async def test_only_the_channel_itself_may_bring_events(side: WiredSide) -> None:
    heap = Heap()
    receiver = RECEIVERS[side.channel](side.connection(heap.accept, heap.report, receive="webhook"))
    headers, body = side.event("Здравствуйте")
    for stranger in side.strangers(headers, body):
        with pytest.raises(Stranger):
            await receiver.called(*stranger)
    for rubbish in (b"", b"[]", b"{}", b'"message"', b"\xff", b"{" * 2000):
        with pytest.raises((Unreadable, Stranger)):
            await receiver.called(headers, rubbish)
    assert not heap.envelopes
    for _ in range(2):
        await receiver.called(headers, body)
    assert _texts(side, heap) == ["Здравствуйте"]


@called
async def test_an_account_without_a_secret_lets_nobody_in(side: WiredSide) -> None:
    heap = Heap()
    open_to_all = side.connection(heap.accept, heap.report, receive="webhook")
    receiver = RECEIVERS[side.channel](replace(open_to_all, secret=side.sealed(webhook_secret="")))
    headers, body = side.event("Здравствуйте")
    for stranger in [(headers, body), ({}, body), *side.strangers(headers, body)]:
        with pytest.raises(Stranger):
            await receiver.called(*stranger)
    assert not heap.envelopes


async def test_a_kind_that_nobody_knows_is_kept_and_breaks_nothing(side: WiredSide) -> None:
    async with adapter_of(side) as adapter:
        [incoming] = adapter.parse(side.unknown())
    assert incoming.unsupported
    assert incoming.profile.external_id


async def test_a_token_tells_whose_it_is_before_it_is_kept(side: WiredSide) -> None:
    connector = CONNECTORS[side.channel]
    api = str(side.connection(Heap().accept, Heap().report).settings["api"])
    found = await connector.ask(side.secret, api, side.values())
    assert found.external_id
    assert found.name
    for wrong in ("", "наугад", side.secret[:-1] + ("a" if side.secret[-1] != "a" else "b")):
        with pytest.raises(BadToken):
            await connector.ask(wrong, api, side.values())
    await side.stop()
    with pytest.raises(ChannelSilent):
        await connector.ask(side.secret, api, side.values())


async def _heard(side: WiredSide) -> Any:
    """The newest raw event, received as the hub receives."""
    heap = Heap()
    before = len(heap.envelopes)
    await _received(side, heap, lambda: len(heap.envelopes) > before)
    return list(heap.envelopes.values())[-1].raw


async def _received(side: WiredSide, heap: Heap, done: Callable[[], bool]) -> None:
    """Receive until that is so, and then once more, so that what was taken is confirmed."""
    turns = itertools.count()

    async def holds() -> bool:
        return not done() or next(turns) < 1

    receiver = RECEIVERS[side.channel](side.connection(heap.accept, heap.report))
    async with asyncio.timeout(10), side.calling(receiver):
        receiving = asyncio.create_task(receiver.receive(holds))
        while not done():
            await asyncio.sleep(0.02)
        await asyncio.sleep(0.2)
        receiving.cancel()
        await asyncio.gather(receiving, return_exceptions=True)


def _texts(side: WiredSide, heap: Heap) -> list[str]:
    read = CHANNELS[side.channel](side.connection(heap.accept, heap.report)).parse
    return [incoming.text for envelope in heap.envelopes.values() for incoming in read(envelope.raw)]


def _receipts(side: WiredSide, heap: Heap, key: str) -> list[Receipt]:
    """What the channel has told of the message of this key."""
    read = CHANNELS[side.channel](side.connection(heap.accept, heap.report)).parse
    told = [incoming.receipt for envelope in heap.envelopes.values() for incoming in read(envelope.raw)]
    return [receipt for receipt in told if receipt is not None and receipt.key == key]
