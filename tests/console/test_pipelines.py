"""Pipelines in the settings of the console."""

from __future__ import annotations

from orders import pipelines
from orders.tables import Pipeline, Stage
from tests.console.desk import Browser, Desk


async def line(desk: Desk) -> Pipeline:
    return await desk.db.read(lambda session: pipelines.pipeline(session, desk.ours.shop_id))


async def stage(desk: Desk, code: str) -> Stage:
    return next(row for row in (await line(desk)).stages if row.code == code)


async def add_packing(browser: Browser, desk: Desk) -> int:
    form = {
        "seen": str((await line(desk)).version),
        "after": str((await stage(desk, "assembling")).id),
        "name": "Упаковка",
        "translated": "Packing",
        "group": "assembling",
    }
    return (await browser.post("/stages", form)).status


async def test_a_stage_that_the_owner_adds_is_on_the_board_of_everybody(desk: Desk) -> None:
    owner, operator = await desk.signed_in(desk.ours.owner), await desk.signed_in(desk.ours.operator)
    assert await add_packing(owner, desk) == 204
    assert "Упаковка" in (await operator.get("/orders")).text
    assert "Упаковка" in (await owner.get("/settings/pipelines")).text
    assert "Упаковка" in (await owner.get("/settings")).text, "it may be told of"


async def test_stages_are_called_in_the_readers_language(desk: Desk) -> None:
    owner = await desk.signed_in(desk.ours.owner)
    await owner.post("/me/language", {"language": "en"})
    page = (await owner.get("/settings/pipelines")).text
    assert "→ Awaiting payment, Paid, Assembling, Cancelled" in page
    assert "→ Ждёт оплаты" not in page
    assert 'value="Ждёт оплаты"' in page, "the name itself is edited as it is"


async def test_a_stage_is_edited_with_all_that_it_leads_to(desk: Desk) -> None:
    owner, row = await desk.signed_in(desk.ours.owner), await stage(desk, "shipped")
    form = {
        "seen": str((await line(desk)).version),
        "name": "У курьера",
        "translated": "With the courier",
        "colour": "olive",
        "entered_by": "owner",
        "needs_payment": "on",
        "next": ["delivered", "cancelled"],
    }
    pairs = [(name, one) for name, value in form.items() for one in (value if isinstance(value, list) else [value])]
    assert (await owner.post(f"/stages/{row.id}", pairs)).status == 204
    after = await stage(desk, "shipped")
    assert (after.name, after.colour, after.roles, after.next_codes) == (
        "У курьера",
        "olive",
        ["owner"],
        ["delivered", "cancelled"],
    )


async def test_two_owners_do_not_arrange_stages_over_one_another(desk: Desk) -> None:
    owner, row = await desk.signed_in(desk.ours.owner), await stage(desk, "shipped")
    seen = str((await line(desk)).version)
    assert await add_packing(owner, desk) == 204
    late = await owner.post(f"/stages/{row.id}/archive", {"seen": seen})
    assert late.status == 409
    assert "кто-то другой" in late.text
    assert not (await stage(desk, "shipped")).archived


async def test_what_no_order_could_leave_is_refused_in_words(desk: Desk) -> None:
    owner, row = await desk.signed_in(desk.ours.owner), await stage(desk, "shipped")
    form = {"seen": str((await line(desk)).version), "name": "В пути", "entered_by": "all"}
    answer = await owner.post(f"/stages/{row.id}", form)
    assert answer.status == 409
    assert "Из «В пути» заказ никогда не смог бы завершиться" in answer.text
    assert (await stage(desk, "shipped")).next_codes == ["delivered", "cancelled"]


async def test_a_stage_goes_out_of_use_and_comes_back(desk: Desk) -> None:
    owner = await desk.signed_in(desk.ours.owner)
    await add_packing(owner, desk)
    row = await stage(desk, "packing")
    gone = await owner.post(f"/stages/{row.id}/archive", {"seen": str((await line(desk)).version)})
    assert gone.status == 204
    assert "Упаковка" not in (await owner.get("/orders")).text
    back = await owner.post(f"/stages/{row.id}/use", {"seen": str((await line(desk)).version)})
    assert back.status == 204
    assert "Упаковка" in (await owner.get("/orders")).text


async def test_a_second_pipeline_is_added_and_becomes_the_usual_one(desk: Desk) -> None:
    owner, before = await desk.signed_in(desk.ours.owner), (await line(desk)).id
    form = {"name": "Под заказ", "translated": "To order", "pattern": "preorder"}
    assert (await owner.post("/pipelines", form)).status == 204
    lines = await desk.db.read(lambda session: pipelines.pipelines(session, desk.ours.shop_id))
    made = next(row for row in lines if row.id != before)
    assert (made.name, made.translations) == ("Под заказ", {"en": {"name": "To order"}})
    first = await owner.post(f"/pipelines/{made.id}/first", {"seen": str(made.version)})
    assert first.status == 204
    assert (await line(desk)).id == made.id


async def test_stages_change_places(desk: Desk) -> None:
    owner, row = await desk.signed_in(desk.ours.owner), await stage(desk, "assembling")
    seen = str((await line(desk)).version)
    await owner.post(f"/stages/{row.id}/shift", {"to": "back", "seen": seen})
    assert [one.code for one in (await line(desk)).stages][2:4] == ["assembling", "paid"]
