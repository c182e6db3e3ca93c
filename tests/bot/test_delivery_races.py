"""A press that comes while the delivery of its message is being recorded: the answer must not fall between the two."""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import sqlalchemy as sa
from sqlalchemy.orm import Session

from bot import incoming
from bot.delivery import Courier
from customers import identities
from inbox import conversations, messages
from inbox.content import Incoming, Outgoing, Press, Profile
from inbox.tables import Author, Conversation, Delivery, Message
from storage.files import FileStore
from storage.jobs import Job
from storage.tables import Job as JobRow
from tests.worlds import World

Act = Callable[[Session], None]


class Scene:
    """A message that is on its way: Telegram has it, and the buyer presses its button."""

    def __init__(self, engine: sa.Engine, folder: Path, place: str) -> None:
        self.engine, self.place = engine, place
        self._courier = Courier(lambda account_id: pytest.fail("nothing is sent here"), FileStore(folder))
        with Session(engine, expire_on_commit=False) as session:
            world = World(session)
            account = world.account()
            identity = identities.recognise(session, account, external_id="7", name="Анна")
            chat = conversations.open_for(session, account, "7", customer_id=identity.customer_id, locale="ru")
            [message] = messages.say(session, chat, Outgoing(text="Каталог"), author=Author.BOT)
            queued = session.scalars(sa.select(JobRow).where(JobRow.kind == "message.deliver")).one()
            self._job = Job(queued.id, queued.lane, queued.kind, {"message_id": message.id}, 0, queued.created_at)
            self._effect = self._courier.handlers["message.deliver"]
            self._errand = self._effect.remember(session, self._job)
            session.commit()
            assert message.delivery == Delivery.SENDING
            self.chat_id, self.message_id = chat.id, message.id

    def record(self, session: Session) -> None:
        self._effect.record(session, self._job, self._errand, "41")
        session.flush()

    def press(self, session: Session) -> None:
        chat = session.get_one(Conversation, self.chat_id)
        press = Press(message_id=self.message_id, index=0, version=1, place=self.place)
        said = Incoming(external_id="press-1", profile=Profile("7"), press=press)
        message = incoming._pressed(session, chat, said)
        assert message is not None
        messages.edit(session, chat, message, Outgoing(text="Кружки"))
        session.flush()

    def meet(self, first: Act, second: Act) -> None:
        """`first` is done and not committed when `second` begins."""
        with ThreadPoolExecutor(1) as other, Session(self.engine, expire_on_commit=False) as session:
            first(session)
            waiting = other.submit(self._alone, second)
            time.sleep(0.3)
            session.commit()
            waiting.result(timeout=10)

    def _alone(self, act: Act) -> None:
        with Session(self.engine, expire_on_commit=False) as session:
            act(session)
            session.commit()

    def outcome(self) -> tuple[Delivery, int]:
        """How the message stands, and how many edits are on their way."""
        with Session(self.engine) as session:
            edits = session.scalars(sa.select(JobRow.id).where(JobRow.kind == "message.edit")).all()
            return session.get_one(Message, self.message_id).delivery, len(edits)


@pytest.fixture(params=["41", ""], ids=["placed", "not placed"])
def scene(engine: sa.Engine, tmp_path: Path, request: pytest.FixtureRequest) -> Scene:
    """On a channel that tells which message was pressed, and on one that does not."""
    return Scene(engine, tmp_path, request.param)


def test_a_press_during_the_recording_still_changes_the_message(scene: Scene) -> None:
    scene.meet(scene.record, scene.press)
    assert scene.outcome() == (Delivery.SENT, 1)


def test_a_recording_during_the_press_still_changes_the_message(scene: Scene) -> None:
    scene.meet(scene.press, scene.record)
    delivery, edits = scene.outcome()
    assert delivery == Delivery.SENT
    assert edits >= 1
