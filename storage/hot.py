"""Statements of the path that every message takes: built with SQLAlchemy once, run as text on the driver.

Executing a Core statement costs about three times what the driver does (compilation cache look-up, parameter and
result processing). For the few statements that run for each message the text is kept, and the values are plain
numbers and strings that need no processing.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

Build = Callable[[Any], sa.Executable]
"""Makes the statement; its argument is the dialect's `insert` function."""

_INSERT = {"sqlite": sqlite.insert, "postgresql": postgresql.insert}


class Hot:
    """One statement, compiled at its first use on each dialect. Parameters are the statement's bindparams by name."""

    def __init__(self, build: Build) -> None:
        self._build = build
        self._texts: dict[str, tuple[str, Sequence[str] | None, Mapping[str, Any]]] = {}

    def __call__(self, session: Session, **values: Any) -> sa.CursorResult[Any]:
        connection = session.connection()
        text, order, fixed = self._text(connection.dialect)
        merged = {**fixed, **values}
        return connection.exec_driver_sql(text, merged if order is None else tuple(merged[name] for name in order))

    def many(self, session: Session, rows: Sequence[Mapping[str, Any]]) -> None:
        """Run once for each row, in one call of the driver. No result."""
        if not rows:
            return
        connection = session.connection()
        text, order, fixed = self._text(connection.dialect)
        merged = [{**fixed, **row} for row in rows]
        parameters: Any = merged if order is None else [tuple(row[name] for name in order) for row in merged]
        connection.exec_driver_sql(text, parameters)

    def _text(self, dialect: sa.Dialect) -> tuple[str, Sequence[str] | None, Mapping[str, Any]]:
        known = self._texts.get(dialect.name)
        if known is None:
            compiled = self._build(_INSERT[dialect.name]).compile(dialect=dialect)  # type: ignore[attr-defined]
            fixed = {name: value for name, value in compiled.params.items() if value is not None}
            known = self._texts[dialect.name] = (compiled.string, compiled.positiontup, fixed)
        return known
