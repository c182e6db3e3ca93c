"""What buyers put on messages, and which they have taken away"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0025"
down_revision = "0024"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("message", sa.Column("signs", sa.JSON(), nullable=False, server_default="[]"))
    op.add_column("message", sa.Column("removed_at", sa.DateTime(timezone=True), nullable=True))


def downgrade() -> None:
    op.drop_column("message", "removed_at")
    op.drop_column("message", "signs")
