"""Whether the database can store anything this moment: a read says nothing of a full disk or of a foreign lock."""

from __future__ import annotations

import asyncio
import logging
import time

import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from storage.database import Database
from storage.tables import Lane

logger = logging.getLogger(__name__)

MARK = "ready"
"""A lane that no job is ever put into: its epoch counts the tries."""

BELIEVED = 1.0
"""Seconds for which a success is believed, so that whoever asks often does not write often."""

WITHIN = 2.0
"""Seconds after which a write that is not done counts as failed."""


class Durability:
    """Tries it for one process, when asked."""

    def __init__(self, db: Database) -> None:
        self._db = db
        self._succeeded = float("-inf")

    async def holds(self) -> bool:
        if time.monotonic() - self._succeeded < BELIEVED:
            return True
        try:
            async with asyncio.timeout(WITHIN):
                await self._db.write(_leave_a_mark)
        except IntegrityError:
            # Another process has just left the first mark: so it can be done.
            pass
        except Exception as failure:
            logger.warning("nothing can be stored: %s", type(failure).__name__)
            return False
        self._succeeded = time.monotonic()
        return True


def _leave_a_mark(session: Session) -> None:
    """Change a row. On SQLite a write that changes nothing would not touch the disk."""
    marked = session.execute(sa.update(Lane).where(Lane.lane == MARK).values(epoch=Lane.epoch + 1))
    if not marked.rowcount:  # type: ignore[attr-defined]
        session.add(Lane(lane=MARK, lease_until=0, epoch=1))
