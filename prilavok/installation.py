"""What happens once before a hub starts: migrations, the shop, and the accounts that the configuration declares."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
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
from company import accounts, shops, staff
from company.tables import ChannelAccount, Role, Shop
from kit.config import Config, MaxSection, TelegramSection, VkSection, WebchatSection, YooKassaSection
from kit.secrets import SecretBox
from orders import pipelines
from payments import accounts as payment_accounts
from payments.tables import PaymentAccount
from storage import fitness
from storage import migrate as migrations
from storage.engines import prepare_sqlite

T = TypeVar("T")


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
        shop = shops.create(
            session, name=section.name, currency=section.currency, locale=section.locale, timezone=section.timezone
        )
        pipelines.create_default_pipeline(session, shop)
        payment_accounts.add(session, None, shop, provider="manual", name="Наличные и переводы")
    box = SecretBox(config.secret_key.get_secret_value())
    for telegram in config.telegram:
        _telegram(session, box, shop, telegram)
    for max_bot in config.max:
        _max(session, box, shop, max_bot)
    for vk in config.vk:
        _vk(session, box, shop, vk)
    for webchat in config.webchat:
        _webchat(session, box, shop, webchat)
    for yookassa in config.yookassa:
        _yookassa(session, box, shop, yookassa)


def _telegram(session: Session, box: SecretBox, shop: Shop, section: TelegramSection) -> None:
    token = section.token.get_secret_value()
    hook = section.webhook_secret.get_secret_value() if section.webhook_secret else ""
    _channel(
        session,
        box,
        shop,
        channel="telegram",
        name=section.name,
        external_id=token.split(":")[0],
        secret=orjson.dumps({"token": token, "webhook_secret": hook}).decode(),
        settings={"receive": section.receive, "api": section.api, "per_second": section.per_second},
    )


def _max(session: Session, box: SecretBox, shop: Shop, section: MaxSection) -> None:
    hook = section.webhook_secret.get_secret_value() if section.webhook_secret else ""
    _channel(
        session,
        box,
        shop,
        channel="max",
        name=section.name,
        external_id=section.bot,
        secret=orjson.dumps({"token": section.token.get_secret_value(), "webhook_secret": hook}).decode(),
        settings={
            "receive": section.receive,
            "username": section.bot,
            "api": section.api,
            "per_second": section.per_second,
        },
    )


def _vk(session: Session, box: SecretBox, shop: Shop, section: VkSection) -> None:
    hook = section.webhook_secret.get_secret_value() if section.webhook_secret else ""
    _channel(
        session,
        box,
        shop,
        channel="vk",
        name=section.name,
        external_id=str(section.group),
        secret=orjson.dumps({"token": section.token.get_secret_value(), "webhook_secret": hook}).decode(),
        settings={
            "receive": section.receive,
            "api": section.api,
            "username": section.username or f"club{section.group}",
        },
    )


def _webchat(session: Session, box: SecretBox, shop: Shop, section: WebchatSection) -> None:
    settings: dict[str, Any] = {"origins": list(section.origins)}
    _channel(
        session,
        box,
        shop,
        channel="webchat",
        name=section.name,
        external_id=section.site,
        secret=None,
        settings=settings,
    )


def _channel(
    session: Session,
    box: SecretBox,
    shop: Shop,
    *,
    channel: str,
    name: str,
    external_id: str,
    secret: str | None,
    settings: dict[str, Any],
) -> None:
    known = session.scalar(
        sa.select(ChannelAccount).where(ChannelAccount.channel == channel, ChannelAccount.external_id == external_id)
    )
    if known is None:
        accounts.add_channel(
            session, box, shop, channel=channel, name=name, external_id=external_id, secret=secret, settings=settings
        )
        return
    known.name, known.settings, known.secret = name, settings, box.seal(secret) if secret is not None else None


def _yookassa(session: Session, box: SecretBox, shop: Shop, section: YooKassaSection) -> None:
    secret = section.secret_key.get_secret_value()
    known = session.scalar(
        sa.select(PaymentAccount).where(
            PaymentAccount.provider == "yookassa", PaymentAccount.external_id == section.shop_id
        )
    )
    if known is None:
        payment_accounts.add(
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
        return
    known.name, known.secret = section.name, box.seal(secret)
    known.test, known.settings = section.test, {**known.settings, "api": section.api}
