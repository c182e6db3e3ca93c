"""What the bot makes of words, numbers, attachments and buttons that nobody planned."""

from __future__ import annotations

from dataclasses import replace
from datetime import time, timedelta
from zoneinfo import ZoneInfo

import pytest

from bot.flows.menu import command
from bot.flows.talk import names_it
from bot.flows.voice import Voice
from catalog import editing, goods
from company import settings, shops
from company.settings import Hours, WorkingHours
from inbox import conversations
from inbox.content import Incoming, Media, MediaKind, Press
from inbox.tables import Author, Message
from kit.clock import utc_now
from tests.bot.chats import TEXTS, Chat, Counter
from tests.worlds import World


@pytest.fixture
def counter(world: World) -> Counter:
    return Counter(world)


@pytest.fixture
def anna(counter: Counter) -> Chat:
    return counter.chat()


@pytest.mark.parametrize(
    ("said", "meant"),
    [
        ("/catalog", "catalog"),
        ("/cart@clay_linen_bot", "cart"),
        ("/ORDERS", "orders"),
        ("Каталог", "catalog"),
        ("корзина!", "cart"),
        ("мои заказы", "orders"),
        ("Позовите оператора", "question"),
        ("/nonsense", None),
        ("каталог посуды", None),
        ("", None),
    ],
)
def test_commands_and_words_lead_into_the_menu(said: str, meant: str | None) -> None:
    assert command(Voice(TEXTS, "ru"), said) == meant


@pytest.mark.parametrize(
    ("query", "title", "named"),
    [
        ("кружки туман", "Кружка «Туман»", True),
        ("туман", "Кружка «Туман»", True),
        ("MUG-MIST", "Кружка «Туман» MUG-MIST", True),
        ("спасибо", "Кружка «Туман»", False),
        ("туманный кувшин", "Кружка «Туман»", False),
        ("да", "Дачный чайник", False),
    ],
)
def test_a_text_names_a_product_only_if_every_word_does(query: str, title: str, named: bool) -> None:
    assert names_it(query, title) is named


def test_a_question_reaches_a_person_and_is_acknowledged_once(anna: Chat) -> None:
    anna.says("А вы доставляете в Норильск?")
    assert anna.conversation.waiting_since is not None
    assert anna.text == "Передали оператору. Ответит прямо здесь."
    anna.says("И сколько дней?")
    assert len(anna.messages) == 1


def test_a_question_to_a_closed_shop_is_told_when_it_opens(counter: Counter, anna: Chat) -> None:
    tomorrow = utc_now().astimezone(ZoneInfo("Europe/Moscow")) + timedelta(days=1)
    day = Hours(opens=time(9, 30), closes=time(18))
    week = WorkingHours(week=tuple(day if n == tomorrow.weekday() else None for n in range(7)))
    settings.change(counter.session, counter.shop, hours=week.model_dump())
    anna.says("А вы доставляете в Норильск?")
    assert anna.conversation.waiting_since is not None
    assert f"{tomorrow.day} " in anna.text
    assert "09:30" in anna.text


def test_a_named_product_is_offered_and_the_words_reach_a_person_all_the_same(anna: Chat) -> None:
    anna.says("кружка туман")
    assert anna.labels(anna.messages[0]) == ["Кружка «Туман» · 1 450 ₽"]
    assert anna.conversation.waiting_since is not None
    anna.presses("Кружка «Туман»")
    assert anna.messages[0].text.startswith("Кружка «Туман»")


def test_after_asking_for_an_operator_words_are_no_search(anna: Chat) -> None:
    anna.starts()
    anna.presses_menu("Вопрос оператору")
    assert anna.text.startswith("Напишите вопрос")
    anna.says("кружка туман")
    assert anna.text.startswith("Передали оператору")
    assert not anna.labels()


def test_an_attachment_reaches_a_person(anna: Chat) -> None:
    anna.says("", media=(Media(MediaKind.PHOTO, remote="f1"),))
    assert anna.conversation.waiting_since is not None


def test_a_kind_nobody_knows_is_no_error(anna: Chat) -> None:
    anna.says("", unsupported="story")
    assert anna.text.startswith("Передали оператору")


def test_an_edited_message_is_not_acted_on_again(counter: Counter, anna: Chat) -> None:
    anna.says("каталог", edited=True)
    assert not anna.messages


def test_the_bot_is_silent_while_a_person_leads(counter: Counter, anna: Chat) -> None:
    anna.starts(f"p_{counter.mug.product_id}")
    before = len(anna.messages)
    conversations.take(counter.session, anna.conversation, counter.world.operator)
    anna.says("каталог")
    anna.starts()
    assert len(anna.messages) == before


def test_while_a_person_leads_a_card_still_fills_the_cart_and_nothing_else_is_begun(
    counter: Counter, anna: Chat
) -> None:
    anna.starts(f"p_{counter.mug.product_id}")
    before = len(anna.messages)
    conversations.take(counter.session, anna.conversation, counter.world.operator)
    anna.presses("В корзину")
    anna.presses("Корзина")
    anna.presses("Оформить")
    assert len(anna.messages) <= before + 1
    assert anna.toasts[0] == "В корзине"
    assert anna.toasts[-1] == "Вам отвечает оператор. Напишите ему прямо здесь."
    assert anna.conversation.flow == ""


def test_a_question_in_the_checkout_goes_to_a_person_and_the_checkout_goes_on(anna: Chat) -> None:
    begin_checkout(anna)
    anna.says("А можно оформить на организацию?")
    assert anna.conversation.waiting_since is not None
    assert anna.text.startswith("На чьё имя")
    anna.presses("Анна")
    anna.says("сначала скажите, сколько ждать")
    assert anna.text.startswith("Номер телефона")
    anna.shares_contact("79161234567")
    assert anna.text.startswith("Как передать")


def test_leaving_the_checkout_by_a_word_ends_it(anna: Chat) -> None:
    begin_checkout(anna)
    anna.says("каталог")
    assert anna.conversation.flow == ""
    anna.says("Анна")
    assert anna.customer.phone is None
    assert anna.text.startswith("Передали")


def test_a_button_of_a_checkout_that_is_over_shows_the_cart(anna: Chat) -> None:
    begin_checkout(anna)
    question = anna.last
    anna.says("/start")
    anna.presses("Анна Смирнова", of=question)
    assert anna.toasts[-1] == "Это меню устарело."
    assert question.text.startswith("Корзина")


def test_a_second_tap_on_an_old_version_only_says_so(counter: Counter, anna: Chat) -> None:
    anna.says("каталог")
    menu = anna.last
    anna.presses("Кружки")
    anna.presses_at(menu, 0, 1)
    assert anna.toasts[-1] == "Это меню устарело."
    assert len(anna.messages) == 1


def test_a_press_on_a_long_gone_version_shows_the_menu_as_it_is_now(counter: Counter, anna: Chat) -> None:
    anna.says("каталог")
    menu = anna.last
    anna.presses("Кружки")
    menu.edited_at = utc_now().replace(year=2020)
    anna.presses_at(menu, 7, 1)
    assert len(anna.messages) == 2
    assert anna.last.text == menu.text


def test_forged_buttons_do_nothing(counter: Counter, anna: Chat) -> None:
    anna.says("каталог")
    menu, own_words = anna.last, counter.session.get_one(Message, anna.last.id - 1)
    assert own_words.author == Author.BUYER
    for message, index in ((menu, 99), (own_words, 0)):
        anna.presses_at(message, index, 1)
        assert anna.toasts[-1] == "Это меню устарело."
    anna._handle(Incoming("x", anna.profile, press=Press(0, 0, 0, ack="a")), pressed=None)
    assert anna.toasts[-1] == "Это меню устарело."


def test_a_button_whose_action_is_gone_leads_to_the_menu(counter: Counter, anna: Chat) -> None:
    anna.says("каталог")
    menu = anna.last
    menu.content = {**menu.content, "rows": [[{"label": "Лотерея", "action": {"name": "lottery"}}]]}
    anna.presses("Лотерея")
    assert anna.text.startswith("Здравствуйте")


def test_a_product_that_was_taken_off_the_counter_is_told_kindly(counter: Counter, anna: Chat) -> None:
    anna.says("каталог")
    anna.presses("Кружки")
    product = goods.product(counter.session, counter.shop.id, counter.mug.product_id)
    editing.archive_product(counter.session, product)
    anna.presses("Кружка")
    assert anna.toasts[-1] == TEXTS.problem(goods.NoSuchProduct(), "ru")


def test_another_shops_product_cannot_be_seen(counter: Counter, anna: Chat) -> None:
    foreign = shops.create(counter.session, name="Чужая лавка")
    counter.session.flush()
    counter.mug.product.shop_id = foreign.id
    counter.session.flush()
    anna.starts(f"p_{counter.mug.product_id}")
    assert "Туман" not in "".join(message.text for message in anna.messages)


def test_where_there_are_no_buttons_a_typed_number_is_the_same(counter: Counter, anna: Chat) -> None:
    anna.conversation.offered = [{"name": "catalog", "args": {}}, {"name": "category", "args": {"id": counter.mugs.id}}]
    anna.says("2")
    assert anna.text.startswith("Кружки")
    anna.conversation.offered = [{"name": "catalog", "args": {}}]
    anna.says("3")
    assert anna.text.startswith("Передали оператору")


def test_a_channel_without_edits_gets_new_messages(counter: Counter, anna: Chat) -> None:
    anna.capabilities = replace(anna.capabilities, edit=False)
    anna.says("каталог")
    anna.presses("Кружки")
    assert len(anna.messages) == 2


def test_a_picture_is_not_put_into_a_message_without_one(counter: Counter, anna: Chat) -> None:
    anna.says("каталог")
    menu = anna.last
    menu.content = {**menu.content, "media": [{"kind": "photo", "file_id": 1}]}
    anna.presses("Кружки")
    assert len(anna.messages) == 2


def test_names_of_people_and_goods_cannot_style_a_message(counter: Counter) -> None:
    mallory = counter.chat("mallory", "<b>Мэл</b> &amp; Ко")
    mallory.starts()
    assert mallory.text.startswith("Здравствуйте, <b>Мэл</b>!")
    assert not mallory.shown().spans


def begin_checkout(chat: Chat) -> None:
    chat.starts(f"p_{chat.counter.mug.product_id}")
    chat.presses("В корзину")
    chat.presses("Корзина ·")
    chat.presses("Оформить")
