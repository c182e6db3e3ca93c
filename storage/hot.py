"""Statements of the path that every message takes: built with SQLAlchemy once, run as text on the driver.

Executing a Core statement costs about three times what the driver does (compilation cache look-up, parameter and
result processing). For the few statements that run for each message the text is kept; values are written as their
columns' types say, and results come as the driver gives them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

Build = Callable[[Any], sa.Executable]
"""Makes the statement; its argument is the dialect's `insert` function."""

_INSERT = {"sqlite": sqlite.insert, "postgresql": postgresql.insert}


@dataclass(frozen=True, slots=True)
class _Text:
    """A statement as one dialect's driver takes it."""

    sql: str
    order: Sequence[str] | None
    """Names of the parameters by place; None where the driver takes them by name."""
    fixed: Mapping[str, Any]
    writers: Mapping[str, Callable[[Any], Any]]
    """How values of some parameters are written."""

    def parameters(self, values: Mapping[str, Any]) -> Any:
        merged = {**self.fixed, **values}
        for name, write in self.writers.items():
            merged[name] = write(merged[name])
        return merged if self.order is None else tuple(merged[name] for name in self.order)


class Hot:
    """One statement, compiled at its first use on each dialect. Parameters are the statement's bindparams by name."""

    def __init__(self, build: Build) -> None:
        self._build = build
        self._texts: dict[str, _Text] = {}

    def __call__(self, session: Session, **values: Any) -> sa.CursorResult[Any]:
        connection = session.connection()
        text = self._text(connection.dialect)
        return connection.exec_driver_sql(text.sql, text.parameters(values))

    def many(self, session: Session, rows: Sequence[Mapping[str, Any]]) -> None:
        """Run once for each row, in one call of the driver. No result."""
        if not rows:
            return
        connection = session.connection()
        text = self._text(connection.dialect)
        connection.exec_driver_sql(text.sql, [text.parameters(row) for row in rows])

    def _text(self, dialect: sa.Dialect) -> _Text:
        known = self._texts.get(dialect.name)
        if known is None:
            compiled = self._build(_INSERT[dialect.name]).compile(dialect=dialect)  # type: ignore[attr-defined]
            writers = {
                name: write
                for name, bind in compiled.binds.items()
                if (write := bind.type.dialect_impl(dialect).bind_processor(dialect)) is not None
            }
            fixed = {
                name: writers[name](value) if name in writers else value
                for name, value in compiled.params.items()
                if value is not None
            }
            asked = {name: write for name, write in writers.items() if name not in fixed}
            known = self._texts[dialect.name] = _Text(compiled.string, compiled.positiontup, fixed, asked)
        return known
