"""Views of the lists that people keep: above the list, in the palette, on a page of their own."""

from __future__ import annotations

import re
from urllib.parse import quote

import pytest
import sqlalchemy as sa

from company.tables import SavedView
from tests.console import trade
from tests.console.desk import Answer, Browser, Desk


async def saved(browser: Browser, listing: str, name: str, **fields: str) -> Answer:
    return await browser.post("/views", {"listing": listing, "view_name": name} | fields)


async def id_of(desk: Desk, name: str) -> int:
    found = await desk.db.read(lambda session: session.scalar(sa.select(SavedView.id).where(SavedView.name == name)))
    assert found is not None
    return found


def bar(page: Answer) -> list[str]:
    """The views above the list as they are read: the name and the number, the open one with a star."""
    nav = re.search(r'<nav class="saved-views".*?</nav>', page.text, re.S)
    links = re.findall(r'<a href="[^"]*"( aria-current="true")?>(.*?)</a>', nav[0], re.S) if nav else []
    return [("*" if current else "") + " ".join(re.sub(r"<[^>]+>", "", words).split()) for current, words in links]


async def test_the_filter_of_the_orders_is_kept_and_opened_again_with_its_count(desk: Desk) -> None:
    await trade.order(desk, trade.ONLINE, 1)
    await trade.order(desk, quantity=1)
    browser = await desk.signed_in(desk.ours.operator)
    fields = {"layout": "table", "payment": "unpaid", "sort": "total", "ascending": "1", "page": "3", "junk": "x"}
    answer = await saved(browser, "orders", "Без денег", **fields)
    assert answer.headers["HX-Redirect"] == "/orders?layout=table&payment=unpaid&sort=total&ascending=1"
    assert bar(await browser.get(answer.headers["HX-Redirect"])) == ["*Без денег 1"]
    assert bar(await browser.get("/orders?layout=table")) == ["Без денег 1"]
    assert bar(await (await desk.signed_in(desk.ours.colleague)).get("/orders")) == []


async def test_views_of_the_inbox_and_of_the_customers(desk: Desk) -> None:
    browser = await desk.signed_in(desk.ours.operator)
    inbox = await saved(browser, "inbox", "Ничьи", view="unassigned", channel="", q="")
    assert inbox.headers["HX-Redirect"] == "/inbox?view=unassigned"
    await saved(browser, "inbox", "Про серую", view="open", q="серую")
    assert bar(await browser.get("/inbox?view=unassigned")) == ["*Ничьи 1", "Про серую"]
    people = {"tag": "опт", "spent_from": "5000", "sort": "", "ascending": "", "field-7": "1", "view_x": "1"}
    customers = await saved(browser, "customers", "Оптовики", **people)
    assert customers.headers["HX-Redirect"] == f"/customers?tag={quote('опт')}&spent_from=5000&field-7=1"
    assert bar(await browser.get(customers.headers["HX-Redirect"])) == ["*Оптовики"]


async def test_only_who_keeps_the_settings_gives_a_view_to_the_shop_and_changes_it(desk: Desk) -> None:
    owner, operator = await desk.signed_in(desk.ours.owner), await desk.signed_in(desk.ours.operator)
    assert (await saved(operator, "orders", "Общий", lead="nobody", view_shared="1")).status == 403
    assert 'name="view_shared"' not in (await operator.get("/orders")).text
    await saved(owner, "orders", "Общий", lead="nobody", view_shared="1")
    assert bar(await operator.get("/orders")) == ["Общий 0"]
    number = await id_of(desk, "Общий")
    for act in ("rename", "shift", "remove"):
        assert (await operator.post(f"/views/{number}/{act}", {"name": "Мой"})).status == 403
    await saved(owner, "orders", "Личный")
    own = await id_of(desk, "Личный")
    assert (await operator.post(f"/views/{own}/remove")).status == 404
    assert (await owner.post(f"/views/{own}/rename", {"name": "Общий"})).status == 204
    assert (await owner.post(f"/views/{number}/remove")).status == 204
    assert "Общий" not in (await operator.get("/orders")).text


async def test_they_are_found_in_the_palette_and_arranged_on_their_page(desk: Desk) -> None:
    browser = await desk.signed_in(desk.ours.operator)
    for name in ("Без денег", "Мои", "Ничьи"):
        await saved(browser, "orders", name, lead="me" if name == "Мои" else "", payment="unpaid")
    assert 'href="/orders?lead=me&amp;payment=unpaid"' in (await browser.fragment("/find?q=мои")).text
    assert "Без денег" in (await browser.fragment("/find?q=")).text
    await browser.post(f"/views/{await id_of(desk, 'Ничьи')}/shift", {"way": "up"})
    page = (await browser.get("/views")).text
    assert re.findall(r'name="name" value="([^"]+)"', page) == ["Без денег", "Ничьи", "Мои"]


async def test_a_view_that_asks_for_what_is_gone_opens_and_says_so(desk: Desk) -> None:
    browser = await desk.signed_in(desk.ours.operator)
    answer = await saved(browser, "orders", "Старая стадия", layout="table", stage="gone_stage")
    page = await browser.get(answer.headers["HX-Redirect"])
    assert page.status == 200
    assert "Фильтр «Стадия» ищет то, чего больше нет" in page.text
    assert '<a href="/orders?layout=table">Снять фильтр</a>' in page.text
    assert "Фильтр «Метка»" in (await browser.get("/customers?tag=old")).text
    assert "Фильтр «Своё поле»" in (await browser.get("/customers?field-99=1")).text
    assert "Фильтр «Канал»" in (await browser.get("/inbox?channel=vk")).text
    assert "чего больше нет" not in (await browser.get(f"/orders?lead={desk.ours.operator.id}")).text


@pytest.mark.parametrize(
    ("form", "status"),
    [
        ({"listing": "nowhere", "view_name": "Мои"}, 404),
        ({"listing": "inbox", "view_name": "Мои", "view": "nonsense"}, 404),
        ({"listing": "orders", "view_name": " "}, 409),
    ],
)
async def test_what_is_no_view_is_refused(desk: Desk, form: dict[str, str], status: int) -> None:
    assert (await (await desk.signed_in(desk.ours.operator)).post("/views", form)).status == status
