"""Mentions and the notification centre over HTTP."""

from __future__ import annotations

import re

import pytest

from automation import notifications
from automation.notifications import About
from automation.tables import Notification, Told
from company.tables import Staff
from inbox import mentions
from tests.console import trade
from tests.console.desk import Desk


async def tell(
    desk: Desk, person: Staff, key: str = "event:1", kind: Told = Told.TASK_DUE, **about: object
) -> Notification:
    facts = {"text": "Перезвонить Анне", "who": "Илья Дорохов", "name": "Анна Ветрова"}
    where = About(**{"task_id": 1, "facts": facts, **about})  # type: ignore[arg-type]
    told = await desk.db.write(notifications.tell, desk.ours.shop_id, person.id, kind, where, key=key)
    assert told is not None
    return told


async def test_letters_after_the_mark_offer_colleagues(desk: Desk) -> None:
    marina = await desk.signed_in(desk.ours.operator)
    offered = (await marina.fragment(f"/inbox/{desk.ours.anna}/colleagues?q=бел")).text
    assert re.findall(r'data-text="@([^"]+) "', offered) == ["Софья Белова"]
    everybody = (await marina.fragment(f"/inbox/{desk.ours.anna}/colleagues?q=")).text
    assert re.findall(r'data-text="@([^"]+) "', everybody) == ["Илья Дорохов", "Софья Белова"]
    assert (await marina.fragment(f"/inbox/{desk.foreign.anna}/colleagues?q=")).status == 404


async def test_a_note_marks_whom_it_calls(desk: Desk) -> None:
    marina, sofya = await desk.signed_in(desk.ours.operator), await desk.signed_in(desk.ours.colleague)
    text = "@Софья Белова, <b>есть</b> синяя?"
    form = {"text": text, "private": "1", "key": "k" * 16, "mentioned": f"{desk.ours.colleague.id} x"}
    assert (await marina.post(f"/inbox/{desk.ours.anna}/messages", form)).status == 204
    note = (await desk.thread(desk.ours.anna))[-1]
    assert [one.staff_id for one in mentions.load(note.content)] == [desk.ours.colleague.id]
    shown = (await marina.get(f"/inbox/{desk.ours.anna}")).text
    assert '<b class="mention">@Софья Белова</b>, &lt;b&gt;есть&lt;/b&gt; синяя?' in shown
    assert '<b class="mention mention-me">@Софья Белова</b>' in (await sofya.get(f"/inbox/{desk.ours.anna}")).text


async def test_a_link_to_an_old_message_shows_it(desk: Desk) -> None:
    first = (await desk.thread(desk.ours.anna))[0]
    for n in range(60):
        await desk.hears("Анна Ветрова", f"слово {n}")
    marina = await desk.signed_in(desk.ours.operator)
    assert f'id="message-{first.id}"' not in (await marina.get(f"/inbox/{desk.ours.anna}")).text
    assert f'id="message-{first.id}"' in (await marina.get(f"/inbox/{desk.ours.anna}?message={first.id}")).text


async def test_the_bell_counts_and_the_list_leads_to_the_thing(desk: Desk) -> None:
    marina = await desk.signed_in(desk.ours.operator)
    await tell(desk, desk.ours.operator)
    await tell(desk, desk.ours.operator, "event:2", Told.MENTIONED, conversation_id=7, message_id=9, task_id=None)
    page = (await marina.get("/notifications")).text
    assert 'id="nav-bell" data-unread="2"' in page
    assert re.findall(r'class="told-link" href="([^"]+)"', page) == ["/inbox/7?message=9#message-9", "/tasks/1"]
    assert "Илья Дорохов зовёт вас: Анна Ветрова" in page
    sofya = await desk.signed_in(desk.ours.colleague)
    assert "Ничего нового" in (await sofya.get("/notifications")).text


@pytest.mark.parametrize("kind", list(Told))
async def test_every_kind_has_its_words(desk: Desk, kind: Told) -> None:
    facts = {"who": "Илья", "number": 1284, "sum": 290000, "currency": "RUB", "reason": "unpaid"}
    facts |= {"since": "2026-11-26T07:00:00+00:00", "text": "Кружка"}
    told = await tell(desk, desk.ours.operator, kind=kind, facts=facts)
    marina = await desk.signed_in(desk.ours.operator)
    aloud = (await marina.fragment(f"/notifications/{told.id}")).text
    title, text = re.findall(r'data-(?:title|text)="([^"]*)"', aloud)
    assert title
    assert "None" not in title + text
    assert "data-sound" not in aloud


async def test_one_and_all_are_read(desk: Desk) -> None:
    marina, sofya = await desk.signed_in(desk.ours.operator), await desk.signed_in(desk.ours.colleague)
    told = [await tell(desk, desk.ours.operator, f"event:{n}") for n in range(3)]
    assert (await sofya.post(f"/notifications/{told[0].id}/read")).status == 404
    assert (await sofya.fragment(f"/notifications/{told[0].id}")).status == 404
    async with marina.listening() as stream:
        assert (await marina.post(f"/notifications/{told[0].id}/read")).status == 204
        event = await stream.next("notifications_read")
    assert (event["staff_id"], event["notification_id"]) == (desk.ours.operator.id, told[0].id)
    assert 'data-unread="2"' in (await marina.fragment("/nav")).text
    await marina.post("/notifications/read", {"up_to": str(told[1].id)})
    assert 'data-unread="1"' in (await marina.fragment("/nav")).text


async def test_what_is_opened_otherwise_counts_as_read(desk: Desk) -> None:
    marina = await desk.signed_in(desk.ours.operator)
    order = await trade.order(desk)
    await tell(desk, desk.ours.operator, "event:1", Told.WAITS, conversation_id=desk.ours.anna, task_id=None)
    await tell(desk, desk.ours.operator, "event:2", Told.ORDER_PAID, order_id=order.id, task_id=None)
    await tell(desk, desk.ours.operator, "event:3", Told.TASK_DUE)
    await tell(desk, desk.ours.colleague, "event:4", Told.WAITS, conversation_id=desk.ours.anna, task_id=None)
    await marina.get(f"/inbox/{desk.ours.anna}")
    assert 'data-unread="2"' in (await marina.fragment("/nav")).text
    await marina.get(f"/orders/{order.id}")
    assert 'data-unread="1"' in (await marina.fragment("/nav")).text
    assert 'data-unread="1"' in (await (await desk.signed_in(desk.ours.colleague)).fragment("/nav")).text


async def test_a_long_list_has_pages(desk: Desk) -> None:
    for n in range(31):
        await tell(desk, desk.ours.operator, f"event:{n}")
    marina = await desk.signed_in(desk.ours.operator)
    page = (await marina.get("/notifications")).text
    earlier = re.search(r'href="(/notifications\?before=\d+)"', page)
    assert earlier is not None
    assert len(re.findall(r"data-told=", page)) == 30
    assert len(re.findall(r"data-told=", (await marina.get(earlier[1])).text)) == 1


async def test_a_person_chooses_how_to_be_told(desk: Desk) -> None:
    marina = await desk.signed_in(desk.ours.operator)
    page = (await marina.get("/me")).text
    offered = set(Told) - {Told.DELIVERY_GIVEN}
    assert page.count('name="kind"') == page.count('" checked> ') - page.count('name="sound" checked') == len(offered)
    assert (await marina.post("/me/notifications", {"kind": "waits", "sound": "on"})).status == 204
    chosen = await desk.db.read(notifications.choices, desk.ours.operator.id)
    assert (chosen.sound, chosen.browser, "waits" in chosen.muted, "mentioned" in chosen.muted) == (
        True,
        False,
        False,
        True,
    )
    told = await tell(desk, desk.ours.operator, kind=Told.WAITS, facts={"since": "2026-11-26T07:00:00+00:00"})
    assert "data-sound" in (await marina.fragment(f"/notifications/{told.id}")).text


async def test_everybody_may_join_a_messenger_chat_of_his_own(desk: Desk) -> None:
    marina = await desk.signed_in(desk.ours.operator)
    assert "/start staff_" in (await marina.post("/me/messenger")).text
