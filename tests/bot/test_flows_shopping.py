"""A buyer looks around, fills his cart and orders."""

from __future__ import annotations

from zoneinfo import ZoneInfo

import pytest

from catalog import editing, goods, stock
from customers import consents
from orders import cart as carts
from tests.bot.chats import Chat, Counter, plain
from tests.worlds import World


@pytest.fixture
def counter(world: World) -> Counter:
    return Counter(world)


@pytest.fixture
def anna(counter: Counter) -> Chat:
    return counter.chat()


def to_checkout(chat: Chat) -> None:
    chat.says("Каталог")
    chat.presses("Кружки")
    chat.presses("Кружка «Туман»")
    chat.presses("В корзину")
    chat.presses("Корзина ·")
    chat.presses("Оформить")


def to_summary(chat: Chat, *, delivery: str = "Курьер", payment: str = "Онлайн") -> None:
    to_checkout(chat)
    chat.presses("Анна Смирнова")
    chat.shares_contact("79161234567")
    chat.presses(delivery)
    if delivery == "Курьер":
        chat.says("Томск, проспект Ленина, 1")
    chat.presses("Без пожеланий")
    chat.presses(payment)


def test_start_greets_by_name_and_offers_the_menu(anna: Chat) -> None:
    anna.starts()
    assert anna.text.startswith("Здравствуйте, Анна! Это «Глина и лён».")
    assert anna.keyboard == ["Каталог", "Корзина", "Мои заказы", "Вопрос оператору"]


def test_a_buyer_who_reads_english_is_answered_in_english(counter: Counter) -> None:
    john = counter.chat("john", "John Reed", locale="en")
    john.starts()
    assert john.text.startswith("Hello, John!")
    john.says("Catalogue")
    john.presses("Mugs")
    assert john.labels() == ["Mist mug · ₽1,450", "‹ All categories"]


def test_the_owners_words_replace_ours(counter: Counter, anna: Chat) -> None:
    counter.rules(texts={"ru": {"buyer.greeting": "Привет, {name}! <b>{shop}</b> слушает. {unknown}"}})
    anna.starts()
    assert anna.text == "Привет, Анна! Глина и лён слушает. {unknown}"


def test_a_deep_link_opens_its_product(counter: Counter, anna: Chat) -> None:
    anna.starts(f"p_{counter.mug.product_id}")
    assert anna.text.startswith("Кружка «Туман»")


@pytest.mark.parametrize("parameter", ["p_", "p_999999", "p_12345678901234567890", "p_²", "utm_spring", "staff_"])
def test_a_deep_link_to_nothing_is_still_answered(anna: Chat, parameter: str) -> None:
    anna.starts(parameter)
    assert anna.messages


def test_the_catalogue_is_browsed_in_one_message(anna: Chat) -> None:
    anna.says("/catalog")
    anna.presses("Кружки")
    assert anna.text == "Кружки\n1 товар"
    assert anna.labels() == ["Кружка «Туман» · 1 450 ₽", "‹ Все категории"]
    anna.presses("‹ Все")
    assert anna.labels() == ["Кружки", "Корзина"]
    assert len(anna.messages) == 1


def test_long_categories_have_pages_that_go_round(counter: Counter, anna: Chat) -> None:
    for n in range(13):
        counter.sells(f"Пиала {n}", f"BOWL-{n}", 50000)
    anna.says("каталог")
    anna.presses("Кружки")
    assert anna.text == "Кружки\n14 товаров · страница 1 из 3"
    anna.presses("‹")
    assert anna.text.endswith("страница 3 из 3")
    anna.presses("›")
    assert anna.text.endswith("страница 1 из 3")


def test_a_card_tells_price_sku_and_what_is_left(counter: Counter, anna: Chat) -> None:
    rare = counter.sells("Чайник «Гора»", "POT", 590000, on_hand=2)
    anna.starts(f"p_{rare.product_id}")
    assert "Артикул POT\n5 900 ₽ · осталось 2" in anna.text
    card = anna.shown().card
    assert card is not None
    assert (card.kind, card.id, plain(card.price)) == ("product", rare.product_id, "5 900 ₽")


def test_what_is_sold_out_says_so_and_cannot_be_taken(counter: Counter, anna: Chat) -> None:
    gone = counter.sells("Ваза", "VASE", 320000, on_hand=0)
    anna.starts(f"p_{gone.product_id}")
    assert "нет в наличии" in anna.text
    anna.presses("Нет в наличии")
    assert anna.toasts[-1].startswith("Сейчас нет в наличии")


def test_variants_are_chosen_in_place(counter: Counter, anna: Chat) -> None:
    product = counter.product("Тарелка «Лён»")
    counter.variant(product, "PL-W", 90000, attributes=[("Цвет", "белая")])
    counter.variant(product, "PL-G", 95000, attributes=[("Цвет", "серая")])
    counter.variant(product, "PL-B", 95000, attributes=[("Цвет", "синяя")], on_hand=0)
    anna.starts(f"p_{product.id}")
    assert anna.labels()[:3] == ["✓ белая", "серая", "синяя — нет"]
    before = len(anna.messages)
    anna.presses("серая")
    assert anna.labels()[:2] == ["белая", "✓ серая"]
    assert "950 ₽" in anna.text
    assert len(anna.messages) == before


def test_many_variants_are_chosen_attribute_by_attribute(counter: Counter, anna: Chat) -> None:
    product = counter.product("Скатерть")
    for colour in ("белая", "серая", "синяя"):
        for size in ("S", "M", "L"):
            counter.variant(product, f"T-{colour}-{size}", 100000, attributes=[("Цвет", colour), ("Размер", size)])
    anna.starts(f"p_{product.id}")
    assert anna.labels()[:6] == ["✓ белая", "серая", "синяя", "✓ S", "M", "L"]
    anna.presses("L")
    anna.presses("синяя")
    assert "Выбрано: синяя, L" in anna.text


def test_quick_taps_on_plus_all_count(counter: Counter, anna: Chat) -> None:
    anna.starts(f"p_{counter.mug.product_id}")
    anna.presses("В корзину")
    card = anna.last
    version = card.version
    for _ in range(3):
        anna.presses("+", of=card, version=version)
    assert "4 в корзине" in anna.labels()


def test_a_double_tap_on_add_does_not_take_back_what_the_first_one_added(counter: Counter, anna: Chat) -> None:
    anna.starts(f"p_{counter.mug.product_id}")
    card, index, version = anna.last, anna.labels().index("В корзину"), anna.last.version
    anna.presses_at(card, index, version)
    anna.presses_at(card, index, version)
    assert "1 в корзине" in anna.labels()


def test_a_double_tap_on_the_last_minus_does_not_add_again(counter: Counter, anna: Chat) -> None:
    anna.starts(f"p_{counter.mug.product_id}")
    anna.presses("В корзину")
    card, index, version = anna.last, anna.labels().index("−"), anna.last.version
    anna.presses_at(card, index, version)
    anna.presses_at(card, index, version)
    assert "В корзину" in anna.labels()


def test_a_double_tap_in_a_list_opens_the_product_and_puts_nothing_into_the_cart(counter: Counter, anna: Chat) -> None:
    """The card takes the list's place, and has «В корзину» where the product's name was."""
    anna.says("Каталог")
    anna.presses("Кружки")
    shelf, version = anna.last, anna.last.version
    anna.presses_at(shelf, 0, version)
    assert anna.labels().index("В корзину") == 0
    anna.presses_at(shelf, 0, version)
    assert "В корзину" in anna.labels()


def test_more_than_there_is_cannot_be_taken(counter: Counter, anna: Chat) -> None:
    rare = counter.sells("Чайник «Гора»", "POT", 590000, on_hand=1)
    anna.starts(f"p_{rare.product_id}")
    anna.presses("В корзину")
    anna.presses("+")
    assert "1 в корзине" in anna.labels()
    assert "Чайник «Гора»" in anna.toasts[-1]


def test_the_cart_counts_and_changes_in_place(counter: Counter, anna: Chat) -> None:
    bowl = counter.sells("Пиала", "BOWL", 50000)
    for product_id in (counter.mug.product_id, bowl.product_id):
        anna.starts(f"p_{product_id}")
        anna.presses("В корзину")
    anna.says("корзина")
    assert "1. Кружка «Туман»\n    1 × 1 450 ₽ = 1 450 ₽" in anna.text
    assert anna.text.endswith("Товары: 1 950 ₽")
    cart = anna.last
    anna.presses("+", of=cart)
    assert plain(cart.text).endswith("Товары: 3 400 ₽")
    anna.presses("✕", of=cart)
    assert plain(cart.text).endswith("Товары: 500 ₽")
    anna.presses("Очистить", of=cart)
    assert cart.text.startswith("Корзина пуста")


def test_a_long_cart_has_pages_and_a_long_order_is_shortened(counter: Counter, anna: Chat) -> None:
    for n in range(25):
        variant = counter.sells(f"Пиала {n}", f"BOWL-{n}", 10000)
        carts.put(counter.session, counter.shop.id, anna.customer.id, variant.id)
    anna.says("корзина")
    assert anna.text.count(" × 100 ₽") == 8
    assert "…и ещё 17 позиций" in anna.text
    anna.presses("‹")
    assert "25. Пиала 24" in anna.text
    assert "4 / 4" in anna.labels()
    anna.presses("Оформить")
    anna.presses("Анна")
    anna.shares_contact("79161234567")
    anna.presses("Самовывоз")
    anna.presses("Без")
    anna.presses("При получении")
    assert "…и ещё 5 позиций" in anna.text
    assert "Итого: 2 500 ₽" in anna.text


def test_the_link_says_how_long_the_goods_are_kept(counter: Counter, anna: Chat) -> None:
    to_summary(anna)
    anna.presses("Подтвердить")
    until = counter.orders()[0].reserved_until
    assert until is not None
    moscow = until.astimezone(ZoneInfo("Europe/Moscow"))
    assert anna.text.endswith(f"{moscow:%H:%M}.")


def test_the_whole_story_ends_with_an_order_and_a_link(counter: Counter, anna: Chat) -> None:
    to_summary(anna)
    assert "Курьер: 390 ₽\nИтого: 1 840 ₽" in anna.text
    assert "Анна Смирнова, +79161234567\nТомск, проспект Ленина, 1\nОплата онлайн" in anna.text
    anna.presses("Подтвердить · 1 840 ₽")
    (order,) = counter.orders()
    assert (order.number, order.stage.code, order.total.amount) == (1001, "awaiting_payment", 184000)
    assert (order.recipient, order.phone, order.address) == (
        "Анна Смирнова",
        "+79161234567",
        "Томск, проспект Ленина, 1",
    )
    assert (order.conversation_id, order.account_id) == (anna.conversation.id, counter.account.id)
    card, link = anna.messages[-2:]
    assert plain(card.text).startswith("Заказ № 1001\nЖдёт оплаты")
    (button,) = anna.shown(link).buttons()
    assert button.url.startswith("https://counter.example/p/")
    assert link.repeatable
    assert counter.left(counter.mug) == 9
    assert anna.conversation.flow == ""
    assert anna.customer.address == "Томск, проспект Ленина, 1"


def test_a_second_press_of_confirm_makes_no_second_order(counter: Counter, anna: Chat) -> None:
    to_summary(anna)
    summary, version = anna.last, anna.last.version
    for _ in range(3):
        anna.presses_at(summary, 0, version)
    assert len(counter.orders()) == 1


def test_an_old_confirm_in_another_message_shows_the_order_it_made(counter: Counter, anna: Chat) -> None:
    to_summary(anna)
    summary = anna.last
    content, version = summary.content, summary.version
    anna.presses("Подтвердить")
    summary.content, summary.version = content, version
    anna.presses("Подтвердить", of=summary)
    assert len(counter.orders()) == 1
    assert plain(summary.text).startswith("Заказ № 1001")


def test_pickup_asks_for_no_address_and_payment_on_receipt_sends_no_link(counter: Counter, anna: Chat) -> None:
    to_summary(anna, delivery="Самовывоз", payment="При получении")
    anna.presses("Подтвердить")
    (order,) = counter.orders()
    assert (order.stage.code, order.address, order.delivery_price) == ("new", "", 0)
    assert anna.text.startswith("Заказ № 1001\nНовый")


def test_the_second_order_is_answered_by_buttons_alone(counter: Counter, anna: Chat) -> None:
    to_summary(anna)
    anna.presses("Подтвердить")
    to_checkout(anna)
    before = len(anna.messages)
    for label in ("Анна Смирнова", "+79161234567", "Курьер", "Томск", "Без пожеланий", "Онлайн"):
        anna.presses(label)
    assert len(anna.messages) == before
    anna.presses("Подтвердить")
    assert [order.number for order in counter.orders()] == [1001, 1002]


def test_questions_that_have_one_answer_are_not_asked(counter: Counter, anna: Chat) -> None:
    counter.rules(delivery=({"code": "pickup", "name": "Самовывоз", "needs_address": False},), pay_on_receipt=False)
    to_checkout(anna)
    anna.presses("Анна")
    anna.shares_contact("+79161234567")
    anna.presses("Без пожеланий")
    assert anna.labels()[0] == "Подтвердить · 1 450 ₽"


def test_a_contact_keyboard_gives_way_to_the_menu(anna: Chat) -> None:
    to_checkout(anna)
    anna.presses("Анна")
    assert anna.keyboard == ["Отправить мой номер", "‹ Назад", "Отменить оформление"]
    anna.shares_contact("79161234567")
    assert anna.keyboard[0] == "Каталог"
    assert "Записали: +79161234567" in [message.text for message in anna.messages]


def test_a_bad_phone_is_told_and_asked_again(anna: Chat) -> None:
    to_checkout(anna)
    anna.presses("Анна")
    anna.says("12345")
    assert "12345" in anna.text
    anna.says("8 916 123-45-67")
    assert anna.customer.phone == "+79161234567"
    assert "Как передать заказ?" in anna.text


def test_the_way_back_leads_through_every_question_to_the_cart(anna: Chat) -> None:
    to_summary(anna)
    asked = []
    for _ in range(6):
        anna.presses("‹ Назад")
        asked.append(anna.text.split("?")[0].split("\n")[0])
    assert asked == [
        "Как удобнее заплатить",
        "Пожелания к заказу",
        "Куда доставить",
        "Как передать заказ",
        "Номер телефона для связи",
        "На чьё имя оформить заказ",
    ]
    anna.presses("‹ Назад")
    assert anna.text.startswith("Корзина")
    assert anna.conversation.flow == ""


def test_back_and_leave_may_be_typed_from_the_contact_keyboard(anna: Chat) -> None:
    to_checkout(anna)
    anna.presses("Анна")
    anna.says("‹ Назад")
    assert anna.text.startswith("На чьё имя")
    anna.presses("Анна")
    anna.says("Отменить оформление")
    assert anna.keyboard[0] == "Каталог"
    assert anna.text.startswith("Корзина")


def test_one_answer_can_be_changed_from_the_summary(counter: Counter, anna: Chat) -> None:
    to_summary(anna)
    anna.presses("Имя")
    anna.says("Борис Смирнов")
    assert anna.labels()[0].startswith("Подтвердить")
    anna.presses("Подтвердить")
    assert counter.orders()[0].recipient == "Борис Смирнов"
    assert anna.customer.name == "Анна Смирнова"


def test_a_location_is_an_address(counter: Counter, anna: Chat) -> None:
    to_checkout(anna)
    anna.presses("Анна")
    anna.shares_contact("79161234567")
    anna.presses("Курьер")
    anna.shares_location(56.4846, 84.9482)
    anna.presses("Без")
    anna.presses("Онлайн")
    anna.presses("Подтвердить")
    assert counter.orders()[0].address == "56.484600, 84.948200"


def test_a_price_that_changed_at_the_last_moment_is_told_before_it_is_charged(counter: Counter, anna: Chat) -> None:
    to_summary(anna)
    editing.edit_variant(counter.session, goods.variant(counter.session, counter.shop.id, counter.mug.id), price=150000)
    anna.presses("Подтвердить · 1 840 ₽")
    assert not counter.orders()
    assert "Кружка «Туман»: была 1 450 ₽, стала 1 500 ₽" in anna.text
    anna.presses("Подтвердить · 1 890 ₽")
    assert counter.orders()[0].total.amount == 189000


def test_what_came_into_the_cart_at_the_last_moment_is_shown_before_it_is_ordered(counter: Counter, anna: Chat) -> None:
    """From another chat of hers, or with another card of hers that was put into this one."""
    to_summary(anna)
    pot = counter.sells("Чайник «Гора»", "POT", 590000)
    carts.put(counter.session, counter.shop.id, anna.customer.id, pot.id)
    anna.presses("Подтвердить · 1 840 ₽")
    assert not counter.orders()
    assert anna.text.startswith("Пока вы оформляли, корзина изменилась")
    assert "Чайник «Гора»" in anna.text
    anna.presses("Подтвердить · 7 350 ₽")
    assert counter.orders()[0].total.amount == 735000


def test_goods_that_went_at_the_last_moment_make_no_order(counter: Counter, anna: Chat) -> None:
    last = counter.sells("Чайник «Гора»", "POT", 590000, on_hand=1)
    boris = counter.chat("boris", "Борис")
    for chat in (anna, boris):
        chat.starts(f"p_{last.product_id}")
        chat.presses("В корзину")
        chat.says("корзина")
        chat.presses("Оформить")
        chat.says("Имя Фамилия")
        chat.shares_contact("79161234567")
        chat.presses("Самовывоз")
        chat.presses("Без")
        chat.presses("При получении")
    anna.presses("Подтвердить")
    boris.presses("Подтвердить")
    assert len(counter.orders()) == 1
    assert any("Чайник «Гора»" in toast for toast in boris.toasts)
    assert "закончилось" in boris.text


def test_a_cart_that_is_short_does_not_go_to_checkout(counter: Counter, anna: Chat) -> None:
    anna.starts(f"p_{counter.mug.product_id}")
    anna.presses("В корзину")
    anna.presses("+")
    stock.correct(counter.session, counter.mug, counter.warehouse, 1, actor="system")
    anna.says("корзина")
    assert "осталось только 1" in anna.text
    anna.presses("Оформить")
    assert anna.conversation.flow == ""


def test_every_press_is_answered_once(anna: Chat) -> None:
    to_summary(anna)
    anna.presses("Подтвердить")
    assert len(anna.toasts) == anna.pressed


def test_ordering_under_the_words_of_consent_is_kept_with_the_very_words(counter: Counter, anna: Chat) -> None:
    words = "Оформляя заказ, вы соглашаетесь с <политикой> магазина."
    counter.rules(consent={"ru": words})
    to_summary(anna)
    assert anna.text.endswith(words)
    assert consents.history(counter.session, anna.customer.id) == []
    counter.rules(consent={"ru": "Другие слова, которых она не видела."})
    anna.presses("Подтвердить")
    (row,) = consents.history(counter.session, anna.customer.id)
    assert (row.what, row.given, row.via, row.words) == ("personal_data", True, "channel", words)
    assert (row.account_id, row.actor) == (counter.account.id, f"customer:{anna.customer.id}")


def test_without_words_of_consent_nothing_is_asked_and_nothing_kept(counter: Counter, anna: Chat) -> None:
    to_summary(anna)
    anna.presses("Подтвердить")
    assert consents.history(counter.session, anna.customer.id) == []
