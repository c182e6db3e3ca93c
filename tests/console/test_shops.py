"""An owner opens one more shop from the settings, works in either, and brings his people along."""

from __future__ import annotations

import asyncio

import pytest
from sqlalchemy.orm import Session

from company import shops, staff
from company.tables import Role, Shop
from orders import pipelines
from payments import accounts as payment_accounts
from tests.console.desk import PASSWORD, Desk

LEAF = {"name": "Лист и ветка", "currency": "KZT", "locale": "ru", "timezone": "Asia/Almaty", "pipelines": "usual"}


async def leaf(desk: Desk) -> Shop:
    """The shop that was opened last."""
    return (await desk.db.read(shops.every))[-1]


async def test_an_owner_opens_a_shop_and_is_in_it_at_once(desk: Desk) -> None:
    owner = await desk.signed_in(desk.ours.owner)
    opened = await owner.post("/settings/shops", LEAF)
    assert (opened.status, opened.headers["HX-Redirect"]) == (204, "/settings")
    shop = await leaf(desk)
    assert (shop.name, shop.currency, shop.timezone) == ("Лист и ветка", "KZT", "Asia/Almaty")
    here = (await owner.get("/settings")).text
    assert "<small>Лист и ветка</small>" in here
    assert "вы здесь" in here
    assert "Марина Ким" not in here
    assert "Анна Ветрова" not in (await owner.get("/customers")).text

    def read(session: Session) -> tuple[list[str], list[str]]:
        stages = [stage.code for stage in pipelines.pipeline(session, shop.id).stages]
        return stages, [account.provider for account in payment_accounts.of_shop(session, shop.id)]

    assert await desk.db.read(read) == ([spec.code for spec in pipelines.DEFAULT], ["manual"])


async def test_one_goes_from_shop_to_shop_by_the_side_menu(desk: Desk) -> None:
    owner = await desk.signed_in(desk.ours.owner)
    assert 'id="choose-shop"' not in (await owner.get("/settings")).text
    await owner.post("/settings/shops", LEAF)
    assert 'id="choose-shop"' in (await owner.get("/settings")).text
    there = await owner.post("/me/shop", {"shop": str(desk.ours.shop_id)})
    assert (there.status, there.headers["Location"]) == (303, "/")
    assert "Анна Ветрова" in (await owner.get("/customers")).text


async def test_the_form_sent_twice_at_once_opens_one_shop(desk: Desk) -> None:
    owner = await desk.signed_in(desk.ours.owner)
    before = len(await desk.db.read(shops.every))
    twice = await asyncio.gather(*(owner.post("/settings/shops", LEAF) for _press in range(2)))
    assert sorted(answer.status for answer in twice) == [204, 409]
    assert len(await desk.db.read(shops.every)) == before + 1


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"name": " "}, "от 1 до 200 знаков"),
        ({"currency": "XXX"}, "XXX"),
        ({"timezone": "Mars"}, "Mars"),
        ({"locale": "fr"}, "fr"),
    ],
)
async def test_what_is_no_shop_is_refused_in_words(desk: Desk, wrong: dict[str, str], words: str) -> None:
    owner = await desk.signed_in(desk.ours.owner)
    before = len(await desk.db.read(shops.every))
    answer = await owner.post("/settings/shops", LEAF | wrong)
    assert (answer.status, words in answer.text) == (409, True)
    assert len(await desk.db.read(shops.every)) == before


async def test_stages_are_those_of_the_shop_that_he_comes_from_if_he_likes(desk: Desk) -> None:
    def change(session: Session) -> None:
        first = pipelines.pipeline(session, desk.ours.shop_id)
        first.stages[3].name = "Обжиг"
        pipelines.create_pipeline(session, shops.get(session, desk.ours.shop_id), "Предзаказ", pipelines.PREORDER)

    await desk.db.write(change)
    owner = await desk.signed_in(desk.ours.owner)
    await owner.post("/settings/shops", LEAF | {"pipelines": "same"})
    shop = await leaf(desk)
    first, second = await desk.db.read(lambda session: pipelines.pipelines(session, shop.id))
    assert [stage.code for stage in first.stages] == [spec.code for spec in pipelines.DEFAULT]
    assert (first.stages[3].name, second.name) == ("Обжиг", "Предзаказ")


async def test_a_colleague_comes_along_by_his_email_and_leaves_one_shop_alone(desk: Desk) -> None:
    owner = await desk.signed_in(desk.ours.owner)
    sofya = await desk.signed_in(desk.ours.colleague)
    await owner.post("/settings/shops", LEAF)
    shop = await leaf(desk)
    form = {"name": "Чужое имя", "email": desk.ours.colleague.email, "password": "другой пароль", "role": "manager"}
    assert (await owner.post("/settings/staff", form)).status == 204
    works = await desk.db.read(staff.shops_of, desk.ours.colleague.id)
    assert [(one.id, role) for one, role in works] == [
        (desk.ours.shop_id, Role.OPERATOR),
        (shop.id, Role.MANAGER),
    ]
    person = await desk.db.read(staff.get, desk.ours.colleague.id)
    assert (person.name, staff.verify(person.password_hash, PASSWORD)) == ("Софья Белова", True)
    assert (await owner.post(f"/staff/{person.id}/dismiss")).status == 204
    assert "Анна Ветрова" in (await sofya.get("/customers")).text
    assert [one.id for one, _role in await desk.db.read(staff.shops_of, person.id)] == [desk.ours.shop_id]


async def test_a_stranger_is_not_taken_along(desk: Desk) -> None:
    owner = await desk.signed_in(desk.ours.owner)
    form = {"name": "Чужой", "email": desk.foreign.operator.email, "password": PASSWORD, "role": "operator"}
    answer = await owner.post("/settings/staff", form)
    assert (answer.status, desk.foreign.operator.email in answer.text) == (409, True)
    works = await desk.db.read(staff.shops_of, desk.foreign.operator.id)
    assert [shop.id for shop, _role in works] == [desk.foreign.shop_id]
