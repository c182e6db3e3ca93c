"""A shop that began on SQLite goes on in PostgreSQL, with everything it has."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.orm import Session

from catalog import search
from customers.tables import Customer
from inbox import searching
from inbox.tables import Message
from kit.config import Config
from orders.tables import Order
from prilavok import backup, installation
from prilavok.demo import opening
from prilavok.restore import restore
from storage import migrate, moving, snapshot
from storage.migrate import UnfinishedRestore
from storage.schema import Base
from tests.installation import old_shop
from tests.installation.conftest import server
from tests.installation.databases import bare_database
from tests.installation.kills import bring_to, seen
from tests.installation.migrating import Mother

pytestmark = pytest.mark.postgres


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Config:
    """The demo's shop in an SQLite file: customers, ninety days of orders, talk, tasks."""
    place = opening.Place(tmp_path_factory.mktemp("shop"), "127.0.0.1", 8080)
    told = place.configuration()
    installation.migrate(told.database)
    opening.fill_shop(place)
    return told


@pytest.fixture
def there(shop: Config) -> Iterator[Config]:
    """The same shop's settings, with an empty PostgreSQL database."""
    with bare_database(server()) as url:
        yield shop.model_copy(update={"database": url})


def rows(connection: sa.Connection, table: sa.Table) -> list[tuple[Any, ...]]:
    return [tuple(row) for row in connection.execute(sa.select(table).order_by(*table.primary_key.columns))]


def references(connection: sa.Connection) -> int:
    return connection.scalar(sa.text("SELECT count(*) FROM pg_constraint WHERE contype = 'f'")) or 0


def test_every_row_is_what_it_was(shop: Config, there: Config) -> None:
    migrate.upgrade(there.database)
    with seen(shop.database) as old, seen(there.database) as new, old.connect() as source, new.begin() as target:
        before = references(target)
        counts = moving.bring(source, target)
        assert references(target) == before > 50
        for table in Base.metadata.tables.values():
            assert rows(target, table) == rows(source, table), table.name
            assert counts[table.name] == len(rows(source, table))
    assert counts["customer"] > 20
    assert counts["order"] > 50
    assert counts["message"] > 50


def test_new_rows_get_ids_behind_the_old_ones(shop: Config, there: Config) -> None:
    migrate.upgrade(there.database)
    with seen(shop.database) as old, seen(there.database) as new, old.connect() as source, new.begin() as target:
        moving.bring(source, target)
        session = Session(target)
        newest = session.scalar(sa.select(sa.func.max(Customer.id))) or 0
        known = session.scalars(sa.select(Customer).limit(1)).one()
        session.add(Customer(shop_id=known.shop_id, name="Новая", locale="ru", created_at=known.created_at))
        session.flush()
        assert session.scalar(sa.select(sa.func.max(Customer.id))) == newest + 1


def test_a_backup_of_sqlite_opens_in_postgresql(shop: Config, there: Config, tmp_path: Path) -> None:
    backup.make(shop.database, shop.files, tmp_path / "backup")
    restored = restore(tmp_path / "backup", there, send=True)
    assert restored.key_fits
    installation.prepare(there)

    def look(session: Session) -> tuple[int, int, list[str], int]:
        while searching.catch_up(session):
            pass
        shop_id = installation.the_shop(session).id
        found = [product.name for product in search.find(session, shop_id, "кружки")]
        orders = session.scalar(sa.select(sa.func.count()).select_from(Order)) or 0
        said = session.scalars(sa.select(Message).where(Message.author == "buyer").limit(1)).one()
        word = max(said.text.split(), key=len).strip("?!.,")
        return orders, len(searching.find(session, shop_id, word)), found, session.scalar(_indexed()) or 0

    orders, hits, found, indexed = installation.within(there.database, look)
    assert orders == installation.within(
        shop.database, lambda session: session.scalar(sa.select(sa.func.count()).select_from(Order))
    )
    assert hits
    assert any("Кружка" in name for name in found)
    assert indexed > 20


def _indexed() -> sa.TextClause:
    return sa.text("SELECT count(*) FROM search_message")


def test_a_backup_of_an_old_release_opens_in_postgresql(tmp_path: Path, there: Config, mother: Mother) -> None:
    old = there.model_copy(update={"database": f"sqlite:///{tmp_path}/old.db", "files": tmp_path / "files"})
    bring_to("0001", old.database, tmp_path, mother)
    backup.make(old.database, old.files, tmp_path / "backup")
    there = there.model_copy(update={"files": tmp_path / "files there"})
    restore(tmp_path / "backup", there)
    with seen(there.database) as engine, engine.connect() as connection:
        for table in ("order", "order_line", "payment", "stage_move", "message"):
            count = connection.scalar(sa.text(f'SELECT count(*) FROM "{table}"'))
            assert count is not None
            assert count >= len(old_shop.ROWS[table]) > 0, table


def test_a_row_that_does_not_fit_is_named_without_what_is_in_it(shop: Config, there: Config, tmp_path: Path) -> None:
    """SQLite takes a text of any length."""
    backup.make(renamed(shop, tmp_path, "Тайна" * 60), shop.files, tmp_path / "backup")
    with pytest.raises(moving.DoesNotFit, match="customer does not fit") as refused:
        restore(tmp_path / "backup", there)
    assert "Тайна" not in str(refused.value)
    assert "varying(200)" in str(refused.value)
    with pytest.raises(UnfinishedRestore):
        installation.prepare(there)


def test_a_text_loses_the_character_that_postgresql_cannot_keep(shop: Config, there: Config, tmp_path: Path) -> None:
    migrate.upgrade(there.database)
    spoilt = renamed(shop, tmp_path, "Ан\0на")
    with seen(spoilt) as old, seen(there.database) as new, old.connect() as source, new.begin() as target:
        moving.bring(source, target)
        assert target.scalar(sa.select(Customer.name).where(Customer.id == 3)) == "Анна"


def renamed(shop: Config, folder: Path, name: str) -> str:
    """A copy of the shop's file in which a customer is called so."""
    with snapshot.taken(shop.database, folder / "renamed.db"):
        pass
    with seen(f"sqlite:///{folder}/renamed.db") as engine, engine.begin() as connection:
        connection.execute(sa.text("UPDATE customer SET name = :name WHERE id = 3"), {"name": name})
    return f"sqlite:///{folder}/renamed.db"
