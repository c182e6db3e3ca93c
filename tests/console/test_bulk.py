"""Many conversations at once, from the list."""

from __future__ import annotations

import orjson
import pytest

from inbox.tables import State
from tests.console.desk import Desk


async def test_they_are_closed_in_one_go_and_the_rest_is_explained_and_it_is_taken_back(desk: Desk) -> None:
    timur, olga = await desk.hears("Тимур", "Можно серую?"), await desk.hears("Ольга", "Опт?")
    marina, sofya = await desk.signed_in(desk.ours.operator), await desk.signed_in(desk.ours.colleague)
    await sofya.post(f"/inbox/{olga}/take")
    before = await desk.position()
    answer = await marina.post("/inbox/bulk", {"act": "close", "ids": f"{desk.ours.anna},{timur},{olga}"})
    assert answer.toast == "Закрыто 2 диалога; не тронуто 1: ведёт Софья Белова"
    assert await desk.position() == before + 2
    assert (await desk.conversation(olga)).state == State.OPEN
    undo = orjson.loads(answer.headers["HX-Trigger"])["toast"]["undo"]
    back = await marina.post(undo["url"], undo["values"])
    assert back.toast == "Снова открыто 2 диалога"
    assert {(await desk.conversation(id_)).state for id_ in (desk.ours.anna, timur)} == {State.OPEN}


async def test_they_are_put_off_given_away_and_need_no_answer(desk: Desk) -> None:
    timur = await desk.hears("Тимур", "Можно серую?")
    browser, ids = await desk.signed_in(desk.ours.operator), f"{desk.ours.anna},{timur}"

    async def does(act: str, **more: str) -> str:
        return (await browser.post("/inbox/bulk", {"act": act, "ids": ids} | more)).toast

    assert await does("answered") == "Ответ не нужен: 0 диалогов; менять нечего: 2"
    assert await does("snooze", when="tomorrow") == "Отложено 2 диалога до завтра, 09:00"
    given = await does("assign", staff=str(desk.ours.colleague.id))
    assert given == "Софья Белова ведёт ещё 2 диалога"
    assert await does("close") == "Закрыто 0 диалогов; не тронуто 2: ведёт Софья Белова"


@pytest.mark.parametrize("form", [{"act": "close"}, {"act": "burn", "ids": "1"}, {"act": "close", "ids": "1,x"}])
async def test_what_our_pages_never_send_is_not_found(desk: Desk, form: dict[str, str]) -> None:
    assert (await (await desk.signed_in(desk.ours.operator)).post("/inbox/bulk", form)).status == 404


async def test_another_shops_are_not_there(desk: Desk) -> None:
    browser = await desk.signed_in(desk.ours.operator)
    ids = f"{desk.ours.anna},{desk.foreign.anna}"
    assert (await browser.post("/inbox/bulk", {"act": "close", "ids": ids})).status == 404
    strangers = {"act": "assign", "ids": str(desk.ours.anna), "staff": str(desk.foreign.operator.id)}
    assert (await browser.post("/inbox/bulk", strangers)).status == 404
    assert not (await desk.conversation(desk.ours.anna)).held
    assert (await desk.conversation(desk.ours.anna)).state == State.OPEN
