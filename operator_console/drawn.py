"""Rows of the inbox that go out with live events, drawn once for all consoles that are told of the same.

Only what is the same for everybody is sent: a person who does not see everything, who has begun to write in the
conversation or whose the last words are is told of the event alone, and his page asks for its list.
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from zoneinfo import ZoneInfo

import orjson
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from company import staff
from company.rights import Powers, Right
from company.tables import Shop
from inbox import listing
from operator_console import list_shapes
from operator_console.list_shapes import Alike
from operator_console.rendering import Templates
from operator_console.shell import sees_inbox
from operator_console.texts import Reader, reading
from operator_console.together import Together
from operator_console.visits import Visit
from storage.database import Database

MOST = 20
"""Rows that are sent at once. Of more the page is told, and asks once for its whole list."""


@dataclass(frozen=True, slots=True)
class Look:
    """What makes the same row look different to people who see everything."""

    shop_id: int
    language: str
    may_tick: bool


@dataclass(frozen=True, slots=True)
class _Drawn:
    events: Mapping[int, bytes]
    others: Mapping[int, frozenset[int]]
    powers: Mapping[str, Powers]
    """By the tokens of those who asked, read together with the rows."""


_NONE = _Drawn({}, {}, {})

_Asked = tuple[str, frozenset[int]]
"""A browser's token and conversations."""


class Rows:
    """Draws them. `stop` before the database is closed."""

    def __init__(self, db: Database, templates: Templates) -> None:
        self._db = db
        self._templates = templates
        self._together: Together[Look, _Asked, _Drawn] = Together(self._draw)

    async def of(self, visit: Visit, ids: Collection[int]) -> Mapping[int, bytes]:
        """Events of these conversations' rows, for those of them that the person may see at this moment, and sees as
        others do. One that is not in the inbox any more has an event too."""
        if not 0 < len(ids) <= MOST or not sees_inbox(visit.powers):
            return {}
        look = Look(visit.shop.id, visit.reader.language, visit.may(Right.REPLY))
        drawn = await asyncio.shield(self._together.join(look, (visit.token, frozenset(ids))))
        if drawn.powers.get(visit.token) != visit.powers:
            return {}
        mine = (id_ for id_ in ids if visit.staff.id not in drawn.others.get(id_, ()))
        return {id_: event for id_ in mine if (event := drawn.events.get(id_)) is not None}

    async def stop(self) -> None:
        await self._together.stop()

    async def _draw(self, look: Look, asked: Collection[_Asked]) -> _Drawn:
        ids = frozenset[int]().union(*(ids for _, ids in asked))
        try:
            reader, rows, powers = await self._db.read(_found, look, ids, {token for token, _ in asked})
        except SQLAlchemyError:
            return _NONE
        events = {id_: _event({"id": id_, "html": "", "places": {}}) for id_ in ids}
        for alike in rows:
            html = self._templates.render(
                "partials/conversation_box.html", reader, row=alike.shape, may_tick=look.may_tick
            )
            events[alike.row.id] = _event(
                {
                    "id": alike.row.id,
                    "html": html,
                    "language": look.language,
                    "channel": alike.row.channel,
                    "leader": alike.row.assignee_id,
                    "places": {view.value: place for view, place in listing.places(alike.row).items()},
                }
            )
        return _Drawn(events, {alike.row.id: alike.others for alike in rows}, powers)


def _found(
    session: Session, look: Look, ids: Collection[int], tokens: Collection[str]
) -> tuple[Reader, list[Alike], Mapping[str, Powers]]:
    shop = session.get_one(Shop, look.shop_id)
    reader = Reader(look.language, ZoneInfo(shop.timezone))
    with reading(reader):
        rows = list_shapes.alike(session, shop, listing.lines(session, shop.id, ids))
    return reader, rows, staff.powers_of(session, shop.id, tokens)


def _event(row: Mapping[str, object]) -> bytes:
    return b"event: row\ndata: %b\n\n" % orjson.dumps(row)
