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
from operator import itemgetter
from typing import Any, TypeVar, cast

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import ClassManager, Session
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
    names: Sequence[str]
    """The parameters, by their place if that counts."""
    by_place: bool
    """The driver takes parameters by their place, and not by name."""
    fixed: Mapping[str, Any]
    writers: Sequence[tuple[int, Callable[[Any], Any]]]
    """Places of the values that the driver cannot write, and how they are written."""
    pick: Callable[[Mapping[str, Any]], Any]
    """The values of `names`, in their order."""

    def parameters(self, values: Mapping[str, Any]) -> Any:
        if self.fixed:
            values = {**self.fixed, **values}
        picked = list(self.pick(values))
        for place, write in self.writers:
            picked[place] = write(picked[place])
        return picked if self.by_place else dict(zip(self.names, picked, strict=True))


@dataclass(frozen=True, slots=True)
class _Wire:
    """The driver's connection under a session's transaction."""

    transaction: Any
    cursor: Any
    """The driver's, for one statement after the other: psycopg makes a new one at half the price of a statement."""
    dialect: sa.Dialect
    errors: type[Exception]
    """What the driver raises."""
    entities: dict[Any, Base]
    """What was placed in this transaction. A session itself lets go of what nobody else holds."""
    inserted: set[Any]
    """The keys of those that this transaction has made."""


class Hot:
    """One statement, compiled at its first use on each dialect. Parameters are the statement's bindparams by name.

    `listed` names an expanding one, for IN. Its value is a sequence that is not empty; the last item is repeated up to
    a power of two, so that there are few texts.
    Rows come as the driver gives them. Failures are SQLAlchemy's, without the parameters: they may be private.
    """

    def __init__(self, build: Build, *, listed: str = "") -> None:
        self._build = build
        self._listed = listed
        self._texts: dict[tuple[str, int], _Text] = {}

    def run(self, session: Session, **values: Any) -> int:
        """How many rows it touched."""
        touched: int = self._execute(session, values).rowcount
        return touched

    def row(self, session: Session, **values: Any) -> Row | None:
        """Its first row."""
        found = self._execute(session, values).fetchall()
        return found[0] if found else None

    def rows(self, session: Session, **values: Any) -> list[Row]:
        found: list[Row] = self._execute(session, values).fetchall()
        return found

    def many(self, session: Session, rows: Sequence[Mapping[str, Any]]) -> None:
        """Run once for each row, in one call of the driver. No result."""
        if rows:
            wire = _wire(session)
            text = self._text(wire.dialect, 0)
            _on(wire, text.sql, [text.parameters(row) for row in rows], many=True)

    def _execute(self, session: Session, values: Mapping[str, Any]) -> Any:
        wire, length = _wire(session), 0
        if self._listed:
            items = list(values[self._listed])
            length = 1 << (len(items) - 1).bit_length()
            items += items[-1:] * (length - len(items))
            values = {**values, **{_place_of(self._listed, n): item for n, item in enumerate(items)}}
        text = self._texts.get((wire.dialect.name, length)) or self._text(wire.dialect, length)
        return _on(wire, text.sql, text.parameters(values))

    def _text(self, dialect: sa.Dialect, length: int) -> _Text:
        known = self._texts.get((dialect.name, length))
        if known is None:
            statement: Any = self._build(_INSERT[dialect.name])
            compiled = statement.compile(dialect=dialect)
            writers = {
                name: bind.type.dialect_impl(dialect).bind_processor(dialect) for name, bind in compiled.binds.items()
            }
            fixed = {name: value for name, value in compiled.params.items() if value is not None}
            sql, places, names = compiled.string, compiled.positiontup, list(compiled.params)
            if self._listed:
                longer = compiled.construct_expanded_state({**compiled.params, self._listed: [0] * length})
                sql, places = longer.statement, longer.positiontup
                items = [_place_of(self._listed, n) for n in range(length)]
                names = [*(name for name in names if name != self._listed), *items]
                writers |= dict.fromkeys(items, writers[self._listed])
            wanted = tuple(places or names)
            known = self._texts[dialect.name, length] = _Text(
                sql,
                wanted,
                places is not None,
                fixed,
                [(place, write) for place, name in enumerate(wanted) if (write := writers[name]) is not None],
                _picking(wanted),
            )
        return known


def _picking(names: Sequence[str]) -> Callable[[Mapping[str, Any]], Any]:
    if len(names) > 1:
        return itemgetter(*names)
    return lambda values: [values[name] for name in names]


def _place_of(listed: str, n: int) -> str:
    """What SQLAlchemy calls the parameter of one item of a list."""
    return f"{listed}_{n + 1}"


class Load:
    """Reads rows of some entities with one statement and places these in the session, as a query would.

    `build` completes a select of all columns of the entities. An entity that the session knows already stays as it
    is there; with `fresh` it is read anew, unless it was changed there. One of an outer join that is not there comes as
    None. What the session has not flushed yet, the statement does not see.
    """

    def __init__(
        self,
        build: Callable[[sa.Select[Any]], sa.Select[Any]],
        *entities: type[Base],
        listed: str = "",
        fresh: bool = False,
    ) -> None:
        self._entities = entities
        self._fresh = fresh
        columns = [column for entity in entities for column in _table(entity).c]
        self._hot = Hot(lambda _: build(sa.select(*columns)), listed=listed)

    def first(self, session: Session, **values: Any) -> tuple[Any, ...] | None:
        """The first row's entities, in the order in which they were named."""
        row = self._hot.row(session, **values)
        return None if row is None else self._placed(session, row)

    def all(self, session: Session, **values: Any) -> list[tuple[Any, ...]]:
        """Every row's entities."""
        return [self._placed(session, row) for row in self._hot.rows(session, **values)]

    def _placed(self, session: Session, row: Row) -> tuple[Any, ...]:
        wire, start, found = _wire(session), 0, []
        for entity in self._entities:
            shape = _shape(entity, wire.dialect)
            end = start + len(shape.names)
            found.append(shape.read(session, wire, row[start:end], fresh=self._fresh))
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
    wire = _wire(session)
    shape = _shape(entity, wire.dialect)
    values[shape.key] = row[0]
    made: E = shape.place(session, wire, values)
    assert session._transaction is not None
    state = instance_state(made)
    # So that a rollback to a savepoint forgets it, as it forgets what a flush inserted.
    session._transaction._new[state] = True
    wire.inserted.add(state.key)
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
    identity = _identity(entity, key)
    return cast("E | None", session.identity_map.get(identity)) if identity in _wire(session).inserted else None


def get(session: Session, entity: type[E], key: int) -> E:
    """The same as `session.get_one`, at a tenth of its cost where the session has the entity."""
    known = session.identity_map.get(_identity(entity, key))
    return session.get_one(entity, key) if known is None or instance_state(known).expired else cast(E, known)


def save(session: Session, entity: Base) -> None:
    """Write what was changed in an entity that the session has, by one UPDATE and without a flush."""
    state, now = instance_state(entity), entity.__dict__
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

    entity: type[Base]
    manager: ClassManager[Any]
    names: tuple[str, ...]
    key: str
    readers: Sequence[tuple[int, Callable[[Any], Any]]]
    """Places of the columns whose driver values are not ours, and how they are read."""

    def read(self, session: Session, wire: _Wire, row: Row, *, fresh: bool) -> Any:
        values = list(row)
        for place, read in self.readers:
            values[place] = read(values[place])
        named = dict(zip(self.names, values, strict=True))
        return None if named[self.key] is None else self.place(session, wire, named, fresh=fresh)

    def place(self, session: Session, wire: _Wire, values: dict[str, Any], *, fresh: bool = False) -> Any:
        """The session's entity of this key, made from the values if it is not there yet."""
        identity = _identity(self.entity, values[self.key])
        known = session.identity_map.get(identity)
        if known is not None:
            state = instance_state(known)
            if fresh and not state.modified:
                state.dict.update(values)
                state._commit_all(state.dict)
            return known
        entity: Base = self.manager.new_instance()
        entity.__dict__.update(values)
        state = instance_state(entity)
        state.key = identity
        state.session_id = session.hash_key
        session.identity_map.add(state)
        wire.entities[identity] = entity
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
        known = _SHAPES[entity, dialect.name] = _Shape(
            entity, sa.inspect(entity).class_manager, names, key.name, readers
        )
    return known


def _identity(entity: type[Base], key: int) -> tuple[Any, ...]:
    """The session's name for it: no table of ours shares its rows among several classes."""
    return (entity, (key,), None)


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
        _cursor(connection),
        connection.dialect,
        connection.dialect.loaded_dbapi.Error,
        known.entities if known is not None and session.in_nested_transaction() else {},
        set(),
    )
    session.info["wire"] = wire
    return wire


def _cursor(connection: sa.Connection) -> Any:
    """The one of the driver's connection, for as long as that lives."""
    known = connection.info.get("hot cursor")
    if known is None:
        dbapi = connection.connection.dbapi_connection
        assert dbapi is not None
        known = connection.info["hot cursor"] = dbapi.cursor()
    return known


def begin_anew(session: Session) -> None:
    """Forget what the session knows, and go on in the same transaction. What is in `info` is forgotten too."""
    wire: _Wire | None = session.info.get("wire")
    session.info.clear()
    session.expunge_all()
    if wire is not None and wire.transaction is session._transaction:
        session.info["wire"] = _Wire(wire.transaction, wire.cursor, wire.dialect, wire.errors, {}, set())


def _on(wire: _Wire, sql: str, parameters: Any, *, many: bool = False) -> Any:
    cursor = wire.cursor
    try:
        if many:
            cursor.executemany(sql, parameters)
        else:
            cursor.execute(sql, parameters)
    except wire.errors as failure:
        raise DBAPIError.instance(
            sql, None, failure, wire.errors, hide_parameters=True, dialect=wire.dialect
        ) from failure
    return cursor
