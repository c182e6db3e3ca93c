"""Ready answers: the owner's list, and what the composer is offered."""

from __future__ import annotations

import pytest

from inbox import canned
from tests.console import trade
from tests.console.desk import Browser, Desk


async def add(browser: Browser, name: str, text: str) -> int:
    return (await browser.post("/settings/replies", {"name": name, "text": text})).status


async def names(desk: Desk) -> list[str]:
    rows = await desk.db.read(lambda session: canned.replies(session, desk.ours.shop_id))
    return [row.name for row in rows]


async def test_an_owner_keeps_answers_and_an_operator_is_offered_them_filled(desk: Desk) -> None:
    owner, operator = await desk.signed_in(desk.ours.owner), await desk.signed_in(desk.ours.operator)
    assert await add(owner, "/Привет", "Здравствуйте, {name}! Это {shop}.") == 204
    assert await add(owner, "сроки", "Заказ № {order} на {sum} соберём завтра.") == 204
    offered = (await operator.fragment(f"/inbox/{desk.ours.anna}/canned?q=при")).text
    assert "Здравствуйте, Анна! Это" in offered
    assert "сроки" not in offered
    order = await trade.order(desk)
    offered = (await operator.fragment(f"/inbox/{desk.ours.anna}/canned?q=")).text
    assert f"Заказ № {order.number} на" in offered
    assert "/сроки" in offered


async def test_what_is_not_known_stays_in_braces(desk: Desk) -> None:
    owner = await desk.signed_in(desk.ours.owner)
    await add(owner, "сроки", "Заказ № {order} уже в пути.")
    assert "Заказ № {order} уже" in (await owner.fragment(f"/inbox/{desk.ours.anna}/canned?q=")).text


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("", "a"),
        ("имя", " "),
        ("два слова", "a"),
        ("a/b", "a"),
        ("д" * 41, "a"),
        ("имя", "a" * 4001),
        ("имя", "{price}"),
    ],
)
async def test_what_cannot_be_used_is_refused(desk: Desk, name: str, text: str) -> None:
    owner = await desk.signed_in(desk.ours.owner)
    assert await add(owner, name, text) == 409
    assert await names(desk) == []


async def test_a_name_is_given_once(desk: Desk) -> None:
    owner = await desk.signed_in(desk.ours.owner)
    await add(owner, "привет", "Здравствуйте!")
    await add(owner, "сроки", "Завтра.")
    assert await add(owner, "ПРИВЕТ", "Добрый день!") == 409
    rows = await desk.db.read(lambda session: canned.replies(session, desk.ours.shop_id))
    second = next(row for row in rows if row.name == "сроки")
    assert (await owner.post(f"/replies/{second.id}", {"name": "привет", "text": "Нет"})).status == 409
    assert (await owner.post(f"/replies/{second.id}", {"name": "сроки", "text": "Послезавтра."})).status == 204
    assert (await owner.post(f"/replies/{second.id}/remove")).status == 204
    assert await names(desk) == ["привет"]


async def test_there_is_an_end_of_them(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(canned, "MOST", 1)
    owner = await desk.signed_in(desk.ours.owner)
    assert await add(owner, "а", "a") == 204
    assert await add(owner, "б", "b") == 409


async def test_those_that_begin_so_come_before_those_that_mention_it(desk: Desk) -> None:
    owner = await desk.signed_in(desk.ours.owner)
    await add(owner, "адрес", "Мы на Лесной. Доставка бесплатна.")
    await add(owner, "доставка", "Курьером или самовывозом.")
    rows = await desk.db.read(lambda session: canned.replies(session, desk.ours.shop_id, "дост"))
    assert [row.name for row in rows] == ["доставка", "адрес"]


async def test_another_shop_has_its_own(desk: Desk) -> None:
    owner, stranger = await desk.signed_in(desk.ours.owner), await desk.signed_in(desk.foreign.owner)
    await add(owner, "привет", "Здравствуйте!")
    assert await add(stranger, "привет", "Hello!") == 204
    assert await names(desk) == ["привет"]
    assert "Hello" not in (await owner.get("/settings/replies")).text
