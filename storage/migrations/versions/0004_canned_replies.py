"""Answers that are given often"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "canned_reply",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("shop_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("name", sa.String(length=40), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["shop_id"], ["shop.id"], name="fk_canned_reply_shop_id_shop"),
        sa.PrimaryKeyConstraint("id", name="pk_canned_reply"),
        sa.UniqueConstraint("shop_id", "name", name="uq_canned_reply_shop_id_name"),
    )


def downgrade() -> None:
    op.drop_table("canned_reply")
