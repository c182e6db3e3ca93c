"""The event stream of a page: what changed, as ids; the page fetches what it shows of it.

What every console shows of a change is sent along, made once for all of them: the row of the inbox (drawn.py), before
the events that are about it, and the numbers of the side menu (counted.py).

A stream begins with what happened since the position that the page was drawn at. Nothing in it is needed to be right:
a change told twice is fetched twice, and a page that may have missed some is told to fetch everything. The position
that a browser comes back with after a break is not the last event that it heard of but one up to which nothing can
come to light any more (storage.tail), so it may come back to any process.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Collection, Mapping, Sequence
from typing import Any

import orjson
import sqlalchemy as sa
from aiohttp import web
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from company import presence, staff
from company.rights import Powers, Right
from inbox.events import DraftLeft
from operator_console import heard
from operator_console.counted import Listener, Numbers
from operator_console.drawn import Rows
from operator_console.rendering import Templates
from operator_console.routing import Route, get
from operator_console.shell import sees_inbox
from operator_console.together import Together
from operator_console.visits import Console, Visit
from storage.database import Database
from storage.events import Note
from storage.live import Subscription
from storage.tables import EventRow

BEAT = 15.0
"""Seconds of silence after which the stream shows that it lives."""

MOST_MISSED = 200
"""More than this is not told event by event."""

TOPICS = ("conversation", "order", "product", "customer", "variant", "category", "alarm", "job", "task", "notification")
"""Things that pages show, by the names of their ids in events."""


NO_ROW = frozenset({"typing", DraftLeft.kind})
"""Events of conversations that change nothing which everybody's lists show."""

NO_NUMBER = frozenset({*NO_ROW, "message_changed"})

COUNTED = ("conversation_id", "order_id", "alarm_id", "task_id")
"""What events are about that may change the numbers of the side menu."""

HELLO = b": here\n\n"
HEARTBEAT = b"event: beat\ndata: {}\n\n"
RESYNC = b"event: resync\ndata: {}\n\n"


class Pushed:
    """What is made once for all open pages of this process."""

    def __init__(self, db: Database, templates: Templates) -> None:
        self.rows = Rows(db, templates)
        self.numbers = Numbers(db)
        self._db = db
        self._looks: Together[int, tuple[str, int], Mapping[str, Powers]] = Together(self._look)

    async def is_the_same(self, visit: Visit) -> bool:
        """Whether the person is still signed in and may what he might when the stream began. If so, he is there."""
        looked = self._looks.join(visit.shop.id, (visit.token, visit.staff.id))
        return (await asyncio.shield(looked)).get(visit.token) == visit.powers

    async def _look(self, shop_id: int, asked: Collection[tuple[str, int]]) -> Mapping[str, Powers]:
        powers = await self._db.read(staff.powers_of, shop_id, [token for token, _ in asked])
        # Pages live on while nothing can be stored.
        with contextlib.suppress(SQLAlchemyError):
            await self._db.write(_are_here, {staff_id for token, staff_id in asked if token in powers})
        return powers

    async def stop(self, _app: web.Application) -> None:
        for together in (self.rows, self.numbers, self._looks):
            await together.stop()


PUSHED = web.AppKey("pushed", Pushed)


def setup(app: web.Application, console: Console) -> None:
    """Before the routes are asked for anything."""
    app[PUSHED] = Pushed(console.db, console.templates)
    app.on_cleanup.append(app[PUSHED].stop)


class _Page:
    """One open page at the other end."""

    def __init__(self, visit: Visit, subscription: Subscription, answer: web.StreamResponse) -> None:
        pushed = visit.request.app[PUSHED]
        self._visit = visit
        self._rows = pushed.rows
        self._listener = Listener(pushed.numbers, visit, self._hear)
        self._subscription = subscription
        self._answer = answer
        self._numbers = b""

    async def greet(self, missed: list[Note] | None, position: int) -> None:
        """What the page missed, none of which leads it back below its position."""
        await self._answer.write(HELLO)
        if missed != []:
            await self.tell(missed, position)
        if sees_inbox(self._visit.powers):
            # Events may have come to the page before the break, and their numbers not.
            self._listener.soon()

    async def tell(self, notes: list[Note] | None, least: int = 0) -> None:
        """The notes as the person is to hear them; None if some were lost. Without any, that the stream lives."""
        seen = await _seen(self._visit, notes)
        told = RESYNC if seen is None else await self._told(seen, least)
        numbers, self._numbers = self._numbers, b""
        await self._answer.write(told + numbers or HEARTBEAT)

    async def _told(self, notes: Sequence[Note], least: int) -> bytes:
        # Where the page may go on from once it has these: never below where it was already.
        settled = self._subscription.position
        rows = await self._rows.of(self._visit, {id_ for note in notes if (id_ := _row_of(note))})
        if sees_inbox(self._visit.powers) and any(_is_counted(note) for note in notes):
            self._listener.soon()
        events = [
            encoded(note, note.event_id if settled is None else max(settled, least), drawn=_row_of(note) in rows)
            for note in notes
        ]
        return b"".join((*rows.values(), *events))

    def _hear(self, numbers: bytes) -> None:
        self._numbers = numbers
        self._subscription.wake()


async def events(visit: Visit) -> web.StreamResponse:
    """Goes on until the page leaves, the person is signed out or may something else, or the process ends.

    While it does, he is there.
    """
    shop_id, live = visit.shop.id, visit.console.live
    answer = web.StreamResponse(
        headers={"Content-Type": "text/event-stream", "Cache-Control": "no-store", "X-Accel-Buffering": "no"}
    )
    with (
        contextlib.suppress(ConnectionResetError),
        live.subscribe(lambda note: note.shop_id == shop_id) as subscription,
    ):
        position = _position(visit)
        missed = await visit.read(_missed, shop_id, position)
        await answer.prepare(visit.request)
        page = _Page(visit, subscription, answer)
        with contextlib.suppress(ConnectionResetError):
            await page.greet(missed, position or 0)
            await _follow(visit, subscription, page)
    return answer


async def _follow(visit: Visit, subscription: Subscription, page: _Page) -> None:
    pushed = visit.request.app[PUSHED]
    looked_at = -BEAT
    while not visit.console.live.closing:
        if time.monotonic() - looked_at >= BEAT:
            if not await pushed.is_the_same(visit):
                return
            looked_at = time.monotonic()
        notes = await _next(subscription)
        if not visit.console.live.closing:
            await page.tell(notes)


def _are_here(session: Session, people: Collection[int]) -> None:
    for staff_id in people:
        presence.seen(session, staff_id)


ROUTES: tuple[Route, ...] = (get("/live/events", events, Right.OWN),)


def encoded(note: Note, position: int, *, drawn: bool) -> bytes:
    """One event as the page reads it: the things that it is about, and what happened to them. `drawn`: the row of its
    conversation went before it."""
    topics = [[topic, note.payload[f"{topic}_id"]] for topic in TOPICS if note.payload.get(f"{topic}_id") is not None]
    told = {"topics": topics, "kind": note.kind, **_ids(note.payload), "event": note.event_id}
    return b"id: %d\ndata: %b\n\n" % (position, orjson.dumps(told | {"drawn": True} if drawn else told))


def _row_of(note: Note) -> int | None:
    """The conversation whose row may look different now."""
    return None if note.kind in NO_ROW else note.payload.get("conversation_id")


def _is_counted(note: Note) -> bool:
    return note.kind not in NO_NUMBER and any(note.payload.get(name) is not None for name in COUNTED)


def _ids(payload: Mapping[str, Any]) -> dict[str, int]:
    return {name: value for name, value in payload.items() if name.endswith("_id") and isinstance(value, int)}


async def _next(subscription: Subscription) -> list[Note] | None:
    """The next notes; none of them after a while of silence; None when some were lost."""
    try:
        async with asyncio.timeout(BEAT):
            return await subscription.get()
    except TimeoutError:
        return []


def _position(visit: Visit) -> int | None:
    """Where the page stands: what its browser says after a break, or what the page was drawn with."""
    text = visit.request.headers.get("Last-Event-ID") or visit.query("after")
    return int(text) if text.isdecimal() and len(text) <= 18 else None


def _missed(session: Session, shop_id: int, position: int | None) -> list[Note] | None:
    """What happened since the position; None when that is too much to tell, or the position is not ours."""
    if position is None:
        return []
    newest = session.scalar(sa.select(sa.func.max(EventRow.id))) or 0
    if position > newest or newest - position > MOST_MISSED:
        return None
    rows = session.scalars(
        sa.select(EventRow).where(EventRow.shop_id == shop_id, EventRow.id > position).order_by(EventRow.id)
    )
    return [Note(row.id, row.kind, row.shop_id, row.payload) for row in rows]


async def _seen(visit: Visit, notes: list[Note] | None) -> list[Note] | None:
    """What this person is to hear of these. Of a draft only its writer does."""
    if notes:
        me = visit.staff.id
        notes = [note for note in notes if note.kind != DraftLeft.kind or note.payload["staff_id"] == me]
    if not notes or visit.powers.sees_all:
        return notes
    return await visit.read(heard.by, notes, visit.staff.id)
