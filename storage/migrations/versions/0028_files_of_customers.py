"""What files of customers did, so that they can be taken back, and consents that hold no more"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0028"
down_revision = "0027"
branch_labels = None
depends_on = None

ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
MOMENT = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.add_column("customer_consent", sa.Column("void_at", MOMENT, nullable=True))
    op.create_table(
        "customer_import",
        sa.Column("id", ID, nullable=False),
        sa.Column("shop_id", ID, nullable=False),
        sa.Column("actor", sa.String(length=60), nullable=False),
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("counts", sa.JSON(), nullable=False),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.Column("finished_at", MOMENT, nullable=True),
        sa.Column("undone_at", MOMENT, nullable=True),
        sa.Column("undone_by", sa.String(length=60), nullable=False),
        sa.ForeignKeyConstraint(["shop_id"], ["shop.id"], name="fk_customer_import_shop_id"),
        sa.PrimaryKeyConstraint("id", name="pk_customer_import"),
    )
    op.create_index("ix_customer_import_shop_id_id", "customer_import", ["shop_id", "id"])
    op.create_table(
        "customer_import_row",
        sa.Column("id", ID, nullable=False),
        sa.Column("import_id", ID, nullable=False),
        sa.Column("line", sa.Integer(), nullable=False),
        sa.Column("customer_id", ID, nullable=True),
        sa.Column("did", sa.String(length=10), nullable=False),
        sa.Column("done", sa.JSON(), nullable=False),
        sa.Column("differs", sa.JSON(), nullable=False),
        sa.Column("consents", sa.JSON(), nullable=False),
        sa.Column("taken_back", sa.String(length=10), nullable=False),
        sa.Column("why", sa.JSON(), nullable=False),
        sa.ForeignKeyConstraint(["customer_id"], ["customer.id"], name="fk_customer_import_row_customer_id"),
        sa.ForeignKeyConstraint(["import_id"], ["customer_import.id"], name="fk_customer_import_row_import_id"),
        sa.PrimaryKeyConstraint("id", name="pk_customer_import_row"),
        sa.UniqueConstraint("import_id", "line", name="uq_customer_import_row_import_id_line"),
    )
    op.create_index("ix_customer_import_row_customer_id", "customer_import_row", ["customer_id"])


def downgrade() -> None:
    op.drop_table("customer_import_row")
    op.drop_table("customer_import")
    op.drop_column("customer_consent", "void_at")
