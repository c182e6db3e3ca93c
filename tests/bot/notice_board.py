"""Running the notices' jobs by hand, in the order in which their events happened."""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy.orm import Session

from bot.notices import NOTICE, TELL, handlers
from storage.jobs import Job
from storage.tables import EventRow
from tests.bot.chats import PUBLIC_URL, TEXTS


def tell_all(session: Session) -> None:
    """Tell everything that has happened; what was told already is not said again."""
    session.flush()
    step = handlers(TEXTS, PUBLIC_URL)[NOTICE]
    for event in session.scalars(sa.select(EventRow).where(EventRow.kind.in_(TELL)).order_by(EventRow.id)).all():
        step.run(session, Job(event.id, "", NOTICE, {"event_id": event.id}, 0, 0))
    session.flush()
