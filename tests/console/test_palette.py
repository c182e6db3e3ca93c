"""The palette: anything is found from any page, by those who may see it."""

from __future__ import annotations

import re

from inbox import searching
from tests.console.desk import Browser, Desk, hear
from tests.console.test_rights import order_of


async def links(browser: Browser, text: str) -> list[str]:
    return re.findall(r'<a [^>]*href="([^"]+)"', (await browser.fragment(f"/find?q={text}")).text)


async def test_before_anything_is_typed_it_offers_the_last_talks_and_all_pages(desk: Desk) -> None:
    offered = await links(await desk.signed_in(desk.ours.owner), "")
    assert offered[0] == f"/inbox/{desk.ours.anna}"
    assert {"/orders/new", "/settings", "/operation"} <= set(offered)


async def test_pages_are_found_by_beginnings_of_words_and_offered_to_those_who_may_open_them(desk: Desk) -> None:
    owner, operator = await desk.signed_in(desk.ours.owner), await desk.signed_in(desk.ours.operator)
    assert await links(owner, "ворон") == ["/settings/pipelines"]
    assert await links(operator, "ворон") == []
    assert "/orders/new" in await links(operator, "зак нов")


async def test_an_order_is_found_by_its_number_and_a_customer_by_name_and_phone(desk: Desk) -> None:
    order = await desk.db.write(order_of, desk.ours)
    browser = await desk.signed_in(desk.ours.operator)
    assert f"/orders/{order.id}" in await links(browser, str(order.number))
    by_name = await links(browser, "ветрова")
    assert {f"/customers/{order.customer_id}", f"/inbox/{desk.ours.anna}", f"/orders/{order.id}"} <= set(by_name)


async def test_a_product_is_found(desk: Desk) -> None:
    assert f"/products/{desk.ours.product_id}" in await links(await desk.signed_in(desk.ours.operator), "туман")


async def test_what_was_said_is_found_and_leads_to_the_very_message(desk: Desk) -> None:
    for n in range(60):
        await desk.db.write(hear, desk.ours.account, "Анна Ветрова", f"и ещё {n}")
    await desk.db.write(searching.catch_up)
    browser = await desk.signed_in(desk.ours.operator)
    [address] = [link for link in await links(browser, "кружку") if "message=" in link]
    path, _, anchor = address.replace("&amp;", "&").partition("#")
    page = (await browser.get(path)).text
    assert f'id="{anchor}"' in page, "though it is an old one"
    assert "и ещё 59" in page


async def test_nothing_of_another_shop_is_found(desk: Desk) -> None:
    await desk.db.write(order_of, desk.foreign)
    await desk.db.write(searching.catch_up)
    browser = await desk.signed_in(desk.ours.operator)
    theirs = [f"/inbox/{desk.foreign.anna}", f"/products/{desk.foreign.product_id}"]
    for text in ("", "анна", "кружка", "ветрова", "1001"):
        found = await links(browser, text)
        assert not [link for link in found for foreign in theirs if link.startswith(foreign)]


async def test_a_conversation_is_in_the_list_for_what_was_said_in_it(desk: Desk) -> None:
    await desk.db.write(hear, desk.ours.account, "Тимур Ахметов", "Глазурь не облупится?")
    await desk.db.write(hear, desk.ours.account, "Тимур Ахметов", "Спасибо")
    await desk.db.write(searching.catch_up)
    browser = await desk.signed_in(desk.ours.operator)
    found = (await browser.fragment("/inbox/list?q=глазури")).text
    assert "Тимур Ахметов" in found
    assert "Анна Ветрова" not in found
