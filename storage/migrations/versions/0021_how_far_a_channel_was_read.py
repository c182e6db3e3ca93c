"""An account remembers how far its channel was read"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0021"
down_revision = "0017"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("channel_account", sa.Column("place", sa.String(200), nullable=False, server_default=""))


def downgrade() -> None:
    op.drop_column("channel_account", "place")
