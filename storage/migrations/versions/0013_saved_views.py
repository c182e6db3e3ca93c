"""Views of the lists that people save under a name"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None

ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
OWN, SHARED = sa.text("NOT shared"), sa.text("shared")


def upgrade() -> None:
    op.create_table(
        "saved_view",
        sa.Column("id", ID, nullable=False),
        sa.Column("shop_id", ID, nullable=False),
        sa.Column("staff_id", ID, nullable=False),
        sa.Column("shared", sa.Boolean(), nullable=False),
        sa.Column("listing", sa.String(20), nullable=False),
        sa.Column("name", sa.String(60), nullable=False),
        sa.Column("query", sa.String(2000), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["shop_id"], ["shop.id"], name=op.f("fk_saved_view_shop_id")),
        sa.ForeignKeyConstraint(["staff_id"], ["staff.id"], name=op.f("fk_saved_view_staff_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_saved_view")),
    )
    _once("uq_saved_view_own", ["shop_id", "staff_id", "listing", "name"], OWN)
    _once("uq_saved_view_shared", ["shop_id", "listing", "name"], SHARED)


def downgrade() -> None:
    op.drop_table("saved_view")


def _once(name: str, columns: list[str], where: sa.TextClause) -> None:
    op.create_index(name, "saved_view", columns, unique=True, sqlite_where=where, postgresql_where=where)
