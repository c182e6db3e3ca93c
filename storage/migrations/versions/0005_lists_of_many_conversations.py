"""Indexes for the list of conversations, where there are many"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

WAITS = sa.text("waiting_since IS NOT NULL")
LED = sa.text("assignee_id IS NOT NULL")


def upgrade() -> None:
    op.create_index(
        "ix_conversation_counts",
        "conversation",
        ["shop_id", "kind", "state", "account_id", "assignee_id", "waiting_since"],
    )
    op.create_index(
        "ix_conversation_waiting",
        "conversation",
        ["shop_id", "waiting_since"],
        sqlite_where=WAITS,
        postgresql_where=WAITS,
    )
    op.create_index(
        "ix_conversation_led",
        "conversation",
        ["assignee_id", "state", "last_at"],
        sqlite_where=LED,
        postgresql_where=LED,
    )


def downgrade() -> None:
    op.drop_index("ix_conversation_led", "conversation")
    op.drop_index("ix_conversation_waiting", "conversation")
    op.drop_index("ix_conversation_counts", "conversation")
