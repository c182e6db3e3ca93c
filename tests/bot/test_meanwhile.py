"""What a buyer sees while an answer to him takes long: no oftener than allowed, never after it, and nothing waits."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any, cast

import pytest
from sqlalchemy.orm import Session

from bot import meanwhile
from bot.channels.base import Channel, Unconfirmed
from bot.meanwhile import Sign, Signs
from company.tables import ChannelAccount
from inbox import messages
from inbox.channels import READ_MARKS
from inbox.content import Incoming, Outgoing, Profile
from inbox.tables import Author, Conversation, Kind, Message
from tests.inbox.test_typing import talk_on
from tests.worlds import World

SIGN = Sign("7", "", timedelta(seconds=0.2))


class Wire:
    """A service that is asked to show it; `takes` seconds, or it fails."""

    def __init__(self, takes: float = 0.0, *, fails: bool = False) -> None:
        self.began: list[float] = []
        self.ended: list[float] = []
        self._takes, self._fails = takes, fails

    async def typing(self, chat: str, said: str) -> None:
        self.began.append(asyncio.get_running_loop().time())
        if self._fails:
            raise Unconfirmed("no answer")
        await asyncio.sleep(self._takes)
        self.ended.append(asyncio.get_running_loop().time())


@pytest.fixture(autouse=True)
def _soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(meanwhile, "SLOW", 0.05)


async def during(wire: Wire, seconds: float, *, signs: Signs | None = None) -> float:
    """The moment at which the answer goes out."""
    async with (signs or Signs()).during(cast(Channel, wire), 1, SIGN):
        await asyncio.sleep(seconds)
    return asyncio.get_running_loop().time()


async def test_what_is_quick_shows_nothing_and_what_is_slow_again_and_again() -> None:
    wire = Wire()
    await during(wire, 0.01)
    assert wire.began == []
    await during(wire, 0.5)
    assert len(wire.began) == 3
    assert all(later - earlier >= 0.19 for earlier, later in zip(wire.began, wire.began[1:], strict=False))


async def test_two_answers_to_one_buyer_show_it_no_oftener_than_one_and_after_one_came_at_once() -> None:
    wire, signs = Wire(), Signs()
    signs.told(1, "7")
    await during(wire, 0.1, signs=signs)
    assert wire.began == [], "somebody of the staff was shown a moment ago"
    signs.ended(1, "7")
    await during(wire, 0.1, signs=signs)
    assert len(wire.began) == 1


async def test_the_answer_waits_for_a_call_that_is_under_way_and_not_for_long(monkeypatch: pytest.MonkeyPatch) -> None:
    quick = Wire(takes=0.1)
    out = await during(quick, 0.08)
    assert quick.ended
    assert quick.ended[0] <= out
    monkeypatch.setattr(meanwhile, "LAST_CALL", 0.2)
    stuck = Wire(takes=60)
    began = asyncio.get_running_loop().time()
    assert await during(stuck, 0.1) - began < 1
    assert stuck.ended == []
    assert len(asyncio.all_tasks()) == 1, "nothing is left behind"


async def test_what_cannot_be_shown_or_cannot_be_sent_changes_nothing() -> None:
    await during(Wire(fails=True), 0.3)
    with pytest.raises(Unconfirmed, match="the line broke"):
        async with Signs().during(cast(Channel, Wire()), 1, SIGN):
            raise Unconfirmed("the line broke")
    async with Signs().during(cast(Channel, Wire()), 1, None):
        pass


def said(session: Session, talk: Conversation, author: Author, **staff: Any) -> Message:
    [message] = messages.say(session, talk, Outgoing(text="Вот"), author=author, **staff)
    return message


def test_it_is_shown_where_the_card_has_it_and_marks_nothing_as_read_for_a_program(
    session: Session, world: World
) -> None:
    telegram, whatsapp, letters = (talk_on(world, channel) for channel in ("telegram", "whatsapp", "email"))
    for talk in (telegram, whatsapp, letters):
        messages.receive(session, talk, Incoming("5", Profile("7"), text="Здравствуйте"))
    whatsapp.heard_at = whatsapp.last_at
    bot, person = said(session, telegram, Author.BOT), said(session, whatsapp, Author.STAFF, staff_id=world.owner.id)
    assert meanwhile.sign_for(session, telegram, bot) == Sign("7", "", timedelta(seconds=3))
    assert meanwhile.sign_for(session, letters, said(session, letters, Author.BOT)) is None
    assert meanwhile.sign_for(session, whatsapp, said(session, whatsapp, Author.BOT)) is None, "nobody has read it"
    assert meanwhile.sign_for(session, whatsapp, person) == Sign("7", "5", timedelta(seconds=20))
    account = session.get_one(ChannelAccount, whatsapp.account_id)
    account.settings = {**account.settings, READ_MARKS: False}
    assert meanwhile.sign_for(session, whatsapp, person) is None, "the shop shows no such marks"
    telegram.kind = Kind.STAFF
    assert meanwhile.sign_for(session, telegram, bot) is None
