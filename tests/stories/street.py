"""The street where the stories happen: a whole hub, Telegram and YooKassa in one process, on loopback.

Only the far ends are played: phones, a visitor's browser, an operator's browser. All between is the product as it runs.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Concatenate, ParamSpec, TypeVar

import aiohttp
import sqlalchemy as sa
from sqlalchemy.orm import Session

# What a hub imports when it opens a bot; here before any clock runs.
import bot.channels.telegram_files  # noqa: F401
from company import settings, staff
from company.tables import ChannelAccount, Role, Shop, Staff
from emulators.telegram import Bot, Person, TelegramEmulator
from emulators.yookassa import Shop as Merchant
from emulators.yookassa import YooKassaEmulator
from kit import config
from kit.clock import now_ms
from kit.config import Config
from payments.tables import PaymentAccount
from prilavok import installation
from prilavok.hub import Hub
from storage.files import FileStore
from storage.tables import Job
from tests.ports import free_port
from tests.stories import goods

P = ParamSpec("P")
T = TypeVar("T")

TOKEN = "4200077:AAF-token-of-the-stories-never-to-be-seen"
MERCHANT, MERCHANT_KEY = "100777", "test_key-of-the-stories-never-to-be-seen"
HOOK_SECRET = "hook-secret-of-the-stories"
SEAL = "5d1f0b7a9c3e48662b8d7f10c4a9e35b"
SITE = "clay-and-linen"

OWNER = Person(700_001, "Илья", "Дорохов", "ilya_dorokhov", "+79000000071")
OLGA = Person(700_002, "Ольга", "Рябинина", "olga_ryab", "+79000000072")
TOM = Person(700_003, "Tom", "Baker", "tom_baker", "+79000000073")
PEOPLE = (OWNER, OLGA, TOM)

PASSWORD = "clay-and-linen-in-the-stories"
OWNER_EMAIL, MARINA_EMAIL = "ilya@clay.example", "marina@clay.example"


@dataclass
class Street:
    """`db` work goes through the running hub, as its own edges do."""

    config: Config
    hub: Hub
    telegram: TelegramEmulator
    yookassa: YooKassaEmulator
    http: aiohttp.ClientSession
    url: str

    async def do(self, fn: Callable[Concatenate[Session, P], T], *args: P.args, **kwargs: P.kwargs) -> T:
        return await self.hub.db.write(fn, *args, **kwargs)

    async def ask(self, fn: Callable[Concatenate[Session, P], T], *args: P.args, **kwargs: P.kwargs) -> T:
        return await self.hub.db.read(fn, *args, **kwargs)

    async def restart(self) -> None:
        """Stop the hub as Ctrl-C does and start another on the same database, files and port."""
        await self.hub.stop()
        self.hub = Hub(self.config)
        await self.hub.start()

    async def settle(self) -> None:
        """Wait until Telegram and YooKassa have told everything and no job is due."""
        await self.yookassa.settled()
        deadline = asyncio.get_running_loop().time() + 20
        while due := self._untold() or await self.ask(_due):
            assert asyncio.get_running_loop().time() < deadline, f"never done: {due}"
            await asyncio.sleep(0.02)
        await self.hub.worker.idle()

    def _untold(self) -> list[str]:
        """Updates that the hub has not confirmed yet."""
        queue = self.telegram.cloud.account(int(TOKEN.partition(":")[0])).queue
        return [f"update {update}" for update in queue.pending]


@asynccontextmanager
async def open_street(
    database: str,
    folder: Path,
    *,
    receive: str = "polling",
    webhook_secret: str = HOOK_SECRET,
    reachable: bool = True,
    also: Mapping[str, Any] | None = None,
) -> AsyncIterator[Street]:
    """An open shop. Where the bot is `reachable`, the owner's chat is joined to him by the code, as he would do it.

    `also` are more sections of its configuration.
    """
    telegram = TelegramEmulator([Bot(TOKEN, name="Глина и лён", username="clay_linen_bot")], PEOPLE)
    yookassa = YooKassaEmulator(
        [Merchant(MERCHANT, MERCHANT_KEY, receipts_required=True)], pause_scale=0.01, order_key="number"
    )
    bot_api = await telegram.start()
    await yookassa.start()
    told = _told(
        database, folder, bot_api, yookassa.api_url, receive=receive, webhook_secret=webhook_secret, also=also or {}
    )
    hook = await asyncio.to_thread(_open_shop, told)
    yookassa.webhook_urls[MERCHANT] = f"{told.public_url}/hooks/yookassa/{hook}"
    hub = Hub(told)
    async with aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar()) as http:
        street = Street(told, hub, telegram, yookassa, http, told.public_url)
        try:
            await hub.start()
            if reachable:
                await _join_owner(street)
            yield street
        finally:
            await street.hub.stop()
            await telegram.stop()
            await yookassa.stop()


async def _join_owner(street: Street) -> None:
    code = await street.do(_owners_code)
    phone = street.telegram.phone(OWNER.id)
    phone.start(f"staff_{code}")
    await phone.wait_for_text("этот чат теперь ваш", timeout=10)


def _told(
    database: str,
    folder: Path,
    bot_api: str,
    yookassa_api: str,
    *,
    receive: str,
    webhook_secret: str,
    also: Mapping[str, Any],
) -> Config:
    port = free_port()
    bot = {"name": "Telegram", "token": TOKEN, "api": bot_api, "receive": receive}
    if webhook_secret:
        bot["webhook_secret"] = webhook_secret
    return config.parse(
        {
            "secret_key": SEAL,
            "database": database,
            "files": str(folder / "files"),
            "public_url": f"http://127.0.0.1:{port}",
            "port": port,
            "shop": {"name": "Глина и лён"},
            "telegram": [bot],
            "webchat": [{"site": SITE, "origins": ["http://shop.example"]}],
            "yookassa": [{"shop_id": MERCHANT, "secret_key": MERCHANT_KEY, "test": True, "api": yookassa_api}],
            **also,
        }
    )


def _open_shop(told: Config) -> int:
    """What the installation does from its configuration, then the goods and the staff. Gives YooKassa's account."""
    installation.prepare(told)
    return installation.within(told.database, lambda session: _fill(session, FileStore(told.files)))


def _fill(session: Session, files: FileStore) -> int:
    shop = installation.the_shop(session)
    # Илья accepts by his own button in these stories.
    settings.change(session, shop, auto_confirm={"when_paid": False})
    goods.put_on_shelves(session, shop, files)
    owner = staff.add(session, shop, email=OWNER_EMAIL, name="Илья Дорохов", password=PASSWORD, role=Role.OWNER)
    marina = staff.add(session, shop, email=MARINA_EMAIL, name="Марина Ким", password=None, role=Role.OPERATOR)
    marina.password_hash = owner.password_hash
    return session.scalars(sa.select(PaymentAccount.id).where(PaymentAccount.provider == "yookassa")).one()


def _owners_code(session: Session) -> str:
    owner = staff.by_email(session, OWNER_EMAIL)
    assert owner is not None
    return staff.new_link_code(session, owner)


def the_shop(session: Session) -> Shop:
    return installation.the_shop(session)


def person(session: Session, email: str) -> Staff:
    found = staff.by_email(session, email)
    assert found is not None
    return found


def account(session: Session, channel: str) -> ChannelAccount:
    return session.scalars(sa.select(ChannelAccount).where(ChannelAccount.channel == channel)).one()


def _due(session: Session) -> list[str]:
    """Jobs that are due now or within two seconds: a look or a retry that is about to come."""
    due = sa.select(Job).where(Job.state == "ready", Job.run_at <= now_ms() + 2000)
    return [f"{job.kind} in {job.lane}, attempt {job.attempts}: {job.error}" for job in session.scalars(due)]
