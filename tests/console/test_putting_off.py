"""Conversations are put off in the inbox and stand in a view of their own."""

from __future__ import annotations

from datetime import timedelta
from zoneinfo import ZoneInfo

from sqlalchemy.orm import Session

from inbox import conversations, snoozing
from inbox.tables import State
from kit.clock import utc_now
from storage.jobs import Step
from storage.worker import Worker
from tests.console.desk import Desk

MOSCOW = ZoneInfo("Europe/Moscow")


async def test_a_conversation_put_off_stands_in_its_own_view_until_when(desk: Desk) -> None:
    browser = await desk.signed_in(desk.ours.operator)
    told = await browser.post(f"/inbox/{desk.ours.anna}/snooze", {"when": "tomorrow"})
    assert (told.status, told.toast) == (204, "Отложено до завтра, 09:00")
    assert "Анна" not in (await browser.fragment("/inbox/list")).text
    assert "завтра, 09:00" in (await browser.fragment("/inbox/list?view=snoozed")).text
    page = (await browser.get(f"/inbox/{desk.ours.anna}?view=snoozed")).text
    assert "Марина: диалог отложен до завтра, 09:00" in page
    assert '<span class="nav-note" id="view-snoozed">1</span>' in page
    talk = await desk.conversation(desk.ours.anna)
    tomorrow = (utc_now().astimezone(MOSCOW) + timedelta(days=1)).replace(hour=9, minute=0, second=0, microsecond=0)
    assert talk.snoozed_until == tomorrow


async def test_it_is_taken_back_at_once(desk: Desk) -> None:
    browser = await desk.signed_in(desk.ours.operator)
    await browser.post(f"/inbox/{desk.ours.anna}/snooze", {"when": "hour"})
    assert (await browser.post(f"/inbox/{desk.ours.anna}/bring_back")).status == 204
    assert (await desk.conversation(desk.ours.anna)).state == State.OPEN
    assert (await browser.post(f"/inbox/{desk.ours.anna}/bring_back")).text == "Этот разговор не отложен."


async def test_a_time_that_is_over_or_is_none_is_refused_in_words(desk: Desk) -> None:
    browser = await desk.signed_in(desk.ours.operator)
    path = f"/inbox/{desk.ours.anna}/snooze"
    told = {at: (await browser.post(path, {"at": at})).text for at in ("2020-01-01T09:00", "2099-01-01T09:00", "")}
    assert told == {
        "2020-01-01T09:00": "Это время уже прошло: выберите то, что впереди.",
        "2099-01-01T09:00": "Это слишком далеко: не больше года вперёд.",
        "": "Укажите дату и время.",
    }
    assert (await desk.conversation(desk.ours.anna)).state == State.OPEN


async def test_what_a_colleague_leads_is_not_put_off(desk: Desk) -> None:
    marina, sofya = await desk.signed_in(desk.ours.operator), await desk.signed_in(desk.ours.colleague)
    await marina.post(f"/inbox/{desk.ours.anna}/take")
    answer = await sofya.post(f"/inbox/{desk.ours.anna}/snooze", {"when": "hour"})
    assert answer.status == 409
    assert "Марина Ким" in answer.text


async def test_a_worker_brings_it_back_at_its_time_and_open_pages_hear_of_it(desk: Desk) -> None:
    worker = Worker(desk.db, {snoozing.RETURN: Step(snoozing.come_back)})
    await worker.start()
    try:
        browser = await desk.signed_in(desk.ours.operator)

        def put_off(session: Session) -> None:
            talk = conversations.get(session, desk.ours.anna, desk.ours.shop_id, lock=True)
            snoozing.put_off(session, talk, utc_now() + timedelta(seconds=2), by=desk.ours.operator)

        await desk.db.write(put_off)
        async with browser.listening(f"/live/events?after={await desk.position()}") as stream:
            heard = await stream.next("conversation_changed", seconds=10)
        assert heard["topics"] == [["conversation", desk.ours.anna]]
        assert "подошло время" in (await browser.fragment(f"/inbox/{desk.ours.anna}/feed")).text
        assert "Анна" in (await browser.fragment("/inbox/list?view=waiting")).text
    finally:
        await worker.stop()
