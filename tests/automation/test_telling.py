"""Who is told of what in the console: once, never of one's own doing, and only what one wants to hear."""

from __future__ import annotations

from datetime import time, timedelta
from pathlib import Path

import orjson
import pytest
import sqlalchemy as sa

from automation import notifications, reminding, tasks, telling
from automation.notifications import About
from automation.tables import Notification, Told
from automation.tasks import Wanted
from bot.channels.base import Rejected
from bot.delivery import Courier
from company import shops, staff
from company.settings import Hours, WorkingHours
from company.tables import Membership, Role, Shop, Staff
from inbox import conversations, delivered, messages
from inbox.content import Outgoing
from inbox.tables import Author
from kit.clock import utc_now
from orders import details, stages
from orders.reasons import Reason
from storage.files import FileStore
from storage.jobs import Job
from storage.tables import EventRow
from storage.tables import Job as JobRow
from tests.bot.chats import Chat, Counter
from tests.bot.test_flows_purchases import ordered, pay
from tests.bot.test_notices import anna as anna
from tests.bot.test_notices import counter as counter


@pytest.fixture
def marina(counter: Counter) -> Staff:
    return counter.world.operator


@pytest.fixture
def ilya(counter: Counter) -> Staff:
    return counter.world.owner


def tell_all(counter: Counter) -> None:
    """Run the job of every event, as if it came twice."""
    counter.session.flush()
    query = sa.select(EventRow).where(EventRow.kind.in_(telling.TELL)).order_by(EventRow.id)
    for event in counter.session.scalars(query).all():
        telling.tell(counter.session, Job(event.id, "", telling.NOTIFY, {"event_id": event.id}, 0, 0))


def told(counter: Counter, person: Staff) -> list[Notification]:
    tell_all(counter)
    tell_all(counter)
    return notifications.page(counter.session, counter.shop.id, person.id, limit=50)[::-1]


def kinds(counter: Counter, person: Staff) -> list[str]:
    return [one.kind for one in told(counter, person)]


def test_a_call_in_a_note_leads_to_the_note(counter: Counter, anna: Chat, marina: Staff, ilya: Staff) -> None:
    talk = anna.conversation
    note = messages.note(counter.session, talk, "@Марина Ким, подскажи", ilya, people=[ilya, marina])
    (one,) = told(counter, marina)
    assert (one.kind, one.conversation_id, one.message_id) == (Told.MENTIONED, talk.id, note.id)
    assert one.facts == {"who": "Илья Дорохов", "name": "Анна Смирнова", "text": "@Марина Ким, подскажи"}


def test_ones_own_doing_is_never_told(counter: Counter, anna: Chat, marina: Staff) -> None:
    messages.note(counter.session, anna.conversation, "@Марина Ким, не забудь", marina, people=[marina])
    conversations.hand_over(counter.session, anna.conversation, marina, by=marina)
    order = ordered(counter, anna)
    details.assign(counter.session, order, marina.id, actor=f"staff:{marina.id}")
    stages.cancel(counter.session, order, actor=f"staff:{marina.id}", role=Role.OPERATOR, reason=Reason.CHANGED_MIND)
    task = tasks.add(counter.session, counter.shop, Wanted("Чай", marina.id), by=marina)
    tasks.done(counter.session, counter.shop, task.id, by=marina)
    assert kinds(counter, marina) == []


def test_what_was_handed_over_is_told(counter: Counter, anna: Chat, marina: Staff, ilya: Staff) -> None:
    conversations.hand_over(counter.session, anna.conversation, marina, by=ilya)
    (one,) = told(counter, marina)
    assert (one.kind, one.conversation_id, one.facts["name"]) == (Told.ASSIGNED, anna.conversation.id, "Анна Смирнова")


def test_of_an_order_its_responsible_one_hears_of_money_and_of_its_end(
    counter: Counter, anna: Chat, marina: Staff, ilya: Staff
) -> None:
    order = ordered(counter, anna)
    details.assign(counter.session, order, marina.id, actor="system")
    pay(counter, order)
    other = ordered(counter, counter.chat("oleg", "Олег Саввин"))
    details.assign(counter.session, other, marina.id, actor="system")
    stages.cancel(counter.session, other, actor="schedule", reason=Reason.UNPAID)
    paid, cancelled = told(counter, marina)
    assert (paid.kind, paid.order_id, paid.facts["sum"]) == (Told.ORDER_PAID, order.id, 290000)
    assert (cancelled.kind, cancelled.order_id) == (Told.ORDER_CANCELLED, other.id)
    assert cancelled.facts["reason"] == Reason.UNPAID
    assert kinds(counter, ilya) == []


def test_tasks_given_due_and_done(counter: Counter, marina: Staff, ilya: Staff) -> None:
    task = tasks.add(counter.session, counter.shop, Wanted("Витрина", marina.id, due_at=utc_now()), by=ilya)
    due = int(task.due_at.timestamp()) if task.due_at else 0
    reminding.remind(counter.session, Job(1, "", reminding.REMIND, {"task_id": task.id, "due": due}, 0, 0))
    tasks.done(counter.session, counter.shop, task.id, by=marina)
    assert kinds(counter, marina) == [Told.TASK_GIVEN, Told.TASK_DUE]
    (done,) = told(counter, ilya)
    assert (done.kind, done.task_id, done.facts) == (Told.TASK_DONE, task.id, {"who": "Марина Ким", "text": "Витрина"})


def test_a_message_that_failed_is_told_to_its_writer(counter: Counter, anna: Chat, marina: Staff) -> None:
    talk = anna.conversation
    (said,) = messages.reply(counter.session, talk, marina, Outgoing(text="Кружка есть"))
    (bots,) = messages.say(counter.session, talk, Outgoing(text="Меню"), author=Author.BOT)
    for message in (said, bots):
        delivered.tell_failed(counter.session, counter.shop.id, message)
    (one,) = told(counter, marina)
    assert (one.kind, one.message_id, one.facts["text"]) == (Told.MESSAGE_FAILED, said.id, "Кружка есть")


def test_a_refused_delivery_is_such_a_failure(counter: Counter, anna: Chat, marina: Staff, tmp_path: Path) -> None:
    messages.reply(counter.session, anna.conversation, marina, Outgoing(text="Кружка есть"))
    row = counter.session.scalars(sa.select(JobRow).where(JobRow.kind == "message.deliver")).one()
    job = Job(row.id, row.lane, row.kind, orjson.loads(row.payload), 0, row.created_at)
    courier = Courier(lambda account_id: pytest.fail("nothing is sent here"), FileStore(tmp_path))
    deliver = courier.handlers["message.deliver"]
    errand = deliver.remember(counter.session, job)
    deliver.record(counter.session, job, errand, Rejected("chat not found"))
    assert kinds(counter, marina) == [Told.MESSAGE_FAILED]


def test_a_customer_who_waits_is_told_of_once_each_time_he_waits(counter: Counter, anna: Chat, marina: Staff) -> None:
    talk, now = anna.conversation, utc_now()
    talk.assignee_id, talk.held, talk.waiting_since = marina.id, True, now - timedelta(minutes=14)
    counter.session.flush()

    def look(minutes: int) -> int:
        telling.look_who_waits(counter.session, now + timedelta(minutes=minutes))
        return len(notifications.page(counter.session, counter.shop.id, marina.id, limit=9))

    assert [look(0), look(2), look(3)] == [0, 1, 1]
    talk.waiting_since = now + timedelta(minutes=5)
    counter.session.flush()
    assert [look(10), look(21)] == [1, 2]
    counter.rules(waiting_notice=0)
    talk.waiting_since = now + timedelta(minutes=30)
    counter.session.flush()
    assert look(90) == 2


def test_hours_in_which_the_shop_is_closed_are_not_waited(counter: Counter, anna: Chat, marina: Staff) -> None:
    now, talk = utc_now(), anna.conversation
    talk.waiting_since, talk.assignee_id = now - timedelta(hours=2), marina.id
    counter.rules(hours=WorkingHours(week=(None,) * 7).model_dump())
    telling.look_who_waits(counter.session, now)
    assert notifications.page(counter.session, counter.shop.id, marina.id, limit=9) == []
    always = Hours(opens=time(0), closes=time(0))
    counter.rules(hours=WorkingHours(week=(always,) * 7).model_dump())
    telling.look_who_waits(counter.session, now)
    assert len(notifications.page(counter.session, counter.shop.id, marina.id, limit=9)) == 1


def test_what_nobody_leads_is_told_to_nobody(counter: Counter, anna: Chat) -> None:
    anna.conversation.waiting_since = utc_now() - timedelta(hours=2)
    counter.session.flush()
    telling.look_who_waits(counter.session, utc_now())
    assert counter.session.scalar(sa.select(sa.func.count(Notification.id))) == 0


def add(counter: Counter, person: Staff, key: str, kind: Told = Told.TASK_DUE) -> Notification | None:
    return notifications.tell(counter.session, counter.shop.id, person.id, kind, About(task_id=1), key=key)


def test_kinds_that_are_not_wanted_are_not_written(counter: Counter, marina: Staff) -> None:
    wanted = [str(kind) for kind in Told if kind is not Told.TASK_DUE]
    notifications.choose(counter.session, marina.id, wanted=wanted, sound=True, browser=False)
    assert add(counter, marina, "1") is None
    assert add(counter, marina, "2", Told.WAITS) is not None
    notifications.choose(counter.session, marina.id, wanted=[*wanted, "task_due"], sound=False, browser=True)
    assert add(counter, marina, "1") is not None
    assert (notifications.choices(counter.session, marina.id).browser, add(counter, marina, "1")) == (True, None)


def test_who_works_here_no_more_is_told_nothing(counter: Counter, marina: Staff) -> None:
    counter.session.delete(counter.session.get_one(Membership, (marina.id, counter.shop.id)))
    counter.session.flush()
    assert add(counter, marina, "1") is None


def test_reading_one_and_all_that_were_seen(counter: Counter, marina: Staff, ilya: Staff) -> None:
    first, second, third = (add(counter, marina, str(n)) for n in range(3))
    assert first
    assert second
    assert third
    shop_id = counter.shop.id
    assert notifications.unread(counter.session, shop_id, marina.id) == 3
    notifications.read(counter.session, shop_id, marina.id, first.id)
    notifications.read(counter.session, shop_id, marina.id, first.id)
    assert notifications.read_all(counter.session, shop_id, marina.id, up_to=second.id) == 1
    assert notifications.unread(counter.session, shop_id, marina.id) == 1
    with pytest.raises(notifications.NoSuchNotification):
        notifications.read(counter.session, shop_id, ilya.id, third.id)
    events = counter.session.scalars(sa.select(EventRow.kind).where(EventRow.subject == f"staff:{marina.id}"))
    assert list(events) == ["notification_added"] * 3 + ["notifications_read"] * 2


def test_what_was_read_long_ago_is_forgotten(counter: Counter, marina: Staff) -> None:
    first, second = add(counter, marina, "1"), add(counter, marina, "2")
    assert first
    assert second
    notifications.read(counter.session, counter.shop.id, marina.id, first.id)
    later = utc_now() + notifications.KEPT + timedelta(days=1)
    assert [notifications.prune(counter.session, later), notifications.prune(counter.session, later)] == [1, 0]
    assert [one.id for one in notifications.page(counter.session, counter.shop.id, marina.id, limit=9)] == [second.id]


def test_each_shop_has_its_own(counter: Counter, marina: Staff) -> None:
    elsewhere: Shop = shops.create(counter.session, name="Вторая лавка")
    staff.join(counter.session, marina, elsewhere, Role.OPERATOR)
    add(counter, marina, "1")
    assert notifications.unread(counter.session, elsewhere.id, marina.id) == 0
