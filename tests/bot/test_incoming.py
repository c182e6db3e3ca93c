"""What comes in is handled in the order in which it came, also when something was left lying."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from pathlib import Path
from typing import Any, cast

import pytest_asyncio
import sqlalchemy as sa
from sqlalchemy.orm import Session

from bot.channels.base import Channel, Envelope, Parcel
from bot.delivery import Courier
from bot.incoming import Intake
from company.texts import Texts
from inbox.content import Incoming, Profile
from inbox.tables import Author, Conversation, Message
from storage.database import Database
from storage.files import FileStore
from storage.worker import Worker
from tests.bot.chats import Counter
from tests.worlds import World


class Plain:
    """A channel whose events say a text each."""

    def parse(self, raw: Mapping[str, Any]) -> Sequence[Incoming]:
        gleb = Profile("gleb", name="Глеб")
        return [Incoming(external_id=raw["text"], profile=gleb, text=raw["text"], context=raw.get("context", {}))]

    async def send(self, parcel: Parcel) -> str:
        return str(parcel.message_id)


class Shop:
    def __init__(self, db: Database, account_id: int, files: FileStore) -> None:
        self.db, self.account_id, self._files = db, account_id, files
        self.intake = Intake(db, self._channel, Texts(), "https://counter.example")

    def opens(self) -> None:
        """What comes in is handled from here on; before, it is only stored."""
        courier = Courier(self._channel, self._files)
        self.intake.go_on_with(Worker(self.db, {**self.intake.handlers, **courier.handlers}))

    def _channel(self, account_id: int) -> Channel:
        return cast(Channel, Plain())

    async def hears(self, *texts: str) -> None:
        envelopes = [Envelope(external_id=text, chat="gleb", raw={"text": text}) for text in texts]
        await self.intake.accept(self.account_id, envelopes)

    async def hears_with(self, text: str, **context: str) -> None:
        raw = {"text": text, "context": context}
        await self.intake.accept(self.account_id, [Envelope(external_id=text, chat="gleb", raw=raw)])

    async def has_learned(self) -> dict[str, str]:
        """Of the conversation."""

        def look(session: Session) -> dict[str, str]:
            return session.scalars(sa.select(Conversation)).one().context

        return await self.db.read(look)

    async def knows(self) -> list[str]:
        def look(session: Session) -> list[str]:
            said = sa.select(Message.text).where(Message.author == Author.BUYER).order_by(Message.id)
            return list(session.scalars(said))

        return await self.db.read(look)


@pytest_asyncio.fixture
async def shop(engine: sa.Engine, database_url: str, tmp_path: Path) -> AsyncIterator[Shop]:
    with Session(engine) as session, session.begin():
        account_id = Counter(World(session)).account.id
    db = Database(database_url)
    await db.start()
    yield Shop(db, account_id, FileStore(tmp_path / "files"))
    await db.close()


async def test_what_was_left_lying_is_not_overtaken(shop: Shop) -> None:
    await shop.hears("первое", "второе")
    assert await shop.knows() == []
    shop.opens()
    await shop.hears("третье", "четвёртое")
    assert await shop.knows() == ["первое", "второе", "третье", "четвёртое"]


async def test_what_comes_twice_is_known_once(shop: Shop) -> None:
    shop.opens()
    await shop.hears("первое", "первое")
    await shop.hears("первое", "второе")
    assert await shop.knows() == ["первое", "второе"]


async def test_what_is_learned_of_a_talk_stays_until_it_is_so_no_more(shop: Shop) -> None:
    shop.opens()
    await shop.hears_with("раз", lacks="goods", page="https://shop.example/mugs")
    await shop.hears("два")
    assert await shop.has_learned() == {"lacks": "goods", "page": "https://shop.example/mugs"}
    await shop.hears_with("три", lacks="")
    assert await shop.has_learned() == {"page": "https://shop.example/mugs"}
