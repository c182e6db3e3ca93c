"""The event stream of a page."""

from __future__ import annotations

import asyncio

import pytest
from sqlalchemy.orm import Session

from operator_console import live_pages
from tests.console.desk import Desk, hear


async def test_a_message_is_told_to_every_open_page_by_its_ids(desk: Desk) -> None:
    marina = await desk.signed_in(desk.ours.operator)
    sofya = await desk.signed_in(desk.ours.colleague)
    async with marina.listening() as one, sofya.listening() as two:
        await desk.hears("Анна Ветрова", "Ещё вопрос, про секрет")
        told = [await stream.next("message_added") for stream in (one, two)]
    said = (await desk.thread(desk.ours.anna))[-1]
    for event in told:
        assert event["topics"] == [["conversation", desk.ours.anna]]
        assert event["message_id"] == said.id
        assert "секрет" not in str(event)


async def test_another_shop_hears_nothing(desk: Desk) -> None:
    def both(session: Session) -> None:
        hear(session, desk.ours.account, "Анна Ветрова", "Наше")
        hear(session, desk.foreign.account, "Чужой покупатель", "Чужое")

    browser = await desk.signed_in(desk.foreign.owner)
    async with browser.listening() as stream:
        await desk.db.write(both)
        assert (await stream.next("message_added"))["topics"] != [["conversation", desk.ours.anna]]


async def test_a_page_that_was_away_is_told_what_it_missed(desk: Desk) -> None:
    browser = await desk.signed_in(desk.ours.operator)
    position = await desk.position()
    await desk.hears("Анна Ветрова", "Пока вас не было")
    async with browser.listening(f"/live/events?after={position}") as stream:
        while (await stream.next("message_added"))["id"] <= position:
            """What was told just before may be told again."""


@pytest.mark.parametrize("position", [10**9, 0])
async def test_a_page_that_missed_too_much_reads_everything_anew(
    desk: Desk, position: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(live_pages, "MOST_MISSED", 3)
    browser = await desk.signed_in(desk.ours.operator)
    async with browser.listening(f"/live/events?after={position}") as stream:
        assert (await stream.next())["event"] == "resync"


async def test_silence_is_broken_by_beats_and_signing_out_ends_the_stream(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(live_pages, "BEAT", 0.1)
    browser = await desk.signed_in(desk.ours.operator)
    async with browser.listening() as stream:
        assert (await stream.next())["event"] == "beat"
        await browser.post("/logout")
        while await stream.next():
            await asyncio.sleep(0)


async def test_the_stream_ends_when_the_process_does(desk: Desk) -> None:
    browser = await desk.signed_in(desk.ours.operator)
    async with browser.listening() as stream:
        desk.live.close()
        assert await stream.next() == {}


async def test_a_script_of_another_site_gets_no_stream(desk: Desk) -> None:
    browser = await desk.signed_in(desk.ours.operator)
    answer = await browser.get("/live/events", **{"Sec-Fetch-Site": "cross-site"})
    assert answer.status == 403
