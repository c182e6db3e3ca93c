"""The installation's configuration: one TOML file, read once, checked whole.

Secrets are written as "{env=NAME}" and taken from the environment. An unknown key is an error that suggests the
right one, so that a typing mistake never turns a protection off in silence.
"""

from __future__ import annotations

import difflib
import ipaddress
import os
import re
import tomllib
from pathlib import Path
from typing import Annotated, Any, Literal
from zoneinfo import available_timezones

from babel.numbers import is_currency
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, SecretStr, ValidationError, model_validator

_ENV = re.compile(r"^\{env=([A-Z][A-Z0-9_]*)\}$")

_WEAK = {"changeme", "secret", "password", "default", "example"}


class BadConfig(Exception):
    """The file cannot be used; the message says where and what to do."""


def _strong(secret: SecretStr) -> SecretStr:
    text = secret.get_secret_value()
    if len(text) < 32 or len(set(text)) < 8 or any(weak in text.lower() for weak in _WEAK):
        raise ValueError(
            'needs at least 32 random characters: python3 -c "import secrets; print(secrets.token_hex(32))"'
        )
    return secret


def _address(url: str) -> str:
    if not re.match(r"^https?://[^/\s]+$", url.rstrip("/")):
        raise ValueError("needs an address such as https://counter.example.ru, without a path")
    return url.rstrip("/")


def _database(url: str) -> str:
    """Anything else would be taken for a PostgreSQL server of that name, or live in memory and be gone at the end."""
    if not re.match(r"^(sqlite:////?[^\s/].*|postgres(ql)?(\+[a-z0-9]+)?://\S*)$", url):
        raise ValueError(
            "needs sqlite:///data/prilavok.db, with another path as you like, or postgresql://user@host/name"
        )
    return url


def _name(text: str) -> str:
    if not 1 <= len(text.strip()) <= 200:
        raise ValueError("needs 1 to 200 characters")
    return text.strip()


def _currency(code: str) -> str:
    if not is_currency(code):
        raise ValueError("needs the code of a currency, such as RUB or KZT")
    return code


def _timezone(name: str) -> str:
    if name not in available_timezones():
        near = difflib.get_close_matches(name, available_timezones(), n=1)
        raise ValueError("needs a time zone such as Europe/Moscow" + (f"; did you mean {near[0]}?" if near else ""))
    return name


def _network(address: str) -> str:
    try:
        ipaddress.ip_network(address, strict=False)
    except ValueError:
        raise ValueError("needs an address or a network such as 10.0.0.5 or 10.0.0.0/8") from None
    return address


def _filled(secret: SecretStr) -> SecretStr:
    if not secret.get_secret_value().strip():
        raise ValueError("is empty")
    return secret


def _broker(url: SecretStr) -> SecretStr:
    if not re.match(r"^((redis|rediss|nats|tls|amqp|amqps)://[^/\s]+\S*|none)$", url.get_secret_value()):
        raise ValueError('needs redis://…, nats://… or amqp://…, or "none"')
    return url


def _listening(text: str) -> str:
    if not re.match(r"^[^\s:/]+:\d{1,5}$", text) or int(text.rpartition(":")[2]) > 65535:
        raise ValueError("needs a host and a port such as 127.0.0.1:8091")
    return text


Key = Annotated[SecretStr, AfterValidator(_strong)]
Secret = Annotated[SecretStr, AfterValidator(_filled)]
Address = Annotated[str, AfterValidator(_address)]
DatabaseUrl = Annotated[str, AfterValidator(_database)]
Network = Annotated[str, AfterValidator(_network)]
Broker = Annotated[SecretStr, AfterValidator(_broker)]
Listening = Annotated[str, AfterValidator(_listening)]


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class ShopSection(_Section):
    """The shop that is made at the first start. Later changes are made in the console."""

    name: Annotated[str, AfterValidator(_name)] = "Мой магазин"
    currency: Annotated[str, AfterValidator(_currency)] = "RUB"
    locale: Literal["ru", "en"] = "ru"
    timezone: Annotated[str, AfterValidator(_timezone)] = "Europe/Moscow"


class TelegramSection(_Section):
    """A Telegram bot."""

    name: str = "Telegram"
    token: Secret
    receive: Literal["polling", "webhook"] = "polling"
    webhook_secret: Secret | None = None
    """Required with receive = "webhook": 16 to 256 of A-Z a-z 0-9 _ -."""
    api: Address = "https://api.telegram.org"
    per_second: float = Field(default=29.5, ge=0)
    """Messages that the bot may send each second; 0 for any number, with a Bot API server that allows it."""


class MaxSection(_Section):
    """A MAX bot."""

    name: str = "MAX"
    bot: str = Field(pattern="^[A-Za-z0-9_.-]{2,60}$")
    """Its public name, as in the address of its chat: max.ru/<bot>."""
    token: Secret
    receive: Literal["polling", "webhook"] = "polling"
    webhook_secret: Secret | None = None
    """Required with receive = "webhook": 16 to 256 of A-Z a-z 0-9 _ -."""
    api: Address = "https://platform-api2.max.ru"
    per_second: float = Field(default=25.0, ge=0)
    """Messages that the bot may send each second. MAX takes 30 calls a second, and an upload is one too."""


class VkSection(_Section):
    """A VK community, which answers in the name of the shop."""

    name: str = "ВКонтакте"
    group: int = Field(gt=0)
    """The community's number."""
    token: Secret
    receive: Literal["polling", "webhook"] = "polling"
    webhook_secret: Secret | None = None
    """Required with receive = "webhook": 16 to 50 characters."""
    username: str = ""
    """The community's short address, for links that open its dialog."""
    api: Address = "https://api.vk.com"


class WhatsAppSection(_Section):
    """A telephone number of the shop on the WhatsApp Cloud API."""

    name: str = "WhatsApp"
    number: str = Field(pattern=r"^\d{5,25}$")
    """The number's id with Meta, which is not the telephone number itself."""
    business: str = Field(pattern=r"^\d{5,25}$")
    """The id of its WhatsApp business account."""
    token: Secret
    app_secret: Secret
    """The secret of the app, by which its events are known to be Meta's."""
    webhook_secret: Secret | None = None
    """What Meta shows when it looks whether the address is ours: 16 characters or more. Made up where it is not set."""
    username: str = Field(default="", pattern=r"^\d*$")
    """The telephone number in digits, for links that open the chat."""
    catalog: str = Field(default="", pattern=r"^\d*$")
    """The id of the catalogue that is connected to the number, if there is one."""
    api: Address = "https://graph.facebook.com"
    version: str = Field(default="v23.0", pattern=r"^v\d+\.\d+$")
    per_second: float = Field(default=80.0, ge=0)
    """Messages that the number may send each second."""


class EmailSection(_Section):
    """A mailbox of the shop."""

    name: str = "Почта"
    address: str = Field(pattern=r"^[^\s@<>]{1,64}@[^\s@<>]{1,190}$")
    password: Secret
    """Of the mailbox; services such as Yandex, Mail.ru and Gmail give an own one to programs."""
    imap: str = Field(pattern=r"^(imaps?://)?[A-Za-z0-9][A-Za-z0-9.-]*(:[1-9]\d{0,4})?$")
    """The server that keeps its letters: a name, or imaps://name:993; imap:// changes to TLS by STARTTLS."""
    smtp: str = Field(pattern=r"^(smtps?://)?[A-Za-z0-9][A-Za-z0-9.-]*(:[1-9]\d{0,4})?$")
    """The server that sends: a name, or smtps://name:465; smtp:// changes to TLS by STARTTLS."""
    folder: str = "INBOX"
    sender: str = ""
    """The name above letters; the shop's, if it is left out."""
    links: bool = False
    """Whether letters may have links to public_url although that is no https address: for trying it out here."""
    per_second: float = Field(default=2.0, ge=0)
    """Letters that may be sent each second; 0 for any number."""


class WebchatSection(_Section):
    """A web chat on one site."""

    name: str = "Сайт"
    site: str = Field(pattern="^[A-Za-z0-9_-]{8,60}$")
    """The site key that stands in the <script> tag."""
    origins: tuple[Address, ...] = ()
    """Sites that may embed the chat."""


class YooKassaSection(_Section):
    """An account with YooKassa."""

    name: str = "ЮKassa"
    shop_id: str
    secret_key: Secret
    test: bool = False
    """Whether test payments count as money."""
    api: str = "https://api.yookassa.ru/v3"


class LogSection(_Section):
    level: Literal["debug", "info", "warning", "error"] = "info"
    format: Literal["auto", "json", "text"] = "auto"
    """auto: text when stderr is a terminal, JSON otherwise."""


class MetricsSection(_Section):
    """Who may read /metrics beside this machine itself."""

    allow: tuple[Network, ...] = ()


class Config(_Section):
    secret_key: Key
    """Seals channel tokens and payment keys in the database. Keep it safe and apart from backups of the database."""
    database: DatabaseUrl = "sqlite:///data/prilavok.db"
    files: Path = Path("data/files")
    public_url: Address = "http://127.0.0.1:8080"
    host: str = "127.0.0.1"
    port: int = Field(default=8080, ge=0, le=65535)
    health: Listening | None = None
    """Where a process says whether it lives and is ready, apart from the pages."""
    bell: Broker | None = None
    """The broker over which processes ring one another; without one, PostgreSQL's NOTIFY. It may hold a password."""
    trusted_proxies: tuple[Network, ...] = ()
    """Addresses and networks whose X-Forwarded-For is believed."""
    shop: ShopSection = ShopSection()
    telegram: tuple[TelegramSection, ...] = ()
    max: tuple[MaxSection, ...] = ()
    vk: tuple[VkSection, ...] = ()
    whatsapp: tuple[WhatsAppSection, ...] = ()
    email: tuple[EmailSection, ...] = ()
    webchat: tuple[WebchatSection, ...] = ()
    yookassa: tuple[YooKassaSection, ...] = ()
    log: LogSection = LogSection()
    metrics: MetricsSection = MetricsSection()

    def secrets(self) -> list[str]:
        """Every secret that stands in the file, for those who must keep them out of something."""
        found: list[SecretStr | None] = [self.secret_key, *(one.secret_key for one in self.yookassa)]
        found += [secret for one in self.telegram for secret in (one.token, one.webhook_secret)]
        found += [secret for bot in self.max for secret in (bot.token, bot.webhook_secret)]
        found += [secret for one in self.vk for secret in (one.token, one.webhook_secret)]
        found += [secret for one in self.whatsapp for secret in (one.token, one.app_secret, one.webhook_secret)]
        found += [box.password for box in self.email]
        return [secret.get_secret_value() for secret in found if secret is not None]

    @model_validator(mode="after")
    def _one_process_needs_no_broker(self) -> Config:
        if self.bell is not None and self.database.startswith("sqlite"):
            raise ValueError("bell: an SQLite file serves one process, which has nobody to ring")
        return self


def load(path: Path, **changes: str | int) -> Config:
    """Read and check a file, with `changes` in place of its keys. Raises BadConfig with every mistake in words."""
    try:
        raw = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise BadConfig(f"{path} does not exist: copy config.example.toml to {path.name} and fill it in") from None
    except OSError as failure:
        raise BadConfig(f"{path} cannot be read: {failure.strerror}") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as broken:
        raise BadConfig(f"{path} is not TOML: {broken}") from None
    return parse({**raw, **changes}, where=str(path))


def parse(raw: dict[str, Any], *, where: str = "configuration") -> Config:
    """Check a read configuration. Raises BadConfig; values of secrets are never part of its message."""
    try:
        return Config.model_validate(_with_environment(raw, where))
    except ValidationError as wrong:
        lines = [_explain(error["loc"], error["type"], error["msg"]) for error in wrong.errors(include_input=False)]
        raise BadConfig("\n".join([f"{where} cannot be used:", *lines])) from None


def _with_environment(value: Any, where: str) -> Any:
    if isinstance(value, dict):
        return {key: _with_environment(item, where) for key, item in value.items()}
    if isinstance(value, list):
        return [_with_environment(item, where) for item in value]
    if isinstance(value, str) and (match := _ENV.match(value)):
        if match[1] not in os.environ:
            raise BadConfig(f"{where} takes a value from the environment variable {match[1]}, which is not set")
        return os.environ[match[1]]
    return value


def _explain(loc: tuple[int | str, ...], kind: str, words: str) -> str:
    place = ".".join(str(part) for part in loc)
    if kind == "extra_forbidden":
        known = _keys_at(loc[:-1])
        near = difflib.get_close_matches(str(loc[-1]), known, n=1)
        return f"  {place}: unknown key" + (f"; did you mean {near[0]}?" if near else f"; known: {', '.join(known)}")
    if kind == "missing":
        return f"  {place}: is missing"
    return f"  {place}: {words.removeprefix('Value error, ')}"


def _keys_at(loc: tuple[int | str, ...]) -> list[str]:
    sections: dict[str, type[_Section]] = {
        "shop": ShopSection,
        "telegram": TelegramSection,
        "max": MaxSection,
        "vk": VkSection,
        "whatsapp": WhatsAppSection,
        "email": EmailSection,
        "webchat": WebchatSection,
        "yookassa": YooKassaSection,
        "log": LogSection,
        "metrics": MetricsSection,
    }
    section = sections.get(str(loc[0])) if loc else Config
    return sorted((section or Config).model_fields)
