"""What each role is, what it says of itself, and what only one process at a time does."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from datetime import timedelta
from pathlib import Path

import aiohttp
import pytest
import pytest_asyncio
import sqlalchemy as sa
from aiohttp import web
from sqlalchemy.orm import Session

from bot.channels.base import Connection, Envelope
from bot.channels.telegram_receive import TelegramReceiver
from prilavok import ticks
from prilavok.health import STALLED, Health
from storage.database import Database
from storage.presence import SharedSeats
from storage.tables import Job as JobRow
from storage.worker import Worker
from tests.faults.place import Place, opened
from tests.ports import free_port
from tests.processes.fleet import Member, Nursery
from tests.storage.brokers import Wire

on_postgres = pytest.mark.parametrize(
    "database_url", [pytest.param("postgres", marks=pytest.mark.postgres)], indirect=True
)


async def until(what: Callable[[], bool], *, within: float = 40.0) -> None:
    async with asyncio.timeout(within):
        while not what():
            await asyncio.sleep(0.02)


# The command line


def said_by(*arguments: str, folder: Path) -> str:
    (folder / "config.toml").write_text(f'secret_key = "{"0123456789abcdef" * 3}"\n')
    command = [sys.executable, "-c", "from prilavok.cli import main; main()", *arguments]
    ended = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=100, check=False, env=paths())
    assert ended.returncode == 2
    return ended.stderr


def paths() -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}


@pytest.mark.parametrize("role", ["web", "worker", "poll"])
def test_an_sqlite_file_is_not_shared(role: str, tmp_path: Path) -> None:
    assert f"`prilavok {role}` needs PostgreSQL" in said_by(role, folder=tmp_path)
    assert not (tmp_path / "data").exists(), "nothing is made before it is refused"


START_AND_STOP = """
import asyncio, sys
from kit.config import parse
from prilavok import installation
from prilavok.hub import ALL, Hub, Role

async def live():
    hub = Hub(config, frozenset({Role(sys.argv[2])}) if sys.argv[2] else ALL)
    await hub.start()
    await hub.stop()

config = parse({"secret_key": "0123456789abcdef" * 3, "database": sys.argv[1], "files": sys.argv[3], "port": 0,
    **({"telegram": [{"token": "77:abcdefghijklmnop", "api": "http://127.0.0.1:9"}]} if sys.argv[2] else {})})
installation.prepare(config)
asyncio.run(live())
heavy = {"aiogram", "operator_console", "yookassa", "apscheduler"}
print(*sorted(heavy & set(sys.modules)))
"""


def imported(database: str, role: str, folder: Path) -> set[str]:
    """Which of the heavy packages a process of this role has imported by its end."""
    command = [sys.executable, "-c", START_AND_STOP, database, role, str(folder / "files")]
    ended = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=100, check=False, env=paths())
    assert ended.returncode == 0, ended.stderr
    return set(ended.stdout.split())


def test_a_hub_without_telegram_does_not_import_aiogram(tmp_path: Path) -> None:
    assert "aiogram" not in imported(f"sqlite:///{tmp_path}/shop.db", "", tmp_path)


@pytest.fixture
def schema() -> Iterator[str]:
    """The address of an empty schema."""
    address = os.environ.get("PRILAVOK_TEST_POSTGRES")
    if not address:
        pytest.skip("no PostgreSQL: set PRILAVOK_TEST_POSTGRES=postgresql+psycopg://user@host/database")
    name = f"roles{os.getpid()}"
    server = sa.create_engine(address, isolation_level="AUTOCOMMIT")
    with server.connect() as connection:
        connection.exec_driver_sql(f"CREATE SCHEMA {name}")
    yield (
        sa.make_url(address)
        .update_query_dict({"options": f"-csearch_path={name}"})
        .render_as_string(hide_password=False)
    )
    with server.connect() as connection:
        connection.exec_driver_sql(f"DROP SCHEMA {name} CASCADE")
    server.dispose()


@pytest.mark.postgres
@pytest.mark.parametrize(
    ("role", "without"),
    [("web", {"aiogram", "apscheduler"}), ("poll", {"aiogram", "operator_console", "yookassa", "apscheduler"})],
)
def test_a_role_does_not_import_what_it_does_not_need(
    schema: str, role: str, without: set[str], tmp_path: Path
) -> None:
    assert not imported(schema, role, tmp_path) & without


# Health


@pytest_asyncio.fixture
async def db(database_url: str) -> AsyncIterator[Database]:
    database = Database(database_url)
    await database.start()
    yield database
    await database.close()


async def answer(port: int, what: str) -> tuple[int, str]:
    async with aiohttp.ClientSession() as http, http.get(f"http://127.0.0.1:{port}/{what}") as answer:
        return answer.status, await answer.text()


async def test_ready_is_said_only_when_work_may_come(db: Database) -> None:
    health, port = Health(db), free_port()
    await health.listen(f"127.0.0.1:{port}")
    assert await answer(port, "ready") == (503, "not ready")
    assert await answer(port, "live") == (200, "ok")
    health.ready = True
    assert await answer(port, "ready") == (200, "ok")
    health.ready = False
    assert await answer(port, "ready") == (503, "not ready")
    await health.close()


async def test_a_process_whose_work_does_not_come_about_is_not_alive(db: Database) -> None:
    health, port = Health(db), free_port()
    last_round = asyncio.get_running_loop().time()
    health.watch("the sweep", lambda: last_round)
    await health.listen(f"127.0.0.1:{port}")
    assert (await answer(port, "live"))[0] == 200
    last_round -= STALLED + 1
    assert await answer(port, "live") == (503, "stuck: the sweep")
    await health.close()


@on_postgres
async def test_a_database_that_does_not_answer_makes_not_ready_and_not_dead(database_url: str) -> None:
    wire = Wire(database_url)
    await wire.start()
    db = Database(wire.url)
    health, port = Health(db), free_port()
    health.ready = True
    await health.listen(f"127.0.0.1:{port}")
    assert (await answer(port, "ready"))[0] == 200
    await wire.kill()
    # A success is believed for a second.
    async with asyncio.timeout(30):
        while (await answer(port, "ready"))[0] == 200:
            await asyncio.sleep(0.1)
    assert (await answer(port, "live"))[0] == 200
    await wire.start()
    async with asyncio.timeout(30):
        while (await answer(port, "ready"))[0] == 503:
            await asyncio.sleep(0.1)
    await health.close()
    await db.close()
    await wire.kill()


# Seats: one poller for each account


@on_postgres
async def test_a_seat_has_one_holder_and_goes_to_the_next_when_he_leaves(database_url: str) -> None:
    one, two = Database(database_url), Database(database_url)
    first, second = SharedSeats(one.engine), SharedSeats(two.engine)
    assert await first.take("receive:1")
    assert not await second.take("receive:1")
    assert await second.take("receive:2")
    assert await first.holds("receive:1")
    assert not await first.holds("receive:2")
    await first.release("receive:1")
    assert not await first.holds("receive:1")
    assert await second.take("receive:1")
    await second.close()
    assert await first.take("receive:2")
    await first.close()
    await one.close()
    await two.close()


@on_postgres
async def test_whoever_loses_his_connection_knows_that_his_seat_is_lost(database_url: str) -> None:
    wire = Wire(database_url)
    await wire.start()
    cut_off, near = Database(wire.url), Database(database_url)
    holder, standby = SharedSeats(cut_off.engine), SharedSeats(near.engine)
    assert await holder.take("receive:1")
    await wire.kill()
    assert not await holder.holds("receive:1")
    async with asyncio.timeout(30):
        while not await standby.take("receive:1"):
            await asyncio.sleep(0.1)
    await wire.start()
    assert not await holder.holds("receive:1")
    assert not await holder.take("receive:1")
    for seats, db in ((holder, cut_off), (standby, near)):
        await seats.close()
        await db.close()
    await wire.kill()


@on_postgres
async def test_whoever_is_cancelled_while_he_asks_for_his_seat_takes_no_other_with_him(
    database_url: str, caplog: pytest.LogCaptureFixture
) -> None:
    ours, theirs = Database(database_url), Database(database_url)
    holder, standby = SharedSeats(ours.engine), SharedSeats(theirs.engine)
    assert await holder.take("receive:1")
    assert await holder.take("receive:2")
    for moments in range(40):
        closed = asyncio.create_task(holder.holds("receive:2"))
        for _ in range(moments):
            await asyncio.sleep(0)
        closed.cancel()
        await asyncio.gather(closed, return_exceptions=True)
        assert await holder.holds("receive:1")
    assert not await standby.take("receive:1")
    assert "lost" not in caplog.text
    # Nor is a seat forgotten that was got meanwhile: whoever closes gives it back at once.
    for moments in range(8):
        taken = asyncio.create_task(holder.take("receive:3"))
        for _ in range(moments):
            await asyncio.sleep(0)
        taken.cancel()
        await asyncio.gather(taken, return_exceptions=True)
    await holder.close()
    assert await standby.take("receive:3")
    for seats, db in ((holder, ours), (standby, theirs)):
        await seats.close()
        await db.close()


class BotApi:
    """A Bot API that has one update and writes down the offsets that it is asked with."""

    def __init__(self) -> None:
        self.offsets: list[int] = []
        self._runner: web.AppRunner | None = None
        self.port = free_port()

    async def __aenter__(self) -> BotApi:
        app = web.Application()
        app.router.add_post("/bot{token}/{method}", self._answer)
        self._runner = web.AppRunner(app, shutdown_timeout=0.1)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", self.port).start()
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._runner is not None
        await self._runner.cleanup()

    async def _answer(self, request: web.Request) -> web.Response:
        if request.match_info["method"] != "getUpdates":
            return web.json_response({"ok": True, "result": True})
        self.offsets.append((await request.json())["offset"])
        person = {"id": 5, "type": "private", "first_name": "Анна"}
        message = {"message_id": 1, "date": 0, "chat": person, "from": person, "text": "Здравствуйте"}
        return web.json_response({"ok": True, "result": [{"update_id": 70, "message": message}]})


async def test_a_poller_that_lost_its_seat_does_not_move_the_offset() -> None:
    stored: list[Envelope] = []
    seat = True

    async def accept(account_id: int, envelopes: object) -> int:
        nonlocal seat
        assert isinstance(envelopes, list)
        stored.extend(envelopes)
        # It is lost while the updates are being stored.
        seat = False
        return len(envelopes)

    async def report(account_id: int, health: str, words: str) -> None:
        return

    async def holds() -> bool:
        return seat

    async with BotApi() as api:
        link = Connection(
            account_id=1,
            external_id="77",
            secret='{"token": "77:abc"}',
            settings={"api": f"http://127.0.0.1:{api.port}"},
            public_url="",
            accept=accept,
            report=report,
        )
        await asyncio.wait_for(TelegramReceiver(link).receive(holds), 20)
        assert [envelope.external_id for envelope in stored] == ["70"]
        assert api.offsets == [0]


# Ticks


@on_postgres
async def test_however_many_clocks_strike_a_tick_runs_once(database_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    runs: list[int] = []
    counting = ticks.Tick("tick.count", timedelta(days=3650), lambda session: runs.append(1))
    monkeypatch.setattr(ticks, "TICKS", (counting,))
    databases = [Database(database_url) for _ in range(4)]
    workers = [Worker(db, ticks.handlers()) for db in databases]
    clocks = [ticks.Clock(db) for db in databases]
    await asyncio.gather(*(worker.start() for worker in workers))
    await asyncio.gather(*(it.start() for it in clocks))
    await until(lambda: bool(runs))
    await asyncio.gather(*(worker.idle() for worker in workers))
    for it in clocks:
        it.stop()
    await asyncio.gather(*(worker.stop() for worker in workers))

    def states(session: Session) -> list[tuple[str, int]]:
        return [(row.state, row.attempts) for row in session.scalars(sa.select(JobRow))]

    assert await databases[0].read(states) == [("done", 1)]
    assert runs == [1]
    for db in databases:
        await db.close()


# Whole processes


@pytest.fixture(scope="module")
def nursery() -> Iterator[Nursery]:
    nursery = Nursery()
    yield nursery
    nursery.close()


@pytest_asyncio.fixture
async def place() -> AsyncIterator[Place]:
    address = os.environ.get("PRILAVOK_TEST_POSTGRES")
    if not address:
        pytest.skip("no PostgreSQL: set PRILAVOK_TEST_POSTGRES=postgresql+psycopg://user@host/database")
    async with opened(address, buyers=1) as place:
        yield place


@pytest.mark.postgres
@pytest.mark.timeout(300)
@pytest.mark.parametrize("trouble", ["killed", "paused"])
async def test_a_standby_takes_over_the_polling(place: Place, nursery: Nursery, trouble: str) -> None:
    """Paused is the worse one: its connection stays as it is, and only the server can end it."""
    worker = Member("worker", 1, place.configuration, nursery)
    first, second = (Member("poll", n, place.configuration, nursery) for n in (1, 2))
    phone = place.phones[0]
    try:
        for member in (worker, first):
            member.start()
            await member.ready()
        second.start()
        await second.ready()
        phone.start()
        await until(lambda: bool(phone.from_bot))
        if trouble == "killed":
            await first.kill()
        else:
            first.signal(signal.SIGSTOP)
        answers = len(phone.from_bot)
        phone.say("Каталог")
        await until(lambda: len(phone.from_bot) > answers, within=90)
        if trouble == "paused":
            first.signal(signal.SIGCONT)
            answers = len(phone.from_bot)
            phone.say("Каталог")
            await until(lambda: len(phone.from_bot) > answers, within=90)
            assert await first.status("ready") == 200
    finally:
        for member in (worker, first, second):
            await member.kill()
