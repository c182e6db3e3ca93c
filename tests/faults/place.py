"""A whole installation in a temporary folder: configuration, database, a small shop, and the world around it."""

from __future__ import annotations

import contextlib
import io
import secrets
import socket
import tempfile
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path

import sqlalchemy as sa
from PIL import Image
from sqlalchemy.orm import Session

from catalog import editing, stock
from company import settings, shops, staff
from company.settings import DeliveryMethod
from company.tables import ChannelAccount, Role, Shop
from customers import identities
from emulators.telegram import Bot, Person, TelegramEmulator
from emulators.telegram import Settings as TelegramSettings
from emulators.yookassa import Shop as Merchant
from emulators.yookassa import YooKassaEmulator
from inbox import conversations
from inbox.tables import Kind
from kit import config
from payments.tables import PaymentAccount
from prilavok import installation
from storage.files import FileStore, record

TOKEN = "7007:faults-bot-of-clay-and-linen"
MERCHANT, MERCHANT_KEY = "700700", "test_faults-key-of-clay-and-linen"
OWNER = Person(900, "Илья", "Дорохов", "ilya_dorokhov", "+79000000900")
FIRST_BUYER = 1000

GOODS = {
    "Кружки": ("Кружка «Туман»", "Кружка «Берег»", "Кружка «Полдень»"),
    "Вазы": ("Ваза «Лён»", "Ваза «Поле»", "Ваза «Ива»"),
    "Пледы": ("Плед «Осень»", "Плед «Снег»", "Плед «Мох»"),
}
COLOURS = {"белый": (236, 230, 220), "синий": (70, 92, 140)}


@dataclass(frozen=True, slots=True)
class Place:
    """Where the hub of a run lives. Written down in `config.toml`."""

    folder: Path
    database: str
    port: int
    telegram: TelegramEmulator
    yookassa: YooKassaEmulator

    @property
    def configuration(self) -> Path:
        return self.folder / "config.toml"

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def journal(self) -> Path:
        """What Telegram saw."""
        return self.folder / "telegram.jsonl"

    @contextlib.contextmanager
    def session(self) -> Iterator[Session]:
        """A look into the database from outside, while no hub runs or beside it."""
        address = sa.make_url(self.database)
        driver = "sqlite" if address.get_backend_name() == "sqlite" else "postgresql+psycopg"
        engine = sa.create_engine(address.set(drivername=driver))
        try:
            with Session(engine) as session:
                yield session
        finally:
            engine.dispose()


def people(buyers: int) -> list[Person]:
    return [
        Person(FIRST_BUYER + n, f"Покупатель{n}", "", f"buyer_{n}", f"+7900{1000000 + n}") for n in range(buyers)
    ] + [OWNER]


@contextlib.asynccontextmanager
async def opened(database: str, *, buyers: int, latency: float = 0.0, pieces: int = 400) -> AsyncIterator[Place]:
    """The emulators running and a shop ready for its first hub; everything is gone afterwards.

    `database` is empty for an SQLite file in the folder, or the address of a PostgreSQL server, on which a schema of
    its own is made. `latency` is how many seconds Telegram takes for each call.
    """
    with tempfile.TemporaryDirectory(prefix="prilavok-faults-") as name, _database(database, Path(name)) as url:
        folder = Path(name)
        told = TelegramSettings(journal=folder / "telegram.jsonl", press_lives=600)
        telegram = TelegramEmulator([Bot(TOKEN, name="Глина и лён")], people(buyers), settings=told)
        yookassa = YooKassaEmulator([Merchant(MERCHANT, MERCHANT_KEY)], pause_scale=0.02)
        await telegram.start()
        await yookassa.start()
        telegram.faults.latency = latency
        telegram.phone(OWNER.id).chat.started = True
        place = Place(folder, url, free_port(), telegram, yookassa)
        try:
            _write_configuration(place)
            hook = _open_shop(place, pieces)
            yookassa.webhook_urls[MERCHANT] = f"{place.address}/hooks/yookassa/{hook}"
            yield place
        finally:
            await telegram.stop()
            await yookassa.stop()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@contextlib.contextmanager
def _database(address: str, folder: Path) -> Iterator[str]:
    if not address:
        yield f"sqlite:///{folder}/shop.db"
        return
    server = sa.create_engine(sa.make_url(address).set(drivername="postgresql+psycopg"), isolation_level="AUTOCOMMIT")
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
database = "{place.database}"
files = "{place.folder}/files"
public_url = "{place.address}"
port = {place.port}
[shop]
name = "Глина и лён"
[[telegram]]
token = "{TOKEN}"
api = "{place.telegram.base_url}"
[[yookassa]]
shop_id = "{MERCHANT}"
secret_key = "{MERCHANT_KEY}"
test = true
api = "{place.yookassa.api_url}"
[log]
level = "warning"
''',
        encoding="utf-8",
    )


def _open_shop(place: Place, pieces: int) -> int:
    """Migrate and fill. Gives the number of the payment account, for its notifications' address."""
    told = config.load(place.configuration)
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
                editing.add_photo(session, product, stored, variant=variant)
    _link_owner(session, shop)
    return session.scalars(sa.select(PaymentAccount.id).where(PaymentAccount.provider == "yookassa")).one()


def _picture(tone: tuple[int, int, int], n: int) -> bytes:
    out = io.BytesIO()
    Image.new("RGB", (320, 320), (tone[0] - 9 * n, tone[1], tone[2])).save(out, "JPEG")
    return out.getvalue()


def _link_owner(session: Session, shop: Shop) -> None:
    owner = staff.add(
        session, shop, email="ilya@clay.example", name="Илья Дорохов", password=None, role=Role.OWNER, locale="ru"
    )
    account = session.scalars(sa.select(ChannelAccount).where(ChannelAccount.channel == "telegram")).one()
    identity = identities.recognise(session, account, external_id=str(OWNER.id), name="Илья Дорохов", locale="ru")
    chat = conversations.open_for(session, account, str(OWNER.id), customer_id=identity.customer_id, locale="ru")
    chat.kind, chat.staff_id = Kind.STAFF, owner.id
    session.flush()
