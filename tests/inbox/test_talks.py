"""Which of a customer's conversations is the one with this or that person whom he is on a channel."""

from __future__ import annotations

from sqlalchemy.orm import Session

from customers import identities
from inbox import conversations, listing
from tests.worlds import World


def talk(world: World, customer_id: int, chat: str, channel: str = "telegram", bot: str = "bot") -> tuple[int, int]:
    """The ids of the account and of the conversation."""
    account = world.account(channel, bot)
    return account.id, conversations.open_for(world.session, account, chat, customer_id=customer_id, locale="ru").id


def test_a_persons_own_chat_is_his_and_any_other_when_it_is_the_only_one(world: World, session: Session) -> None:
    account = world.account(external_id="bot")
    anna = identities.recognise(session, account, external_id="501", name="Анна").customer_id
    own = conversations.open_for(session, account, "501", customer_id=anna, locale="ru").id
    twin = conversations.open_for(session, account, "502", customer_id=anna, locale="ru").id
    site, guest = talk(world, anna, "visitor-7", "webchat", "site")
    nowhere, _other = talk(world, identities.recognise(session, account, external_id="9").customer_id, "x", "vk", "vk")
    talks = listing.talks_of(session, world.shop.id, anna)
    assert {one.id for one in talks} == {own, twin, guest}
    assert listing.talk_with(talks, account.id, "501") == own
    assert listing.talk_with(talks, account.id, "502") == twin
    assert listing.talk_with(talks, account.id, "503") is None
    assert listing.talk_with(talks, site, "somebody") == guest
    assert listing.talk_with(talks, nowhere, "9") is None
