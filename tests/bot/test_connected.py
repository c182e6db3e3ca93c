"""Accounts are opened, changed and closed under a running process."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta

import orjson
import pytest
import pytest_asyncio
from sqlalchemy.orm import Session

from bot import connected
from bot.channels.base import Broken, Connection, NotOpen, NotSent
from bot.channels.telegram_receive import TelegramReceiver
from bot.channels.webchat.answers import Answer, Answers
from bot.connected import Connected
from company import accounts
from company.tables import ChannelAccount, Shop
from kit.clock import utc_now
from kit.secrets import SecretBox
from storage.database import Database

BOX = SecretBox("a key of thirty-two characters or more")


@pytest_asyncio.fixture
async def db(database_url: str) -> AsyncIterator[Database]:
    database = Database(database_url)
    await database.start()
    yield database
    await database.close()


async def _accept(account_id: int, envelopes: object) -> int:
    return 0


async def _report(account_id: int, health: str, words: str) -> None:
    return


def link(account: ChannelAccount) -> Connection:
    return Connection(
        account.id, account.external_id, accounts.secret_of(BOX, account), account.settings, "", _accept, _report
    )


def opened(db: Database, *, sends: bool = True, receives: bool = True) -> Connected:
    return Connected(db, link, sends=sends, receives=receives)


def add(session: Session, token: str = "77:abc") -> int:
    shop = session.get(Shop, 1)
    if shop is None:
        shop = Shop(id=1, name="Глина и лён", currency="RUB", locale="ru", timezone="UTC", created_at=utc_now())
        session.add(shop)
        session.flush()
    secret = orjson.dumps({"token": token, "webhook_secret": "s" * 20}).decode()
    settings = {"receive": "webhook"}
    account = accounts.add_channel(
        session, BOX, shop, channel="telegram", name="Бот", external_id="77", secret=secret, settings=settings
    )
    return account.id


def seal_again(session: Session, account_id: int, token: str) -> None:
    account = session.get_one(ChannelAccount, account_id)
    account.secret = BOX.seal(orjson.dumps({"token": token, "webhook_secret": "s" * 20}).decode())


def switch(session: Session, account_id: int, on: bool) -> None:
    accounts.switch(session, accounts.get(session, account_id), on=on)


async def test_what_is_connected_changed_and_switched_off_is_noticed_without_a_restart(db: Database) -> None:
    ours = opened(db)
    await ours.refresh()
    account_id = await db.write(add)
    with pytest.raises(NotOpen) as too_early:
        ours.channel(account_id)
    assert isinstance(too_early.value, NotSent), "a message waits, it does not fail"
    await ours.refresh()
    first, receiver = ours.channel(account_id), ours.receiver(account_id)
    assert isinstance(receiver, TelegramReceiver)
    assert receiver.webhook_secret == "s" * 20

    await db.write(seal_again, account_id, "77:abc")
    await ours.refresh()
    assert ours.channel(account_id) is first, "the same token in another seal is no change"
    await db.write(seal_again, account_id, "77:new")
    await ours.refresh()
    assert ours.channel(account_id) is not first
    assert ours.receiver(account_id) is not receiver

    await db.write(switch, account_id, False)
    await ours.refresh()
    assert ours.receiver(account_id) is None
    with pytest.raises(Broken) as closed:
        ours.channel(account_id)
    assert not isinstance(closed.value, NotSent)
    await db.write(switch, account_id, True)
    await ours.refresh()
    assert ours.receiver(account_id) is not None
    await ours.close()


async def test_a_token_that_cannot_be_opened_closes_that_account_alone_and_says_so(db: Database) -> None:
    ours = opened(db)
    account_id = await db.write(add)

    def spoil(session: Session) -> None:
        session.get_one(ChannelAccount, account_id).secret = "nonsense"

    await db.write(spoil)
    await ours.refresh()
    with pytest.raises(Broken):
        ours.channel(account_id)
    found = await db.read(accounts.get, account_id)
    assert (found.health, found.health_text) == ("broken", "could not be opened")
    await ours.close()


async def test_a_process_that_only_receives_lets_the_others_open_an_account_first(
    db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    ours = opened(db, sends=False)
    account_id = await db.write(add)
    await ours.refresh()
    assert ours.receiver(account_id) is None
    monkeypatch.setattr(connected, "SETTLED_AFTER", timedelta(0))
    await ours.refresh()
    assert ours.receiver(account_id) is not None


async def test_an_answer_whose_request_is_in_another_process_is_passed_on() -> None:
    here, there = Answers(), Answers()
    here.elsewhere = there.heard
    with there.expect("chat:key") as place:
        here.give("chat:key", Answer("Положили в корзину", True))
        assert place.result() == Answer("Положили в корзину", True)
    passed_on: list[str] = []
    here.elsewhere = lambda ack, text, alert: passed_on.append(ack)
    with here.expect("chat:own") as place:
        here.give("chat:own", Answer())
        assert place.done()
    assert passed_on == []
