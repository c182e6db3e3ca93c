"""Channel accounts: secrets sealed at rest, one listener for a bot."""

from __future__ import annotations

import pytest
from sqlalchemy.orm import Session

from company import accounts
from company.tables import ChannelAccount
from kit.secrets import SecretBox, WrongKey
from tests.worlds import World

BOX = SecretBox("a key of the tests, thirty-two characters")
TOKEN = "42:token-of-the-tests"


def connect(world: World, external_id: str = "clay_linen_bot") -> ChannelAccount:
    return accounts.add_channel(
        world.session, BOX, world.shop, channel="telegram", name="Глина", external_id=external_id, secret=TOKEN
    )


def test_a_token_is_sealed_in_the_table_and_opens_with_the_key(world: World) -> None:
    account = connect(world)
    assert account.secret is not None
    assert TOKEN not in account.secret
    assert accounts.secret_of(BOX, account) == TOKEN
    with pytest.raises(WrongKey):
        accounts.secret_of(SecretBox("another key of thirty-two characters"), account)


def test_a_bot_is_connected_once(world: World) -> None:
    first = connect(world)
    with pytest.raises(accounts.ChannelTaken) as refused:
        connect(world)
    assert refused.value.account_id == first.id


def test_a_bot_that_was_switched_off_may_be_connected_anew_and_then_not_switched_on(world: World) -> None:
    first = connect(world)
    accounts.switch(world.session, first, on=False)
    second = connect(world)
    assert accounts.channels(world.session, "telegram") == [second]
    with pytest.raises(accounts.ChannelTaken):
        accounts.switch(world.session, first, on=True)
    assert accounts.of_shop(world.session, world.shop.id) == [first, second]


def test_health_is_kept_for_the_settings_page(world: World, session: Session) -> None:
    account = connect(world)
    accounts.report_health(session, account.id, "broken", "chat not found " * 40)
    session.refresh(account)
    assert account.health == "broken"
    assert len(account.health_text) == 300
    assert account.health_at is not None


def test_a_site_is_found_by_its_key(world: World, session: Session) -> None:
    site = world.account("webchat", "site-key")
    assert accounts.by_external_id(session, "webchat", "site-key") is site
    assert accounts.by_external_id(session, "telegram", "site-key") is None
    assert accounts.by_external_id(session, "webchat", "") is None
    with pytest.raises(accounts.NoSuchChannel):
        accounts.get(session, site.id + 1)
