"""What messengers bring is not always what they promise: nothing of it is lost, and nothing of it stops the rest."""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any

import orjson
import pytest
import pytest_asyncio
import sqlalchemy as sa
from sqlalchemy.orm import Session

from bot.channels import CHANNELS, RECEIVERS
from bot.channels.base import UNKNOWN_CHAT, Channel, Connection, Unreadable, is_at, readable
from bot.incoming import TRIES, Intake
from company.texts import Texts
from customers.tables import Customer
from inbox.content import load_incoming
from inbox.tables import Author, Conversation, Message
from storage.database import Database
from storage.jobs import Job
from storage.tables import Job as JobRow
from storage.worker import Worker
from tests.bot.chats import Counter
from tests.worlds import World

Json = dict[str, Any]

SECRET = "a secret of the webhook"

ODD = "\\u0000Мяу\\ud83d"
"""As JSON has it: a zero character, and the first half of an emoji."""

SEEN = "Мяу\ufffd"


def telegram(text: Any = "привет", *, update_id: int = 1, **sender: Any) -> Json:
    person = {"id": 77, "is_bot": False, "first_name": "Анна", **sender}
    chat = {"id": 77, "type": "private"}
    message = {"message_id": update_id, "date": 1700000000, "chat": chat, "from": person, "text": text}
    return {"update_id": update_id, "message": message}


def max_(text: Any = "привет", *, number: int = 1, **body: Any) -> Json:
    sender = {"user_id": 77, "first_name": "Анна", "is_bot": False}
    recipient = {"chat_id": 9, "chat_type": "dialog"}
    held = {"mid": f"mid.{number}", "seq": number, "text": text, **body}
    message = {"sender": sender, "recipient": recipient, "timestamp": 1700000000000, "body": held}
    return {"update_type": "message_created", "timestamp": 1700000000000, "message": message}


def vk(text: Any = "привет") -> Json:
    message = {"date": 1700000000, "from_id": 77, "peer_id": 77, "id": 5, "conversation_message_id": 3, "text": text}
    told = {"client_info": {"lang_id": 0}, "message": message}
    return {"type": "message_new", "group_id": 12, "event_id": "e1", "secret": SECRET, "object": told}


def whatsapp(text: Any = "привет") -> Json:
    message = {
        "from": "79161112233",
        "id": "wamid.1",
        "timestamp": "1700000000",
        "type": "text",
        "text": {"body": text},
    }
    person = {"wa_id": "79161112233", "profile": {"name": text}}
    value = {"metadata": {"phone_number_id": "55"}, "contacts": [person], "messages": [message]}
    return {"object": "whatsapp_business_account", "entry": [{"changes": [{"field": "messages", "value": value}]}]}


EVENTS = {"telegram": telegram, "max": max_, "vk": vk, "whatsapp": whatsapp}


def headers(body: bytes) -> Mapping[str, str]:
    signature = hmac.new(SECRET.encode(), body, hashlib.sha256).hexdigest()
    return {
        "X-Telegram-Bot-Api-Secret-Token": SECRET,
        "X-Max-Bot-Api-Secret": SECRET,
        "X-Hub-Signature-256": f"sha256={signature}",
    }


class Counters:
    """A shop that is written to in every messenger. Nobody is at home at the messengers' own addresses."""

    def __init__(self, db: Database, accounts: Mapping[str, int]) -> None:
        self.db, self.accounts = db, accounts
        self.intake = Intake(db, lambda account_id: self.channels[account_id], Texts(), "https://counter.example")
        self.intake.go_on_with(Worker(db, self.intake.handlers))
        links = {name: self._link(name) for name in accounts}
        self.channels: dict[int, Channel] = {accounts[name]: CHANNELS[name](link) for name, link in links.items()}
        self.receivers = {name: RECEIVERS[name](link) for name, link in links.items()}

    def _link(self, name: str) -> Connection:
        async def report(account_id: int, health: str, words: str) -> None:
            """Nobody asks."""

        return Connection(
            account_id=self.accounts[name],
            external_id={"vk": "12", "whatsapp": "55"}.get(name, "bot"),
            secret=orjson.dumps({"token": "1:a", "webhook_secret": SECRET, "app_secret": SECRET}).decode(),
            settings={"receive": "webhook", "api": "http://127.0.0.1:1"},
            public_url="https://counter.example",
            accept=self.intake.accept,
            report=report,
        )

    async def is_called(self, name: str, body: bytes) -> None:
        await self.receivers[name].called(headers(body), body)

    async def fetches(self, name: str, events: Sequence[Any]) -> None:
        """As a poll brings them."""
        receiver: Any = self.receivers[name]
        await receiver.take(events)

    async def said(self) -> list[str]:
        texts = sa.select(Message.text).where(Message.author == Author.BUYER).order_by(Message.id)
        return await self.db.read(lambda session: list(session.scalars(texts)))

    async def kept(self) -> list[tuple[str, str]]:
        """(the chat, what is said of the kind) of messages that could not be read."""

        def look(session: Session) -> list[tuple[str, str]]:
            rows = session.execute(
                sa.select(Conversation.chat, Message.content)
                .join(Message, Message.conversation_id == Conversation.id)
                .where(Message.author == Author.BUYER)
            )
            return [(chat, content["unsupported"]) for chat, content in rows if "unsupported" in content]

        return await self.db.read(look)

    async def retry(self, attempts: int) -> None:
        """The worker comes to the event that waits, having failed so often."""

        def again(session: Session) -> None:
            row = session.scalars(
                sa.select(JobRow).where(JobRow.kind == "incoming.handle", JobRow.state == "ready")
            ).one()
            job = Job(row.id, row.lane, row.kind, orjson.loads(row.payload), attempts, row.created_at)
            with session.begin_nested():
                self.intake.handle(session, job)

        await self.db.write(again)


@pytest_asyncio.fixture
async def counters(engine: sa.Engine, database_url: str) -> AsyncIterator[Counters]:
    with Session(engine) as session, session.begin():
        world = Counter(World(session)).world
        accounts = {name: world.account(name, f"their {name}").id for name in EVENTS}
    db = Database(database_url)
    await db.start()
    yield Counters(db, accounts)
    await db.close()


@pytest.mark.parametrize("name", EVENTS)
async def test_no_character_keeps_what_was_said_from_being_kept(counters: Counters, name: str) -> None:
    body = json.dumps(EVENTS[name]("МЯУ"), ensure_ascii=False).replace("МЯУ", ODD).encode()
    await counters.is_called(name, body)
    assert await counters.said() == [SEEN]


@pytest.mark.parametrize(
    ("said", "read"),
    [
        (b'{"a": "\\ud83d\\ude42"}', {"a": "🙂"}),
        (b'{"a": "\\ude42\\ud83d"}', {"a": "\ufffd\ufffd"}),
        (b'{"\\u0000a": ["\\u0000", {"b": "\\\\u0000"}]}', {"a": ["", {"b": "\\u0000"}]}),
        (b'{"a": "\xff"}', {"a": "\ufffd"}),
        (b'{"a": "\x00\\ud83d"}', {"a": "\ufffd"}),
        (b'{"a": NaN, "b": "\\ud83d"}', {"a": None, "b": "\ufffd"}),
    ],
)
def test_what_no_database_keeps_is_read_as_what_one_does(said: bytes, read: Any) -> None:
    assert readable(said) == read


@pytest.mark.parametrize(
    "said", [b"", b"{", b'{"a": "\\ud8', b"[" * 200_000, b'{"a": ' + b"9" * 9_000 + b', "\\ud83d"}']
)
def test_what_is_no_json_is_said_to_be_none(said: bytes) -> None:
    with pytest.raises(Unreadable):
        readable(said)


@pytest.mark.parametrize(
    ("name", "broken"),
    [
        ("telegram", {"update_id": 1, "message": {"message_id": 1}}),
        ("telegram", {"update_id": 1, "callback_query": None}),
        ("telegram", {"update_id": 1, "message_reaction": {"user": {}, "chat": []}}),
        ("max", {"update_type": "message_created", "message": {"recipient": "dialog"}}),
        ("max", {"update_type": "message_callback", "chat_id": 9, "callback": "yes"}),
    ],
)
async def test_an_event_of_a_shape_that_nobody_foresaw_is_kept_and_stops_no_other(
    counters: Counters, name: str, broken: Json
) -> None:
    good = telegram(update_id=2) if name == "telegram" else max_(number=2)
    for _ in range(2):
        await counters.fetches(name, [broken, good])
    assert await counters.said() == ["", "привет"]
    assert await counters.kept() == [(UNKNOWN_CHAT, "unreadable")]


async def test_that_somebody_wrote_is_kept_though_no_table_takes_what_he_wrote(counters: Counters) -> None:
    await counters.is_called("telegram", orjson.dumps(telegram("раз")))
    await counters.is_called("telegram", orjson.dumps(telegram("два", update_id=2, username=[[]])))
    assert await counters.said() == ["раз"]
    with pytest.raises(AttributeError):
        await counters.retry(TRIES - 1)
    await counters.retry(TRIES)
    assert await counters.kept() == [("77", "unreadable")]


async def test_an_event_with_a_name_longer_than_any_is_kept_and_known_again(counters: Counters) -> None:
    for _ in range(2):
        await counters.fetches("max", [max_("длинно", mid="m" * 300)])
    if not await counters.said():
        # PostgreSQL keeps to the lengths of columns, SQLite takes the name.
        await counters.retry(TRIES)
    assert len(await counters.said()) == 1


async def test_what_cannot_be_read_makes_nobody_new_of_who_is_known(counters: Counters) -> None:
    """In MAX a dialog has another number than the person in it."""
    await counters.fetches("max", [max_(number=1), max_(number=2, attachments=["none"])])
    assert await counters.kept() == [("9", "unreadable")]
    assert await counters.db.read(lambda session: session.scalar(sa.select(sa.func.count()).select_from(Customer))) == 1


@pytest.mark.parametrize(
    "address", ["https://[", "https://userapi.com.evil.example/", "http://userapi.com/", "userapi.com", ""]
)
def test_an_address_that_is_none_is_at_nobodys(address: str) -> None:
    assert not is_at(address, ["userapi.com"])
    assert is_at("https://sun1.userapi.com/a.jpg", ["userapi.com"])


def test_a_page_shows_what_can_be_read_of_a_message_that_makes_no_sense() -> None:
    form = {"external_id": "5", "profile": {"external_id": "77"}, "text": "да", "location": {"latitude": "north"}}
    shown = load_incoming(form)
    assert (shown.text, shown.location, shown.unsupported) == ("да", None, "unreadable")
