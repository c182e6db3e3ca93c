"""The demo shop opened: its configuration, its database filled, its photos drawn.

Filling and drawing run in processes of their own, so that a first start uses every core of the machine. They are
forked before there is a thread, an event loop or a database connection, and so need not import everything again.
"""

from __future__ import annotations

import os
import secrets
import signal
import time
from collections.abc import Mapping
from concurrent.futures import Future, ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import orjson
import sqlalchemy as sa
from sqlalchemy.orm import Session

from bot.channels import email_servers
from catalog import goods as catalog_goods
from catalog.tables import Photo
from company import accounts, shops
from company.tables import ChannelAccount, Shop
from customers import identities
from inbox import conversations
from inbox.tables import Kind
from kit import config
from kit.clock import utc_now
from kit.config import Config
from kit.secrets import SecretBox
from orders import pipelines
from payments import accounts as payment_accounts
from payments.tables import PaymentAccount
from prilavok import installation
from prilavok.demo import errands, fill, goods, history, people
from prilavok.demo import shop as words
from storage.files import FileStore

TOKEN = "4200042:demo-bot-of-clay-and-linen"  # noqa: S105  only our own emulator knows it
BOT_NAME = "glina_i_len_bot"
VK_GROUP = 504243
VK_TOKEN = "vk1.a.demo-community-of-clay-and-linen"  # noqa: S105  only our own emulator knows it
VK_NAME = "glina_i_len"
MAX_ID = 600_042
MAX_TOKEN = "f9LHodD0cOIdemo-bot-of-clay-and-linen"  # noqa: S105  only our own emulator knows it
MAIL_ADDRESS = "shop@glina.example"
MAIL_PASSWORD = "demo-mailbox-of-clay-and-linen"  # noqa: S105  only our own emulator knows it
MERCHANT = "504242"
MERCHANT_KEY = "test_demo-key-of-clay-and-linen"
SITE = "clay-and-linen"
MAX_PORT = 4
"""How far from the hub's port MAX listens."""
VK_PORT = 5
"""How far from the hub's port VK listens."""
WA_NUMBER = 105_042_000
WA_BUSINESS = 205_042_000
WA_PHONE = "+7 900 000-42-00"
WA_TOKEN = "EAAG-demo-number-of-clay-and-linen"  # noqa: S105  only our own emulator knows it
WA_APP_SECRET = "c1a7c1a7c1a7c1a7c1a7c1a7c1a7c1a7"  # noqa: S105  only our own emulator knows it
WA_CATALOG = 305_042_000
WA_PORT = 6
"""How far from the hub's port WhatsApp listens."""
MAIL_PORT, IMAP_PORT, SMTP_PORT = 7, 17, 27
"""How far from the hub's port the mail program's page, and the mail servers, listen."""
MAIL_SERVERS = (("imap", IMAP_PORT), ("smtp", SMTP_PORT))
OWNER_ID = 500_001
"""The owner's id on Telegram."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where the demo lives and listens; the emulators take the ports after the hub's."""

    folder: Path
    host: str
    port: int
    database: str = ""

    def address(self, offset: int) -> str:
        return f"http://{self.host}:{self.port + offset}"

    def configuration(self) -> Config:
        return config.parse(
            {
                "secret_key": _key(self.folder / "secret_key"),
                "database": self.database or f"sqlite:///{self.folder}/demo.db",
                "files": str(self.folder / "files"),
                "public_url": self.address(0),
                "host": self.host,
                "port": self.port,
                "log": {"level": "warning"},
            },
            where="the demo",
        )


class Opening:
    """A shop that is being opened in other processes. Ask for `done` when nothing else is left to do."""

    def __init__(self, place: Place) -> None:
        self.began = time.perf_counter()
        self.place = place
        self._told = place.configuration()
        installation.migrate(self._told.database)
        empty, bare = installation.within(self._told.database, _lacks)
        self._helpers = ProcessPoolExecutor(2, get_context("fork"), initializer=_leave_signals_to_parent)
        self._filled = self._helpers.submit(fill_shop, place) if empty else None
        self._drawn: list[tuple[str, Future[list[fill.Photo]]]] = [
            (product.variants[0].sku, self._helpers.submit(fill.draw, self._told.files, product.code))
            for product in (goods.products() if bare else ())
        ]

    def done(self) -> int:
        """Wait until the shop is open. Gives the payment account that YooKassa's notices go to."""
        with self._helpers:
            if self._filled is not None:
                self._filled.result()
            photos = [(sku, drawn.result()) for sku, drawn in self._drawn]
        installation.within(self._told.database, lambda session: _hang(session, photos))
        return installation.within(self._told.database, lambda session: _point(session, self.place))


def _leave_signals_to_parent() -> None:
    """Ctrl-C reaches every process of the terminal; the parent lets these end what they are at."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def fill_shop(place: Place) -> None:
    """Fill an empty database: everything but the photos."""
    told = place.configuration()
    installation.within(told.database, lambda session: _open_shop(session, place, told))


def _key(path: Path) -> str:
    """The demo's own key, made at the first start."""
    if not path.exists():
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            file.write(secrets.token_hex(32))
    return path.read_text()


def _lacks(session: Session) -> tuple[bool, bool]:
    """Whether there is no shop yet, and whether its goods have no photos: a start may have been cut in between."""
    nothing = session.scalar(sa.select(Shop.id).limit(1)) is None
    return nothing, session.scalar(sa.select(Photo.id).limit(1)) is None


def _hang(session: Session, drawn: list[tuple[str, list[fill.Photo]]]) -> None:
    shop_id = installation.the_shop(session).id
    for sku, photos in drawn:
        variant = catalog_goods.by_sku(session, shop_id, sku)
        assert variant is not None
        fill.hang_photos(session, catalog_goods.product(session, shop_id, variant.product_id), photos)


def _point(session: Session, place: Place) -> int:
    """Have the accounts talk to the emulators of this start, whatever its ports are."""
    for account in accounts.channels(session, "telegram"):
        account.settings = {**account.settings, "api": place.address(1)}
    for account in accounts.channels(session, "max"):
        account.settings = {**account.settings, "api": place.address(MAX_PORT)}
    for account in accounts.channels(session, "vk"):
        account.settings = {**account.settings, "api": place.address(VK_PORT)}
    for account in accounts.channels(session, "whatsapp"):
        account.settings = {**account.settings, "api": place.address(WA_PORT)}
    for account in accounts.channels(session, "email"):
        servers = (f"{kind}://{place.host}:{place.port + port}" for kind, port in MAIL_SERVERS)
        account.settings = {**account.settings, "api": str(email_servers.made(MAIL_ADDRESS, *servers))}
    for account in accounts.channels(session, "webchat"):
        sites = [place.address(3), f"http://localhost:{place.port + 3}"]
        account.settings = {**account.settings, "origins": sites}
    merchant = session.scalars(sa.select(PaymentAccount).where(PaymentAccount.provider == "yookassa")).one()
    merchant.settings = {**merchant.settings, "api": f"{place.address(2)}/v3"}
    return merchant.id


def _open_shop(session: Session, place: Place, told: Config) -> None:
    box, files = SecretBox(told.secret_key.get_secret_value()), FileStore(told.files)
    now = utc_now()
    the_shop = shops.create(session, name=words.NAME.ru, timezone=words.TIME_ZONE)
    fill.prepare_shop(session, the_shop)
    pipelines.create_default_pipeline(session, the_shop)
    pipelines.create_pipeline(session, the_shop, "Предзаказ", pipelines.PREORDER, name_en="Pre-order")
    channels = _channels(session, box, the_shop)
    payment_accounts.add(session, None, the_shop, provider="manual", name="Наличные и переводы")
    payment_accounts.add(
        session,
        box,
        the_shop,
        provider="yookassa",
        name="ЮKassa",
        external_id=MERCHANT,
        secret=MERCHANT_KEY,
        test=True,
    )
    plan = history.plan(now)
    filled = fill.fill_people(session, the_shop, channels, now)
    fill.fill_goods(session, filled, plan)
    fill.fill_orders(session, filled, plan)
    fill.fill_talk(session, filled, files, now)
    errands.fill_tasks(session, filled, now)
    _link_owner(session, channels["telegram"], filled)


def _channels(session: Session, box: SecretBox, the_shop: Shop) -> Mapping[str, ChannelAccount]:
    secret = orjson.dumps({"token": TOKEN}).decode()
    common: dict[str, Any] = {"session": session, "box": box, "shop": the_shop}
    return {
        "telegram": accounts.add_channel(
            **common,
            channel="telegram",
            name="Telegram",
            external_id=TOKEN.split(":")[0],
            secret=secret,
            settings={"receive": "polling", "username": BOT_NAME},
        ),
        "max": accounts.add_channel(
            **common,
            channel="max",
            name="MAX",
            external_id=BOT_NAME,
            secret=orjson.dumps({"token": MAX_TOKEN, "webhook_secret": secrets.token_urlsafe(32)}).decode(),
            settings={"receive": "polling", "username": BOT_NAME},
        ),
        "vk": accounts.add_channel(
            **common,
            channel="vk",
            name="ВКонтакте",
            external_id=str(VK_GROUP),
            secret=orjson.dumps({"token": VK_TOKEN, "webhook_secret": secrets.token_urlsafe(32)}).decode(),
            settings={"receive": "polling", "username": VK_NAME},
        ),
        "whatsapp": accounts.add_channel(
            **common,
            channel="whatsapp",
            name="WhatsApp",
            external_id=str(WA_NUMBER),
            secret=orjson.dumps(
                {"token": WA_TOKEN, "app_secret": WA_APP_SECRET, "webhook_secret": secrets.token_urlsafe(32)}
            ).decode(),
            settings={
                "receive": "webhook",
                "username": "".join(char for char in WA_PHONE if char.isdigit()),
                "business": str(WA_BUSINESS),
                "catalog": str(WA_CATALOG),
            },
        ),
        "email": accounts.add_channel(
            **common,
            channel="email",
            name="Почта",
            external_id=MAIL_ADDRESS,
            secret=orjson.dumps({"token": MAIL_PASSWORD, "webhook_secret": secrets.token_urlsafe(32)}).decode(),
            settings={
                "receive": "polling",
                "username": MAIL_ADDRESS,
                "sender": words.NAME.ru,
                "links": True,
                "per_second": 0,
            },
        ),
        "webchat": accounts.add_channel(
            **common,
            channel="webchat",
            name="Сайт",
            external_id=SITE,
            secret=None,
            settings={"origins": []},
        ),
    }


def _link_owner(session: Session, account: ChannelAccount, filled: fill.Filled) -> None:
    """The owner's phone is joined to his account already, as `/start` with his code would do."""
    owner = next(person for person in people.staff() if person.role == "owner")
    identity = identities.recognise(session, account, external_id=str(OWNER_ID), name=owner.name.ru, locale="ru")
    talk = conversations.open_for(session, account, str(OWNER_ID), customer_id=identity.customer_id, locale="ru")
    talk.kind, talk.staff_id = Kind.STAFF, filled.people[owner.key].id
    session.flush()
