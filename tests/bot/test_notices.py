"""Who is told of what, and once."""

from __future__ import annotations

from typing import Any

import pytest

from bot.notices import NOTICE, TELL
from company.tables import Role
from inbox import conversations
from inbox.content import load_outgoing
from inbox.tables import Author, Kind, Message
from kit.clock import utc_now
from orders import checkout, stages
from orders.details import Details
from orders.reasons import Reason
from orders.tables import Order
from payments import charging
from payments.events import MoneyQuestionRaised, PaymentChanged, RefundChanged
from payments.states import State
from payments.tables import MoneyQuestion, Payment
from storage.events import publish
from tests.bot.chats import PUBLIC_URL, Chat, Counter, plain
from tests.bot.notice_board import tell_all
from tests.bot.test_flows_purchases import ordered, pay
from tests.worlds import World


@pytest.fixture
def counter(world: World) -> Counter:
    return Counter(world)


@pytest.fixture
def anna(counter: Counter) -> Chat:
    return counter.chat()


@pytest.fixture
def ilya(counter: Counter) -> Chat:
    return counter.owners_chat()


def texts(chat: Chat) -> list[str]:
    return [plain(message.text).split("\n")[0] for message in chat.messages]


def happened(order: Order, payment: Payment, amount: int, **facts: Any) -> dict[str, Any]:
    return {
        "shop_id": order.shop_id,
        "subject": f"order:{order.id}",
        "order_id": order.id,
        "number": order.number,
        "customer_id": order.customer_id,
        "conversation_id": order.conversation_id,
        "payment_id": payment.id,
        "amount": amount,
        "currency": order.currency,
        **facts,
    }


def test_the_owner_is_told_of_a_new_order_with_everything_he_needs(counter: Counter, anna: Chat, ilya: Chat) -> None:
    order = ordered(counter, anna)
    tell_all(counter.session)
    assert ilya.text == (
        "Новый заказ № 1001 · 2 900 ₽\n\n1. Кружка «Туман»\n    2 × 1 450 ₽ = 2 900 ₽\n\n"
        "Самовывоз: бесплатно\nИтого: 2 900 ₽\n\nАнна Смирнова, +79161234567"
    )
    assert ilya.labels() == ["Отменить", "Открыть в консоли"]
    assert ilya.shown().buttons()[-1].url == f"{PUBLIC_URL}/orders/{order.id}"
    assert not anna.messages


def test_payment_is_told_to_the_buyer_and_to_the_owner(counter: Counter, anna: Chat, ilya: Chat) -> None:
    pay(counter, ordered(counter, anna))
    tell_all(counter.session)
    assert texts(anna) == ["Заказ № 1001 оплачен: 2 900 ₽. Спасибо!"]
    assert texts(ilya) == ["Новый заказ № 1001 · 2 900 ₽", "Заказ № 1001 оплачен · 2 900 ₽"]
    assert ilya.text.endswith("Анна Смирнова")
    assert ilya.labels() == ["Принять", "Открыть в консоли"]


def test_the_order_card_follows_the_order_and_offers_nothing_that_is_past(counter: Counter, anna: Chat) -> None:
    order = ordered(counter, anna)
    anna.says("мои заказы")
    anna.presses(anna.labels()[0])
    card = next(message for message in anna.messages if "Отменить" in labels_of(message))
    pay(counter, order)
    tell_all(counter.session)
    assert "Оплачен" in card.text
    assert [label for label in labels_of(card) if label.startswith(("Оплатить", "Отменить"))] == []


def labels_of(message: Message) -> list[str]:
    if message.author == Author.BUYER:
        return []
    return [button.label for button in load_outgoing(message.content).buttons()]


def test_each_step_is_told_in_its_order_and_once(counter: Counter, anna: Chat, ilya: Chat) -> None:
    order = ordered(counter, anna)
    pay(counter, order)
    for code in ("assembling", "shipped", "delivered"):
        stages.move(counter.session, order, to=code, actor=f"staff:{counter.world.operator.id}")
    tell_all(counter.session)
    tell_all(counter.session)
    assert texts(anna) == [
        "Заказ № 1001 оплачен: 2 900 ₽. Спасибо!",
        "Заказ № 1001 собираем.",
        "Заказ № 1001 готов, можно забирать.",
        "Заказ № 1001 у вас. Спасибо, что выбрали нас!",
    ]
    assert len(ilya.messages) == 5
    assert all(message.repeatable for message in anna.messages + ilya.messages)


def test_an_order_that_is_delivered_is_on_its_way(counter: Counter, anna: Chat) -> None:
    order = ordered(counter, anna)
    order.delivery_method = "courier"
    pay(counter, order)
    for code in ("assembling", "shipped"):
        stages.move(counter.session, order, to=code, actor="bot")
    tell_all(counter.session)
    assert texts(anna)[-1] == "Заказ № 1001 в пути."


def test_nobody_is_told_of_his_own_doing(counter: Counter, anna: Chat, ilya: Chat) -> None:
    mine, his = ordered(counter, anna, quantity=1), ordered(counter, anna, quantity=1)
    stages.cancel(counter.session, mine, actor=f"customer:{anna.customer.id}", reason=Reason.CHANGED_MIND)
    stages.cancel(counter.session, his, actor=f"staff:{counter.world.owner.id}", reason=Reason.OUT_OF_STOCK)
    tell_all(counter.session)
    assert texts(anna) == ["Заказ № 1002 отменён: товар закончился."]
    assert texts(ilya)[2:] == ["Заказ № 1001: Отменён · 1 450 ₽"]
    assert "Причина: покупатель передумал" in plain(ilya.text)


def test_an_order_that_was_not_paid_in_time_is_told_to_both(counter: Counter, anna: Chat, ilya: Chat) -> None:
    stages.cancel(counter.session, ordered(counter, anna), actor="schedule", reason=Reason.UNPAID)
    tell_all(counter.session)
    assert "не оплачен" in texts(anna)[-1]
    assert "Отменён" in texts(ilya)[-1]


def test_the_shop_chooses_which_stages_are_told(counter: Counter, anna: Chat, ilya: Chat) -> None:
    counter.rules(notify_stages=("shipped",))
    order = ordered(counter, anna)
    pay(counter, order)
    for code in ("assembling", "shipped"):
        stages.move(counter.session, order, to=code, actor="bot")
    tell_all(counter.session)
    assert texts(anna) == ["Заказ № 1001 готов, можно забирать."]
    assert texts(ilya) == ["Заказ № 1001: В пути · 2 900 ₽"]


def test_each_reads_in_his_own_language(counter: Counter, ilya: Chat) -> None:
    john = counter.chat("john", "John Reed", locale="en")
    pay(counter, ordered(counter, john))
    tell_all(counter.session)
    assert texts(john) == ["Order No. 1001 is paid: ₽2,900. Thank you!"]
    assert texts(ilya)[0].startswith("Новый заказ")


def test_only_owners_with_an_open_chat_are_told(counter: Counter, anna: Chat) -> None:
    other = counter.world.person("oleg@clay.example", "Олег Дорохов", Role.OWNER)
    for name, person in (("marina", counter.world.operator), ("oleg", other)):
        chat = counter.chat(name, name)
        chat.conversation.kind, chat.conversation.staff_id = Kind.STAFF, person.id
        chat.conversation.blocked = name == "oleg"
        ordered(counter, anna, quantity=1)
        tell_all(counter.session)
        assert not chat.messages


def test_a_notice_comes_while_a_person_leads_the_conversation(counter: Counter, anna: Chat) -> None:
    conversations.take(counter.session, anna.conversation, counter.world.operator)
    pay(counter, ordered(counter, anna))
    tell_all(counter.session)
    assert texts(anna) == ["Заказ № 1001 оплачен: 2 900 ₽. Спасибо!"]


def test_an_order_without_a_conversation_is_told_where_the_buyer_wrote_last(counter: Counter, anna: Chat) -> None:
    order = checkout.make(
        counter.session,
        counter.shop,
        anna.customer,
        [(counter.mug.id, 1)],
        Details(),
        actor=f"staff:{counter.world.operator.id}",
    )
    pay(counter, order)
    tell_all(counter.session)
    assert texts(anna) == ["Заказ № 1001 оплачен: 1 450 ₽. Спасибо!"]


def test_the_buyer_opens_his_order_from_a_notice(counter: Counter, anna: Chat) -> None:
    pay(counter, ordered(counter, anna))
    tell_all(counter.session)
    anna.presses("Открыть заказ")
    assert anna.text.startswith("Заказ № 1001\nОплачен")


def test_a_link_that_ran_out_can_be_had_anew(counter: Counter, anna: Chat) -> None:
    order = ordered(counter, anna)
    payment = charging.request(counter.session, order, actor="bot")
    publish(counter.session, PaymentChanged(**happened(order, payment, 290000, state="cancelled", reason="expired")))
    tell_all(counter.session)
    assert texts(anna)[-1].startswith("Ссылка на оплату заказа № 1001 больше не действует")
    anna.presses("Новая ссылка")
    assert anna.shown().buttons()[0].url.startswith(f"{PUBLIC_URL}/p/")
    tell_all(counter.session)
    assert len(anna.messages) == 2


def test_a_link_that_the_provider_would_not_make_is_the_shops_to_mend(counter: Counter, anna: Chat, ilya: Chat) -> None:
    payment = charging.request(counter.session, order := ordered(counter, anna), actor="bot")
    charging.change(counter.session, order, payment, State.CANCELLED, actor="payment", reason="invalid_request: No")
    tell_all(counter.session)
    assert texts(anna)[-1].startswith("Оплатить заказ № 1001 по ссылке пока нельзя")
    assert "Новая ссылка" not in anna.labels()
    assert "Платёжная система отказала: invalid_request: No" in ilya.text


def test_a_refund_that_is_done_is_told_to_the_buyer(counter: Counter, anna: Chat) -> None:
    order = ordered(counter, anna)
    payment = charging.request(counter.session, order, actor="bot")
    publish(
        counter.session,
        RefundChanged(**happened(order, payment, 145000, refund_id=1, state="succeeded", error="")),
    )
    tell_all(counter.session)
    assert texts(anna)[-1].startswith("По заказу № 1001 возвращено 1 450 ₽")


@pytest.mark.parametrize(
    ("kind", "words"),
    [("late_payment", "оплата пришла после отмены"), ("martian_money", "деньги, которые не сходятся")],
)
def test_money_that_does_not_fit_calls_for_a_person(
    counter: Counter, anna: Chat, ilya: Chat, kind: str, words: str
) -> None:
    counter.rules(notify_stages=())
    order = ordered(counter, anna)
    payment = charging.request(counter.session, order, actor="bot")
    question = MoneyQuestion(
        shop_id=counter.shop.id,
        payment_id=payment.id,
        order_id=order.id,
        kind=kind,
        amount=290000,
        created_at=utc_now(),
    )
    counter.session.add(question)
    counter.session.flush()
    publish(
        counter.session,
        MoneyQuestionRaised(**happened(order, payment, 290000, question_id=question.id, question=kind)),
    )
    tell_all(counter.session)
    assert ilya.text == f"Нужен человек: деньги по заказу № 1001\n{words}, 2 900 ₽"
    assert ilya.labels() == ["Открыть в консоли"]


def test_the_hub_brings_every_event_that_is_told_to_the_notices() -> None:
    from prilavok.hub import SUBSCRIBERS

    assert {kind for kind, jobs in SUBSCRIBERS.items() if NOTICE in jobs} == set(TELL)
