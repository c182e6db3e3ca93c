"""A form that adds a customer counts once, however often it is sent"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0020"
down_revision = "0019"
branch_labels = None
depends_on = None

ADDED = sa.text("dedup_key IS NOT NULL")


def upgrade() -> None:
    op.add_column("customer", sa.Column("dedup_key", sa.String(80), nullable=True))
    op.create_index(
        "ix_customer_dedup_key",
        "customer",
        ["shop_id", "dedup_key"],
        unique=True,
        sqlite_where=ADDED,
        postgresql_where=ADDED,
    )


def downgrade() -> None:
    op.drop_index("ix_customer_dedup_key", table_name="customer")
    op.drop_column("customer", "dedup_key")
