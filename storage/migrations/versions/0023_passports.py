"""Codes by which customers are known again in another messenger"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0023"
down_revision = "0022"
branch_labels = None
depends_on = None

ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
JSON = sa.JSON()


def upgrade() -> None:
    op.create_table(
        "customer_passport",
        sa.Column("id", ID, nullable=False),
        sa.Column("shop_id", ID, nullable=False),
        sa.Column("customer_id", ID, nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("actor", sa.String(length=60), nullable=False),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ends_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("used_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("conversation_id", sa.BigInteger(), nullable=True),
        sa.Column("merge_id", sa.BigInteger(), nullable=True),
        sa.Column("moved", JSON, nullable=False),
        sa.ForeignKeyConstraint(["customer_id"], ["customer.id"], name="fk_customer_passport_customer_id"),
        sa.ForeignKeyConstraint(["shop_id"], ["shop.id"], name="fk_customer_passport_shop_id"),
        sa.PrimaryKeyConstraint("id", name="pk_customer_passport"),
        sa.UniqueConstraint("digest", name="uq_customer_passport_digest"),
    )
    op.create_index("ix_customer_passport_customer_id", "customer_passport", ["customer_id"])


def downgrade() -> None:
    op.drop_table("customer_passport")
