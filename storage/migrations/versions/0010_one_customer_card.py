"""Customers' contacts, own fields and merges"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
MOMENT = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.add_column("customer", sa.Column("merged_into_id", sa.BigInteger(), nullable=True))
    op.create_index("ix_customer_merged_into_id", "customer", ["merged_into_id"])
    op.create_index("ix_order_bought", "order", ["shop_id", "customer_id", "paid", "created_at"])
    _contacts()
    _fields()
    _merges()


def _contacts() -> None:
    op.create_table(
        "customer_contact",
        sa.Column("id", ID, nullable=False),
        sa.Column("shop_id", ID, nullable=False),
        sa.Column("customer_id", ID, nullable=False),
        sa.Column("kind", sa.String(length=10), nullable=False),
        sa.Column("value", sa.String(length=254), nullable=False),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.ForeignKeyConstraint(["customer_id"], ["customer.id"], name="fk_customer_contact_customer_id"),
        sa.ForeignKeyConstraint(["shop_id"], ["shop.id"], name="fk_customer_contact_shop_id"),
        sa.PrimaryKeyConstraint("id", name="pk_customer_contact"),
        sa.UniqueConstraint("customer_id", "kind", "value", name="uq_customer_contact_customer_id_kind_value"),
    )
    op.create_index("ix_customer_contact_value", "customer_contact", ["shop_id", "kind", "value"])
    for kind in ("phone", "email"):
        op.execute(
            "INSERT INTO customer_contact (shop_id, customer_id, kind, value, created_at) "  # noqa: S608
            f"SELECT shop_id, id, '{kind}', {kind}, created_at FROM customer WHERE {kind} IS NOT NULL AND {kind} <> ''"
        )


def _fields() -> None:
    op.create_table(
        "customer_field",
        sa.Column("id", ID, nullable=False),
        sa.Column("shop_id", ID, nullable=False),
        sa.Column("name", sa.String(length=80), nullable=False),
        sa.Column("kind", sa.String(length=10), nullable=False),
        sa.Column("options", sa.JSON(), nullable=False),
        sa.Column("required", sa.Boolean(), nullable=False),
        sa.Column("beside", sa.Boolean(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("archived_at", MOMENT, nullable=True),
        sa.ForeignKeyConstraint(["shop_id"], ["shop.id"], name="fk_customer_field_shop_id"),
        sa.PrimaryKeyConstraint("id", name="pk_customer_field"),
        sa.UniqueConstraint("shop_id", "name", name="uq_customer_field_shop_id_name"),
    )
    op.create_table(
        "customer_value",
        sa.Column("customer_id", ID, nullable=False),
        sa.Column("field_id", ID, nullable=False),
        sa.Column("value", sa.String(length=500), nullable=False),
        sa.ForeignKeyConstraint(["customer_id"], ["customer.id"], name="fk_customer_value_customer_id"),
        sa.ForeignKeyConstraint(["field_id"], ["customer_field.id"], name="fk_customer_value_field_id"),
        sa.PrimaryKeyConstraint("customer_id", "field_id", name="pk_customer_value"),
    )
    op.create_index("ix_customer_value_field_id_value", "customer_value", ["field_id", "value"])


def _merges() -> None:
    op.create_table(
        "customer_merge",
        sa.Column("id", ID, nullable=False),
        sa.Column("shop_id", ID, nullable=False),
        sa.Column("kept_id", ID, nullable=False),
        sa.Column("gone_id", ID, nullable=False),
        sa.Column("actor", sa.String(length=60), nullable=False),
        sa.Column("at", MOMENT, nullable=False),
        sa.Column("moved", sa.JSON(), nullable=False),
        sa.Column("card", sa.JSON(), nullable=False),
        sa.Column("undone_at", MOMENT, nullable=True),
        sa.Column("undone_by", sa.String(length=60), nullable=False),
        sa.ForeignKeyConstraint(["gone_id"], ["customer.id"], name="fk_customer_merge_gone_id"),
        sa.ForeignKeyConstraint(["kept_id"], ["customer.id"], name="fk_customer_merge_kept_id"),
        sa.ForeignKeyConstraint(["shop_id"], ["shop.id"], name="fk_customer_merge_shop_id"),
        sa.PrimaryKeyConstraint("id", name="pk_customer_merge"),
    )
    op.create_index("ix_customer_merge_kept_id", "customer_merge", ["kept_id"])
    op.create_index("ix_customer_merge_gone_id", "customer_merge", ["gone_id"])
    op.create_table(
        "customer_apart",
        sa.Column("one_id", ID, nullable=False),
        sa.Column("other_id", ID, nullable=False),
        sa.Column("actor", sa.String(length=60), nullable=False),
        sa.Column("at", MOMENT, nullable=False),
        sa.ForeignKeyConstraint(["one_id"], ["customer.id"], name="fk_customer_apart_one_id"),
        sa.ForeignKeyConstraint(["other_id"], ["customer.id"], name="fk_customer_apart_other_id"),
        sa.PrimaryKeyConstraint("one_id", "other_id", name="pk_customer_apart"),
    )


def downgrade() -> None:
    for table in ("customer_apart", "customer_merge", "customer_value", "customer_field", "customer_contact"):
        op.drop_table(table)
    op.drop_index("ix_order_bought", "order")
    op.drop_index("ix_customer_merged_into_id", "customer")
    op.drop_column("customer", "merged_into_id")
