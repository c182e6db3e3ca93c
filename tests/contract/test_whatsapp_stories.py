"""What only WhatsApp has: rough weather with its own codes, the day that closes a chat, orders out of its catalogue."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest_asyncio
import sqlalchemy as sa
from sqlalchemy.orm import Session

from automation.tables import Notification, Told
from company.tables import Membership, Role
from emulators.whatsapp import Trouble
from inbox import messages, templates
from inbox.content import Outgoing
from inbox.tables import Author, Conversation, Delivery, Kind, Message
from inbox.templates import Approved, Choice
from kit.clock import utc_now
from orders.tables import Order
from tests.contract.sides import NAME, PHONE
from tests.contract.whatsapp import VERA, WhatsAppHand, WhatsAppSide
from tests.stories import books, goods, purchases
from tests.stories.buyers import Seen
from tests.stories.console import desk
from tests.stories.purchases import Asked
from tests.stories.street import MARINA_EMAIL, OWNER_EMAIL, Street, account, open_street

DAY = 24 * 3600


class PatientHand(WhatsAppHand):
    """Who waits for as long as WhatsApp says that the shop must."""

    patience = 30.0

    async def sees(self, text: str, button: str = "") -> Seen:
        async with asyncio.timeout(self.patience):
            while True:
                try:
                    return await super().sees(text, button)
                except TimeoutError:
                    continue


class Stage:
    def __init__(self, street: Street, side: WhatsAppSide, vera: WhatsAppHand) -> None:
        self.street, self.side, self.vera = street, side, vera
        self.whatsapp = side.whatsapp
        self.phone = side.whatsapp.phone(VERA.id)

    async def settle(self) -> None:
        async with asyncio.timeout(30):
            while self.side.untold():
                await asyncio.sleep(0.02)
        await self.street.settle()

    async def a_day_passes(self) -> None:
        """Since Vera's last words, for both sides."""
        await self.settle()
        self.whatsapp.let_time_pass(VERA.id, DAY + 60)
        await self.street.do(_age)


@pytest_asyncio.fixture
async def stage(story_database: str, tmp_path: Path) -> AsyncIterator[Stage]:
    side = WhatsAppSide()
    await side.start()
    try:
        async with open_street(story_database, tmp_path, also=side.sections()) as street, side.hand(street) as _hand:
            yield Stage(street, side, PatientHand(side.whatsapp, VERA.id))
    finally:
        await side.stop()


async def test_the_purchase_ends_well_under_doubles_disorder_limits_and_cut_lines(stage: Stage) -> None:
    whatsapp, vera = stage.whatsapp, stage.vera
    whatsapp.seed(7)
    whatsapp.faults.duplicates, whatsapp.faults.disorder = 0.5, 0.5
    await vera.start()
    await vera.sees("Здравствуйте")
    whatsapp.refuse(130429)
    await purchases.takes_one(vera, "Салфетка льняная", goods.NAPKIN)
    whatsapp.plan(Trouble.RESET, methods=["messages"], after=True)
    await purchases.answers_questions(vera, Asked(NAME, PHONE))
    whatsapp.refuse(131056)
    number = await purchases.confirms(vera)
    whatsapp.plan(Trouble.RESET, methods=["messages"], after=True)
    await purchases.pays(stage.street, vera, number)
    await stage.settle()
    whatsapp.refuse(80007)
    whatsapp.refuse(131000)
    await vera.say("мои заказы")
    await vera.sees("Мои заказы")
    await stage.settle()
    assert await stage.street.ask(_orders) == [number]
    order = await stage.street.ask(books.order, number)
    assert order.paid_at is not None
    states = await stage.street.ask(_states)
    assert set(states) <= {Delivery.SENT, Delivery.DELIVERED, Delivery.READ}
    assert len(vera.screen()) == len(states), "each message stands there once"


async def test_after_a_day_notices_go_by_template_or_wait_and_somebody_is_told(stage: Stage) -> None:
    vera, street = stage.vera, stage.street
    number = await purchases.orders_napkin(vera, Asked(NAME, PHONE))
    await purchases.pays(street, vera, number)
    async with desk(street, MARINA_EMAIL) as marina, desk(street, OWNER_EMAIL) as owner:
        await owner.moves(number, "assembling")
        await vera.sees("собираем")
        await stage.a_day_passes()
        before = len(vera.screen())
        await marina.moves(number, "shipped")
        await stage.settle()
        assert len(vera.screen()) == before
        assert (await street.ask(_states))[-1] == Delivery.HELD
        assert Told.MESSAGE_HELD in await street.ask(_told)
        await street.do(_choose)
        await marina.moves(number, "delivered")
        told = await vera.sees("Новости о заказе")
        assert f"№ {number}" in told.text
    await vera.say("Спасибо!")
    await vera.sees(f"Заказ № {number} готов")
    await stage.settle()
    assert Delivery.HELD not in await street.ask(_states)


async def test_an_owner_who_was_away_for_days_gets_one_summary_of_them_and_no_old_news(stage: Stage) -> None:
    vera, street = stage.vera, stage.street
    await vera.start()
    await vera.sees("Здравствуйте")
    await stage.settle()
    await street.do(_becomes_owner)
    await stage.a_day_passes()
    for text in ("Новый заказ № 1001", "Новый заказ № 1002", "Заказ № 1003 оплачен", "Новый заказ № 1004"):
        await street.do(_tell, text)
    await street.do(_were_said_ago, {"1001": 80, "1002": 50, "1003": 5})
    before = len(vera.screen())
    await vera.say("Здравствуйте")
    await vera.sees("Новый заказ № 1004")
    await stage.settle()
    summary, dated, fresh, *_ = [seen.text for seen in vera.screen()[before:]]
    assert summary.startswith("Пока вы сюда не писали, накопилось уведомлений: 2")
    assert [line.partition(": ")[2] for line in summary.splitlines()[1:3]] == [
        "Новый заказ № 1001",
        "Новый заказ № 1002",
    ]
    assert re.fullmatch(r"\d+ \w+, \d\d:\d\d\nЗаказ № 1003 оплачен", dated)
    assert fresh == "Новый заказ № 1004", "what has just happened is news"
    assert (await street.ask(_states)).count(Delivery.DROPPED) == 2


async def test_an_order_out_of_the_catalogue_is_an_order_of_the_shop(stage: Stage) -> None:
    vera, phone = stage.vera, stage.phone
    await vera.start()
    await vera.sees("Здравствуйте")
    phone.order([(goods.NAPKIN, 2, 650.0, "RUB"), ("NOT-OURS", 1, 10.0, "RUB")], "Можно до пятницы?")
    await vera.sees("Этого мы не нашли")
    await stage.settle()
    [number] = await stage.street.ask(_orders)
    order = await stage.street.ask(books.order, number)
    assert (order.total_amount, order.recipient, order.phone) == (2 * goods.PRICES[goods.NAPKIN], NAME, PHONE)
    assert (await stage.street.ask(books.history, number))[-1].stage == "new"
    said = (await stage.street.ask(_heard))[-1]
    assert said.text.startswith("Можно до пятницы?")
    assert f"{goods.NAPKIN} × 2" in said.text
    assert (await stage.street.ask(_talk)).waiting_since is not None
    stage.whatsapp.faults.duplicates = 1.0
    phone.order([("NOT-OURS", 1, 10.0, "RUB")])
    await stage.settle()
    assert await stage.street.ask(_orders) == [number]


async def test_what_the_api_does_not_carry_stands_in_the_thread_and_asks_for_nothing(stage: Stage) -> None:
    vera, phone = stage.vera, stage.phone
    await vera.start()
    await vera.sees("Здравствуйте")
    phone.send_unsupported()
    await stage.settle()
    assert (await stage.street.ask(_heard))[-1].content["unsupported"]


def _talk(session: Session) -> Conversation:
    here = sa.select(Conversation).where(Conversation.account_id == account(session, "whatsapp").id)
    return session.scalars(here).one()


def _messages(session: Session) -> list[Message]:
    here = _talk(session).id
    return list(session.scalars(sa.select(Message).where(Message.conversation_id == here).order_by(Message.id)))


def _heard(session: Session) -> list[Message]:
    return [message for message in _messages(session) if message.author == Author.BUYER]


def _states(session: Session) -> list[Delivery]:
    return [one.delivery for one in _messages(session) if one.author != Author.BUYER and not one.private]


def _orders(session: Session) -> list[int]:
    return list(session.scalars(sa.select(Order.number)))


def _told(session: Session) -> list[Told]:
    return list(session.scalars(sa.select(Notification.kind)))


def _age(session: Session) -> None:
    talk = _talk(session)
    talk.heard_at = utc_now() - timedelta(seconds=DAY + 60)


def _becomes_owner(session: Session) -> None:
    """The number is a member of staff's own chat, as if he had joined it."""
    talk = _talk(session)
    owner = sa.select(Membership.staff_id).where(Membership.role == Role.OWNER)
    talk.kind, talk.staff_id = Kind.STAFF, session.scalars(owner).first()


def _tell(session: Session, text: str) -> None:
    messages.say(session, _talk(session), Outgoing(text=text), author=Author.BOT)


def _were_said_ago(session: Session, hours: dict[str, int]) -> None:
    for message in _messages(session):
        for number, ago in hours.items():
            if number in message.text:
                message.created_at = utc_now() - timedelta(hours=ago)


def _choose(session: Session) -> None:
    """The owner has chosen a template for what is delivered."""
    news = Approved("order_news", "ru", header="Новости о заказе", body="Заказ № {{1}}: {{2}}")
    templates.keep_choices(account(session, "whatsapp"), {"delivered": Choice(news, ("number", "stage"))})
