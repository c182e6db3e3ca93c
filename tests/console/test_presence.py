"""Presence in the console: the open page, the word that one is away, the dots, the rule and its line in the thread."""

from __future__ import annotations

import asyncio

import pytest

from company import presence, settings
from company.presence import Presence
from company.tables import Shop, Staff
from inbox import conversations
from kit.clock import utc_now
from tests.console.desk import Desk


async def state(desk: Desk, person: Staff) -> Presence:
    found = await desk.db.read(lambda session: presence.of_shop(session, desk.ours.shop_id, utc_now()))
    return found[person.id]


async def test_an_owner_says_when_a_person_works_and_all_see_who_is_off_shift(desk: Desk) -> None:
    owner, marina = await desk.signed_in(desk.ours.owner), await desk.signed_in(desk.ours.operator)
    here = f"/staff/{desk.ours.operator.id}/shift"
    week = {f"open-{n}": "on" for n in range(5)} | {f"opens-{n}": "10:00" for n in range(7)}
    assert (await owner.post(here, week | {f"closes-{n}": "9:00" for n in range(7)})).status == 409
    await owner.post(here, week | {f"closes-{n}": "19:00" for n in range(7)})
    assert (await owner.get(here)).text.count('value="19:00"') == 5
    assert "Понедельник 10:00–19:00" in (await marina.get("/me")).text
    assert (await marina.post(here, {"always": "on"})).status == 403
    await owner.post(here, {f"closes-{n}": "19:00" for n in range(7)})
    await desk.db.write(presence.seen, desk.ours.operator.id)
    assert "не в смене" in (await owner.get("/settings")).text
    await owner.post(here, {"always": "on"})
    assert "не в смене" not in (await owner.get("/settings")).text


async def test_who_has_the_console_open_is_there(desk: Desk) -> None:
    marina = await desk.signed_in(desk.ours.operator)
    assert await state(desk, desk.ours.operator) is Presence.OFFLINE
    async with marina.listening():
        async with asyncio.timeout(5):
            while await state(desk, desk.ours.operator) is not Presence.ONLINE:
                await asyncio.sleep(0.02)
    assert (await marina.post("/me/away", {"away": "1"})).status == 204
    assert await state(desk, desk.ours.operator) is Presence.AWAY
    assert "Я снова на месте" in (await marina.get("/me")).text
    await marina.post("/me/away", {"away": "0"})
    assert await state(desk, desk.ours.operator) is Presence.ONLINE


async def test_the_menu_and_the_staff_list_show_who_is_there(desk: Desk) -> None:
    await desk.db.write(presence.seen, desk.ours.colleague.id)
    marina, ilya = await desk.signed_in(desk.ours.operator), await desk.signed_in(desk.ours.owner)
    head = (await marina.fragment(f"/inbox/{desk.ours.anna}/head")).text
    there, absent = head.index("Софья Белова"), head.index("Илья Дорохов")
    assert there < absent
    assert head.count("presence-online") == 1
    assert 'aria-label="на месте"' in head
    assert (await ilya.get("/settings")).text.count('class="presence presence-online"') == 1


@pytest.mark.parametrize(("form", "status"), [({"rule": "fewest", "most": "3"}, 204), ({"most": "0"}, 409), ({}, 409)])
async def test_the_rule_is_kept(desk: Desk, form: dict[str, str], status: int) -> None:
    ilya = await desk.signed_in(desk.ours.owner)
    assert (await ilya.post("/settings/assignment", form)).status == status
    rule = await desk.db.read(lambda session: settings.of(session.get_one(Shop, desk.ours.shop_id)).assignment)
    assert (rule.rule, rule.most) == (("fewest", 3) if status == 204 else ("nobody", 10))


async def test_the_thread_says_who_was_chosen_and_why(desk: Desk) -> None:
    await desk.db.write(
        lambda session: conversations.assign(
            session,
            conversations.get(session, desk.ours.anna, desk.ours.shop_id),
            desk.ours.colleague.id,
            reason="known",
        )
    )
    page = (await (await desk.signed_in(desk.ours.operator)).get(f"/inbox/{desk.ours.anna}")).text
    assert "Отвечает Софья: последний разговор с покупателем" in page
    assert "ждёт ответа: Софья" in page
