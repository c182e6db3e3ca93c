"""Search over what was said"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

SEARCH = {
    "sqlite": [
        "CREATE VIRTUAL TABLE IF NOT EXISTS search_message USING fts5(body, columnsize = 0, "
        "tokenize = 'unicode61 remove_diacritics 0')",
    ],
    "postgresql": [
        "CREATE TABLE IF NOT EXISTS search_message (message_id BIGINT PRIMARY KEY, document TSVECTOR NOT NULL)",
        "CREATE INDEX IF NOT EXISTS ix_search_message_document ON search_message USING gin (document)",
    ],
}


def upgrade() -> None:
    op.create_table(
        "message_search_place",
        sa.Column("message_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.PrimaryKeyConstraint("message_id", name="pk_message_search_place"),
    )
    for statement in SEARCH[op.get_bind().dialect.name]:
        op.execute(statement)


def downgrade() -> None:
    op.execute("DROP TABLE search_message")
    op.drop_table("message_search_place")
