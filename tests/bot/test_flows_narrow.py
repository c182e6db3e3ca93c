"""A buyer in a messenger that shows few buttons under a message: lists and the cart stand on smaller pages."""

from __future__ import annotations

import pytest

from catalog import editing
from inbox.channels import CAPABILITIES, GOODS, LACKS, card_of
from tests.bot.chats import Chat, Counter
from tests.worlds import World


@pytest.fixture
def counter(world: World) -> Counter:
    return Counter(world)


@pytest.fixture
def anna(counter: Counter) -> Chat:
    counter.account = counter.world.account("vk", "700091")
    return counter.chat()


def shows_no_goods(chat: Chat) -> None:
    """The buyer's own program knows nothing of products that stand as one thing."""
    chat.conversation.context = {LACKS: GOODS}
    chat.capabilities = card_of(chat.account, chat.conversation.context)


def fits(chat: Chat) -> bool:
    """Whether the newest message has no more buttons and rows than VK shows, and none written out as a number."""
    card, rows = CAPABILITIES["vk"], chat.shown().rows
    return (
        sum(map(len, rows)) <= card.buttons
        and len(rows) <= card.rows
        and all(len(row) <= card.per_row for row in rows)
        and "\n1. " not in chat.text.partition("Товары:")[2]
    )


def test_many_categories_are_turned_over_like_pages(counter: Counter, anna: Chat) -> None:
    for n in range(10):
        category = editing.add_category(counter.session, counter.shop, name=f"Полка {n}")
        editing.add_product(counter.session, counter.shop, name=f"Вещь {n}", category=category)
    anna.says("Каталог")
    seen = set(anna.labels())
    assert fits(anna)
    anna.presses("›")
    assert fits(anna)
    assert {"Кружки", *(f"Полка {n}" for n in range(10))} <= seen | set(anna.labels())


def test_a_long_shelf_shows_four_products_at_a_time(counter: Counter, anna: Chat) -> None:
    shows_no_goods(anna)
    for n in range(6):
        counter.sells(f"Кружка {n}", f"MUG-{n}", 100000)
    anna.says("Каталог")
    anna.presses("Кружки")
    first = [label for label in anna.labels() if label.startswith("Кружка")]
    assert (len(first), fits(anna)) == (4, True)
    anna.presses("›")
    second = [label for label in anna.labels() if label.startswith("Кружка")]
    assert (len(second), fits(anna)) == (3, True)
    assert not set(first) & set(second)


def test_a_cart_of_four_lines_stands_on_two_pages(counter: Counter, anna: Chat) -> None:
    for n in range(4):
        counter.sells(f"Кружка {n}", f"MUG-{n}", 100000)
    for n in range(4):
        anna.says(f"Кружка {n}")
        anna.presses(f"Кружка {n}")
        anna.presses("В корзину")
    anna.says("Корзина")
    assert fits(anna)
    assert [label for label in anna.labels() if label.startswith("−")] == ["− 1: 1 шт.", "− 2: 1 шт.", "− 3: 1 шт."]
    anna.presses("›")
    assert fits(anna)
    anna.presses("− 4: 1 шт.")
    assert "Очистить" in anna.labels()
    assert fits(anna)


def test_variants_beyond_the_buttons_are_chosen_by_number(counter: Counter, anna: Chat) -> None:
    product = counter.product("Салфетка")
    for n, colour in enumerate(
        ("белый", "синий", "серый", "чёрный", "красный", "зелёный", "жёлтый", "розовый", "лиловый")
    ):
        counter.variant(product, f"NAP-{n}", 60000, attributes=[("Цвет", colour)])
    anna.says("Каталог")
    anna.presses("Кружки")
    anna.presses("Салфетка")
    assert "\n1. ✓ белый\n2. синий" in anna.text
    assert anna.labels()[-2:] == ["В корзину", "‹ Назад"]
    anna.says("2")
    assert "синий" in anna.text.partition("Выбрано")[2].partition("\n")[0]
