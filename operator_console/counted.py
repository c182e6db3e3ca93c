"""Numbers of the side menu, counted once for all consoles some moments after something has happened."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Mapping
from zoneinfo import ZoneInfo

import orjson
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from company import staff
from company.tables import Shop
from operator_console import shell
from operator_console.people import Shape
from operator_console.texts import Reader, reading
from operator_console.together import Together
from operator_console.visits import Visit
from storage.database import Database

PAUSE = 0.5
"""Seconds in which whatever happens is counted together."""

_Counted = asyncio.Task[Mapping[str, bytes]]


class Numbers:
    """Counts them. `stop` before the database is closed."""

    def __init__(self, db: Database) -> None:
        self._db = db
        self._together: Together[tuple[int, str], tuple[str, int], Mapping[str, bytes]] = Together(
            self._count, pause=PAUSE
        )

    def soon(self, visit: Visit) -> _Counted:
        """By the browsers' tokens, the event that tells their numbers: of those who are still signed in and see the
        whole inbox. Until counting begins it is the same for everybody who asks."""
        return self._together.join((visit.shop.id, visit.reader.language), (visit.token, visit.staff.id))

    async def stop(self) -> None:
        await self._together.stop()

    async def _count(self, whose: tuple[int, str], asked: Collection[tuple[str, int]]) -> Mapping[str, bytes]:
        shop_id, language = whose
        try:
            found = await self._db.read(_numbers, shop_id, language, dict(asked))
        except SQLAlchemyError:
            return {}
        return {token: _event(language, numbers) for token, numbers in found.items()}


class Listener:
    """One page. `tell` is called with its event when something was counted."""

    def __init__(self, numbers: Numbers, visit: Visit, tell: Callable[[bytes], None]) -> None:
        self._numbers = numbers
        self._visit = visit
        self._tell = tell
        self._waits_for: _Counted | None = None

    def soon(self) -> None:
        """Something has happened that may change the numbers."""
        counted = self._numbers.soon(self._visit)
        if counted is not self._waits_for:
            self._waits_for = counted
            counted.add_done_callback(self._hear)

    def _hear(self, counted: _Counted) -> None:
        if not counted.cancelled() and (event := counted.result().get(self._visit.token)) is not None:
            self._tell(event)


def _numbers(session: Session, shop_id: int, language: str, asked: Mapping[str, int]) -> dict[str, Shape]:
    shop = session.get_one(Shop, shop_id)
    allowed = {token: it for token, it in staff.powers_of(session, shop_id, asked).items() if shell.sees_inbox(it)}
    with reading(Reader(language, ZoneInfo(shop.timezone))):
        found = shell.numbers(session, shop_id, {asked[token]: powers for token, powers in allowed.items()})
    return {token: found[asked[token]] for token in allowed}


def _event(language: str, numbers: Shape) -> bytes:
    return b"event: numbers\ndata: %b\n\n" % orjson.dumps({"language": language, **numbers})
