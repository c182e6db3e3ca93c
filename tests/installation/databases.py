"""PostgreSQL databases that live as long as a test."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from contextlib import contextmanager

import sqlalchemy as sa


@contextmanager
def bare_database(server: str, schema: str = "public") -> Iterator[str]:
    """A new database on the PostgreSQL server at `server`, with an empty schema; dropped afterwards."""
    name = f"installation_{secrets.token_hex(4)}"
    address = sa.make_url(server).set(drivername="postgresql+psycopg")
    engine = sa.create_engine(address, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.exec_driver_sql(f"CREATE DATABASE {name}")
    url = address.set(drivername="postgresql", database=name)
    if schema != "public":
        url = url.update_query_dict({"options": f"-csearch_path={schema}"})
    try:
        yield url.render_as_string(hide_password=False)
    finally:
        with engine.connect() as connection:
            connection.exec_driver_sql(f"DROP DATABASE {name} WITH (FORCE)")
        engine.dispose()
