"""The main job, unattended: buyers order and pay in their messengers, the shop answers, and the order arrives."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Mapping

import pytest
from sqlalchemy.orm import Session

from tests.stories import books, goods, purchases
from tests.stories.buyers import Buyer, PhoneBuyer, visitor
from tests.stories.console import Desk, desk
from tests.stories.purchases import Asked
from tests.stories.street import MARINA_EMAIL, OLGA, OWNER, OWNER_EMAIL, TOM, Street, person

OLGA_WANTS = Asked("Ольга Рябинина", OLGA.phone, "Казань, Лесная, 12, кв. 4", "Заверните в бумагу")
TOM_WANTS = Asked("Том Бейкер", TOM.phone)
VERA_WANTS = Asked("Вера Лунина", "+7 900 000-00-79", "Казань, Полевая, 3")

GOODS = 2 * goods.PRICES[goods.BLACK] + goods.PRICES[goods.NAPKIN]
BY_COURIER = GOODS + 390_00


@pytest.mark.alone
async def test_buyers_order_ask_pay_and_get_their_goods_all_at_once(street: Street) -> None:
    """Two in Telegram and one in the web chat, at the same time."""
    olga, tom = PhoneBuyer(street.telegram, OLGA.id), PhoneBuyer(street.telegram, TOM.id)
    owner = PhoneBuyer(street.telegram, OWNER.id)
    async with visitor(street, "Вера") as vera, desk(street, MARINA_EMAIL) as marina:
        wishes: tuple[tuple[Buyer, Asked], ...] = ((olga, OLGA_WANTS), (tom, TOM_WANTS), (vera, VERA_WANTS))
        numbers = await asyncio.gather(*(_whole_story(street, b, w, owner, marina) for b, w in wishes))
        await books.all_is_settled(street)

        totals = {number: BY_COURIER if w.address else GOODS for number, (_, w) in zip(numbers, wishes, strict=True)}
        await books.money_is_right(street, totals)
        left = await street.ask(books.stock)
        assert left[goods.BLACK] == (goods.ON_HAND[goods.BLACK] - 2 * 3, 0)
        assert left[goods.NAPKIN] == (goods.ON_HAND[goods.NAPKIN] - 3, 0)
        assert left[goods.WHITE] == (goods.ON_HAND[goods.WHITE], 0)
        for number, (buyer, wish) in zip(numbers, wishes, strict=True):
            await _way_is_recorded(street, number)
            _heard_each_thing_once(buyer, wish, number)
        _owner_heard_each_thing_once(owner, totals)


async def _whole_story(street: Street, buyer: Buyer, wish: Asked, owner: PhoneBuyer, marina: Desk) -> int:
    await purchases.takes_mugs(buyer)
    await purchases.finds_napkin(buyer)
    await _asks_a_person(buyer, marina)
    await purchases.takes_one_mug_less(buyer)
    await purchases.answers_questions(buyer, wish)
    number = await purchases.confirms(buyer)
    placed = await owner.sees(f"Новый заказ № {number}")
    assert placed.labels == ("Отменить", "Открыть в консоли"), "there is nothing to accept before the money is there"
    order = await street.ask(_order_id, number)

    took = await purchases.pays(street, buyer, number)
    assert took < 3.0, "money is told at once"
    await marina.told_of("order_paid", order_id=order)

    paid = await owner.sees(f"Заказ № {number} оплачен", "Принять")
    await owner.phone.wait_for_answer(owner.phone.press("Принять", message_id=paid.id))
    await purchases.is_told(buyer, f"Заказ № {number} собираем")
    await marina.moves(number, "shipped")
    await purchases.is_told(buyer, f"Заказ № {number} в пути" if wish.address else f"Заказ № {number} готов")
    await owner.sees(f"Заказ № {number}: В пути")
    await marina.moves(number, "delivered")
    await purchases.is_told(buyer, f"Заказ № {number} у вас")
    await owner.sees(f"Заказ № {number}: Доставлен")
    return number


async def _asks_a_person(buyer: Buyer, marina: Desk) -> None:
    """The bot is silent while Марина leads, and back when she lets go."""
    await buyer.tap("Вопрос оператору")
    await buyer.sees("Напишите вопрос")
    question = f"Это {buyer.name}. Можно ли их в микроволновку?"
    await buyer.say(question)
    await buyer.sees("Передали оператору")
    here = await marina.hears(question)
    await marina.answers(here, f"{buyer.name}, да, можно.")
    await buyer.sees(f"{buyer.name}, да, можно.")
    said_before = len(buyer.screen())
    await buyer.say("Каталог")
    await buyer.say(f"Спасибо! Это {buyer.name}.")
    await marina.hears(f"Спасибо! Это {buyer.name}.")
    assert len(buyer.screen()) == said_before, "the bot does not talk while a person leads"
    await marina.releases(here)


async def _way_is_recorded(street: Street, number: int) -> None:
    owner, marina, buyer = await street.ask(_actors, number)
    steps = await street.ask(books.history, number)
    assert [(step.stage, step.actor) for step in steps] == [
        ("new", buyer),
        ("awaiting_payment", "system"),
        ("paid", "payment"),
        ("assembling", owner),
        ("shipped", marina),
        ("delivered", marina),
    ]


def _heard_each_thing_once(buyer: Buyer, wish: Asked, number: int) -> None:
    """The first lines of everything that the shop said to him, as it stands now: edits change in place."""
    by_phone = isinstance(buyer, PhoneBuyer)
    greeting = f"Здравствуйте, {buyer.name.split()[0]}!" if by_phone else "Здравствуйте!"
    total = "3 890 ₽" if wish.address else "3 500 ₽"
    ask_phone = "Номер телефона для связи? Нажмите кнопку ниже или напишите номер."
    assert _first_lines(buyer) == [
        f"{greeting} Это «Глина и лён».",
        "Кружки",
        "Кружка «Туман»",
        "Нашлось в каталоге:",
        "Передали оператору. Ответит прямо здесь.",
        "Салфетка льняная",
        "Напишите вопрос, оператор ответит прямо здесь.",
        f"{buyer.name}, да, можно.",
        "На чьё имя оформить заказ?",
        ask_phone,
        f"Записали: {wish.phone.replace(' ', '').replace('-', '')}",
        *(["Куда доставить? Напишите адрес: город, улица, дом, квартира."] if wish.address else []),
        *(["Пожелания к заказу?"] if wish.comment else []),
        f"Заказ № {number}",
        f"Заказ № {number}: к оплате {total}.",
        f"Заказ № {number} оплачен: {total}. Спасибо!",
        f"Заказ № {number} собираем.",
        f"Заказ № {number} в пути." if wish.address else f"Заказ № {number} готов, можно забирать.",
        f"Заказ № {number} у вас. Спасибо, что выбрали нас!",
    ]


def _owner_heard_each_thing_once(owner: PhoneBuyer, totals: Mapping[int, int]) -> None:
    """Four messages of each order; the one with the money became the order when he accepted it."""
    heard = Counter(_first_lines(owner))
    expected = {"Илья Дорохов, этот чат теперь ваш: сюда приходят заказы «Глина и лён».": 1}
    for number, total in totals.items():
        money = "3 890 ₽" if total == BY_COURIER else "3 500 ₽"
        expected |= {
            f"Новый заказ № {number} · {money}": 1,
            f"Заказ № {number} · Сборка": 1,
            f"Заказ № {number}: В пути · {money}": 1,
            f"Заказ № {number}: Доставлен · {money}": 1,
        }
    assert heard == expected


def _first_lines(buyer: Buyer) -> list[str]:
    return [message.text.splitlines()[0].replace("\u00a0", " ") for message in buyer.screen()]


def _order_id(session: Session, number: int) -> int:
    return books.order(session, number).id


def _actors(session: Session, number: int) -> tuple[str, str, str]:
    owner, marina = person(session, OWNER_EMAIL), person(session, MARINA_EMAIL)
    return f"staff:{owner.id}", f"staff:{marina.id}", f"customer:{books.order(session, number).customer_id}"
