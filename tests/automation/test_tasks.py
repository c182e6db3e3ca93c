"""Tasks are made, given, changed, done and repeated; two people at once end in a refusal."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest
import sqlalchemy as sa
import time_machine
from sqlalchemy.orm import Session

from automation import task_lists, tasks
from automation.tables import Repeat, Task, TaskState
from automation.task_lists import View
from automation.tasks import About, Wanted
from company import shops, staff
from company.tables import Role, Shop, Staff
from customers import cards
from inbox import conversations
from inbox.tables import Kind
from kit.errors import Refused
from orders import book
from storage.tables import EventRow
from tests.bot.chats import Counter
from tests.bot.test_flows_purchases import ordered
from tests.worlds import World

NINE = datetime(2026, 11, 27, 6, tzinfo=UTC)
"""Nine in the morning of a Friday in Moscow."""


@pytest.fixture(autouse=True)
def _thursday() -> Iterator[None]:
    with time_machine.travel(NINE - timedelta(days=1), tick=False):
        yield


def add(world: World, title: str = "Перезвонить", **more: object) -> Task:
    facts = {"assignee_id": world.operator.id, **more}
    return tasks.add(world.session, world.shop, Wanted(title, **facts), by=world.owner)  # type: ignore[arg-type]


def events(session: Session, task: Task) -> list[tuple[str, str, dict[str, object]]]:
    rows = session.scalars(sa.select(EventRow).where(EventRow.subject == f"task:{task.id}").order_by(EventRow.id))
    return [(row.kind, row.payload.get("change", ""), row.payload.get("before", {})) for row in rows]


def test_a_task_keeps_what_was_said(world: World) -> None:
    task = add(world, "  Заказать \n коробки ", details=" 50 штук ", due_at=NINE.replace(second=40))
    assert (task.title, task.details, task.due_at) == ("Заказать коробки", "50 штук", NINE)
    assert (task.author_id, task.assignee_id, task.state) == (world.owner.id, world.operator.id, TaskState.OPEN)


def test_a_task_without_words_is_refused(world: World) -> None:
    with pytest.raises(tasks.NoTitle):
        add(world, " ")


def test_a_task_is_given_to_a_colleague_alone(world: World) -> None:
    elsewhere = shops.create(world.session, name="Чужая лавка")
    stranger = staff.add(world.session, elsewhere, email="o@b.example", name="Олег", password=None, role=Role.OWNER)
    with pytest.raises(tasks.NotAColleague):
        add(world, assignee_id=stranger.id)


def test_what_repeats_needs_a_time(world: World) -> None:
    with pytest.raises(tasks.RepeatsFromNothing):
        add(world, repeat=Repeat.DAILY)


def test_a_task_about_an_order_is_about_its_customer_too(world: World) -> None:
    counter = Counter(world)
    order = ordered(counter, counter.chat())
    wanted = Wanted("Уточнить адрес", world.operator.id)
    task = tasks.add(world.session, world.shop, wanted, by=world.owner, about=About(order_id=order.id))
    assert (task.order_id, task.customer_id) == (order.id, order.customer_id)
    assert task.conversation_id == order.conversation_id
    found = task_lists.about_customer(world.session, world.shop.id, order.customer_id, limit=5)
    assert [(row.task.id, row.order_number, row.customer) for row in found] == [(task.id, 1001, "Анна Смирнова")]
    assert len(task_lists.about_order(world.session, world.shop.id, order.id, limit=5)) == 1


def test_another_shops_things_are_not_there_to_be_spoken_of(world: World) -> None:
    counter = Counter(world)
    order = ordered(counter, counter.chat())
    elsewhere = shops.create(world.session, name="Чужая лавка")
    person = staff.add(world.session, elsewhere, email="o@b.example", name="Олег", password=None, role=Role.OWNER)
    for about, missing in (
        (About(order_id=order.id), book.NoOrder),
        (About(conversation_id=order.conversation_id), conversations.NoSuchConversation),
        (About(customer_id=order.customer_id), cards.NoSuchCustomer),
    ):
        with pytest.raises(missing):
            tasks.add(world.session, elsewhere, Wanted("Подсмотреть", person.id), by=person, about=about)


def test_a_staff_chat_is_nothing_to_speak_of(world: World) -> None:
    talk = Counter(world).owners_chat().conversation
    assert talk.kind == Kind.STAFF
    wanted = Wanted("Написать себе", world.owner.id)
    with pytest.raises(conversations.NoSuchConversation):
        tasks.add(world.session, world.shop, wanted, by=world.owner, about=About(conversation_id=talk.id))


def test_done_is_kept_with_who_and_when_and_can_be_taken_back(world: World) -> None:
    task = add(world)
    assert tasks.done(world.session, world.shop, task.id, by=world.operator) is None
    assert (task.state, task.closed_at) == (TaskState.DONE, NINE - timedelta(days=1))
    with pytest.raises(tasks.TaskIsClosed):
        tasks.done(world.session, world.shop, task.id, by=world.owner)
    tasks.reopen(world.session, world.shop.id, task.id, by=world.owner)
    assert (task.state, task.closed_at) == (TaskState.OPEN, None)
    with pytest.raises(tasks.TaskIsOpen):
        tasks.reopen(world.session, world.shop.id, task.id, by=world.owner)
    assert events(world.session, task) == [
        ("task_added", "", {}),
        ("task_changed", "done", {"state": "open"}),
        ("task_changed", "reopened", {"state": "done"}),
    ]


def test_an_edit_keeps_what_was_before_and_sees_another_edit(world: World) -> None:
    task = add(world, due_at=NINE)
    seen = task.version
    wanted = Wanted("Перезвонить Анне", world.owner.id, due_at=NINE)
    tasks.edit(world.session, world.shop, task.id, wanted, version=seen, by=world.operator)
    before = {"title": "Перезвонить", "assignee_id": world.operator.id}
    assert events(world.session, task)[-1] == ("task_changed", "edited", before)
    with pytest.raises(tasks.TaskHasChanged):
        tasks.edit(world.session, world.shop, task.id, wanted, version=seen, by=world.owner)


def test_an_edit_that_changes_nothing_is_no_event(world: World) -> None:
    task = add(world, due_at=NINE)
    wanted = Wanted(task.title, task.assignee_id, due_at=NINE)
    tasks.edit(world.session, world.shop, task.id, wanted, version=task.version, by=world.owner)
    assert len(events(world.session, task)) == 1


def test_a_colleague_who_left_keeps_his_tasks_until_they_are_given_on(world: World) -> None:
    task = add(world)
    world.operator.active = False
    world.session.flush()
    wanted = Wanted("Перезвонить завтра", world.operator.id)
    assert tasks.edit(world.session, world.shop, task.id, wanted, version=task.version, by=world.owner).version == 2
    with pytest.raises(tasks.NotAColleague):
        add(world)


def test_the_next_one_is_made_when_one_is_done(world: World) -> None:
    task = add(world, due_at=NINE, repeat=Repeat.DAILY)
    following = tasks.done(world.session, world.shop, task.id, by=world.operator)
    assert following is not None
    assert (following.due_at, following.repeat) == (NINE + timedelta(days=1), Repeat.DAILY)
    assert (following.title, following.assignee_id, following.author_id) == (
        task.title,
        world.operator.id,
        world.owner.id,
    )


def test_what_was_put_off_comes_back_at_its_usual_hour(world: World) -> None:
    task = add(world, due_at=NINE, repeat=Repeat.DAILY)
    tasks.postpone(world.session, world.shop.id, task.id, NINE + timedelta(hours=1), by=world.operator)
    following = tasks.done(world.session, world.shop, task.id, by=world.operator)
    assert following is not None
    assert following.due_at == NINE + timedelta(days=1)


def test_a_monthly_one_remembers_its_day(world: World) -> None:
    january = datetime(2027, 1, 31, 6, tzinfo=UTC)
    task = add(world, due_at=january, repeat=Repeat.MONTHLY)
    february = tasks.done(world.session, world.shop, task.id, by=world.operator)
    assert february is not None
    march = tasks.done(world.session, world.shop, february.id, by=world.operator)
    assert march is not None
    assert [str(one.due_at)[:10] for one in (february, march)] == ["2027-02-28", "2027-03-31"]


def test_done_again_after_it_was_opened_again_makes_no_second_repetition(world: World) -> None:
    task = add(world, due_at=NINE, repeat=Repeat.DAILY)
    tasks.done(world.session, world.shop, task.id, by=world.operator)
    tasks.reopen(world.session, world.shop.id, task.id, by=world.operator)
    assert task.repeat == Repeat.NONE
    assert tasks.done(world.session, world.shop, task.id, by=world.operator) is None


def test_what_is_not_needed_does_not_repeat(world: World) -> None:
    task = add(world, due_at=NINE, repeat=Repeat.DAILY)
    tasks.cancel(world.session, world.shop.id, task.id, by=world.operator)
    assert world.session.scalar(sa.select(sa.func.count(Task.id))) == 1


def test_the_views_and_their_numbers(world: World) -> None:
    shop_id, marina = world.shop.id, world.operator.id
    late = add(world, "вчера", due_at=NINE - timedelta(days=2))
    dateless = add(world, "когда-нибудь")
    soon = add(world, "завтра", due_at=NINE)
    owners = add(world, "владельцу", assignee_id=world.owner.id, due_at=NINE - timedelta(days=3))
    over = add(world, "сделано")
    tasks.done(world.session, world.shop, over.id, by=world.operator)

    def seen(view: View) -> list[int]:
        return [row.task.id for row in task_lists.rows(world.session, shop_id, view, marina, limit=10)]

    assert seen(View.MINE) == [late.id, soon.id, dateless.id]
    assert seen(View.ALL) == [owners.id, late.id, soon.id, dateless.id]
    assert seen(View.OVERDUE) == [owners.id, late.id]
    assert seen(View.DONE) == [over.id]
    assert task_lists.counts(world.session, shop_id, marina) == task_lists.Counts(3, 1)
    assert task_lists.counts(world.session, shop_id) == task_lists.Counts(4, 2)
    assert [task_lists.how_many(world.session, shop_id, view, marina) for view in View] == [3, 4, 2, 1]
    elsewhere = shops.create(world.session, name="Чужая лавка")
    assert task_lists.rows(world.session, elsewhere.id, View.ALL, marina, limit=10) == []


def test_two_who_do_it_at_once_make_one_repetition(session: Session, engine: sa.Engine, world: World) -> None:
    task = add(world, due_at=NINE, repeat=Repeat.DAILY)
    session.commit()
    together = threading.Barrier(2)

    def do(person_id: int) -> bool:
        together.wait(10)
        with Session(engine, expire_on_commit=False) as own:
            try:
                tasks.done(own, own.get_one(Shop, world.shop.id), task.id, by=own.get_one(Staff, person_id))
            except Refused:
                own.rollback()
                return False
            own.commit()
            return True

    with ThreadPoolExecutor(2) as threads:
        results = list(threads.map(do, (world.owner.id, world.operator.id)))
    assert sorted(results) == [False, True]
    assert session.scalar(sa.select(sa.func.count(Task.id))) == 2
