"""Alembic's entry: runs on the connection and the metadata that storage.migrate hands over."""

from __future__ import annotations

from typing import Any, Literal

from alembic import context

from kit import crash
from storage.schema import UtcDateTime

SEARCH = "search_"
"""Tables and indexes of the search are made by hand: Alembic knows neither FTS5 nor generated vectors."""


def _is_ours(thing: Any, name: str | None, kind: str, reflected: bool, compare_to: Any) -> bool:
    return not (name or "").removeprefix("ix_").startswith(SEARCH)


def _plain(kind: str, thing: Any, autogen: Any) -> str | Literal[False]:
    """Migrations outlive our classes: they name the database's own types."""
    return "sa.DateTime(timezone=True)" if kind == "type" and isinstance(thing, UtcDateTime) else False


connection = context.config.attributes["connection"]
context.configure(
    connection=connection,
    target_metadata=context.config.attributes["metadata"],
    render_as_batch=connection.dialect.name == "sqlite",
    compare_type=True,
    include_object=_is_ours,
    render_item=_plain,
    on_version_apply=lambda **_: crash.point("migrate.step"),
)
with context.begin_transaction():
    context.run_migrations()
