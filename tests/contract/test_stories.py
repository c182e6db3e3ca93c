"""What a buyer can rely on in every messenger: the whole purchase, each kind of message, doubles, restarts, lengths."""

from __future__ import annotations

import asyncio
import io
import re
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import cast

import pytest
import pytest_asyncio
import sqlalchemy as sa
from PIL import Image
from sqlalchemy.orm import Session

from bot.channels import CHANNELS
from customers import duplicates
from customers.tables import Customer
from inbox import messages
from inbox.capabilities import Capabilities, Doubt, Heard
from inbox.channels import CAPABILITIES
from inbox.content import Incoming, Media, MediaKind, Outgoing, load_incoming
from inbox.tables import Author, Conversation, Delivery, Message
from orders.tables import Order
from storage.files import FileStore, record
from tests.contract.phones import PhoneHand, shows_himself
from tests.contract.sides import NAME, PHONE, SIDES, WIRED, WORDS, Hand, Side, Trouble, WiredSide
from tests.contract.telegram import VERA
from tests.stories import books, goods, purchases
from tests.stories.buyers import PATIENCE
from tests.stories.console import desk
from tests.stories.purchases import Asked
from tests.stories.street import MARINA_EMAIL, OWNER_EMAIL, Street, account, open_street

ARRIVED = {Delivery.SENT, Delivery.DELIVERED, Delivery.READ}

ASKED = Asked(NAME, PHONE, "Казань, Полевая, 3", "Позвоните за час")


@dataclass
class Stage:
    """A street where the messenger's account is connected, and its buyer."""

    street: Street
    side: Side
    buyer: Hand

    async def settle(self) -> None:
        """Wait until the hub has heard everything, and done what follows."""
        async with asyncio.timeout(20):
            while self.side.untold():
                await asyncio.sleep(0.02)
        await self.street.settle()

    async def heard(self) -> list[Message]:
        """What the buyer has said, as it is kept, oldest first."""
        await self.settle()
        return await self.street.ask(_said, self.side.channel)

    async def conversation(self) -> Conversation:
        await self.settle()
        return await self.street.ask(_conversation, self.side.channel)


@pytest_asyncio.fixture(params=sorted(SIDES))
async def stage(request: pytest.FixtureRequest, story_database: str, tmp_path: Path) -> AsyncIterator[Stage]:
    side = SIDES[request.param]()
    if not side.part_of_street:
        await side.start()
    try:
        async with open_street(story_database, tmp_path, also=side.sections()) as street, side.hand(street) as buyer:
            yield Stage(street, side, buyer)
    finally:
        await side.stop()


def where(promises: Callable[[Capabilities], bool]) -> pytest.MarkDecorator:
    """The test is about what some messengers promise on their cards."""
    names = sorted(name for name in SIDES if promises(CAPABILITIES[name]))
    return pytest.mark.parametrize("stage", names, indirect=True)


def test_every_messenger_has_its_card_and_its_side() -> None:
    assert set(SIDES) == set(CHANNELS) == set(CAPABILITIES)


async def test_a_buyer_chooses_asks_orders_pays_and_is_told_of_each_stage(stage: Stage) -> None:
    street, buyer = stage.street, stage.buyer
    async with desk(street, MARINA_EMAIL) as marina, desk(street, OWNER_EMAIL) as owner:
        await purchases.takes_mugs(buyer)
        await purchases.finds_napkin(buyer)
        await buyer.tap("Вопрос оператору")
        await buyer.sees("Напишите вопрос")
        await buyer.say("Можно ли их в микроволновку?")
        await buyer.sees("Передали оператору")
        here = await marina.hears("Можно ли их в микроволновку?")
        await marina.answers(here, "Да, можно.")
        await buyer.sees("Да, можно.")
        await marina.releases(here)
        await purchases.takes_one_mug_less(buyer)
        await purchases.answers_questions(buyer, ASKED)
        number = await purchases.confirms(buyer)
        await purchases.pays(street, buyer, number)
        for to, words in (("assembling", "собираем"), ("shipped", "в пути"), ("delivered", "у вас")):
            await (owner if to == "assembling" else marina).moves(number, to)
            await purchases.is_told(buyer, f"Заказ № {number} {words}")
    await books.all_is_settled(street)
    await books.money_is_right(street, {number: 2 * goods.PRICES[goods.BLACK] + goods.PRICES[goods.NAPKIN] + 390_00})
    order = await street.ask(books.order, number)
    assert (order.recipient, order.phone, order.address) == (NAME, PHONE, ASKED.address)
    steps = [step.stage for step in await street.ask(books.history, number)]
    assert steps == ["new", "awaiting_payment", "paid", "assembling", "shipped", "delivered"]
    said = [message.text for message in buyer.screen()]
    assert len(said) == len(await street.ask(_sent, stage.side.channel)), "each message stands there once"


async def test_a_restart_in_the_middle_loses_neither_the_cart_nor_what_was_said_meanwhile(stage: Stage) -> None:
    street, buyer = stage.street, stage.buyer
    await buyer.start()
    await buyer.sees("Здравствуйте")
    await purchases.takes_one(buyer, "Салфетка льняная", goods.NAPKIN)
    await buyer.press("Оформить")
    await buyer.sees("На чьё имя")
    if stage.side.channel == "webchat":
        await street.restart()
        await buyer.say(NAME)
    else:
        await street.hub.stop()
        await buyer.say(NAME)
        await street.restart()
    await buyer.sees("Номер телефона")
    await buyer.share_phone(PHONE)
    await buyer.sees("Как передать заказ", "Самовывоз")
    await street.settle()
    assert NAME in [said.text for said in (await stage.heard())[-2:]]


async def test_the_same_event_twice_is_one_message_with_one_answer(stage: Stage) -> None:
    await stage.buyer.start()
    await stage.buyer.sees("Здравствуйте")
    await stage.buyer.says_twice("салфетка")
    await stage.buyer.sees("Нашлось в каталоге")
    assert [message.text for message in await stage.heard()].count("салфетка") == 1
    assert sum("Нашлось в каталоге" in message.text for message in stage.buyer.screen()) == 1


async def test_a_second_press_of_confirm_makes_no_second_order(stage: Stage) -> None:
    buyer = stage.buyer
    await buyer.start()
    await buyer.sees("Здравствуйте")
    await purchases.takes_one(buyer, "Салфетка льняная", goods.NAPKIN)
    await purchases.answers_questions(buyer, Asked(NAME, PHONE))
    before = await buyer.sees("Проверьте заказ", "Подтвердить")
    number = await purchases.confirms(buyer)
    await buyer.press_again(before, "Подтвердить")
    await stage.settle()
    assert await stage.street.ask(_orders) == [number]


async def test_many_words_at_once_are_kept_in_the_order_in_which_they_were_said(stage: Stage) -> None:
    await stage.buyer.start()
    await stage.buyer.sees("Здравствуйте")
    words = [f"слово {n}" for n in range(6)]
    for word in words:
        await stage.buyer.say(word)
    assert [message.text for message in await stage.heard()][-6:] == words


async def test_a_long_answer_of_an_operator_arrives_whole(stage: Stage) -> None:
    await stage.buyer.start()
    await stage.buyer.sees("Здравствуйте")
    here = await stage.conversation()
    limit = CAPABILITIES[stage.side.channel].text
    text = " ".join(f"слово{n}" for n in range(limit // 3))[: 2 * limit + 500].rsplit(" ", 1)[0]
    before = len(stage.buyer.screen())
    await stage.street.do(_say, here.id, Outgoing(text=text))
    await stage.buyer.sees(text.rsplit(" ", 1)[1])
    await stage.settle()
    parts = [message.text for message in stage.buyer.screen()[before:]]
    assert " ".join(part.strip() for part in parts) == text
    assert len(parts) == 3


@where(lambda card: card.typing)
async def test_while_an_answer_takes_long_he_sees_that_it_is_on_its_way_and_not_after_it(
    stage: Stage, tmp_path: Path
) -> None:
    await stage.buyer.start()
    await stage.buyer.sees("Здравствуйте")
    here = await stage.conversation()
    phone = cast(PhoneHand, stage.buyer).phone
    phone._cloud.files_take = 2.5
    before = len(phone.chat.feed.happenings)
    drawn = tmp_path / "mug.png"
    Image.effect_noise((1300, 1300), 80).convert("RGB").save(drawn)
    picture = await stage.street.do(_keep, FileStore(tmp_path / "files"), drawn.read_bytes())
    await stage.street.do(_say, here.id, Outgoing(text="Вот она", media=(Media(MediaKind.PHOTO, file_id=picture),)))
    await stage.buyer.sees("Вот она")
    await stage.settle()
    await asyncio.sleep(1)
    seen = [each.kind for each in [*phone.chat.feed.happenings][before:] if each.kind in ("typing", "message")]
    assert seen.count("typing") == 1
    assert seen[0] == "typing"
    await stage.street.do(_say, here.id, Outgoing(text="Ещё вопросы?"))
    await stage.buyer.sees("Ещё вопросы?")
    assert [each.kind for each in phone.chat.feed.happenings].count("typing") == 1, "words alone take no time"


@where(lambda card: card.doubt is not Doubt.STAYS)
async def test_what_went_out_without_an_answer_stands_there_once_and_is_known_to(stage: Stage) -> None:
    """Where the channel lets us find that out by ourselves; elsewhere a person decides, as tests/faults shows."""
    side = stage.side
    assert side.channel in WIRED
    await stage.buyer.start()
    await stage.buyer.sees("Здравствуйте")
    here = await stage.conversation()
    await cast(WiredSide, side).meets(Trouble.SILENT)
    await stage.street.do(_say, here.id, Outgoing(text="Курьер выехал"))
    await stage.buyer.sees("Курьер выехал")
    async with asyncio.timeout(20):
        while (await stage.street.ask(_deliveries, side.channel))[-1] not in ARRIVED:
            await asyncio.sleep(0.1)
    assert [message.text for message in stage.buyer.screen()].count("Курьер выехал") == 1
    await stage.street.do(_say, here.id, Outgoing(text="Курьер выехал"))
    async with asyncio.timeout(20):
        while [message.text for message in stage.buyer.screen()].count("Курьер выехал") < 2:
            await asyncio.sleep(0.1)
    sent = await stage.street.ask(_sent, side.channel)
    assert len({message.external_id for message in sent}) == len(sent)


async def test_an_answer_can_quote_what_it_answers(stage: Stage) -> None:
    await stage.buyer.start()
    await stage.buyer.sees("Здравствуйте")
    async with desk(stage.street, MARINA_EMAIL) as marina:
        await stage.buyer.say("Есть ли синяя кружка?")
        here = await marina.hears("Есть ли синяя кружка?")
        await marina.answers_to(here, "Есть ли синяя кружка?", "Будет в пятницу.")
        await stage.buyer.sees("Будет в пятницу.")
    await stage.settle()
    assert set(await stage.street.ask(_deliveries, stage.side.channel)) <= ARRIVED


def _one_file(kind: MediaKind) -> Callable[[Incoming], bool]:
    return lambda said: [media.kind for media in said.media] == [kind] and said.media[0].file_id is not None


KEPT: Mapping[Heard, Callable[[Incoming], bool]] = {
    Heard.TEXT: lambda said: said.text == WORDS,
    Heard.PHOTO: _one_file(MediaKind.PHOTO),
    Heard.DOCUMENT: _one_file(MediaKind.DOCUMENT),
    Heard.VIDEO: _one_file(MediaKind.VIDEO),
    Heard.VOICE: _one_file(MediaKind.VOICE),
    Heard.AUDIO: _one_file(MediaKind.AUDIO),
    Heard.STICKER: _one_file(MediaKind.STICKER),
    Heard.CONTACT: lambda said: said.contact is not None and said.contact.phone.lstrip("+") == PHONE.lstrip("+"),
    Heard.LOCATION: lambda said: said.location is not None and round(said.location.latitude, 2) == 55.80,
    Heard.ALBUM: lambda said: [media.kind for media in said.media] == [MediaKind.PHOTO] * 2,
    Heard.REPLY: lambda said: bool(said.reply_to) and said.text == WORDS,
    Heard.FORWARD: lambda said: WORDS in said.text,
    Heard.START: lambda said: said.start == "spring",
}
"""How each kind stands in the inbox. Edits, presses, signs, removals and leaving are no messages of their own."""

ASKED_APART = {Heard.EDIT, Heard.PRESS, Heard.SIGN, Heard.REMOVAL, Heard.LEAVE}


async def test_each_kind_that_the_card_promises_is_kept_as_what_it_is(stage: Stage) -> None:
    await stage.buyer.start()
    await stage.buyer.sees("Здравствуйте")
    for kind, kept in KEPT.items():
        if kind in CAPABILITIES[stage.side.channel].hears:
            await stage.buyer.does(kind)
            said = (await stage.heard())[-1]
            incoming = load_incoming(said.content)
            assert kept(incoming), f"{kind}: {said.content}"
            assert not incoming.unsupported
            if kind is Heard.REPLY:
                assert said.reply_to_id is not None


def test_every_kind_is_asked_of() -> None:
    assert KEPT.keys() | ASKED_APART == set(Heard)


@where(lambda card: Heard.EDIT in card.hears)
async def test_a_buyer_who_corrects_himself_has_one_message_and_its_past(stage: Stage) -> None:
    await stage.buyer.start()
    await stage.buyer.sees("Здравствуйте")
    await stage.buyer.does(Heard.TEXT)
    before = await stage.heard()
    await stage.buyer.does(Heard.EDIT)
    after = await stage.heard()
    assert [message.id for message in after] == [message.id for message in before]
    assert after[-1].text == f"{WORDS}, точнее"
    assert [past["text"] for past in after[-1].history] == [WORDS]


@where(lambda card: Heard.SIGN in card.hears)
async def test_a_sign_stands_on_the_message_that_it_was_put_on_until_it_is_taken_off(stage: Stage) -> None:
    await stage.buyer.start()
    await stage.buyer.sees("Здравствуйте")
    before, screen = await stage.heard(), len(stage.buyer.screen())
    await stage.buyer.does(Heard.SIGN)
    here = await stage.conversation()
    *_, greeting = await stage.street.ask(_sent, stage.side.channel)
    assert (greeting.signs, here.last_text, here.waiting_since) == (["👍"], "👍", None)
    assert [message.id for message in await stage.heard()] == [message.id for message in before], "it is no message"
    assert len(stage.buyer.screen()) == screen, "nothing answers it"
    async with desk(stage.street, MARINA_EMAIL) as marina:
        assert "Реакция покупателя: 👍" in await marina.page(f"/inbox/{here.id}/feed?first=1")
        cast(PhoneHand, stage.buyer).takes_off_sign()
        await stage.settle()
        assert (await stage.street.ask(_sent, stage.side.channel))[-1].signs == []
        assert "Реакция покупателя" not in await marina.page(f"/inbox/{here.id}/feed?first=1")


@where(lambda card: card.marks_read)
async def test_who_reads_a_conversation_shows_the_buyer_that_he_was_read(stage: Stage) -> None:
    await stage.buyer.start()
    await stage.buyer.sees("Здравствуйте")
    await stage.buyer.say("Вы здесь?")
    here = await stage.conversation()
    side = cast(WiredSide, stage.side)
    assert side.read_up_to() == ""
    async with desk(stage.street, MARINA_EMAIL) as marina:
        await marina.page(f"/inbox/{here.id}")
        await stage.settle()
    assert side.read_up_to() == "Вы здесь?"


@where(lambda card: card.portraits)
async def test_who_opens_a_conversation_sees_whom_he_talks_with(stage: Stage) -> None:
    await stage.buyer.start()
    await stage.buyer.sees("Здравствуйте")
    shows_himself(cast(PhoneHand, stage.buyer).phone)
    here = await stage.conversation()
    async with desk(stage.street, MARINA_EMAIL) as marina:
        await marina.page(f"/inbox/{here.id}")
        await stage.settle()
        page = await marina.page(f"/inbox/{here.id}")
        [address, *_] = re.findall(r'class="portrait" src="([^"]+)"', page)
        assert address.startswith(f"/customers/{here.customer_id}/portrait")
        shown = await marina.fetch(address)
        with Image.open(io.BytesIO(shown)) as found:
            assert found.size == (32, 24)
        assert address in await marina.page(f"/customers/{here.customer_id}")
        assert address in await marina.page("/inbox/list")


@where(lambda card: Heard.REMOVAL in card.hears)
async def test_what_a_buyer_takes_away_stays_with_the_shop_and_is_marked(stage: Stage) -> None:
    await stage.buyer.start()
    await stage.buyer.sees("Здравствуйте")
    await stage.buyer.does(Heard.TEXT)
    assert (await stage.heard())[-1].removed_at is None
    await stage.buyer.does(Heard.REMOVAL)
    said = (await stage.heard())[-1]
    assert said.text == WORDS
    assert said.removed_at is not None
    async with desk(stage.street, MARINA_EMAIL) as marina:
        shown = await marina.page(f"/inbox/{said.conversation_id}/feed?first=1")
    assert WORDS in shown
    assert "удалено покупателем" in shown


@where(lambda card: Heard.LEAVE in card.hears)
async def test_who_leaves_is_written_to_no_more_until_he_is_back(stage: Stage) -> None:
    await stage.buyer.start()
    await stage.buyer.sees("Здравствуйте")
    await stage.buyer.does(Heard.LEAVE)
    here = await stage.conversation()
    assert here.blocked
    before = len(stage.buyer.screen())
    await stage.street.do(_say, here.id, Outgoing(text="Вы ещё здесь?"))
    await stage.settle()
    assert len(stage.buyer.screen()) == before
    assert (await stage.street.ask(_deliveries, stage.side.channel))[-1] == Delivery.FAILED
    await stage.buyer.start()
    await stage.buyer.sees("Здравствуйте")
    assert not (await stage.conversation()).blocked


VOUCHING = where(lambda card: card.vouches and card is not CAPABILITIES["telegram"])
"""Telegram is where the number is proven first."""


@VOUCHING
async def test_a_number_that_two_messengers_vouch_for_makes_one_customer(stage: Stage) -> None:
    await _shows_her_number_in_telegram(stage)
    await stage.buyer.start()
    await stage.buyer.sees("Здравствуйте")
    await stage.buyer.does(Heard.CONTACT)
    await stage.buyer.sees("Узнали вас по номеру", "Это не я, разделить")
    await stage.settle()
    assert len({await stage.street.ask(_whose, channel) for channel in ("telegram", stage.side.channel)}) == 1
    await stage.buyer.press("Это не я, разделить")
    await stage.buyer.sees("Разделили")
    await stage.settle()
    assert len({await stage.street.ask(_whose, channel) for channel in ("telegram", stage.side.channel)}) == 2


@where(lambda card: not card.vouches)
async def test_a_number_that_is_typed_makes_nobody_one_with_its_owner(stage: Stage) -> None:
    await _shows_her_number_in_telegram(stage)
    await stage.buyer.start()
    await stage.buyer.sees("Здравствуйте")
    await purchases.takes_one(stage.buyer, "Салфетка льняная", goods.NAPKIN)
    await stage.buyer.press("Оформить")
    await stage.buyer.sees("На чьё имя")
    await stage.buyer.say(NAME)
    await stage.buyer.sees("Номер телефона")
    await stage.buyer.share_phone(PHONE)
    await stage.buyer.sees("Как передать заказ")
    await stage.settle()
    owner, typed = [await stage.street.ask(_whose, channel) for channel in ("telegram", stage.side.channel)]
    assert owner != typed
    assert await stage.street.ask(_may_be, typed) == [owner]


async def _shows_her_number_in_telegram(stage: Stage) -> None:
    stage.street.telegram.add_person(VERA)
    phone = stage.street.telegram.phone(VERA.id)
    phone.start()
    await phone.wait_for(lambda phone: phone.keys, timeout=PATIENCE)
    phone.share_contact()
    told = lambda phone: any("номер подтверждён" in each.text for each in phone.from_bot)  # noqa: E731
    await phone.wait_for(told, timeout=PATIENCE)
    await stage.settle()


def _whose(session: Session, channel: str) -> int | None:
    return _conversation(session, channel).customer_id


def _may_be(session: Session, customer_id: int | None) -> list[int]:
    return [other.id for other, _why in duplicates.of_customer(session, session.get_one(Customer, customer_id))]


def _conversation(session: Session, channel: str) -> Conversation:
    mine = sa.select(Conversation).where(Conversation.account_id == account(session, channel).id)
    return session.scalars(mine.order_by(Conversation.id.desc())).first() or pytest.fail("nobody has written")


def _all(session: Session, channel: str) -> list[Message]:
    here = _conversation(session, channel)
    return list(session.scalars(sa.select(Message).where(Message.conversation_id == here.id).order_by(Message.id)))


def _said(session: Session, channel: str) -> list[Message]:
    return [message for message in _all(session, channel) if message.author == Author.BUYER]


def _sent(session: Session, channel: str) -> list[Message]:
    return [message for message in _all(session, channel) if message.author != Author.BUYER and not message.private]


def _deliveries(session: Session, channel: str) -> list[Delivery]:
    return [message.delivery for message in _sent(session, channel)]


def _orders(session: Session) -> list[int]:
    return list(session.scalars(sa.select(Order.number)))


def _keep(session: Session, files: FileStore, content: bytes) -> int:
    return record(session, files.keep(content)).id


def _say(session: Session, conversation_id: int, outgoing: Outgoing) -> None:
    messages.say(session, session.get_one(Conversation, conversation_id), outgoing, author=Author.STAFF)
