"""Answers that are sent later, or can be taken back, from the composer to the buyer."""

from __future__ import annotations

import asyncio
import re
from datetime import timedelta

import aiohttp
import orjson
import sqlalchemy as sa
from sqlalchemy.orm import Session

from inbox import scheduling
from inbox.tables import Author, Message, Planned, ScheduledMessage, State
from kit.clock import utc_now
from storage.jobs import Step
from storage.worker import Worker
from tests.console.desk import Browser, Desk


async def planned(desk: Desk) -> list[ScheduledMessage]:
    return await desk.db.read(lambda session: list(session.scalars(sa.select(ScheduledMessage))))


async def ours(desk: Desk) -> list[Message]:
    return [m for m in await desk.thread(desk.ours.anna) if m.author == Author.STAFF]


async def sends(desk: Desk, browser: Browser, text: str, **more: str) -> tuple[int, str]:
    answer = await browser.post(f"/inbox/{desk.ours.anna}/messages", {"text": text, "key": "one"} | more)
    return answer.status, answer.toast or answer.text


def make_due(session: Session) -> None:
    """As if the moment had come: the worker looks at the job's own time."""
    soon = utc_now() - timedelta(seconds=1)
    for one in session.scalars(sa.select(ScheduledMessage)):
        one.send_at = soon
        session.flush()
        scheduling._put(session, one)


async def work(desk: Desk) -> None:
    worker = Worker(desk.db, {scheduling.SEND: Step(scheduling.come_due)})
    await worker.start()
    try:
        await worker.idle()
    finally:
        await worker.stop()


async def test_an_answer_for_tomorrow_stands_at_the_end_of_the_thread_until_it_goes(desk: Desk) -> None:
    browser = await desk.signed_in(desk.ours.operator)
    told = await sends(desk, browser, "Кружка <пришла>", act="later", when="tomorrow", unless_answered="1")
    assert told == (204, "Уйдёт: завтра, 09:00")
    assert await ours(desk) == []
    feed = (await browser.fragment(f"/inbox/{desk.ours.anna}/feed")).text
    assert "Уйдёт: завтра, 09:00 · Марина · если покупатель не напишет раньше" in feed
    assert "Кружка &lt;пришла&gt;" in feed
    await desk.db.write(make_due)
    await work(desk)
    assert [m.text for m in await ours(desk)] == ["Кружка <пришла>"]
    assert "planned-" not in (await browser.fragment(f"/inbox/{desk.ours.anna}/feed")).text


async def test_two_workers_send_it_once(desk: Desk) -> None:
    browser = await desk.signed_in(desk.ours.operator)
    await sends(desk, browser, "Кружка пришла", act="later", when="tomorrow")
    for _ in range(2):
        await desk.db.write(make_due)
    await work(desk)
    await work(desk)
    assert len(await ours(desk)) == 1


async def test_the_buyer_who_writes_first_stops_it_and_it_can_be_used_again(desk: Desk) -> None:
    browser = await desk.signed_in(desk.ours.operator)
    await sends(desk, browser, "Вы ещё думаете?", act="later", when="tomorrow", unless_answered="1")
    await desk.hears("Анна Ветрова", "Беру")
    feed = (await browser.fragment(f"/inbox/{desk.ours.anna}/feed")).text
    assert "Покупатель написал раньше: сообщение на завтра, 09:00 не отправлено" in feed
    assert "Вы ещё думаете?" in feed
    (one,) = await planned(desk)
    back = await browser.post(f"/inbox/{desk.ours.anna}/later/{one.id}/edit")
    assert orjson.loads(back.text)["text"] == "Вы ещё думаете?"
    page = (await browser.get(f"/inbox/{desk.ours.anna}")).text
    assert "Вы ещё думаете?</textarea>" in page
    assert "planned-" not in page


async def test_it_is_moved_sent_at_once_and_taken_away(desk: Desk) -> None:
    browser = await desk.signed_in(desk.ours.operator)
    for key in ("one", "two"):
        await sends(desk, browser, key, key=key, act="later", when="tomorrow")
    first, second = await planned(desk)
    here = f"/inbox/{desk.ours.anna}/later"
    assert (await browser.post(f"{here}/{first.id}/move", {"when": "hour"})).status == 204
    assert (await browser.post(f"{here}/{first.id}/now")).status == 204
    assert (await browser.post(f"{here}/{second.id}/withdraw")).status == 204
    assert [m.text for m in await ours(desk)] == ["one"]
    over = await browser.post(f"{here}/{second.id}/now")
    assert (over.status, over.text) == (409, "Это сообщение уже ушло, или его отменили.")


async def test_of_sending_now_and_taking_back_at_once_one_wins(desk: Desk) -> None:
    marina, sofya = await desk.signed_in(desk.ours.operator), await desk.signed_in(desk.ours.colleague)
    await sends(desk, marina, "Кружка пришла", act="later", when="tomorrow")
    (one,) = await planned(desk)
    here = f"/inbox/{desk.ours.anna}/later/{one.id}"
    answers = await asyncio.gather(marina.post(f"{here}/edit"), sofya.post(f"{here}/now"))
    assert sorted(answer.status for answer in answers)[1] == 409
    assert len(await ours(desk)) == (1 if answers[1].status == 204 else 0)


async def test_what_cannot_go_says_why_in_the_thread(desk: Desk) -> None:
    marina, sofya = await desk.signed_in(desk.ours.operator), await desk.signed_in(desk.ours.colleague)
    await sends(desk, marina, "Кружка пришла", act="later", when="tomorrow")
    await sofya.post(f"/inbox/{desk.ours.anna}/take")
    await desk.db.write(make_due)
    await work(desk)
    feed = (await marina.fragment(f"/inbox/{desk.ours.anna}/feed")).text
    assert "Этот разговор уже ведёт Софья Белова." in feed
    assert "Анна" in (await marina.fragment("/inbox/list?view=waiting")).text


async def test_files_wait_with_their_message_and_come_back_with_it(desk: Desk) -> None:
    browser = await desk.signed_in(desk.ours.operator)
    form = aiohttp.FormData()
    for name, value in {"text": "Счёт", "key": "one", "act": "later", "when": "tomorrow"}.items():
        form.add_field(name, value)
    form.add_field("files", b"%PDF-1.4", filename="bill.pdf", content_type="application/pdf")
    assert (await browser.post(f"/inbox/{desk.ours.anna}/messages", form)).status == 204
    assert "bill.pdf" in (await browser.fragment(f"/inbox/{desk.ours.anna}/feed")).text
    (one,) = await planned(desk)
    back = orjson.loads((await browser.post(f"/inbox/{desk.ours.anna}/later/{one.id}/edit")).text)
    assert back["files"] == ["bill.pdf"]
    begun = orjson.loads((await browser.fragment(f"/inbox/{desk.ours.anna}/draft")).text)["reply"]
    assert (begun["again"], begun["files"]) == (one.id, ["bill.pdf"])
    await sends(desk, browser, back["text"], key=back["key"], again=str(back["again"]))
    (said,) = await ours(desk)
    assert [media["name"] for media in said.content["media"]] == ["bill.pdf"]


async def test_a_person_may_choose_to_have_five_seconds(desk: Desk) -> None:
    browser = await desk.signed_in(desk.ours.operator)
    assert (await browser.post("/me/undo", {"seconds": "5"})).status == 204
    assert (await browser.post("/me/undo", {"seconds": "7"})).status == 404
    await browser.post(f"/inbox/{desk.ours.anna}/draft", {"text": "Ой", "key": "one"})
    assert (await sends(desk, browser, "Ой"))[0] == 204
    assert await ours(desk) == []
    talk = await desk.conversation(desk.ours.anna)
    assert (talk.held, talk.assignee_id) == (True, desk.ours.operator.id)
    page = (await browser.get(f"/inbox/{desk.ours.anna}")).text
    assert "Уйдёт через несколько секунд" in page
    assert re.search(r'data-countdown="[45]"', page)
    assert "Ой</textarea>" not in page
    (one,) = await planned(desk)
    assert timedelta() < one.send_at - utc_now() <= timedelta(seconds=5)
    assert orjson.loads((await browser.post(f"/inbox/{desk.ours.anna}/later/{one.id}/edit")).text)["text"] == "Ой"
    await desk.db.write(make_due)
    await work(desk)
    assert await ours(desk) == []


async def test_without_that_choice_it_leaves_at_once_and_the_conversation_is_closed_or_put_off(desk: Desk) -> None:
    browser = await desk.signed_in(desk.ours.operator)
    await sends(desk, browser, "Спасибо!", act="close")
    assert (await desk.conversation(desk.ours.anna)).state == State.CLOSED
    await sends(desk, browser, "Напишу завтра", key="two", act="snooze", when="tomorrow")
    assert (await desk.conversation(desk.ours.anna)).state == State.SNOOZED
    assert [m.text for m in await ours(desk)] == ["Спасибо!", "Напишу завтра"]


async def test_a_time_that_is_over_sends_nothing(desk: Desk) -> None:
    browser = await desk.signed_in(desk.ours.operator)
    for act in ("later", "snooze"):
        status, words = await sends(desk, browser, "Поздно", act=act, at="2020-01-01T09:00")
        assert (status, words) == (409, "Это время уже прошло: выберите то, что впереди.")
    assert await ours(desk) == []
    assert await planned(desk) == []


async def test_another_conversations_plan_is_not_here(desk: Desk) -> None:
    browser = await desk.signed_in(desk.ours.operator)
    await sends(desk, browser, "Кружка пришла", act="later", when="tomorrow")
    other = await desk.hears("Тимур", "Привет")
    (one,) = await planned(desk)
    assert (await browser.post(f"/inbox/{other}/later/{one.id}/now")).status == 404
    assert one.state == Planned.WAITING


async def test_the_menu_of_the_composer_offers_moments_by_the_shops_clock(desk: Desk) -> None:
    page = (await (await desk.signed_in(desk.ours.operator)).get(f"/inbox/{desk.ours.anna}")).text
    assert re.search(r'data-send="later" data-when="tomorrow".*завтра, 09:00', page)
