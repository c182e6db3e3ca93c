"""Finding rows by a part of a text of theirs, such as some letters of a name, without reading all of them.

SQLite keeps the text in FTS5 by every three letters of it, and triggers see to that. PostgreSQL has an index of all
ends of the words, each of which begins with a part. What is made for it is called search_…, which Alembic leaves alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import TSQUERY
from sqlalchemy.orm import InstrumentedAttribute, Session

from storage.schema import Base

LEAST = 3
"""Letters below which FTS5 has nothing to look up: then all rows are read."""


@dataclass(frozen=True, slots=True)
class Parts:
    """An index of parts of some columns of a table whose key is `id`. `build` it where the table is made."""

    table: str
    columns: tuple[str, ...]

    @property
    def name(self) -> str:
        return f"search_{self.table}"

    def ddl(self) -> dict[str, list[str]]:
        """What makes it, by SQL dialect."""
        return {"sqlite": [self._virtual_table(), *self._triggers()], "postgresql": [ENDS, *self._indexes()]}

    def build(self) -> None:
        """Have Base.metadata.create_all make it; a migration has the same statements."""
        for dialect, statements in self.ddl().items():
            for statement in statements:
                ddl = sa.DDL(statement)  # type: ignore[no-untyped-call]
                sa.event.listen(Base.metadata, "after_create", ddl.execute_if(dialect=dialect))

    def holding(
        self, session: Session, column: InstrumentedAttribute[str], part: str, spellings: Sequence[str]
    ) -> sa.Select[int]:
        """Ids of the rows, of all shops, whose column holds the part in one of these spellings. Small letters are one
        of them."""
        on_sqlite = session.get_bind().dialect.name == "sqlite"
        if on_sqlite and self.looks_up(session, part):
            quoted = part.replace('"', '""')
            return (
                sa.select(sa.column("rowid", sa.Integer))
                .select_from(sa.table(self.name))
                .where(sa.literal_column(self.name).op("MATCH")(f'{column.key} : "{quoted}"'))
            )
        table: Any = column.class_
        found: sa.Select[int] = sa.select(table.id).where(self.written(column, spellings))
        if on_sqlite:
            return found
        ends = sa.func.search_ends(column).op("@@")(sa.cast(_beginning(spellings), TSQUERY))
        return found.where(ends)

    def looks_up(self, session: Session, part: str) -> bool:
        """Whether rows that hold the part are looked up, and not looked for in all there are."""
        return session.get_bind().dialect.name != "sqlite" or len(part) >= LEAST

    def written(self, column: InstrumentedAttribute[str], spellings: Sequence[str]) -> sa.ColumnElement[bool]:
        """The row's column holds one of them."""
        return sa.or_(*(column.contains(spelling, autoescape=True) for spelling in spellings))

    def _virtual_table(self) -> str:
        columns = ", ".join(self.columns)
        return (
            f"CREATE VIRTUAL TABLE IF NOT EXISTS {self.name} USING fts5"
            f"({columns}, content = '{self.table}', content_rowid = 'id', columnsize = 0, tokenize = 'trigram')"
        )

    def _triggers(self) -> list[str]:
        names = ", ".join(self.columns)
        new, old = (", ".join(f"{row}.{column}" for column in self.columns) for row in ("new", "old"))
        put = f"INSERT INTO {self.name} (rowid, {names}) VALUES (new.id, {new});"  # noqa: S608 - our own names
        forget = f"INSERT INTO {self.name} ({self.name}, rowid, {names}) VALUES ('delete', old.id, {old});"  # noqa: S608
        trigger = f"CREATE TRIGGER IF NOT EXISTS {self.name}"
        return [
            f'{trigger}_put AFTER INSERT ON "{self.table}" BEGIN {put} END',
            f'{trigger}_forget AFTER DELETE ON "{self.table}" BEGIN {forget} END',
            f'{trigger}_again AFTER UPDATE OF {names} ON "{self.table}" BEGIN {forget} {put} END',
        ]

    def _indexes(self) -> list[str]:
        return [
            f'CREATE INDEX IF NOT EXISTS ix_{self.name}_{column} ON "{self.table}" USING gin (search_ends({column}))'
            for column in self.columns
        ]


ENDS = """
CREATE OR REPLACE FUNCTION search_ends(said text) RETURNS tsvector LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
  SELECT array_to_tsvector(array_agg(DISTINCT substr(word, n)))
  FROM regexp_split_to_table(lower(said), '[[:space:]]+') AS word, generate_series(1, length(word)) AS n
$$
"""
"""All ends of the words of a text: "анна", "нна", "на", "а"."""


def _beginning(spellings: Sequence[str]) -> str:
    """The question for ends that begin with each of the words, however it is spelt: a server that folds no case of
    theirs has the ends as they were written."""
    words = zip(*(spelling.split() for spelling in spellings), strict=True)
    return " & ".join("(" + " | ".join(f"{_quoted(way)}:*" for way in sorted(set(ways))) + ")" for ways in words)


def _quoted(word: str) -> str:
    return "'" + word.replace("\\", "\\\\").replace("'", "''") + "'"
