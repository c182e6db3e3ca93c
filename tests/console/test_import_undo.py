"""An import is taken back: what it did is undone, what people did since is not, and that is said in numbers before."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
import sqlalchemy as sa
from sqlalchemy.orm import Session

from catalog import editing, goods, import_undo, importing
from catalog.tables import Import
from tests.console import trade
from tests.console.desk import Browser, Desk
from tests.console.test_import import checked, lies, table, variant, work

FILE = """Артикул;Название;Категория;Цвет;Цена;Закупочная цена;Штрихкод;В наличии;Описание;Название на английском
VASE-W;Ваза «Утро»;Посуда / Вазы;белый;3900;1500;46;4;Высокая;Vase
VASE-B;Ваза «Утро»;;синий;4100;;;2;;
TUM-300;Кружка «Туман» новая;Посуда / Кружки;серый;1500;800;47;7;Матовая;Mist mug
TUM-500;Кружка «Туман» новая;;чёрный;1900;;;;;"""


async def taken_in(desk: Desk, browser: Browser, file: str = FILE) -> str:
    path = await checked(desk, browser, file)
    assert (await browser.post(f"{path}/apply")).status == 204
    await work(desk)
    return path


async def numbers(browser: Browser, path: str) -> list[int]:
    """Rows that go back, variants that leave the sale, rows that stay: as the page says before anything is done."""
    page = (await browser.get(f"{path}/undo")).text
    return [int(n) for n in re.findall(r"<li>(\d+) ", page)]


async def undone(desk: Desk, browser: Browser, path: str) -> str:
    assert (await browser.post(f"{path}/undo")).status == 204
    await work(desk)
    return (await browser.get(path)).text


async def line(browser: Browser, sku: str) -> dict[str, str]:
    return next(row for row in await table(browser, "/products/export") if row["Артикул"] == sku)


async def act(desk: Desk, sku: str, **changes: object) -> None:
    def change(session: Session) -> None:
        product = goods.product(session, desk.ours.shop_id, goods.by_sku(session, desk.ours.shop_id, sku).product_id)  # type: ignore[union-attr]
        one = next(each for each in product.variants if each.sku == sku)
        editing.edit_variant(session, one, actor="staff:1", **changes)  # type: ignore[arg-type]

    await desk.db.write(change)


async def test_everything_is_as_it_was_and_what_was_added_is_off_the_sale(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(import_undo, "APPLIED", 1)
    owner = await desk.signed_in(desk.ours.owner)
    before = await line(owner, "TUM-300")
    path = await taken_in(desk, owner)
    assert await line(owner, "TUM-300") != before
    assert await numbers(owner, path) == [1, 3, 0]
    page = await undone(desk, owner, path)
    assert "Загрузка отменена" in page
    # The file has brought a column for colours, which stays.
    assert {**await line(owner, "TUM-300"), **before} == await line(owner, "TUM-300")
    assert (await variant(desk, "TUM-300")).purchase_price is None
    assert [(await line(owner, sku))["В продаже"] for sku in ("VASE-W", "VASE-B", "TUM-500")] == ["нет"] * 3
    vase = await desk.db.read(goods.product, desk.ours.shop_id, (await variant(desk, "VASE-W")).product_id)
    mug = await desk.db.read(goods.product, desk.ours.shop_id, (await variant(desk, "TUM-300")).product_id)
    assert (vase.active, mug.active) == (False, True)
    position = await desk.position()
    assert (await owner.post(f"{path}/undo")).status == 204
    await work(desk)
    assert await desk.position() == position


async def test_what_people_changed_since_stays_and_was_told_before(desk: Desk) -> None:
    owner = await desk.signed_in(desk.ours.owner)
    path = await taken_in(desk, owner)
    await act(desk, "TUM-300", price=170000)
    await act(desk, "VASE-B", price=420000)
    assert await numbers(owner, path) == [0, 2, 2]
    await trade.order(desk, quantity=2)
    page = await undone(desk, owner, path)
    assert re.search(r"Изменены позже <span class=\"number\">2<", page)
    assert "Изменено после загрузки и остаётся: Цена" in page
    mug, vase = await variant(desk, "TUM-300"), await variant(desk, "VASE-B")
    assert (mug.price, mug.purchase_price, mug.barcode or "") == (170000, None, "")
    assert (vase.active, vase.price, (await variant(desk, "VASE-W")).active) == (True, 420000, False)


async def test_less_than_is_promised_is_never_counted_and_a_sold_stock_stays(desk: Desk) -> None:
    owner = await desk.signed_in(desk.ours.owner)
    path = await taken_in(desk, owner, "Артикул;Цена;В наличии\nTUM-300;1500;9")
    await trade.order(desk, quantity=8)
    assert await numbers(owner, path) == [1, 0, 0]
    page = await undone(desk, owner, path)
    assert re.search(r"Изменены позже <span class=\"number\">1<", page)
    assert ((await variant(desk, "TUM-300")).price, await lies(desk, "TUM-300")) == (150000, 9)


async def test_only_an_applied_file_of_the_last_days_is_taken_back_and_by_whom_is_kept(desk: Desk) -> None:
    owner = await desk.signed_in(desk.ours.owner)
    path = await checked(desk, owner, FILE)
    assert (await owner.post(f"{path}/undo")).status == 409
    assert (await owner.get(f"{path}/undo")).status == 409
    await owner.post(f"{path}/apply")
    await work(desk)
    assert f"{path}/undo" in (await owner.get(path)).text
    operator = await desk.signed_in(desk.ours.operator)
    assert (await operator.post(f"{path}/undo")).status == 403

    def grows_old(session: Session) -> None:
        session.scalars(sa.select(Import)).one().created_at -= importing.KEPT + timedelta(minutes=1)

    await desk.db.write(grows_old)
    assert f"{path}/undo" not in (await owner.get(path)).text
    assert (await owner.post(f"{path}/undo")).status == 409
