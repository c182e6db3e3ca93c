"""The owner's page of the machinery: what is stuck or dead, and what he decides about it."""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy.orm import Session

from company import accounts, settings, shops
from inbox import messages
from inbox.content import Outgoing
from inbox.tables import Author, Conversation, Delivery, Message
from kit.clock import now_ms, utc_now
from operation import alarms
from operation.alarms import Cause
from operation.tables import AlarmKind
from storage import jobs
from storage.tables import EventRow, Job, Lane
from tests.console.desk import Desk, Store

WORDS = "Кружка «Туман» есть"


def dies(session: Session, store: Store, error: str = "ValueError: no such picture") -> tuple[int, int]:
    """A message to Анна whose delivery has died: the job and the message."""
    talk = session.get_one(Conversation, store.anna)
    message = messages.say(session, talk, Outgoing(text=WORDS), author=Author.BOT)[0]
    job = session.scalars(sa.select(Job).where(Job.kind == "message.deliver").order_by(Job.id.desc())).first()
    assert job is not None
    job.state, job.attempts, job.error, job.closed_at = "dead", 5, error, now_ms()
    message.delivery = Delivery.FAILED
    return job.id, message.id


async def test_a_dead_job_is_shown_with_what_it_was_for(desk: Desk) -> None:
    job_id, _message = await desk.db.write(dies, desk.ours)
    await desk.db.write(dies, desk.foreign, "OSError: of another shop")
    page = (await (await desk.signed_in(desk.ours.owner)).get("/operation")).text
    for words in ("Не удалось: решите", "Отправка сообщения", "Анна Ветрова", WORDS, "no such picture", "5 попыток"):
        assert words in page
    assert f"/jobs/{job_id}/again" in page
    assert f"/inbox/{desk.ours.anna}" in page
    assert "of another shop" not in page


async def test_run_again_brings_job_and_message_back(desk: Desk) -> None:
    job_id, message_id = await desk.db.write(dies, desk.ours)
    owner = await desk.signed_in(desk.ours.owner)
    answer = await owner.post(f"/jobs/{job_id}/again")
    assert (answer.status, answer.toast) == (204, "Запущено снова")
    job, message = await desk.db.read(lambda s: (s.get_one(Job, job_id), s.get_one(Message, message_id)))
    assert (job.state, job.attempts, job.error) == ("ready", 0, None)
    assert message.delivery == Delivery.QUEUED
    event = await desk.db.read(told_of, job_id, "job_run_again")
    assert event.actor == f"staff:{desk.ours.owner.id}"
    assert event.payload["error"] == "ValueError: no such picture"


async def test_giving_up_takes_a_reason_and_keeps_who_and_why(desk: Desk) -> None:
    job_id, message_id = await desk.db.write(dies, desk.ours)
    owner = await desk.signed_in(desk.ours.owner)
    assert (await owner.post(f"/jobs/{job_id}/give-up", {"reason": "  "})).status == 409
    assert (await owner.post(f"/jobs/{job_id}/give-up", {"reason": "позвонили сами"})).status == 204
    message = await desk.db.read(lambda session: session.get_one(Message, message_id))
    assert (message.delivery, message.error) == (Delivery.FAILED, "позвонили сами")
    event = await desk.db.read(told_of, job_id, "job_given_up")
    assert (event.actor, event.payload["reason"]) == (f"staff:{desk.ours.owner.id}", "позвонили сами")
    assert event.shop_id == desk.ours.shop_id
    assert "Отправка сообщения" not in (await owner.fragment("/operation")).text
    page = (await owner.get(f"/jobs/{job_id}")).text
    assert "позвонили сами" in page
    assert desk.ours.owner.name in page
    again = await owner.post(f"/jobs/{job_id}/again")
    assert (again.status, again.text) == (409, "Это дело уже сделано или от него отказались.")


async def test_what_a_worker_has_in_hand_is_left_to_it(desk: Desk) -> None:
    def runs(session: Session) -> int:
        jobs.put(session, "payment.look", {"payment_id": 0}, lane="payment:0")
        session.add(Lane(lane="payment:0", lease_until=now_ms() + 60_000))
        return session.scalars(sa.select(Job.id).where(Job.lane == "payment:0")).one()

    job_id = await desk.db.write(runs)
    owner = await desk.signed_in(desk.ours.owner)
    answer = await owner.post(f"/jobs/{job_id}/give-up", {"reason": "не нужно"})
    assert (answer.status, answer.text) == (409, "Это дело прямо сейчас выполняется. Подождите немного.")


async def test_what_is_stuck_or_unknown_is_shown_and_planned_work_is_not(desk: Desk) -> None:
    def arrange(session: Session) -> None:
        talk = session.get_one(Conversation, desk.ours.anna)
        sent = messages.say(session, talk, Outgoing(text="Дошло ли это"), author=Author.BOT)[0]
        sent.delivery = Delivery.UNKNOWN
        old = now_ms() - 600_000
        jobs.put(session, "payment.start", {"shop_id": desk.ours.shop_id}, lane="payment:1")
        jobs.put(session, "orders.expire", {"shop_id": desk.ours.shop_id}, lane="expire:1")
        waiting, planned = session.scalars(
            sa.select(Job).where(Job.lane.in_(("payment:1", "expire:1"))).order_by(Job.id)
        )
        waiting.created_at, waiting.run_at = old, now_ms() + 60_000
        planned.created_at, planned.run_at = old, now_ms() + 3_600_000

    await desk.db.write(arrange)
    page = (await (await desk.signed_in(desk.ours.owner)).get("/operation")).text
    stuck = page.partition('id="stuck"')[2].partition("</section>")[0]
    assert "Создание платежа" in stuck
    assert "Снятие брони" not in stuck
    assert "Дошло ли это" in page.partition('id="unknown"')[2].partition("</section>")[0]


async def test_alarms_and_health_are_shown_live(desk: Desk) -> None:
    owner = await desk.signed_in(desk.ours.owner)
    assert "Всё работает." in (await owner.get("/operation")).text
    async with owner.listening() as heard:

        def breaks(session: Session) -> None:
            accounts.report_health(session, desk.ours.account.id, "broken", "Telegram does not know this token")
            cause = Cause(
                AlarmKind.CHANNEL_BROKEN, {"name": "Глина", "since": utc_now().isoformat(), "why": "нет токена"}
            )
            alarms.settle(session, desk.ours.shop_id, {"channel:1": cause}, utc_now())

        await desk.db.write(breaks)
        event = await heard.next("alarm_raised", seconds=30)
    assert ["alarm", event["alarm_id"]] in event["topics"]
    page = (await owner.fragment("/operation")).text
    assert "Нет связи с каналом «Глина»" in page
    assert "<b>" not in page.partition("Тревоги")[2][:500]
    assert "Telegram does not know this token" in page
    assert 'id="nav-operation">1<' in (await owner.get("/inbox")).text


async def test_which_alarms_are_told_and_when_is_the_owners_choice(desk: Desk) -> None:
    owner = await desk.signed_in(desk.ours.owner)
    form = {"told": "job_died", "quiet_from": "22:00", "quiet_to": "08:30", "silent_hours": "12"}
    assert (await owner.post("/operation/alarms", form)).status == 204
    rules = await desk.db.read(lambda session: settings.of(shops.get(session, desk.ours.shop_id)).alarms)
    assert set(rules.muted) == set(AlarmKind) - {AlarmKind.JOB_DIED}
    assert (f"{rules.quiet_from:%H:%M}", f"{rules.quiet_to:%H:%M}", rules.silent_hours) == ("22:00", "08:30", 12)
    for wrong in ({"silent_hours": "-1"}, {"silent_hours": "1000"}, {"quiet_from": "25:00"}, {"silent_hours": ""}):
        assert (await owner.post("/operation/alarms", form | wrong)).status == 409
    page = (await owner.get("/operation")).text
    assert 'value="22:00"' in page


def told_of(session: Session, job_id: int, kind: str) -> EventRow:
    return session.scalars(sa.select(EventRow).where(EventRow.subject == f"job:{job_id}", EventRow.kind == kind)).one()
