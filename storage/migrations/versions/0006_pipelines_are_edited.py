"""Pipelines that an owner edits: a version to see who was first, and stages that go out of use"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("pipeline", sa.Column("version", sa.Integer(), nullable=False, server_default=sa.text("1")))
    op.add_column("stage", sa.Column("archived", sa.Boolean(), nullable=False, server_default=sa.false()))


def downgrade() -> None:
    op.drop_column("stage", "archived")
    op.drop_column("pipeline", "version")
