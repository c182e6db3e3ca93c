"""A shop as release 0001 wrote it: rows of real trade on the emulators, kept as they stood in its tables."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import orjson
import sqlalchemy as sa

ROWS: dict[str, list[dict[str, Any]]] = orjson.loads((Path(__file__).parent / "shop_0001.json").read_bytes())


def fill(engine: sa.Engine) -> None:
    """Put the rows into a database whose tables are those of 0001."""
    metadata = sa.MetaData()
    metadata.reflect(engine)
    with engine.begin() as connection:
        for table in metadata.sorted_tables:
            for row in ROWS.get(table.name, ()):
                _insert(connection, table, row)
        if engine.dialect.name == "postgresql":
            _count_on(connection, metadata)


def _insert(connection: sa.Connection, table: sa.Table, row: dict[str, Any]) -> None:
    quote = connection.dialect.identifier_preparer.quote
    postgres = connection.dialect.name == "postgresql"
    values = tuple(_native(table.c[name], value) if postgres else value for name, value in row.items())
    columns = ", ".join(quote(name) for name in row)
    marks = ", ".join(["%s" if postgres else "?"] * len(row))
    connection.exec_driver_sql(f"INSERT INTO {quote(table.name)} ({columns}) VALUES ({marks})", values)


def _native(column: sa.Column[Any], value: Any) -> Any:
    """What SQLite keeps as a number or a text, as PostgreSQL takes it."""
    if value is None:
        return None
    if isinstance(column.type, sa.Boolean):
        return bool(value)
    return f"{value}+00:00" if isinstance(column.type, sa.DateTime) else value


def _count_on(connection: sa.Connection, metadata: sa.MetaData) -> None:
    """Let sequences go on behind the ids that were put in by hand."""
    for table in metadata.sorted_tables:
        if table.name in ROWS and "id" in table.c:
            newest = f'SELECT MAX(id) FROM "{table.name}"'
            connection.exec_driver_sql(f"SELECT setval(pg_get_serial_sequence('\"{table.name}\"', 'id'), ({newest}))")
