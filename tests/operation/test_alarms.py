"""Alarms: one for each cause, told once, and never a flood."""

from __future__ import annotations

import itertools
from datetime import UTC, datetime, time, timedelta
from typing import Any

import orjson
import pytest
import sqlalchemy as sa
from sqlalchemy.orm import Session

from bot import alarm_notices
from company import settings
from company.settings import Alarms
from company.tables import Shop
from company.texts import Texts
from inbox.tables import Conversation, Message
from kit.clock import now_ms, utc_now
from operation import alarms, rounds
from operation.alarms import Cause
from operation.pulse import hour_of, open_row
from operation.tables import INSTALLATION, AccountPulse, Alarm, AlarmKind, ChannelHour, Side
from payments.tables import PaymentAccount
from storage import jobs
from storage.jobs import Job
from storage.tables import EventRow
from storage.tables import Job as JobRow
from tests.bot.chats import Counter, plain
from tests.worlds import World

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
BROKEN = Cause(AlarmKind.CHANNEL_BROKEN, {"name": "Глина", "since": NOW.isoformat(), "why": "нет связи"})
MONEY = Cause(AlarmKind.PROVIDER_FAILING, {"name": "ЮKassa", "since": NOW.isoformat(), "why": "нет связи"}, money=True)


def told(session: Session) -> list[tuple[str, bool]]:
    """What the owners' notices say: kind, and whether it is over."""
    rows = session.scalars(sa.select(JobRow.payload).where(JobRow.kind == alarm_notices.NOTICE).order_by(JobRow.id))
    return [(it["alarm_kind"], it["over"]) for it in map(orjson.loads, rows)]


def wrong(session: Session, shop: Shop, *causes: Cause, at: datetime) -> None:
    alarms.settle(session, shop.id, {f"{cause.kind}:1": cause for cause in causes}, at)


def rules(session: Session, shop: Shop, **changes: Any) -> None:
    settings.change(session, shop, alarms=Alarms(**changes).model_dump())


def test_a_cause_is_told_once_however_long_it_lasts_and_once_when_it_is_over(session: Session, world: World) -> None:
    for minute in range(60):
        wrong(session, world.shop, BROKEN, at=NOW + minute * MINUTE)
    assert told(session) == [("channel_broken", False)]
    for minute in range(60, 70):
        wrong(session, world.shop, at=NOW + minute * MINUTE)
    assert told(session) == [("channel_broken", False), ("channel_broken", True)]
    kinds = session.scalars(sa.select(EventRow.kind).where(EventRow.kind.startswith("alarm")).order_by(EventRow.id))
    assert list(kinds) == ["alarm_raised", "alarm_cleared"]


def test_what_comes_and_goes_is_one_alarm(session: Session, world: World) -> None:
    for minute in range(0, 40, 2):
        wrong(session, world.shop, BROKEN, at=NOW + minute * MINUTE)
        wrong(session, world.shop, at=NOW + (minute + 1) * MINUTE)
    assert told(session) == [("channel_broken", False)]
    assert session.scalar(sa.select(sa.func.count()).select_from(Alarm)) == 1


def test_a_cause_that_was_just_told_waits_to_be_told_again(session: Session, world: World) -> None:
    shop = world.shop
    for minute in range(0, 300):
        # Four minutes bad, four minutes good, for hours.
        bad = (BROKEN,) if minute % 8 < 4 else ()
        wrong(session, shop, *bad, at=NOW + minute * MINUTE)
    said = told(session)
    assert 4 <= len(said) <= 2 * (300 // 30 + 1)
    assert all(first != second for first, second in itertools.pairwise(said)), "begin and end in turns"


def test_quiet_hours_hold_back_everything_but_money(session: Session, world: World) -> None:
    shop = world.shop
    rules(session, shop, quiet_from=time(22), quiet_to=time(8))
    night = datetime(2026, 11, 24, 20, tzinfo=UTC)  # 23:00 in Moscow
    wrong(session, shop, BROKEN, MONEY, at=night)
    assert told(session) == [("provider_failing", False)]
    wrong(session, shop, BROKEN, MONEY, at=night + timedelta(hours=8, minutes=59))
    assert len(told(session)) == 1
    wrong(session, shop, BROKEN, MONEY, at=night + timedelta(hours=9))
    assert told(session) == [("provider_failing", False), ("channel_broken", False)]


def test_what_was_over_before_the_morning_is_not_told(session: Session, world: World) -> None:
    rules(session, world.shop, quiet_from=time(22), quiet_to=time(8))
    night = datetime(2026, 11, 24, 20, tzinfo=UTC)
    for hours in (0, 1, 12):
        wrong(session, world.shop, *((BROKEN,) if hours == 0 else ()), at=night + timedelta(hours=hours))
    assert told(session) == []


def test_a_muted_kind_is_only_shown(session: Session, world: World) -> None:
    rules(session, world.shop, muted=("channel_broken",))
    wrong(session, world.shop, BROKEN, at=NOW)
    assert told(session) == []
    assert [alarm.kind for alarm in alarms.of_shop(session, world.shop.id)] == ["channel_broken"]


def test_an_owner_reads_it_in_his_chat_and_language(session: Session, world: World) -> None:
    counter = Counter(world)
    ilya = counter.owners_chat()
    wrong(session, world.shop, BROKEN, at=NOW)
    step = alarm_notices.handlers(Texts(), "https://counter.example")[alarm_notices.NOTICE]
    for row in session.scalars(sa.select(JobRow).where(JobRow.kind == alarm_notices.NOTICE)).all():
        job = Job(row.id, row.lane, row.kind, orjson.loads(row.payload), 0, row.created_at)
        step.run(session, job)
        step.run(session, job)
    (message,) = ilya.messages
    assert plain(message.text) == "Нет связи с каналом «Глина»\nС 24 ноября, 15:00: нет связи"
    assert ilya.shown().buttons()[0].url == "https://counter.example/operation"


# Rounds


def test_a_line_that_drops_for_seconds_is_no_alarm(session: Session, world: World) -> None:
    account = world.account()
    account.health, account.health_text, account.health_at = "broken", "no connection", NOW
    rounds.go(session, NOW + timedelta(seconds=30))
    assert alarms.of_shop(session, world.shop.id) == []
    rounds.go(session, NOW + timedelta(seconds=61))
    (alarm,) = alarms.of_shop(session, world.shop.id)
    assert (alarm.kind, alarm.facts["why"]) == ("channel_broken", "no connection")


def test_a_provider_that_fails_for_minutes_is_about_money(session: Session, world: World) -> None:
    account = PaymentAccount(shop_id=world.shop.id, provider="yookassa", name="ЮKassa", external_id="1", created_at=NOW)
    session.add(account)
    session.flush()
    open_row(session, Side.PROVIDER, account.id)
    sign = session.get_one(AccountPulse, (Side.PROVIDER, account.id))
    sign.failing_since, sign.error = NOW, "no connection"
    rounds.go(session, NOW + timedelta(minutes=4))
    assert alarms.of_shop(session, world.shop.id) == []
    rounds.go(session, NOW + timedelta(minutes=5))
    (alarm,) = alarms.of_shop(session, world.shop.id)
    assert (alarm.kind, alarm.money) == ("provider_failing", True)


def dies(session: Session, kind: str, payload: dict[str, Any], n: int) -> JobRow:
    jobs.put(session, kind, payload, lane=f"lane:{n}")
    job = session.scalars(sa.select(JobRow).where(JobRow.lane == f"lane:{n}")).one()
    job.state, job.error, job.closed_at = "dead", "ValueError", now_ms()
    session.flush()
    return job


def test_a_hundred_dead_jobs_of_one_kind_are_one_alarm_until_all_are_seen_to(session: Session, world: World) -> None:
    dead = [dies(session, "payment.look", {"shop_id": world.shop.id}, n) for n in range(100)]
    rounds.go(session, NOW)
    (alarm,) = alarms.of_shop(session, world.shop.id)
    assert (alarm.facts, alarm.money) == ({"job_kind": "payment.look", "count": 100}, True)
    for job in dead[1:]:
        job.state = "done"
    rounds.go(session, NOW + MINUTE)
    assert alarms.of_shop(session, world.shop.id)[0].facts["count"] == 1
    dead[0].state = "done"
    session.flush()
    rounds.go(session, NOW + 2 * MINUTE)
    assert alarms.of_shop(session, world.shop.id) == []
    assert told(session) == [("job_died", False), ("job_died", True)]


def test_work_of_nobodys_is_told_to_every_shop(session: Session, world: World) -> None:
    dies(session, "unheard.of", {}, 1)
    rounds.go(session, NOW)
    rows = session.scalars(sa.select(JobRow.payload).where(JobRow.kind == alarm_notices.NOTICE))
    assert {orjson.loads(row)["shop_id"] for row in rows} == set(session.scalars(sa.select(Shop.id)))
    assert session.scalars(sa.select(Alarm.shop_id)).all() == [INSTALLATION]


def heard(session: Session, account_id: int, at: datetime) -> None:
    open_row(session, Side.CHANNEL, account_id)
    session.get_one(AccountPulse, (Side.CHANNEL, account_id)).heard_at = at
    session.flush()


def silent_kinds(session: Session, shop: Shop) -> list[str]:
    return [alarm.kind for alarm in alarms.of_shop(session, shop.id)]


def awake(session: Session, since: datetime, until: datetime) -> None:
    """Rounds were made all the time."""
    rounds.go(session, since)
    session.get_one(AccountPulse, (Side.HUB, 0)).heard_at = until - MINUTE
    session.flush()


def test_silence_is_measured_by_the_setting_while_nothing_is_known(session: Session, world: World) -> None:
    account, shop = world.account(), world.shop
    rules(session, shop, silent_hours=6)
    heard(session, account.id, NOW)
    awake(session, NOW, NOW + timedelta(hours=5))
    rounds.go(session, NOW + timedelta(hours=5))
    assert silent_kinds(session, shop) == []
    awake(session, NOW + timedelta(hours=5), NOW + timedelta(hours=6))
    rounds.go(session, NOW + timedelta(hours=6))
    assert silent_kinds(session, shop) == ["channel_silent"]


def test_silence_is_measured_by_the_usual_hours_once_they_are_known(session: Session, world: World) -> None:
    account, shop = world.account(), world.shop
    hour = hour_of(NOW)
    session.add_all(ChannelHour(account_id=account.id, hour=hour - n, heard=200) for n in range(24 * 7 * 4))
    heard(session, account.id, NOW)
    awake(session, NOW, NOW + timedelta(minutes=50))
    rounds.go(session, NOW + timedelta(minutes=50))
    assert silent_kinds(session, shop) == ["channel_silent"]
    heard(session, account.id, NOW + timedelta(minutes=51))
    for minute in (52, 56):
        rounds.go(session, NOW + timedelta(minutes=minute))
    assert silent_kinds(session, shop) == []


def test_the_time_that_the_hub_was_closed_is_not_silence(session: Session, world: World) -> None:
    account, shop = world.account(), world.shop
    rules(session, shop, silent_hours=6)
    heard(session, account.id, NOW)
    rounds.go(session, NOW)
    rounds.go(session, NOW + timedelta(hours=10))
    assert silent_kinds(session, shop) == []


def test_a_healthy_shop_has_no_alarms(session: Session, world: World) -> None:
    world.account()
    rounds.go(session, utc_now())
    assert alarms.of_shop(session, world.shop.id) == []
    assert session.scalars(sa.select(Message)).all() == []
    assert session.scalars(sa.select(Conversation)).all() == []


@pytest.mark.parametrize(
    ("at", "quiet"), [(time(21, 59), False), (time(22), True), (time(3), True), (time(7, 59), True), (time(8), False)]
)
def test_quiet_hours_go_over_midnight(at: time, quiet: bool) -> None:
    assert alarms.is_quiet(Alarms(quiet_from=time(22), quiet_to=time(8)), at) is quiet
