"""Tasks with their reminders, what each person was told of, and who is there"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
TIME = sa.DateTime(timezone=True)
OPEN, CLOSED = sa.text("state = 'open'"), sa.text("state <> 'open'")
UNREAD, READ = sa.text("read_at IS NULL"), sa.text("read_at IS NOT NULL")


def upgrade() -> None:
    op.create_table(
        "task",
        sa.Column("id", ID, nullable=False),
        sa.Column("shop_id", ID, nullable=False),
        sa.Column("title", sa.String(200), nullable=False),
        sa.Column("details", sa.Text(), nullable=False),
        sa.Column("due_at", TIME),
        sa.Column("reminded_for", TIME),
        sa.Column("assignee_id", ID, nullable=False),
        sa.Column("author_id", ID, nullable=False),
        sa.Column("repeat", sa.String(10), nullable=False),
        sa.Column("planned_at", TIME),
        sa.Column("month_day", sa.Integer()),
        sa.Column("follows_id", sa.BigInteger()),
        sa.Column("state", sa.String(10), nullable=False),
        sa.Column("conversation_id", ID),
        sa.Column("order_id", ID),
        sa.Column("customer_id", ID),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("created_at", TIME, nullable=False),
        sa.Column("closed_at", TIME),
        sa.ForeignKeyConstraint(["shop_id"], ["shop.id"], name=op.f("fk_task_shop_id")),
        sa.ForeignKeyConstraint(["assignee_id"], ["staff.id"], name=op.f("fk_task_assignee_id")),
        sa.ForeignKeyConstraint(["author_id"], ["staff.id"], name=op.f("fk_task_author_id")),
        sa.ForeignKeyConstraint(["conversation_id"], ["conversation.id"], name=op.f("fk_task_conversation_id")),
        sa.ForeignKeyConstraint(["order_id"], ["order.id"], name=op.f("fk_task_order_id")),
        sa.ForeignKeyConstraint(["customer_id"], ["customer.id"], name=op.f("fk_task_customer_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_task")),
        sa.UniqueConstraint("follows_id", name=op.f("uq_task_follows_id")),
    )
    for column in ("conversation_id", "order_id", "customer_id"):
        op.create_index(op.f(f"ix_task_{column}"), "task", [column])
    _partly("ix_task_mine", "task", ["shop_id", "assignee_id", "due_at"], OPEN)
    _partly("ix_task_open", "task", ["shop_id", "due_at"], OPEN)
    _partly("ix_task_closed", "task", ["shop_id", "closed_at"], CLOSED)
    op.create_table(
        "notification",
        sa.Column("id", ID, nullable=False),
        sa.Column("shop_id", ID, nullable=False),
        sa.Column("staff_id", ID, nullable=False),
        sa.Column("kind", sa.String(20), nullable=False),
        sa.Column("key", sa.String(80), nullable=False),
        sa.Column("conversation_id", sa.BigInteger()),
        sa.Column("message_id", sa.BigInteger()),
        sa.Column("order_id", sa.BigInteger()),
        sa.Column("task_id", sa.BigInteger()),
        sa.Column("facts", sa.JSON(), nullable=False),
        sa.Column("created_at", TIME, nullable=False),
        sa.Column("read_at", TIME),
        sa.ForeignKeyConstraint(["shop_id"], ["shop.id"], name=op.f("fk_notification_shop_id")),
        sa.ForeignKeyConstraint(["staff_id"], ["staff.id"], name=op.f("fk_notification_staff_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_notification")),
        sa.UniqueConstraint("staff_id", "key", name=op.f("uq_notification_staff_id_key")),
    )
    op.create_index("ix_notification_list", "notification", ["staff_id", "shop_id", "id"])
    _partly("ix_notification_unread", "notification", ["staff_id", "shop_id"], UNREAD)
    _partly("ix_notification_read", "notification", ["read_at"], READ)
    op.create_table(
        "notification_choice",
        sa.Column("staff_id", ID, nullable=False),
        sa.Column("muted", sa.JSON(), nullable=False),
        sa.Column("sound", sa.Boolean(), nullable=False),
        sa.Column("browser", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(["staff_id"], ["staff.id"], name=op.f("fk_notification_choice_staff_id")),
        sa.PrimaryKeyConstraint("staff_id", name=op.f("pk_notification_choice")),
    )
    op.create_table(
        "staff_presence",
        sa.Column("staff_id", ID, nullable=False),
        sa.Column("seen_at", TIME),
        sa.Column("away", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(["staff_id"], ["staff.id"], name=op.f("fk_staff_presence_staff_id")),
        sa.PrimaryKeyConstraint("staff_id", name=op.f("pk_staff_presence")),
    )


def downgrade() -> None:
    op.drop_table("staff_presence")
    op.drop_table("notification_choice")
    op.drop_table("notification")
    op.drop_table("task")


def _partly(name: str, table: str, columns: list[str], where: sa.TextClause) -> None:
    op.create_index(name, table, columns, sqlite_where=where, postgresql_where=where)
