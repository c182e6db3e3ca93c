"""The main job by hand: the demo's own pages, clicked from the catalogue to the delivery.

PRILAVOK_SCREENSHOTS=folder keeps a picture of each step; the documentation's pictures are made with it.
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from playwright.async_api import Browser, expect

from tests.browser.demo_street import OLGA, OWNER, PATIENCE, ConsolePage, Demo, PhonePage, WidgetPage, open_demo
from tests.browser.test_webchat import browser as browser

pytestmark = [pytest.mark.browser, pytest.mark.timeout(300)]


@pytest.mark.parametrize("messenger", ["phone", "webchat"])
async def test_a_buyer_gets_his_mug(browser: Browser, tmp_path: Path, messenger: str) -> None:
    context = await browser.new_context(viewport={"width": 1440, "height": 900}, locale="ru-RU")
    async with open_demo(tmp_path, context) as demo:
        console = ConsolePage(demo, await context.new_page())
        await console.sign_in()
        owner = PhonePage(demo, await context.new_page(), OWNER)
        await owner.open()
        buyer: PhonePage | WidgetPage
        if messenger == "phone":
            buyer = PhonePage(demo, await context.new_page(), OLGA)
        else:
            buyer = WidgetPage(demo, await context.new_page())
        await buyer.open()
        await _takes_a_mug(demo, buyer)
        await _asks(demo, buyer, console)
        number = await _orders(demo, buyer)
        await _pays(demo, buyer, number)
        await console.shows(f"Заказ № {number} оплачен")
        await demo.shot(console.page, f"{buyer.name}-console-paid")
        await _arrives(demo, buyer, owner, console, number)
        await context.close()
        assert demo.wrongs == []


async def _takes_a_mug(demo: Demo, buyer: PhonePage | WidgetPage) -> None:
    await buyer.begin()
    await buyer.sees("Здравствуйте")
    await demo.shot(buyer.page, f"{buyer.name}-greeting")
    await buyer.tap("Каталог")
    await buyer.press("Кружки и пиалы")
    await buyer.press("Кружка «Крапина»")
    await buyer.sees("MUG-KRAPINA-MILK")
    await buyer.press("шалфей")
    await buyer.sees("MUG-KRAPINA-SAGE")
    await buyer.press("В корзину")
    await buyer.press("+")
    await buyer.press(re.compile("2 в корзине"))
    await buyer.sees("2 ×")
    await demo.shot(buyer.page, f"{buyer.name}-cart")
    await buyer.press("−")
    await buyer.sees("1 ×")


async def _asks(demo: Demo, buyer: PhonePage | WidgetPage, console: ConsolePage) -> None:
    question = "Эту кружку можно в посудомойку?"
    await buyer.say(question)
    await buyer.sees("Передали оператору")
    await console.finds(question)
    await console.answers("Можно, на верхнюю полку.")
    await buyer.sees("Можно, на верхнюю полку.")
    await demo.shot(console.page, f"{buyer.name}-console-talk")
    await console.releases()


async def _orders(demo: Demo, buyer: PhonePage | WidgetPage) -> int:
    await buyer.press("Оформить")
    await buyer.sees("На чьё имя")
    await buyer.gives_name()
    await buyer.sees("Номер телефона")
    await buyer.gives_phone()
    await buyer.sees("Как передать заказ")
    await buyer.press("Курьер до двери")
    await buyer.sees("Куда доставить")
    await buyer.say("Казань, Лесная, 12, кв. 4")
    await buyer.sees("Пожелания к заказу")
    await buyer.press("Без пожеланий")
    await buyer.press("Онлайн")
    await buyer.sees("Проверьте заказ")
    await demo.shot(buyer.page, f"{buyer.name}-summary")
    await buyer.press("Подтвердить")
    await buyer.sees("к оплате")
    await demo.shot(buyer.page, f"{buyer.name}-link")
    said = buyer.page.locator("#messages") if isinstance(buyer, PhonePage) else buyer.chat.locator("#messages")
    placed = re.search(r"Заказ № (\d+): к оплате", await said.inner_text())
    assert placed is not None
    return int(placed[1])


async def _pays(demo: Demo, buyer: PhonePage | WidgetPage, number: int) -> None:
    checkout = await buyer.link()
    await checkout.get_by_role("button", name="Оплатить картой").wait_for()
    await demo.shot(checkout, f"{buyer.name}-checkout")
    await checkout.get_by_role("button", name="Оплатить картой").click()
    await expect(checkout.get_by_text(re.compile("оплачен", re.IGNORECASE)).first).to_be_visible(timeout=PATIENCE)
    await demo.shot(checkout, f"{buyer.name}-paid-page")
    await checkout.close()
    await buyer.sees(f"Заказ № {number} оплачен")
    await demo.shot(buyer.page, f"{buyer.name}-paid")


async def _arrives(
    demo: Demo, buyer: PhonePage | WidgetPage, owner: PhonePage, console: ConsolePage, number: int
) -> None:
    """The demo's bot sends what is paid on to be packed; the owner and the operator do the rest."""
    await owner.sees(f"Заказ № {number} оплачен")
    await owner.sees(f"Заказ № {number}: Сборка")
    await buyer.sees(f"Заказ № {number} собираем")
    await demo.shot(owner.page, f"{buyer.name}-owner")
    await owner.press("Принять")
    await buyer.sees(f"Заказ № {number} в пути")
    await console.opens_order(number)
    await demo.shot(console.page, f"{buyer.name}-order")
    await console.marks_received()
    await buyer.sees(f"Заказ № {number} у вас")
    await owner.sees(f"Заказ № {number}: Доставлен")
    await demo.shot(buyer.page, f"{buyer.name}-delivered")
    await demo.shot(console.page, f"{buyer.name}-order-delivered")
