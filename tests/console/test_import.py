"""Products from a file: what it says, what would happen, what happens, and what comes back out."""

from __future__ import annotations

import csv
import io
import re
from datetime import timedelta

import aiohttp
import pytest
import sqlalchemy as sa
from sqlalchemy.orm import Session

from catalog import editing, goods, import_undo, importing, stock
from catalog.tables import Category, Import, ImportRow, Product, Stock, StockMove, Variant
from company.tables import Shop
from kit.clock import utc_now
from operator_console import import_pages
from storage.jobs import Job
from storage.tables import EventRow
from storage.worker import Worker
from tests.console import trade
from tests.console.desk import Answer, Browser, Desk

HEADINGS = "Артикул;Название;Категория;Цвет;Цена;Закупочная цена;Штрихкод;В наличии;Описание"


async def work(desk: Desk) -> None:
    worker = Worker(desk.db, {**importing.handlers(desk.db), **import_undo.handlers()})
    await worker.start()
    try:
        await worker.idle()
    finally:
        await worker.stop()


async def send(browser: Browser, data: bytes | str, name: str = "товары.csv") -> Answer:
    form = aiohttp.FormData()
    form.add_field("file", data.encode() if isinstance(data, str) else data, filename=name)
    return await browser.post("/products/import", form)


def chosen(page: str) -> dict[str, str]:
    """The columns as the page has them selected."""
    found = {}
    for name, options in re.findall(r'<select id="[^"]*" name="(column-\d+)">(.*?)</select>', page, re.DOTALL):
        selected = re.search(r'<option value="([^"]*)" selected>', options)
        found[name] = selected[1] if selected else ""
    return found


async def checked(desk: Desk, browser: Browser, data: bytes | str, name: str = "товары.csv", **columns: str) -> str:
    """The address of a file that has been sent in, and checked with the columns that were recognised, or these."""
    answer = await send(browser, data, name)
    assert answer.status == 204, answer.text
    path = str(answer.headers["HX-Redirect"])
    form = chosen((await browser.get(path)).text) | columns
    assert (await browser.post(f"{path}/columns", form)).status == 204
    await work(desk)
    return path


async def applied(desk: Desk, browser: Browser, data: bytes | str, name: str = "товары.csv") -> importing.Counts:
    path = await checked(desk, browser, data, name)
    assert (await browser.post(f"{path}/apply")).status == 204
    await work(desk)
    return await counts(desk, path)


async def counts(desk: Desk, path: str) -> importing.Counts:
    return await desk.db.read(importing.counts, int(path.rpartition("/")[2]))


async def reasons(browser: Browser, path: str) -> dict[str, str]:
    """Why rows are wrong, by the number of the line: from the file of them."""
    lines = await table(browser, f"{path}/wrong")
    return {line["Строка"]: line["Причина"] for line in lines}


async def table(browser: Browser, path: str) -> list[dict[str, str]]:
    answer = await browser.get(path)
    assert answer.status == 200, answer.text
    return list(csv.DictReader(io.StringIO(answer.text.removeprefix("\ufeff")), delimiter=";"))


async def variant(desk: Desk, sku: str) -> Variant:
    found = await desk.db.read(goods.by_sku, desk.ours.shop_id, sku)
    assert found is not None, sku
    return found


async def lies(desk: Desk, sku: str) -> int:
    of = (await variant(desk, sku)).id
    query = sa.select(sa.func.sum(Stock.on_hand)).where(Stock.variant_id == of)
    return await desk.db.read(lambda session: session.scalar(query)) or 0


async def test_a_file_adds_products_with_their_variants_and_changes_those_that_are_there(desk: Desk) -> None:
    browser = await desk.signed_in(desk.ours.owner)
    rows = [
        HEADINGS,
        "VASE-W;Ваза «Утро»;Посуда / Вазы;белый;3 900;1500;4600000000017;4;Высокая",
        "VASE-B;Ваза «Утро»;Посуда / Вазы;синий;4100,50;;4600000000024;2;",
        "TUM-300;Кружка «Туман»;;;1500;;;7;Матовая глазурь",
    ]
    path = await checked(desk, browser, "\n".join(rows))
    assert (await counts(desk, path)).left == 3
    assert await desk.db.read(goods.by_sku, desk.ours.shop_id, "VASE-W") is None
    page = (await browser.get(f"{path}?show=changed")).text
    assert "<del>1\xa0450\xa0₽</del> → <ins>1\xa0500\xa0₽</ins>" in page
    assert "<del>5</del> → <ins>7</ins>" in page
    assert "Матовая глазурь" not in page
    await browser.post(f"{path}/apply")
    await work(desk)
    white, blue = await variant(desk, "VASE-W"), await variant(desk, "VASE-B")
    assert white.product_id == blue.product_id
    assert (white.price, white.purchase_price, white.barcode) == (390000, 150000, "4600000000017")
    assert (blue.price, blue.attributes) == (410050, [["Цвет", "синий"]])
    assert (await variant(desk, "TUM-300")).price == 150000
    assert [await lies(desk, sku) for sku in ("VASE-W", "VASE-B", "TUM-300")] == [4, 2, 7]
    paths = await desk.db.read(
        lambda session: dict(session.execute(sa.select(Category.name, Category.parent_id)).all())
    )
    assert paths.keys() == {"Посуда", "Вазы"}
    assert (await desk.db.read(importing.get, desk.ours.shop_id, int(path.rpartition("/")[2]))).state == "done"
    assert "VASE-B" in (await browser.fragment("/products?q=ваза")).text


async def test_a_second_time_the_same_file_changes_nothing(desk: Desk) -> None:
    browser = await desk.signed_in(desk.ours.owner)
    rows = f"{HEADINGS}\nVASE-W;Ваза;Посуда/Вазы;белый;3900;1500;46;4;Высокая\nVASE-B;Ваза;;синий;4100;;;2;"
    assert (await applied(desk, browser, rows)).new == 2
    before = await desk.position()
    path = await checked(desk, browser, rows)
    found = await counts(desk, path)
    assert (found.same, found.left) == (2, 0)
    page = (await browser.get(path)).text
    assert "Файл ничего не меняет" in page
    assert f"{path}/apply" not in page
    assert await desk.position() == before


async def test_what_is_exported_and_sent_in_again_changes_nothing(desk: Desk) -> None:
    def shelves(session: Session) -> None:
        shop = session.get_one(Shop, desk.ours.shop_id)
        top = editing.add_category(session, shop, name="Чай/кофе")
        product = editing.add_product(
            session,
            shop,
            name="=Чай «Горный»",
            category=editing.add_category(session, shop, name="Зелёный > листовой", parent=top),
            description='-Первая строка\nвторая; «кавычки» "и такие"',
            translations={"en": {"name": "Mountain tea", "description": "'=green"}},
        )
        editing.add_variant(session, product, sku="+TEA 1", price=10001, purchase_price=1, barcode="0046")
        editing.add_variant(session, product, sku="TEA-2", price=0, attributes=[("Вес, г", "100"), ("Сорт", "@выс")])
        editing.archive_product(session, product)
        stock.add_warehouse(session, shop, name="Дальний", en="Far")

    await desk.db.write(shelves)
    for language in ("ru", "en"):
        browser = await desk.signed_in(desk.ours.owner)
        await browser.post("/me/language", {"language": language})
        exported = (await browser.get("/products/export")).text
        assert "'=Чай" in exported
        path = await checked(desk, browser, exported)
        found = await counts(desk, path)
        assert (found.same, found.rows) == (3, 3), (await browser.get(path)).text
    workbook = await browser.get("/products/export?format=xlsx")
    assert workbook.headers["Content-Disposition"].endswith('.xlsx"')
    path = await checked(desk, browser, workbook.body, "goods.xlsx")
    found = await counts(desk, path)
    assert (found.same, found.rows) == (3, 3), (await browser.get(path)).text
    assert "/products/export?format=xlsx" in (await browser.get("/products")).text


async def test_each_wrong_row_has_its_line_and_its_reason_and_the_others_are_done(desk: Desk) -> None:
    await trade.order(desk, quantity=3)
    browser = await desk.signed_in(desk.ours.owner)
    rows = [
        HEADINGS,
        ";Без артикула;;;10;;;;",
        "A-1;;;;10;;;;",
        "A-2;Кружка;;;;;;;",
        "A-3;Кружка;;;дорого;;;;",
        "A-4;Кружка;;;-1;;;;",
        "A-5;Кружка;;;10;;4,6E+12;;",
        "A-6;Кружка;;;10;;;полкило;",
        "A-7;Кружка;а/б/в/г/д/е;;10;;;;",
        "A-8;Кружка «Туман»;;;10;;;;",
        "TUM-300;;;;1500;;;2;",
        "GOOD;Ваза;;белая;10;;;;Стеклянная",
        "GOOD;Ваза;;синяя;10;;;;",
        "A-9;Ваза;;белая;10;;;;",
        "A-10;Ваза;;красная;10;;;;Глиняная",
        f"A-11;{'длинно' * 40};;;10;;;;",
    ]
    path = await checked(desk, browser, "\n".join(rows))
    before = await reasons(browser, path)
    assert before["2"] == "Нет артикула."
    assert "должно быть название" in before["3"]
    assert "должна быть цена" in before["4"]
    assert "дорого" in before["5"]
    assert "цен" in before["6"]
    assert "цифры потерялись" in before["7"]
    assert "полкило" in before["8"]
    assert "не категория" in before["9"]
    assert "TUM-300" in before["10"]
    assert "строке 12" in before["13"]
    assert "не отличит этот вариант от GOOD" in before["14"]
    assert "строке 12" in before["15"]
    assert "до 200 знаков" in before["16"]
    assert before.keys() == {str(n) for n in range(2, 17)} - {"11", "12"}
    await browser.post(f"{path}/apply")
    await work(desk)
    # Three mugs are promised: that row as a whole is not done, the price neither.
    assert "3" in (await reasons(browser, path))["11"]
    assert (await variant(desk, "TUM-300")).price == 145000
    assert (await variant(desk, "GOOD")).price == 1000
    # What is given back is a file that can be mended and sent in again.
    wrong = (await browser.get(f"{path}/wrong")).text
    assert (await counts(desk, await checked(desk, browser, wrong))).rows == 14


async def test_what_was_changed_since_the_check_is_not_overwritten(desk: Desk) -> None:
    browser = await desk.signed_in(desk.ours.owner)
    path = await checked(desk, browser, "SKU,Price,In stock\nTUM-300,1500,9")
    await browser.post(f"/variants/{desk.ours.mug.id}", {"price": "1600", "active": "on"})
    await browser.post(f"{path}/apply")
    await work(desk)
    assert "изменили в другом месте" in (await reasons(browser, path))["2"]
    assert ((await variant(desk, "TUM-300")).price, await lies(desk, "TUM-300")) == (160000, 5)


async def test_counted_stock_is_in_the_journal_and_prices_in_the_log(desk: Desk) -> None:
    browser = await desk.signed_in(desk.ours.owner)
    await applied(desk, browser, "SKU;Цена;Остаток: Лесная\nTUM-300;1500;8")

    def told(session: Session) -> tuple[list[tuple[int, str, str]], list[str], object]:
        moves = sa.select(StockMove.quantity, StockMove.reason, StockMove.actor).order_by(StockMove.id.desc()).limit(1)
        events = list(session.scalars(sa.select(EventRow).order_by(EventRow.id.desc()).limit(3)))
        kinds = [event.kind for event in events]
        return [(row[0], row[1], row[2]) for row in session.execute(moves)], kinds, events[-1].payload["changes"]

    moves, kinds, changes = await desk.db.read(told)
    actor = f"staff:{desk.ours.owner.id}"
    assert moves == [(3, "corrected", actor)]
    assert kinds == ["catalog_imported", "stock_changed", "product_changed"]
    assert changes == {"price": [145000, 150000]}


async def test_columns_are_said_by_a_person_and_may_be_said_again(desk: Desk) -> None:
    browser = await desk.signed_in(desk.ours.owner)
    data = "Ид\tСколько стоит\tЗаметка\nTUM-300\t1 600 руб.\tне трогать".encode("cp1251")
    path = (await send(browser, data)).headers["HX-Redirect"]
    assert set(chosen((await browser.get(path)).text).values()) == {""}
    refused = await browser.post(f"{path}/columns", {"column-1": "price"})
    assert (refused.status, "артикул" in refused.text) == (409, True)
    twice = await browser.post(f"{path}/columns", {"column-0": "sku", "column-1": "price", "column-2": "price"})
    assert twice.status == 409
    form = {"column-0": "sku", "column-1": "description", "column-2": "password_hash"}
    assert (await browser.post(f"{path}/columns", form)).status == 204
    assert (await browser.post(f"{path}/columns", form)).status == 409
    await work(desk)
    assert (await browser.post(f"{path}/again")).status == 204
    assert (await browser.post(f"{path}/apply")).status == 409
    assert (await browser.post(f"{path}/columns", {"column-0": "sku", "column-1": "price"})).status == 204
    await work(desk)
    await browser.post(f"{path}/apply")
    await work(desk)
    assert (await variant(desk, "TUM-300")).price == 160000


async def test_after_a_crash_in_the_middle_the_rest_is_done_and_nothing_twice(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(importing, "APPLIED", 2)
    browser = await desk.signed_in(desk.ours.owner)
    rows = "\n".join(f"P-{n};Товар {n};{n};{n}" for n in range(1, 8))
    path = await checked(desk, browser, f"Артикул;Название;Цена;Остаток\n{rows}")
    await browser.post(f"{path}/apply")
    import_id = int(path.rpartition("/")[2])
    job = Job(1, "", importing.APPLY, {"import_id": import_id}, 0, 0)

    def portion(session: Session) -> None:
        assert importing._apply(session, job, import_id, None) is not None

    def broken(session: Session) -> None:
        portion(session)
        raise RuntimeError("the power went")

    with pytest.raises(RuntimeError):
        await desk.db.write(broken)
    assert (await counts(desk, path)).done == 0
    await desk.db.write(portion)
    assert (await counts(desk, path)).done == 2
    assert "Готово 2 из 7" in (await browser.fragment(path)).text
    await work(desk)
    found = await counts(desk, path)
    assert (found.done, found.left, found.wrong) == (7, 0, 0)
    assert await lies(desk, "P-7") == 7
    made = sa.select(sa.func.count()).select_from(Product).where(Product.shop_id == desk.ours.shop_id)
    assert await desk.db.read(lambda session: session.scalar(made)) == 8
    assert (await browser.post(f"{path}/apply")).status == 204
    await work(desk)
    assert await lies(desk, "P-7") == 7


async def test_one_variant_of_an_archived_product_comes_back_without_its_sisters(desk: Desk) -> None:
    def archived(session: Session) -> None:
        product = goods.product(session, desk.ours.shop_id, desk.ours.product_id)
        editing.add_variant(session, product, sku="TUM-500", price=100, attributes=[("Объём", "500")])
        editing.archive_product(session, product)

    await desk.db.write(archived)
    browser = await desk.signed_in(desk.ours.owner)
    assert (await applied(desk, browser, "SKU;В продаже\nTUM-300;нет\nTUM-500;да")).changed == 1
    assert not (await variant(desk, "TUM-300")).active
    assert (await variant(desk, "TUM-500")).active
    assert (await variant(desk, "TUM-500")).product.active


async def test_another_shops_goods_are_neither_found_nor_changed(desk: Desk) -> None:
    browser = await desk.signed_in(desk.ours.owner)
    found = await applied(desk, browser, "SKU;Название;Цена\nforeign-TUM-300;Чужая кружка;1")
    assert found.new == 1
    theirs = await desk.db.read(lambda session: session.get_one(Variant, desk.foreign.mug.id))
    assert theirs.price == 145000
    foreign = await desk.signed_in(desk.foreign.owner)
    assert [row["Артикул"] for row in await table(foreign, "/products/export")] == ["foreign-TUM-300"]


async def test_who_may_not_edit_goods_sends_no_file_and_no_file_is_no_failure(desk: Desk) -> None:
    operator, owner = await desk.signed_in(desk.ours.operator), await desk.signed_in(desk.ours.owner)
    assert (await send(operator, "SKU;Цена\nA;1")).status == 403
    assert (await operator.get("/products/export")).status == 403
    assert "/products/import" not in (await operator.get("/products")).text
    assert (await owner.post("/products/import", {"file": ""})).status == 409


async def test_what_is_no_table_is_refused_in_words_and_leaves_nothing(desk: Desk) -> None:
    browser = await desk.signed_in(desk.ours.owner)
    for data in (b"\x89PNG\r\n\x1a\n\x00\x00", b"SKU;Price\n"):
        answer = await send(browser, data, "товары.xlsx")
        assert (answer.status, "файл" in answer.text.casefold()) == (409, True)
    assert await desk.db.read(lambda session: session.scalar(sa.select(sa.func.count()).select_from(Import))) == 0


async def test_the_template_is_a_file_that_is_taken(desk: Desk) -> None:
    browser = await desk.signed_in(desk.ours.owner)
    template = (await browser.get("/products/import/template")).text
    assert (await applied(desk, browser, template)).new == 2
    assert (await variant(desk, "DAWN-B")).attributes == [["Цвет", "синий"]]


async def test_a_large_file_is_checked_and_shown_with_few_statements_and_forgotten_in_time(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(import_pages, "SHOWN", 10)
    browser = await desk.signed_in(desk.ours.owner)
    rows = "\n".join(f"P-{n};Товар {n};{n}" for n in range(1, 1201))
    path = await checked(desk, browser, f"Артикул;Название;Цена\n{rows}")
    page = (await browser.get(path)).text
    assert "P-10<" in page
    assert "P-11<" not in page
    assert "P-11<" in (await browser.get(f"{path}?show=new&after=11")).text

    gone = await desk.db.write(lambda session: importing.prune(session, utc_now() + timedelta(days=31)))
    assert gone == 1200
    assert (await browser.get(path)).status == 404
    assert await desk.db.read(lambda session: session.scalar(sa.select(sa.func.count()).select_from(ImportRow))) == 0
