"""Customers from a file in the console: taken as a whole with what they said to mailings, or refused in words."""

from __future__ import annotations

import re

import aiohttp
import pytest
import sqlalchemy as sa

from company.tables import Membership, Role
from customers import fields, importing
from customers.tables import Consent, Customer, FieldKind
from tests.console.desk import Answer, Browser, Desk
from tests.console.test_customers import Town

HEADINGS = "Имя;Телефон;Почта;Город;Рассылки;Дата согласия;Источник согласия;Баллы"


async def send(browser: Browser, *lines: str) -> Answer:
    form = aiohttp.FormData()
    form.add_field("file", "\n".join([HEADINGS, *lines]).encode(), filename="клиенты.csv")
    return await browser.post("/customers/import", form)


async def count(desk: Desk, of: type[Customer | Consent]) -> int:
    return await desk.db.read(lambda session: session.scalar(sa.select(sa.func.count()).select_from(of)) or 0)


def told(answer: Answer) -> str:
    return " ".join(re.sub(r"<[^>]+>", " ", answer.text).split()).replace(" :", ":")


async def test_customers_and_what_they_said_come_out_of_a_file_and_stand_on_their_cards(desk: Desk) -> None:
    anna, owner = await Town(desk).anna(), await desk.signed_in(desk.ours.owner)
    await owner.post(f"/customers/{anna}/contacts", {"text": "+7 900 123-45-67"})
    file = (
        "Анна Ветрова;8 900 123-45-67;;;да;12.05.2025;бумажная анкета;15",
        "Вера Ким;;vera@mail.example;Псков;нет;03.02.2026;просила не писать;0",
        "Пётр;+7 912 345-67-89;;;;;;",
    )
    assert '"/customers/import"' in (await owner.get("/customers")).text
    assert "Рассылки (да или нет)" in (await owner.get("/customers/import")).text
    answer = await send(owner, *file)
    assert told(answer) == (
        "2 новых покупателя, 1 уже был Записано 2 согласия и отказа. К покупателям "
        "Что сделал файл и как это отменить Столбцы, которые не читались: Баллы"
    )
    card = (await owner.get(f"/customers/{anna}")).text
    assert "Можно писать первыми" in card
    assert card.index("бумажная анкета") < card.index("из файла")
    timeline = (await owner.fragment(f"/customers/{anna}/timeline?kind=consent")).text
    assert 'datetime="2025-05-1' in timeline
    assert "Вера Ким" in (await owner.fragment("/customers?q=vera@mail.example")).text
    again = await send(owner, *file)
    assert "0 новых покупателей, 3 уже были Записано 0 согласий и отказов; 2 были записаны раньше" in told(again)
    assert await count(desk, Consent) == 2


async def test_one_unclear_row_and_nothing_is_taken(desk: Desk) -> None:
    owner, before = await desk.signed_in(desk.ours.owner), await count(desk, Customer)
    answer = await send(
        owner,
        "Анна;8 900 123-45-67;;;да;12.05.2025;бумажная анкета;",
        "Вера;;vera@mail.example;;наверное;12.05.2025;анкета;",
        "Пётр;+7 912 345-67-89;;;да;05/06/2025;анкета;",
        "Олег;;;;;;;",
        "Нина;;nina@mail.example;;да;12.05.2025;;",
    )
    assert answer.status == 200
    assert told(answer) == (
        "Ничего не загружено. Исправьте эти строки и отправьте файл ещё раз: "
        "Строка 3: Рассылки: «наверное» — ни «да», ни «нет». "
        "Строка 4: Дата согласия: «05/06/2025» — не дата, которую все поймут одинаково: пишите 31.12.2025. "
        "Строка 5: Нет ни телефона, ни почты: неясно, чья это строка. "
        "Строка 6: Рассылки: откуда это известно? Нет источника согласия. "
        "Столбцы, которые не читались: Баллы"
    )
    assert (await count(desk, Customer), await count(desk, Consent)) == (before, 0)


async def test_a_file_without_the_columns_that_are_needed_is_refused_in_words(desk: Desk) -> None:
    owner = await desk.signed_in(desk.ours.owner)
    for headings, words in (
        ("Имя;Город\nАнна;Тула", "Нужен столбец «Телефон» или «Почта»"),
        ("Телефон;Рассылки\n89001234567;да", "«Дата согласия» и «Источник согласия»"),
        ("Телефон", "нет строк"),
    ):
        form = aiohttp.FormData()
        form.add_field("file", headings.encode(), filename="a.csv")
        answer = await owner.post("/customers/import", form)
        assert (answer.status, words in answer.text) == (409, True), answer.text
    assert (await owner.post("/customers/import", {})).status == 409


async def test_the_file_to_begin_with_is_one_that_is_taken(desk: Desk) -> None:
    owner = await desk.signed_in(desk.ours.owner)
    for kind in FieldKind:
        options = ["Опт", "Розница"] if kind is FieldKind.CHOICE else ()
        await desk.db.write(fields.add, desk.ours.shop_id, name=f"Поле {kind}", kind=kind, options=options)
    example = await owner.get("/customers/import/template")
    form = aiohttp.FormData()
    form.add_field("file", example.body, filename="customers-template.csv")
    answer = await owner.post("/customers/import", form)
    assert told(answer) == (
        "2 новых покупателя, 0 уже было Записано 3 согласия и отказа. К покупателям Что сделал файл и как это отменить"
    )
    anna = (await owner.fragment("/customers?q=anna@example.com")).text
    assert "опт" in anna
    assert (await owner.fragment("/customers?q=9007654321")).text.count("Анна Ветрова") >= 1


async def test_a_value_that_an_own_field_does_not_take_is_refused_with_what_it_takes(desk: Desk) -> None:
    owner, before = await desk.signed_in(desk.ours.owner), await count(desk, Customer)
    for name, kind, options in (
        ("День рождения", FieldKind.DATE, ()),
        ("Размер", FieldKind.CHOICE, ("S", "M")),
        ("Баллы", FieldKind.NUMBER, ()),
    ):
        await desk.db.write(fields.add, desk.ours.shop_id, name=name, kind=kind, options=options)
    page = (await owner.get("/customers/import")).text
    assert "День рождения" in page
    assert "S, M" in page
    form = aiohttp.FormData()
    lines = "Телефон;День рождения;Размер;Баллы\n89001234567;31.02.1990;XXL;много\n89001234568;1.2.1990;m;10,5"
    form.add_field("file", lines.encode(), filename="a.csv")
    answer = await owner.post("/customers/import", form)
    assert told(answer) == (
        "Ничего не загружено. Исправьте эти строки и отправьте файл ещё раз: "
        "Строка 2: День рождения: «31.02.1990» — не дата, которую все поймут одинаково: пишите 31.12.2025. "
        "Строка 2: Размер: «XXL» нет в списке, в нём: S, M. "
        "Строка 2: Баллы: «много» — не число: пишите 12 или 12,5."
    )
    assert await count(desk, Customer) == before


async def test_a_file_is_taken_back_from_its_page_and_who_was_called_since_stays(desk: Desk) -> None:
    anna, owner = await Town(desk).anna(), await desk.signed_in(desk.ours.owner)
    await owner.post(f"/customers/{anna}/contacts", {"text": "+7 900 123-45-67"})
    before = await count(desk, Customer)
    await send(
        owner,
        "Анна Кравец;89001234567;;Тула;да;12.05.2025;анкета;",
        "Вера;;vera@mail.example;Псков;да;12.05.2025;анкета;",
        "Олег;;oleg@mail.example;;;;;",
    )
    (path,) = re.findall(r'"(/customer-imports/\d+)"', (await owner.get("/customers/import")).text)
    vera = await desk.db.read(lambda session: session.scalar(sa.select(Customer.id).where(Customer.name == "Вера")))
    await owner.post("/tasks", {"title": "Позвонить", "staff": str(desk.ours.owner.id), "customer": str(vera)})
    page = told(await owner.get(path))
    assert "В карточке другое, чем в файле То, что стояло в карточке, осталось. Анна Ветрова строка 2: Имя" in page
    assert (
        "Удаляется 1 карточка из файла 1 дополненная карточка станет прежней 1 согласие или отказ больше не "
        "действует; запись о нём остаётся 1 карточка остаётся, целиком или частью Вера строка 3: есть задача о нём"
    ) in page
    assert (await owner.post(f"{path}/undo")).headers["HX-Redirect"] == path
    page = told(await owner.get(path))
    assert "Загрузка отменена Илья Дорохов" in page
    assert (
        "1 карточка снова как до файла 1 карточка остаётся, целиком или частью Вера строка 3: есть задача о нём" in page
    )
    assert "Отменить загрузку" not in page
    assert await count(desk, Customer) == before + 1
    card = (await owner.get(f"/customers/{anna}")).text
    assert "Рассылки: дано (не действует: загрузка отменена)" in card
    assert "Тула" not in card
    assert (await owner.post(f"{path}/undo")).status == 204
    assert await count(desk, Customer) == before + 1


async def test_a_long_file_is_taken_portion_by_portion(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importing, "AT_ONCE", 2)
    owner, before = await desk.signed_in(desk.ours.owner), await count(desk, Customer)
    answer = await send(owner, *(f"Гость {n};;guest{n}@mail.example;;да;12.05.2025;анкета;" for n in range(5)))
    assert told(answer).startswith("5 новых покупателей, 0 уже было Записано 5 согласий и отказов.")
    assert await count(desk, Customer) == before + 5


@pytest.mark.parametrize("role", [Role.OPERATOR, Role.ACCOUNTANT])
async def test_who_may_not_change_every_card_takes_no_file(desk: Desk, role: Role) -> None:
    change = sa.update(Membership).where(Membership.staff_id == desk.ours.colleague.id).values(role=role)
    await desk.db.write(lambda session: session.execute(change).close())
    colleague = await desk.signed_in(desk.ours.colleague)
    assert "/customers/import" not in (await colleague.get("/customers")).text
    owner = await desk.signed_in(desk.ours.owner)
    await send(owner, "Вера;;vera@mail.example;;;;;")
    (path,) = re.findall(r'"(/customer-imports/\d+)"', (await owner.get("/customers/import")).text)
    for hidden in ("/customers/import", path):
        assert (await colleague.get(hidden)).status == 403
    assert (await colleague.post(f"{path}/undo")).status == 403
    assert (await send(colleague, "Анна;8 900 123-45-67;;;;;;")).status == 403
