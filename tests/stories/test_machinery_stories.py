"""The machinery in trouble, as the owner lives it: told once in his own chat, and once more when it is over."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import sqlalchemy as sa
from sqlalchemy.orm import Session

from inbox.tables import Delivery, Message
from kit.clock import utc_now
from operation import jobs as machinery
from operation import rounds
from storage import jobs
from storage.tables import Job
from tests.stories.buyers import PhoneBuyer
from tests.stories.console import desk
from tests.stories.street import OLGA, OWNER, OWNER_EMAIL, TOKEN, Street, open_street


async def test_the_owner_is_told_of_a_stolen_webhook_and_of_work_that_died(story_database: str, tmp_path: Path) -> None:
    async with open_street(story_database, tmp_path, receive="webhook") as street:
        ilya, olga = PhoneBuyer(street.telegram, OWNER.id), PhoneBuyer(street.telegram, OLGA.id)
        await _the_webhook_is_stolen(street)
        await _is_checked(street, slot=1)
        await street.do(rounds.go, utc_now())
        await ilya.sees("Сообщения канала «Telegram» не доходили до нас\nвебхук пропал")
        await olga.start()
        await olga.sees("Здравствуйте")
        await _is_checked(street, slot=2)
        for minutes in (0, 4):
            await street.do(rounds.go, utc_now() + timedelta(minutes=minutes))
        await ilya.sees("Вебхук канала «Telegram» на месте")
        assert sum("не доходили" in message.text for message in ilya.screen()) == 1

        message_id = await street.do(_is_about_to_die)
        await ilya.sees("Не удалось окончательно: Отправка сообщения\nТаких дел: 1")
        failed = await street.ask(lambda session: session.get_one(Message, message_id))
        assert failed.delivery == Delivery.FAILED
        assert "ValidationError" in failed.error
        async with desk(street, OWNER_EMAIL) as owner:
            page = await owner.page("/operation")
            assert "Не удалось: решите" in page
            assert TOKEN.split(":")[1] not in page


async def _the_webhook_is_stolen(street: Street) -> None:
    await street.telegram.cloud.account(int(TOKEN.partition(":")[0])).postman.end()


async def _is_checked(street: Street, *, slot: int) -> None:
    await street.do(machinery.put_checks, utc_now() + slot * machinery.CHECK_EVERY)
    await street.hub.worker.idle()


def _is_about_to_die(session: Session) -> int:
    """A message whose content nobody can read, at its last attempt."""
    greeting = sa.select(Message).where(Message.text.startswith("Здравствуйте"), Message.delivery == Delivery.SENT)
    message = session.scalars(greeting.order_by(Message.id.desc()).limit(1)).one()
    message.delivery, message.content = Delivery.QUEUED, {"media": [{"kind": "nonsense"}]}
    lane = f"out:{message.conversation_id}"
    jobs.put(session, "message.deliver", {"message_id": message.id}, lane=lane)
    job = session.scalars(sa.select(Job).where(Job.lane == lane).order_by(Job.id.desc()).limit(1)).one()
    job.attempts = 4
    return message.id
