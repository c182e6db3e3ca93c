"""All rows of a shop from an SQLite file into the empty tables of PostgreSQL: the ids, moments and texts as they were.

Both have the same tables, those of this release. Rows that point at each other come in any order, so the references are
taken away before and put back after, which has PostgreSQL look at every one. What each database makes for itself, the
indexes of the searches, is not brought along.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import psycopg
import sqlalchemy as sa

from storage.refusals import InstallationRefused
from storage.schema import Base

PORTION = 1000
"""Rows that are held in memory at a time."""

NUL = "\0"
"""The one character that PostgreSQL keeps in no text. SQLite does, and no person ever typed it."""

_REFERENCES = sa.text(
    "SELECT conrelid::regclass::text, quote_ident(conname), pg_get_constraintdef(oid) FROM pg_constraint"
    " WHERE contype = 'f' AND connamespace = to_regnamespace(current_schema()::text) ORDER BY conname"
)


class DoesNotFit(InstallationRefused):
    """A row that SQLite took and PostgreSQL does not."""

    def __init__(self, table: str, why: str) -> None:
        super().__init__(
            f"A row of the table {table} does not fit into PostgreSQL: {why}. Nothing was changed in the shop that the"
            " backup is of: mend that row there, or report it, and make another backup."
        )


def bring(source: sa.Connection, target: sa.Connection) -> dict[str, int]:
    """Copy every table, in the transaction of `target`. Gives the rows of each.

    Raises DoesNotFit.
    """
    references = target.execute(_REFERENCES).all()
    for table, name, _ in references:
        target.exec_driver_sql(f"ALTER TABLE {table} DROP CONSTRAINT {name}")
    counts = {}
    for table in Base.metadata.tables.values():
        try:
            counts[table.name] = _bring_table(source, target, table)
        except psycopg.Error as refused:
            # The rest of what it says quotes the row, which may be private.
            raise DoesNotFit(table.name, _first_words(refused)) from None
    for table, name, definition in references:
        try:
            target.exec_driver_sql(f"ALTER TABLE {table} ADD CONSTRAINT {name} {definition}")
        except sa.exc.IntegrityError:
            raise DoesNotFit(table, f"it points at a row that is not there ({name})") from None
    return counts


def _bring_table(source: sa.Connection, target: sa.Connection, table: sa.Table) -> int:
    quoted = target.dialect.identifier_preparer.quote
    columns = ", ".join(quoted(column.name) for column in table.columns)
    raw: Any = target.connection.driver_connection
    count = 0
    with raw.cursor() as cursor, cursor.copy(f"COPY {quoted(table.name)} ({columns}) FROM STDIN") as copy:
        for row in _rows(source, table):
            copy.write_row(row)
            count += 1
    for column in table.primary_key.columns:
        if sequence := target.scalar(sa.select(sa.func.pg_get_serial_sequence(f'"{table.name}"', column.name))):
            last = target.scalar(sa.select(sa.func.max(column)))
            if last is not None:
                target.execute(sa.select(sa.func.setval(sequence, last)))
    return count


def _rows(source: sa.Connection, table: sa.Table) -> Iterator[Sequence[Any]]:
    """As PostgreSQL takes them: JSON as the text that it is, so that nothing of it is written another way."""
    plain = [sa.type_coerce(column, sa.Text) if _is_json(column) else column for column in table.columns]
    found = source.execution_options(yield_per=PORTION).execute(sa.select(*plain))
    for row in found:
        yield [value.replace(NUL, "") if isinstance(value, str) else value for value in row]


def _is_json(column: sa.Column[Any]) -> bool:
    return isinstance(column.type, sa.JSON)


def _first_words(refused: psycopg.Error) -> str:
    return refused.diag.message_primary or type(refused).__name__
