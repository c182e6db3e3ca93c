"""Several products as one thing, where the buyer's messenger shows them so: on a shelf, and when he names something."""

from __future__ import annotations

import pytest

from inbox.channels import CATALOGUE
from inbox.content import Offers
from tests.bot.chats import Chat, Counter
from tests.worlds import World


@pytest.fixture
def counter(world: World) -> Counter:
    return Counter(world)


@pytest.fixture
def anna(counter: Counter) -> Chat:
    counter.account = counter.world.account("vk", "700091")
    return counter.chat()


@pytest.fixture
def vera(counter: Counter) -> Chat:
    """In a messenger with a catalogue of its own."""
    counter.account = counter.world.account("whatsapp", "700092")
    counter.account.settings = {**counter.account.settings, CATALOGUE: "305001"}
    chat = counter.chat("vera", "Вера Лунина")
    chat.conversation.heard_at = chat.conversation.last_at
    return chat


def goods(chat: Chat, back: int = 1) -> Offers:
    """Of the message that is so far from the end."""
    found = chat.shown(chat.messages[-back]).offers
    assert found is not None
    return found


def test_a_shelf_is_one_thing_and_the_ways_on_stand_below_it(counter: Counter, anna: Chat) -> None:
    for n in range(10):
        counter.sells(f"Кружка {n}", f"MUG-{n}", 100000 + n * 100)
    anna.says("Каталог")
    before = len(anna.messages)
    anna.presses("Кружки")
    assert len(anna.messages) == before + 2
    shelf = goods(anna, 2)
    assert [(offer.title, offer.note.replace("\xa0", " "), offer.opens) for offer in shelf.each][1] == (
        "Кружка 0",
        "1 000 ₽",
        "Подробнее",
    )
    assert (len(shelf.each), shelf.title) == (10, "Кружки")
    assert anna.shown(anna.messages[-2]).rows == ()
    assert anna.labels() == ["‹", "1 / 2", "›", "‹ Все категории"]
    assert anna.text == "Что ещё посмотрим?"
    anna.presses("›")
    assert [offer.title for offer in goods(anna, 2).each] == ["Кружка 9"]
    assert goods(anna, 4).each[0].title == "Кружка «Туман»", "the first page stays to be looked at"


def test_a_product_is_opened_anew_and_the_shelf_stays(counter: Counter, anna: Chat) -> None:
    counter.sells("Тарелка", "PLT-1", 90000, on_hand=0)
    anna.says("Каталог")
    anna.presses("Кружки")
    shelf = anna.messages[-2]
    assert [offer.note for offer in goods(anna, 2).each] == ["1\xa0450\xa0₽", "нет в наличии"]
    anna.presses("Кружка «Туман»", of=shelf)
    card = anna.last
    assert card.id > shelf.id
    assert "Артикул MUG-MIST" in anna.text
    anna.presses("В корзину")
    assert anna.last is card, "the card itself changes in its place"
    anna.presses("Тарелка", of=shelf)
    assert "Тарелка" in anna.text
    assert (shelf.version, anna.toasts[-1]) == (1, ""), "its buttons are never out of date"
    anna.presses("‹ Назад")
    assert goods(anna, 2).title == "Кружки"


def test_what_was_named_is_one_thing_too(counter: Counter, anna: Chat) -> None:
    counter.sells("Кружка «Заря»", "MUG-DAWN", 120000)
    anna.says("кружки")
    found = next(message for message in anna.messages if anna.shown(message).offers is not None)
    assert found.text == "Нашлось в каталоге:"
    anna.presses("Кружка «Заря»", of=found)
    assert "Артикул MUG-DAWN" in anna.text


def test_out_of_the_messengers_own_catalogue_each_has_its_number_too(counter: Counter, vera: Chat) -> None:
    counter.sells("Кружка «Заря»", "MUG-DAWN", 120000)
    vera.says("Каталог")
    vera.presses("Кружки")
    shelf = vera.messages[-2]
    assert [offer.sku for offer in goods(vera, 2).each] == ["MUG-MIST", "MUG-DAWN"]
    assert "1. Кружка «Туман» · 1\xa0450\xa0₽\n2. Кружка «Заря» · 1\xa0200\xa0₽" in shelf.text
    vera.says("2")
    assert "Артикул MUG-DAWN" in vera.text


def test_without_a_catalogue_the_products_are_buttons(counter: Counter, vera: Chat) -> None:
    counter.account.settings = {}
    vera = counter.chat("vera", "Вера Лунина")
    vera.conversation.heard_at = vera.conversation.last_at
    vera.says("Каталог")
    vera.presses("Кружки")
    assert vera.labels() == ["Кружка «Туман» · 1 450 ₽", "‹ Все категории"]
    assert vera.shown().offers is None
