"""Tasks in the console: the list and its views, the dialog, the short lists beside other pages, live for colleagues."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
import sqlalchemy as sa

from automation import tasks
from automation.tables import Task, TaskState
from automation.tasks import Wanted
from company import staff
from company.tables import Shop
from kit.clock import utc_now
from tests.console import trade
from tests.console.desk import Browser, Desk

OWN = "2027-03-01T10:00"


async def add(browser: Browser, title: str = "Перезвонить Анне", **form: object) -> int:
    """The answer's status."""
    return (await browser.post("/tasks", {"title": title, **{name: str(value) for name, value in form.items()}})).status


async def all_tasks(desk: Desk) -> list[Task]:
    return await desk.db.read(lambda session: list(session.scalars(sa.select(Task).order_by(Task.id))))


async def task(desk: Desk) -> Task:
    return (await all_tasks(desk))[-1]


def rows(page: str) -> list[str]:
    return re.findall(r"data-task-open>([^<]+)</a>", page)


async def test_a_task_is_added_for_oneself_or_a_colleague(desk: Desk) -> None:
    marina = await desk.signed_in(desk.ours.operator)
    assert await add(marina, when="own", due=OWN, repeat="monthly", details="Уточнить цвет") == 204
    made = await task(desk)
    assert (made.assignee_id, made.author_id, made.details) == (
        desk.ours.operator.id,
        desk.ours.operator.id,
        "Уточнить цвет",
    )
    assert made.due_at is not None
    assert made.due_at.isoformat() == "2027-03-01T07:00:00+00:00"
    assert (made.repeat, made.month_day) == ("monthly", 1)
    assert await add(marina, "Сфотографировать кружки", assignee=desk.ours.colleague.id) == 204
    assert rows((await marina.get("/tasks")).text) == ["Перезвонить Анне"]
    assert rows((await marina.get("/tasks?view=all")).text) == ["Перезвонить Анне", "Сфотографировать кружки"]
    sofya = await desk.signed_in(desk.ours.colleague)
    page = (await sofya.get("/tasks")).text
    assert rows(page) == ["Сфотографировать кружки"]
    assert "от: Марина Ким" in page


@pytest.mark.parametrize(
    ("form", "status"),
    [
        ({"title": " "}, 409),
        ({"when": "own", "due": "скоро"}, 409),
        ({"when": "yesterday"}, 409),
        ({"repeat": "daily"}, 409),
        ({"repeat": "hourly"}, 404),
        ({"assignee": "999999"}, 409),
        ({"order": "999999"}, 404),
        ({"conversation": "abc"}, 404),
    ],
)
async def test_what_makes_no_task_is_refused(desk: Desk, form: dict[str, str], status: int) -> None:
    marina = await desk.signed_in(desk.ours.operator)
    answer = await marina.post("/tasks", {"title": "Перезвонить", **form})
    assert answer.status == status
    assert await all_tasks(desk) == []


async def test_one_of_another_shop_is_not_given_a_task(desk: Desk) -> None:
    marina = await desk.signed_in(desk.ours.operator)
    assert await add(marina, assignee=desk.foreign.operator.id) == 409
    assert await add(marina, conversation=desk.foreign.anna) == 404
    assert (await marina.fragment(f"/tasks/box?conversation={desk.foreign.anna}")).status == 404


async def test_a_form_is_opened_in_the_list_and_kept(desk: Desk) -> None:
    marina = await desk.signed_in(desk.ours.operator)
    await add(marina, when="own", due=OWN)
    made = await task(desk)
    form = (await marina.fragment(f"/tasks/{made.id}/form")).text
    assert 'value="2027-03-01T10:00"' in form
    kept = {"title": "Написать Анне", "when": "own", "due": OWN, "version": trade.key_in(form, "version")}
    answer = await marina.post(f"/tasks/{made.id}", {**kept, "assignee": str(desk.ours.owner.id)})
    assert rows(answer.text) == ["Написать Анне"]
    again = await marina.post(f"/tasks/{made.id}", kept)
    assert (again.status, "изменил кто-то ещё" in again.text) == (409, True)
    history = (await marina.get(f"/tasks/{made.id}")).text
    assert "Марина: изменено — название, было «Перезвонить Анне», кто делает, раньше: Марина" in history


async def test_who_works_here_no_more_stays_chosen_until_another_is(desk: Desk) -> None:
    marina = await desk.signed_in(desk.ours.operator)
    await add(marina, assignee=desk.ours.colleague.id)
    await desk.db.write(lambda session: setattr(staff.get(session, desk.ours.colleague.id), "active", False))
    form = (await marina.fragment(f"/tasks/{(await task(desk)).id}/form")).text
    assert f'<option value="{desk.ours.colleague.id}" selected>Софья Белова</option>' in form


async def test_done_offers_a_way_back_and_a_second_done_is_refused(desk: Desk) -> None:
    marina, sofya = await desk.signed_in(desk.ours.operator), await desk.signed_in(desk.ours.colleague)
    await add(marina)
    made = await task(desk)
    answer = await marina.post(f"/tasks/{made.id}/done")
    assert answer.toast == "Готово"
    assert f"/tasks/{made.id}/reopen" in answer.headers["HX-Trigger"]
    assert (await sofya.post(f"/tasks/{made.id}/done")).status == 409
    assert rows((await marina.get("/tasks?view=done")).text) == ["Перезвонить Анне"]
    assert (await marina.post(f"/tasks/{made.id}/reopen")).status == 204
    assert (await marina.post(f"/tasks/{made.id}/cancel")).status == 204
    assert (await task(desk)).state == TaskState.CANCELLED


async def test_done_says_when_the_next_one_comes(desk: Desk) -> None:
    marina = await desk.signed_in(desk.ours.operator)
    await add(marina, when="own", due=OWN, repeat="weekly")
    made = await task(desk)
    assert (await marina.post(f"/tasks/{made.id}/done")).toast.startswith("Готово. Следующий раз: 8 мар")
    assert len(await all_tasks(desk)) == 2


async def test_overdue_ones_are_red_in_the_list_and_in_the_menu(desk: Desk) -> None:
    marina = await desk.signed_in(desk.ours.operator)
    late = Wanted("Отдать посылку", desk.ours.operator.id, due_at=utc_now() - timedelta(days=2))
    await desk.db.write(
        lambda session: tasks.add(session, session.get_one(Shop, desk.ours.shop_id), late, by=desk.ours.owner)
    )
    page = (await marina.get("/tasks?view=overdue")).text
    assert "due-late" in page
    assert re.search(r'class="nav-note nav-note-hot" id="nav-tasks">1<', page)
    made = await task(desk)
    assert (await marina.post(f"/tasks/{made.id}/later")).status == 204
    assert rows((await marina.get("/tasks?view=overdue")).text) == []
    assert re.search(r'class="nav-note" id="nav-tasks"[^>]*>1<', (await marina.fragment("/nav")).text)


async def test_a_talk_its_order_and_its_customer_show_what_is_to_be_done(desk: Desk) -> None:
    marina = await desk.signed_in(desk.ours.operator)
    order = await trade.order(desk)
    await add(marina, "Уточнить адрес", order=order.id)
    await add(marina, "Предложить блюдце", conversation=desk.ours.anna)
    await add(marina, "Поздравить", customer=order.customer_id)
    assert rows((await marina.get(f"/orders/{order.id}")).text) == ["Уточнить адрес"]
    everything = ["Уточнить адрес", "Предложить блюдце", "Поздравить"]
    assert rows((await marina.get(f"/inbox/{desk.ours.anna}")).text) == everything
    assert rows((await marina.get(f"/customers/{order.customer_id}")).text) == everything
    assert rows((await marina.fragment(f"/tasks/box?conversation={desk.ours.anna}")).text) == everything
    dialog = (await marina.fragment(f"/tasks/new?order={order.id}")).text
    assert f'name="order" value="{order.id}"' in dialog


async def test_a_long_list_has_pages(desk: Desk) -> None:
    def fill(session: object) -> None:
        shop = session.get_one(Shop, desk.ours.shop_id)  # type: ignore[attr-defined]
        for n in range(60):
            tasks.add(session, shop, Wanted(f"Дело {n}", desk.ours.operator.id), by=desk.ours.owner)  # type: ignore[arg-type]

    await desk.db.write(fill)
    marina = await desk.signed_in(desk.ours.operator)
    first, second = (await marina.get("/tasks")).text, (await marina.get("/tasks?page=2")).text
    assert (len(rows(first)), len(rows(second))) == (50, 10)
    assert "/tasks?view=mine&amp;page=2" in first


async def test_a_colleagues_page_hears_of_it(desk: Desk) -> None:
    marina, sofya = await desk.signed_in(desk.ours.operator), await desk.signed_in(desk.ours.colleague)
    async with sofya.listening() as stream:
        await add(marina)
        event = await stream.next("task_added")
    assert event["topics"] == [["task", (await task(desk)).id]]


async def test_what_people_write_is_no_markup(desk: Desk) -> None:
    marina = await desk.signed_in(desk.ours.operator)
    await add(marina, "<script>alert(1)</script>", details="<b>жирно</b>")
    page = (await marina.get("/tasks")).text
    assert "<script>alert" not in page
    assert "<b>жирно" not in page
