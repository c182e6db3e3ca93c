"""Send and restart: a process that dies on either side of a send, exactly there."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
import sqlalchemy as sa
from sqlalchemy.orm import Session

from inbox import messages
from inbox.content import Outgoing
from inbox.tables import Author, Conversation, Delivery, Message
from tests.faults.house import House, Town, furnish
from tests.faults.outside import Clock, Died, Outcome

BUYER = "1"


class Scene:
    """A buyer's phone, and a hub that can be made to die."""

    def __init__(self, town: Town, house: House) -> None:
        self.town, self.house = town, house

    async def say(self, *, repeatable: bool) -> int:
        def act(session: Session) -> int:
            chat = session.scalars(sa.select(Conversation).where(Conversation.chat == BUYER)).one()
            said = Outgoing(text="Сейчас посмотрю")
            return messages.say(session, chat, said, author=Author.STAFF, repeatable=repeatable)[0].id

        return await self.house.db.write(act)

    async def work(self, *outcomes: Outcome) -> bool:
        """Work every lane that was rung; False if the process died of it."""
        self.town.gate.planned = list(outcomes)
        for lane in sorted(self.house.worker.rung):
            self.house.worker.begin(lane)
        alive = True
        for end in await asyncio.gather(*self.house.worker.running, return_exceptions=True):
            if isinstance(end, Died):
                alive = False
            elif end is not None:
                raise end
        return alive

    async def restart(self) -> None:
        await self.house.die()
        self.house = await self.town.house()
        await self.house.worker.sweep()

    async def retry(self, *outcomes: Outcome) -> None:
        """A while later."""
        self.town.clock.now += 5
        await self.house.worker.sweep()
        await self.work(*outcomes)

    async def delivery(self, message_id: int) -> Delivery:
        return await self.house.db.read(lambda session: session.get_one(Message, message_id).delivery)

    @property
    def arrived(self) -> int:
        return len(self.town.messenger.phones[BUYER])


@pytest_asyncio.fixture
async def scene(session: Session, database_url: str, tmp_path: Path) -> AsyncIterator[Scene]:
    furnish(session)
    session.commit()
    clock = Clock()
    with clock.instead_of_the_systems():
        town = Town.begin(database_url, tmp_path, clock)
        scene = Scene(town, await town.house())
        yield scene
        await scene.house.die()
        town.reader.dispose()


@pytest.mark.parametrize("death", [Outcome.DEATH_BEFORE, Outcome.DEATH_AFTER])
async def test_own_words_are_not_sent_again_by_themselves(scene: Scene, death: Outcome) -> None:
    """Nobody knows whether they arrived, so a person decides."""
    message_id = await scene.say(repeatable=False)
    assert not await scene.work(death)
    assert await scene.delivery(message_id) == Delivery.SENDING
    await scene.restart()
    assert await scene.work()
    assert await scene.delivery(message_id) == Delivery.UNKNOWN
    assert scene.arrived == (death is Outcome.DEATH_AFTER)


@pytest.mark.parametrize("death", [Outcome.DEATH_BEFORE, Outcome.DEATH_AFTER])
async def test_what_carries_its_number_is_sent_once_more(scene: Scene, death: Outcome) -> None:
    message_id = await scene.say(repeatable=True)
    assert not await scene.work(death)
    await scene.restart()
    assert await scene.work()
    assert await scene.delivery(message_id) == Delivery.SENT
    assert scene.arrived == 1 + (death is Outcome.DEATH_AFTER)


async def test_and_not_more_often(scene: Scene) -> None:
    message_id = await scene.say(repeatable=True)
    for _ in range(3):
        await scene.work(Outcome.DEATH_AFTER)
        await scene.restart()
    await scene.work()
    assert await scene.delivery(message_id) == Delivery.UNKNOWN
    assert scene.arrived == 2


async def test_an_answer_that_is_lost_each_time_is_no_third_copy(scene: Scene) -> None:
    message_id = await scene.say(repeatable=True)
    assert await scene.work(Outcome.LOST_AFTER)
    for _ in range(3):
        await scene.retry(Outcome.LOST_AFTER)
    assert await scene.delivery(message_id) == Delivery.UNKNOWN
    assert scene.arrived == 2


async def test_one_who_comes_back_from_the_dead_says_nothing_over_his_successor(scene: Scene) -> None:
    """The send hangs, the lease ends, another worker takes over; then the answer comes."""
    message_id = await scene.say(repeatable=False)
    old = scene.house
    scene.town.gate.planned = [Outcome.HELD_AFTER]
    for lane in sorted(old.worker.rung):
        old.worker.begin(lane)
    async with asyncio.timeout(20):
        await scene.town.gate.blocked.wait()
    scene.town.clock.now += 60
    scene.house = await scene.town.house()
    await scene.house.worker.sweep()
    await scene.work()
    assert await scene.delivery(message_id) == Delivery.UNKNOWN
    scene.town.gate.let_go()
    await asyncio.gather(*old.worker.running)
    assert await scene.delivery(message_id) == Delivery.UNKNOWN
    await old.die()
