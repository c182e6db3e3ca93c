"""What was changed in rights and roles is found among all events"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None

ABOUT_RIGHTS = sa.text("kind IN ('role_given', 'rights_set_changed', 'staff_changed')")


def upgrade() -> None:
    op.create_index(
        "ix_event_rights", "event", ["shop_id", "id"], sqlite_where=ABOUT_RIGHTS, postgresql_where=ABOUT_RIGHTS
    )


def downgrade() -> None:
    op.drop_index("ix_event_rights", table_name="event")
