"""Drafts over HTTP: they come back in every browser, and go with the message."""

from __future__ import annotations

import orjson

from tests.console.desk import Browser, Desk
from tests.console.test_pushed import up_to


async def begun(browser: Browser, talk: int) -> dict[str, dict[str, object]]:
    told: dict[str, dict[str, object]] = orjson.loads((await browser.fragment(f"/inbox/{talk}/draft")).text)
    return told


async def test_what_was_begun_on_one_computer_is_there_on_another(desk: Desk) -> None:
    here, there = await desk.signed_in(desk.ours.operator), await desk.signed_in(desk.ours.operator)
    sofya = await desk.signed_in(desk.ours.colleague)
    form = {"text": "Есть четыре <штуки>", "key": "one"}
    assert orjson.loads((await here.post(f"/inbox/{desk.ours.anna}/draft", form)).text) == {"late": False}
    page = (await there.get(f"/inbox/{desk.ours.anna}")).text
    assert "Есть четыре &lt;штуки&gt;</textarea>" in page
    assert (await begun(there, desk.ours.anna))["reply"]["key"] == "one"
    assert "Есть четыре" not in (await sofya.get(f"/inbox/{desk.ours.anna}")).text
    assert await begun(sofya, desk.ours.anna) == {}


async def test_the_list_shows_it_in_place_of_what_was_said_last(desk: Desk) -> None:
    marina, sofya = await desk.signed_in(desk.ours.operator), await desk.signed_in(desk.ours.colleague)
    await marina.post(f"/inbox/{desk.ours.anna}/draft", {"text": "Есть\nчетыре", "key": "one"})
    rows = (await marina.fragment("/inbox/list")).text
    assert "Черновик:</span> Есть четыре" in rows
    assert "Есть кружка?" not in rows
    assert "Есть кружка?" in (await marina.fragment(f"/inbox/list?open={desk.ours.anna}")).text
    assert "Черновик" not in (await sofya.fragment("/inbox/list")).text


async def test_the_next_page_of_its_writer_alone_is_told_of_one_that_was_saved_in_leaving(desk: Desk) -> None:
    marina, sofya = await desk.signed_in(desk.ours.operator), await desk.signed_in(desk.ours.colleague)
    draft = f"/inbox/{desk.ours.anna}/draft"
    await marina.post(draft, {"text": "Есть", "key": "one"})
    position = await desk.position()
    live = f"/live/events?after={position}"
    async with marina.listening(live) as before, sofya.listening(live) as other:
        await marina.post(draft, {"text": "Есть четыре", "key": "one", "leaving": "1"})
        told = await before.next("draft_left")
        assert told["topics"] == [["conversation", desk.ours.anna]]
        assert "drawn" not in told
        async with marina.listening(live) as after:
            assert (await after.next("draft_left"))["event"] == told["event"]
        await desk.hears("Анна Ветрова", "Вы тут?")
        heard = await up_to(other, desk.ours.anna)
    assert "draft_left" not in [one.get("kind") for one in heard]


async def test_sending_takes_the_draft_away_and_a_late_one_does_not_come_back(desk: Desk) -> None:
    browser = await desk.signed_in(desk.ours.operator)
    draft, messages = f"/inbox/{desk.ours.anna}/draft", f"/inbox/{desk.ours.anna}/messages"
    for private in ("", "1"):
        form = {"text": "Есть", "key": f"one{private}", "private": private}
        await browser.post(draft, form)
        await browser.post(messages, form)
        assert await begun(browser, desk.ours.anna) == {}
        assert orjson.loads((await browser.post(draft, form)).text) == {"late": True}
        assert await begun(browser, desk.ours.anna) == {}


async def test_what_it_answers_is_kept_with_it_and_what_may_not_be_answered_is_left_out(desk: Desk) -> None:
    here, there = await desk.signed_in(desk.ours.operator), await desk.signed_in(desk.ours.operator)
    path, asked = f"/inbox/{desk.ours.anna}", (await desk.thread(desk.ours.anna))[0]
    form = {"text": "Есть", "key": "one", "reply_to": str(asked.id)}
    await here.post(f"{path}/draft", form)
    kept = (await begun(there, desk.ours.anna))["reply"]
    assert (kept["reply_to"], kept["quoted"]) == (asked.id, asked.text)
    await here.post(f"{path}/messages", {"text": "Только для своих", "key": "note", "private": "1"})
    note = (await desk.thread(desk.ours.anna))[-1]
    foreign = (await desk.thread(desk.foreign.anna))[0]
    for key, wrong in (("two", note.id), ("three", foreign.id), ("four", 10**15)):
        wanted = {"text": key, "key": key, "reply_to": str(wrong)}
        await here.post(f"{path}/draft", wanted)
        assert (await begun(there, desk.ours.anna))["reply"]["reply_to"] == ""
        assert (await here.post(f"{path}/messages", wanted)).status == 204
        assert (await desk.thread(desk.ours.anna))[-1].reply_to_id is None


async def test_a_refused_answer_leaves_the_draft(desk: Desk) -> None:
    marina, sofya = await desk.signed_in(desk.ours.operator), await desk.signed_in(desk.ours.colleague)
    await marina.post(f"/inbox/{desk.ours.anna}/take")
    form = {"text": "И я отвечу", "key": "one"}
    await sofya.post(f"/inbox/{desk.ours.anna}/draft", form)
    assert (await sofya.post(f"/inbox/{desk.ours.anna}/messages", form)).status == 409
    assert (await begun(sofya, desk.ours.anna))["reply"]["text"] == "И я отвечу"
