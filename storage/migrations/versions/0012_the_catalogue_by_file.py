"""Files of goods on their way into the catalogue"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index("ix_product_shop_id_name", "product", ["shop_id", "name"])
    op.create_table(
        "catalog_import",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("shop_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("actor", sa.String(length=60), nullable=False),
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("headings", sa.JSON(), nullable=False),
        sa.Column("columns", sa.JSON(), nullable=False),
        sa.Column("state", sa.String(length=10), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["shop_id"], ["shop.id"], name="fk_catalog_import_shop_id"),
        sa.PrimaryKeyConstraint("id", name="pk_catalog_import"),
    )
    op.create_index("ix_catalog_import_shop_id_id", "catalog_import", ["shop_id", "id"])
    op.create_table(
        "catalog_import_row",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("import_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("line", sa.Integer(), nullable=False),
        sa.Column("cells", sa.JSON(), nullable=False),
        sa.Column("outcome", sa.String(length=8), nullable=False),
        sa.Column("done", sa.Boolean(), nullable=False),
        sa.Column("changes", sa.JSON(), nullable=False),
        sa.Column("why", sa.JSON(), nullable=False),
        sa.ForeignKeyConstraint(["import_id"], ["catalog_import.id"], name="fk_catalog_import_row_import_id"),
        sa.PrimaryKeyConstraint("id", name="pk_catalog_import_row"),
        sa.UniqueConstraint("import_id", "line", name="uq_catalog_import_row_import_id_line"),
    )
    op.create_index("ix_catalog_import_row_outcome", "catalog_import_row", ["import_id", "outcome", "done", "line"])


def downgrade() -> None:
    op.drop_table("catalog_import_row")
    op.drop_table("catalog_import")
    op.drop_index("ix_product_shop_id_name", "product")
