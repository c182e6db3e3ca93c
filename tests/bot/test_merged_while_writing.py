"""A buyer writes at the very moment when his card is put into another one, or is erased."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from typing import Any, cast

import orjson
import pytest
import sqlalchemy as sa
from sqlalchemy.orm import Session

from automation import erasing
from automation.holders import HOLDERS
from bot import joined
from bot.channels.base import Channel
from bot.incoming import Intake
from company.tables import ChannelAccount, Shop
from company.texts import Texts
from customers import identities, merging
from customers.tables import Customer, Merge
from inbox import conversations
from inbox.content import Incoming, Profile
from inbox.tables import Author, Conversation, Message
from orders import cart as carts
from orders.tables import Cart
from storage.database import Database
from storage.jobs import Job
from storage.tables import Job as JobRow
from tests.bot.chats import Counter
from tests.worlds import World

ANYA = Profile("anya", name="Аня")


class Said:
    """A channel through which Аня says one thing."""

    def __init__(self, text: str) -> None:
        self._text = text

    def parse(self, raw: Any) -> Sequence[Incoming]:
        return [Incoming(external_id=f"m-{self._text}", profile=ANYA, text=self._text)]


class Street:
    def __init__(self, engine: sa.Engine, url: str) -> None:
        self.engine, self.url = engine, url
        with Session(engine) as session, session.begin():
            counter = Counter(World(session))
            self.shop_id, self.account_id, self.mug = counter.shop.id, counter.account.id, counter.mug.id
            self.anna = counter.chat("anna", "Анна").customer.id
            self.anya = counter.chat("anya", "Аня").customer.id

    def hears(self, text: str) -> None:
        intake = Intake(Database(self.url), lambda _: cast(Channel, Said(text)), Texts(), "https://counter.example")
        job = Job(1, "in", "incoming.handle", {"account_id": self.account_id, "chat": "chat-anya", "raw": {}}, 1, 0)
        with Session(self.engine, expire_on_commit=False) as session, session.begin():
            intake.handle(session, job)

    def merges(self, before_commit: threading.Event | None = None, commit: threading.Event | None = None) -> None:
        with Session(self.engine) as session, session.begin():
            merging.merge(session, self.shop_id, self.anna, self.anya, actor="staff:1", holders=HOLDERS)
            if before_commit is not None and commit is not None:
                before_commit.set()
                commit.wait(10)

    def forgets(self, before_commit: threading.Event, commit: threading.Event) -> None:
        with Session(self.engine) as session, session.begin():
            erasing.erase(session, self.shop_id, self.anya, actor="staff:1")
            before_commit.set()
            commit.wait(10)

    def whose(self) -> int | None:
        with Session(self.engine) as session:
            return session.scalars(sa.select(Conversation.customer_id).where(Conversation.chat == "chat-anya")).one()

    def said(self) -> list[str]:
        with Session(self.engine) as session:
            mine = sa.select(Message.text).join(Conversation, Conversation.id == Message.conversation_id)
            query = mine.where(Conversation.chat == "chat-anya", Message.author == Author.BUYER)
            return list(session.scalars(query.order_by(Message.id)))


@pytest.fixture
def street(engine: sa.Engine, database_url: str) -> Street:
    return Street(engine, database_url)


def test_a_message_that_comes_during_the_merge_is_the_kept_customers(street: Street) -> None:
    merged, commit = threading.Event(), threading.Event()
    merging_thread = threading.Thread(target=street.merges, args=(merged, commit))
    merging_thread.start()
    assert merged.wait(10)
    writing = threading.Thread(target=street.hears, args=("Корзина",))
    writing.start()
    writing.join(0.5)
    assert writing.is_alive(), "the message waits for the merge"
    commit.set()
    merging_thread.join()
    writing.join()
    assert street.said() == ["Корзина"]
    assert street.whose() == street.anna
    with Session(street.engine) as session:
        assert session.get_one(Customer, street.anya).merged_into_id == street.anna
        carts_of = sa.select(Cart.customer_id).where(Cart.shop_id == street.shop_id)
        assert list(session.scalars(carts_of)) == [street.anna]
        account = session.get_one(ChannelAccount, street.account_id)
        assert identities.recognise(session, account, external_id="anya").customer_id == street.anna


def test_a_message_that_comes_while_its_buyer_is_forgotten_is_somebody_news(street: Street) -> None:
    erased, commit = threading.Event(), threading.Event()
    forgetting = threading.Thread(target=street.forgets, args=(erased, commit))
    forgetting.start()
    assert erased.wait(10)
    writing = threading.Thread(target=street.hears, args=("Здравствуйте",))
    writing.start()
    writing.join(0.5)
    assert writing.is_alive(), "the message waits for the end of it"
    commit.set()
    forgetting.join()
    writing.join()
    assert street.said() == ["Здравствуйте"]
    with Session(street.engine) as session:
        now = session.get_one(Customer, street.whose() or 0)
        assert (now.id != street.anya, now.name, now.erased_at) == (True, "Аня", None)
        account = session.get_one(ChannelAccount, street.account_id)
        assert identities.recognise(session, account, external_id="anya").customer_id == now.id


def test_a_merge_waits_for_the_message_that_is_being_handled(street: Street) -> None:
    handled, commit = threading.Event(), threading.Event()

    def write() -> None:
        with Session(street.engine) as session, session.begin():
            account = session.get_one(ChannelAccount, street.account_id)
            who = identities.recognise(session, account, external_id="anya")
            conversations.open_for(session, account, "chat-anya", customer_id=who.customer_id, locale="ru")
            handled.set()
            commit.wait(1.5)
            carts.put(session, street.shop_id, who.customer_id, street.mug)

    writing = threading.Thread(target=write)
    writing.start()
    assert handled.wait(10)
    merging_thread = threading.Thread(target=street.merges)
    merging_thread.start()
    commit.set()
    writing.join()
    merging_thread.join()
    with Session(street.engine) as session:
        assert [line.quantity for line in carts.inside(session, street.shop_id, street.anna)] == [1]
        assert carts.inside(session, street.shop_id, street.anya) == []
        assert session.get_one(Shop, street.shop_id)
    assert street.whose() == street.anna


def test_of_two_messengers_that_vouch_at_the_same_moment_the_later_one_finds_the_other(
    engine: sa.Engine, database_url: str
) -> None:
    """Neither sees the other's number before it is committed; the joining that follows does."""
    if engine.dialect.name == "sqlite":
        pytest.skip("SQLite lets one write at a time")
    with Session(engine) as session, session.begin():
        counter = Counter(World(session))
        accounts = [counter.account.id, counter.world.account("max", "clay_max").id]
        shop_id = counter.shop.id
    people = [Profile("41", name="Анна", phone="+79000000041"), Profile("500", name="Анна", phone="+79000000041")]

    def handles(session: Session, n: int) -> None:
        said = Incoming(f"m-{n}", people[n], text="Мой номер")
        intake = Intake(Database(database_url), lambda _: cast(Channel, Brings(said)), Texts(), "https://x.example")
        payload = {"account_id": accounts[n], "chat": f"chat-{n}", "raw": {}}
        intake.handle(session, Job(n, "in", "incoming.handle", payload, 1, 0))

    with Session(engine) as one, Session(engine) as other:
        handles(one, 0)
        handles(other, 1)
        other.commit()
        _joins(engine)
        one.commit()
    with Session(engine) as session:
        assert len(set(session.scalars(sa.select(Conversation.customer_id)))) == 2
    _joins(engine)
    with Session(engine) as session:
        assert len(set(session.scalars(sa.select(Conversation.customer_id)))) == 1
        assert [merge.shop_id for merge in session.scalars(sa.select(Merge))] == [shop_id]


def _joins(engine: sa.Engine) -> None:
    """What waits to be joined, as a worker would do it."""
    steps = joined.handlers(Texts(), HOLDERS)
    with Session(engine) as session, session.begin():
        for row in session.scalars(sa.select(JobRow).where(JobRow.kind.in_(steps), JobRow.state == "ready")):
            job = Job(row.id, row.lane, row.kind, orjson.loads(row.payload), 0, row.created_at)
            steps[row.kind].run(session, job)
            row.state = "done"


class Brings:
    """A channel that brings this."""

    def __init__(self, said: Incoming) -> None:
        self._said = said

    def parse(self, raw: Any) -> Sequence[Incoming]:
        return [self._said]
