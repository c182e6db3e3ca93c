"""Signs of life of channels and providers: gathered in memory, kept in the database every few seconds.

Nothing is written for a single message. A process that dies takes the last seconds of them along, and nobody misses
them: they say that something lives, not what it said.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from bot.channels.base import Accept, Envelope
from kit.clock import utc_now
from kit.redaction import redact
from operation.tables import AccountPulse, ChannelHour, Side
from storage.database import Database

logger = logging.getLogger(__name__)

EVERY = timedelta(seconds=5)
"""How often signs of life are written down, if there were any."""

KEEP_HOURS = 24 * 7 * 9
"""How long hours are remembered: eight weeks to learn from, and the one that runs."""

_INSERT = {"sqlite": sqlite.insert, "postgresql": postgresql.insert}


@dataclass(slots=True)
class _Signs:
    """What was seen of one account since the last time it was written down."""

    heard_at: datetime | None = None
    reached_at: datetime | None = None
    failing_since: datetime | None = None
    failed_at: datetime | None = None
    error: str = ""


class Pulse:
    """Gathers on the event loop of one process."""

    def __init__(self, db: Database) -> None:
        self._db = db
        self._signs: dict[tuple[Side, int], _Signs] = {}
        self._hours: dict[tuple[int, int], int] = {}

    def accepting(self, accept: Accept) -> Accept:
        """`accept`, and what comes is heard."""

        async def listening(account_id: int, envelopes: Sequence[Envelope]) -> int:
            stored = await accept(account_id, envelopes)
            if envelopes:
                self.heard(account_id, len(envelopes))
            return stored

        return listening

    def heard(self, account_id: int, events: int) -> None:
        now = utc_now()
        self._of(Side.CHANNEL, account_id).heard_at = now
        key = (account_id, hour_of(now))
        self._hours[key] = self._hours.get(key, 0) + events

    def reached(self, side: Side, account_id: int) -> None:
        """A call came through."""
        signs = self._of(side, account_id)
        signs.reached_at, signs.failing_since = utc_now(), None

    def failed(self, side: Side, account_id: int, error: str) -> None:
        """A call did not come through, for a reason that lies with the other side or the way there."""
        signs, now = self._of(side, account_id), utc_now()
        signs.failing_since = signs.failing_since or now
        signs.failed_at, signs.error = now, redact(error)[:300]

    async def flush(self) -> None:
        """Write down what was gathered; what cannot be written now is written the next time."""
        signs, hours = self._signs, self._hours
        if not signs and not hours:
            return
        self._signs, self._hours = {}, {}
        try:
            await self._db.write(_keep, signs, hours)
        except Exception:
            logger.exception("signs of life could not be written down")
            self._signs = signs | self._signs
            for key, events in hours.items():
                self._hours[key] = self._hours.get(key, 0) + events

    def _of(self, side: Side, account_id: int) -> _Signs:
        return self._signs.setdefault((side, account_id), _Signs())


def hour_of(moment: datetime) -> int:
    return int(moment.timestamp()) // 3600


def prune(session: Session, now: datetime) -> None:
    session.execute(sa.delete(ChannelHour).where(ChannelHour.hour < hour_of(now) - KEEP_HOURS))


def of(session: Session, side: Side) -> dict[int, AccountPulse]:
    """By account."""
    rows = session.scalars(sa.select(AccountPulse).where(AccountPulse.side == side))
    return {row.account_id: row for row in rows}


def open_row(session: Session, side: Side, account_id: int) -> None:
    """Make the account's row if there is none."""
    insert: Any = _INSERT[session.get_bind().dialect.name]
    new = insert(AccountPulse).values(side=side, account_id=account_id, error="", trouble="")
    session.execute(new.on_conflict_do_nothing())


def _keep(session: Session, gathered: dict[tuple[Side, int], _Signs], hours: dict[tuple[int, int], int]) -> None:
    insert: Any = _INSERT[session.get_bind().dialect.name]
    # In a fixed order: two processes that write at once must not wait for each other.
    for (side, account_id), signs in sorted(gathered.items(), key=lambda item: item[0]):
        open_row(session, side, account_id)
        row = session.get_one(AccountPulse, (side, account_id), with_for_update=True)
        row.heard_at = _later(row.heard_at, signs.heard_at)
        row.reached_at = _later(row.reached_at, signs.reached_at)
        row.failed_at = _later(row.failed_at, signs.failed_at)
        if signs.reached_at is not None:
            row.failing_since = None
        if signs.failing_since is not None:
            row.failing_since = row.failing_since or signs.failing_since
        row.error = signs.error or row.error
    for (account_id, hour), events in sorted(hours.items()):
        added = insert(ChannelHour).values(account_id=account_id, hour=hour, heard=events)
        session.execute(
            added.on_conflict_do_update(
                index_elements=["account_id", "hour"], set_={"heard": ChannelHour.heard + added.excluded.heard}
            )
        )


def _later(one: datetime | None, other: datetime | None) -> datetime | None:
    if one is None or other is None:
        return one or other
    return max(one, other)
