"""From one messenger to another with a code: what comes along, and what nobody gets who has no right to it."""

from __future__ import annotations

from datetime import timedelta

import orjson
import pytest
import sqlalchemy as sa
import time_machine

from automation.holders import HOLDERS
from bot import passports as journeys
from company import shops
from customers import passports
from customers.passports import Step
from customers.tables import Customer, Passport
from inbox.content import Profile
from inbox.tables import Author, Conversation, Message, State
from kit.clock import utc_now
from orders import cart as carts
from orders.tables import Order
from storage.jobs import Job
from storage.tables import Job as JobRow
from tests.bot.chats import TEXTS, Chat, Counter
from tests.bot.test_flows_purchases import ordered
from tests.worlds import World


class Street:
    """Anna in Telegram with a cart and an order, and somebody in MAX."""

    def __init__(self, world: World) -> None:
        self.counter = Counter(world)
        self.session = world.session
        self.counter.account.settings = {"username": "clay_linen_bot"}
        self.max = world.account("max", "clay_max_bot")
        self.max.settings = {"username": "clay_max_bot"}
        self.anna = self.counter.chat()
        self.there = Chat(self.counter, self.max, Profile("77", name="Анна"))
        carts.put(self.session, self.counter.shop.id, self.anna.customer.id, self.counter.mug.id, 3)
        self.order: Order = ordered(self.counter, self.anna)

    def code(self) -> str:
        self.anna.says("Другой мессенджер")
        (word,) = [word for word in self.anna.text.split() if passports.code_in(word)]
        return word

    def works(self) -> None:
        """Do what is to be done by jobs."""
        steps = journeys.handlers(TEXTS, HOLDERS)
        self.session.flush()
        for row in self.session.scalars(sa.select(JobRow).where(JobRow.kind.in_(steps), JobRow.state == "ready")):
            job = Job(row.id, row.lane, row.kind, orjson.loads(row.payload), 0, row.created_at)
            steps[row.kind].run(self.session, job)
            row.state = "done"
            self.session.flush()
        for chat in (self.anna, self.there):
            self.session.refresh(chat.conversation)
            whose = chat.conversation.customer_id
            assert whose is not None
            chat.customer = self.session.get_one(Customer, whose)

    def notes(self, conversation: Conversation) -> list[str]:
        said = sa.select(Message.text).where(Message.conversation_id == conversation.id, Message.private)
        return list(self.session.scalars(said.where(Message.author == Author.SYSTEM).order_by(Message.id)))


@pytest.fixture
def street(world: World) -> Street:
    return Street(world)


def test_cart_orders_and_who_leads_the_talk_come_along(street: Street) -> None:
    leader = street.counter.world.operator
    street.anna.conversation.waiting_since = utc_now()
    code = street.code()
    street.anna.conversation.held, street.anna.conversation.assignee_id = True, leader.id
    street.there.says(code.lower().replace("-", " "))
    street.works()
    assert street.there.customer.id == street.anna.customer.id
    texts = [message.text for message in street.there.messages]
    assert texts[0].startswith("Анна, узнали вас")
    assert "3 ×" in texts[1]
    assert street.there.labels()[0].startswith(f"№ {street.order.number}")
    street.session.refresh(street.order)
    assert street.order.conversation_id == street.there.conversation.id
    here, old = street.there.conversation, street.anna.conversation
    assert (here.held, here.assignee_id, here.waiting_since is not None) == (True, leader.id, True)
    assert (old.held, old.waiting_since, old.state) == (False, None, State.CLOSED)
    assert street.notes(old) == ["Покупатель перешёл с кодом: max. Диалог продолжается там."]
    assert street.notes(here) == ["Покупатель пришёл с кодом: telegram. Корзина и открытые заказы с ним."]


def test_the_code_comes_with_links_to_the_other_channels(street: Street) -> None:
    code = street.code()
    (button,) = street.anna.shown().buttons()
    assert button.url == f"https://max.ru/clay_max_bot?start=move_{code.replace('-', '')}"
    street.there.starts(button.url.partition("start=")[2])
    street.works()
    assert street.there.customer.id == street.anna.customer.id


def test_a_code_is_good_for_one_use_and_one_hour_and_ends_with_the_next(street: Street) -> None:
    first, second = street.code(), street.code()
    thief = Chat(street.counter, street.max, Profile("666", name="Вор"))
    for code in (first, f"{second[:-1]}{'2' if second[-1] != '2' else '3'}"):
        thief.says(code)
        assert thief.text.startswith("Такого кода нет")
    street.there.says(second)
    thief.says(second)
    street.works()
    assert thief.text.startswith("Такого кода нет")
    third = street.code()
    with time_machine.travel(utc_now() + passports.LIVES + timedelta(seconds=1)):
        thief.says(third)
    assert thief.text.startswith("Такого кода нет")
    assert thief.conversation.customer_id == thief.customer.id != street.anna.customer.id


def test_whoever_guesses_is_stopped_also_with_the_right_code(street: Street) -> None:
    thief = Chat(street.counter, street.max, Profile("666", name="Вор"))
    for n in range(passports.WRONG_ALLOWED):
        thief.says(f"AAAAA-2222{n}")
    thief.says(street.code())
    assert thief.text.startswith("Слишком много неверных кодов")
    assert street.session.scalar(sa.select(sa.func.count()).where(Passport.used_at.is_not(None))) == 0


def test_a_stolen_code_is_taken_back_where_it_was_asked_for(street: Street) -> None:
    code = street.code()
    street.there.says(code)
    street.works()
    assert street.anna.text.startswith("Ваши корзина и заказы теперь в другом месте: max")
    street.anna.presses("Это не я")
    street.anna.presses("Это не я")
    street.works()
    assert street.there.customer.id != street.anna.customer.id
    anna, place = street.anna.customer.id, street.there.conversation.id
    assert [(step, actor, where) for _at, step, actor, where in passports.past(street.session, anna)] == [
        (Step.ASKED, f"customer:{anna}", None),
        (Step.USED, f"customer:{anna}", place),
        (Step.TAKEN_BACK, f"customer:{anna}", place),
    ]
    assert passports.past(street.session, street.there.customer.id) == []
    street.session.refresh(street.order)
    assert street.order.conversation_id == street.anna.conversation.id
    assert street.order.customer_id == street.anna.customer.id
    assert [line.quantity for line in carts.of(street.session, 1, street.anna.customer.id).lines] == [3]
    street.there.says("Мои заказы")
    assert not any(str(street.order.number) in label for label in street.there.labels())
    assert street.anna.text.startswith("Вернули")


def test_the_code_of_another_shop_and_ones_own_open_nothing(street: Street) -> None:
    code = street.code()
    street.anna.says(code)
    assert street.anna.text == "Ваши заказы и корзина уже здесь."
    other = shops.create(street.session, name="Соседи")
    street.session.execute(sa.update(Passport).values(shop_id=other.id))
    street.there.says(code)
    assert street.there.text.startswith("Такого кода нет")


def test_what_is_kept_opens_nothing(street: Street) -> None:
    code = street.code()
    kept = street.session.scalars(sa.select(Passport)).one()
    assert code.replace("-", "") not in repr(vars(kept))


@pytest.mark.parametrize("text", ["9001234567", "ABCDEFGHJK", "Привет", "12345", "a1b2c3d4e5f6", "https://a1b2c3d4e5"])
def test_what_people_say_is_no_code(text: str) -> None:
    assert passports.code_in(text) is None


def test_codes_are_read_however_they_are_written() -> None:
    assert passports.code_in(" oli23-abcde ") == "01123ABCDE"


def test_what_the_shop_calls_its_goods_is_no_code(street: Street) -> None:
    street.counter.sells("Бокал «Роса»", "GLASS-12345", 90000)
    street.there.says("GLASS-12345")
    assert passports.code_in("GLASS-12345") is not None
    assert not any(message.text.startswith("Такого кода нет") for message in street.there.messages)


def test_a_stolen_code_is_taken_back_whoever_leads_the_old_conversation(street: Street) -> None:
    street.there.says(street.code())
    street.works()
    street.anna.conversation.held = True
    street.anna.presses("Это не я")
    street.works()
    assert street.there.customer.id != street.anna.customer.id
