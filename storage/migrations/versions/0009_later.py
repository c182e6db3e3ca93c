"""Conversations that are put off, drafts, and answers to be sent later"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("conversation", sa.Column("snoozed_until", sa.DateTime(timezone=True), nullable=True))
    op.add_column("conversation", sa.Column("scheduled", sa.Integer(), nullable=False, server_default="0"))
    op.add_column("staff", sa.Column("undo_seconds", sa.Integer(), nullable=False, server_default="0"))
    op.create_table(
        "scheduled_message",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("conversation_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("staff_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("content", sa.JSON(), nullable=False),
        sa.Column("client_key", sa.String(length=80), nullable=False),
        sa.Column("reply_to_id", sa.BigInteger(), nullable=True),
        sa.Column("send_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("unless_answered", sa.Boolean(), nullable=False),
        sa.Column("brief", sa.Boolean(), nullable=False),
        sa.Column("then", sa.JSON(), nullable=False),
        sa.Column("state", sa.String(length=10), nullable=False),
        sa.Column("why", sa.JSON(), nullable=False),
        sa.Column("message_id", sa.BigInteger(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("closed_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["conversation_id"], ["conversation.id"], name="fk_scheduled_message_conversation_id"),
        sa.ForeignKeyConstraint(["staff_id"], ["staff.id"], name="fk_scheduled_message_staff_id"),
        sa.PrimaryKeyConstraint("id", name="pk_scheduled_message"),
        sa.UniqueConstraint("conversation_id", "client_key", name="uq_scheduled_message_conversation_id_client_key"),
    )
    op.create_index("ix_scheduled_message_conversation_id_state", "scheduled_message", ["conversation_id", "state"])
    op.create_table(
        "draft",
        sa.Column("conversation_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("staff_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("private", sa.Boolean(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("key", sa.String(length=80), nullable=False),
        sa.Column("again", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["conversation_id"], ["conversation.id"], name="fk_draft_conversation_id"),
        sa.ForeignKeyConstraint(["staff_id"], ["staff.id"], name="fk_draft_staff_id"),
        sa.ForeignKeyConstraint(["again"], ["scheduled_message.id"], name="fk_draft_again"),
        sa.PrimaryKeyConstraint("conversation_id", "staff_id", "private", name="pk_draft"),
    )


def downgrade() -> None:
    op.drop_table("draft")
    op.drop_table("scheduled_message")
    op.drop_column("staff", "undo_seconds")
    op.drop_column("conversation", "scheduled")
    op.drop_column("conversation", "snoozed_until")
