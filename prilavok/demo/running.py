"""The demo in one process: the hub, Telegram, YooKassa and the shop's site, each on its own port."""

from __future__ import annotations

import asyncio
import os
import secrets
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import orjson
import sqlalchemy as sa
import typer
from sqlalchemy.orm import Session

from company import accounts, shops
from company.tables import ChannelAccount, Shop
from customers import identities
from emulators.shopsite import ShopSite
from emulators.telegram import Bot, Person, TelegramEmulator
from emulators.yookassa import Shop as Merchant
from emulators.yookassa import YooKassaEmulator
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
from prilavok.demo import fill, history, people
from prilavok.demo import shop as words
from prilavok.hub import Hub
from storage.files import FileStore

TOKEN = "4200042:demo-bot-of-clay-and-linen"  # noqa: S105  only our own emulator knows it
MERCHANT = "504242"
MERCHANT_KEY = "test_demo-key-of-clay-and-linen"
SITE = "clay-and-linen"

OWNER = Person(500_001, "Илья", "Дорохов", "ilya_dorokhov", "+79000000001")
BUYERS = (
    Person(500_002, "Ольга", "Рябинина", "olga_ryab", "+79000000002"),
    Person(500_003, "Tom", "Baker", "tom_baker", "+79000000003", "en"),
)
"""Whose phones one holds in the demo: the owner's, and those of two buyers that the shop has not met yet."""


async def serve(stopping: asyncio.Event, *, folder: Path, host: str, port: int, database: str) -> None:
    """Set up what is missing, start everything, print the addresses, and wait to be stopped."""
    began = time.perf_counter()
    await asyncio.to_thread(folder.mkdir, parents=True, exist_ok=True)
    told = _configuration(folder, host=host, port=port, database=database)
    installation.migrate(told.database)
    box = SecretBox(told.secret_key.get_secret_value())
    files = FileStore(told.files)
    hook = installation.within(told.database, lambda session: _fill(session, box, files, told))

    telegram = TelegramEmulator([_bot()], _people(), snapshot=folder / "telegram")
    yookassa = YooKassaEmulator(
        [Merchant(MERCHANT, MERCHANT_KEY, f"{told.public_url}/hooks/yookassa/{hook}", title=words.NAME.ru)],
        snapshot=folder / "yookassa",
        order_key="order",
    )
    site = ShopSite(counter=told.public_url, site=SITE)
    _known_customers(telegram)
    hub = Hub(told)
    try:
        await telegram.start(host, port + 1)
        await yookassa.start(host, port + 2)
        await site.start(host, port + 3)
        await hub.start()
        _tell(told, host, port, time.perf_counter() - began)
        await stopping.wait()
        typer.echo("Closing…")
    finally:
        await hub.stop()
        await site.stop()
        await telegram.stop()
        await yookassa.stop()


def _configuration(folder: Path, *, host: str, port: int, database: str) -> Config:
    return config.parse(
        {
            "secret_key": _key(folder / "secret_key"),
            "database": database or f"sqlite:///{folder}/demo.db",
            "files": str(folder / "files"),
            "public_url": f"http://{host}:{port}",
            "host": host,
            "port": port,
            "log": {"level": "warning"},
        },
        where="the demo",
    )


def _key(path: Path) -> str:
    """The demo's own key, made at the first start."""
    if not path.exists():
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            file.write(secrets.token_hex(32))
    return path.read_text()


def _fill(session: Session, box: SecretBox, files: FileStore, told: Config) -> int:
    """Fill an empty database; whatever is there stays. Returns the account that YooKassa's notices go to."""
    the_shop = session.scalar(sa.select(Shop).limit(1))
    if the_shop is None:
        the_shop = _open_shop(session, box, files, told)
    for account in accounts.channels(session, "telegram"):
        account.settings = {**account.settings, "api": f"http://{told.host}:{told.port + 1}"}
    account = session.scalars(sa.select(PaymentAccount).where(PaymentAccount.provider == "yookassa")).one()
    account.settings = {**account.settings, "api": f"http://{told.host}:{told.port + 2}/v3"}
    return account.id


def _open_shop(session: Session, box: SecretBox, files: FileStore, told: Config) -> Shop:
    now = utc_now()
    the_shop = shops.create(session, name=words.NAME.ru, timezone=words.TIME_ZONE)
    fill.prepare_shop(session, the_shop)
    pipelines.create_default_pipeline(session, the_shop)
    pipelines.create_pipeline(session, the_shop, "Предзаказ", pipelines.PREORDER, name_en="Pre-order")
    channels = _channels(session, box, the_shop, told)
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
    filled.variants = fill.fill_goods(session, the_shop, files, plan)
    fill.fill_orders(session, filled, plan)
    fill.take_stock(session, filled, plan)
    fill.fill_talk(session, filled, files, now)
    _link_owner(session, channels["telegram"], filled)
    return the_shop


def _channels(session: Session, box: SecretBox, the_shop: Shop, told: Config) -> Mapping[str, ChannelAccount]:
    secret = orjson.dumps({"token": TOKEN}).decode()
    common: dict[str, Any] = {"session": session, "box": box, "shop": the_shop}
    return {
        "telegram": accounts.add_channel(
            **common,
            channel="telegram",
            name="Telegram",
            external_id=TOKEN.split(":")[0],
            secret=secret,
            settings={"receive": "polling", "username": _bot().username},
        ),
        "webchat": accounts.add_channel(
            **common,
            channel="webchat",
            name="Сайт",
            external_id=SITE,
            secret=None,
            settings={"origins": [f"http://{told.host}:{told.port + 3}"]},
        ),
    }


def _link_owner(session: Session, account: ChannelAccount, filled: fill.Filled) -> None:
    """The owner's phone is joined to his account already, as `/start` with his code would do."""
    identity = identities.recognise(session, account, external_id=str(OWNER.id), name=OWNER.name, locale="ru")
    talk = conversations.open_for(session, account, str(OWNER.id), customer_id=identity.customer_id, locale="ru")
    owner = next(person for person in people.staff() if person.role == "owner")
    talk.kind, talk.staff_id = Kind.STAFF, filled.people[owner.key].id
    session.flush()


def _bot() -> Bot:
    return Bot(TOKEN, name=words.NAME.ru, username="glina_i_len_bot", about=words.ABOUT.ru)


def _people() -> list[Person]:
    return [*BUYERS, OWNER]


def _known_customers(telegram: TelegramEmulator) -> None:
    """Customers of the shop's past have Telegram too, so that answers reach them; their phones lie in no one's hand."""
    for n, customer in enumerate(people.customers()):
        if customer.channel == "telegram":
            first, _, last = customer.name.partition(" ")
            telegram.add_person(Person(fill.person_id(n), first, last, customer.username, listed=False))
            telegram.phone(fill.person_id(n)).chat.started = True
    telegram.phone(OWNER.id).chat.started = True


def _tell(told: Config, host: str, port: int, seconds: float) -> None:
    owner, operator = people.staff()[0], people.staff()[1]
    lines = (
        f"Prilavok's demo is open after {seconds:.1f} s. Everything is on this machine; nobody real hears of it.",
        "",
        f"  Console     {told.public_url}",
        f"              operator {operator.email}, owner {owner.email}, password {fill.PASSWORD}",
        f"  Phones      http://{host}:{port + 1}/phone   (two buyers and the owner)",
        f"  Shop site   http://{host}:{port + 3}/        (with the web chat)",
        f"  YooKassa    http://{host}:{port + 2}         (its payment page opens from the chat)",
        "",
        "Ctrl-C closes it; the next start goes on where this one stopped.",
    )
    typer.echo("\n".join(lines))
