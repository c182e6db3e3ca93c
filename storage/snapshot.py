"""One moment of the database as a file, taken while hubs work on it; and back.

SQLite: VACUUM INTO reads one snapshot and leaves writers alone; what was deleted is not in the copy. PostgreSQL:
pg_dump on a snapshot that our own connection exports, so that what we read beside it is of the same moment.
"""

from __future__ import annotations

import os
import re
import shutil
import sqlite3
import subprocess
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import sqlalchemy as sa

from storage.refusals import InstallationRefused

DEBIAN = Path("/usr/lib/postgresql")
"""Where Debian keeps the programs of each version; the newest may not be on PATH."""

SIDE_FILES = ("-wal", "-shm", "-journal")
"""What SQLite keeps beside its file. It belongs to that very file, and would be replayed into any other."""


class NothingThere(InstallationRefused):
    """There is no database to copy."""


class NotEmpty(InstallationRefused):
    """Something is where the restored database should go."""


class NoTool(InstallationRefused):
    """A program of PostgreSQL is missing, too old, or failed."""


class OtherSchema(InstallationRefused):
    """A dump brings the name of its schema along."""


def kind_of(url: str) -> str:
    """ "sqlite" or "postgresql"."""
    return sa.make_url(url).get_backend_name()


@contextmanager
def taken(url: str, target: Path) -> Iterator[sa.Connection]:
    """Copy the database into the new file `target`. Inside, a connection that sees exactly what the copy holds.

    Raises NothingThere and NoTool.
    """
    with _sqlite(url, target) if kind_of(url) == "sqlite" else _postgres(url, target) as connection:
        yield connection


@contextmanager
def opened(copy: Path) -> Iterator[sa.Connection]:
    """A look into an SQLite copy that nobody writes; nothing is made beside it."""
    engine = sa.create_engine(f"sqlite:///file:{copy.absolute()}?mode=ro&immutable=1&uri=true")
    try:
        with engine.connect() as connection:
            yield connection
    finally:
        engine.dispose()


@contextmanager
def _sqlite(url: str, target: Path) -> Iterator[sa.Connection]:
    source = Path(sa.make_url(url).database or "")
    if not source.is_file():
        raise NothingThere(f"There is no database at {source}.")
    with closing(sqlite3.connect(f"{source.absolute().as_uri()}?mode=rw", uri=True, timeout=60)) as connection:
        connection.execute("VACUUM INTO ?", (str(target),))
    with opened(target) as copy:
        yield copy


@contextmanager
def _postgres(url: str, target: Path) -> Iterator[sa.Connection]:
    engine = _engine(url)
    try:
        with engine.connect().execution_options(isolation_level="REPEATABLE READ") as connection:
            tool = find_tool("pg_dump", server_version(connection))
            schema = connection.scalar(sa.text("SELECT current_schema()"))
            if not schema or not sa.inspect(connection).has_table("alembic_version"):
                raise NothingThere("There is no shop in this database.")
            moment = connection.scalar(sa.text("SELECT pg_export_snapshot()"))
            told = ["--format=custom", "--no-owner", "--no-privileges", f"--schema={_pattern(schema)}"]
            _run(url, [tool, *told, f"--snapshot={moment}", f"--file={target}"])
            yield connection
    finally:
        engine.dispose()


def refuse_unless_empty(url: str) -> None:
    """Raises NotEmpty, saying what is in the way."""
    if kind_of(url) == "sqlite":
        path = sa.make_url(url).database or ""
        if Path(path).exists():
            raise NotEmpty(
                f"There is a database at {path}: stop Prilavok and move that file away, or name another one."
            )
        left = [path + suffix for suffix in SIDE_FILES if Path(path + suffix).exists()]
        if left:
            raise NotEmpty(
                f"{', '.join(left)} belonged to a database that is gone and would spoil the restored one: move it away."
            )
        return
    engine = _engine(url)
    try:
        with engine.connect() as connection:
            query = (
                "SELECT relname FROM pg_class WHERE relkind IN ('r', 'p')"
                " AND relnamespace = to_regnamespace(current_schema()::text) LIMIT 1"
            )
            if (found := connection.scalar(sa.text(query))) is not None:
                raise NotEmpty(
                    f"The database has tables ({found}): name a new one, or empty it (DROP SCHEMA … CASCADE)."
                )
    finally:
        engine.dispose()


def put_into_postgres(url: str, dump: Path, *, schema: str, mark: str) -> None:
    """Restore the dump into the empty database, all or nothing. Raises OtherSchema and NoTool.

    The table `mark` is there before it begins; the caller drops it when he has done the rest.
    """
    engine = _engine(url)
    try:
        with engine.begin() as connection:
            tool = find_tool("pg_restore", server_version(connection))
            here = _schema_of(connection)
            if here != schema:
                raise OtherSchema(
                    f"The backup holds the schema {schema}, and this address means {here}: name the same."
                )
            _mark(connection, schema, mark)
        # Only what is in the schema: the schema itself is there.
        told = ["--no-owner", "--no-privileges", "--exit-on-error", "--single-transaction", f"--schema={schema}"]
        _run(url, [tool, *told, str(dump)])
    finally:
        engine.dispose()


def mark(url: str, name: str) -> None:
    """Make the table `name` in the empty PostgreSQL database, and its schema where there is none."""
    engine = _engine(url)
    try:
        with engine.begin() as connection:
            _mark(connection, _schema_of(connection), name)
    finally:
        engine.dispose()


def _mark(connection: sa.Connection, schema: str, name: str) -> None:
    quoted = connection.dialect.identifier_preparer.quote(schema)
    connection.exec_driver_sql(f"CREATE SCHEMA IF NOT EXISTS {quoted}")
    connection.exec_driver_sql(f"CREATE TABLE {quoted}.{name} (since timestamptz DEFAULT now())")


def server_version(connection: sa.Connection) -> int:
    """The server's major version."""
    return int(connection.scalar(sa.text("SHOW server_version_num"))) // 10_000


def find_tool(name: str, server: int) -> str:
    """The program of at least the server's version: the one on PATH, or one that Debian keeps. Raises NoTool."""
    seen = 0
    kept = sorted(DEBIAN.glob(f"*/bin/{name}"), reverse=True)
    for path in filter(None, (shutil.which(name), *map(str, kept))):
        said = subprocess.run([path, "--version"], capture_output=True, text=True, check=False).stdout  # noqa: S603
        version = int(found[1]) if (found := re.search(r"\) (\d+)", said)) else 0
        if version >= server:
            return path
        seen = max(seen, version)
    package = f"apt-get install postgresql-client-{server}"
    if not seen:
        raise NoTool(f"{name} is not installed. On Debian or Ubuntu: {package}")
    raise NoTool(f"{name} is of version {seen} and the server of {server}: it needs at least that. {package}")


def _run(url: str, command: list[str]) -> None:
    """Run a program of PostgreSQL; the password goes through the environment, where `ps` does not show it."""
    address = sa.make_url(url).set(drivername="postgresql")
    plain = address.set(password=None).render_as_string()
    environment = {**os.environ, "PGPASSWORD": address.password} if address.password else dict(os.environ)
    ended = subprocess.run(  # noqa: S603
        [*command, f"--dbname={plain}"], capture_output=True, text=True, env=environment, check=False
    )
    if ended.returncode:
        raise NoTool(f"{Path(command[0]).name} failed: {ended.stderr.strip()[-1500:]}")


def _engine(url: str) -> sa.Engine:
    return sa.create_engine(sa.make_url(url).set(drivername="postgresql+psycopg"))


def _pattern(schema: str) -> str:
    """The name as pg_dump's patterns take it: quoted, so that no letter of it is a wildcard."""
    return '"' + schema.replace('"', '""') + '"'


def _schema_of(connection: sa.Connection) -> str:
    """The schema that the address means, which may be not made yet."""
    if made := connection.scalar(sa.text("SELECT current_schema()")):
        return str(made)
    path = str(connection.scalar(sa.text("SHOW search_path")))
    return path.split(",")[0].strip().strip('"')
