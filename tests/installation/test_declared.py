"""What config.toml says of channels and accounts holds at each start, and nothing that it does not say is touched."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import orjson
import pytest
import sqlalchemy as sa

from company import accounts
from company.tables import ChannelAccount
from kit.config import Config
from kit.secrets import SecretBox
from payments.tables import PaymentAccount
from prilavok import installation

KEY = "0123456789abcdef0123456789abcdef-a key of tests"
BOT: dict[str, Any] = {"token": "77001:of-nobody"}
SITE: dict[str, Any] = {"site": "my-shop-2026"}
TILL: dict[str, Any] = {"shop_id": "54401", "secret_key": "key of nobody"}


class House:
    """An installation that is started again and again with another file."""

    def __init__(self, folder: Path) -> None:
        self.url = f"sqlite:///{folder}/shop.db"
        self.box = SecretBox(KEY)

    def start(self, **sections: list[dict[str, Any]]) -> None:
        installation.prepare(Config.model_validate({"secret_key": KEY, "database": self.url, **sections}))

    def channel(self, **changes: Any) -> ChannelAccount:
        """The only channel, after what the console changed."""
        row: ChannelAccount = installation.within(
            self.url, lambda session: self._only(session, ChannelAccount, changes)
        )
        return row

    def till(self, **changes: Any) -> PaymentAccount:
        where = PaymentAccount.provider == "yookassa"
        row: PaymentAccount = installation.within(
            self.url, lambda session: self._only(session, PaymentAccount, changes, where)
        )
        return row

    def _only(self, session: Any, table: Any, changes: dict[str, Any], *where: Any) -> Any:
        row = session.scalars(sa.select(table).where(*where)).one()
        for name in changes.keys() & {"name", "secret", "active"}:
            setattr(row, name, changes.pop(name))
        row.settings = {**row.settings, **changes}
        session.flush()
        return row

    def opened(self) -> dict[str, str]:
        opened: dict[str, str] = orjson.loads(self.box.open(self.channel().secret or ""))
        return opened


@pytest.fixture
def house(tmp_path: Path) -> House:
    return House(tmp_path)


def test_what_the_file_says_of_a_bot_comes_back_and_the_rest_is_the_consoles(house: House) -> None:
    house.start(telegram=[BOT | {"name": "Бот", "per_second": 5}])
    made = house.channel()
    assert (made.name, made.settings["receive"], made.settings["per_second"]) == ("Бот", "polling", 5)
    assert accounts.by_file(made.settings) == {"token", "name", "per_second"}
    secret = house.box.seal(orjson.dumps({"token": "77001:old", "webhook_secret": "made by the console"}).decode())
    house.channel(name="Другой", receive="webhook", username="clay_bot", per_second=1, secret=secret, active=False)
    house.start(telegram=[BOT | {"name": "Бот", "per_second": 5}])
    kept = house.channel()
    assert (kept.name, kept.active) == ("Бот", False)
    assert {name: kept.settings[name] for name in ("receive", "username", "per_second")} == {
        "receive": "webhook",
        "username": "clay_bot",
        "per_second": 5,
    }
    assert house.opened() == {"token": "77001:of-nobody", "webhook_secret": "made by the console"}


def test_a_name_and_sites_that_the_file_leaves_out_stay_as_the_console_has_them(house: House) -> None:
    house.start(webchat=[SITE])
    house.channel(name="Сайт мастерской", origins=["https://clay.example"])
    house.start(webchat=[SITE])
    kept = house.channel()
    assert (kept.name, kept.settings["origins"]) == ("Сайт мастерской", ["https://clay.example"])
    house.start(webchat=[SITE | {"origins": ["https://other.example"]}])
    assert house.channel().settings["origins"] == ["https://other.example"]


def test_what_leaves_the_file_stays_and_is_the_consoles(house: House) -> None:
    house.start(telegram=[BOT | {"name": "Бот"}], yookassa=[TILL])
    house.start()
    bot, till = house.channel(), house.till()
    assert bot.name == "Бот"
    assert not accounts.by_file(bot.settings) | accounts.by_file(till.settings)
    assert house.opened() == BOT


def test_an_account_of_yookassa_keeps_what_the_console_set_up(house: House) -> None:
    house.start(yookassa=[TILL | {"test": True}])
    house.till(name="Касса", send_receipts=False)
    house.start(yookassa=[TILL | {"secret_key": "another key", "test": True}])
    kept = house.till()
    assert (kept.name, kept.test, kept.settings["send_receipts"]) == ("Касса", True, False)
    assert house.box.open(kept.secret or "") == "another key"
    assert accounts.by_file(kept.settings) == {"shop_id", "secret_key", "test"}


def test_a_changed_secret_key_of_the_installation_does_not_stop_a_start(house: House) -> None:
    house.start(telegram=[BOT])
    house.channel(secret=SecretBox("fedcba9876543210fedcba9876543210-another").seal("{}"))
    house.start(telegram=[BOT])
    assert house.opened() == BOT
