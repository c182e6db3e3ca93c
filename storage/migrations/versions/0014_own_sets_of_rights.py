"""Own sets of rights"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None

ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "rights_set",
        sa.Column("id", ID, nullable=False),
        sa.Column("shop_id", ID, nullable=False),
        sa.Column("name", sa.String(60), nullable=False),
        sa.Column("role", sa.String(20), nullable=False),
        sa.Column("sees", sa.String(12), nullable=False),
        sa.Column("purchase_prices", sa.Boolean(), nullable=False),
        sa.Column("totals", sa.Boolean(), nullable=False),
        sa.Column("export", sa.Boolean(), nullable=False),
        sa.Column("refund_most", sa.BigInteger(), nullable=True),
        sa.Column("discount_most", sa.Integer(), nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["shop_id"], ["shop.id"], name=op.f("fk_rights_set_shop_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_rights_set")),
        sa.UniqueConstraint("shop_id", "name", name=op.f("uq_rights_set_shop_id_name")),
    )
    op.add_column("membership", sa.Column("rights_set_id", sa.BigInteger(), nullable=True))


def downgrade() -> None:
    op.drop_column("membership", "rights_set_id")
    op.drop_table("rights_set")
