"""Rough weather: restarts, doubled and forged updates, people who block the bot, and things that nobody foresaw."""

from __future__ import annotations

import asyncio
import io
import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from emulators.telegram.phones import AlbumPicture, Phone, Shown
from inbox.tables import Author, Conversation, Delivery, Message
from kit import log
from orders.tables import Order
from prilavok import cli
from tests.stories import books, goods, purchases
from tests.stories.buyers import PhoneBuyer, visitor
from tests.stories.console import desk
from tests.stories.purchases import Asked
from tests.stories.street import (
    HOOK_SECRET,
    MARINA_EMAIL,
    MERCHANT_KEY,
    OLGA,
    PASSWORD,
    SEAL,
    TOKEN,
    Street,
    account,
    open_street,
)

OLGA_WANTS = Asked("Ольга Рябинина", OLGA.phone)
SECRET = "X-Telegram-Bot-Api-Secret-Token"


async def test_a_restart_in_the_middle_keeps_the_cart_and_the_question_and_what_was_said_meanwhile(
    street: Street,
) -> None:
    olga = PhoneBuyer(street.telegram, OLGA.id)
    async with visitor(street, "Вера") as vera:
        await olga.start()
        await olga.sees("Здравствуйте")
        await purchases.takes_one(olga, "Салфетка льняная", goods.NAPKIN)
        await olga.press("Оформить")
        await olga.sees("На чьё имя")
        await vera.start()
        await vera.sees("Здравствуйте")
        await street.hub.stop()
        await olga.say("Ольга Рябинина")
        await street.restart()
        await olga.sees("Номер телефона")
        await olga.share_phone(OLGA.phone)
        await olga.sees("Как передать заказ", "Самовывоз")
        await vera.tap("Каталог")
        await vera.sees("Что посмотрим", "Кружки")
        assert vera.connections > 1, "the widget came back by itself"
    await books.all_is_settled(street)
    texts = [message.text for message in olga.screen()]
    assert sum("Номер телефона" in text for text in texts) == 1


async def test_updates_that_come_twice_are_answered_once(street: Street) -> None:
    street.telegram.faults.duplicates = 1.0
    olga = PhoneBuyer(street.telegram, OLGA.id)
    number = await purchases.orders_napkin(olga, OLGA_WANTS)
    await purchases.pays(street, olga, number)
    await books.all_is_settled(street)
    texts = [message.text.splitlines()[0] for message in olga.screen()]
    assert len(texts) == len(set(texts)), texts
    assert await street.ask(_orders) == 1
    await books.money_is_right(street, {number: 600_00})


async def test_a_webhook_is_believed_only_with_its_secret(story_database: str, tmp_path: Path) -> None:
    async with open_street(story_database, tmp_path, receive="webhook") as street:
        olga = PhoneBuyer(street.telegram, OLGA.id)
        number = await purchases.orders_napkin(olga, OLGA_WANTS)
        await purchases.pays(street, olga, number)
        await books.all_is_settled(street)

        hook = f"{street.url}/hooks/telegram/{await street.ask(_telegram_id)}"
        forged = {"update_id": 77, "message": {**olga.phone.say("настоящее"), "message_id": 9999, "text": "поддельное"}}
        await street.settle()
        for headers in ({}, {SECRET: "wrong"}, {SECRET: HOOK_SECRET + "x"}):
            async with street.http.post(hook, json=forged, headers=headers) as answer:
                assert answer.status == 401
        await street.settle()
        said = await street.ask(_said_by_buyers)
        assert "настоящее" in said
        assert "поддельное" not in said


async def test_a_webhook_without_a_secret_is_never_opened(story_database: str, tmp_path: Path) -> None:
    how: dict[str, Any] = {"receive": "webhook", "webhook_secret": ""}
    async with open_street(story_database, tmp_path, reachable=False, **how) as street:
        async with asyncio.timeout(20):
            while (bot := await street.ask(account, "telegram")).health == "new":
                await asyncio.sleep(0.02)
        assert bot.health == "broken"
        assert "secret" in bot.health_text
        olga = PhoneBuyer(street.telegram, OLGA.id)
        forged = {"update_id": 77, "message": olga.phone.say("поддельное")}
        async with street.http.post(f"{street.url}/hooks/telegram/{bot.id}", json=forged) as answer:
            assert answer.status == 401
        assert await street.ask(_said_by_buyers) == []


async def test_a_buyer_who_blocks_the_bot_is_not_written_to_and_is_welcome_back(street: Street) -> None:
    olga = PhoneBuyer(street.telegram, OLGA.id)
    async with desk(street, MARINA_EMAIL) as marina:
        await olga.start()
        await olga.sees("Здравствуйте")
        await olga.say("Когда вы открыты?")
        here = await marina.hears("Когда вы открыты?")
        await olga.sees("Передали оператору")
        olga.phone.block()
        await street.settle()
        await marina.answers(here, "С десяти до восьми.")
        await street.settle()
        assert await street.ask(_delivery_of, "С десяти до восьми.") == (Delivery.FAILED, "blocked")
        olga.phone.unblock()
        await street.settle()
        await marina.answers(here, "Мы открыты с десяти до восьми.")
        await olga.sees("Мы открыты с десяти до восьми.")
    assert not any(message.text == "С десяти до восьми." for message in olga.screen())


async def test_an_album_is_one_message_and_what_nobody_knows_is_kept(street: Street) -> None:
    olga = PhoneBuyer(street.telegram, OLGA.id)
    olga.phone.start()
    await olga.sees("Здравствуйте")
    pictures = [AlbumPicture(goods.picture(60 * n), "Подойдёт к такой скатерти?" if n == 0 else "") for n in range(3)]
    olga.phone.send_album(pictures)
    olga.phone.send_sticker(goods.picture(9), "👍")
    _sends_something_new(street, olga)
    await street.settle()
    messages = await street.ask(_kept)
    album = next(message for message in messages if message.text == "Подойдёт к такой скатерти?")
    assert len(album.content["media"]) == 3
    assert all(media["file_id"] for media in album.content["media"])
    sticker, unknown = messages[-2:]
    assert sticker.content["media"][0]["kind"] == "sticker"
    assert unknown.content["unsupported"] == "poll"
    assert len(messages) == 4, "the start, the album, the sticker and the unknown"


async def test_what_the_operator_attaches_arrives_on_the_phone(street: Street) -> None:
    olga = PhoneBuyer(street.telegram, OLGA.id)
    photo, manual = goods.picture(77), b"%PDF-1.4 how to wash"
    async with desk(street, MARINA_EMAIL) as marina:
        await olga.start()
        await olga.say("Как стирать?")
        here = await marina.hears("Как стирать?")
        await marina.answers(here, "Вот так:", files=("photo.jpg", photo))
        await marina.answers(here, "", files=("уход.pdf", manual))
        shown = await olga.phone.wait_for(
            lambda phone: next((each for each in phone.from_bot if each.kind == "document"), None)
        )
        assert shown.raw["document"]["file_name"] == "уход.pdf"
        picture = next(each for each in olga.phone.from_bot if each.kind == "photo")
        assert picture.text == "Вот так:"
        await books.all_is_settled(street)
    assert _bytes(street, shown.raw["document"]["file_id"]) == manual
    assert _bytes(street, picture.raw["photo"][-1]["file_id"]) == photo


async def test_who_answers_what_is_seen_on_both_sides_and_what_is_gone_holds_nothing_up(street: Street) -> None:
    olga = PhoneBuyer(street.telegram, OLGA.id)

    def answer(text: str) -> Callable[[Phone], Shown | None]:
        return lambda phone: next((each for each in phone.from_bot if each.text == text), None)

    async with desk(street, MARINA_EMAIL) as marina:
        await olga.start()
        await olga.say("Есть синяя?")
        await olga.say("И белая?")
        here = await marina.hears("И белая?")
        await marina.act(f"/inbox/{here}/typing")
        await olga.phone.wait_for(lambda phone: phone.chat.typing == "typing")
        await marina.answers_to(here, "Есть синяя?", "Да, одна.")
        shown = await olga.phone.wait_for(answer("Да, одна."))
        assert shown.raw["reply_to_message"]["text"] == "Есть синяя?"
        await street.settle()
        olga.phone.say("Беру", reply_to=shown.id)
        await marina.hears("Беру")
        page = await marina.page(f"/inbox/{here}/feed?first=1")
        assert '<b>Марина</b><span class="cut">Да, одна.</span>' in page
        gone = next(each for each in olga.phone.messages if each.text == "И белая?")
        olga.phone.chat.remove(gone.id)
        await marina.answers_to(here, "И белая?", "Белой нет.")
        assert "reply_to_message" not in (await olga.phone.wait_for(answer("Белой нет."))).raw
        await books.all_is_settled(street)


async def test_no_secret_and_nothing_that_was_said_gets_into_the_log(street: Street) -> None:
    with written_log(street) as written:
        olga = PhoneBuyer(street.telegram, OLGA.id)
        async with desk(street, MARINA_EMAIL) as marina:
            asked = Asked("Ольга Рябинина", OLGA.phone, "Казань, Тайная, 7", "Секрет")
            number = await purchases.orders_napkin(olga, asked)
            link = await purchases.payment_link(olga, number)
            await purchases.pays(street, olga, number)
            await olga.say("Очень личный вопрос")
            here = await marina.hears("Очень личный вопрос")
            await marina.answers(here, "Очень личный ответ")
            await olga.sees("Очень личный ответ")
            await books.all_is_settled(street)
            cookie = marina.session
        async with street.http.get(f"{street.url}/metrics") as answer:
            metrics = await answer.text()
        # What breaks tells where, and nothing of what it had in hand.
        logging.getLogger("bot.canary").error("failed: %s/bot%s/getMe", "http://api", TOKEN)
        try:
            int(f"Казань, Тайная, 7, {MERCHANT_KEY}")
        except ValueError:
            logging.getLogger("bot.canary").exception("failed")
    assert 'prilavok_job_runs_total{kind="message.deliver",outcome="done"}' in metrics
    told = written() + metrics
    for line in ('"route":"/login"', "/inbox/{id}/feed", '"request":', "bot.canary"):
        assert line in told, "a story leaves its trace"
    private = ("Очень личный", "Тайная", "Рябинина", OLGA.phone, "9000000072", link.rsplit("/", 1)[1])
    for words in (TOKEN, TOKEN.split(":")[1], MERCHANT_KEY, SEAL, PASSWORD, HOOK_SECRET, cookie, *private):
        assert words not in told


@contextmanager
def written_log(street: Street) -> Iterator[Callable[[], str]]:
    """What the hub's log holds at its most talkative."""
    root, stream = logging.getLogger(), io.StringIO()
    level = root.level
    handler = log.configure("debug", "json", own=cli.OWN, secrets=street.config.secrets(), stream=stream)
    try:
        yield stream.getvalue
    finally:
        root.removeHandler(handler)
        root.setLevel(level)


def _sends_something_new(street: Street, buyer: PhoneBuyer) -> None:
    """A kind of message that the bot knows nothing of."""
    chat = buyer.phone.chat
    message = chat.add(by_bot=False, content={"poll": {"id": "1", "question": "Какую взять?", "options": []}})
    street.telegram.cloud.account(chat.bot.id).queue.push("message", message, lane=str(chat.person.id))


def _bytes(street: Street, file_id: str) -> bytes:
    stored = street.telegram.cloud.files.get(file_id)
    assert stored is not None
    return stored.content


def _telegram_id(session: Session) -> int:
    return account(session, "telegram").id


def _said_by_buyers(session: Session) -> list[str]:
    return list(session.scalars(sa.select(Message.text).where(Message.author == Author.BUYER).order_by(Message.id)))


def _delivery_of(session: Session, text: str) -> tuple[Delivery, str]:
    message = session.scalars(sa.select(Message).where(Message.text == text)).one()
    return Delivery(message.delivery), message.error


def _kept(session: Session) -> list[Message]:
    """What Ольга has sent, in her only conversation."""
    hers = sa.select(Conversation.id).where(Conversation.chat == str(OLGA.id))
    return list(
        session.scalars(
            sa.select(Message)
            .where(Message.author == Author.BUYER, Message.conversation_id.in_(hers))
            .order_by(Message.id)
        )
    )


def _orders(session: Session) -> int:
    return session.scalars(sa.select(sa.func.count()).select_from(Order)).one()
