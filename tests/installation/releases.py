"""Migrations as earlier releases, this one, and one to come would bring them; and what a database looks like."""

from __future__ import annotations

import hashlib
import shutil
from pathlib import Path

import sqlalchemy as sa

from storage import migrate

NEXT = "next"

_TO_COME = '''
"""What a release to come may do: tables made anew under rows that point at them, rows rewritten, a table more."""

import sqlalchemy as sa
from alembic import op

revision = "{next}"
down_revision = "{head}"
branch_labels = None
depends_on = None


def upgrade() -> None:
    recreate = "always" if op.get_bind().dialect.name == "sqlite" else "never"
    with op.batch_alter_table("shop", recreate=recreate) as table:
        table.alter_column("name", existing_type=sa.String(120), type_=sa.String(200), existing_nullable=False)
        table.add_column(sa.Column("motto", sa.String(80), nullable=True))
    op.execute("UPDATE shop SET motto = 'clay and linen'")
    with op.batch_alter_table("message", recreate=recreate) as table:
        table.add_column(sa.Column("mood", sa.Integer(), nullable=True))
        table.create_index("ix_message_mood", ["mood"])
    op.execute("UPDATE message SET mood = 1")
    op.create_table(
        "mailing",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("shop_id", sa.BigInteger(), sa.ForeignKey("shop.id"), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_mailing"),
    )
    op.execute("INSERT INTO mailing (shop_id) SELECT id FROM shop")
'''


def revisions() -> list[str]:
    """Every step that there is, the oldest first."""
    return migrate.known()[::-1]


def release(folder: Path, upto: str) -> Path:
    """The migrations of the release whose newest step is `upto`; NEXT is one after this release."""
    versions = folder / "versions"
    versions.mkdir(parents=True)
    ours = Path(migrate.__file__).parent / "migrations"
    shutil.copy(ours / "env.py", folder)
    steps = revisions()
    for step in steps if upto == NEXT else steps[: steps.index(upto) + 1]:
        (path,) = (ours / "versions").glob(f"{step}_*.py")
        shutil.copy(path, versions)
    if upto == NEXT:
        text = _TO_COME.replace("{next}", NEXT).replace("{head}", steps[-1])
        (versions / f"{NEXT}_release.py").write_text(text, encoding="utf-8")
    return folder


def looks(engine: sa.Engine) -> dict[str, str]:
    """Every table, column, index, constraint and trigger of the database, and a sum of each table's rows."""
    with engine.connect() as connection:
        rows = _sqlite(connection) if engine.dialect.name == "sqlite" else _postgres(connection)
        found = {name: text for name, text in rows if not name.startswith("table search_")}
        for table in sorted(sa.inspect(connection).get_table_names()):
            if not table.startswith("search_"):
                quoted = engine.dialect.identifier_preparer.quote(table)
                rows_of = sorted(str(tuple(row)) for row in connection.exec_driver_sql(f"SELECT * FROM {quoted}"))
                found[f"rows of {table}"] = f"{len(rows_of)} {hashlib.sha256(''.join(rows_of).encode()).hexdigest()}"
    return found


def _sqlite(connection: sa.Connection) -> list[tuple[str, str]]:
    query = "SELECT type || ' ' || name, COALESCE(sql, '') FROM sqlite_master"
    # Constraints of a table that was made anew come in no certain order.
    return [
        (str(name), "\n".join(sorted(line.strip(" \t,") for line in str(text).splitlines())))
        for name, text in connection.exec_driver_sql(query)
    ]


def _postgres(connection: sa.Connection) -> list[tuple[str, str]]:
    query = """
        SELECT 'table ' || table_name || '.' || column_name, CONCAT(data_type, ' ', character_maximum_length, ' ',
            is_nullable, ' ', column_default) FROM information_schema.columns WHERE table_schema = current_schema()
        UNION ALL SELECT 'index ' || indexname, indexdef FROM pg_indexes WHERE schemaname = current_schema()
        UNION ALL SELECT 'constraint ' || conrelid::regclass || ' ' || conname, pg_get_constraintdef(oid)
            FROM pg_constraint WHERE connamespace = current_schema()::regnamespace
        UNION ALL SELECT 'trigger ' || tgname, pg_get_triggerdef(oid) FROM pg_trigger WHERE NOT tgisinternal
            AND tgrelid IN (SELECT oid FROM pg_class WHERE relnamespace = current_schema()::regnamespace)
    """
    return [(str(name), str(text)) for name, text in connection.exec_driver_sql(query)]
