"""Phones that a messenger has vouched for, and why two cards were merged"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0024"
down_revision = "0023"
branch_labels = None
depends_on = None

_shown = sa.text("phone IS NOT NULL")


def upgrade() -> None:
    op.add_column("identity", sa.Column("phone", sa.String(20), nullable=True))
    op.add_column("identity", sa.Column("phone_at", sa.DateTime(timezone=True), nullable=True))
    op.create_index("ix_identity_phone", "identity", ["phone"], sqlite_where=_shown, postgresql_where=_shown)
    op.add_column("customer_merge", sa.Column("why", sa.String(120), nullable=False, server_default=""))


def downgrade() -> None:
    op.drop_column("customer_merge", "why")
    op.drop_index("ix_identity_phone", "identity")
    op.drop_column("identity", "phone_at")
    op.drop_column("identity", "phone")
