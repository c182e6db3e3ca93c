"""People and orders are found by parts of names without reading all of them"""

from __future__ import annotations

from alembic import op

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None

SQLITE = [
    "CREATE VIRTUAL TABLE IF NOT EXISTS search_customer USING fts5"
    "(name, content = 'customer', content_rowid = 'id', columnsize = 0, tokenize = 'trigram')",
    'CREATE TRIGGER IF NOT EXISTS search_customer_put AFTER INSERT ON "customer" BEGIN'
    " INSERT INTO search_customer (rowid, name) VALUES (new.id, new.name); END",
    'CREATE TRIGGER IF NOT EXISTS search_customer_forget AFTER DELETE ON "customer" BEGIN'
    " INSERT INTO search_customer (search_customer, rowid, name) VALUES ('delete', old.id, old.name); END",
    'CREATE TRIGGER IF NOT EXISTS search_customer_again AFTER UPDATE OF name ON "customer" BEGIN'
    " INSERT INTO search_customer (search_customer, rowid, name) VALUES ('delete', old.id, old.name);"
    " INSERT INTO search_customer (rowid, name) VALUES (new.id, new.name); END",
    "INSERT INTO search_customer (search_customer) VALUES ('rebuild')",
    "CREATE VIRTUAL TABLE IF NOT EXISTS search_order USING fts5"
    "(recipient, phone, content = 'order', content_rowid = 'id', columnsize = 0, tokenize = 'trigram')",
    'CREATE TRIGGER IF NOT EXISTS search_order_put AFTER INSERT ON "order" BEGIN'
    " INSERT INTO search_order (rowid, recipient, phone) VALUES (new.id, new.recipient, new.phone); END",
    'CREATE TRIGGER IF NOT EXISTS search_order_forget AFTER DELETE ON "order" BEGIN'
    " INSERT INTO search_order (search_order, rowid, recipient, phone)"
    " VALUES ('delete', old.id, old.recipient, old.phone); END",
    'CREATE TRIGGER IF NOT EXISTS search_order_again AFTER UPDATE OF recipient, phone ON "order" BEGIN'
    " INSERT INTO search_order (search_order, rowid, recipient, phone)"
    " VALUES ('delete', old.id, old.recipient, old.phone);"
    " INSERT INTO search_order (rowid, recipient, phone) VALUES (new.id, new.recipient, new.phone); END",
    "INSERT INTO search_order (search_order) VALUES ('rebuild')",
]

ENDS = """
CREATE OR REPLACE FUNCTION search_ends(said text) RETURNS tsvector LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
  SELECT array_to_tsvector(array_agg(DISTINCT substr(word, n)))
  FROM regexp_split_to_table(lower(said), '[[:space:]]+') AS word, generate_series(1, length(word)) AS n
$$
"""

COLUMNS = (("customer", "name"), ("order", "recipient"), ("order", "phone"))


def upgrade() -> None:
    if op.get_bind().dialect.name == "sqlite":
        for statement in SQLITE:
            op.execute(statement)
        return
    op.execute(ENDS)
    for table, column in COLUMNS:
        op.execute(
            f'CREATE INDEX IF NOT EXISTS ix_search_{table}_{column} ON "{table}" USING gin (search_ends({column}))'
        )


def downgrade() -> None:
    if op.get_bind().dialect.name != "sqlite":
        for table, column in COLUMNS:
            op.execute(f"DROP INDEX ix_search_{table}_{column}")
        op.execute("DROP FUNCTION search_ends(text)")
        return
    for table in ("customer", "order"):
        for trigger in ("put", "forget", "again"):
            op.execute(f"DROP TRIGGER search_{table}_{trigger}")
        op.execute(f"DROP TABLE search_{table}")
