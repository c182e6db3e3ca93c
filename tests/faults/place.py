"""A whole installation in a temporary folder: configuration, database, a small shop, and the world around it."""

from __future__ import annotations

import contextlib
import io
import secrets
import tempfile
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import sqlalchemy as sa
from PIL import Image
from sqlalchemy.orm import Session

from bot import doubts
from catalog import editing, pictures, stock
from company import settings, shops, staff
from company.settings import DeliveryMethod
from company.tables import ChannelAccount, Role, Shop
from customers import identities
from emulators.telegram.phones import Phone
from emulators.yookassa import Shop as Merchant
from emulators.yookassa import YooKassaEmulator
from inbox import conversations
from inbox.tables import Kind
from kit import config
from kit.clock import now_ms
from payments.tables import PaymentAccount
from prilavok import installation
from storage.engines import prepare_sqlite
from storage.files import FileStore, record
from storage.tables import Job
from tests.faults.letters import Email
from tests.faults.messengers import OWNER, Max, Messenger, Telegram, Vk
from tests.faults.proxy import Proxy
from tests.faults.weather import FAIR, Weather
from tests.faults.whatsapp import WhatsApp
from tests.ports import free_port

if TYPE_CHECKING:
    from tests.faults.people import Device

MERCHANT, MERCHANT_KEY = "700700", "test_faults-key-of-clay-and-linen"
OWNER_EMAIL, PASSWORD = "ilya@clay.example", "clay and linen under a hail of kills"
SITE = "clay-and-linen"

GOODS = {
    "Кружки": ("Кружка «Туман»", "Кружка «Берег»", "Кружка «Полдень»"),
    "Вазы": ("Ваза «Лён»", "Ваза «Поле»", "Ваза «Ива»"),
    "Пледы": ("Плед «Осень»", "Плед «Снег»", "Плед «Мох»"),
}
COLOURS = {"белый": (236, 230, 220), "синий": (70, 92, 140)}


OTHERS: Mapping[str, type[Max | Vk | WhatsApp | Email]] = {"max": Max, "vk": Vk, "whatsapp": WhatsApp, "email": Email}
"""Messengers beside Telegram, where the owner is too."""

PHONES = ("max", "vk")
"""Those of them that are there where nothing else is said."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where the hub of a run lives. Written down in `config.toml`."""

    folder: Path
    work: Path
    """The harness's own: journals and the hub's log. It stays writable when the hub's disk is full."""
    database: str
    port: int
    telegram: Telegram
    others: Sequence[Messenger]
    yookassa: YooKassaEmulator
    wires: Mapping[str, Proxy] = field(default_factory=dict)
    """The proxies that stand between the hub and each messenger, "yookassa" and "postgres", and as "hooks" before the
    hub's own address for whatever calls it, if there are any."""

    @property
    def messengers(self) -> Sequence[Messenger]:
        return (self.telegram, *self.others)

    @property
    def phones(self) -> list[Phone]:
        """Those of everybody who buys in Telegram."""
        return self.telegram.phones

    @property
    def devices(self) -> list[Device]:
        """Of everybody who buys, but for visitors of the web chat."""
        return [device for messenger in self.messengers for device in messenger.devices]

    @property
    def owners_phone(self) -> Phone:
        return self.telegram.served.phone(OWNER.id)

    def answers(self) -> int:
        """How many calls that a person notices the messengers have had."""
        return sum(messenger.answers() for messenger in self.messengers)

    def is_connected(self, device: object) -> bool:
        """Whether the hub listens where this phone writes; to other devices it always does."""
        messenger = self.messenger_of(device)
        return messenger is None or messenger.connected()

    def messenger_of(self, device: object) -> Messenger | None:
        """None for visitors of the web chat."""
        return next((messenger for messenger in self.messengers if messenger.reaches(device)), None)

    def following(self, device: Device) -> Device:
        """Who buys next, after somebody with this device has bought."""
        messenger = self.messenger_of(device)
        return messenger.following(device) if messenger is not None else device

    def doubts_end(self) -> int:
        """The time is over in which a messenger may tell of a message that went out without an answer. Gives how many
        messages that was news for."""
        due = sa.update(Job).where(Job.kind == doubts.SETTLE, Job.state == "ready", Job.run_at > now_ms())
        with self.writing() as session:
            return int(session.execute(due.values(run_at=now_ms())).rowcount)  # type: ignore[attr-defined]

    def told_all(self) -> bool:
        """Whether the hub has confirmed every event there was."""
        return not any(messenger.waiting() for messenger in self.messengers)

    @property
    def configuration(self) -> Path:
        return self.folder / "config.toml"

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def money_journal(self) -> Path:
        """What happened to the money at YooKassa."""
        return self.work / "yookassa.jsonl"

    @property
    def on_sqlite(self) -> bool:
        return sa.make_url(self.database).get_backend_name() == "sqlite"

    @contextlib.contextmanager
    def writing(self) -> Iterator[Session]:
        """A transaction beside the hub."""
        address = sa.make_url(self.database)
        engine = sa.create_engine(address if self.on_sqlite else address.set(drivername="postgresql+psycopg"))
        if self.on_sqlite:
            prepare_sqlite(engine, begin="BEGIN IMMEDIATE")
        try:
            with Session(engine) as session, session.begin():
                yield session
        finally:
            engine.dispose()

    @contextlib.contextmanager
    def session(self) -> Iterator[Session]:
        """A look into the database from outside, while no hub runs or beside it: one snapshot."""
        address = sa.make_url(self.database)
        if self.on_sqlite:
            engine = sa.create_engine(address)
            prepare_sqlite(engine, begin="BEGIN", query_only=True)
        else:
            engine = sa.create_engine(address.set(drivername="postgresql+psycopg"), isolation_level="REPEATABLE READ")
        try:
            with Session(engine) as session:
                yield session
        finally:
            engine.dispose()


@contextlib.asynccontextmanager
async def opened(
    database: str,
    *,
    buyers: int,
    others: int = 0,
    channels: Sequence[str] = PHONES,
    latency: float = 0.0,
    pieces: int = 400,
    weather: Weather = FAIR,
    seed: int = 1,
    proxied: bool = False,
    root: Path | None = None,
) -> AsyncIterator[Place]:
    """The emulators running and a shop ready for its first hub; everything is gone afterwards.

    `database` is empty for an SQLite file in the folder, or the address of a PostgreSQL server, on which a schema of
    its own is made. `buyers` have Telegram, and so many `others` each of the `channels`. `latency` is how many seconds
    a messenger takes for each call. `proxied` puts proxies between the hub and everything that it talks to. `root` is
    where the folder is made.

    The emulators live in this process, and what they saw is on the disk line by line: a killed hub cannot falsify it.
    """
    with tempfile.TemporaryDirectory(prefix="prilavok-faults-") as work, contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="prilavok-faults-", dir=root)))
        url = stack.enter_context(_database(database, folder))
        telegram = Telegram(Path(work), buyers)
        messengers: list[Messenger] = [telegram]
        messengers += [OTHERS[channel](Path(work), others) for channel in channels if others]
        yookassa = YooKassaEmulator(
            [Merchant(MERCHANT, MERCHANT_KEY)],
            journal=Path(work) / "yookassa.jsonl",
            durable_journal=True,
            pause_scale=0.02,
        )
        await yookassa.start()
        for messenger in messengers:
            await messenger.start(latency)
        weather.comes(messengers, yookassa, seed)
        port = free_port()
        wires = await _wired(messengers, yookassa, url, port) if proxied else {}
        place = Place(folder, Path(work), url, port, telegram, messengers[1:], yookassa, wires)
        place.owners_phone.chat.started = True
        try:
            _write_configuration(place)
            hook = f"{place.address}/hooks/yookassa/{_open_shop(place, pieces)}"
            yookassa.webhook_urls[MERCHANT] = _through(place, "hooks", hook)
            yield place
        finally:
            for proxy in wires.values():
                await proxy.stop()
            for messenger in messengers:
                await messenger.stop()
            await yookassa.stop()


async def _wired(
    messengers: Sequence[Messenger], yookassa: YooKassaEmulator, database: str, port: int
) -> dict[str, Proxy]:
    """A proxy before each service, before PostgreSQL if that is the database, and before the hub's own port."""
    targets = {name: urlsplit(at) for messenger in messengers for name, at in messenger.addresses().items()}
    targets["yookassa"] = urlsplit(yookassa.api_url)
    targets["hooks"] = urlsplit(f"http://127.0.0.1:{port}")
    wires = {name: Proxy(target.hostname or "", target.port or 80) for name, target in targets.items()}
    if (address := sa.make_url(database)).get_backend_name() != "sqlite":
        wires["postgres"] = Proxy(address.host or "127.0.0.1", address.port or 5432)
    for proxy in wires.values():
        await proxy.start()
    for messenger in messengers:
        messenger.calls_by_way_of(wires["hooks"].port)
    return wires


def _through(place: Place, name: str, address: str) -> str:
    """The address that the hub is told: the proxy's, if one stands before this service."""
    proxy = place.wires.get(name)
    if proxy is None:
        return address
    if name == "postgres":
        return sa.make_url(address).set(host="127.0.0.1", port=proxy.port).render_as_string(hide_password=False)
    return urlsplit(address)._replace(netloc=f"127.0.0.1:{proxy.port}").geturl()


def _at(place: Place, messenger: Messenger) -> dict[str, str]:
    """Where the hub finds this messenger."""
    return {name: _through(place, name, address) for name, address in messenger.addresses().items()}


@contextlib.contextmanager
def _database(address: str, folder: Path) -> Iterator[str]:
    if not address:
        yield f"sqlite:///{folder}/shop.db"
        return
    server = sa.create_engine(
        sa.make_url(address).set(drivername="postgresql+psycopg"), isolation_level="AUTOCOMMIT", poolclass=sa.NullPool
    )
    schema = f"faults_{secrets.token_hex(4)}"
    with server.connect() as connection:
        connection.exec_driver_sql(f"CREATE SCHEMA {schema}")
    url = sa.make_url(address).set(drivername="postgresql").update_query_dict({"options": f"-csearch_path={schema}"})
    try:
        yield url.render_as_string(hide_password=False)
    finally:
        with server.connect() as connection:
            connection.exec_driver_sql(f"DROP SCHEMA {schema} CASCADE")
        server.dispose()


def _write_configuration(place: Place) -> None:
    place.configuration.write_text(
        f'''secret_key = "{secrets.token_hex(32)}"
database = "{_through(place, "postgres", place.database)}"
files = "{place.folder}/files"
public_url = "{place.address}"
port = {place.port}
[shop]
name = "Глина и лён"
{"".join(each.section(_at(place, each)) for each in place.messengers)}
[[webchat]]
site = "{SITE}"
origins = ["http://shop.example"]
[[yookassa]]
shop_id = "{MERCHANT}"
secret_key = "{MERCHANT_KEY}"
test = true
api = "{_through(place, "yookassa", place.yookassa.api_url)}"
[log]
level = "warning"
''',
        encoding="utf-8",
    )


def _open_shop(place: Place, pieces: int) -> int:
    """Migrate and fill. Gives the number of the payment account, for its notifications' address."""
    # Straight to the database: the proxy before it waits for this very thread.
    told = config.load(place.configuration).model_copy(update={"database": place.database})
    installation.prepare(told)
    files = FileStore(told.files)
    return installation.within(told.database, lambda session: _fill(session, files, pieces))


def _fill(session: Session, files: FileStore, pieces: int) -> int:
    shop = session.get_one(Shop, shops.get(session, 1).id)
    methods = (
        DeliveryMethod(code="pickup", name="Самовывоз", needs_address=False),
        DeliveryMethod(code="courier", name="Курьер", price=39000),
    )
    settings.change(session, shop, delivery=[method.model_dump() for method in methods])
    rooms = [stock.add_warehouse(session, shop, name=name, position=n) for n, name in enumerate(("Лавка", "Склад"))]
    for category, names in GOODS.items():
        shelf = editing.add_category(session, shop, name=category)
        for n, name in enumerate(names):
            product = editing.add_product(session, shop, name=name, category=shelf, description="Ручная работа.")
            for colour, tone in COLOURS.items():
                sku = f"{category[:2]}-{n}-{colour[:3]}".upper()
                price = 90000 + 10000 * n
                variant = editing.add_variant(session, product, sku=sku, price=price, attributes=[("Цвет", colour)])
                for room, quantity in zip(rooms, (pieces // 10, pieces), strict=True):
                    stock.receive(session, variant, room, quantity, reason="initial", actor="system")
                stored = record(session, files.keep(_picture(tone, n)), name="photo.jpg", public=True, shop_id=shop.id)
                pictures.add_photo(session, product, stored, variant=variant)
    _link_owner(session, shop)
    return session.scalars(sa.select(PaymentAccount.id).where(PaymentAccount.provider == "yookassa")).one()


def _picture(tone: tuple[int, int, int], n: int) -> bytes:
    out = io.BytesIO()
    Image.new("RGB", (320, 320), (tone[0] - 9 * n, tone[1], tone[2])).save(out, "JPEG")
    return out.getvalue()


def _link_owner(session: Session, shop: Shop) -> None:
    owner = staff.add(
        session, shop, email=OWNER_EMAIL, name="Илья Дорохов", password=PASSWORD, role=Role.OWNER, locale="ru"
    )
    account = session.scalars(sa.select(ChannelAccount).where(ChannelAccount.channel == "telegram")).one()
    identity = identities.recognise(session, account, external_id=str(OWNER.id), name="Илья Дорохов", locale="ru")
    chat = conversations.open_for(session, account, str(OWNER.id), customer_id=identity.customer_id, locale="ru")
    chat.kind, chat.staff_id = Kind.STAFF, owner.id
    session.flush()
