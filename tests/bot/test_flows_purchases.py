"""The buyer comes back to his orders: pays, buys again, changes his mind."""

from __future__ import annotations

import pytest
import sqlalchemy as sa
from sqlalchemy.orm import object_session

from catalog import stock
from inbox.content import Action, Button, Outgoing, Profile, dump
from kit.money import Money
from orders import checkout, paying, stages
from orders.details import Details
from orders.tables import Order, StageMove
from payments.tables import Payment
from tests.bot.chats import Chat, Counter, plain
from tests.worlds import World


@pytest.fixture
def counter(world: World) -> Counter:
    return Counter(world)


@pytest.fixture
def anna(counter: Counter) -> Chat:
    return counter.chat()


def ordered(counter: Counter, chat: Chat, *, quantity: int = 2, payment: str = "online") -> Order:
    """An order of the chat's person for so many mugs."""
    return checkout.make(
        counter.session,
        counter.shop,
        chat.customer,
        [(counter.mug.id, quantity)],
        Details("Анна Смирнова", "+79161234567", "pickup", payment_method=payment),
        actor=f"customer:{chat.customer.id}",
        account_id=counter.account.id,
        conversation_id=chat.conversation.id,
    )


def last_move(order: Order) -> StageMove:
    session = object_session(order)
    assert session is not None
    return stages.history(session, order)[-1][0]


def pay(counter: Counter, order: Order) -> None:
    paying.mark_paid(counter.session, order, Money(order.total_amount), payment_id=None)


def test_without_orders_the_list_leads_to_the_catalogue(anna: Chat) -> None:
    anna.says("Мои заказы")
    assert (anna.text, anna.labels()) == ("Заказов пока нет.", ["Каталог", "Я покупал в другом мессенджере"])


def test_who_has_bought_elsewhere_is_told_how_he_is_known_again(counter: Counter, anna: Chat) -> None:
    anna.says("Мои заказы")
    anna.presses("Я покупал в другом мессенджере")
    assert anna.keyboard[0] == "Отправить мой номер"
    anna.shares_contact("+79000000041")
    assert anna.text.startswith("Спасибо, номер подтверждён")
    assert "Каталог" in anna.keyboard
    ruslan = Chat(counter, counter.world.account("vk", "clay_vk"), Profile("41", name="Руслан"))
    ruslan.says("Мои заказы")
    ruslan.presses("Я покупал в другом мессенджере")
    assert ruslan.text.startswith("Возьмите код там, где покупали")


def test_orders_are_listed_newest_first_with_their_stage(counter: Counter, anna: Chat) -> None:
    pay(counter, ordered(counter, anna))
    ordered(counter, anna, quantity=1)
    anna.says("/orders")
    assert anna.labels()[:-1] == ["№ 1002 · 1 450 ₽ · Ждёт оплаты", "№ 1001 · 2 900 ₽ · Оплачен"]


def test_an_order_shows_its_goods_sums_and_people(counter: Counter, anna: Chat) -> None:
    ordered(counter, anna)
    anna.says("/orders")
    anna.presses("№ 1001")
    assert anna.text == (
        "Заказ № 1001\nЖдёт оплаты\n\n1. Кружка «Туман»\n    2 × 1 450 ₽ = 2 900 ₽\n\n"
        "Самовывоз: бесплатно\nИтого: 2 900 ₽\n\nАнна Смирнова, +79161234567"
    )
    assert anna.labels() == ["Оплатить 2 900 ₽", "Повторить", "Отменить", "Мои заказы"]


def test_paying_twice_gives_the_same_link(counter: Counter, anna: Chat) -> None:
    ordered(counter, anna)
    anna.says("/orders")
    anna.presses("№ 1001")
    anna.presses("Оплатить")
    anna.presses("Оплатить", of=anna.messages[0])
    links = {button.url for message in anna.messages for button in anna.shown(message).buttons() if button.url}
    assert len(links) == 1
    assert counter.session.scalar(sa.select(sa.func.count(Payment.id))) == 1


def test_whoever_gave_no_phone_is_asked_for_it_before_he_gets_a_link(counter: Counter, anna: Chat) -> None:
    order = ordered(counter, anna)
    order.phone = ""
    anna.says("/orders")
    anna.presses("№ 1001")
    anna.presses("Оплатить 2 900 ₽")
    assert "нужен ваш телефон или e-mail" in anna.text
    anna.says("а зачем он вам?")
    assert counter.session.scalars(sa.select(Payment)).all() == []
    anna.says("8 916 123-45-67")
    assert (order.phone, anna.customer.phone) == ("+79161234567", "+79161234567")
    assert anna.text.startswith("Заказ № 1001: к оплате 2 900 ₽.")
    receipt = counter.session.scalars(sa.select(Payment)).one().receipt
    assert receipt is not None
    assert receipt["phone"] == "+79161234567"


def test_there_is_nothing_to_pay_for_a_paid_order(counter: Counter, anna: Chat) -> None:
    order = ordered(counter, anna)
    anna.says("/orders")
    anna.presses("№ 1001")
    pay(counter, order)
    anna.presses("Оплатить")
    assert anna.toasts[-1] == "За заказ № 1001 платить не нужно."
    assert len(anna.messages) == 1


def test_without_an_account_to_pay_to_a_person_is_asked(counter: Counter, anna: Chat) -> None:
    counter.session.execute(sa.text("UPDATE payment_account SET active = false"))
    ordered(counter, anna)
    anna.says("/orders")
    anna.presses("№ 1001")
    anna.presses("Оплатить")
    assert anna.conversation.waiting_since is not None


def test_an_order_is_put_into_the_cart_again_as_far_as_there_is_stock(counter: Counter, anna: Chat) -> None:
    ordered(counter, anna, quantity=4)
    stock.correct(counter.session, counter.mug, counter.warehouse, 7, actor="system")
    anna.says("/orders")
    anna.presses("№ 1001")
    anna.presses("Повторить")
    assert anna.toasts[-1] == "Не всё удалось повторить: Кружка «Туман»"
    assert "3 × 1 450 ₽ = 4 350 ₽" in anna.text


def test_an_unpaid_order_is_cancelled_with_a_reason_and_its_goods_are_free(counter: Counter, anna: Chat) -> None:
    order = ordered(counter, anna)
    anna.says("/orders")
    anna.presses("№ 1001")
    anna.presses("Отменить")
    assert anna.text == "Отменить заказ № 1001? Скажите, почему."
    anna.presses("Долго ждать")
    assert anna.toasts[-1] == "Заказ № 1001 отменён"
    assert anna.text.startswith("Заказ № 1001\nОтменён")
    assert anna.labels() == ["Повторить", "Мои заказы"]
    last = last_move(order)
    assert (last.actor, last.reason) == (f"customer:{anna.customer.id}", "Долго ждать")
    assert counter.left(counter.mug) == 10


def test_a_reason_that_has_a_name_is_kept_by_its_code(counter: Counter, anna: Chat) -> None:
    order = ordered(counter, anna)
    anna.says("/orders")
    anna.presses("№ 1001")
    anna.presses("Отменить")
    anna.presses("Передумал")
    assert last_move(order).reason == "changed_mind"


def test_a_paid_order_is_not_cancelled_by_its_buyer(counter: Counter, anna: Chat) -> None:
    order = ordered(counter, anna)
    anna.says("/orders")
    anna.presses("№ 1001")
    anna.presses("Отменить")
    pay(counter, order)
    anna.presses("Передумал")
    assert order.stage.code == "paid"
    assert anna.toasts[-1]
    anna.presses("‹ Не отменять")
    assert "Отменить" not in anna.labels()


def test_another_buyers_order_is_as_if_it_did_not_exist(counter: Counter, anna: Chat) -> None:
    order = ordered(counter, anna)
    boris = counter.chat("boris", "Борис")
    boris.starts()
    for action in ("order", "order.pay", "order.repeat", "order.cancel", "order.drop"):
        forged = Outgoing(
            text="x", rows=((Button("Подлог", Action(action, {"order": order.id, "reason": "mistake"})),),)
        )
        boris.last.content = dump(forged)
        boris.presses("Подлог")
    assert order.stage.code == "awaiting_payment"
    assert len(boris.messages) == 1
    assert "1001" not in plain(" ".join(boris.toasts))
