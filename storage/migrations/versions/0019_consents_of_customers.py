"""What customers have agreed to, and what they have taken back"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None

ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "customer_consent",
        sa.Column("id", ID, nullable=False),
        sa.Column("shop_id", ID, nullable=False),
        sa.Column("customer_id", ID, nullable=False),
        sa.Column("what", sa.String(length=20), nullable=False),
        sa.Column("given", sa.Boolean(), nullable=False),
        sa.Column("via", sa.String(length=10), nullable=False),
        sa.Column("account_id", ID, nullable=True),
        sa.Column("words", sa.Text(), nullable=False),
        sa.Column("reason", sa.String(length=500), nullable=False),
        sa.Column("actor", sa.String(length=60), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["account_id"], ["channel_account.id"], name="fk_customer_consent_account_id"),
        sa.ForeignKeyConstraint(["customer_id"], ["customer.id"], name="fk_customer_consent_customer_id"),
        sa.ForeignKeyConstraint(["shop_id"], ["shop.id"], name="fk_customer_consent_shop_id"),
        sa.PrimaryKeyConstraint("id", name="pk_customer_consent"),
    )
    op.create_index("ix_customer_consent_customer_id", "customer_consent", ["customer_id", "what", "id"])


def downgrade() -> None:
    op.drop_table("customer_consent")
