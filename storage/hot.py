"""The path that every message takes: statements built with SQLAlchemy once, run as text on the driver.

Executing a Core statement costs about three times what the driver does, and loading or flushing an ORM entity about
ten times. For the few statements that run for each message the text is kept and values are written as their columns'
types say. `Hot` runs a statement, `Load` places entities in the session as a query would, `join` ties them together,
`insert` and `save` write them without a flush. Whatever is placed or written here is an ordinary entity of the session
afterwards: code that is not hot goes on with the ORM as always.

This module is the only one that knows how the ORM keeps its entities.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, TypeVar, cast

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Mapper, Session
from sqlalchemy.orm.attributes import set_committed_value
from sqlalchemy.orm.base import instance_state

from storage.schema import Base

E = TypeVar("E", bound=Base)

Row = tuple[Any, ...]

Build = Callable[[Any], sa.Executable]
"""Makes the statement; its argument is the dialect's `insert` function."""

_INSERT = {"sqlite": sqlite.insert, "postgresql": postgresql.insert}


@dataclass(frozen=True, slots=True)
class _Text:
    """A statement as one dialect's driver takes it."""

    sql: str
    by_place: bool
    """The driver takes parameters by their place, and not by name."""
    fixed: Mapping[str, Any]
    wanted: Sequence[tuple[str, Callable[[Any], Any] | None]]
    """Parameters, and how their values are written where the driver does not know how; by place, if that counts."""

    def parameters(self, values: Mapping[str, Any]) -> Any:
        if self.fixed:
            values = {**self.fixed, **values}
        if self.by_place:
            return [values[name] if write is None else write(values[name]) for name, write in self.wanted]
        return {name: values[name] if write is None else write(values[name]) for name, write in self.wanted}


@dataclass(frozen=True, slots=True)
class _Wire:
    """The driver's connection under a session's transaction."""

    transaction: Any
    driver: Any
    dialect: sa.Dialect
    entities: dict[Any, Base]
    """What was placed in this transaction. A session itself lets go of what nobody else holds."""
    inserted: set[Any]
    """The keys of those that this transaction has made."""


class Hot:
    """One statement, compiled at its first use on each dialect. Parameters are the statement's bindparams by name.

    Rows come as the driver gives them. Failures are SQLAlchemy's, without the parameters: they may be private.
    """

    def __init__(self, build: Build) -> None:
        self._build = build
        self._texts: dict[str, _Text] = {}

    def run(self, session: Session, **values: Any) -> int:
        """How many rows it touched."""
        touched: int = self._execute(session, values).rowcount
        return touched

    def row(self, session: Session, **values: Any) -> Row | None:
        """Its first row."""
        rows = self.rows(session, **values)
        return rows[0] if rows else None

    def rows(self, session: Session, **values: Any) -> list[Row]:
        found: list[Row] = self._execute(session, values).fetchall()
        return found

    def many(self, session: Session, rows: Sequence[Mapping[str, Any]]) -> None:
        """Run once for each row, in one call of the driver. No result."""
        if rows:
            wire = _wire(session)
            text = self._text(wire.dialect)
            _on(wire, text.sql, [text.parameters(row) for row in rows], many=True)

    def _execute(self, session: Session, values: Mapping[str, Any]) -> Any:
        wire = _wire(session)
        text = self._texts.get(wire.dialect.name) or self._text(wire.dialect)
        return _on(wire, text.sql, text.parameters(values))

    def _text(self, dialect: sa.Dialect) -> _Text:
        known = self._texts.get(dialect.name)
        if known is None:
            compiled = self._build(_INSERT[dialect.name]).compile(dialect=dialect)  # type: ignore[attr-defined]
            writers = {
                name: bind.type.dialect_impl(dialect).bind_processor(dialect) for name, bind in compiled.binds.items()
            }
            by_place = compiled.positiontup is not None
            fixed = {name: value for name, value in compiled.params.items() if value is not None}
            wanted = [(name, writers[name]) for name in compiled.positiontup or compiled.params]
            known = self._texts[dialect.name] = _Text(compiled.string, by_place, fixed, wanted)
        return known


class Load:
    """Reads rows of some entities with one statement and places these in the session, as a query would.

    `build` completes a select of all columns of the entities. An entity that the session knows already stays as it
    is there. One of an outer join that is not there comes as None.
    """

    def __init__(self, build: Callable[[sa.Select[Any]], sa.Select[Any]], *entities: type[Base]) -> None:
        self._entities = entities
        columns = [column for entity in entities for column in _table(entity).c]
        self._hot = Hot(lambda _: build(sa.select(*columns)))

    def first(self, session: Session, **values: Any) -> tuple[Any, ...] | None:
        """The first row's entities, in the order in which they were named."""
        row = self._hot.row(session, **values)
        return None if row is None else self._placed(session, row)

    def all(self, session: Session, **values: Any) -> list[tuple[Any, ...]]:
        """Every row's entities."""
        return [self._placed(session, row) for row in self._hot.rows(session, **values)]

    def _placed(self, session: Session, row: Row) -> tuple[Any, ...]:
        dialect, start, found = _wire(session).dialect, 0, []
        for entity in self._entities:
            shape = _shape(entity, dialect)
            end = start + len(shape.names)
            found.append(shape.read(session, row[start:end]))
            start = end
        return tuple(found)


def join(entity: Base, **related: Any) -> None:
    """Set relationships to what a query has found, as if it had loaded them; nothing is to be written for that."""
    for name, found in related.items():
        set_committed_value(entity, name, found)


def insert(session: Session, entity: type[E], statement: Hot, **values: Any) -> E | None:
    """Insert a row by a statement that returns its id, and have it in the session. None if it was there already.

    `values` are all columns of the entity but its id.
    """
    row = statement.row(session, **values)
    if row is None:
        return None
    shape = _shape(entity, _wire(session).dialect)
    made: E = shape.place(session, {**values, shape.key: row[0]})
    assert session._transaction is not None
    state = instance_state(made)
    # So that a rollback to a savepoint forgets it, as it forgets what a flush inserted.
    session._transaction._new[state] = True
    _wire(session).inserted.add(state.key)
    return made


def insertion(entity: type[Base], *, once: bool = False) -> Hot:
    """An INSERT of all columns but the id, which it returns. `once`: a row that breaks uniqueness is not inserted."""
    table = _table(entity)
    columns = [column for column in table.c if not column.primary_key]

    def build(insert: Any) -> sa.Executable:
        statement = insert(table).values({column.name: sa.bindparam(column.name) for column in columns})
        if once:
            statement = statement.on_conflict_do_nothing()
        made: sa.Executable = statement.returning(_key(table))
        return made

    return Hot(build)


def inserted(session: Session, entity: type[E], key: int) -> E | None:
    """The entity, if this very transaction has made it: nobody else can have seen it, let alone changed it."""
    identity = sa.inspect(entity).identity_key_from_primary_key((key,))
    return cast(E | None, session.identity_map.get(identity)) if identity in _wire(session).inserted else None


def save(session: Session, entity: Base) -> None:
    """Write what was changed in an entity that the session has, by one UPDATE and without a flush."""
    state = instance_state(entity)
    now = state.dict
    changed = tuple(sorted(name for name, was in state.committed_state.items() if now[name] != was))
    if changed:
        shape = _shape(type(entity), _wire(session).dialect)
        update = _update(type(entity), changed)
        update.run(session, the_key=now[shape.key], **{name: now[name] for name in changed})
        # So that a rollback to a savepoint expires it, as it expires what a flush updated.
        session._register_altered([state])
    if state.modified:
        state._commit_all(now, session.identity_map)


@cache
def _update(entity: type[Base], changed: tuple[str, ...]) -> Hot:
    table = _table(entity)
    values: dict[str, Any] = {name: sa.bindparam(name) for name in changed}
    return Hot(lambda _: sa.update(table).where(_key(table) == sa.bindparam("the_key")).values(values))


@dataclass(frozen=True, slots=True)
class _Shape:
    """How rows of one entity become entities on one dialect."""

    mapper: Mapper[Any]
    names: tuple[str, ...]
    key: str
    readers: Sequence[tuple[int, Callable[[Any], Any]]]
    """Places of the columns whose driver values are not ours, and how they are read."""

    def read(self, session: Session, row: Row) -> Any:
        values = list(row)
        for place, read in self.readers:
            values[place] = read(values[place])
        named = dict(zip(self.names, values, strict=True))
        return None if named[self.key] is None else self.place(session, named)

    def place(self, session: Session, values: dict[str, Any]) -> Any:
        """The session's entity of this key, made from the values if it is not there yet."""
        identity = self.mapper.identity_key_from_primary_key((values[self.key],))
        known = session.identity_map.get(identity)
        if known is not None:
            return known
        entity: Base = self.mapper.class_manager.new_instance()
        state = instance_state(entity)
        state.dict.update(values)
        state.key = identity
        state.session_id = session.hash_key
        state._commit_all(state.dict)
        session.identity_map.add(state)
        _wire(session).entities[identity] = entity
        return entity


_SHAPES: dict[tuple[type[Base], str], _Shape] = {}


def _shape(entity: type[Base], dialect: sa.Dialect) -> _Shape:
    known = _SHAPES.get((entity, dialect.name))
    if known is None:
        columns, key = list(_table(entity).c), _key(_table(entity))
        readers = [
            (place, read)
            for place, column in enumerate(columns)
            if (read := column.type.dialect_impl(dialect).result_processor(dialect, None)) is not None
        ]
        names = tuple(column.name for column in columns)
        known = _SHAPES[entity, dialect.name] = _Shape(sa.inspect(entity), names, key.name, readers)
    return known


def _table(entity: type[Base]) -> sa.Table:
    return cast(sa.Table, entity.__table__)


def _key(table: sa.Table) -> sa.Column[Any]:
    (key,) = table.primary_key.columns
    return key


def _wire(session: Session) -> _Wire:
    """Asking SQLAlchemy for the connection each time would cost as much as the statement."""
    known: _Wire | None = session.info.get("wire")
    # The innermost transaction: a savepoint begins only when the session is asked for its connection inside of it.
    if known is not None and known.transaction is session._transaction:
        return known
    connection = session.connection()
    wire = _Wire(
        session._transaction,
        connection.connection.dbapi_connection,
        connection.dialect,
        known.entities if known is not None and session.in_nested_transaction() else {},
        set(),
    )
    session.info["wire"] = wire
    return wire


def _on(wire: _Wire, sql: str, parameters: Any, *, many: bool = False) -> Any:
    cursor = wire.driver.cursor()
    errors = wire.dialect.loaded_dbapi.Error
    try:
        if many:
            cursor.executemany(sql, parameters)
        else:
            cursor.execute(sql, parameters)
    except errors as failure:
        raise DBAPIError.instance(sql, None, failure, errors, hide_parameters=True, dialect=wire.dialect) from failure
    return cursor
