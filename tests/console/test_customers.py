"""Customers in the console: the card, own fields, the list and its file, duplicates and merges."""

from __future__ import annotations

import asyncio
import csv
import io
import re
import zipfile
from collections.abc import Callable
from functools import partial
from typing import TypeVar

import orjson
import pytest
import sqlalchemy as sa
from python_calamine import CalamineWorkbook
from sqlalchemy.orm import Session

from automation.holders import HOLDERS
from company.tables import Shop
from customers import cards, contacts, fields, merging, proofs
from customers.tables import Customer, FieldKind
from inbox.tables import Conversation, Kind
from operator_console import customer_export
from tests.console import trade
from tests.console.desk import Browser, Desk

T = TypeVar("T")


class Town:
    """Анна of the desk, and others who are written down by hand."""

    def __init__(self, desk: Desk) -> None:
        self.desk = desk

    async def act(self, fn: Callable[[Session], T]) -> T:
        return await self.desk.db.write(fn)

    async def anna(self) -> int:
        talk = await self.desk.conversation(self.desk.ours.anna)
        assert talk.customer_id is not None
        return talk.customer_id

    async def card(self, name: str, *reached: str, city: str = "", tags: tuple[str, ...] = ()) -> int:
        def write(session: Session) -> int:
            row = cards.add(session, session.get_one(Shop, self.desk.ours.shop_id), name=name)
            cards.remember(session, row, city=city, tags=tags)
            for text in reached:
                contacts.add(session, row, text, actor="system")
            return row.id

        return await self.act(write)

    async def row(self, customer_id: int) -> Customer:
        return await self.desk.db.read(lambda session: session.get_one(Customer, customer_id))

    async def reached(self, customer_id: int) -> list[str]:
        def read(session: Session) -> list[str]:
            return [row.value for row in contacts.of(session, session.get_one(Customer, customer_id))]

        return await self.desk.db.read(read)


@pytest.fixture
def town(desk: Desk) -> Town:
    return Town(desk)


def form_key(page: str) -> str:
    """The key of the page's form."""
    (key,) = re.findall(r'name="key" value="(\w+)"', page)
    return str(key)


def names(page: str) -> list[str]:
    """Who stands in the table."""
    return re.findall(r'<span class="strong">([^<]+)</span>', page)


async def test_phones_and_emails_are_added_changed_and_taken_away_on_the_card(desk: Desk, town: Town) -> None:
    anna, operator = await town.anna(), await desk.signed_in(desk.ours.operator)
    here = f"/customers/{anna}/contacts"
    assert "+7 900 123-45-67" in (await operator.post(here, {"text": "8 (900) 123-45-67"})).text
    assert (await operator.post(here, {"text": "Anna@Mail.example"})).status == 200
    added = (await operator.post(here, {"text": "89017654321"})).text
    assert await town.reached(anna) == ["+79001234567", "+79017654321", "anna@mail.example"]
    (second,) = re.findall(rf"{here}/(\d+)/main", added)
    assert (await operator.post(f"{here}/{second}/main")).status == 200
    assert (await town.row(anna)).phone == "+79017654321"
    assert (await operator.post(f"{here}/{second}", {"text": "+7 999 000-11-22"})).status == 200
    assert (await town.row(anna)).phone == "+79990001122"
    removed = await operator.post(f"{here}/{second}/remove")
    assert "+79990001122" in removed.headers["HX-Trigger"]
    assert (await town.row(anna)).phone == "+79001234567"


@pytest.mark.parametrize(("typed", "words"), [("123", "не похоже на номер"), ("anna@", "anna@")])
async def test_what_is_no_contact_is_refused_in_words(desk: Desk, town: Town, typed: str, words: str) -> None:
    anna, operator = await town.anna(), await desk.signed_in(desk.ours.operator)
    answer = await operator.post(f"/customers/{anna}/contacts", {"text": typed})
    assert answer.status == 409
    assert words in answer.text
    assert await town.reached(anna) == []


@pytest.mark.parametrize("typed", ["765-43-21", "second@", "4321"])
async def test_any_contact_finds_the_customer_in_the_list_the_inbox_and_a_new_order(
    desk: Desk, town: Town, typed: str
) -> None:
    anna, operator = await town.anna(), await desk.signed_in(desk.ours.operator)
    await town.card("Пётр", "89120001122")
    for text in ("89001234567", "89017654321", "first@mail.example", "second@mail.example"):
        await operator.post(f"/customers/{anna}/contacts", {"text": text})
    assert names((await operator.fragment(f"/customers?q={typed}")).text) == ["Анна Ветрова"]
    assert "Анна Ветрова" in (await operator.get(f"/inbox?q={typed}")).text
    assert names((await operator.fragment(f"/orders/new/customers?who={typed}")).text) == ["Анна Ветрова"]


async def test_an_owner_asks_and_operators_answer_on_the_card_and_beside_the_conversation(
    desk: Desk, town: Town
) -> None:
    anna = await town.anna()
    owner, operator = await desk.signed_in(desk.ours.owner), await desk.signed_in(desk.ours.operator)
    asked = {"name": "Откуда узнал", "kind": "choice", "options": "ВКонтакте\nДрузья", "required": "on"}
    assert (await owner.post("/settings/fields", asked | {"beside": "on"})).status == 204
    assert (await owner.post("/settings/fields", {"name": "Паспорт", "kind": "text"})).status == 204
    where, passport = await desk.db.read(fields.of_shop, desk.ours.shop_id)
    beside = (await operator.fragment(f"/inbox/{desk.ours.anna}/context")).text
    assert "Надо узнать: Откуда узнал" in beside
    assert "Паспорт" not in beside
    filled = {f"field-{where.id}": "2", f"field-{passport.id}": "4500 123456"}
    assert (await operator.post(f"/customers/{anna}/fields", filled)).status == 200
    assert "Друзья" in (await operator.fragment(f"/inbox/{desk.ours.anna}/context")).text
    assert "4500 123456" in (await operator.get(f"/customers/{anna}")).text
    refused = await operator.post(f"/customers/{anna}/fields", {f"field-{where.id}": ""})
    assert (refused.status, refused.text) == (409, "Заполните поле «Откуда узнал».")
    assert "Друзья" in (await operator.fragment(f"/inbox/{desk.ours.anna}/context")).text


async def test_a_customer_is_added_by_hand(desk: Desk, town: Town) -> None:
    operator = await desk.signed_in(desk.ours.operator)
    key = {"key": form_key((await operator.get("/customers")).text)}
    assert "Напишите имя" in (await operator.post("/customers", key | {"name": " "})).text
    wrong = await operator.post("/customers", key | {"name": "Глеб Седов", "phone": "123"})
    assert (wrong.status, "не похоже на номер" in wrong.text) == (409, True)
    form = key | {"name": "Глеб Седов", "phone": "8 900 123-45-67", "city": "Тула"}
    made = await operator.post("/customers", form)
    row = await town.row(int(made.headers["HX-Redirect"].rpartition("/")[2]))
    assert (row.name, row.phone, row.city) == ("Глеб Седов", "+79001234567", "Тула")
    assert (await operator.get("/customers")).text.count('class="strong">Глеб Седов') == 1


async def test_the_form_of_a_new_customer_sent_twice_makes_one_card(desk: Desk, town: Town) -> None:
    operator = await desk.signed_in(desk.ours.operator)
    form = {"key": form_key((await operator.get("/customers")).text), "name": "Глеб Седов", "phone": "89001234567"}
    twice = await asyncio.gather(*(operator.post("/customers", form) for _press in range(2)))
    assert len({answer.headers["HX-Redirect"] for answer in twice}) == 1
    assert names((await operator.fragment("/customers?q=Глеб")).text) == ["Глеб Седов"]
    other = await operator.post("/customers", form | {"name": "Глебов Иван"})
    assert other.headers["HX-Redirect"] != twice[0].headers["HX-Redirect"]
    assert (await operator.post("/customers", {"name": "Глеб"})).status == 404


async def test_tags_and_the_note_are_changed_beside_the_conversation(desk: Desk, town: Town) -> None:
    anna, operator = await town.anna(), await desk.signed_in(desk.ours.operator)
    await town.act(lambda session: cards.remember(session, session.get_one(Customer, anna), city="Казань"))
    kept = await operator.post(f"/customers/{anna}", {"tags": "опт, подарки", "note": "Звонить после шести"})
    assert kept.toast == "Сохранено"
    row = await town.row(anna)
    assert (row.name, row.city, row.tags) == ("Анна Ветрова", "Казань", ["опт", "подарки"])
    beside = (await operator.fragment(f"/inbox/{desk.ours.anna}/context")).text
    assert "Звонить после шести" in beside
    assert "Метки и заметка" in beside


async def test_fields_are_put_in_order_put_away_and_removed(desk: Desk, town: Town) -> None:
    anna, owner = await town.anna(), await desk.signed_in(desk.ours.owner)
    for name in ("Размер", "Кот"):
        await owner.post("/settings/fields", {"name": name, "kind": "text"})
    size, cat = await desk.db.read(fields.of_shop, desk.ours.shop_id)
    await owner.post(f"/fields/{cat.id}/shift", {"to": "back"})
    assert [row.id for row in await desk.db.read(fields.of_shop, desk.ours.shop_id)] == [cat.id, size.id]
    await owner.post(f"/customers/{anna}/fields", {f"field-{size.id}": "42"})
    assert "уберите его в архив" in (await owner.post(f"/fields/{size.id}/remove")).text.lower()
    assert (await owner.post(f"/fields/{size.id}/archive", {"away": "1"})).status == 204
    assert "Размер" not in (await owner.get(f"/customers/{anna}")).text
    assert "Вернуть" in (await owner.get("/settings/fields")).text
    assert (await owner.post(f"/fields/{cat.id}/remove")).status == 204
    again = await owner.post("/settings/fields", {"name": "Размер", "kind": "number"})
    assert (again.status, again.text) == (409, "Поле «Размер» уже есть, возможно, в архиве.")
    assert (await owner.post("/settings/fields", {"name": "а", "kind": "picture"})).status == 404


async def test_the_list_is_filtered_sorted_and_says_when_it_is_empty(desk: Desk, town: Town) -> None:
    operator = await desk.signed_in(desk.ours.operator)
    await trade.paid_order(desk)
    await town.card("Борис", city="Москва", tags=("опт",))
    await town.card("Вера", city="Казань", tags=("опт",))

    async def found(query: str) -> list[str]:
        return names((await operator.fragment(f"/customers?{query}")).text)

    assert await found("sort=name&ascending=1") == ["Анна Ветрова", "Борис", "Вера"]
    assert await found("sort=spent") == ["Анна Ветрова", "Вера", "Борис"]
    assert await found("tag=опт&city=москва") == ["Борис"]
    assert await found("bought=yes") == await found("spent_from=2 900") == await found("channel=telegram")
    assert await found("bought=yes") == ["Анна Ветрова"]
    assert await found("bought=no&sort=name&ascending=1") == ["Борис", "Вера"]
    assert await found("last_since=2999-01-01") == []
    assert await found("last_until=2999-01-01&spent_to=1") == []
    assert await found("spent_from=xx&last_since=yy&sort=zz&page=qq&field-zz=1&field-1-since=0") == await found("")
    assert "Показать всех" in (await operator.fragment("/customers?q=nobody")).text
    assert "Возможные дубли" in (await operator.get("/customers?tag=опт")).text


async def test_the_list_is_filtered_by_own_fields(desk: Desk, town: Town) -> None:
    operator, anna = await desk.signed_in(desk.ours.operator), await town.anna()
    await town.card("Борис")

    def ask(session: Session) -> tuple[int, int]:
        born = fields.add(session, desk.ours.shop_id, name="Родился", kind=FieldKind.DATE)
        regular = fields.add(session, desk.ours.shop_id, name="Свой", kind=FieldKind.FLAG)
        return born.id, regular.id

    born, regular = await town.act(ask)
    await operator.post(f"/customers/{anna}/fields", {f"field-{born}": "1990-05-14", f"field-{regular}": "1"})
    page = (await operator.get(f"/customers?field-{born}-since=1990-01-01&field-{regular}=1")).text
    assert names(page) == ["Анна Ветрова"]
    assert f'name="field-{born}-until"' in page
    assert names((await operator.fragment(f"/customers?field-{born}-since=1990-05-15")).text) == []


async def rows(browser: Browser, query: str = "") -> list[dict[str, str]]:
    answer = await browser.get(f"/customers/export{query}")
    assert answer.status == 200
    return list(csv.DictReader(io.StringIO(answer.text.removeprefix("\ufeff")), delimiter=";"))


async def test_the_file_has_everybody_with_all_contacts_and_fields(
    desk: Desk, town: Town, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(customer_export, "PORTION", 2)
    anna, owner = await town.anna(), await desk.signed_in(desk.ours.owner)
    await trade.paid_order(desk)
    size = await town.act(lambda s: fields.add(s, desk.ours.shop_id, name="Размер", kind=FieldKind.NUMBER).id)
    for text in ("89001234567", "89017654321", "a@mail.example"):
        await owner.post(f"/customers/{anna}/contacts", {"text": text})
    await owner.post(f"/customers/{anna}/fields", {f"field-{size}": "37,5"})
    await town.card("=HYPERLINK(1)", tags=("опт",))
    for n in range(3):
        await town.card(f"Гость {n}")
    found = await rows(owner)
    assert [row["Имя"] for row in found] == ["Анна Ветрова", "'=HYPERLINK(1)", "Гость 0", "Гость 1", "Гость 2"]
    assert found[0]["Телефоны"] == "+79001234567, +79017654321"
    assert (found[0]["Оплачено всего"], found[0]["Размер"], found[0]["Каналы"]) == ("2900,00", "37,5", "Telegram")
    assert [row["Метки"] for row in await rows(owner, "?tag=опт")] == ["опт"]
    workbook = (await owner.get("/customers/export?format=xlsx&tag=опт")).body
    titles, row = CalamineWorkbook.from_filelike(io.BytesIO(workbook)).get_sheet_by_index(0).to_python()
    assert dict(zip(titles, row, strict=True))["Имя"] == "=HYPERLINK(1)"


async def test_a_page_of_the_list_and_a_card_take_as_few_statements_as_for_one(desk: Desk, town: Town) -> None:
    operator, anna = await desk.signed_in(desk.ours.operator), await town.anna()
    statements: list[str] = []
    sa.event.listen(desk.db.engine.sync_engine, "before_cursor_execute", lambda *args: statements.append(args[2]))

    async def taken(path: str) -> int:
        statements.clear()
        assert (await operator.get(path)).status == 200
        return len(statements)

    await operator.post(f"/customers/{anna}/contacts", {"text": "89001234567"})
    await town.card("Гость", "89001234567", tags=("опт",))
    few = [await taken(path) for path in ("/customers", f"/customers/{anna}", "/customers/duplicates")]
    for n in range(12):
        await town.card(f"Гость {n}", "89001234567", f"{n}@mail.example", tags=("опт",))
        await desk.hears(f"Гостья {n}", "Привет")
        await town.act(partial(fields.add, shop_id=desk.ours.shop_id, name=f"Поле {n}", kind=FieldKind.DATE))
    many = [await taken(path) for path in ("/customers", f"/customers/{anna}", "/customers/duplicates")]
    assert many == few
    assert max(few) <= 40


async def test_the_chat_of_a_member_of_staff_makes_him_no_customer(desk: Desk, town: Town) -> None:
    def link(session: Session) -> None:
        talk = session.get_one(Conversation, desk.ours.anna)
        talk.kind, talk.staff_id = Kind.STAFF, desk.ours.owner.id

    owner = await desk.signed_in(desk.ours.owner)
    assert "Анна Ветрова" in (await owner.get("/customers")).text
    await town.act(link)
    assert "Анна Ветрова" not in (await owner.get("/customers")).text
    assert "Анна Ветрова" not in (await owner.get("/customers/export")).text


async def test_only_who_may_take_lists_away_has_the_file(desk: Desk) -> None:
    operator, owner = await desk.signed_in(desk.ours.operator), await desk.signed_in(desk.ours.owner)
    assert (await operator.get("/customers/export")).status == 403
    assert "/customers/export" not in (await operator.get("/customers")).text
    assert "/customers/export" in (await owner.get("/customers")).text


async def test_an_owner_renames_joins_and_removes_tags(desk: Desk, town: Town) -> None:
    anna, owner = await town.anna(), await desk.signed_in(desk.ours.owner)
    assert "Меток пока нет" in (await owner.get("/settings/tags")).text
    other = await town.card("Борис", tags=("опт", "вк"))
    await owner.post(f"/customers/{anna}", {"name": "Анна", "tags": "оптовик"})
    assert (await owner.post("/settings/tags/rename", {"tag": "оптовик", "to": "опт"})).status == 204
    assert "2 покупателя" in (await owner.get("/settings/tags")).text
    assert (await owner.post("/settings/tags/remove", {"tag": "вк"})).status == 204
    assert [(await town.row(id_)).tags for id_ in (anna, other)] == [["опт"], ["опт"]]
    assert (await owner.post("/settings/tags/rename", {"tag": "опт", "to": "а, б"})).status == 409
    assert (await owner.post("/settings/tags/remove", {"tag": "вк"})).status == 404


async def test_duplicates_come_with_reasons_and_stay_dismissed(desk: Desk, town: Town) -> None:
    anna, operator = await town.anna(), await desk.signed_in(desk.ours.operator)
    await operator.post(f"/customers/{anna}/contacts", {"text": "89001234567"})
    other = await town.card("Аня", "+7 900 123 45 67")
    listed = (await operator.get("/customers/duplicates")).text
    assert "один телефон +7 900 123-45-67" in listed
    assert f"/customers/{anna}/merge?with={other}" in listed
    assert "Возможно, тот же человек" in (await operator.get(f"/customers/{anna}")).text
    assert (await operator.post(f"/customers/{anna}/apart", {"other": str(other)})).status == 204
    assert "один телефон" not in (await operator.get("/customers/duplicates")).text
    assert "Возможно, тот же человек" not in (await operator.get(f"/customers/{anna}")).text


async def test_two_cards_are_compared_merged_and_parted_again(desk: Desk, town: Town) -> None:
    operator = await desk.signed_in(desk.ours.operator)
    anna = await town.anna()
    await operator.post(f"/customers/{anna}", {"name": "Анна Ветрова", "city": "Казань"})
    talk = await desk.hears("Аня", "А доставка есть?")
    anya = (await desk.conversation(talk)).customer_id
    await operator.post(f"/customers/{anya}", {"name": "Аня", "city": "Москва", "tags": "сайт"})
    preview = (await operator.get(f"/customers/{anna}/merge?with={anya}")).text
    assert 'name="take-city" value="gone"' in preview
    assert (await operator.post(f"/customers/{anna}/merge", {"with": str(anya), "take-city": "gone"})).status == 204
    assert (await town.row(anna)).city == "Москва"
    assert (await desk.conversation(talk)).customer_id == anna
    old = await operator.get(f"/customers/{anya}")
    assert (old.status, old.headers["Location"]) == (303, f"/customers/{anna}")
    page = (await operator.get(f"/customers/{anna}")).text
    assert "Объединён с карточкой «Аня»" in page
    refused = await operator.post(f"/customers/{anna}/merge", {"with": str(anya)})
    assert (refused.status, "уже объединена" in refused.text) == (409, True)
    assert (await operator.get(f"/customers/{anna}/merge?with={anya}")).status == 409
    shown = (await operator.get(f"/inbox/{talk}")).text
    assert f'href="/inbox/{desk.ours.anna}"' in shown
    assert "диалог перешёл к другой карточке" in shown
    await desk.hears("Аня", "Ау?")
    assert (await desk.conversation(talk)).customer_id == anna
    (merge,) = re.findall(r"/merges/(\d+)/undo", page)
    assert (await operator.post(f"/merges/{merge}/undo")).status == 204
    assert (await desk.conversation(talk)).customer_id == anya
    assert ((await town.row(anna)).city, (await town.row(anna)).tags) == ("Казань", [])
    assert (await operator.get(f"/customers/{anya}")).status == 200
    assert (await operator.post(f"/merges/{merge}/undo")).status == 409
    assert "отменено" in (await operator.get(f"/customers/{anna}/timeline?kind=merge")).text


async def test_a_card_says_which_numbers_are_proven_and_why_it_was_merged(desk: Desk, town: Town) -> None:
    operator, anna = await desk.signed_in(desk.ours.operator), await town.anna()
    await operator.post(f"/customers/{anna}/contacts", {"text": "89001112233"})
    assert "Подтверждён" not in (await operator.get(f"/customers/{anna}")).text
    await desk.db.write(_proves, anna, "+79001234567")
    page = (await operator.get(f"/customers/{anna}")).text
    assert page.count('aria-label="Подтверждён: Telegram"') == 1
    other = await town.card("Аня")
    await desk.db.write(_joins, anna, other)
    page = (await operator.get(f"/customers/{anna}")).text
    assert page.count("один номер подтверждён: Telegram · WhatsApp") == 2
    (merge,) = re.findall(r"/merges/(\d+)/undo", page)
    assert (await operator.post(f"/merges/{merge}/undo")).status == 204


def _proves(session: Session, customer_id: int, phone: str) -> None:
    customer = session.get_one(Customer, customer_id)
    ((identity, account), *_) = cards.identities(session, customer_id)
    proofs.take(session, account, identity, customer, phone)


def _joins(session: Session, kept_id: int, gone_id: int) -> None:
    shop_id = session.get_one(Customer, kept_id).shop_id
    actor = f"customer:{kept_id}"
    merging.merge(session, shop_id, kept_id, gone_id, why="telegram whatsapp", actor=actor, holders=HOLDERS)


async def test_another_shops_card_is_neither_compared_nor_merged(desk: Desk, town: Town) -> None:
    anna, operator = await town.anna(), await desk.signed_in(desk.ours.operator)
    theirs = await desk.db.read(lambda s: s.get_one(Conversation, desk.foreign.anna).customer_id)
    assert (await operator.get(f"/customers/{anna}/merge?with={theirs}")).status == 404
    assert (await operator.post(f"/customers/{anna}/merge", {"with": str(theirs)})).status == 404
    assert (await operator.post(f"/customers/{anna}/apart", {"other": str(theirs)})).status == 404


async def test_the_timeline_has_everything_the_latest_first_and_can_be_narrowed(desk: Desk, town: Town) -> None:
    anna, operator = await town.anna(), await desk.signed_in(desk.ours.operator)
    await desk.hears("Анна Ветрова", "И ещё вопрос")
    made, _payment = await trade.paid_order(desk)
    await trade.order(desk)
    note = {"text": "Ждёт звонка", "key": "note-1", "private": "1"}
    assert (await operator.post(f"/inbox/{desk.ours.anna}/messages", note)).status in (200, 204)
    page = (await operator.get(f"/customers/{anna}")).text
    assert page.index("№ 1002 на") < page.index(f"№ {made.number} на") < page.index("Telegram: 2 сообщения")
    assert "Оплачено 2\xa0900\xa0₽, № 1001" in page

    async def titles(kind: str) -> list[str]:
        shown = (await operator.fragment(f"/customers/{anna}/timeline?kind={kind}")).text
        return re.findall(r'class="strong cut"[^>]*>([^<]+)<', shown)

    assert await titles("talk") == ["Telegram: 2 сообщения"]
    assert await titles("money") == [f"Оплачено 2\xa0900\xa0₽, № {made.number}"]
    assert await titles("order") == ["Заказ № 1002 на 2\xa0900\xa0₽", "Заказ № 1001 на 2\xa0900\xa0₽"]
    assert await titles("stage") == [f"№ {made.number}: Оплачен"]
    assert await titles("note") == ["Заметка"]
    assert "Ждёт звонка" in page
    assert await titles("merge") == []
    assert await titles("nonsense") == await titles("")


async def test_a_long_timeline_is_read_page_by_page_and_misses_nothing(desk: Desk, town: Town) -> None:
    anna, operator = await town.anna(), await desk.signed_in(desk.ours.operator)
    await trade.order(desk)

    def merge_many(session: Session) -> None:
        for n in range(40):
            other = cards.add(session, session.get_one(Shop, desk.ours.shop_id), name=f"Гость {n:02}")
            merging.merge(session, desk.ours.shop_id, anna, other.id, actor="system", holders=HOLDERS)

    await town.act(merge_many)
    shown = (await operator.fragment(f"/customers/{anna}/timeline")).text
    seen = re.findall(r"Гость \d\d", shown)
    while older := re.search(r'hx-get="([^"]+before[^"]+)"', shown):
        shown = (await operator.fragment(older[1].replace("&amp;", "&"))).text
        seen += re.findall(r"Гость \d\d", shown)
    assert seen == [f"Гость {n:02}" for n in reversed(range(40))]
    assert "Заказ № 1001" in shown


def made_from(page: str) -> dict[str, str]:
    """What the page's form says it was made from, and the fields as they stand there."""
    was = dict(re.findall(r'name="(was-[\w-]+)" value="([^"]*)"', page))
    return was | {name.removeprefix("was-"): value for name, value in was.items()}


async def test_two_who_edit_one_card_do_not_overwrite_each_other(desk: Desk, town: Town) -> None:
    anna = await town.anna()
    operator, sofya = await desk.signed_in(desk.ours.operator), await desk.signed_in(desk.ours.colleague)
    here = f"/customers/{anna}"
    form = made_from((await operator.get(here)).text)
    assert (await sofya.post(here, form | {"city": "Москва", "note": "Звонить утром"})).toast == "Сохранено"
    mine = form | {"city": "Тула", "address": "Лесная, 4"}
    asked = await operator.post(here, mine)
    assert asked.status == 422
    assert "Софья Белова: «Москва»" in asked.text
    assert 'value="Тула"' in asked.text
    row = await town.row(anna)
    assert (row.city, row.address, row.note) == ("Москва", "Лесная, 4", "Звонить утром")
    again = made_from(asked.text) | {"city": "Тула"}
    assert (await operator.post(here, again)).toast == "Сохранено"
    assert (await town.row(anna)).city == "Тула"


async def test_tags_and_the_note_beside_a_conversation_are_not_overwritten_either(desk: Desk, town: Town) -> None:
    anna = await town.anna()
    operator, sofya = await desk.signed_in(desk.ours.operator), await desk.signed_in(desk.ours.colleague)
    form = made_from((await operator.fragment(f"/inbox/{desk.ours.anna}/context")).text) | {"short": "1"}
    assert form.keys() == {"was-tags", "was-note", "tags", "note", "short"}
    await sofya.post(f"/customers/{anna}", form | {"note": "Звонить утром"})
    asked = await operator.post(f"/customers/{anna}", form | {"note": "Звонить вечером", "tags": "опт"})
    assert (asked.status, "Звонить утром" in asked.text, ">Звонить вечером<" in asked.text) == (422, True, True)
    assert 'name="city"' not in asked.text
    row = await town.row(anna)
    assert (row.note, row.tags) == ("Звонить утром", ["опт"])


async def test_an_own_field_that_both_have_filled_in_is_asked_again(desk: Desk, town: Town) -> None:
    anna = await town.anna()
    size = await town.act(
        lambda session: fields.add(session, desk.ours.shop_id, name="Размер", kind=FieldKind.NUMBER).id
    )
    operator, sofya = await desk.signed_in(desk.ours.operator), await desk.signed_in(desk.ours.colleague)
    form = {f"was-field-{size}": "", "beside": "1"}
    await sofya.post(f"/customers/{anna}/fields", form | {f"field-{size}": "38,5"})
    asked = await operator.post(f"/customers/{anna}/fields", form | {f"field-{size}": "39"})
    assert (asked.status, "Софья Белова: «38,5»" in asked.text, 'value="39"' in asked.text) == (422, True, True)
    kept = await operator.post(f"/customers/{anna}/fields", made_from(asked.text) | {f"field-{size}": "39"})
    assert (kept.status, kept.toast) == (200, "Сохранено")


async def test_the_owner_forgets_a_customer_who_asks_for_it(desk: Desk, town: Town) -> None:
    anna, owner = await town.anna(), await desk.signed_in(desk.ours.owner)
    card = await owner.get(f"/customers/{anna}")
    assert "Удалить данные покупателя" in card.text
    gone = await owner.post(f"/customers/{anna}/erase")
    assert gone.headers["HX-Redirect"] == f"/customers/{anna}"
    left = (await owner.get(f"/customers/{anna}")).text
    assert "Данные этого покупателя удалены по его просьбе" in left
    assert "Анна" not in left
    assert "Анна" not in names((await owner.get("/customers")).text)
    assert (await owner.get("/inbox?q=Анна")).text.count("data-talk") == 0
    again = await owner.post(f"/customers/{anna}/erase")
    assert again.status == 409
    assert "больше ничего не меняют" in again.text
    assert (await owner.post(f"/customers/{anna}", {"name": "Анна"})).status == 409
    assert (await owner.get(f"/customers/{anna}/data")).status == 409


async def test_an_order_under_way_is_named_when_its_customer_cannot_be_forgotten(desk: Desk, town: Town) -> None:
    anna, owner = await town.anna(), await desk.signed_in(desk.ours.owner)
    order = await trade.order(desk)
    refused = await owner.post(f"/customers/{anna}/erase")
    assert refused.status == 409
    assert f"№ {order.number}" in refused.text


async def test_a_customer_is_given_all_that_the_shop_has_of_him(desk: Desk, town: Town) -> None:
    anna, owner = await town.anna(), await desk.signed_in(desk.ours.owner)
    order = await trade.order(desk)
    answer = await owner.get(f"/customers/{anna}/data")
    assert answer.headers["Content-Type"] == "application/zip"
    with zipfile.ZipFile(io.BytesIO(answer.body)) as packed:
        facts = orjson.loads(packed.read("customer.json"))
    assert facts["customer"]["name"] == "Анна Ветрова"
    assert [one["number"] for one in facts["orders"]] == [order.number]
    assert facts["orders"][0]["lines"]
    assert facts["messengers"][0]["channel"] == "telegram"
    assert any(said["author"] == "buyer" for talk in facts["conversations"] for said in talk["messages"])
