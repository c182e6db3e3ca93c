"""A task's assignee is reminded once for each due time, and told in his own chat what concerns him."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import orjson
import pytest
import sqlalchemy as sa
import time_machine

from automation import reminding, task_notices, tasks
from automation.tables import Task, TaskState
from automation.tasks import About, Wanted
from company.tables import Membership, Role
from storage.jobs import Job
from storage.tables import EventRow
from storage.tables import Job as JobRow
from tests.bot.chats import PUBLIC_URL, TEXTS, Chat, Counter, plain
from tests.bot.test_flows_purchases import ordered
from tests.bot.test_notices import counter as counter
from tests.bot.test_notices import ilya as ilya

NINE = datetime(2026, 11, 27, 6, tzinfo=UTC)
TEN = NINE + timedelta(hours=1)


@pytest.fixture(autouse=True)
def clock() -> Iterator[time_machine.Traveller]:
    with time_machine.travel(NINE - timedelta(days=1), tick=False) as clock:
        yield clock


def add(counter: Counter, title: str = "Перезвонить Анне", **more: object) -> Task:
    """Марина gives Илья a task."""
    wanted = Wanted(title, counter.world.owner.id, **more)  # type: ignore[arg-type]
    return tasks.add(counter.session, counter.shop, wanted, by=counter.world.operator)


def strike(counter: Counter) -> None:
    """Run every reminder that was ever planned, as a worker would that comes again and again."""
    rows = counter.session.scalars(sa.select(JobRow).where(JobRow.kind == reminding.REMIND).order_by(JobRow.id)).all()
    for row in rows:
        reminding.remind(counter.session, Job(row.id, row.lane, row.kind, orjson.loads(row.payload), 0, 0))


def told(counter: Counter) -> list[str]:
    query = sa.select(EventRow).where(EventRow.kind == "task_due").order_by(EventRow.id)
    return [event.payload["due"] for event in counter.session.scalars(query)]


def tell_all(counter: Counter) -> None:
    """Tell what happened; what was told already is not said again."""
    counter.session.flush()
    step = task_notices.handlers(TEXTS, PUBLIC_URL)[task_notices.NOTICE]
    query = sa.select(EventRow).where(EventRow.subject.like("task:%")).order_by(EventRow.id)
    for event in counter.session.scalars(query).all():
        step.run(counter.session, Job(event.id, "", task_notices.NOTICE, {"event_id": event.id}, 0, 0))
    counter.session.flush()


def test_a_reminder_waits_in_a_lane_of_its_own_until_its_time(counter: Counter) -> None:
    task = add(counter, due_at=NINE)
    row = counter.session.scalars(sa.select(JobRow).where(JobRow.kind == reminding.REMIND)).one()
    assert row.run_at == int(NINE.timestamp() * 1000)
    tasks.postpone(counter.session, counter.shop.id, task.id, NINE - timedelta(hours=2), by=counter.world.owner)
    lanes = counter.session.scalars(sa.select(JobRow.lane).where(JobRow.kind == reminding.REMIND)).all()
    assert len(set(lanes)) == 2


def test_each_due_time_is_told_once_however_often_its_job_runs(counter: Counter) -> None:
    add(counter, due_at=NINE)
    strike(counter)
    strike(counter)
    assert told(counter) == [NINE.isoformat()]


def test_the_job_of_a_time_that_was_changed_does_nothing(counter: Counter) -> None:
    task = add(counter, due_at=NINE)
    tasks.postpone(counter.session, counter.shop.id, task.id, TEN, by=counter.world.owner)
    strike(counter)
    assert told(counter) == [TEN.isoformat()]


def test_what_is_done_or_has_no_time_any_more_is_not_told(counter: Counter) -> None:
    task = add(counter, due_at=NINE)
    tasks.done(counter.session, counter.shop, task.id, by=counter.world.owner)
    timeless = add(counter, "Разобрать коробки", due_at=NINE)
    wanted = Wanted(timeless.title, timeless.assignee_id)
    tasks.edit(counter.session, counter.shop, timeless.id, wanted, version=1, by=counter.world.owner)
    strike(counter)
    assert told(counter) == []


def test_what_is_opened_again_before_its_time_is_told_at_it(counter: Counter) -> None:
    task = add(counter, due_at=NINE)
    tasks.done(counter.session, counter.shop, task.id, by=counter.world.owner)
    tasks.reopen(counter.session, counter.shop.id, task.id, by=counter.world.owner)
    strike(counter)
    assert told(counter) == [NINE.isoformat()]


def test_a_time_that_was_put_back_is_told_once(counter: Counter) -> None:
    task = add(counter, due_at=NINE)
    tasks.postpone(counter.session, counter.shop.id, task.id, TEN, by=counter.world.owner)
    tasks.postpone(counter.session, counter.shop.id, task.id, NINE, by=counter.world.owner)
    strike(counter)
    assert told(counter) == [NINE.isoformat()]


# In the person's own chat


def test_the_assignee_is_told_who_gives_him_what_and_by_when(counter: Counter, ilya: Chat) -> None:
    add(counter, details="Спросить про подарочную упаковку", due_at=NINE)
    tell_all(counter)
    tell_all(counter)
    assert [plain(message.text) for message in ilya.messages] == [
        "Вам задача: Перезвонить Анне\nПоручает Марина Ким\nСпросить про подарочную упаковку\nСрок: 27 ноября, 09:00"
    ]
    assert ilya.labels() == ["Готово", "Через час", "Открыть в консоли"]


def test_what_one_gives_oneself_is_not_told(counter: Counter, ilya: Chat) -> None:
    owner = counter.world.owner
    tasks.add(counter.session, counter.shop, Wanted("Выпить чаю", owner.id), by=owner)
    tell_all(counter)
    assert ilya.messages == []


def test_at_the_due_time_the_chat_reminds_and_done_is_a_button(counter: Counter, ilya: Chat) -> None:
    order = ordered(counter, counter.chat())
    wanted = Wanted("Уточнить адрес", counter.world.owner.id, due_at=NINE)
    about = About(order_id=order.id)
    task = tasks.add(counter.session, counter.shop, wanted, by=counter.world.owner, about=about)
    strike(counter)
    tell_all(counter)
    assert ilya.text == "Пора: Уточнить адрес\nСрок: 27 ноября, 09:00\nЗаказ № 1001, Анна Смирнова"
    ilya.presses("Готово")
    assert task.state == TaskState.DONE
    assert ilya.toasts[-1] == "Отмечено: сделано"
    assert ilya.text.startswith("Сделано: Уточнить адрес")
    assert ilya.labels() == ["Открыть в консоли"]


def test_an_hour_later_it_reminds_again(counter: Counter, ilya: Chat, clock: time_machine.Traveller) -> None:
    task = add(counter, due_at=NINE)
    clock.move_to(NINE)
    strike(counter)
    tell_all(counter)
    ilya.presses("Через час")
    assert task.due_at == TEN
    strike(counter)
    tell_all(counter)
    assert told(counter) == [NINE.isoformat(), TEN.isoformat()]
    assert ilya.text.startswith("Пора: Перезвонить Анне\nСрок: 27 ноября, 10:00")


def test_a_button_of_a_task_that_is_closed_says_so(counter: Counter, ilya: Chat) -> None:
    task = add(counter)
    tell_all(counter)
    tasks.done(counter.session, counter.shop, task.id, by=counter.world.operator)
    ilya.presses("Готово")
    assert ilya.toasts[-1] == "Задача «Перезвонить Анне» уже закрыта."
    assert ilya.text.startswith("Сделано: Перезвонить Анне")


def test_the_author_is_told_that_it_is_done(counter: Counter, ilya: Chat) -> None:
    owner, marina = counter.world.owner, counter.world.operator
    task = tasks.add(counter.session, counter.shop, Wanted("Собрать витрину", marina.id), by=owner)
    tasks.done(counter.session, counter.shop, task.id, by=marina)
    tell_all(counter)
    assert ilya.text == "Сделано: Собрать витрину\nОтмечает Марина Ким"


def test_who_works_here_no_more_is_told_nothing_and_may_press_nothing(counter: Counter, ilya: Chat) -> None:
    task = add(counter, due_at=NINE)
    tell_all(counter)
    membership = counter.session.get_one(Membership, (counter.world.owner.id, counter.shop.id))
    assert membership.role == Role.OWNER
    counter.session.delete(membership)
    counter.session.flush()
    ilya.presses("Готово")
    assert task.state == TaskState.OPEN
    strike(counter)
    tell_all(counter)
    assert len(ilya.messages) == 1
