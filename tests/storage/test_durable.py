"""Whether anything can be stored is tried by storing something."""

from __future__ import annotations

import pytest
import sqlalchemy as sa

from storage import durable
from storage.database import Database
from storage.durable import Durability


async def test_a_database_that_takes_no_write_does_not_hold_and_holds_again_by_itself(
    db: Database, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(durable, "BELIEVED", 0.0)
    durability = Durability(db)
    assert await durability.holds()
    other = sa.create_engine(database_url, isolation_level="AUTOCOMMIT")
    with other.connect() as connection:
        connection.exec_driver_sql("BEGIN IMMEDIATE" if db.is_sqlite else "BEGIN; LOCK TABLE lane")
        assert not await durability.holds()
        connection.exec_driver_sql("ROLLBACK")
    other.dispose()
    assert await durability.holds()
