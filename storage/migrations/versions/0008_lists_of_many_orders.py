"""Indexes for the board and the table, where there are many orders"""

from __future__ import annotations

from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index("ix_order_board", "order", ["shop_id", "pipeline_id", "stage_id", "id", "total"])
    op.create_index("ix_order_by_total", "order", ["shop_id", "total", "id"])
    op.create_index("ix_order_by_update", "order", ["shop_id", "updated_at", "id"])


def downgrade() -> None:
    op.drop_index("ix_order_by_update", "order")
    op.drop_index("ix_order_by_total", "order")
    op.drop_index("ix_order_board", "order")
