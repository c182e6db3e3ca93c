"""The picture of a buyer: looked for when somebody looks at him, kept only if it is one, and from nowhere strange."""

from __future__ import annotations

import io
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import cast

import orjson
import pytest
import sqlalchemy as sa
from PIL import Image
from sqlalchemy.orm import Session

from bot.channels.base import Channel, Unconfirmed
from bot.channels.max_calls import Calls
from bot.portraits import Portraits
from customers import portraits
from customers.tables import Portrait
from inbox import conversations, messages
from inbox.content import Incoming, Media, Profile
from inbox.portraits import LOOK
from inbox.tables import Conversation, Kind
from kit.clock import utc_now
from storage.files import FileStore
from storage.jobs import Job
from storage.tables import Job as JobRow
from storage.tables import StoredFile
from tests.inbox.test_typing import talk_on
from tests.worlds import World


def picture() -> bytes:
    drawn = io.BytesIO()
    Image.new("RGB", (300, 300), "teal").save(drawn, "PNG")
    return drawn.getvalue()


class Gallery:
    """A channel on which a person shows this, or nothing."""

    def __init__(self, content: bytes = b"", *, fails: bool = False) -> None:
        self._content, self._fails = content, fails

    async def portrait(self, chat: str, person: str) -> str:
        if self._fails:
            raise Unconfirmed("no answer")
        return "it" if self._content else ""

    async def fetch(self, media: Media) -> AsyncIterator[bytes]:
        assert media.remote == "it"
        yield self._content


@pytest.fixture
def talk(world: World) -> Conversation:
    return talk_on(world, "telegram")


def looked_at(session: Session, world: World, talk: Conversation, said: str = "5") -> list[Job]:
    """The jobs that there are after somebody opened the conversation."""
    messages.receive(session, talk, Incoming(said, Profile("7"), text="Здравствуйте"))
    conversations.mark_read(session, talk, by=world.operator)
    rows = session.scalars(sa.select(JobRow).where(JobRow.kind == LOOK).order_by(JobRow.id))
    return [Job(row.id, row.lane, row.kind, orjson.loads(row.payload), 0, row.created_at) for row in rows]


async def does(session: Session, job: Job, gallery: Gallery, folder: Path) -> None:
    effect = Portraits(lambda account_id: cast(Channel, gallery), FileStore(folder)).handlers[LOOK]
    memo = effect.remember(session, job)
    effect.record(session, job, memo, await effect.call(memo))


def shown(session: Session, talk: Conversation) -> StoredFile | None:
    assert talk.customer_id is not None
    found = portraits.of(session, [talk.customer_id]).get(talk.customer_id)
    return session.get_one(StoredFile, found) if found is not None else None


async def test_it_is_asked_for_once_a_month_by_who_looks(
    session: Session, world: World, talk: Conversation, tmp_path: Path
) -> None:
    [job] = looked_at(session, world, talk)
    assert (job.payload["person"], job.payload["chat"]) == ("7", "7")
    assert len(looked_at(session, world, talk, "6")) == 1, "the job is there already"
    await does(session, job, Gallery(picture()), tmp_path)
    found = shown(session, talk)
    assert found is not None
    assert (found.mime, found.shop_id, found.public) == ("image/png", talk.shop_id, False)
    session.execute(sa.delete(JobRow))
    assert looked_at(session, world, talk, "7") == []
    session.scalars(sa.select(Portrait)).one().at = utc_now() - portraits.GOOD_FOR - timedelta(minutes=1)
    [again] = looked_at(session, world, talk, "8")
    await does(session, again, Gallery(), tmp_path)
    assert shown(session, talk) is None, "he shows none any more"


@pytest.mark.parametrize("content", [b"<svg xmlns='http://www.w3.org/2000/svg'/>", b"%PDF-1.4", b"BM" + bytes(60)])
async def test_what_is_no_picture_of_ours_is_not_kept(
    session: Session, world: World, talk: Conversation, tmp_path: Path, content: bytes
) -> None:
    [job] = looked_at(session, world, talk)
    await does(session, job, Gallery(content), tmp_path)
    assert shown(session, talk) is None
    assert session.scalars(sa.select(StoredFile)).all() == []
    assert session.scalars(sa.select(Portrait)).one().file_id is None


async def test_what_fails_or_is_too_large_leaves_what_was_there(
    session: Session, world: World, talk: Conversation, tmp_path: Path
) -> None:
    [job] = looked_at(session, world, talk)
    await does(session, job, Gallery(picture()), tmp_path)
    before = shown(session, talk)
    await does(session, job, Gallery(fails=True), tmp_path)
    await does(session, job, Gallery(bytes(5_000_001)), tmp_path)
    assert shown(session, talk) is before


def test_where_nobody_shows_himself_nobody_is_asked(session: Session, world: World, talk: Conversation) -> None:
    for channel in ("whatsapp", "email", "webchat"):
        assert looked_at(session, world, talk_on(world, channel)) == []
    talk.kind = Kind.STAFF
    assert looked_at(session, world, talk) == []


@pytest.mark.parametrize(
    ("address", "is_theirs"),
    [
        ("https://i.oneme.ru/i?r=abc", True),
        ("https://max.ru/a.jpg", True),
        ("https://oneme.ru.example/a", False),
        ("http://i.oneme.ru/a", False),
        ("https://127.0.0.1/a", False),
        ("", False),
    ],
)
def test_a_picture_in_max_is_fetched_from_max_alone(address: str, is_theirs: bool) -> None:
    assert Calls("token").is_maxs(address) is is_theirs
