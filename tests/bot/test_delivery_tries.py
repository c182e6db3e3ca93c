"""How long a message that did not go out is tried again: by the time it waited, which no clock can change."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
import time_machine
from sqlalchemy.orm import Session

from bot.channels.base import Faltered, NotSent, Throttled
from bot.delivery import Courier
from bot.tries import FALTERS_FOR, GIVE_UP
from company.tables import ChannelAccount
from customers import identities
from inbox import conversations, messages, reading
from inbox.content import Fate, Outgoing, Receipt
from inbox.tables import Author, Conversation, Delivery
from storage.files import FileStore
from storage.jobs import Again, Job
from tests.worlds import World


class Carrier:
    """A message of the bot that its channel does not take."""

    def __init__(self, world: World, account: ChannelAccount, folder: Path) -> None:
        self._session = world.session
        identity = identities.recognise(world.session, account, external_id="7", name="Анна")
        chat = conversations.open_for(world.session, account, "7", customer_id=identity.customer_id, locale="ru")
        [self.message] = messages.say(world.session, chat, Outgoing(text="Каталог"), author=Author.BOT)
        courier = Courier(lambda account_id: pytest.fail("nothing is sent here"), FileStore(folder))
        self._effect = courier.handlers["message.deliver"]

    def try_after(self, waited: timedelta, failure: NotSent | Throttled) -> Again | None:
        """What follows from a try that failed, of a message that has waited so long."""
        job = Job(1, "out:1", "message.deliver", {"message_id": self.message.id}, 0, 0, waited)
        errand = self._effect.remember(self._session, job)
        return self._effect.record(self._session, job, errand, failure)

    def would_send(self) -> bool:
        """Whether the next try sends anything."""
        job = Job(1, "out:1", "message.deliver", {"message_id": self.message.id}, 0, 0, timedelta(seconds=15))
        return self._effect.remember(self._session, job) is not None


@pytest.fixture
def carrier(world: World, tmp_path: Path) -> Carrier:
    return Carrier(world, world.account(), tmp_path)


@pytest.mark.parametrize(
    ("waited", "pause"),
    [(0.0, 0.5), (1.2, 0.5), (6.0, 2.0), (90.0, 30.0), (7200.0, 60.0)],
)
def test_pauses_grow_with_the_time_waited_up_to_a_minute(carrier: Carrier, waited: float, pause: float) -> None:
    again = carrier.try_after(timedelta(seconds=waited), NotSent("no connection"))
    assert again == Again(timedelta(seconds=pause))
    assert carrier.message.delivery == Delivery.QUEUED


def test_a_clock_set_a_week_ahead_gives_no_message_up(carrier: Carrier) -> None:
    with time_machine.travel(timedelta(days=7) + carrier.message.created_at, tick=True):
        again = carrier.try_after(timedelta(seconds=3), NotSent("no connection"))
    assert again == Again(timedelta(seconds=1))
    assert carrier.message.delivery == Delivery.QUEUED


def test_what_a_channel_asks_for_is_waited(carrier: Carrier) -> None:
    assert carrier.try_after(timedelta(), Throttled(17.0)) == Again(timedelta(seconds=17))


def test_after_a_day_of_waiting_a_message_fails(carrier: Carrier) -> None:
    assert carrier.try_after(GIVE_UP, NotSent("no connection")) is None
    assert (carrier.message.delivery, carrier.message.error) == (Delivery.FAILED, "no connection")


def test_what_the_channel_fails_to_send_and_does_not_say_why_is_tried_for_minutes(carrier: Carrier) -> None:
    failure = Faltered("Something went wrong")
    assert carrier.try_after(timedelta(), failure) == Again(timedelta(seconds=15)), "by then it would have told"
    assert carrier.try_after(timedelta(minutes=2), failure) == Again(timedelta(seconds=40))
    assert carrier.message.delivery == Delivery.QUEUED
    assert carrier.try_after(FALTERS_FOR, failure) is None
    assert (carrier.message.delivery, carrier.message.error) == (Delivery.FAILED, "Something went wrong")


def test_one_that_went_out_after_all_is_not_sent_again(carrier: Carrier, session: Session) -> None:
    carrier.try_after(timedelta(), Faltered("Something went wrong"))
    message, chat = carrier.message, session.get_one(Conversation, carrier.message.conversation_id)
    key = reading.key_of(message.id, int(message.created_at.timestamp() * 1000))
    reading.told(session, message.account_id, chat.chat, Receipt("wamid.1", Fate.SENT, key))
    assert not carrier.would_send()
    assert message.delivery == Delivery.SENT
