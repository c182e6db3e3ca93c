"""That the measurements measure: the yardstick sees what went wrong, and tiny runs of each come to an end."""

from __future__ import annotations

import argparse
import asyncio
import os
import tempfile
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import aiohttp
import orjson
import pytest
import sqlalchemy as sa
from aiohttp import web
from sqlalchemy.orm import Session

from benchmarks import buyers, growth, pipeline, place, queue, rounds
from benchmarks.buyers import Counts, Street
from benchmarks.pipeline import Plan
from inbox.tables import Conversation, Message
from storage.tables import EventRow, Job

pytestmark = pytest.mark.timeout(300)

Reply = Callable[["Bot", dict[str, Any]], Any]


class Bot:
    """A bot that behaves as a test tells it to."""

    def __init__(self, street: Street) -> None:
        self._street = street
        self._http = aiohttp.ClientSession()
        self.reply: Reply = Bot.answer
        self._runner: web.AppRunner | None = None

    async def open(self) -> None:
        app = web.Application()
        app.router.add_post("/hook", self._hook)
        self._runner = web.AppRunner(app)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0)
        await site.start()
        await self._street.connect(self._runner.addresses[0][1], "/hook")

    async def close(self) -> None:
        await self._http.close()
        if self._runner is not None:
            await self._runner.cleanup()

    async def answer(self, message: dict[str, Any]) -> None:
        fields = {"chat_id": message["chat"]["id"], "text": f"Ответ на «{message['text']}»"}
        address = f"http://127.0.0.1:{self._street.port}/bot1:a/sendMessage"
        async with self._http.post(address, data=orjson.dumps(fields)) as answer:
            assert orjson.loads(await answer.read())["ok"]

    async def _hook(self, request: web.Request) -> web.Response:
        await self.reply(self, orjson.loads(await request.read())["message"])
        return web.Response()


@pytest.fixture
async def street() -> AsyncIterator[Street]:
    street = Street(1)
    await street.open()
    yield street
    await street.close()


@pytest.fixture
async def bot(street: Street) -> AsyncIterator[Bot]:
    bot = Bot(street)
    await bot.open()
    await street.meet()
    yield bot
    await bot.close()


async def test_a_bot_that_answers_each_once_and_in_order_is_clean(street: Street, bot: Bot) -> None:
    for _ in range(5):
        await street.ask(street.chats[0])
    await street.quiet()
    assert len(street.seconds) == 5
    assert street.counts.clean


async def test_an_answer_that_comes_twice_is_seen(street: Street, bot: Bot) -> None:
    async def twice(self: Bot, message: dict[str, Any]) -> None:
        await self.answer(message)
        await self.answer(message)

    bot.reply = twice
    await street.ask(street.chats[0])
    await street.quiet()
    assert street.counts == Counts(doubled=1)


async def test_an_answer_that_never_comes_is_seen(street: Street, bot: Bot, monkeypatch: pytest.MonkeyPatch) -> None:
    async def silent(self: Bot, message: dict[str, Any]) -> None:
        return

    monkeypatch.setattr(buyers, "PATIENCE", 0.5)
    bot.reply = silent
    street.say_next(street.chats[0], 0.0)
    await street.quiet()
    assert street.counts == Counts(lost=1)


async def test_answers_that_overtake_each_other_are_seen(street: Street, bot: Bot) -> None:
    kept: list[dict[str, Any]] = []

    async def backwards(self: Bot, message: dict[str, Any]) -> None:
        kept.append(message)
        if len(kept) == 2:
            for each in reversed(kept):
                await self.answer(each)

    bot.reply = backwards
    # Telegram sends a chat's second message when the first was taken.
    street.say_next(street.chats[0], 0.0)
    async with asyncio.timeout(30):
        while not kept:
            await asyncio.sleep(0.01)
    street.say_next(street.chats[0], 0.0)
    await street.quiet()
    assert street.counts == Counts(out_of_order=1)


async def test_an_update_that_is_refused_is_seen(street: Street, bot: Bot) -> None:
    async def refuse(self: Bot, message: dict[str, Any]) -> None:
        await self.answer(message)
        raise web.HTTPServiceUnavailable

    bot.reply = refuse
    await street.ask(street.chats[0])
    await street.quiet()
    assert street.counts == Counts(refused=1)


def test_variants_run_forwards_and_backwards_and_ratios_are_taken_inside_a_round() -> None:
    assert [name for _, name in rounds.order("ab", 3)] == ["a", "b", "b", "a", "a", "b"]
    # The second round's machine was half as fast for both.
    assert rounds.ratio([50.0, 25.0], [100.0, 50.0]) == "0.50 [0.50..0.50]"


@pytest.fixture(params=("", pytest.param("postgres", marks=pytest.mark.postgres)), ids=["sqlite", "postgres"])
def server(request: pytest.FixtureRequest) -> str:
    """The address of a PostgreSQL server; empty for an SQLite file."""
    return _postgres() if request.param else ""


def _postgres() -> str:
    address = os.environ.get("PRILAVOK_TEST_POSTGRES")
    if not address:
        pytest.skip("no PostgreSQL: set PRILAVOK_TEST_POSTGRES=postgresql+psycopg://user@host/database")
    return address


@pytest.mark.parametrize("server", [""], ids=["sqlite"], indirect=True)
async def test_the_hub_and_the_floor_answer_every_message_and_press(server: str) -> None:
    hub = "postgres" if server else "sqlite"
    plan = Plan(scenarios=["text", "press"], rates=[5.0], seconds=0.5, chats=2, server=server)
    with pipeline.prepared(plan, [hub]):
        figures = await pipeline.run(plan, ["floor", hub], 1)
    for name, found in figures.items():
        assert Counts(**found[0]["counts"]).clean, (name, found[0])
        assert all(load["messages"] >= 2 for load in (*found[0]["text"].values(), *found[0]["press"].values()))
    told = pipeline.tables(plan, figures)
    assert f"{hub}: " in told
    assert "0 lost" in told


def test_a_shop_with_a_past_has_what_was_asked_for(server: str) -> None:
    with growth.shops(server, [(40, 4)]) as urls:
        engine = place.opened(urls[40, 4])
        with Session(engine) as session:

            def count(*conditions: sa.ColumnElement[bool]) -> int:
                return session.scalars(sa.select(sa.func.count()).where(*conditions)).one()

            assert count(Conversation.chat.is_not(None)) == 4
            assert count(Message.id > 0) == count(EventRow.kind == "message_added") == 40
            assert (count(Job.state == "done"), count(Job.state == "ready")) == (40, 4)
            talk = session.scalars(sa.select(Message).join(Conversation, Conversation.id == Message.conversation_id))
            assert {message.delivery for message in talk} == {"received", "sent"}
        engine.dispose()
        assert all(ms > 0 for ms in growth.beside(urls[40, 4]).values())


@pytest.mark.postgres
@pytest.mark.parametrize("variant", ["step", "effect"])
def test_every_job_of_the_queue_runs_once(variant: str) -> None:
    told = argparse.Namespace(postgres=_postgres(), redis="", jobs=40, seconds=1.0)
    figures = queue.measure(variant, told)
    assert (figures["lost"], figures["doubled"]) == (0, 0)
    assert figures["both at once/s"] > 0


def test_figures_of_a_run_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    with tempfile.TemporaryDirectory() as folder:
        monkeypatch.setattr(rounds, "RESULTS", Path(folder) / "results")
        path = rounds.keep("trial", {"machine": rounds.machine()})
        assert orjson.loads(path.read_bytes())["machine"]["python"]
