"""What happens once before a hub starts: migrations, the shop, and the accounts that the configuration declares."""

from __future__ import annotations

import secrets
import tempfile
from collections.abc import Callable, Collection, Mapping
from typing import Any, TypeVar

import orjson
import sqlalchemy as sa
from sqlalchemy.orm import Session

# The tables of every domain, for the migrations.
import automation.tables  # noqa: F401
import catalog.tables  # noqa: F401
import company.tables  # noqa: F401
import customers.tables  # noqa: F401
import inbox.tables  # noqa: F401
import operation.tables  # noqa: F401
import orders.tables  # noqa: F401
import payments.tables  # noqa: F401
import storage.tables  # noqa: F401
from bot.channels import email_servers
from company import accounts, staff
from company.tables import ChannelAccount, Role, Shop
from kit.config import (
    Config,
    EmailSection,
    MaxSection,
    TelegramSection,
    VkSection,
    WebchatSection,
    WhatsAppSection,
    YooKassaSection,
)
from kit.secrets import SecretBox, WrongKey
from payments import accounts as payment_accounts
from payments.opening import open_shop
from payments.tables import PaymentAccount
from storage import fitness
from storage import migrate as migrations
from storage.engines import prepare_sqlite

T = TypeVar("T")
A = TypeVar("A", ChannelAccount, PaymentAccount)
Declared = TelegramSection | MaxSection | VkSection | WhatsAppSection | EmailSection | WebchatSection


def prepare(config: Config) -> None:
    """Migrate, make the shop at the first start, and bring declared accounts up to date.

    Processes that begin together do this one after another, so that they make one shop.
    """
    fitness.check(config.database)
    migrate(config.database)
    within(config.database, lambda session: _declare(session, config))


def migrate(url: str) -> None:
    migrations.upgrade(url)


def check_migrations() -> None:
    """Raises storage.migrate.Drift if the code's tables are not what the migrations make."""
    with tempfile.TemporaryDirectory(prefix="prilavok-") as folder:
        url = f"sqlite:///{folder}/check.db"
        migrations.upgrade(url)
        migrations.check(url)


def add_staff(config: Config, *, email: str, name: str, role: str, password: str) -> None:
    within(
        config.database,
        lambda session: staff.add(
            session, the_shop(session), email=email, name=name, password=password, role=Role(role)
        ),
    )


def the_shop(session: Session) -> Shop:
    """The first shop of the installation."""
    return session.scalars(sa.select(Shop).order_by(Shop.id).limit(1)).one()


def within(url: str, fn: Callable[[Session], T]) -> T:
    """One transaction outside of a running hub."""
    address = sa.make_url(url)
    sqlite = address.get_backend_name() == "sqlite"
    engine = sa.create_engine(address.set(drivername="sqlite" if sqlite else "postgresql+psycopg"))
    if sqlite:
        prepare_sqlite(engine, begin="BEGIN IMMEDIATE")
    try:
        with Session(engine, expire_on_commit=False) as session, session.begin():
            return fn(session)
    finally:
        engine.dispose()


def _declare(session: Session, config: Config) -> None:
    migrations.take_turns(session.connection())
    shop = session.scalar(sa.select(Shop).order_by(Shop.id).limit(1))
    if shop is None:
        section = config.shop
        shop = open_shop(
            session, name=section.name, currency=section.currency, locale=section.locale, timezone=section.timezone
        )
    box = SecretBox(config.secret_key.get_secret_value())
    declared: list[ChannelAccount | PaymentAccount] = [
        *(_telegram(session, box, shop, one) for one in config.telegram),
        *(_max(session, box, shop, one) for one in config.max),
        *(_vk(session, box, shop, one) for one in config.vk),
        *(_whatsapp(session, box, shop, one) for one in config.whatsapp),
        *(_email(session, box, shop, one) for one in config.email),
        *(_webchat(session, box, shop, one) for one in config.webchat),
        *(_yookassa(session, box, shop, one) for one in config.yookassa),
    ]
    _let_go(session, declared)


# What the file says is the file's, and what it does not say is the console's: docs/decisions/0017.


def _telegram(session: Session, box: SecretBox, shop: Shop, section: TelegramSection) -> ChannelAccount:
    number = section.token.get_secret_value().split(":")[0]
    return _bot(session, box, shop, section, "telegram", number, {"per_second": section.per_second})


def _max(session: Session, box: SecretBox, shop: Shop, section: MaxSection) -> ChannelAccount:
    return _bot(
        session, box, shop, section, "max", section.bot, {"username": section.bot, "per_second": section.per_second}
    )


def _vk(session: Session, box: SecretBox, shop: Shop, section: VkSection) -> ChannelAccount:
    name = section.username or f"club{section.group}"
    return _bot(session, box, shop, section, "vk", str(section.group), {"username": name})


def _whatsapp(session: Session, box: SecretBox, shop: Shop, section: WhatsAppSection) -> ChannelAccount:
    names = ("business", "username", "catalog", "version", "per_second")
    more = {name: getattr(section, name) for name in names}
    account = _bot(session, box, shop, section, "whatsapp", section.number, more)
    opened = _opened(box, account) | {"app_secret": section.app_secret.get_secret_value()}
    # Nobody else needs to know it: Meta is told it together with the address.
    opened.setdefault("webhook_secret", secrets.token_urlsafe(32))
    account.secret = box.seal(orjson.dumps(opened).decode())
    return account


def _bot(
    session: Session,
    box: SecretBox,
    shop: Shop,
    section: TelegramSection | MaxSection | VkSection | WhatsAppSection,
    channel: str,
    external_id: str,
    more: Mapping[str, Any],
) -> ChannelAccount:
    how = "webhook" if isinstance(section, WhatsAppSection) else section.receive
    settings = {"receive": how, "api": section.api, **more}
    account = _channel(session, shop, section, channel, external_id, settings)
    opened = _opened(box, account) | {"token": section.token.get_secret_value()}
    if section.webhook_secret is not None:
        opened["webhook_secret"] = section.webhook_secret.get_secret_value()
    account.secret = box.seal(orjson.dumps(opened).decode())
    return account


def _email(session: Session, box: SecretBox, shop: Shop, section: EmailSection) -> ChannelAccount:
    servers = email_servers.made(section.address, section.imap, section.smtp, section.folder)
    settings = {
        "receive": "polling",
        "api": str(servers),
        "username": section.address,
        "sender": section.sender or shop.name,
        "links": section.links,
        "per_second": section.per_second,
    }
    account = _channel(session, shop, section, "email", section.address.lower(), settings)
    # Three keys of the file make one of ours, and a shop's name may change.
    account.settings = {**account.settings, "api": str(servers), "sender": section.sender or shop.name}
    opened = _opened(box, account)
    # By which answers to our letters are known: it must outlive a change of the password.
    opened = {"webhook_secret": secrets.token_urlsafe(32)} | opened | {"token": section.password.get_secret_value()}
    account.secret = box.seal(orjson.dumps(opened).decode())
    return account


def _webchat(session: Session, _box: SecretBox, shop: Shop, section: WebchatSection) -> ChannelAccount:
    return _channel(session, shop, section, "webchat", section.site, {"origins": list(section.origins)})


def _channel(
    session: Session,
    shop: Shop,
    section: Declared,
    channel: str,
    external_id: str,
    settings: dict[str, Any],
) -> ChannelAccount:
    of_it = sa.select(ChannelAccount).where(
        ChannelAccount.channel == channel, ChannelAccount.external_id == external_id
    )
    known = session.scalars(of_it.order_by(ChannelAccount.active.desc(), ChannelAccount.id).limit(1)).first()
    if known is None:
        known = accounts.add_channel(
            session, None, shop, channel=channel, name=section.name, external_id=external_id, secret=None
        )
        known.settings = settings
    return _said(known, section, settings)


def _opened(box: SecretBox, account: ChannelAccount) -> dict[str, str]:
    """What is sealed already: a bot's own secret for webhooks may be the console's."""
    try:
        opened: dict[str, str] = orjson.loads(accounts.secret_of(box, account) or "{}")
    except WrongKey:
        return {}
    return opened


def _yookassa(session: Session, box: SecretBox, shop: Shop, section: YooKassaSection) -> PaymentAccount:
    secret = section.secret_key.get_secret_value()
    of_it = sa.select(PaymentAccount).where(
        PaymentAccount.provider == "yookassa", PaymentAccount.external_id == section.shop_id
    )
    known = session.scalars(of_it.order_by(PaymentAccount.active.desc(), PaymentAccount.id).limit(1)).first()
    if known is None:
        known = payment_accounts.add(
            session,
            box,
            shop,
            provider="yookassa",
            name=section.name,
            external_id=section.shop_id,
            secret=secret,
            test=section.test,
            settings={"api": section.api},
        )
    known.secret = box.seal(secret)
    if "test" in section.model_fields_set:
        known.test = section.test
    return _said(known, section, {"api": section.api})


def _said(account: A, section: Declared | YooKassaSection, settings: Mapping[str, Any]) -> A:
    """Bring the account up to what the file says of it, and remember what that is."""
    said = section.model_fields_set
    if "name" in said:
        account.name = section.name
    now = {name: value for name, value in settings.items() if name in said}
    account.settings = {**account.settings, **now, accounts.BY_FILE: sorted(said)}
    return account


def _let_go(session: Session, declared: Collection[ChannelAccount | PaymentAccount]) -> None:
    """What the file says no more stays, and is the console's."""
    rows = [*session.scalars(sa.select(ChannelAccount)), *session.scalars(sa.select(PaymentAccount))]
    for row in rows:
        if accounts.by_file(row.settings) and row not in declared:
            row.settings = {name: value for name, value in row.settings.items() if name != accounts.BY_FILE}
