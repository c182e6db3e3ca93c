"""What a hub tells of itself at /metrics, to whom, and how signs of life come into the database."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import pytest_asyncio
import sqlalchemy as sa
from aiohttp import web
from sqlalchemy.orm import Session

from bot.channels.base import Envelope, NotSent, Rejected
from company.tables import ChannelAccount
from inbox.tables import Delivery, Message
from kit import http
from kit.clock import now_ms, utc_now
from operation import pulse
from operation.attendant import Attendant, look_round
from operation.pulse import Pulse
from operation.tables import AccountPulse, ChannelHour, Side
from storage import jobs
from storage.database import Database
from storage.jobs import Effect, Job, Step
from storage.live import LiveBus
from storage.meters import Meters
from storage.tables import Job as JobRow
from storage.worker import Worker
from tests.conftest import open_engine
from tests.worlds import World

DOCS = Path(__file__).parents[2] / "docs/operation.md"


class House:
    """A database with a shop, its attendant, and the page that they serve."""

    def __init__(self, url: str, *, allow: tuple[str, ...] = (), trusted: tuple[str, ...] = ()) -> None:
        engine = open_engine(url)
        with Session(engine, expire_on_commit=False) as session:
            world = World(session)
            self.account = world.account()
            session.commit()
        engine.dispose()
        self.meters = Meters()
        self.db = Database(url, meters=self.meters)
        self.live = LiveBus(self.db)
        self.attendant = Attendant(self.db, self.live, self.meters, allow=allow)
        self.trusted = trusted
        self.url = ""

    async def __aenter__(self) -> House:
        await self.db.start()
        app = web.Application()
        app[http.TRUSTED] = self.trusted
        app.add_routes(self.attendant.routes())
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.2)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        self.url = f"http://127.0.0.1:{self._runner.addresses[0][1]}"
        self.http = aiohttp.ClientSession()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.http.close()
        await self._runner.cleanup()
        await self.db.close()

    async def asked(self, **headers: str) -> int:
        async with self.http.get(f"{self.url}/metrics", headers=headers) as answer:
            await answer.read()
            return answer.status

    async def scraped(self) -> dict[str, float]:
        """Every sample by its name and labels."""
        async with self.http.get(f"{self.url}/metrics") as answer:
            assert answer.status == 200
            assert answer.headers["Content-Type"].startswith("text/plain")
            lines = (await answer.text()).splitlines()
        return {name: float(value) for name, _, value in (it.rpartition(" ") for it in lines if not it.startswith("#"))}


@pytest_asyncio.fixture
async def house(database_url: str) -> AsyncIterator[House]:
    async with House(database_url) as house:
        yield house


async def test_this_machine_may_read_metrics(house: House) -> None:
    assert await house.asked() == 200
    assert await house.asked(Host="localhost:8080") == 200


@pytest.mark.parametrize(
    "headers",
    [
        {"X-Forwarded-For": "203.0.113.9"},
        {"X-Forwarded-For": "127.0.0.1"},
        {"X-Real-IP": "127.0.0.1"},
        {"Forwarded": "for=127.0.0.1"},
        {"Via": "1.1 proxy"},
        {"X-Forwarded-Proto": "https"},
        {"Host": "counter.example.ru"},
        {"Host": "counter.example.ru:443"},
    ],
)
@pytest.mark.parametrize("trusted", [(), ("127.0.0.1",)])
async def test_what_a_proxy_on_this_machine_passes_on_is_not_this_machine(
    tmp_path: Path, headers: dict[str, str], trusted: tuple[str, ...]
) -> None:
    from storage.schema import Base

    url = f"sqlite:///{tmp_path}/house.db"
    engine = open_engine(url)
    Base.metadata.create_all(engine)
    engine.dispose()
    async with House(url, trusted=trusted) as house:
        assert await house.asked(**headers) == 404


async def test_an_allowed_address_may_read_metrics_directly_and_through_a_trusted_proxy(database_url: str) -> None:
    async with House(database_url, allow=("10.0.0.0/8",), trusted=("127.0.0.1",)) as house:
        assert await house.asked(**{"X-Forwarded-For": "10.1.2.3", "Host": "counter.example.ru"}) == 200
        assert await house.asked(**{"X-Forwarded-For": "10.1.2.3, 203.0.113.9"}) == 404
        assert await house.asked(**{"X-Forwarded-For": "203.0.113.9"}) == 404


async def test_an_untrusted_proxy_cannot_vouch_for_anyone(tmp_path: Path, database_url: str) -> None:
    async with House(database_url, allow=("10.0.0.0/8", "127.0.0.1")) as house:
        assert await house.asked(**{"X-Forwarded-For": "10.1.2.3"}) == 404


class Outside:
    """A messenger that does as it is told."""

    def __init__(self) -> None:
        self.answers: list[Any] = []

    async def call(self, memo: Any) -> Any:
        return self.answers.pop(0)


class Errand:
    account_id = 7


async def test_jobs_are_counted_by_how_they_end(house: House) -> None:
    outside = Outside()
    handlers = house.attendant.watched(
        {
            "incoming.handle": Step(lambda session, job: None),
            "bad": Step(burns),
            "message.deliver": Effect(lambda session, job: Errand(), outside.call, lambda *_: None),
        }
    )
    worker = Worker(house.db, handlers)
    outside.answers = [Rejected("no"), NotSent("no connection"), "55"]

    def put(session: Session) -> None:
        for n in range(3):
            jobs.put(session, "incoming.handle", {}, lane=f"in:1:{n}")
            jobs.put(session, "message.deliver", {"message_id": 0}, lane="out:1")
        jobs.put(session, "bad", {}, lane="bad")

    await worker.start()
    try:
        await house.db.write(put)
        await worker.idle()
    finally:
        await worker.stop()
    seen = await house.scraped()
    assert seen['prilavok_job_runs_total{kind="incoming.handle",outcome="done"}'] == 3
    assert seen['prilavok_job_runs_total{kind="bad",outcome="failed"}'] >= 1
    assert seen['prilavok_outside_errors_total{account="7",error="Rejected",side="channel"}'] == 1
    assert seen['prilavok_outside_errors_total{account="7",error="NotSent",side="channel"}'] == 1
    assert seen["prilavok_inbound_handled_seconds_count"] == 3
    assert seen["prilavok_outbound_sent_seconds_count"] == 1
    assert seen["prilavok_commit_seconds_count"] >= 1


def burns(session: Session, job: Job) -> None:
    raise ValueError("burnt")


async def test_series_do_not_grow_with_chats(house: House) -> None:
    def put(session: Session, chats: range) -> None:
        for chat in chats:
            jobs.put(session, "message.deliver", {"message_id": chat}, lane=f"out:{chat}")
            jobs.put(session, "payment.look", {"payment_id": chat}, lane=f"payment:{chat}")

    await house.db.write(put, range(5))
    few = await house.scraped()
    await house.db.write(put, range(5, 300))
    many = await house.scraped()
    assert few.keys() == many.keys()
    assert many['prilavok_jobs_due{lane="out"}'] == 300


async def test_the_oldest_due_and_the_dead_and_the_unknown_are_told(house: House) -> None:
    def arrange(session: Session) -> None:
        jobs.put(session, "message.deliver", {"message_id": 1}, lane="out:1")
        jobs.put(session, "orders.expire", {}, lane="expire:1", run_at=utc_now() + timedelta(hours=1))
        jobs.put(session, "payment.look", {}, lane="payment:1")
        late, dead = session.scalars(sa.select(JobRow).where(JobRow.lane != "expire:1").order_by(JobRow.id))
        late.created_at = now_ms() - 90_000
        dead.state = "dead"
        world_message(session, house.account, Delivery.UNKNOWN)

    await house.db.write(arrange)
    seen = await house.scraped()
    assert 90 <= seen['prilavok_jobs_oldest_due_seconds{lane="out"}'] < 300
    assert seen["prilavok_outbox_age_seconds"] == pytest.approx(
        seen['prilavok_jobs_oldest_due_seconds{lane="out"}'], abs=1
    )
    assert (seen['prilavok_jobs_due{lane="expire"}'], seen['prilavok_jobs_planned{lane="expire"}']) == (0, 1)
    assert seen['prilavok_jobs_dead{kind="payment.look"}'] == 1
    assert seen['prilavok_messages_unsettled{state="unknown"}'] == 1


def world_message(session: Session, account: ChannelAccount, state: Delivery) -> None:
    from inbox import conversations

    talk = conversations.open_for(session, account, "1", customer_id=None, locale="ru")
    session.add(
        Message(
            conversation_id=talk.id,
            account_id=account.id,
            author="bot",
            delivery=state,
            created_at=utc_now(),
        )
    )


async def test_every_metric_is_in_the_docs(house: House) -> None:
    await house.db.write(look_round)
    names = {re.split(r"[{ ]", name)[0] for name in await house.scraped()}
    bare = {re.sub(r"_(total|created|bucket|count|sum)$", "", name) for name in names}
    told = set(re.findall(r"`(prilavok_\w+?)(?:_total)?(?:\{[^`]*\})?`", DOCS.read_text(encoding="utf-8")))
    assert bare - told == set()


# Signs of life


async def stored(db: Database) -> tuple[AccountPulse, list[ChannelHour]]:
    return await db.read(
        lambda session: (
            session.scalars(sa.select(AccountPulse).where(AccountPulse.side == Side.CHANNEL)).one(),
            list(session.scalars(sa.select(ChannelHour))),
        )
    )


async def test_a_thousand_events_are_one_row(house: House) -> None:
    stored_events: list[str] = []

    async def accept(account_id: int, envelopes: Any) -> int:
        stored_events.extend(one.external_id for one in envelopes)
        return len(envelopes)

    accept_and_hear = house.attendant.accepting(accept)
    for n in range(1000):
        assert await accept_and_hear(house.account.id, [Envelope("1", str(n), {})]) == 1
    await house.attendant.close()
    sign, hours = await stored(house.db)
    assert len(stored_events) == 1000
    assert sign.heard_at is not None
    assert sum(hour.heard for hour in hours) == 1000
    assert len(hours) <= 2


async def test_two_processes_tell_of_the_same_account(house: House) -> None:
    one, other = Pulse(house.db), Pulse(house.db)
    one.heard(7, 2)
    one.failed(Side.CHANNEL, 7, "no connection to https://api/bot8412345678:AAHs7mzUxjW1nQzX3Kp0cLgB5tYvR2dEfGh/x")
    await one.flush()
    began = (await stored(house.db))[0].failing_since
    other.failed(Side.CHANNEL, 7, "still none")
    other.heard(7, 3)
    await other.flush()
    sign, hours = await stored(house.db)
    assert sign.failing_since == began
    assert sign.error == "still none"
    assert sum(hour.heard for hour in hours) == 5
    one.reached(Side.CHANNEL, 7)
    await one.flush()
    sign, _hours = await stored(house.db)
    assert sign.failing_since is None
    assert "AAHs7mz" not in sign.error


async def test_old_hours_are_forgotten(house: House) -> None:
    now = utc_now()

    def arrange(session: Session) -> None:
        for weeks in (0, 8, 10):
            session.add(ChannelHour(account_id=7, hour=pulse.hour_of(now) - weeks * 168, heard=1))

    await house.db.write(arrange)
    await house.db.write(look_round)
    left = await house.db.read(lambda session: len(session.scalars(sa.select(ChannelHour)).all()))
    assert left == 2
