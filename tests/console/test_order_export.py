"""The table of orders as a file for spreadsheets."""

from __future__ import annotations

import csv
import io
import zipfile
from dataclasses import replace
from typing import Any
from zoneinfo import ZoneInfo

import pytest
import sqlalchemy as sa
from python_calamine import CalamineWorkbook

from operator_console import order_export
from tests.console import trade
from tests.console.desk import Browser, Desk

MOSCOW = ZoneInfo("Europe/Moscow")


async def rows(browser: Browser, query: str = "") -> list[dict[str, str]]:
    answer = await browser.get(f"/orders/export{query}")
    assert answer.status == 200
    assert answer.headers["Content-Disposition"].startswith("attachment;")
    return list(csv.DictReader(io.StringIO(answer.text.removeprefix("\ufeff")), delimiter=";"))


async def test_every_order_is_in_the_file_however_many_portions_it_takes(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(order_export, "PORTION", 2)
    made = [await trade.order(desk, quantity=1) for _ in range(5)]
    owner = await desk.signed_in(desk.ours.owner)
    found = await rows(owner)
    assert [row["№"] for row in found] == [str(order.number) for order in made]
    assert found[0]["Товары"] == "Кружка «Туман» × 1"
    assert found[0]["Итого"] == "1450,00"


async def test_what_a_search_finds_is_found_once_however_many_portions_it_takes(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(order_export, "PORTION", 2)
    made = [await trade.order(desk, replace(trade.ON_RECEIPT, recipient="Зоя Лисина"), quantity=1) for _ in range(4)]
    await trade.order(desk, replace(trade.ON_RECEIPT, recipient="Борис Орлов"), quantity=1)
    owner = await desk.signed_in(desk.ours.owner)
    searches: list[str] = []

    def note(_conn: Any, _cursor: Any, statement: str, parameters: Any, *_more: Any) -> None:
        if "лисин" in str(parameters).lower() and "FROM" in statement:
            searches.append(statement)

    sa.event.listen(sa.Engine, "before_cursor_execute", note)
    try:
        found = await rows(owner, "?q=лисина")
    finally:
        sa.event.remove(sa.Engine, "before_cursor_execute", note)
    assert [row["№"] for row in found] == [str(order.number) for order in made]
    assert len(searches) == 1


async def test_the_file_has_what_the_table_shows(desk: Desk) -> None:
    _open, (paid, _payment) = await trade.order(desk), await trade.paid_order(desk)
    owner = await desk.signed_in(desk.ours.owner)
    assert [row["№"] for row in await rows(owner, "?payment=paid")] == [str(paid.number)]
    assert await rows(owner, "?q=nobody-of-this-name") == []


async def test_what_a_buyer_writes_is_no_formula(desk: Desk) -> None:
    details = replace(trade.ON_RECEIPT, recipient="=HYPERLINK(1)", phone="+79000001284", comment="@SUM(A1); ж")
    await trade.order(desk, details)
    (row,) = await rows(await desk.signed_in(desk.ours.owner))
    assert row["Покупатель"] == "'=HYPERLINK(1)"
    assert row["Комментарий"] == "'@SUM(A1); ж"
    assert row["Телефон"] == "+79000001284"


async def test_a_workbook_has_sums_and_moments_as_such_and_no_formula(desk: Desk) -> None:
    details = replace(trade.ON_RECEIPT, recipient="=HYPERLINK(1)", phone="+79000001284", comment="@SUM(A1)\n-1")
    order = await trade.order(desk, details)
    owner = await desk.signed_in(desk.ours.owner)
    answer = await owner.get("/orders/export?format=xlsx&q=79000001284")
    assert (answer.status, answer.headers["Content-Disposition"].endswith('.xlsx"')) == (200, True)
    sheet = CalamineWorkbook.from_filelike(io.BytesIO(answer.body)).get_sheet_by_name("Заказы")
    titles, row = sheet.to_python()
    cells = dict(zip(titles, row, strict=True))
    assert (cells["№"], cells["Итого"], cells["Дата оплаты"]) == (order.number, 2900.0, "")
    assert cells["Оформлен"] == order.created_at.astimezone(MOSCOW).replace(tzinfo=None, second=0, microsecond=0)
    assert (cells["Покупатель"], cells["Телефон"]) == ("=HYPERLINK(1)", "+79000001284")
    assert cells["Комментарий"] == "@SUM(A1)\n-1"
    with zipfile.ZipFile(io.BytesIO(answer.body)) as parts:
        assert b"<f>" not in parts.read("xl/worksheets/sheet1.xml")
    assert list(csv.reader(io.StringIO((await owner.get("/orders/export?format=odd")).text)))


async def test_only_who_may_take_lists_away_does(desk: Desk) -> None:
    await trade.order(desk)
    operator, owner = await desk.signed_in(desk.ours.operator), await desk.signed_in(desk.ours.owner)
    assert (await operator.get("/orders/export")).status == 403
    assert "/orders/export" not in (await operator.get("/orders?layout=table")).text
    assert "/orders/export" in (await owner.get("/orders?layout=table")).text


async def test_another_shops_orders_are_not_in_it(desk: Desk) -> None:
    await trade.order(desk)
    assert await rows(await desk.signed_in(desk.foreign.owner)) == []
