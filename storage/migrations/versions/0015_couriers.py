"""Who takes an order to the customer"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None

DELIVERED = sa.text("courier_id IS NOT NULL")


def upgrade() -> None:
    op.add_column("order", sa.Column("courier_id", sa.BigInteger(), nullable=True))
    op.create_index(
        "ix_order_courier", "order", ["courier_id", "id"], sqlite_where=DELIVERED, postgresql_where=DELIVERED
    )


def downgrade() -> None:
    op.drop_index("ix_order_courier", "order")
    op.drop_column("order", "courier_id")
