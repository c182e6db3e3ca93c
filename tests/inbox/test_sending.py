"""A mailing's messages wait for moments of their own, and for none that a wrong clock has promised."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
import sqlalchemy as sa
import time_machine

from company.tables import ChannelAccount
from customers import identities
from inbox import conversations, messages, sending
from inbox.content import Outgoing
from inbox.tables import Author, Conversation
from storage import lanes
from storage.jobs import AT_ONCE
from storage.tables import Job
from tests.worlds import World

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


@pytest.fixture
def conversation(world: World) -> Conversation:
    account = world.account()
    identity = identities.recognise(world.session, account, external_id="7", name="Анна")
    return conversations.open_for(world.session, account, "7", customer_id=identity.customer_id, locale="ru")


def mailed(world: World, conversation: Conversation, times: int) -> list[Job]:
    """The jobs of so many messages of a mailing, as they stand now."""
    for _ in range(times):
        messages.say(world.session, conversation, Outgoing(text="Новая коллекция"), author=Author.BOT, mail=True)
    return list(world.session.scalars(sa.select(Job).where(Job.kind == "message.mail").order_by(Job.id)))


def test_each_waits_a_gap_longer_than_the_one_before(world: World, conversation: Conversation) -> None:
    gap = 1000 / sending.per_second(world.session.get_one(ChannelAccount, conversation.account_id))
    with time_machine.travel(NOON, tick=False):
        found = mailed(world, conversation, 5)
    assert found[0].run_at == NOON.timestamp() * 1000
    assert all(gap - 1 <= later.run_at - earlier.run_at <= gap + 1 for earlier, later in pairwise(found))
    assert len({job.lane for job in found}) == 5


def test_after_the_clock_was_set_back_they_are_due_and_new_ones_begin_now(
    world: World, conversation: Conversation
) -> None:
    with time_machine.travel(NOON, tick=False):
        mailed(world, conversation, 3)
    earlier = NOON - timedelta(days=1)
    with time_machine.travel(earlier, tick=False):
        assert lanes.dated_ahead(world.session) == (True, False)
        lanes.hasten(world.session)
        world.session.expire_all()
        found = mailed(world, conversation, 1)
    assert [job.run_at for job in found] == [AT_ONCE] * 3 + [earlier.timestamp() * 1000]
    assert not lanes.dated_ahead(world.session)[0]
