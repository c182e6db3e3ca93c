"""What a press tells of the message that it was made on."""

from __future__ import annotations

import pytest
import sqlalchemy as sa

from customers import identities
from inbox import conversations, delivered, messages
from inbox.content import Outgoing
from inbox.tables import Author, Conversation, Delivery, Message
from storage.tables import Job
from tests.worlds import World


@pytest.fixture
def conversation(world: World) -> Conversation:
    account = world.account()
    identity = identities.recognise(world.session, account, external_id="7", name="Анна")
    return conversations.open_for(world.session, account, "7", customer_id=identity.customer_id, locale="ru")


def said(world: World, conversation: Conversation, delivery: Delivery, place: str | None = None) -> Message:
    """A message of the bot, as a hub that died may have left it."""
    [message] = messages.say(world.session, conversation, Outgoing(text="Каталог"), author=Author.BOT)
    message.delivery = delivery
    message.external_id = f"7:{place}" if place else None
    world.session.flush()
    return message


@pytest.mark.parametrize("delivery", [Delivery.UNKNOWN, Delivery.SENDING])
def test_a_pressed_message_has_arrived_whatever_we_knew(
    world: World, conversation: Conversation, delivery: Delivery
) -> None:
    message = said(world, conversation, delivery)
    delivered.found_at(world.session, conversation, message, "41")
    assert message.delivery == Delivery.SENT
    assert message.external_id == "7:41"


def test_a_pressed_message_of_unknown_delivery_can_be_edited(world: World, conversation: Conversation) -> None:
    message = said(world, conversation, Delivery.UNKNOWN)
    delivered.found_at(world.session, conversation, message, "41")
    messages.edit(world.session, conversation, message, Outgoing(text="Кружки"))
    edits = world.session.scalars(sa.select(Job.id).where(Job.kind == "message.edit")).all()
    assert len(edits) == 1


def test_of_two_copies_the_pressed_one_is_edited(world: World, conversation: Conversation) -> None:
    message = said(world, conversation, Delivery.SENT, "42")
    delivered.found_at(world.session, conversation, message, "41")
    assert message.external_id == "7:41"


def test_a_press_cannot_claim_the_place_of_another_message(world: World, conversation: Conversation) -> None:
    other = said(world, conversation, Delivery.SENT, "41")
    message = said(world, conversation, Delivery.UNKNOWN)
    delivered.found_at(world.session, conversation, message, "41")
    assert message.external_id is None
    assert message.delivery == Delivery.UNKNOWN
    assert other.external_id == "7:41"
