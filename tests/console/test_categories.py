"""Categories and their page in the console."""

from __future__ import annotations

import sqlalchemy as sa

from catalog import goods
from storage.tables import EventRow
from tests.console.desk import Browser, Desk


async def tree(desk: Desk) -> list[tuple[str, int]]:
    rows = await desk.db.read(lambda session: goods.category_tree(session, desk.ours.shop_id))
    return [(row.name, depth) for row, depth in rows]


async def number(desk: Desk, name: str) -> int:
    rows = await desk.db.read(lambda session: goods.category_tree(session, desk.ours.shop_id))
    return next(row.id for row, _depth in rows if row.name == name)


async def add(browser: Browser, name: str, parent: str = "", english: str = "") -> int:
    return (await browser.post("/categories", {"name": name, "parent": parent, "en_name": english})).status


async def test_categories_are_added_under_one_another_and_offered_with_their_place(desk: Desk) -> None:
    browser = await desk.signed_in(desk.ours.owner)
    assert await add(browser, "Посуда", english="Tableware") == 204
    assert await add(browser, "Вазы") == 204
    assert await add(browser, "Кружки", parent=str(await number(desk, "Посуда"))) == 204
    ours = [row for row in await tree(desk) if row[0] in ("Посуда", "Кружки", "Вазы")]
    assert ours == [("Посуда", 0), ("Кружки", 1), ("Вазы", 0)]
    page = (await browser.get(f"/products/{desk.ours.product_id}")).text
    assert "— Кружки" in page
    assert "Tableware" in (await browser.get("/categories")).text


async def test_a_category_is_renamed_moved_and_put_out_of_use(desk: Desk) -> None:
    browser = await desk.signed_in(desk.ours.owner)
    await add(browser, "Посуда")
    await add(browser, "Кружки")
    mugs, plates = await number(desk, "Кружки"), await number(desk, "Посуда")
    form = {"name": "Кружки и пиалы", "en_name": "Mugs", "parent": str(plates), "active": ""}
    assert (await browser.post(f"/categories/{mugs}", form)).status == 204
    row = await desk.db.read(lambda session: goods.category(session, desk.ours.shop_id, mugs))
    assert (row.name, row.parent_id, row.active, row.translations) == (
        "Кружки и пиалы",
        plates,
        False,
        {"en": {"name": "Mugs"}},
    )


async def test_a_category_never_stands_inside_itself(desk: Desk) -> None:
    browser = await desk.signed_in(desk.ours.owner)
    await add(browser, "Посуда")
    plates = await number(desk, "Посуда")
    await add(browser, "Кружки", parent=str(plates))
    mugs = await number(desk, "Кружки")
    for parent in (plates, mugs):
        answer = await browser.post(f"/categories/{plates}", {"name": "Посуда", "parent": str(parent), "active": "on"})
        assert answer.status == 409
    assert ("Кружки", 1) in await tree(desk)
    page = (await browser.get("/categories")).text
    own = page.partition(f'id="category-{plates}"')[2].partition("</section>")[0]
    assert f'value="{mugs}"' not in own, "what stands under it is not offered as its place"


async def test_categories_change_places(desk: Desk) -> None:
    browser = await desk.signed_in(desk.ours.owner)
    for name in ("А", "Б", "В"):
        await add(browser, name)
    await browser.post(f"/categories/{await number(desk, 'В')}/shift", {"to": "back"})
    assert [name for name, _ in await tree(desk) if name in "АБВ"] == ["А", "В", "Б"]
    await browser.post(f"/categories/{await number(desk, 'А')}/shift", {"to": "forward"})
    assert [name for name, _ in await tree(desk) if name in "АБВ"] == ["В", "А", "Б"]


async def test_a_category_without_a_name_is_refused(desk: Desk) -> None:
    browser = await desk.signed_in(desk.ours.owner)
    before = await tree(desk)
    assert await add(browser, "  ") == 409
    assert await tree(desk) == before


async def test_a_product_leaves_its_category(desk: Desk) -> None:
    browser = await desk.signed_in(desk.ours.owner)
    await add(browser, "Кружки")
    at, mugs = f"/products/{desk.ours.product_id}", str(await number(desk, "Кружки"))
    form = {"name": "Кружка «Туман»", "description": "", "category": mugs}
    await browser.post(at, form)

    async def category() -> int | None:
        row = await desk.db.read(lambda session: goods.product(session, desk.ours.shop_id, desk.ours.product_id))
        return row.category_id

    assert str(await category()) == mugs
    await browser.post(at, {**form, "category": ""})
    assert await category() is None


async def test_a_colleagues_page_hears_of_each_change_of_the_categories(desk: Desk) -> None:
    owner, manager = await desk.signed_in(desk.ours.owner), await desk.signed_in(desk.ours.colleague)
    async with manager.listening() as stream:
        await add(owner, "Посуда")
        plates = await number(desk, "Посуда")
        assert ["category", plates] in (await stream.next("category_changed"))["topics"]
        form = {"name": "Тарелки", "parent": "", "active": "on"}
        for path, said in (("", form), ("/shift", {"to": "back"})):
            await owner.post(f"/categories/{plates}{path}", said)
            assert ["category", plates] in (await stream.next("category_changed"))["topics"]
    query = sa.select(EventRow.actor).where(EventRow.kind == "category_changed")
    actors = await desk.db.read(lambda session: list(session.scalars(query)))
    assert actors == [f"staff:{desk.ours.owner.id}"] * 3


async def test_keeping_a_category_as_it_is_tells_nobody(desk: Desk) -> None:
    owner = await desk.signed_in(desk.ours.owner)
    await add(owner, "Посуда")
    plates, before = await number(desk, "Посуда"), await desk.position()
    form = {"name": "Посуда", "en_name": "", "parent": "", "active": "on"}
    assert (await owner.post(f"/categories/{plates}", form)).status == 204
    assert await desk.position() == before
