"""The configuration: every mistake is named, no secret is repeated, and the example is the truth."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Any

import pytest

from kit import config
from kit.config import BadConfig, Config, parse

KEY = "0123456789abcdef" * 4
EXAMPLE = Path(__file__).parents[2] / "config.example.toml"


def refused(raw: dict[str, Any]) -> str:
    with pytest.raises(BadConfig) as caught:
        parse({"secret_key": KEY} | raw)
    return str(caught.value)


def test_the_least_configuration_is_a_key() -> None:
    assert parse({"secret_key": KEY}).port == 8080


@pytest.mark.parametrize("key", ["", "short", "changeme" * 5, "a" * 40, "this-is-my-secret-key-for-prilavok"])
def test_an_empty_default_or_guessable_key_stops_the_start(key: str) -> None:
    with pytest.raises(BadConfig, match=r"secret_key.*32 random characters"):
        parse({"secret_key": key})


@pytest.mark.parametrize(
    "section", [{"telegram": [{"token": ""}]}, {"yookassa": [{"shop_id": "1", "secret_key": " "}]}]
)
def test_a_blank_secret_stops_the_start(section: dict[str, Any]) -> None:
    assert "is empty" in refused(section)


@pytest.mark.parametrize("url", ["", "shop.db", "sqlite://", "sqlite:///", "mysql://u@h/n", "oracle://h", "postgres:h"])
def test_a_database_that_we_do_not_speak_to_is_refused(url: str) -> None:
    """mysql://… was taken for a PostgreSQL server, and sqlite:// for a shop that is gone at the end."""
    assert "database: needs sqlite:///" in refused({"database": url})


@pytest.mark.parametrize(
    "url",
    ["sqlite:///shop.db", "sqlite:////srv/my shop/shop.db", "postgresql://u:p@h:1/n?sslmode=require", "postgres://h/n"],
)
def test_a_database_that_we_speak_to_is_taken(url: str) -> None:
    assert parse({"secret_key": KEY, "database": url}).database == url


@pytest.mark.parametrize("proxy", ["localhost", "10.0.0.0/99", "*", ""])
def test_a_proxy_is_trusted_by_an_address_alone(proxy: str) -> None:
    """One that is misspelt would have nobody trusted, the others neither, and nothing would say so."""
    assert "trusted_proxies.1: needs an address" in refused({"trusted_proxies": ["127.0.0.1", proxy]})


@pytest.mark.parametrize(
    ("facts", "words"),
    [
        ({"timezone": "Europe/Moskow"}, "did you mean Europe/Moscow?"),
        ({"currency": "RUR0"}, "shop.currency: needs the code of a currency"),
        ({"name": "  "}, "shop.name: needs 1 to 200 characters"),
    ],
)
def test_a_shop_that_cannot_be_is_refused_before_anything_is_made(facts: dict[str, str], words: str) -> None:
    assert words in refused({"shop": facts})


def test_a_file_that_cannot_be_read_is_said_to_be_one(tmp_path: Path) -> None:
    with pytest.raises(BadConfig, match="cannot be read: Is a directory"):
        config.load(tmp_path)


def test_an_unknown_key_is_refused_with_the_right_one() -> None:
    assert "databse: unknown key; did you mean database?" in refused({"databse": "x"})
    assert "telegram.0.tokn: unknown key; did you mean token?" in refused({"telegram": [{"token": "1:a", "tokn": "x"}]})


def test_a_wrong_value_is_explained_without_repeating_secrets() -> None:
    said = refused({"port": "many", "telegram": [{"token": "42:VERYSECRET", "receive": "pigeon"}]})
    assert "port" in said
    assert "receive" in said
    assert "VERYSECRET" not in said


@pytest.mark.parametrize("broker", ["redis://h:1", "rediss://h", "nats://h:4222", "amqp://u:p@h/", "none"])
def test_a_bell_is_a_broker_that_we_speak_to(broker: str) -> None:
    told = parse({"secret_key": KEY, "database": "postgresql://h/n", "bell": broker})
    assert told.bell is not None
    assert told.bell.get_secret_value() == broker
    assert broker not in repr(told)


def test_a_wrong_bell_is_refused_without_its_password() -> None:
    said = refused({"database": "postgresql://h/n", "bell": "kafka://u:HIDDEN@h"})
    assert "bell: needs redis://" in said
    assert "HIDDEN" not in said
    assert "one process" in refused({"bell": "redis://127.0.0.1"})
    assert "health: needs a host and a port" in refused({"health": "8091"})


def test_secrets_come_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MY_KEY", KEY)
    assert parse({"secret_key": "{env=MY_KEY}"}).secret_key.get_secret_value() == KEY
    monkeypatch.delenv("MY_KEY")
    with pytest.raises(BadConfig, match="MY_KEY, which is not set"):
        parse({"secret_key": "{env=MY_KEY}"})


def test_a_missing_file_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(BadConfig, match=r"copy config\.example\.toml"):
        config.load(tmp_path / "config.toml")


def test_the_example_holds_every_setting_and_its_default(monkeypatch: pytest.MonkeyPatch) -> None:
    tokens = ("TELEGRAM_TOKEN", "TELEGRAM_WEBHOOK_SECRET", "MAX_TOKEN", "MAX_WEBHOOK_SECRET", "VK_TOKEN", "VK_SECRET")
    whatsapp = ("WHATSAPP_TOKEN", "WHATSAPP_APP_SECRET", "WHATSAPP_SECRET")
    for name in ("PRILAVOK_SECRET_KEY", "YOOKASSA_SECRET_KEY", "MAIL_PASSWORD", *tokens, *whatsapp):
        monkeypatch.setenv(name, KEY)
    whole = re.sub(r"^# ((?:\[|[a-z_]+ = ).*)$", r"\1", EXAMPLE.read_text(), flags=re.M)
    raw = tomllib.loads(whole)
    assert set(raw) == set(Config.model_fields)
    assert set(raw["telegram"][0]) == set(config.TelegramSection.model_fields)
    assert set(raw["max"][0]) == set(config.MaxSection.model_fields)
    assert set(raw["vk"][0]) == set(config.VkSection.model_fields)
    assert set(raw["whatsapp"][0]) == set(config.WhatsAppSection.model_fields)
    assert set(raw["email"][0]) == set(config.EmailSection.model_fields)
    assert set(raw["webchat"][0]) == set(config.WebchatSection.model_fields)
    assert set(raw["yookassa"][0]) == set(config.YooKassaSection.model_fields)
    for key in ("health", "bell"):
        assert raw.pop(key), "without it there is none"
    example = parse(raw)
    defaults = Config(secret_key=example.secret_key)
    apart = {"secret_key", "telegram", "max", "vk", "whatsapp", "email", "webchat", "yookassa", "trusted_proxies"}
    for field in set(Config.model_fields) - apart:
        assert getattr(example, field) == getattr(defaults, field), field
