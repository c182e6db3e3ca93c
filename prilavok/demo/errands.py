"""What the people of the demo shop have to do today: something late, something soon, something that comes back."""

from __future__ import annotations

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from sqlalchemy.orm import Session

from automation import tasks
from automation.tables import Repeat
from automation.tasks import About, Wanted
from company import moments
from company.moments import Moment
from kit import clock
from prilavok.demo.fill import Filled

SOON = timedelta(minutes=5)
"""After the opening: long enough to be seen coming, short enough to be waited for."""

PROMISED = "aminova"
"""The customer who was promised something."""


def fill_tasks(session: Session, filled: Filled, now: datetime) -> None:
    """The owner's own comes to his phone as well."""
    owner, operator, *_others = filled.people.values()
    shop = filled.shop
    monday = moments.chosen(Moment.MONDAY, "", now, ZoneInfo(shop.timezone))
    talk = filled.conversations.get(PROMISED)
    late = Wanted("Показать Лейле фото надписи", operator.id, "Обещали сегодня утром", now - timedelta(hours=3))
    own = Wanted("Подписать накладные", owner.id, due_at=now + SOON)
    weekly = Wanted("Пересчитать остатки на полках", operator.id, due_at=monday, repeat=Repeat.WEEKLY)
    with clock.at(now - timedelta(hours=20)):
        tasks.add(session, shop, late, by=owner, about=About(conversation_id=talk.id) if talk else None)
        tasks.add(session, shop, weekly, by=owner)
        done = tasks.add(session, shop, Wanted("Сфотографировать новую партию кружек", operator.id), by=owner)
        tasks.add(session, shop, own, by=operator)
    with clock.at(now - timedelta(hours=2)):
        tasks.done(session, shop, done.id, by=operator)
