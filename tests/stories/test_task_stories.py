"""A task as two people live it: given in the console, reminded of on the phone, done there, told of at the desk."""

from __future__ import annotations

import re
from datetime import timedelta
from pathlib import Path

import sqlalchemy as sa
from sqlalchemy.orm import Session

from automation import tasks
from automation.tables import Notification, Task, TaskState, Told
from automation.tasks import Wanted
from company import settings
from kit.clock import utc_now
from storage.tables import Job
from tests.stories.buyers import PhoneBuyer
from tests.stories.console import desk
from tests.stories.street import MARINA_EMAIL, OLGA, OWNER, OWNER_EMAIL, open_street, person, the_shop


async def test_a_reminder_comes_to_the_phone_once_and_is_answered_there(story_database: str, tmp_path: Path) -> None:
    async with open_street(story_database, tmp_path) as street, desk(street, MARINA_EMAIL) as marina:
        ilya = PhoneBuyer(street.telegram, OWNER.id)
        await street.do(_give, "Подписать накладные")
        await ilya.sees("Вам задача: Подписать накладные\nПоручает Марина Ким", "Готово")
        await street.do(_the_time_has_come)
        await street.restart()
        await ilya.sees("Пора: Подписать накладные", "Через час")
        await street.settle()
        assert sum(seen.text.startswith("Пора:") for seen in ilya.screen()) == 1

        assert await ilya.press("Готово") == "Отмечено: сделано"
        await ilya.sees("Сделано: Подписать накладные")
        await street.settle()
        assert await street.ask(_states) == [TaskState.DONE]
        page = await marina.page("/notifications")
        assert re.findall(r'class="told-title">([^<]+)<', page) == ["Илья Дорохов: ваша задача сделана"]
        assert await street.ask(_told, OWNER_EMAIL) == [Told.TASK_GIVEN, Told.TASK_DUE]


async def test_who_waits_is_given_to_the_operator_whose_console_is_open(story_database: str, tmp_path: Path) -> None:
    async with open_street(story_database, tmp_path) as street, desk(street, MARINA_EMAIL) as marina:
        await street.do(lambda session: settings.change(session, the_shop(session), assignment={"rule": "fewest"}))
        await marina.listens.wait()
        olga = PhoneBuyer(street.telegram, OLGA.id)
        await olga.start()
        await olga.sees("Здравствуйте")
        await olga.say("Можно упаковать в подарок?")
        here = await marina.hears("Можно упаковать в подарок?")
        await marina.told_of("conversation_assigned", conversation_id=here)
        assert "Отвечает Марина: меньше всего открытых диалогов" in await marina.page(f"/inbox/{here}")


def _give(session: Session, title: str) -> None:
    marina, ilya = person(session, MARINA_EMAIL), person(session, OWNER_EMAIL)
    wanted = Wanted(title, ilya.id, due_at=utc_now() + timedelta(days=1))
    tasks.add(session, the_shop(session), wanted, by=marina)


def _the_time_has_come(session: Session) -> None:
    """The day goes by: the planned job may run."""
    job = session.scalars(sa.select(Job).where(Job.kind == "task.remind")).one()
    job.run_at = int(utc_now().timestamp() * 1000)


def _states(session: Session) -> list[str]:
    return list(session.scalars(sa.select(Task.state)))


def _told(session: Session, email: str) -> list[str]:
    mine = sa.select(Notification.kind).where(Notification.staff_id == person(session, email).id)
    return list(session.scalars(mine.order_by(Notification.id)))
