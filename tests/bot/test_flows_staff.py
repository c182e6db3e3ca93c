"""A member of staff in his own chat."""

from __future__ import annotations

import pytest

from company import shops, staff
from company.tables import Membership, Role
from inbox.tables import Kind
from orders.tables import Order
from tests.bot.chats import TEXTS, Chat, Counter
from tests.bot.notice_board import tell_all
from tests.bot.test_flows_purchases import last_move, ordered, pay
from tests.worlds import World


@pytest.fixture
def counter(world: World) -> Counter:
    return Counter(world)


@pytest.fixture
def ilya(counter: Counter) -> Chat:
    return counter.owners_chat()


@pytest.fixture
def order(counter: Counter, ilya: Chat) -> Order:
    """An order of Anna's that is paid, and of which Илья was told."""
    order = ordered(counter, counter.chat())
    pay(counter, order)
    tell_all(counter.session)
    return order


def test_a_code_from_the_console_joins_a_chat_to_its_person(counter: Counter) -> None:
    code = staff.new_link_code(counter.session, counter.world.owner)
    chat = counter.chat("ilya", "Илья")
    chat.starts(f"staff_{code}")
    assert (chat.conversation.kind, chat.conversation.staff_id) == (Kind.STAFF, counter.world.owner.id)
    assert chat.text.startswith("Илья Дорохов, этот чат теперь ваш")
    stranger = counter.chat("mallory", "Мэл")
    stranger.starts(f"staff_{code}")
    assert stranger.conversation.kind == Kind.BUYER
    assert "не действует" in stranger.text


def test_a_code_of_another_shops_person_does_not_work_here(counter: Counter) -> None:
    elsewhere = shops.create(counter.session, name="Чужая лавка")
    person = staff.add(counter.session, elsewhere, email="a@b.example", name="Олег", password=None, role=Role.OWNER)
    chat = counter.chat("oleg", "Олег")
    chat.starts(f"staff_{staff.new_link_code(counter.session, person)}")
    assert chat.conversation.kind == Kind.BUYER


def test_words_in_a_staff_chat_are_no_shopping(ilya: Chat) -> None:
    ilya.says("каталог")
    assert "Отвечать покупателям — в консоли" in ilya.text


def test_accept_moves_the_order_on_in_the_persons_name(counter: Counter, ilya: Chat, order: Order) -> None:
    ilya.presses("Принять")
    assert order.stage.code == "assembling"
    assert last_move(order).actor == f"staff:{counter.world.owner.id}"
    assert ilya.toasts[-1] == "Заказ № 1001 принят"
    assert ilya.text.startswith("Заказ № 1001 · Сборка")


def test_a_press_on_an_old_notice_does_not_move_the_order_twice(ilya: Chat, order: Order) -> None:
    notice = ilya.messages[0]
    content, version = notice.content, notice.version
    ilya.presses("Принять", of=notice)
    notice.content, notice.version = content, version
    ilya.presses("Принять", of=notice)
    assert order.stage.code == "assembling"


def test_cancelling_asks_for_a_reason_by_button(counter: Counter, ilya: Chat) -> None:
    order = ordered(counter, counter.chat())
    tell_all(counter.session)
    ilya.presses("Отменить")
    assert ilya.text.startswith("Почему отменяем заказ № 1001?")
    ilya.presses("‹ Не отменять")
    ilya.presses("Отменить")
    ilya.presses(TEXTS.say("reasons.unreachable", "ru"))
    assert order.stage.code == "cancelled"
    assert last_move(order).reason == "unreachable"


def test_the_reason_may_be_typed(counter: Counter, ilya: Chat) -> None:
    order = ordered(counter, counter.chat())
    tell_all(counter.session)
    ilya.presses("Отменить")
    ilya.says("Покупатель попросил сам")
    assert last_move(order).reason == "Покупатель попросил сам"
    ilya.says("и ещё слова")
    assert "в консоли" in ilya.text


def test_a_reason_that_comes_after_the_money_cancels_nothing(counter: Counter, ilya: Chat) -> None:
    order = ordered(counter, counter.chat())
    tell_all(counter.session)
    ilya.presses("Отменить")
    pay(counter, order)
    ilya.says("Передумали")
    assert order.stage.code == "paid"
    assert "1001" in ilya.messages[-2].text
    assert ilya.text.startswith("Заказ № 1001 · Оплачен")


def test_one_who_left_the_shop_moves_nothing_with_the_buttons_he_still_has(
    counter: Counter, ilya: Chat, order: Order
) -> None:
    counter.session.delete(counter.session.get_one(Membership, (counter.world.owner.id, counter.shop.id)))
    counter.session.flush()
    ilya.presses("Принять")
    assert order.stage.code == "paid"
    assert "нет прав" in ilya.toasts[-1]


def test_an_order_of_another_shop_is_out_of_reach(counter: Counter, ilya: Chat, order: Order) -> None:
    foreign = shops.create(counter.session, name="Чужая лавка")
    order.shop_id = foreign.id
    counter.session.flush()
    ilya.presses("Принять")
    assert order.stage.code == "paid"
