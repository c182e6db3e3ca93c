"""What may happen to the money and the goods on the way."""

from __future__ import annotations

import asyncio

import pytest
import sqlalchemy as sa
from sqlalchemy.orm import Session

from catalog import editing
from catalog import goods as catalog
from catalog.tables import Variant
from kit.money import Money
from tests.stories import books, goods, purchases
from tests.stories.buyers import PhoneBuyer
from tests.stories.console import Declined, desk
from tests.stories.purchases import Asked
from tests.stories.street import MARINA_EMAIL, OLGA, OWNER, OWNER_EMAIL, TOM, Street, the_shop

OLGA_WANTS = Asked("Ольга Рябинина", OLGA.phone)
TOM_WANTS = Asked("Том Бейкер", TOM.phone)


async def test_money_given_back_by_the_owner_is_given_once_and_told_to_the_buyer(street: Street) -> None:
    olga = PhoneBuyer(street.telegram, OLGA.id)
    async with desk(street, OWNER_EMAIL) as ilya, desk(street, MARINA_EMAIL) as marina:
        number = await purchases.orders_napkin(olga, OLGA_WANTS)
        await purchases.pays(street, olga, number)
        with pytest.raises(Declined) as declined:
            await marina.refunds(number, "100", "зацепка на ткани")
        assert declined.value.status == 403
        for _ in range(2):
            await ilya.refunds(number, "150,50", "зацепка на ткани", key="ab" * 16)
        await olga.sees(f"По заказу № {number} возвращено 150,50")
        await books.all_is_settled(street)
    assert street.yookassa.refunded_for(str(number)) == Money(150_50)
    assert await street.ask(books.ledger, number) == 600_00 - 150_50
    assert (await street.ask(books.order, number)).paid_amount == 600_00 - 150_50
    assert sum("возвращено" in message.text for message in olga.screen()) == 1


async def test_a_price_that_changes_under_the_checkout_is_told_before_it_is_charged(street: Street) -> None:
    olga = PhoneBuyer(street.telegram, OLGA.id)
    await olga.start()
    await olga.sees("Здравствуйте")
    await purchases.takes_one(olga, "Салфетка льняная", goods.NAPKIN)
    await purchases.answers_questions(olga, OLGA_WANTS)
    await street.do(_reprice, goods.NAPKIN, 650_00)
    assert "цен" in (await olga.press("Подтвердить")).lower()
    told = await olga.sees("Пока вы оформляли, цены изменились", "Подтвердить · 650")
    assert "была 600\u00a0₽, стала 650\u00a0₽" in told.text
    number = await purchases.confirms(olga)
    assert (await street.ask(books.order, number)).total_amount == 650_00
    await books.all_is_settled(street)


async def test_the_last_piece_goes_to_one_of_two_who_press_at_once(street: Street) -> None:
    buyers = ((PhoneBuyer(street.telegram, OLGA.id), OLGA_WANTS), (PhoneBuyer(street.telegram, TOM.id), TOM_WANTS))
    for buyer, wish in buyers:
        await buyer.start()
        await buyer.sees("Здравствуйте")
        await purchases.takes_one(buyer, "Плед «Последний»", goods.PLAID)
        await purchases.answers_questions(buyer, wish)
    said = await asyncio.gather(*(buyer.press("Подтвердить") for buyer, _ in buyers))
    await books.all_is_settled(street)
    lucky = [words for words in said if "принят" in words]
    assert len(lucky) == 1, said
    loser = next(buyer for (buyer, _), words in zip(buyers, said, strict=True) if "принят" not in words)
    assert "закончилось" in (await loser.sees("Плед «Последний»", "Оформить")).text
    assert (await street.ask(books.stock))[goods.PLAID] == (1, 1)


async def test_money_that_comes_after_the_cancellation_is_asked_about(street: Street) -> None:
    olga, owner = PhoneBuyer(street.telegram, OLGA.id), PhoneBuyer(street.telegram, OWNER.id)
    number = await purchases.orders_napkin(olga, OLGA_WANTS)
    page = await purchases.opens(street, await purchases.payment_link(olga, number))
    # The page with the card form stays open in another tab while the order is cancelled in the chat.
    await street.settle()
    await olga.press("Отменить")
    await olga.sees(f"Отменить заказ № {number}?", "Передумал")
    await olga.press("Передумал")
    await olga.sees(f"Заказ № {number}\nОтменён")
    async with street.http.post(page, data={"act": "bank_card"}, allow_redirects=False) as paid:
        assert paid.status == 303
    told = await owner.sees("Нужен человек: деньги по заказу")
    assert "оплата пришла после отмены" in told.text
    await street.settle()
    assert await street.ask(books.questions) == ["late_payment"]
    found = await street.ask(books.order, number)
    assert found.flag == "late_payment"
    assert (await street.ask(books.stock))[goods.NAPKIN] == (goods.ON_HAND[goods.NAPKIN], 0)
    assert [step.stage for step in await street.ask(books.history, number)] == ["new", "awaiting_payment", "cancelled"]


def _reprice(session: Session, sku: str, price: int) -> None:
    shop = the_shop(session)
    found = session.scalars(sa.select(Variant).where(Variant.sku == sku)).one()
    editing.edit_variant(session, catalog.variant(session, shop.id, found.id), price=price, actor="system")
