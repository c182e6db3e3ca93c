"""The pictures that customers show of themselves in their messengers"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0029"
down_revision = "0028"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "portrait",
        sa.Column("identity_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("file_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["identity_id"], ["identity.id"], name="fk_portrait_identity_id"),
        sa.ForeignKeyConstraint(["file_id"], ["stored_file.id"], name="fk_portrait_file_id"),
        sa.PrimaryKeyConstraint("identity_id", name="pk_portrait"),
    )


def downgrade() -> None:
    op.drop_table("portrait")
