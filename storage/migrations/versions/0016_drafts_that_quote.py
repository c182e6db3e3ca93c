"""A draft keeps which message it answers"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("draft", sa.Column("reply_to_id", sa.BigInteger(), nullable=True))


def downgrade() -> None:
    op.drop_column("draft", "reply_to_id")
