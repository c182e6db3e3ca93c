"""Ticked products changed at once: prices, category, sale; shown before, and taken back."""

from __future__ import annotations

import html
import re

import pytest
import sqlalchemy as sa
from sqlalchemy.orm import Session

from catalog import editing, many
from catalog.tables import Category, Product, Variant
from company.tables import Shop
from storage.tables import EventRow
from tests.console.desk import Answer, Browser, Desk

RAISE = {"act": "price", "way": "up", "by": "10", "unit": "percent", "step": "1"}


async def three(desk: Desk) -> str:
    """The mug at 1 450 ₽ and two more products at 99,90 ₽ and 1 001 ₽; their ids as the list sends them."""

    def more(session: Session) -> str:
        shop, ids = session.get_one(Shop, desk.ours.shop_id), [desk.ours.product_id]
        for sku, price in (("A", 9990), ("B", 100100)):
            product = editing.add_product(session, shop, name=f"Товар {sku}")
            editing.add_variant(session, product, sku=sku, price=price)
            ids.append(product.id)
        return ",".join(map(str, ids))

    return await desk.db.write(more)


async def prices(desk: Desk) -> list[int]:
    query = sa.select(Variant.price).where(Variant.shop_id == desk.ours.shop_id).order_by(Variant.id)
    return list(await desk.db.read(lambda session: session.scalars(query).all()))


async def seen(browser: Browser, form: dict[str, str]) -> dict[str, str]:
    """The form with what the page has shown."""
    query = "&".join(f"{name}={value}" for name, value in form.items())
    found = re.search(r'name="seen" value="(\w+)"', (await browser.fragment(f"/products/bulk/prices?{query}")).text)
    assert found is not None
    return form | {"seen": found[1]}


def back(answer: Answer) -> dict[str, str]:
    """The form of the page's Undo."""
    return {name: html.unescape(value) for name, value in re.findall(r'name="(\w+)" value="([^"]*)"', answer.text)}


async def test_prices_are_shown_as_they_would_be_then_raised_then_taken_back(desk: Desk) -> None:
    ids = await three(desk)
    browser = await desk.signed_in(desk.ours.owner)
    assert "3 товара" in (await browser.get(f"/products/bulk?ids={ids}")).text
    form = RAISE | {"ids": ids, "step": "1000"}
    shown = (await browser.fragment("/products/bulk/prices?" + "&".join(f"{k}={v}" for k, v in form.items()))).text
    assert "<del>1\xa0450\xa0₽</del> → <ins>1\xa0600\xa0₽</ins>" in shown
    assert "Изменить 3 цены" in shown
    assert await prices(desk) == [145000, 9990, 100100]
    answer = await browser.post("/products/bulk", await seen(browser, form))
    assert "Изменены 3 цены" in answer.text
    assert await prices(desk) == [160000, 11000, 110000]
    await browser.post(f"/variants/{desk.ours.mug.id}", {"price": "1700", "active": "on"})
    undone = await browser.post("/products/bulk/undo", back(answer))
    assert "Отменено 2 изменения" in undone.text
    assert await prices(desk) == [170000, 9990, 100100]


async def test_a_second_press_and_prices_that_changed_meanwhile_are_refused(desk: Desk) -> None:
    ids = await three(desk)
    browser = await desk.signed_in(desk.ours.owner)
    form = await seen(browser, RAISE | {"ids": ids})
    assert (await browser.post("/products/bulk", form)).status == 200
    again = await browser.post("/products/bulk", form)
    assert (again.status, await prices(desk)) == (409, [159500, 10989, 110110])
    assert "уже другие" in again.text


@pytest.mark.parametrize(
    "bad",
    [
        {"by": "0"},
        {"by": "ten"},
        {"by": "NaN"},
        {"by": "100", "way": "down"},
        {"by": "100", "unit": "sum", "way": "down"},
    ],
)
async def test_a_change_that_leaves_nothing_of_a_price_changes_none(desk: Desk, bad: dict[str, str]) -> None:
    ids = await three(desk)
    browser = await desk.signed_in(desk.ours.owner)
    form = await seen(browser, RAISE | {"ids": ids})
    assert (await browser.post("/products/bulk", form | bad)).status == 409
    assert await prices(desk) == [145000, 9990, 100100]


async def test_products_go_under_a_category_and_back_to_where_each_was(desk: Desk) -> None:
    ids = await three(desk)
    browser = await desk.signed_in(desk.ours.owner)

    def two(session: Session) -> tuple[int, int]:
        shop = session.get_one(Shop, desk.ours.shop_id)
        cups, sale = (editing.add_category(session, shop, name=name) for name in ("Кружки", "Скидки"))
        editing.edit_product(session, many.products(session, shop.id, [desk.ours.product_id])[0], category=cups)
        return cups.id, sale.id

    cups, sale = await desk.db.write(two)
    query = sa.select(Product.category_id).where(Product.shop_id == desk.ours.shop_id).order_by(Product.id)
    answer = await browser.post("/products/bulk", {"act": "category", "ids": ids, "category": str(sale)})
    assert "у 3 товаров" in answer.text
    assert await desk.db.read(lambda session: session.scalars(query).all()) == [sale] * 3
    await browser.post("/products/bulk/undo", back(answer))
    assert await desk.db.read(lambda session: session.scalars(query).all()) == [cups, None, None]
    theirs = sa.select(Category.id).where(Category.shop_id == desk.foreign.shop_id)
    assert (await desk.db.read(lambda session: session.scalars(theirs).all())) == []


async def test_products_leave_the_sale_and_the_search_and_come_back_with_an_event_each(desk: Desk) -> None:
    ids = await three(desk)
    browser = await desk.signed_in(desk.ours.owner)
    answer = await browser.post("/products/bulk", {"act": "sale", "ids": ids, "active": "0"})
    assert "3 товара сняты" in answer.text
    assert "TUM-300" not in (await browser.fragment("/picker/goods?q=кружка")).text
    last = sa.select(EventRow).order_by(EventRow.id.desc()).limit(3)
    events = await desk.db.read(lambda session: session.scalars(last).all())
    assert [event.payload["changes"] for event in events] == [{"active": [True, False]}] * 3
    assert {event.actor for event in events} == {f"staff:{desk.ours.owner.id}"}
    await browser.post("/products/bulk/undo", back(answer))
    assert "TUM-300" in (await browser.fragment("/picker/goods?q=кружка")).text


async def test_only_ones_own_products_and_not_too_many_of_them(desk: Desk) -> None:
    browser, operator = await desk.signed_in(desk.ours.owner), await desk.signed_in(desk.ours.operator)
    theirs = f"{desk.ours.product_id},{desk.foreign.product_id}"
    assert (await browser.get(f"/products/bulk?ids={theirs}")).status == 404
    assert (await browser.post("/products/bulk", {"act": "sale", "ids": theirs, "active": "0"})).status == 404
    foreign = f"{desk.foreign.mug.id}:1:145000"
    undo = {"act": "price", "ids": str(desk.ours.product_id), "back": foreign}
    await browser.post("/products/bulk/undo", undo)
    assert (await desk.db.read(lambda session: session.get_one(Variant, desk.foreign.mug.id))).price == 145000
    lots = ",".join(str(n) for n in range(1, many.MOST + 2))
    assert (await browser.get(f"/products/bulk?ids={lots}")).status == 409
    assert (await operator.get(f"/products/bulk?ids={desk.ours.product_id}")).status == 403
    assert "data-tick" not in (await operator.get("/products")).text
