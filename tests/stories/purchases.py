"""What buyers do in a shop, step by step."""

from __future__ import annotations

import re
import time
from dataclasses import dataclass

from tests.stories.buyers import Buyer, Seen
from tests.stories.street import Street


@dataclass(frozen=True, slots=True)
class Asked:
    """How a buyer wants his order. A courier needs an address."""

    name: str
    phone: str
    address: str = ""
    comment: str = ""


async def takes_mugs(buyer: Buyer) -> None:
    """Through the catalogue to the card of the mug, and three black ones into the cart."""
    await buyer.start()
    await buyer.sees("Здравствуйте")
    await buyer.tap("Каталог")
    await buyer.sees("Что посмотрим", "Кружки")
    await buyer.press("Кружки")
    await buyer.sees("Кружки", "Кружка «Туман»")
    await buyer.press("Кружка «Туман»")
    card = await buyer.sees("Артикул MUG-BLK", "В корзину")
    assert card.pictures == 1
    assert "1 450" in card.text.replace("\u00a0", " ")
    assert "есть в наличии" in card.text
    await buyer.press("белый")
    white = await buyer.sees("Артикул MUG-WHT", "В корзину")
    assert (white.id == card.id) is not buyer.lasting, "the card changes in place where anything does"
    assert "осталось 4" in white.text
    await buyer.press("чёрный")
    await buyer.sees("Артикул MUG-BLK", "В корзину")
    toast = await buyer.press("В корзину")
    assert toast == ("" if buyer.lasting else "В корзине")
    await buyer.sees("Артикул MUG-BLK", "1 в корзине")
    await buyer.press("+")
    await buyer.sees("Артикул MUG-BLK", "2 в корзине")
    await buyer.press("+")
    await buyer.sees("Артикул MUG-BLK", "3 в корзине")


async def finds_napkin(buyer: Buyer) -> None:
    """By its name, typed; one of it into the cart."""
    await buyer.say("салфетка")
    await buyer.sees("Нашлось в каталоге", "Салфетка льняная")
    await buyer.press("Салфетка льняная")
    await buyer.sees("Артикул NAP-LIN", "В корзину")
    await buyer.press("В корзину")
    await buyer.sees("Артикул NAP-LIN", "1 в корзине")


async def takes_one_mug_less(buyer: Buyer) -> None:
    """In the cart. Two mugs and a napkin stay: 3 500 ₽."""
    await buyer.tap("Корзина")
    await buyer.sees("3 × 1\u00a0450", "1: 3 шт.")
    await buyer.press("−")
    cart = await buyer.sees("2 × 1\u00a0450", "1: 2 шт.")
    assert "3\u00a0500" in cart.text


async def answers_questions(buyer: Buyer, asked: Asked) -> None:
    """The checkout, from the cart's button to the summary."""
    await buyer.press("Оформить")
    await buyer.sees("На чьё имя")
    await buyer.say(asked.name)
    await buyer.sees("Номер телефона")
    await buyer.share_phone(asked.phone)
    await buyer.sees("Как передать заказ", "Курьер")
    await buyer.press("Курьер" if asked.address else "Самовывоз")
    if asked.address:
        await buyer.sees("Куда доставить")
        await buyer.say(asked.address)
    await buyer.sees("Пожелания к заказу", "Без пожеланий")
    if asked.comment:
        await buyer.say(asked.comment)
    else:
        await buyer.press("Без пожеланий")
    await buyer.sees("Как удобнее заплатить", "Онлайн")
    await buyer.press("Онлайн")
    summary = await buyer.sees("Проверьте заказ", "Подтвердить")
    for words in (asked.name, asked.address, asked.comment):
        assert words in summary.text


async def confirms(buyer: Buyer) -> int:
    """The number of the order that he made."""
    toast = await buyer.press("Подтвердить")
    told = toast or (await buyer.sees("к оплате", "Оплатить")).text
    placed = re.search(r"№ (\d+)", told)
    assert placed is not None, told
    number = int(placed[1])
    await buyer.sees(f"Заказ № {number}: к оплате", "Оплатить")
    return number


async def takes_one(buyer: Buyer, name: str, sku: str) -> None:
    """By its name, typed, into the cart, and the cart opened."""
    await buyer.say(name)
    await buyer.sees("Нашлось в каталоге", name)
    await buyer.press(name)
    await buyer.sees(f"Артикул {sku}", "В корзину")
    await buyer.press("В корзину")
    await buyer.sees(f"Артикул {sku}", "1 в корзине")
    await buyer.tap("Корзина")
    await buyer.sees("Корзина", "Оформить")


async def orders_napkin(buyer: Buyer, asked: Asked) -> int:
    """The shortest way to an order with its payment link: one napkin, 600 ₽ without delivery."""
    await buyer.start()
    await buyer.sees("Здравствуйте")
    await takes_one(buyer, "Салфетка льняная", "NAP-LIN")
    await answers_questions(buyer, asked)
    return await confirms(buyer)


async def payment_link(buyer: Buyer, number: int) -> str:
    link = await buyer.sees(f"Заказ № {number}: к оплате", "Оплатить")
    return next(iter(link.links.values()))


async def opens(street: Street, link: str) -> str:
    """Follow the link as a browser does; where it leads."""
    async with street.http.get(link) as page:
        assert page.status == 200, await page.text()
        return str(page.url)


async def pays(street: Street, buyer: Buyer, number: int) -> float:
    """By card on YooKassa's page, and back to the shop. Seconds from the press there to "paid" in the chat."""
    page = await opens(street, await payment_link(buyer, number))
    assert "/checkout/" in page, "the link leads to the payment page"
    pressed = time.perf_counter()
    async with street.http.post(page, data={"act": "bank_card"}, allow_redirects=False) as paid:
        assert paid.status == 303
        back = paid.headers["Location"]
    await is_told(buyer, f"Заказ № {number} оплачен")
    took = time.perf_counter() - pressed
    async with street.http.get(back) as page_back:
        assert "оплачен" in (await page_back.text()).lower()
    return took


async def is_told(buyer: Buyer, words: str) -> Seen:
    return await buyer.sees(words)


async def buys(street: Street, buyer: Buyer, asked: Asked) -> int:
    """From the first word to the payment link, two mugs and a napkin. The number of the order."""
    await takes_mugs(buyer)
    await finds_napkin(buyer)
    await takes_one_mug_less(buyer)
    await answers_questions(buyer, asked)
    return await confirms(buyer)
