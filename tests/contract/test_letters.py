"""What only letters have: machines that answer, reports that come late, links that are followed, bad weather."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest
import pytest_asyncio
import sqlalchemy as sa
from sqlalchemy.orm import Session

from customers.tables import Customer
from emulators.mail import Trouble, reports
from inbox.content import Outgoing
from inbox.tables import Author, Conversation, Delivery, Message
from tests.contract.email import BUYER, SHOP, EmailHand, EmailSide
from tests.contract.sides import NAME, PHONE
from tests.contract.test_stories import Stage, _say
from tests.stories import books, goods, purchases
from tests.stories.console import desk
from tests.stories.purchases import Asked
from tests.stories.street import MARINA_EMAIL, OWNER_EMAIL, account, open_street


@pytest_asyncio.fixture
async def stage(story_database: str, tmp_path: Path) -> AsyncIterator[Stage]:
    side = EmailSide()
    await side.start()
    sections = side.sections()
    sections["email"][0]["links"] = True
    try:
        async with open_street(story_database, tmp_path, also=sections) as street, side.hand(street) as buyer:
            yield Stage(street, side, buyer)
    finally:
        await side.stop()


def _mail(stage: Stage) -> tuple[EmailSide, EmailHand]:
    assert isinstance(stage.side, EmailSide)
    assert isinstance(stage.buyer, EmailHand)
    return stage.side, stage.buyer


async def _until(done: Callable[[], object]) -> None:
    async with asyncio.timeout(15):
        while not done():
            await asyncio.sleep(0.05)


async def test_the_purchase_survives_doubles_disorder_refusals_and_cut_lines(stage: Stage) -> None:
    side, buyer = _mail(stage)
    buyer.copies, side.mail.world.late = 2, 0.05

    async def weather() -> None:
        for gust in itertools.count():
            await asyncio.sleep(1.0)
            side.mail.cut()
            if gust < 4:
                side.mail.plan(Trouble.FOR_NOW)

    storm = asyncio.create_task(weather())
    try:
        number = await purchases.orders_napkin(buyer, Asked(NAME, PHONE, "Казань, Полевая, 3"))
        await purchases.pays(stage.street, buyer, number)
        async with desk(stage.street, MARINA_EMAIL) as marina, desk(stage.street, OWNER_EMAIL) as owner:
            for who, to, words in ((owner, "assembling", "собираем"), (marina, "shipped", "в пути")):
                await who.moves(number, to)
                await purchases.is_told(buyer, f"Заказ № {number} {words}")
    finally:
        storm.cancel()
    side.mail.world.plans.clear()
    await stage.settle()
    await books.money_is_right(stage.street, {number: goods.PRICES[goods.NAPKIN] + 390_00})
    said = await stage.heard()
    assert len({message.external_id for message in said}) == len(said)


async def test_a_letter_that_comes_back_is_marked_with_the_reason_until_he_writes_again(stage: Stage) -> None:
    side, buyer = _mail(stage)
    await buyer.start()
    await buyer.sees("Здравствуйте")
    await stage.street.do(_say, (await stage.conversation()).id, Outgoing(text="Курьер выехал"))
    await buyer.sees("Курьер выехал")
    box = side.mail.world.mailboxes[SHOP]
    sent = buyer.program.mailbox.inbox[-1].source
    letters = len(buyer.screen())
    forged = sent.replace(b"Message-ID: <prilavok.", b"Message-ID: <prilavok.1")
    box.add(reports.returned(SHOP, BUYER, forged, status="5.1.1"))
    await stage.settle()
    assert (await stage.street.ask(_last_of_staff)).delivery == Delivery.SENT, "nobody else can say so"
    box.add(reports.returned(SHOP, BUYER, sent, status="5.1.1", said="No such user"))
    await stage.settle()
    marked = await stage.street.ask(_last_of_staff)
    assert (marked.delivery, marked.error) == (Delivery.FAILED, "there is no such mailbox")
    assert (await stage.street.ask(_here)).blocked
    assert len(buyer.screen()) == letters, "a report is not answered"
    await buyer.say("Я снова тут")
    await stage.settle()
    assert not (await stage.street.ask(_here)).blocked


async def test_machines_are_heard_and_never_answered(stage: Stage) -> None:
    _side, buyer = _mail(stage)
    await buyer.start()
    await buyer.sees("Здравствуйте")
    letters = len(buyer.screen())
    buyer.program.write("Меня нет до понедельника", subject="Нет на месте", Auto_Submitted="auto-replied")
    heard = await stage.heard()
    assert "Меня нет до понедельника" in heard[-1].text
    assert len(buyer.screen()) == letters
    here = await stage.conversation()
    assert (here.waiting_since, here.flow) == (None, "")


async def test_a_machine_that_nobody_recognises_is_answered_for_a_while_only(stage: Stage) -> None:
    """The bot stops, a person is called, and what the person writes still goes."""
    _side, buyer = _mail(stage)
    await buyer.start()
    await buyer.sees("Здравствуйте")
    here = await stage.conversation()
    await stage.street.do(_as_if_sent, here.id, 59)
    await buyer.say("помощь")
    await stage.settle()
    assert (await stage.street.ask(_last_of_bot)).error == "too many by itself"
    assert (await stage.conversation()).waiting_since is not None
    await stage.street.do(_say, here.id, Outgoing(text="Это человек"))
    await buyer.sees("Это человек")


async def test_what_became_of_a_doubtful_letter_is_known_when_it_is_answered(stage: Stage) -> None:
    side, buyer = _mail(stage)
    await buyer.start()
    await buyer.sees("Здравствуйте")
    side.mail.plan(Trouble.SILENT)
    await stage.street.do(_say, (await stage.conversation()).id, Outgoing(text="Ждём вас в субботу"))
    await buyer.sees("Ждём вас в субботу")
    await stage.settle()
    assert (await stage.street.ask(_last_of_staff)).delivery == Delivery.UNKNOWN
    await buyer.say("Буду!")
    await stage.settle()
    assert (await stage.street.ask(_last_of_staff)).delivery == Delivery.SENT
    assert (await stage.heard())[-1].reply_to_id == (await stage.street.ask(_last_of_staff)).id


async def test_a_link_chooses_when_its_button_is_pressed_and_not_when_it_is_looked_at(stage: Stage) -> None:
    _side, buyer = _mail(stage)
    await buyer.start()
    await buyer.sees("Здравствуйте")
    await buyer.say("салфетка")
    await buyer.sees("Нашлось в каталоге", "Салфетка льняная")
    address = next(letter for letter in buyer.program.received if letter.choices).choices[0].address
    await stage.settle()
    letters = len(buyer.screen())
    http = stage.street.http
    for _ in range(2):
        async with http.get(address) as page:
            shown = await page.text()
            assert (page.status, "Салфетка льняная" in shown) == (200, True)
            assert page.headers["Referrer-Policy"] == "no-referrer"
    await stage.settle()
    assert len(buyer.screen()) == letters
    once = shown.partition('name="once" value="')[2].partition('"')[0]
    for _ in range(2):
        async with http.post(address, data={"once": once}) as page:
            assert (page.status, "Готово" in await page.text()) == (200, True)
    await buyer.sees("Артикул NAP-LIN", "В корзину")
    await stage.settle()
    assert len(buyer.screen()) == letters + 1
    for wrong in (f"{address[:-1]}9", address.replace("/letters/", "/letters/9"), f"{address[:-6]}AAAAAA"):
        async with http.get(wrong) as page:
            assert page.status == 404
        async with http.post(wrong, data={"once": once}) as page:
            assert page.status == 404


async def test_a_letter_with_a_picture_in_it_shows_the_product(stage: Stage) -> None:
    _side, buyer = _mail(stage)
    await buyer.start()
    await buyer.sees("Здравствуйте")
    await buyer.say("салфетка")
    await buyer.sees("Нашлось в каталоге", "Салфетка льняная")
    await buyer.press("Салфетка льняная")
    card = await buyer.sees("Артикул NAP-LIN", "В корзину")
    assert card.pictures == 1
    here = await stage.conversation()
    assert await stage.street.ask(lambda session: session.get_one(Customer, here.customer_id).email) == BUYER
    newest = buyer.program.received[-1]
    assert newest.message["In-Reply-To"], "it stands beside what it answers"
    assert newest.message["Auto-Submitted"] == "auto-replied"


def _of(session: Session, author: Author) -> Message:
    found = sa.select(Message).join(Conversation, Conversation.id == Message.conversation_id)
    found = found.where(Conversation.chat == BUYER, Message.author == author)
    return session.scalars(found.order_by(Message.id.desc())).first() or pytest.fail("nothing was said")


def _here(session: Session) -> Conversation:
    return session.scalars(sa.select(Conversation).where(Conversation.chat == BUYER)).one()


def _last_of_staff(session: Session) -> Message:
    return _of(session, Author.STAFF)


def _last_of_bot(session: Session) -> Message:
    return _of(session, Author.BOT)


def _as_if_sent(session: Session, conversation_id: int, count: int) -> None:
    """So many letters of the bot's, which went out a moment ago."""
    newest = _last_of_bot(session)
    assert session.get_one(Conversation, conversation_id).account_id == account(session, "email").id
    for n in range(count):
        session.add(
            Message(
                conversation_id=conversation_id,
                account_id=newest.account_id,
                author=Author.BOT,
                delivery=Delivery.SENT,
                external_id=f"{BUYER}:earlier-{n}",
                created_at=newest.created_at,
                sent_at=newest.sent_at,
            )
        )
