"""A shop for the hub to keep, in a database of its own: made once, copied for each process that is measured."""

from __future__ import annotations

import contextlib
import secrets
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import sqlalchemy as sa
from sqlalchemy.orm import Session

from benchmarks.buyers import SECRET, TOKEN
from catalog import editing, stock
from company import shops
from company.tables import Shop
from kit import config
from prilavok import installation

GOODS = {
    "Кружки": ("Кружка «Туман»", "Кружка «Берег»", "Кружка «Полдень»"),
    "Вазы": ("Ваза «Лён»", "Ваза «Поле»", "Ваза «Ива»"),
    "Пледы": ("Плед «Осень»", "Плед «Снег»", "Плед «Мох»"),
}
COLOURS = ("белый", "синий")

KEY = secrets.token_hex(32)

TELEGRAM = f'''[[telegram]]
token = "{TOKEN}"
receive = "webhook"
webhook_secret = "{SECRET}"
api = "{{api}}"
per_second = 0
'''
"""The channel of most measurements, as it stands in config.toml; Telegram's address goes in."""


@dataclass(frozen=True, slots=True)
class Template:
    """A filled database. `copied` gives one of its own to each measurement."""

    folder: Path
    url: str

    @contextlib.contextmanager
    def copied(self, folder: Path) -> Iterator[str]:
        """The address of a copy, gone afterwards."""
        if self.url.startswith("sqlite"):
            target = folder / "shop.db"
            shutil.copyfile(self.url.removeprefix("sqlite:///"), target)
            yield f"sqlite:///{target}"
            return
        with fresh(self.url, template=sa.make_url(self.url).database or "") as url:
            yield url


@contextlib.contextmanager
def template(server: str, folder: Path, *, channels: str = TELEGRAM) -> Iterator[Template]:
    """A shop with goods and its channels. `server` is empty for SQLite."""
    with fresh(server) if server else contextlib.nullcontext(f"sqlite:///{folder}/template.db") as url:
        path = configuration(folder, url, api="http://127.0.0.1:1", port=1, channels=channels)
        told = config.load(path)
        installation.prepare(told)
        installation.within(url, _fill)
        if not server:
            _settle(folder / "template.db")
        yield Template(folder, url)


@contextlib.contextmanager
def fresh(server: str, *, template: str = "template1") -> Iterator[str]:
    """A database on a PostgreSQL server, dropped afterwards."""
    address = sa.make_url(server).set(drivername="postgresql+psycopg")
    name = f"bench_{secrets.token_hex(4)}"
    engine = sa.create_engine(address.set(database="postgres"), isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.exec_driver_sql(f"CREATE DATABASE {name} TEMPLATE {template}")
    try:
        yield address.set(drivername="postgresql", database=name).render_as_string(hide_password=False)
    finally:
        with engine.connect() as connection:
            connection.exec_driver_sql(f"DROP DATABASE {name} WITH (FORCE)")
        engine.dispose()


def configuration(folder: Path, database: str, *, api: str, port: int, channels: str = TELEGRAM) -> Path:
    """Write config.toml of a hub that listens on `port` and finds Telegram at `api`."""
    path = folder / "config.toml"
    path.write_text(
        f'''secret_key = "{KEY}"
database = "{database}"
files = "{folder}/files"
public_url = "http://127.0.0.1:{port}"
port = {port}
[shop]
name = "Глина и лён"
{channels.format(api=api)}
[log]
level = "warning"
''',
        encoding="utf-8",
    )
    return path


def opened(url: str) -> sa.Engine:
    """A synchronous engine for what is done beside a hub."""
    address = sa.make_url(url)
    return sa.create_engine(address.set(drivername="sqlite" if url.startswith("sqlite") else "postgresql+psycopg"))


def _fill(session: Session) -> None:
    shop = session.get_one(Shop, shops.get(session, 1).id)
    room = stock.add_warehouse(session, shop, name="Лавка", position=0)
    for category, names in GOODS.items():
        shelf = editing.add_category(session, shop, name=category)
        for n, name in enumerate(names):
            product = editing.add_product(session, shop, name=name, category=shelf, description="Ручная работа.")
            for colour in COLOURS:
                sku = f"{category[:2]}-{n}-{colour[:3]}".upper()
                price = 90000 + 10000 * n
                variant = editing.add_variant(session, product, sku=sku, price=price, attributes=[("Цвет", colour)])
                stock.receive(session, variant, room, 100_000, reason="initial", actor="system")


def _settle(path: Path) -> None:
    """All of the database in its one file, to be copied."""
    engine = sa.create_engine(f"sqlite:///{path}")
    with engine.connect() as connection:
        connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
    engine.dispose()
