"""How long a message waits for its next try."""

from __future__ import annotations

from pathlib import Path

import pytest
import sqlalchemy as sa
from sqlalchemy.orm import Session

from bot.channels.base import ChannelError, NotSent, Throttled
from bot.delivery import Courier
from customers import identities
from inbox import conversations, messages
from inbox.content import Outgoing
from inbox.tables import Author
from kit.clock import now_ms
from storage.files import FileStore
from storage.jobs import Again, Job
from storage.tables import Job as JobRow
from tests.worlds import World


@pytest.mark.parametrize(
    ("age", "paused", "failure", "pause"),
    [
        (0, 0, NotSent("no connection"), 0.5),
        (120, 0, NotSent("no connection"), 0.5),
        (12, 3, NotSent("no connection"), 4),
        (3600, 57, NotSent("no connection"), 60),
        (30, 30, NotSent("no connection"), 10),
        (120, 0, Throttled(7), 7),
    ],
    ids=["new", "old, and never tried", "tried for a while", "tried for long", "held back before", "as it is told"],
)
def test_who_waited_behind_others_is_tried_again_as_soon_as_who_did_not(
    engine: sa.Engine, tmp_path: Path, age: int, paused: int, failure: ChannelError, pause: float
) -> None:
    courier = Courier(lambda account_id: pytest.fail("nothing is sent here"), FileStore(tmp_path))
    effect = courier.handlers["message.deliver"]
    with Session(engine, expire_on_commit=False) as session:
        world = World(session)
        account = world.account()
        identity = identities.recognise(session, account, external_id="7", name="Анна")
        chat = conversations.open_for(session, account, "7", customer_id=identity.customer_id, locale="ru")
        [message] = messages.say(session, chat, Outgoing(text="Каталог"), author=Author.BOT)
        queued = session.scalars(sa.select(JobRow).where(JobRow.kind == "message.deliver")).one()
        made = now_ms() - age * 1000
        job = Job(queued.id, queued.lane, queued.kind, {"message_id": message.id}, 0, made, paused * 1000)
        errand = effect.remember(session, job)
        again = effect.record(session, job, errand, failure)
    assert isinstance(again, Again)
    assert again.after.total_seconds() == pytest.approx(pause, abs=0.1)
